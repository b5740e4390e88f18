//! The limits of a block: `baseline`.
//!
//! Shapes: one value; a list with one for each step; a table by concurrency or rate; and all of these below the name of a device. Null is no limit. The
//! limit is strict, as in the reference: lower must be below, higher above; which of them, the table of metrics says and not the name. Rejected: the
//! reference's 100000 for null (of a throughput it would be a limit that nobody reaches).

use tribunal_deploy::tree::{Entry, Node, Table, Value};
use tribunal_vocabulary::nearest;

use crate::fields::plain;
use crate::reader::{Reader, finite};
use crate::sweep::Point;
use tribunal_traffic::{Direction, known};

/// A limit of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The metric: `mean_ttft_ms`.
    pub metric: String,
    /// How the figure must stand to the value.
    pub compare: Compare,
    /// The value.
    pub value: f64,
    /// The device that it is for, by the name that is declared; `None`: for all.
    pub hardware: Option<String>,
    /// Where it stands.
    pub line: usize,
}

/// How a figure must stand to a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compare {
    /// Below it.
    Less,
    /// Above it.
    Greater,
    /// Not above it.
    AtMost,
    /// Not below it.
    AtLeast,
    /// No further off than this, either way.
    Within(f64),
}

impl Threshold {
    /// Whether a figure keeps to it. A figure that is no number does not.
    pub fn holds(&self, figure: f64) -> bool {
        match self.compare {
            Compare::Less => figure < self.value,
            Compare::Greater => figure > self.value,
            Compare::AtMost => figure <= self.value,
            Compare::AtLeast => figure >= self.value,
            Compare::Within(distance) => (figure - self.value).abs() <= distance,
        }
    }

    /// In words: `mean_ttft_ms < 500`.
    pub fn words(&self) -> String {
        let Threshold { metric, value, .. } = self;
        match self.compare {
            Compare::Less => format!("{metric} < {value}"),
            Compare::Greater => format!("{metric} > {value}"),
            Compare::AtMost => format!("{metric} <= {value}"),
            Compare::AtLeast => format!("{metric} >= {value}"),
            Compare::Within(distance) => format!("{metric} = {value} ± {distance}"),
        }
    }
}

/// The words that say how, below a metric.
const WORDS: [&str; 4] = ["below", "above", "at_most", "at_least"];

