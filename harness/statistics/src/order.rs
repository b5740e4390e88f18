//! What sorted values say: medians, percentiles, and between which values a percentile lies.
//!
//! Promise: percentiles are NumPy's (`linear`), to the last bit of its interpolation; an interval rests on nothing but the order, so it holds for
//! every distribution, and where the sample is too small for one there is none. Rejected: intervals from a fitted distribution (latencies have
//! none).

use crate::distribution;

/// The middle value; of an even number the mean of the two in the middle. `None` for none, or where one is not finite.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    if sorted.iter().any(|value| !value.is_finite()) {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    middle(&sorted)
}

/// The median of values that are sorted already.
pub(crate) fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(sorted[half - 1].midpoint(upper))
}

/// The median distance from the median, in the unit of the values (not scaled to a standard deviation).
pub fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&away)
}

/// The `p`-th percentile (0 to 100) of ascending values, as `numpy.percentile` has it with its default method. `None` for no values or
/// another `p`.
pub fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    if !(0.0..=100.0).contains(&p) {
        return None;
    }
    let last = sorted.len().checked_sub(1)?;
    let at = p / 100.0 * last as f64;
    let below = (at.floor() as usize).min(last);
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    let part = at - below as f64;
    // From the nearer end, so that the result never leaves the two.
    Some(if part >= 0.5 {
        b - (b - a) * (1.0 - part)
    } else {
        a + (b - a) * part
    })
}

/// Between which of `n` ascending values (indexes from 0) the `p`-th percentile (0 to 100, both excluded) of the whole lies, with at least this
/// confidence (0.95). `None` where no two values hold it: the sample does not support that percentile, and it must not be a gate.
///
/// ```
/// use tribunal_statistics::percentile_interval;
///
/// assert_eq!(percentile_interval(100, 50.0, 0.95), Some((39, 60)));
/// assert_eq!(percentile_interval(100, 99.0, 0.95), None);
/// ```
pub fn percentile_interval(n: usize, p: f64, confidence: f64) -> Option<(usize, usize)> {
    if n == 0 || !(p > 0.0 && p < 100.0) || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let (n, share, tail) = (n as u64, p / 100.0, (1.0 - confidence) / 2.0);
    // How many values lie below the percentile is binomial. The first value that is above it too rarely, and the last that is.
    let low = distribution::binomial_quantile(n, share, tail).checked_sub(1)?;
    let high = distribution::binomial_quantile(n, share, 1.0 - tail);
    (high < n).then_some((low as usize, high as usize))
}
