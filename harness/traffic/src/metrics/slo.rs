//! A limit that each answer must keep.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::known::{Direction, Unknown};
use super::measure::Measure;
use super::table::{Of, SERIES, Series};
use super::taken::Taken;

/// Other names of per-answer metrics, as tools write them.
const ALIASES: &[(&str, &str)] = &[
    ("audio_ttft", "audio_ttfp"),
    ("underrun", "audio_underrun"),
    ("itl_p99", "request_itl_p99"),
    ("time_to_first_token", "ttft"),
    ("time_to_first_output_token", "ttfo"),
    ("time_to_second_token", "ttst"),
    ("inter_token_latency", "itl"),
    ("request_latency", "e2el"),
];

/// Not a series: 1 for an answer whose audio can be played without a gap, else 0.
const CONTINUITY: &str = "audio_continuity";

/// A limit that each answer must keep to count for the goodput: `ttft:500`.
///
/// A time is in milliseconds, anything else in the unit of its metric. An answer that does not have the metric does not keep the limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// The metric, without statistic and unit: `ttft`, `e2el`, `audio_rtf`.
    pub metric: String,
    /// The limit, itself allowed.
    pub limit: f64,
}

impl Slo {
    /// A limit of a known metric.
    ///
    /// # Errors
    /// The metric is not known, or is not one of each answer.
    pub fn new(metric: &str, limit: f64) -> Result<Self, Unknown> {
        find(metric)?;
        Ok(Self {
            metric: metric.to_owned(),
            limit,
        })
    }
}

/// What a limit looks at.
pub(super) enum Limited {
    Series(&'static Series),
    Continuity,
}

pub(super) fn find(metric: &str) -> Result<Limited, Unknown> {
    if metric == CONTINUITY {
        return Ok(Limited::Continuity);
    }
    let stem = ALIASES
        .iter()
        .find(|alias| alias.0 == metric)
        .map_or(metric, |alias| alias.1);
    let names = || {
        SERIES
            .iter()
            .map(|series| series.stem)
            .chain(ALIASES.iter().map(|alias| alias.0))
            .chain([CONTINUITY])
    };
    match SERIES.iter().find(|series| series.stem == stem) {
        Some(series) => Ok(Limited::Series(series)),
        None => Err(Unknown::new("metric of an answer", metric, names())),
    }
}

impl Limited {
    /// Whether an answer keeps it.
    pub fn kept(&self, taken: &Taken, limit: f64, how: &Measure) -> bool {
        let (value, direction) = match self {
            Limited::Continuity => {
                let continuous = taken
                    .audio_underrun
                    .map(|underrun| f64::from(u8::from(underrun <= how.underrun_limit)));
                (continuous, Direction::HigherIsBetter)
            }
            Limited::Series(series) => {
                let value = match &series.of {
                    Of::One(of) => of(taken),
                    // Of several gaps of one answer the worst.
                    Of::Many(of) => of(taken).iter().copied().reduce(f64::max),
                };
                // vLLM takes an answer of one token as one with a time per token of 0.
                let single = how.dialect == Dialect::Vllm && series.stem == "tpot";
                (value.or(single.then_some(0.0)), series.direction)
            }
        };
        value.is_some_and(|value| match direction {
            Direction::HigherIsBetter => value >= limit,
            Direction::LowerIsBetter | Direction::Informational => value <= limit,
        })
    }
}

impl FromStr for Slo {
    type Err = String;

    /// `METRIC:LIMIT`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (metric, limit) = text.split_once(':').ok_or_else(|| {
            format!(
                "`{}` is no limit: it is written METRIC:LIMIT, as in ttft:500",
                text.escape_debug()
            )
        })?;
        let limit: f64 = limit
            .trim()
            .parse()
            .ok()
            .filter(|limit: &f64| limit.is_finite())
            .ok_or_else(|| {
                format!(
                    "`{}` is no limit of {}: a number is expected, in milliseconds for times",
                    limit.escape_debug(),
                    metric.escape_debug()
                )
            })?;
        Self::new(metric.trim(), limit).map_err(|unknown| unknown.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_mistakes_explained() {
        assert_eq!(
            "ttft:500".parse(),
            Ok(Slo {
                metric: "ttft".into(),
                limit: 500.0
            })
        );
        assert_eq!(
            "time_to_first_token: 20.5".parse(),
            Ok(Slo {
                metric: "time_to_first_token".into(),
                limit: 20.5
            })
        );
        let error = |text: &str| text.parse::<Slo>().unwrap_err();
        assert!(
            error("ttff:5").contains("did you mean `ttft`"),
            "{}",
            error("ttff:5")
        );
        assert!(error("ttft").contains("METRIC:LIMIT"));
        assert!(error("ttft:soon").contains("a number is expected"));
        assert!(error("ttft:inf").contains("a number is expected"));
    }
}
