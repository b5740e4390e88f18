//! Which metrics there are, in what unit, and which way is better.
//!
//! Promise: one table; a name that is not in it is an error that says the nearest. Rejected: the direction from the name ("throughput" is
//! better when higher, all else when lower): it is wrong for `rtfx`, `audio_continuity_ok_rate`, `completed` and lengths.

use std::fmt;

use serde::{Deserialize, Serialize};
use tribunal_vocabulary::nearest;

use super::table::{DIFFUSION, SCALARS, SERIES};
use Direction::Informational;

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A time, a share of real time, a peak of memory.
    LowerIsBetter,
    /// A throughput, a share of good answers.
    HigherIsBetter,
    /// Neither: it says what was measured (lengths, counts, deviations).
    Informational,
}

/// What a metric is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Requests as such.
    Requests,
    /// Tokens of text.
    Text,
    /// Audio, of answers or of prompts.
    Audio,
    /// Images.
    Image,
    /// Videos.
    Video,
    /// The client itself.
    Client,
}

/// A known metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its key, as in result files: `p99_ttft_ms`.
    pub key: String,
    /// Its unit: `ms`, `s`, `1/s`, `tokens/s`, `MB`, or empty for counts and ratios.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// What it is about.
    pub family: Family,
    /// What it is, in a line.
    pub about: &'static str,
    /// The percentile of samples, where it is one.
    pub percent: Option<f64>,
}

/// A name that is in no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Of what it should be one: `metric`, `dialect`.
    pub what: &'static str,
    /// As it was given.
    pub name: String,
    /// The nearest known name, where one is near.
    pub nearest: Option<String>,
    /// The known names, where they are few.
    pub known: Vec<&'static str>,
}

impl Unknown {
    pub(crate) fn new(
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let known: Vec<&'static str> = known.into_iter().collect();
        Self {
            what,
            name: name.chars().take(80).collect(),
            nearest: nearest(name, known.iter().copied()).map(str::to_owned),
            known: if known.len() <= 12 { known } else { Vec::new() },
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no {} `{}`",
            self.what,
            self.name.escape_debug()
        )?;
        match &self.nearest {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None if self.known.is_empty() => write!(f, "; docs/metrics.md lists them"),
            None => write!(f, "; there are {}", self.known.join(", ")),
        }
    }
}

impl std::error::Error for Unknown {}

/// Statistics that are no percentile.
pub(super) const STATISTICS: [&str; 5] = ["mean", "median", "std", "min", "max"];

/// How a percentile is written in keys: `p99`, `p99.9`.
pub(super) fn percent_label(percent: f64) -> String {
    format!("p{percent}")
}

/// What the table says of the metric `key`.
///
/// ```
/// use tribunal_traffic::{Direction, known};
///
/// assert_eq!(known("p99_ttft_ms")?.direction, Direction::LowerIsBetter);
/// assert_eq!(known("rtfx")?.direction, Direction::HigherIsBetter);
/// assert_eq!(known("mean_tfft_ms").unwrap_err().to_string(), "there is no metric `mean_tfft_ms`; did you mean `mean_ttft_ms`?");
/// # Ok::<(), tribunal_traffic::Unknown>(())
/// ```
///
/// # Errors
/// There is none of this name.
pub fn known(key: &str) -> Result<Known, Unknown> {
    if let Some(&(_, unit, direction, family, about)) =
        SCALARS.iter().find(|scalar| scalar.0 == key)
    {
        return Ok(Known {
            key: key.to_owned(),
            unit,
            direction,
            family,
            about,
            percent: None,
        });
    }
    if let Some((_, stands_for, _, unit)) = DIFFUSION.iter().find(|alias| alias.0 == key) {
        return known(stands_for).map(|meant| Known {
            key: key.to_owned(),
            unit,
            ..meant
        });
    }
    of_series(key).ok_or_else(|| unknown(key))
}

fn of_series(key: &str) -> Option<Known> {
    if let Some(stem) = key
        .strip_prefix("num_")
        .and_then(|rest| rest.strip_suffix("_samples"))
    {
        let series = SERIES.iter().find(|series| series.stem == stem)?;
        return Some(Known {
            key: key.to_owned(),
            unit: "",
            direction: Informational,
            family: series.family,
            about: "how many samples there are",
            percent: None,
        });
    }
    let (statistic, name) = key.split_once('_')?;
    let series = SERIES.iter().find(|series| series.name() == name)?;
    let percent = match statistic {
        "median" => Some(50.0),
        statistic if STATISTICS.contains(&statistic) => None,
        statistic => Some(percent(statistic)?),
    };
    Some(Known {
        key: key.to_owned(),
        unit: series.unit,
        direction: if statistic == "std" {
            Informational
        } else {
            series.direction
        },
        family: series.family,
        about: series.about,
        percent,
    })
}