impl Reader<'_> {
    /// The limits of each step.
    pub fn baseline(&mut self, node: &Node, points: &[Point]) -> Vec<Vec<Threshold>> {
        let mut steps = vec![Vec::new(); points.len()];
        let Some(table) = node.table() else {
            self.wrong_node("baseline", node, "a table of metrics with their limits");
            return steps;
        };
        let nested = |entry: &&Entry| {
            known(&entry.key).is_err() && self.lookups.vocabulary.device(&entry.key).is_some()
        };
        let by_device: Vec<&Entry> = table.0.iter().filter(nested).collect();
        if by_device.is_empty() {
            self.metrics(table, None, points, &mut steps);
            return steps;
        }
        for entry in &table.0 {
            let device = self
                .lookups
                .vocabulary
                .device(&entry.key)
                .map(|(_, device)| device.name.clone());
            match (device, &entry.node.value) {
                (Some(device), Value::Table(metrics)) => {
                    self.metrics(metrics, Some(&device), points, &mut steps);
                }
                (Some(_), _) => {
                    self.wrong_node(
                        &entry.key,
                        &entry.node,
                        "a table of metrics with their limits",
                    );
                }
                (None, _) if known(&entry.key).is_ok() => self.mistake(
                    entry.key_at,
                    format!(
                        "`{}` stands beside `{}`, which is a device",
                        entry.key, by_device[0].key
                    ),
                    Some("put it below the device that it was measured on".to_owned()),
                ),
                (None, _) => self.no_device(entry),
            }
        }
        steps
    }

    fn no_device(&mut self, entry: &Entry) {
        let vocabulary = self.lookups.vocabulary;
        let names = || {
            vocabulary
                .platforms()
                .iter()
                .flat_map(|platform| &platform.devices)
                .map(|device| &*device.name)
        };
        let help = match nearest(&entry.key, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "declare it in markers.toml".to_owned(),
        };
        self.mistake(
            entry.key_at,
            format!("there is no device `{}`", entry.key),
            Some(help),
        );
    }

    fn metrics(
        &mut self,
        table: &Table,
        hardware: Option<&str>,
        points: &[Point],
        steps: &mut [Vec<Threshold>],
    ) {
        for entry in &table.0 {
            let name = plain(&entry.key);
            if name.starts_with('_') {
                continue;
            }
            let metric = match known(&name) {
                Ok(metric) => metric,
                Err(unknown) => {
                    // A table of tables is by device.
                    if hardware.is_none() && is_by_device(&entry.node) {
                        self.no_device(entry);
                        continue;
                    }
                    let help = match &unknown.nearest {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "docs/metrics.md lists them".to_owned(),
                    };
                    self.mistake(
                        entry.key_at,
                        format!("there is no metric `{}`", entry.key),
                        Some(help),
                    );
                    continue;
                }
            };
            let compare = match metric.direction {
                Direction::LowerIsBetter => Some(Compare::Less),
                Direction::HigherIsBetter => Some(Compare::Greater),
                Direction::Informational => None,
            };
            let limit = Limit {
                metric: name,
                compare,
                hardware,
                entry,
            };
            self.limit(&limit, points, steps);
        }
    }

    fn limit(&mut self, limit: &Limit<'_>, points: &[Point], steps: &mut [Vec<Threshold>]) {
        let entry = limit.entry;
        match &entry.node.value {
            Value::List(list) if list.len() != points.len() => self.mistake(
                entry.node.at,
                format!(
                    "`{}` has {} values, and the block {} {}",
                    entry.key,
                    list.len(),
                    points.len(),
                    if points.len() == 1 { "step" } else { "steps" }
                ),
                Some("write one value for each step, or one for all".to_owned()),
            ),
            Value::List(list) => {
                for (node, step) in list.iter().zip(steps) {
                    self.value(limit, node, limit.compare, step);
                }
            }
            Value::Table(table) if table.keys().all(|key| !is_point(key)) => {
                for word in &table.0 {
                    let compare = match &*word.key {
                        "below" => Compare::Less,
                        "above" => Compare::Greater,
                        "at_most" => Compare::AtMost,
                        "at_least" => Compare::AtLeast,
                        _ => {
                            self.unknown_key(
                                word,
                                "a limit",
                                &WORDS,
                                "it has `below`, `above`, `at_most` or `at_least`",
                            );
                            continue;
                        }
                    };
                    for step in &mut *steps {
                        self.value(limit, &word.node, Some(compare), step);
                    }
                }
            }
            Value::Table(table) => {
                for there in &table.0 {
                    if !points.iter().any(|point| point.is(&there.key)) {
                        let steps: Vec<String> = points.iter().map(Point::words).collect();
                        self.mistake(
                            there.key_at,
                            format!(
                                "`{}` has a value for `{}`, and no step stands there",
                                entry.key, there.key
                            ),
                            Some(format!("the steps: {}", steps.join(", "))),
                        );
                    }
                }
                for (point, step) in points.iter().zip(steps) {
                    match table.0.iter().find(|there| point.is(&there.key)) {
                        Some(there) => self.value(limit, &there.node, limit.compare, step),
                        None => self.mistake(
                            entry.key_at,
                            format!("`{}` has no value for {}", entry.key, point.words()),
                            Some("write null where there is no limit".to_owned()),
                        ),
                    }
                }
            }
            _ => {
                for (index, step) in steps.iter_mut().enumerate() {
                    let before = self.found.len();
                    self.value(limit, &entry.node, limit.compare, step);
                    if index > 0 {
                        // It is one value: its mistake is told once.
                        self.found.truncate(before);
                    }
                }
            }
        }
    }

    fn value(
        &mut self,
        limit: &Limit<'_>,
        node: &Node,
        compare: Option<Compare>,
        step: &mut Vec<Threshold>,
    ) {
        if node.value == Value::Null {
            return;
        }
        let Some(value) = finite(node) else {
            self.wrong_node(&limit.entry.key, node, "a number");
            return;
        };
        let Some(compare) = compare else {
            self.mistake(
                limit.entry.key_at,
                format!(
                    "`{}` is neither better higher nor better lower: it cannot be a limit as it is",
                    limit.entry.key
                ),
                Some("say which way: { \"at_most\": … } or { \"at_least\": … }".to_owned()),
            );
            return;
        };
        step.push(Threshold {
            metric: limit.metric.clone(),
            compare,
            value,
            hardware: limit.hardware.map(str::to_owned),
            line: self.line(limit.entry.key_at),
        });
    }
}

struct Limit<'a> {
    metric: String,
    compare: Option<Compare>,
    hardware: Option<&'a str>,
    entry: &'a Entry,
}

/// Whether the keys of a table are metrics.
fn is_by_device(node: &Node) -> bool {
    node.table()
        .is_some_and(|table| table.keys().any(|key| known(&plain(key)).is_ok()))
}

/// Whether a key says a rate or a concurrency.
fn is_point(key: &str) -> bool {
    key.trim().parse::<f64>().is_ok()
}
