//! What a figure must keep: `p99_ttft_ms < 150`.
//!
//! Promise: a metric that is not in the table is an error with the nearest name; a figure that is no good as a gate decides nothing. Rejected: the
//! direction from the name of the metric (the comparison says it).

use tribunal_traffic::{Metrics, known};
use tribunal_workload::{Compare, Threshold};

/// The longer ones first, so that they are found.
const SIGNS: [(&str, Compare); 4] = [
    ("<=", Compare::AtMost),
    (">=", Compare::AtLeast),
    ("<", Compare::Less),
    (">", Compare::Greater),
];

/// What came of a threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kept {
    Yes(String),
    No(String),
    /// The figure says too little.
    Undecided(String),
}

/// Holds the figures of a run against a threshold.
pub(crate) fn judge(threshold: &Threshold, metrics: &Metrics) -> Kept {
    let words = threshold.words();
    let Some(figure) = metrics.get(&threshold.metric) else {
        return Kept::Undecided(format!(
            "{words}: no such figure was made of this run (is its percentile among those that are asked for?)"
        ));
    };
    let value = figure.gate.clone();
    let value = value.and_then(|()| figure.value.ok_or_else(|| "it has no value".to_owned()));
    match value {
        Err(why) => Kept::Undecided(format!("{words}: {why}")),
        Ok(value) => {
            let text = format!(
                "{words}: it is {} ({} samples)",
                shown(value),
                figure.samples
            );
            match threshold.holds(value) {
                true => Kept::Yes(text),
                false => Kept::No(text),
            }
        }
    }
}

/// A figure for people: four digits that count.
pub(crate) fn shown(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = 3 - value.abs().log10().floor() as i64;
    format!("{value:.*}", digits.clamp(0, 9) as usize)
}

/// Reads a threshold.
pub(crate) fn threshold(text: &str) -> Result<Threshold, String> {
    let form = || {
        format!(
            "`{text}` is no threshold\nhelp: a metric, `<`, `<=`, `>` or `>=`, and a number in the unit of the metric: `p99_ttft_ms < 150`"
        )
    };
    let split = |(sign, compare): &(&str, Compare)| {
        let (metric, limit) = text.split_once(sign)?;
        Some((metric.trim(), *compare, limit.trim()))
    };
    let (metric, compare, limit) = SIGNS.iter().find_map(split).ok_or_else(form)?;
    let value: f64 = limit.parse().map_err(|_| form())?;
    if !value.is_finite() {
        return Err(form());
    }
    known(metric).map_err(|e| format!("`{text}`: {e}"))?;
    Ok(Threshold {
        metric: metric.to_owned(),
        compare,
        value,
        hardware: None,
        line: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_read_from_a_text() {
        let words = |text: &str| threshold(text).map(|threshold| threshold.words());
        assert_eq!(
            words("p99_ttft_ms <= 150").as_deref(),
            Ok("p99_ttft_ms <= 150")
        );
        assert_eq!(
            words("request_throughput>9.5").as_deref(),
            Ok("request_throughput > 9.5")
        );
        for (text, part) in [
            ("p99_ttft_ms", "is no threshold"),
            ("p99_ttft_ms < soon", "is no threshold"),
            ("p99_ttft_ms < inf", "is no threshold"),
            ("p99_tfft_ms < 150", "`p99_ttft_ms`"),
        ] {
            let said = words(text).expect_err(text);
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn figures_have_four_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (1234.5, "1234"),
            (12.345, "12.35"),
            (0.012_345, "0.01235"),
        ] {
            assert_eq!(shown(value), text);
        }
    }
}
