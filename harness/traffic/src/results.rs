//! One JSON of a step, with the keys that `vllm bench serve` and vLLM-Omni write.
//!
//! Promise: a key has their meaning, in the dialect that the file names; what was not measured is `null`, where they write 0. What they do not have
//! (samples, intervals, where a figure comes from) stands under `tribunal`. Rejected: keys of our own for the same things (dashboards read theirs).

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tribunal_vocabulary::Utc;

use crate::metrics::Metrics;
use crate::{Arrivals, ClientCost, Load, Outcome, Ramp, Record, Run, TokenSource, Until, Validity};

/// Series whose keys are written even where nothing was measured: readers of these files look for them.
const ALWAYS: [&str; 7] = [
    "ttft",
    "tpot",
    "itl",
    "e2el",
    "audio_rtf",
    "audio_ttfp",
    "audio_duration",
];

/// Where figures come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The step's name.
    pub step: Option<String>,
    /// The test's name (`test_name`).
    pub test: Option<String>,
    /// What was sent to (`endpoint_type`, `backend`).
    pub backend: Option<String>,
    /// A name for people.
    pub label: Option<String>,
    /// The model (`model_id`).
    pub model: Option<String>,
    /// The model's revision.
    pub revision: Option<String>,
    /// The data set in words, with its lengths.
    pub dataset: Option<String>,
    /// The salt against caches of prefixes; without one, prompts of an earlier run may have been kept.
    pub salt: Option<String>,
    /// The commit of what is measured.
    pub commit: Option<String>,
    /// The deployment, and a hash of what it was rendered to.
    pub deployment: Option<String>,
    /// See [`deployment`](Self::deployment).
    pub deployment_hash: Option<String>,
    /// Devices: `H100 x 2` (`Hardware`).
    pub device: Option<String>,
    /// Their driver.
    pub driver: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// Why the run does not measure the server, beside what the cost of the client says.
    pub invalid: Vec<String>,
    /// Keys beside all these, at the top: `baseline`, `random_input_len`. They do not replace a figure.
    pub more: Map<String, Value>,
}

/// What a result file is made of.
#[derive(Clone, Copy, Debug)]
pub struct ResultFile<'a> {
    /// What was sent.
    pub load: &'a Load,
    /// When the run began.
    pub started: SystemTime,
    /// What became of each request.
    pub records: &'a [Record],
    /// What it comes to.
    pub metrics: &'a Metrics,
    /// Where it comes from.
    pub about: &'a Provenance,
    /// What it cost the client, where that is known.
    pub cost: Option<&'a ClientCost>,
}

impl<'a> ResultFile<'a> {
    /// Of this run.
    pub fn of(run: &'a Run, metrics: &'a Metrics, about: &'a Provenance) -> Self {
        Self {
            load: &run.load,
            started: run.started,
            records: &run.records,
            metrics,
            about,
            cost: Some(&run.cost),
        }
    }

    /// The file's content.
    pub fn to_json(&self) -> Value {
        let mut file = Map::new();
        self.said(&mut file);
        let mut details = Map::new();
        for (key, figure) in self.metrics.iter() {
            let wanted = figure.value.is_some()
                || !is_of_series(key)
                || ALWAYS.iter().any(|stem| is_of(key, stem));
            if !wanted {
                continue;
            }
            file.insert(key.to_owned(), number(figure.value));
            let mut detail = json!({"samples": figure.samples, "unit": figure.unit, "direction": figure.direction});
            if let Some((low, high)) = figure.interval {
                detail["interval"] = json!([low, high]);
            }
            if let Err(why) = &figure.gate {
                detail["no_gate"] = why.as_str().into();
            }
            details.insert(key.to_owned(), detail);
        }
        let stage = |of: fn(&[f64]) -> Option<f64>| -> Map<String, Value> {
            self.metrics
                .stages()
                .iter()
                .map(|(name, values)| (name.clone(), number(of(values))))
                .collect()
        };
        if !self.metrics.stages().is_empty() {
            file.insert(
                "stage_durations_mean".to_owned(),
                stage(|values| Some(values.iter().sum::<f64>() / values.len() as f64)).into(),
            );
            file.insert(
                "stage_durations_p50".to_owned(),
                stage(|values| tribunal_statistics::percentile(values, 50.0)).into(),
            );
            file.insert(
                "stage_durations_p99".to_owned(),
                stage(|values| tribunal_statistics::percentile(values, 99.0)).into(),
            );
        }
        for (key, value) in &self.about.more {
            file.entry(key.clone()).or_insert_with(|| value.clone());
        }
        file.insert("tribunal".to_owned(), self.own(details));
        Value::Object(file)
    }

