//! Figures: what the metrics of a run come to.

use std::collections::BTreeMap;

use super::dialect::Dialect;
use super::known::{Direction, known};

/// The value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The value; `None` where there is no sample.
    pub value: Option<f64>,
    /// How many samples it is made of: answers, gaps between tokens, or requests.
    pub samples: u64,
    /// Between what the percentile of the population lies with 95 of 100 certainty, where the samples suffice to say it.
    pub interval: Option<(f64, f64)>,
    /// The unit, as in the table.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// Whether a gate may be built on it, or why not.
    pub gate: Result<(), String>,
}

/// All figures of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    pub(super) dialect: Dialect,
    pub(super) figures: BTreeMap<String, Figure>,
    pub(super) samples: BTreeMap<&'static str, Vec<f64>>,
    pub(super) stages: BTreeMap<String, Vec<f64>>,
}

impl Metrics {
    /// The figure of `key`, which is one of the table with the percentiles that were asked for.
    pub fn get(&self, key: &str) -> Option<&Figure> {
        self.figures.get(key)
    }

    /// The value of `key`, where it has one.
    pub fn value(&self, key: &str) -> Option<f64> {
        self.get(key)?.value
    }

    /// All figures by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Figure)> {
        self.figures
            .iter()
            .map(|(key, figure)| (key.as_str(), figure))
    }

    /// The samples of a metric, sorted: `ttft`, `itl`.
    pub fn samples(&self, stem: &str) -> &[f64] {
        self.samples.get(stem).map_or(&[], Vec::as_slice)
    }

    /// How long each stage of the server's pipeline took, as it tells; by name, each sorted.
    pub fn stages(&self) -> &BTreeMap<String, Vec<f64>> {
        &self.stages
    }

    /// Whose definitions these are.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// A value on its way into the table.
pub(super) struct Found {
    pub value: Option<f64>,
    pub samples: u64,
    pub interval: Option<(f64, f64)>,
    pub refused: Option<String>,
}

impl Found {
    pub fn of(value: impl Into<Option<f64>>, samples: usize) -> Self {
        Self {
            value: value.into(),
            samples: samples as u64,
            interval: None,
            refused: None,
        }
    }

    pub fn refused(mut self, why: Option<String>) -> Self {
        self.refused = self.refused.or(why);
        self
    }
}

pub(super) fn put(figures: &mut BTreeMap<String, Figure>, key: &str, found: Found) {
    let Ok(row) = known(key) else {
        return debug_assert!(false, "{key} is not in the table");
    };
    // A sum that left the range of numbers is no figure.
    let value = found.value.filter(|value| value.is_finite());
    let gate = match (found.refused, value) {
        (Some(why), _) => Err(why),
        (None, None) => Err("there is no sample of it in this run".to_owned()),
        (None, Some(_)) => Ok(()),
    };
    let figure = Figure {
        value,
        samples: found.samples,
        interval: found.interval,
        unit: row.unit,
        direction: row.direction,
        gate,
    };
    figures.insert(key.to_owned(), figure);
}
