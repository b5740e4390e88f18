//! Two servers that are measured in turn, with the same prompts.
//!
//! Promise: what the prompts and the hour have in common cancels out: requests are compared by their index within a pair of runs, and the pairs,
//! not the requests, are the sample. Rejected: all runs of one server and then all of the other (whatever changes meanwhile looks like a
//! difference).

use serde::{Deserialize, Serialize};

use crate::{Alternative, Interval, Random, median, percentile, signed_rank_exact};

/// So many pairs are needed: with fewer, no outcome is as rare as [`RARE`].
pub const FEWEST_PAIRS: usize = 6;
/// As rare must signs be on the side to which they point. The side is not known beforehand, so that both together are one in twenty.
pub const RARE: f64 = 0.025;
/// Requests that a pair must have in common.
const FEWEST_REQUESTS: usize = 5;

/// Which of two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that is compared with: the base.
    A,
    /// The new one.
    B,
}

/// The order of the runs of so many pairs: A B, B A, A B, …, so that a steady change over time favours neither.
pub fn order(pairs: usize) -> Vec<Side> {
    (0..pairs)
        .flat_map(|pair| {
            if pair % 2 == 0 {
                [Side::A, Side::B]
            } else {
                [Side::B, Side::A]
            }
        })
        .collect()
}

/// A run of each server, one right after the other: a value for each request by its index, `None` where it has none (it failed).
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// Of the base.
    pub a: &'a [Option<f64>],
    /// Of the new one.
    pub b: &'a [Option<f64>],
}

/// How the new server compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No change beyond the limit is shown.
    Pass,
    /// Worse beyond the limit.
    Regressed,
    /// Better beyond the limit.
    Improved,
    /// Too few pairs with enough requests in common.
    TooFew,
}

/// What a paired comparison found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The verdict.
    pub verdict: Verdict,
    /// The median over the pairs of B over A; `None` without a pair.
    pub ratio: Option<f64>,
    /// Its 95 % interval, by a bootstrap over pairs.
    pub interval: Option<Interval>,
    /// How likely signs this one-sided are without a difference (Wilcoxon's signed ranks over pairs).
    pub p: f64,
    /// Pairs that counted.
    pub pairs: usize,
    /// Pairs that had too few requests in common.
    pub left_out: usize,
    /// Requests that both runs of a pair answered, over all pairs.
    pub requests: usize,
}

/// Compares. A pair's value is the median of the logarithms of B over A over its requests; `limit` is the change, as a share, from which on a
/// difference counts (0.03).
pub fn compare(pairs: &[Pair<'_>], higher_is_better: bool, limit: f64) -> Paired {
    let mut logs = Vec::with_capacity(pairs.len());
    let mut requests = 0;
    for pair in pairs {
        let both: Vec<f64> = pair
            .a
            .iter()
            .zip(pair.b)
            .filter_map(|(a, b)| log_ratio((*a)?, (*b)?))
            .collect();
        if both.len() >= FEWEST_REQUESTS {
            requests += both.len();
            logs.extend(median(&both));
        }
    }
    let middle = median(&logs);
    let alternative = match middle {
        Some(log) if log > 0.0 => Alternative::Greater,
        _ => Alternative::Less,
    };
    let p = signed_rank_exact(&logs, alternative);
    let change = middle.map_or(0.0, |log| log.exp() - 1.0);
    let worse = if higher_is_better { -change } else { change };
    let verdict = if logs.len() < FEWEST_PAIRS {
        Verdict::TooFew
    } else if p <= RARE && worse > limit {
        Verdict::Regressed
    } else if p <= RARE && worse < -limit {
        Verdict::Improved
    } else {
        Verdict::Pass
    };
    Paired {
        verdict,
        ratio: middle.map(f64::exp),
        interval: interval(&logs),
        p,
        pairs: logs.len(),
        left_out: pairs.len() - logs.len(),
        requests,
    }
}

fn log_ratio(a: f64, b: f64) -> Option<f64> {
    let log = (b / a).ln();
    (a > 0.0 && b > 0.0 && log.is_finite()).then_some(log)
}

fn interval(logs: &[f64]) -> Option<Interval> {
    if logs.len() < FEWEST_PAIRS {
        return None;
    }
    let mut random = Random::new(0);
    let mut middles: Vec<f64> = (0..2000)
        .filter_map(|_| {
            let drawn: Vec<f64> = logs
                .iter()
                .map(|_| logs[random.below(logs.len())])
                .collect();
            median(&drawn)
        })
        .collect();
    middles.sort_unstable_by(f64::total_cmp);
    Some(Interval {
        low: percentile(&middles, 2.5)?.exp(),
        high: percentile(&middles, 97.5)?.exp(),
    })
}
