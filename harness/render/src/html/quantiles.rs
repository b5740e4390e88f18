//! How the samples of a step of a performance test are spread.
//!
//! Promise: what the record of the step says; a metric without samples is left out. Rejected: the samples themselves (a run has as many as requests and
//! events; the file is linked).

use serde::Serialize;
use serde_json::Value;

use super::folder::Folder;
use super::text::{Cut, shown};

/// A longer file is linked, and not read.
const LONGEST: usize = 8 << 20;

/// A step.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    name: String,
    spreads: Vec<Spread>,
}

/// A metric of it.
#[derive(Debug, Serialize)]
struct Spread {
    metric: String,
    samples: Option<u64>,
    mean: Option<f64>,
    /// Least, 50, 90, 95, 99 %, most.
    at: [Option<f64>; 6],
}

/// What the record of a step says; `None` where it is none.
pub(crate) fn step(folder: &Folder, path: &str) -> Option<Step> {
    let taken = folder
        .read(path, LONGEST)
        .filter(|taken| taken.is_whole())?;
    let all: Value = serde_json::from_slice(&taken.bytes).ok()?;
    let all = all.as_object()?;
    let figure = |key: String| all.get(&key).and_then(Value::as_f64);
    let metrics = all.keys().filter_map(|key| key.strip_prefix("p99_"));
    let mut spreads: Vec<Spread> = metrics
        .take(60)
        .map(|metric| Spread {
            metric: shown(metric, 200, Cut::Middle),
            samples: all.get(&samples(metric)).and_then(Value::as_u64),
            mean: figure(format!("mean_{metric}")),
            at: ["min", "p50", "p90", "p95", "p99", "max"]
                .map(|name| figure(format!("{name}_{metric}"))),
        })
        .filter(|spread| spread.at.iter().flatten().count() > 1)
        .collect();
    spreads.sort_by(|a, b| a.metric.cmp(&b.metric));
    let name = all.get("test_name").and_then(Value::as_str).unwrap_or(path);
    Some(Step {
        name: shown(name, 300, Cut::Middle),
        spreads,
    })
}

/// The key of how many samples a metric has.
fn samples(metric: &str) -> String {
    let bare = metric.strip_suffix("_ms").or(metric.strip_suffix("_s"));
    format!("num_{}_samples", bare.unwrap_or(metric))
}
