//! Benchmarks held against each other: `benchmark_comparisons_args`.
//!
//! Promise: pure; the target stands to the baseline times the ratio as the operator says. A metric that is not known, or a benchmark that has no figure, is a failure:
//! the files' own program warns and goes on.

use std::collections::BTreeMap;

use tribunal_traffic::Metrics;
use tribunal_workload::Comparison;

use super::list::Ruling;
use crate::performance::shown;

/// What that program calls a metric, and what it is here. It knows the first.
const METRICS: [(&str, &str); 6] = [
    ("TTFT", "mean_ttft_ms"),
    ("TPOT", "mean_tpot_ms"),
    ("ITL", "mean_itl_ms"),
    ("E2EL", "mean_e2el_ms"),
    ("OTT", "output_throughput"),
    ("TTT", "total_token_throughput"),
];

/// What a comparison is called in lists.
pub(super) fn name(comparison: &Comparison) -> String {
    let Comparison {
        metric,
        baseline,
        target,
        operator,
        ratio,
        line,
    } = comparison;
    format!("{metric} of {target} {operator} {ratio} × that of {baseline} (line {line})")
}

/// Holds the figures of the benchmarks, by their keys, against each other.
pub(super) fn ruling(comparison: &Comparison, figures: &BTreeMap<String, Metrics>) -> Ruling {
    ruled(comparison, &|benchmark, metric| {
        figures.get(benchmark)?.value(metric)
    })
}

fn ruled(comparison: &Comparison, figure: &dyn Fn(&str, &str) -> Option<f64>) -> Ruling {
    let metric = METRICS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&comparison.metric))
        .map_or(&*comparison.metric, |(_, ours)| ours);
    if let Err(unknown) = tribunal_traffic::known(metric) {
        let names = METRICS.map(|(name, _)| name).join(", ");
        return Ruling::Failed(format!(
            "{unknown}\nhelp: a metric of docs/metrics.md, or {names}"
        ));
    }
    let value = |benchmark: &str| {
        figure(benchmark, metric)
            .ok_or_else(|| format!("`{benchmark}` has no {metric}: it was not measured"))
    };
    match (value(&comparison.baseline), value(&comparison.target)) {
        (Err(why), _) | (_, Err(why)) => Ruling::Failed(why),
        (Ok(baseline), Ok(target)) => {
            let limit = baseline * comparison.ratio;
            let held = match &*comparison.operator {
                "<" => target < limit,
                "<=" => target <= limit,
                ">" => target > limit,
                ">=" => target >= limit,
                other => return Ruling::Failed(format!("`{other}` is no operator")),
            };
            match held {
                true => Ruling::Passed,
                false => Ruling::Failed(format!(
                    "{metric} is {} and not {} {} ({} × {})",
                    shown(target),
                    comparison.operator,
                    shown(limit),
                    comparison.ratio,
                    shown(baseline)
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(metric: &str, operator: &str, ratio: f64) -> Comparison {
        Comparison {
            metric: metric.to_owned(),
            baseline: "cold".to_owned(),
            target: "warm".to_owned(),
            ratio,
            operator: operator.to_owned(),
            line: 7,
        }
    }

    #[test]
    fn the_target_stands_to_the_baseline_as_the_operator_says() {
        let figures = |benchmark: &str, metric: &str| match (benchmark, metric) {
            ("cold", "mean_ttft_ms") => Some(100.0),
            ("warm", "mean_ttft_ms") => Some(40.0),
            _ => None,
        };
        for (metric, operator, ratio, failure) in [
            ("TTFT", "<", 0.5, None),
            ("ttft", "<", 0.4, Some("is 40.00 and not < 40.00")),
            ("mean_ttft_ms", "<=", 0.4, None),
            ("TTFT", ">", 0.4, Some("not > 40.00")),
            ("TTFT", ">=", 0.4, None),
            ("TPOT", "<", 1.0, Some("`cold` has no mean_tpot_ms")),
            ("TTTF", "<", 1.0, Some("help: a metric of docs/metrics.md")),
        ] {
            let ruling = ruled(&comparison(metric, operator, ratio), &figures);
            match (failure, &ruling) {
                (None, Ruling::Passed) => {}
                (Some(part), Ruling::Failed(why)) if why.contains(part) => {}
                _ => panic!("{metric} {operator} {ratio}: {ruling:?}"),
            }
        }
    }
}
