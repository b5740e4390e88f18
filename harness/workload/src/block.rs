//! One block of `benchmark_params`, and the steps that it makes.

use std::time::Duration;

use serde_json::Value as Json;
use tribunal_deploy::tree::{Entry, Node, Table, Value};
use tribunal_vocabulary::{parse_duration, slug};

use crate::case::Around;
use crate::data::DataSpec;
use crate::fields::Fields;
use crate::options::{self, Sort};
use crate::reader::{Reader, json};
use crate::shared::Shared;
use crate::step::{Purpose, Step};
use crate::sweep::{Point, expand};

/// The most steps of a block.
const MOST_STEPS: usize = 1000;

impl Reader<'_> {
    /// The steps of a block.
    pub fn block(
        &mut self,
        table: &Table,
        at: tribunal_deploy::tree::Place,
        around: &mut Around,
    ) -> Vec<Step> {
        let names: &[(&str, &str)] = if around.native { &options::NATIVE } else { &[] };
        let fields = Fields::of(self, table, at, names);
        self.known_options(&fields, around);
        let stability = self.is_stability(&fields, around);
        let Some(points) = self.points(&fields, stability) else {
            return Vec::new();
        };
        let Some(prompts) = self.prompts(&fields, stability) else {
            return Vec::new();
        };
        let Ok(steps) = expand(&prompts, &points) else {
            let other = if fields.get("request_rate").is_some() {
                "request_rate"
            } else {
                "max_concurrency"
            };
            let (count, sweep) = (prompts.len(), points.len());
            self.mistake(
                fields
                    .entry("num_prompts")
                    .map_or(at, |entry| entry.node.at),
                format!(
                    "`{}` has {count} values and `{}` {sweep}",
                    fields.shown("num_prompts"),
                    fields.shown(other)
                ),
                Some("give both the same length, or write one number for all".to_owned()),
            );
            return Vec::new();
        };
        if steps.len() > MOST_STEPS {
            self.mistake(
                at,
                format!(
                    "this block has {} steps, and the most are {MOST_STEPS}",
                    steps.len()
                ),
                None,
            );
            return Vec::new();
        }
        let points: Vec<Point> = steps.iter().map(|(_, point)| *point).collect();
        let thresholds = match fields.get("baseline") {
            Some(node) => self.baseline(node, &points),
            None => vec![Vec::new(); steps.len()],
        };
        let (route, stream, mut refused) = self.route(&fields, around);
        let (data, missing) = self.data(&fields, route, stability, around);
        refused = refused.or(missing);
        self.idle_options(&fields, &data);
        let duration = stability.then(|| self.duration(&fields)).flatten();
        let suffix = self.suffix(&fields, around);
        let shared = Shared::read(self, &fields, around);
        let enabled = fields.entry("enabled").and_then(|entry| self.bool(entry)) != Some(false);
        if !enabled {
            self.note(
                at,
                format!("`{}-{suffix}` is off: `enabled` is false", around.test_name),
            );
            return Vec::new();
        }
        let raw: Vec<(String, Json)> = fields
            .iter()
            .filter_map(|(name, entry)| Some((name.to_owned(), json(&entry.node).ok()?)))
            .collect();
        let line = self.line(at);
        steps
            .iter()
            .zip(thresholds)
            .map(|((count, point), thresholds)| {
                let twice = points
                    .iter()
                    .filter(|other| other.name() == point.name())
                    .count()
                    > 1;
                let number = if twice {
                    format!("_n{count}")
                } else {
                    String::new()
                };
                Step {
                    name: slug(&format!(
                        "{}_{suffix}_{}{number}",
                        around.test_name,
                        point.name()
                    )),
                    label: format!("{}-{suffix}", around.test_name),
                    line,
                    purpose: if stability {
                        Purpose::Stability
                    } else {
                        Purpose::Performance
                    },
                    point: *point,
                    load: shared.load(*count, *point),
                    data: data.clone(),
                    refused: refused.clone(),
                    route,
                    stream,
                    dialect: shared.dialect,
                    percentiles: shared.percentiles.clone(),
                    percentile_metrics: shared.percentile_metrics.clone(),
                    goodput: shared.goodput.clone(),
                    ignore_eos: shared.ignore_eos,
                    extra_body: shared.extra_body.clone(),
                    thresholds,
                    duration,
                    batch: stability.then_some(*count),
                    raw: raw.clone(),
                }
            })
            .collect()
    }

    fn known_options(&mut self, fields: &Fields<'_>, around: &Around) {
        let mut known = options::names();
        if around.native {
            known.extend(options::NATIVE.map(|(name, _)| name));
        }
        let mut passed = Vec::new();
        for (name, entry) in fields.iter() {
            match options::sort(name) {
                Sort::Ours | Sort::Comment => {}
                Sort::Passed => passed.push(name.to_owned()),
                Sort::Unknown => self.unknown_key(
                    entry,
                    "a benchmark block",
                    &known,
                    "docs/workloads.md lists them; what goes into each request stands below `extra_body`",
                ),
            }
        }
        if !passed.is_empty() {
            let s = if passed.len() == 1 { "is" } else { "are" };
            self.note(
                fields.at,
                format!(
                    "{} {s} for `vllm bench serve` alone: nothing else is done with it here",
                    passed.join(", ")
                ),
            );
        }
    }

    /// Says which keys mean nothing to this data set.
    fn idle_options(&mut self, fields: &Fields<'_>, data: &DataSpec) {
        let sorts: &[&str] = match data {
            DataSpec::Random(_) => &["random"],
            DataSpec::Multimodal { .. } => &["random", "random-mm"],
            DataSpec::SharedPrefix { .. } => &["prefix_repetition"],
            DataSpec::Shapes { .. } => &["pictures"],
            // Lengths of answers and shapes go with the prompts of a file too; what is not here is refused whole.
            _ => return,
        };
        let idle: Vec<&str> = fields
            .iter()
            .filter(|(name, _)| {
                let of = options::OF_DATA
                    .iter()
                    .find(|(start, _)| name.starts_with(start));
                of.is_some_and(|(_, sort)| !sorts.contains(sort))
            })
            .map(|(_, entry)| &*entry.key)
            .collect();
        if !idle.is_empty() {
            let text = format!(
                "nothing is done with {}: this data set has no use for it",
                idle.join(", ")
            );
            self.note(fields.at, text);
        }
    }

    fn is_stability(&mut self, fields: &Fields<'_>, around: &Around) -> bool {
        let soak = fields
            .entry("duration_sec")
            .or(fields.entry("num_prompts_per_batch"));
        let Some(prompts) = fields.entry("num_prompts") else {
            return soak.is_some() || around.stability;
        };
        if let Some(soak) = soak {
            self.mistake(
                prompts.key_at,
                format!(
                    "`{}` beside `{}`: a soak says how many requests one batch has",
                    prompts.key, soak.key
                ),
                Some(format!(
                    "write `{}`, or drop `{}`",
                    if around.native {
                        "batch"
                    } else {
                        "num_prompts_per_batch"
                    },
                    soak.key
                )),
            );
        }
        soak.is_some()
    }

    /// Where the steps stand; what both or neither of the two keys means.
    fn points(&mut self, fields: &Fields<'_>, stability: bool) -> Option<Vec<Point>> {
        let rate = fields.entry("request_rate");
        let concurrency = fields.entry("max_concurrency");
        if let Some(strategy) = fields.entry("ramp_up_strategy")
            && let Some(sweep) = rate.or(concurrency)
        {
            self.mistake(
                sweep.key_at,
                format!(
                    "`{}` beside `{}`: a ramp has a rate of its own",
                    sweep.key, strategy.key
                ),
                Some("drop one of them".to_owned()),
            );
            return None;
        }
        match (rate, concurrency) {
            (Some(rate), Some(concurrency)) => {
                self.mistake(
                    concurrency.key_at,
                    format!(
                        "`{}` beside `{}` on line {}: a block sweeps one of them",
                        concurrency.key,
                        rate.key,
                        self.line(rate.key_at)
                    ),
                    Some("make two blocks of it".to_owned()),
                );
                None
            }
            (None, None) if stability => {
                self.mistake(
                    fields.at,
                    "a soak has exactly one of `request_rate` and `max_concurrency`",
                    Some("say how its load is made".to_owned()),
                );
                None
            }
            (None, None) => Some(vec![Point::AtOnce]),
            (Some(rate), None) => self.each(rate, |reader, node| {
                reader.rate(&rate.key, node).map(Point::Rate)
            }),
            (None, Some(concurrency)) => self.each(concurrency, |reader, node| {
                reader
                    .whole(&concurrency.key, node, 1)
                    .map(Point::Concurrency)
            }),
        }
    }

    fn prompts(&mut self, fields: &Fields<'_>, stability: bool) -> Option<Vec<u32>> {
        if stability {
            return match fields.entry("num_prompts_per_batch") {
                Some(entry) => self
                    .whole(&entry.key, &entry.node, 1)
                    .map(|count| vec![count]),
                None => Some(vec![20]),
            };
        }
        match fields.entry("num_prompts") {
            Some(entry) => self.each(entry, |reader, node| reader.whole(&entry.key, node, 1)),
            None => {
                self.mistake(
                    fields.at,
                    "this block has no `num_prompts`",
                    Some("say how many requests it sends; a soak has `duration_sec` and `num_prompts_per_batch`".to_owned()),
                );
                None
            }
        }
    }

    /// The values of a list, or the one value.
    fn each<T>(
        &mut self,
        entry: &Entry,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        match &entry.node.value {
            Value::List(list) if list.is_empty() => {
                self.mistake(
                    entry.node.at,
                    format!(
                        "`{}` is an empty list: the block would have no step",
                        entry.key
                    ),
                    None,
                );
                None
            }
            // Every value is looked at, so that all mistakes are told.
            Value::List(list) => {
                let read: Vec<Option<T>> = list.iter().map(|node| read(self, node)).collect();
                read.into_iter().collect()
            }
            _ => read(self, &entry.node).map(|value| vec![value]),
        }
    }

    /// Requests for each second; infinity in any spelling.
    fn rate(&mut self, key: &str, node: &Node) -> Option<f64> {
        let rate = match &node.value {
            Value::Text(text)
                if matches!(
                    text.trim().to_ascii_lowercase().as_str(),
                    "inf" | "infinity"
                ) =>
            {
                f64::INFINITY
            }
            Value::Float(float) if float.is_infinite() => *float,
            _ => self.number(key, node)?,
        };
        if rate > 0.0 {
            return Some(rate);
        }
        self.mistake(
            node.at,
            format!("`{key}` must be above 0, not {rate}"),
            Some("all at once is \"inf\"".to_owned()),
        );
        None
    }

    /// How long a soak goes on: 300 seconds where nothing is said.
    fn duration(&mut self, fields: &Fields<'_>) -> Option<Duration> {
        let Some(entry) = fields.entry("duration_sec") else {
            return Some(Duration::from_secs(300));
        };
        match &entry.node.value {
            Value::Text(text) => match parse_duration(text) {
                Ok(duration) if !duration.is_zero() => Some(duration),
                Ok(_) => {
                    self.mistake(
                        entry.node.at,
                        format!("`{}` must be above 0", entry.key),
                        None,
                    );
                    None
                }
                Err(why) => {
                    self.mistake(
                        entry.node.at,
                        format!("`{}`: {why}", entry.key),
                        Some("write seconds, or \"12h\"".to_owned()),
                    );
                    None
                }
            },
            // A year: beyond it somebody meant milliseconds.
            _ => self
                .number_within(entry, 1.0, 31_536_000.0)
                .map(Duration::from_secs_f64),
        }
    }

    /// `name`, else task, phase and data set; the second of a name gets `_1`.
    fn suffix(&mut self, fields: &Fields<'_>, around: &mut Around) -> String {
        let text = |name: &str| fields.get(name).and_then(Node::text).map(str::to_owned);
        let suffix = text("name").unwrap_or_else(|| {
            let data = text("dataset_name")
                .or(text("dataset"))
                .or(text("route"))
                .unwrap_or_else(|| "random".to_owned());
            [text("task"), text("eval_phase"), Some(data)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("_")
        });
        let times = around.suffixes.entry(suffix.clone()).or_insert(0);
        *times += 1;
        if *times == 1 {
            suffix
        } else {
            format!("{suffix}_{}", *times - 1)
        }
    }
}
