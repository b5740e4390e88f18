//! Means, deviations, and how many samples a percentile needs.
//!
//! Promise: deviations as numpy's default (of the population).

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / values.len() as f64).sqrt())
}

/// So many samples at least before `percentile_interval` exists. `None` for what is no percentile.
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
    use tribunal_statistics::percentile_interval;

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
    fn nonsense_needs_no_number() {
        assert_eq!(samples_needed(100.0, 0.95), None);
        assert_eq!(samples_needed(f64::NAN, 0.95), None);
        assert_eq!(samples_needed(50.0, 1.0), None);
        assert_eq!(deviation(&[1.0, 3.0]), Some(1.0));
        assert_eq!(mean(&[]), None);
    }
}
