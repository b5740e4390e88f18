//! From records to figures.
//!
//! Promise: a pure function of the records. A metric without a sample has no value, never 0; a figure says how many samples it has, how
//! uncertain it is, and whether a gate may be built on it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use tribunal_statistics::percentile_interval;

use super::audio::Pcm;
use super::dialect::Dialect;
use super::figure::{Found, Metrics, put};
use super::known::{STATISTICS, percent_label};
use super::load::{self, Pair};
use super::order;
use super::slo::Slo;
use super::table::{DIFFUSION, Of, SERIES};
use super::taken::{Taken, take};
use super::told;
use super::totals::totals;
use crate::{Load, Record};

/// Of the intervals of percentiles, and of how many samples a gate needs.
const CONFIDENCE: f64 = 0.95;

/// How records are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Whose definitions.
    pub dialect: Dialect,
    /// Which percentiles, above 0 and below 100; others are left out.
    pub percentiles: Vec<f64>,
    /// What an answer must keep to count for the goodput; with none there is no goodput.
    pub slos: Vec<Slo>,
    /// The form of raw audio of which the answer does not say it; `None`: its length is unknown.
    pub pcm: Option<Pcm>,
    /// Whether answers were streams. Of others there is no time to a first token and none between tokens.
    pub streamed: bool,
    /// Places for requests at once, for the steady state; `None`: there is none.
    pub concurrency: Option<u32>,
    /// In the dialect of vLLM: whether the event that says only who speaks is the first token, as it was in releases before 0.33.
    pub role_counts: bool,
    /// How long the player of audio waits after the first samples.
    pub prebuffer: Duration,
    /// A longer lack of audio than so many seconds is heard.
    pub underrun_limit: f64,
}

impl Measure {
    /// In this dialect: percentiles 50, 90, 95 and 99, streams, no limits; in that of vLLM-Omni raw audio is taken as [`Pcm::USUAL`].
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            percentiles: vec![50.0, 90.0, 95.0, 99.0],
            slos: Vec::new(),
            pcm: (dialect == Dialect::VllmOmni).then_some(Pcm::USUAL),
            streamed: true,
            concurrency: None,
            role_counts: false,
            prebuffer: Duration::ZERO,
            underrun_limit: 0.1,
        }
    }

    /// With the places that a load has.
    #[must_use]
    pub fn of_load(mut self, load: &Load) -> Self {
        self.concurrency = load.concurrency;
        self
    }

    /// With these limits.
    #[must_use]
    pub fn slos(mut self, slos: impl IntoIterator<Item = Slo>) -> Self {
        self.slos.extend(slos);
        self
    }
}

impl Default for Measure {
    fn default() -> Self {
        Self::new(Dialect::Strict)
    }
}

/// The metrics of records. Requests that were not answered count as such and give no times.
pub fn measure(records: &[Record], how: &Measure) -> Metrics {
    let taken: Vec<Option<Taken>> = records
        .iter()
        .map(|record| {
            load::is_answered(record)
                .then(|| take(record, how))
                .flatten()
        })
        .collect();
    let pairs: Vec<Pair> = records
        .iter()
        .zip(&taken)
        .map(|(record, taken)| (record, taken.as_ref()))
        .collect();
    let mut metrics = Metrics {
        dialect: how.dialect,
        figures: BTreeMap::new(),
        samples: BTreeMap::new(),
        stages: stages(records),
    };
    for series in SERIES {
        let mut samples: Vec<f64> = match &series.of {
            Of::One(of) => taken.iter().flatten().filter_map(of).collect(),
            Of::Many(of) => taken.iter().flatten().flat_map(of).copied().collect(),
        };
        samples.sort_by(f64::total_cmp);
        metrics.samples.insert(series.stem, samples);
    }
    for series in SERIES {
        let samples = &metrics.samples[series.stem];
        for statistic in STATISTICS {
            put(
                &mut metrics.figures,
                &series.key(statistic),
                plain(statistic, samples),
            );
        }
        for &percent in how
            .percentiles
            .iter()
            .filter(|percent| **percent > 0.0 && **percent < 100.0)
        {
            put(
                &mut metrics.figures,
                &series.key(&percent_label(percent)),
                percentile(percent, samples),
            );
        }
        put(
            &mut metrics.figures,
            &format!("num_{}_samples", series.stem),
            Found::of(samples.len() as f64, records.len()),
        );
    }
    totals(&mut metrics.figures, &pairs, how);
    for &(key, stands_for, divisor, _) in DIFFUSION {
        if let Some(meant) = metrics.figures.get(stands_for).cloned() {
            let scale = |value: f64| value / divisor;
            let interval = meant.interval.map(|(low, high)| (scale(low), scale(high)));
            let found = Found {
                value: meant.value.map(scale),
                samples: meant.samples,
                interval,
                refused: meant.gate.err(),
            };
            put(&mut metrics.figures, key, found);
        }
    }
    metrics
}

fn plain(statistic: &str, sorted: &[f64]) -> Found {
    match statistic {
        "mean" => Found::of(order::mean(sorted), sorted.len()),
        "std" => Found::of(order::deviation(sorted), sorted.len()),
        "min" => Found::of(sorted.first().copied(), sorted.len()),
        "max" => Found::of(sorted.last().copied(), sorted.len()),
        _ => percentile(50.0, sorted),
    }
}

fn percentile(percent: f64, sorted: &[f64]) -> Found {
    let interval = percentile_interval(sorted.len(), percent, CONFIDENCE)
        .map(|(low, high)| (sorted[low], sorted[high]));
    let needed = order::samples_needed(percent, CONFIDENCE).unwrap_or(u64::MAX);
    let refused = (interval.is_none() && !sorted.is_empty())
        .then(|| format!("percentile {percent} of {} samples is not known well enough: at least {needed} are needed", sorted.len()));
    Found {
        value: tribunal_statistics::percentile(sorted, percent),
        samples: sorted.len() as u64,
        interval,
        refused,
    }
}

/// The figures of stages that servers tell, by name.
fn stages(records: &[Record]) -> BTreeMap<String, Vec<f64>> {
    // A server that names a stage anew with each answer must not fill the memory.
    const MOST: usize = 256;
    let mut stages: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for record in records.iter().filter(|record| load::is_answered(record)) {
        for (name, value) in told::stage_durations(record) {
            if let Some(values) = stages.get_mut(name) {
                values.push(value);
            } else if stages.len() < MOST {
                stages.insert(name.clone(), vec![value]);
            }
        }
    }
    for values in stages.values_mut() {
        values.sort_by(f64::total_cmp);
    }
    stages
}
