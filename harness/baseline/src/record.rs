//! The figures of one run, and whether they are worth anything.
//!
//! Promise: a figure without a sample is null; a run counts only if the measurement was good and the answers were right. Rejected: figures alone (baselines
//! have been averaged over nights in which the output was broken, and were fast).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tribunal_traffic::{Direction, Metrics};

use crate::{BaselineError, Key};

/// The form of the file; grows when a field changes its meaning.
pub(crate) const FORM: u32 = 1;
/// The largest file that is read.
const MOST_BYTES: u64 = 16 << 20;

/// Whether a measurement was good, whatever it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// It was.
    Valid,
    /// It was not: the client was the bottleneck, the device was throttled, somebody else used it.
    Invalid(Vec<String>),
}

/// Whether the same build answered rightly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checks {
    /// So many answers were judged, and all passed.
    Passed(u64),
    /// These did not.
    Failed(Vec<String>),
    /// Nothing was judged, and why.
    NotMade(String),
}

/// One metric of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigure {
    /// The value; null where there is no sample.
    pub value: Option<f64>,
    /// Samples that it is made of.
    pub samples: u64,
    /// Which way it is better.
    pub direction: Direction,
    /// Why nothing may be decided by it: too few samples for this percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_gate: Option<String>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The form of this record.
    pub form: u32,
    /// Its own name, unlike any other's.
    pub id: String,
    /// When it was made: milliseconds since 1970.
    pub at_ms: u64,
    /// What it may be compared with.
    pub key: Key,
    /// Whether the measurement was good.
    pub validity: Validity,
    /// Whether the answers were right.
    pub checks: Checks,
    /// The figures by metric.
    pub figures: BTreeMap<String, RunFigure>,
    /// Where it comes from: commit, host, server's version, files. For the reader; nothing is decided by it.
    #[serde(default)]
    pub provenance: BTreeMap<String, String>,
}

impl RunRecord {
    /// A run of now, without figures; its checks are not made yet.
    pub fn new(key: Key) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // In the order of time when sorted by name; the process and a count keep writers apart.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!(
            "{:013}-{:x}-{:x}-{count:x}",
            since.as_millis(),
            since.subsec_nanos(),
            std::process::id()
        );
        Self {
            form: FORM,
            id,
            at_ms: since.as_millis() as u64,
            key,
            validity: Validity::Valid,
            checks: Checks::NotMade("no answer was judged".into()),
            figures: BTreeMap::new(),
            provenance: BTreeMap::new(),
        }
    }

    /// Adds one figure.
    pub fn figure(
        &mut self,
        metric: &str,
        value: impl Into<Option<f64>>,
        samples: u64,
        direction: Direction,
    ) {
        let value = value.into().filter(|value| value.is_finite());
        let figure = RunFigure {
            value,
            samples,
            direction,
            no_gate: None,
        };
        self.figures.insert(metric.to_owned(), figure);
    }

    /// Adds all figures of a run.
    pub fn figures(&mut self, metrics: &Metrics) {
        for (name, figure) in metrics.iter() {
            let found = RunFigure {
                value: figure.value.filter(|value| value.is_finite()),
                samples: figure.samples,
                direction: figure.direction,
                no_gate: figure.gate.clone().err(),
            };
            self.figures.insert(name.to_owned(), found);
        }
    }

    /// Why it counts for nothing, where it does not.
    pub fn refused(&self) -> Option<String> {
        match (&self.validity, &self.checks) {
            (Validity::Invalid(reasons), _) => Some(format!(
                "the measurement is invalid: {}",
                reasons.join("; ")
            )),
            (_, Checks::Failed(failures)) => Some(format!(
                "functional checks of the same build failed: {}",
                failures.join("; ")
            )),
            (_, Checks::NotMade(why)) => Some(format!(
                "no functional check of the same build was made: {why}"
            )),
            (_, Checks::Passed(0)) => {
                Some("no functional check of the same build was made: none of 0 answers".into())
            }
            (_, Checks::Passed(_)) => None,
        }
    }

    /// The value of a metric that may decide something.
    pub(crate) fn gate_value(&self, metric: &str) -> Option<f64> {
        let figure = self.figures.get(metric)?;
        figure.value.filter(|_| figure.no_gate.is_none())
    }

    /// Reads a record: a file of its own, or a result file that holds it as `run_record`.
    ///
    /// # Errors
    /// Where the file cannot be read or holds none.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let failed = |error: std::io::Error| BaselineError::file(path, "read", &error);
        let bytes = std::fs::metadata(path).map_err(failed)?.len();
        if bytes > MOST_BYTES {
            return Err(BaselineError::form(
                path,
                format!("has {bytes} bytes; a record has at most {MOST_BYTES}"),
            ));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let mut value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| BaselineError::form(path, format!("is no JSON: {error}")))?;
        if let Some(inner) = value.get_mut("run_record") {
            value = inner.take();
        }
        match value.get("form").and_then(serde_json::Value::as_u64) {
            Some(form) if form == u64::from(FORM) => {}
            Some(form) => {
                let why = format!(
                    "is of form {form}, this program reads form {FORM}: it is of a newer or older harness"
                );
                return Err(BaselineError::form(path, why));
            }
            None => {
                let why = "holds no record of a run: expected `form`, `key` and `figures`, or a result file with `run_record`";
                return Err(BaselineError::form(path, why));
            }
        }
        serde_json::from_value(value)
            .map_err(|error| BaselineError::form(path, format!("is no record of a run: {error}")))
    }

    /// The record as JSON, for a file.
    pub fn to_json(&self) -> serde_json::Value {
        // A record is made of strings and finite numbers.
        serde_json::to_value(self).unwrap_or_default()
    }
}
