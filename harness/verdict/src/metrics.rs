//! The rules of a server's metrics, in the text format of Prometheus.
//!
//! Rejected: a crate for the format. What is needed of it is a name, labels as they stand, and a number.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::bench::complete;
use crate::depth::Depth;
use crate::rule::Kind;
use crate::verdict::{Ending, RuleResult, Verdict, quoted};

/// What a test expects of metrics.
#[derive(Debug, Clone, Default)]
pub struct MetricsExpectations {
    families: Vec<String>,
    at_least: Vec<(String, usize)>,
    risen: Vec<String>,
    ranges: Vec<(String, RangeInclusive<f64>)>,
}

impl MetricsExpectations {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A family of this name is there.
    pub fn family(mut self, name: impl Into<String>) -> Self {
        self.families.push(name.into());
        self
    }

    /// At least so many families whose names begin so.
    pub fn at_least(mut self, families: usize, prefix: impl Into<String>) -> Self {
        self.at_least.push((prefix.into(), families));
        self
    }

    /// This family rose between the two looks, summed over its labels.
    pub fn risen(mut self, name: impl Into<String>) -> Self {
        self.risen.push(name.into());
        self
    }

    /// Every value of this family lies in this range.
    pub fn range(mut self, name: impl Into<String>, range: RangeInclusive<f64>) -> Self {
        self.ranges.push((name.into(), range));
        self
    }
}

/// An exposition, read.
#[derive(Debug, Default)]
struct Exposition {
    /// Samples by family: name with labels, value.
    families: BTreeMap<String, Vec<(String, f64)>>,
    counters: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Exposition {
    fn read(text: &str) -> Self {
        let mut out = Self::default();
        let mut types = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let mut words = rest.split_whitespace();
                if let (Some(name), Some(kind)) = (words.next(), words.next()) {
                    types.insert(name.to_owned(), kind.to_owned());
                }
                continue;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, labels, value)) = sample(line) else {
                out.wrong.push(format!(
                    "line {}: {} is no sample",
                    number + 1,
                    quoted(line)
                ));
                continue;
            };
            // The parts of a histogram belong to the family that was declared.
            let parts = ["_bucket", "_sum", "_count", "_total"]
                .into_iter()
                .filter_map(|part| name.strip_suffix(part));
            let family = parts
                .into_iter()
                .find(|base| types.contains_key(*base) && !types.contains_key(name))
                .unwrap_or(name);
            if types.get(family).is_some_and(|kind| kind == "counter") {
                out.counters.insert(family.to_owned());
                if !value.is_finite() || value < 0.0 {
                    out.wrong.push(format!(
                        "line {}: the counter {} is {value}",
                        number + 1,
                        quoted(name)
                    ));
                }
            }
            out.families
                .entry(family.to_owned())
                .or_default()
                .push((format!("{name}{labels}"), value));
        }
        out
    }

    fn sum(&self, family: &str) -> Option<f64> {
        Some(
            self.families
                .get(family)?
                .iter()
                .map(|(_, value)| value)
                .sum(),
        )
    }
}

/// Name, labels and value of a line.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .filter(|end| *end > 0)?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = if rest.starts_with('{') {
        let mut quoted = false;
        let mut escaped = false;
        let close = rest.char_indices().find(|(_, c)| {
            let closes = *c == '}' && !quoted;
            match c {
                '"' if !escaped => quoted = !quoted,
                _ => {}
            }
            escaped = *c == '\\' && !escaped;
            closes
        })?;
        rest.split_at(close.0 + 1)
    } else {
        ("", rest)
    };
    let value = rest.split_whitespace().next()?;
    let value = match value {
        "+Inf" | "Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    Some((name, labels, value))
}

/// Judge the metrics of a server: the text of its metrics route now, and before where that was kept.
pub fn judge_metrics(
    before: Option<&str>,
    now: &str,
    expect: &MetricsExpectations,
    depth: Depth,
) -> Verdict {
    let now = Exposition::read(now);
    let before = before.map(Exposition::read);
    let mut rules = vec![format(&now), families(&now, expect)];
    if depth == Depth::Deep {
        rules.push(moved(before.as_ref(), &now, expect));
        rules.push(ranges(&now, expect));
    }
    complete(Kind::Metrics, depth, "metrics", rules)
}

fn format(now: &Exposition) -> RuleResult {
    match now.families.is_empty() {
        true if now.wrong.is_empty() => {
            RuleResult::new("metrics_format", Ending::Fail).figure("no sample")
        }
        _ => RuleResult::without_complaints("metrics_format", now.wrong.clone()),
    }
}

fn families(now: &Exposition, expect: &MetricsExpectations) -> RuleResult {
    const RULE: &str = "metrics_families";
    if expect.families.is_empty() && expect.at_least.is_empty() {
        return RuleResult::not_applicable(RULE, "the test expects none");
    }
    let mut complaints = Vec::new();
    for name in expect
        .families
        .iter()
        .filter(|name| !now.families.contains_key(*name))
    {
        let near = tribunal_vocabulary::nearest(name, now.families.keys().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; there is {}", quoted(near)));
        complaints.push(format!("{} is not there{near}", quoted(name)));
    }
    for (prefix, least) in &expect.at_least {
        let found = now
            .families
            .keys()
            .filter(|name| name.starts_with(prefix))
            .count();
        if found < *least {
            complaints.push(format!(
                "{found} families begin with {}, not {least}",
                quoted(prefix)
            ));
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn moved(
    before: Option<&Exposition>,
    now: &Exposition,
    expect: &MetricsExpectations,
) -> RuleResult {
    const RULE: &str = "metrics_moved";
    let Some(before) = before else {
        return match expect.risen.is_empty() {
            true => RuleResult::not_applicable(RULE, "there was one look"),
            false => RuleResult::not_made(
                RULE,
                "there was one look",
                "ask the metrics route before the requests as well",
            ),
        };
    };
    let mut complaints = Vec::new();
    for family in &now.counters {
        for (name, value) in before.families.get(family).into_iter().flatten() {
            let later = now
                .families
                .get(family)
                .into_iter()
                .flatten()
                .find(|(other, _)| other == name);
            match later {
                Some((_, later)) if later >= value => {}
                Some((_, later)) => complaints.push(format!(
                    "the counter {} fell from {value} to {later}",
                    quoted(name)
                )),
                None => complaints.push(format!("the counter {} is gone", quoted(name))),
            }
        }
    }
    for name in &expect.risen {
        match (before.sum(name).unwrap_or(0.0), now.sum(name)) {
            (_, None) => complaints.push(format!("{} is not there", quoted(name))),
            (before, Some(now)) if now > before => {}
            (before, Some(now)) => complaints.push(format!(
                "{} did not rise: {before}, then {now}",
                quoted(name)
            )),
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn ranges(now: &Exposition, expect: &MetricsExpectations) -> RuleResult {
    const RULE: &str = "metrics_ranges";
    if expect.ranges.is_empty() {
        return RuleResult::not_applicable(RULE, "the test names no ranges");
    }
    let mut complaints = Vec::new();
    for (family, range) in &expect.ranges {
        match now.families.get(family) {
            None => complaints.push(format!("{} is not there", quoted(family))),
            Some(samples) => {
                let odd = samples.iter().filter(|(_, value)| !range.contains(value));
                complaints.extend(odd.map(|(name, value)| {
                    format!(
                        "{} is {value}, not {} to {}",
                        quoted(name),
                        range.start(),
                        range.end()
                    )
                }));
            }
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}
