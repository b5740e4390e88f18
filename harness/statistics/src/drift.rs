//! Whether a series of a long run grows: memory that leaks, latency that creeps up.
//!
//! Promise: a *leak* is a slope clearly beyond a limit, on which the later part of the run goes on, and no single step. Bursts, dips, teeth of a garbage collector, warm-ups
//! and steps of an allocator that come to rest are none (`examples/simulate.rs` counts). The limit does most of it: set it to half of the leak that must
//! be found. Rejected: significance tests of a trend (memory wanders, and every wandering is significant), and the first minutes against the last
//! (one burst decides).

use serde::{Deserialize, Serialize};

use crate::order::middle;
use crate::step::slope_beside_a_step;
use crate::{percentile, theil_sen};

/// Into so many blocks the judged part is cut.
const BLOCKS: usize = 24;
/// So many must hold samples.
const FEWEST: usize = 16;
/// The share of the start that is left out as warm-up.
const WARM_UP: f64 = 0.25;
/// For the memory of a host, in MB for each hour: half of a leak of 200.
pub const MEMORY_MB_PER_HOUR: f64 = 100.0;
/// A leak is so many times the limit: what wanders may stray a little beyond it.
const CLEAR: f64 = 1.375;
const HOUR: f64 = 3600.0;

/// What of a block of samples is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// The tenth percentile: what is left when nothing is under way. For memory, descriptors, threads.
    Floor,
    /// The median. For latency and throughput.
    Median,
    /// The 95th percentile. For latency.
    P95,
}

/// From which slope on a series drifts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftLimit {
    /// In the unit of the samples for each hour.
    pub per_hour: f64,
    /// As a share of the series' median for each hour; the larger of the two limits holds.
    pub share_per_hour: f64,
    /// What is looked at.
    pub of: Of,
    /// Whether falling is what is looked for: throughput, free memory.
    pub falling: bool,
    /// Where the warm-up ended, in seconds; else the first quarter is left out.
    pub warm_until: Option<f64>,
    /// A shorter series is insufficient: in seconds.
    pub shortest: f64,
}

impl DriftLimit {
    /// Growth of a floor by so much for each hour, or by one per cent where that is more; at least half an hour.
    pub fn growth(per_hour: f64) -> Self {
        Self {
            per_hour,
            share_per_hour: 0.01,
            of: Of::Floor,
            falling: false,
            warm_until: None,
            shortest: 1800.0,
        }
    }

    /// Change of a median by this share for each hour: of a latency, or `falling` of a throughput.
    pub fn share(per_hour: f64, falling: bool) -> Self {
        Self {
            per_hour: 0.0,
            share_per_hour: per_hour,
            of: Of::Median,
            falling,
            ..Self::growth(0.0)
        }
    }

    /// Of something else of each block.
    #[must_use]
    pub fn of(mut self, of: Of) -> Self {
        self.of = of;
        self
    }

    /// With a known end of the warm-up, in seconds.
    #[must_use]
    pub fn warm_until(mut self, seconds: f64) -> Self {
        self.warm_until = Some(seconds);
        self
    }

    /// From a shorter series on, in seconds. The shorter, the more a wandering that is no leak is taken for one.
    #[must_use]
    pub fn shortest(mut self, seconds: f64) -> Self {
        self.shortest = seconds;
        self
    }
}

/// Whether a series drifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No slope beyond the limit.
    Ok,
    /// A slope beyond the limit, but by less than three eighths, or the later part does not go on, or it is one step and nothing goes on beside: it may come to rest.
    Suspect,
    /// A slope clearly beyond the limit, on which the later part goes on, and which is no single step.
    Leak,
    /// Too little to judge, and why.
    Insufficient(String),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The verdict.
    pub verdict: Verdict,
    /// The slope of the judged part for each hour (Theil–Sen over blocks).
    pub slope_per_hour: Option<f64>,
    /// That of its last two thirds: above half of the limit, it goes on.
    pub later_slope: Option<f64>,
    /// That of its second half: information, since of so few blocks it is a matter of luck.
    pub second_half_slope: Option<f64>,
    /// The 98 % interval of the slope: information, no gate.
    pub interval: Option<(f64, f64)>,
    /// The limit that held, for each hour.
    pub limit_per_hour: Option<f64>,
    /// The value of the last block.
    pub last: Option<f64>,
    /// The judged part, in seconds of the series.
    pub judged: Option<(f64, f64)>,
    /// Blocks with samples in it.
    pub blocks: usize,
    /// Samples that were judged.
    pub samples: usize,
}