/// The percentile that `p99` or `p99.9` names.
fn percent(label: &str) -> Option<f64> {
    let number = label.strip_prefix('p')?;
    if number.is_empty()
        || number.len() > 8
        || !number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    number
        .parse()
        .ok()
        .filter(|percent| *percent > 0.0 && *percent < 100.0)
}

fn unknown(key: &str) -> Unknown {
    // The statistic that was asked for is offered too, so that `p97_tfft_ms` finds `p97_ttft_ms`.
    let asked = key
        .split('_')
        .next()
        .filter(|label| percent(label).is_some());
    let statistics = STATISTICS
        .into_iter()
        .chain(["p50", "p90", "p95", "p99"])
        .chain(asked);
    let mut names: Vec<String> = SCALARS
        .iter()
        .map(|scalar| scalar.0)
        .chain(DIFFUSION.iter().map(|alias| alias.0))
        .map(str::to_owned)
        .collect();
    for statistic in statistics {
        names.extend(SERIES.iter().map(|series| series.key(statistic)));
    }
    Unknown {
        what: "metric",
        name: key.chars().take(80).collect(),
        nearest: nearest(key, names.iter().map(String::as_str)).map(str::to_owned),
        known: Vec::new(),
    }
}

/// All keys of the table, with percentiles 50, 90, 95 and 99.
pub fn known_keys() -> Vec<String> {
    let mut keys: Vec<String> = SCALARS.iter().map(|scalar| scalar.0.to_owned()).collect();
    for series in SERIES {
        keys.extend(
            STATISTICS
                .iter()
                .chain(&["p50", "p90", "p95", "p99"])
                .map(|statistic| series.key(statistic)),
        );
        keys.push(format!("num_{}_samples", series.stem));
    }
    keys.extend(DIFFUSION.iter().map(|alias| alias.0.to_owned()));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{HigherIsBetter as Higher, LowerIsBetter as Lower};

    #[test]
    fn every_key_of_the_table_is_known_and_written_once() {
        let keys = known_keys();
        for key in &keys {
            assert_eq!(&known(key).unwrap().key, key);
        }
        let mut unique = keys.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), keys.len());
    }

    #[test]
    fn the_names_of_result_files_are_known() {
        for key in [
            "mean_ttft_ms",
            "p99_tpot_ms",
            "p99.9_itl_ms",
            "median_e2el_ms",
            "std_ttft_ms",
            "mean_client_queue_time_ms",
            "p50_e2el_including_client_queue_ms",
            "mean_audio_rtf",
            "p99_audio_ttfp_ms",
            "mean_audio_duration_s",
            "num_tpot_samples",
            "num_audio_rtf_samples",
            "mean_audio_underrun_s",
            "mean_image_generation_ms",
            "mean_denoise_step_latency_ms",
            "mean_video_rtf",
            "p99_video_generation_ms",
            "mean_peak_memory_mb",
            "peak_memory_mb_max",
        ] {
            assert!(known(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn directions_are_the_tables() {
        let direction = |key| known(key).unwrap().direction;
        assert_eq!(direction("audio_continuity_ok_rate"), Higher);
        assert_eq!(direction("mean_audio_duration_s"), Informational);
        assert_eq!(direction("std_ttft_ms"), Informational);
        assert_eq!(direction("failed"), Lower);
        assert_eq!(direction("throughput_qps"), Higher);
        assert_eq!(direction("latency_p99"), Lower);
    }

    #[test]
    fn unknown_names_lead_to_the_nearest() {
        let nearest = |key| known(key).unwrap_err().nearest;
        assert_eq!(nearest("mean_ttft"), Some("mean_ttft_ms".to_owned()));
        assert_eq!(nearest("p97_tpto_ms"), Some("p97_tpot_ms".to_owned()));
        assert_eq!(
            nearest("requests_throughput"),
            Some("request_throughput".to_owned())
        );
        assert_eq!(nearest("the moon"), None);
        for odd in [
            "",
            "_",
            "p_ttft_ms",
            "p100_ttft_ms",
            "p0_ttft_ms",
            "pNaN_ttft_ms",
            "p1e1_ttft_ms",
            "num__samples",
            "mean_",
            "\u{0}",
        ] {
            assert!(known(odd).is_err(), "{odd:?}");
        }
    }
}