    /// What was asked for, in vLLM's words.
    fn said(&self, file: &mut Map<String, Value>) {
        let about = self.about;
        let rate = match &self.load.arrivals {
            Arrivals::AtOnce => json!("inf"),
            Arrivals::Gamma { rate, .. } | Arrivals::Constant { rate } => json!(rate),
            Arrivals::Ramp { .. } | Arrivals::Trace(_) => Value::Null,
        };
        let burstiness = match &self.load.arrivals {
            Arrivals::Gamma { burstiness, .. } => json!(burstiness),
            Arrivals::Constant { .. } => json!("inf"),
            Arrivals::AtOnce | Arrivals::Ramp { .. } => json!(1.0),
            Arrivals::Trace(_) => Value::Null,
        };
        file.insert("date".to_owned(), date(self.started).into());
        for (key, value) in [
            ("endpoint_type", &about.backend),
            ("backend", &about.backend),
            ("label", &about.label),
            ("model_id", &about.model),
            ("test_name", &about.test),
            ("name", &about.step),
            ("Hardware", &about.device),
        ] {
            file.insert(key.to_owned(), json!(value));
        }
        // Nothing was tokenised here.
        file.insert("tokenizer_id".to_owned(), Value::Null);
        file.insert("request_rate".to_owned(), rate);
        file.insert("burstiness".to_owned(), burstiness);
        file.insert("max_concurrency".to_owned(), json!(self.load.concurrency));
        if let Arrivals::Ramp { from, to, shape } = &self.load.arrivals {
            let shape = match shape {
                Ramp::Linear => "linear",
                Ramp::Exponential => "exponential",
            };
            file.insert("ramp_up_strategy".to_owned(), shape.into());
            file.insert("ramp_up_start_rps".to_owned(), json!(from));
            file.insert("ramp_up_end_rps".to_owned(), json!(to));
        }
    }

    /// What only this file says.
    fn own(&self, figures: Map<String, Value>) -> Value {
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        let (mut usage, mut events, mut unknown) = (0_u64, 0_u64, 0_u64);
        for record in self.records {
            match (&record.outcome, record.token_source) {
                (Outcome::Failed(failure), _) => {
                    *errors
                        .entry(json!(failure.class).as_str().unwrap_or("other").to_owned())
                        .or_default() += 1
                }
                (Outcome::Ok, Some(TokenSource::Usage)) => usage += 1,
                (Outcome::Ok, Some(TokenSource::Events)) => events += 1,
                (Outcome::Ok, None) => unknown += 1,
                (Outcome::Cancelled | Outcome::NotSent, _) => {}
            }
        }
        let until = match self.load.until {
            Until::Count(count) => json!({"count": count}),
            Until::Elapsed(long) => json!({"seconds": long.as_secs_f64()}),
            Until::Either(count, long) => json!({"count": count, "seconds": long.as_secs_f64()}),
        };
        let about = self.about;
        let mut invalid = about.invalid.clone();
        if let Some(Validity::Invalid(reasons)) =
            self.cost.map(|cost| Validity::of(self.load, cost))
        {
            invalid.extend(reasons);
            invalid.dedup();
        }
        json!({
            "form": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "dialect": self.metrics.dialect(),
            "loop": if self.load.is_closed_loop() { "closed: latency is service time" } else { "open" },
            "until": until,
            "seed": self.load.seed,
            "warmups": self.load.warmups,
            "salt": about.salt,
            "dataset": about.dataset,
            "tokens_from": {"usage": usage, "events": events, "unknown": unknown},
            "errors": errors,
            "invalid": invalid,
            "client_cost": self.cost,
            "commit": about.commit,
            "deployment": about.deployment,
            "deployment_hash": about.deployment_hash,
            "revision": about.revision,
            "driver": about.driver,
            "host": about.host,
            "figures": figures,
        })
    }

    /// Writes it; a file that is there is replaced once the new one is whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let aside = path.with_extension(format!("part-{}", std::process::id()));
        let mut text = serde_json::to_vec_pretty(&self.to_json())?;
        text.push(b'\n');
        let written = std::fs::File::create(&aside)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| std::fs::rename(&aside, path));
        if written.is_err() {
            // Best effort: the error is told either way.
            let _ = std::fs::remove_file(&aside);
        }
        written
    }
}

fn number(value: Option<f64>) -> Value {
    match value {
        // Counts are written as such.
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => json!(value as i64),
        Some(value) => json!(value),
        None => Value::Null,
    }
}

fn is_of_series(key: &str) -> bool {
    [
        "mean_",
        "median_",
        "std_",
        "min_",
        "max_",
        "num_",
        "latency_",
        "peak_memory_",
        "p",
    ]
    .iter()
    .any(|start| key.starts_with(start))
        && !matches!(
            key,
            "num_prompts" | "max_concurrent_requests" | "max_output_tokens_per_s"
        )
}

/// Whether a key is a statistic of this series.
fn is_of(key: &str, stem: &str) -> bool {
    key.split_once('_').is_some_and(|(_, name)| {
        name.strip_prefix(stem)
            .is_some_and(|unit| matches!(unit, "" | "_ms" | "_s" | "_samples"))
    })
}

/// As vLLM writes it, of UTC: `20250131-235959`.
fn date(at: SystemTime) -> String {
    let Utc {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Utc::of(at);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_written_as_vllm_does() {
        let at = std::time::UNIX_EPOCH + Duration::from_secs(1_738_367_999);
        assert_eq!(date(at), "20250131-235959");
    }
}