impl Drift {
    /// In how many hours the series reaches `value`, should it go on so. `None` where it does not move there.
    pub fn hours_to(&self, value: f64) -> Option<f64> {
        let hours = (value - self.last?) / self.slope_per_hour?;
        (hours.is_finite() && hours >= 0.0).then_some(hours)
    }
}

/// Judges samples of (seconds, value) in any order; those that are not finite are left out.
pub fn drift(samples: &[(f64, f64)], limit: &DriftLimit) -> Drift {
    let mut series: Vec<(f64, f64)> = samples
        .iter()
        .copied()
        .filter(|(at, value)| at.is_finite() && value.is_finite())
        .collect();
    series.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(first), Some(last)) = (series.first(), series.last()) else {
        return insufficient("no samples".into(), 0, 0);
    };
    let (first, last) = (first.0, last.0);
    if last - first < limit.shortest {
        let found = (last - first) / 60.0;
        let why = format!(
            "{found:.1} min of samples, {:.1} are needed",
            limit.shortest / 60.0
        );
        return insufficient(why, 0, series.len());
    }
    let from = limit
        .warm_until
        .unwrap_or(first + WARM_UP * (last - first))
        .max(first);
    series.retain(|(at, _)| *at >= from);
    if last <= from {
        return insufficient("all of it is warm-up".into(), 0, series.len());
    }
    let (times, values) = blocks(&series, from, last, limit.of);
    if times.len() < FEWEST {
        let why = format!(
            "samples in {} of {BLOCKS} blocks, {FEWEST} are needed",
            times.len()
        );
        return insufficient(why, times.len(), series.len());
    }
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let typical = middle(&sorted).map_or(0.0, f64::abs);
    let most = limit.per_hour.max(limit.share_per_hour * typical);
    let (third, half) = (times.len() / 3, times.len() / 2);
    let all = theil_sen(&times, &values);
    let later = theil_sen(&times[third..], &values[third..]);
    let (Some(all), Some(later)) = (all, later) else {
        return insufficient("the blocks have no slope".into(), times.len(), series.len());
    };
    let sign = if limit.falling { -1.0 } else { 1.0 };
    let beside = slope_beside_a_step(&times, &values, all.slope);
    let step = beside.is_some_and(|beside| sign * beside <= most / 2.0);
    Drift {
        verdict: verdict(sign * all.slope, sign * later.slope, step, most),
        slope_per_hour: Some(all.slope),
        later_slope: Some(later.slope),
        second_half_slope: theil_sen(&times[half..], &values[half..]).map(|found| found.slope),
        interval: Some((all.low, all.high)),
        limit_per_hour: Some(most),
        last: values.last().copied(),
        judged: Some((from, last)),
        blocks: times.len(),
        samples: series.len(),
    }
}

/// Of slopes in the direction that is looked for; `step`: two levels explain them, and nothing goes on beside.
fn verdict(all: f64, later: f64, step: bool, limit: f64) -> Verdict {
    if all <= limit {
        Verdict::Ok
    } else if all > CLEAR * limit && later > limit / 2.0 && !step {
        Verdict::Leak
    } else {
        Verdict::Suspect
    }
}

/// The mean time in hours and the value of each block with samples.
fn blocks(series: &[(f64, f64)], from: f64, last: f64, of: Of) -> (Vec<f64>, Vec<f64>) {
    let index = |at: f64| (((at - from) / (last - from) * BLOCKS as f64) as usize).min(BLOCKS - 1);
    let share = match of {
        Of::Floor => 10.0,
        Of::Median => 50.0,
        Of::P95 => 95.0,
    };
    let (mut times, mut found) = (Vec::with_capacity(BLOCKS), Vec::with_capacity(BLOCKS));
    for block in series.chunk_by(|a, b| index(a.0) == index(b.0)) {
        let mut values: Vec<f64> = block.iter().map(|(_, value)| *value).collect();
        values.sort_unstable_by(f64::total_cmp);
        if let Some(value) = percentile(&values, share) {
            let sum: f64 = block.iter().map(|(at, _)| at - from).sum();
            times.push(sum / block.len() as f64 / HOUR);
            found.push(value);
        }
    }
    (times, found)
}

fn insufficient(why: String, blocks: usize, samples: usize) -> Drift {
    Drift {
        verdict: Verdict::Insufficient(why),
        slope_per_hour: None,
        later_slope: None,
        second_half_slope: None,
        interval: None,
        limit_per_hour: None,
        last: None,
        judged: None,
        blocks,
        samples,
    }
}
