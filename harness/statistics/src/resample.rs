//! How sure a ratio of medians is, from nothing but the runs.
//!
//! Promise: a bootstrap over *runs*, seeded. What strays is the distance of a run from its own side's median, pooled from both sides: three new
//! runs alone, let alone one, show too little of how runs differ. Rejected: resampling requests (they share the luck of their run), and each side
//! by itself (one new run would have no spread at all).

use crate::{Interval, Random, median, percentile};

/// Enough that the ends of the interval are the sample's and not the draw's.
const DRAWS: usize = 1000;

/// An interval of this confidence for the median of `new` over the median of `base`. `None` where a side is empty, a value is not above zero, or
/// fewer than five runs in all show how they differ.
pub fn ratio_of_medians(base: &[f64], new: &[f64], confidence: f64, seed: u64) -> Option<Interval> {
    let usable = |values: &[f64]| values.iter().all(|value| value.is_finite() && *value > 0.0);
    let sure = confidence > 0.0 && confidence < 1.0;
    if base.is_empty() || new.is_empty() || base.len() + new.len() < 5 {
        return None;
    }
    if !sure || !usable(base) || !usable(new) {
        return None;
    }
    let (base_middle, new_middle) = (median(base)?, median(new)?);
    let mut away: Vec<f64> = base
        .iter()
        .map(|value| (value / base_middle).ln())
        .collect();
    if new.len() > 1 {
        // A single new run lies on its own median and would only feign calm.
        away.extend(new.iter().map(|value| (value / new_middle).ln()));
    }
    let mut random = Random::new(seed);
    let mut draw = |runs: usize| {
        let drawn: Vec<f64> = (0..runs).map(|_| away[random.below(away.len())]).collect();
        median(&drawn)
    };
    let ratio = (new_middle / base_middle).ln();
    let mut ratios = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        ratios.push(ratio + draw(new.len())? - draw(base.len())?);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0 * 100.0;
    Some(Interval {
        low: percentile(&ratios, tail)?.exp(),
        high: percentile(&ratios, 100.0 - tail)?.exp(),
    })
}
