//! The slope that most pairs of points agree on.
//!
//! Promise: Theil and Sen's median of the slopes of all pairs, with Sen's interval. A burst that is shorter than a quarter of the series does not
//! turn it. Rejected: least squares, which one burst at the end turns.

use serde::{Deserialize, Serialize};

use crate::distribution::normal_quantile;
use crate::order::middle;

/// More points would make more pairs than are worth their memory; a series of blocks has few.
const MOST: usize = 4000;

/// A slope and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TheilSen {
    /// The median of the slopes of all pairs.
    pub slope: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// The slope of `ys` over `xs` with its 98 % interval. See [`theil_sen_interval`].
pub fn theil_sen(xs: &[f64], ys: &[f64]) -> Option<TheilSen> {
    theil_sen_interval(xs, ys, 0.98)
}

/// The slope of `ys` over `xs` with an interval of this confidence. The interval takes the points as independent of each other; those of a
/// process that wanders are not. `None` where the lengths differ, a number is not finite, no two `xs` differ, or there are more than 4000 points.
pub fn theil_sen_interval(xs: &[f64], ys: &[f64], confidence: f64) -> Option<TheilSen> {
    let finite = xs.iter().chain(ys).all(|value| value.is_finite());
    let sure = confidence > 0.0 && confidence < 1.0;
    if xs.len() != ys.len() || xs.len() > MOST || !finite || !sure {
        return None;
    }
    let mut slopes = Vec::with_capacity(xs.len() * xs.len().saturating_sub(1) / 2);
    for (i, (x, y)) in xs.iter().zip(ys).enumerate() {
        for (other_x, other_y) in xs[i + 1..].iter().zip(&ys[i + 1..]) {
            if x != other_x {
                slopes.push((other_y - y) / (other_x - x));
            }
        }
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let slope = middle(&slopes)?;
    let spread = (score_variance(xs.len()) - ties(xs) - ties(ys)).max(0.0) / 18.0;
    let reach = normal_quantile((1.0 - confidence) / 2.0) * spread.sqrt();
    let (count, last) = (slopes.len() as f64, slopes.len() - 1);
    let high = ((count + reach) / 2.0).round_ties_even() as usize;
    // A negative place becomes the first.
    let low = (((count - reach) / 2.0).round_ties_even() as usize).saturating_sub(1);
    Some(TheilSen {
        slope,
        low: slopes[low.min(last)],
        high: slopes[high.min(last)],
    })
}

/// Eighteen times the variance of Kendall's score of `n` values that differ.
fn score_variance(n: usize) -> f64 {
    let n = n as f64;
    n * (n - 1.0) * (2.0 * n + 5.0)
}

/// What equal values take from it.
fn ties(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
        .chunk_by(|a, b| a == b)
        .map(|equal| score_variance(equal.len()))
        .sum()
}
