//! Percentiles and what their samples can say of them.
//!
//! Promise: percentiles as numpy's default, standard deviations as numpy's default (of the population), intervals without an assumption about
//! the distribution: by order statistics. Rejected: bootstrap intervals of high percentiles (they cannot reach beyond the largest sample, and
//! do not say so).

/// The share of a sorted list at `percent`, by linear interpolation between the two nearest. `None` of an empty list.
pub(super) fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / values.len() as f64).sqrt())
}

/// Places (the first is 0) in a sorted list of `n` samples between which the percentile of the population lies with at least `confidence`, the
/// rest shared equally between both ends. `None` where `n` samples cannot say it: one end would lie beyond all of them.
pub(super) fn percentile_interval(
    n: usize,
    percent: f64,
    confidence: f64,
) -> Option<(usize, usize)> {
    let p = percent / 100.0;
    let tail = (1.0 - confidence) / 2.0;
    if n == 0 || !(p > 0.0 && p < 1.0 && tail > 0.0 && tail < 0.5) {
        return None;
    }
    // How many of `n` samples lie below the percentile is binomial. Its terms relative to the largest: nothing overflows, and all far from it
    // may be left out.
    let mode = (((n + 1) as f64) * p).floor().min(n as f64) as usize;
    let odds = p / (1.0 - p);
    let mut up = vec![1.0_f64];
    for k in mode..n {
        let next = up[up.len() - 1] * (n - k) as f64 / (k + 1) as f64 * odds;
        if next < 1e-20 {
            break;
        }
        up.push(next);
    }
    let mut down = Vec::new();
    let mut term = 1.0_f64;
    for k in (1..=mode).rev() {
        term *= k as f64 / (n - k + 1) as f64 / odds;
        if term < 1e-20 {
            break;
        }
        down.push(term);
    }
    let first = mode - down.len();
    let terms: Vec<f64> = down.iter().rev().chain(&up).copied().collect();
    let limit = tail * terms.iter().sum::<f64>();
    // The largest count of samples below of which still at most `tail` is as few or fewer: the sample after so many is a lower end.
    let low = tail_end(terms.iter(), limit)?;
    let high = tail_end(terms.iter().rev(), limit)?;
    // `high` terms from the top are together small enough: that many or more samples below the percentile are improbable from here on.
    let top = first + terms.len() - 1;
    let (low, high) = (first + low - 1, top + 1 - high);
    // The counts 0..=low are improbable: the percentile is not below sample `low`. The counts high..=n are: it is not above sample `high - 1`.
    high.checked_sub(1)
        .filter(|high| low <= *high)
        .map(|high| (low, high))
}

/// How many terms from this end are together at most `limit`; `None` for not even one.
fn tail_end<'a>(terms: impl Iterator<Item = &'a f64>, limit: f64) -> Option<usize> {
    let mut sum = 0.0;
    let count = terms
        .take_while(|term| {
            sum += **term;
            sum <= limit
        })
        .count();
    (count > 0).then_some(count)
}

/// So many samples at least before [`percentile_interval`] exists. `None` for what is no percentile.
pub(super) fn samples_needed(percent: f64, confidence: f64) -> Option<u64> {
    let p = percent / 100.0;
    let tail = (1.0 - confidence) / 2.0;
    if !(p > 0.0 && p < 1.0 && tail > 0.0 && tail < 0.5) {
        return None;
    }
    // All samples on one side of the percentile must be improbable, on either side.
    let needed = (tail.ln() / p.max(1.0 - p).ln()).ceil();
    (needed < 1e15).then_some(needed as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_samples_for_an_interval() {
        for (percent, needed) in [
            (99.0, 368),
            (95.0, 72),
            (90.0, 36),
            (50.0, 6),
            (1.0, 368),
            (99.9, 3688),
        ] {
            assert_eq!(samples_needed(percent, 0.95), Some(needed), "p{percent}");
            let needed = needed as usize;
            assert_eq!(
                percentile_interval(needed - 1, percent, 0.95),
                None,
                "p{percent}"
            );
            let (low, high) = percentile_interval(needed, percent, 0.95).unwrap();
            assert!(low < high && high < needed, "p{percent}: {low} {high}");
        }
    }

    #[test]
    fn intervals_of_the_median_are_those_of_the_sign_test() {
        // Conover, Practical Nonparametric Statistics, table A3 (binomial): n = 10 gives samples 2 and 9 at 95 % (97.9 % in truth), n = 20 6 and 15.
        assert_eq!(percentile_interval(10, 50.0, 0.95), Some((1, 8)));
        assert_eq!(percentile_interval(20, 50.0, 0.95), Some((5, 14)));
        assert_eq!(percentile_interval(6, 50.0, 0.95), Some((0, 5)));
    }

    #[test]
    fn large_lists_neither_overflow_nor_take_long() {
        let (low, high) = percentile_interval(5_000_000, 99.0, 0.95).unwrap();
        // The normal approximation, good to a place or two here.
        let sd = (5e6_f64 * 0.99 * 0.01).sqrt();
        assert!(
            (low as f64 - (4_950_000.0 - 1.96 * sd)).abs() < 3.0,
            "{low}"
        );
        assert!(
            (high as f64 - (4_950_000.0 + 1.96 * sd)).abs() < 3.0,
            "{high}"
        );
    }

    #[test]
    fn nonsense_has_no_interval() {
        for (n, percent, confidence) in [
            (0, 50.0, 0.95),
            (100, 0.0, 0.95),
            (100, 100.0, 0.95),
            (100, f64::NAN, 0.95),
            (100, 50.0, 1.0),
            (100, 50.0, -1.0),
        ] {
            assert_eq!(percentile_interval(n, percent, confidence), None);
        }
        assert_eq!(samples_needed(100.0, 0.95), None);
    }

    #[test]
    fn percentiles_are_linear_between_samples() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(percentile(&sorted, 0.0), Some(1.0));
        assert_eq!(percentile(&sorted, 50.0), Some(3.0));
        assert!((percentile(&sorted, 90.0).unwrap() - 6.8).abs() < 1e-12);
        assert_eq!(percentile(&sorted, 100.0), Some(8.0));
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(deviation(&[1.0, 3.0]), Some(1.0));
    }
}
