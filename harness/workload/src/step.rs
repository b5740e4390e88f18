//! One point of a sweep: everything that is needed to send its load and to judge it.

use std::time::Duration;

use serde_json::{Map, Value};
use tribunal_traffic::Load;

use crate::baseline::Threshold;
use crate::data::{DataSpec, Refusal};
use crate::draw::Draw;
use crate::exam::ExamSpec;
use crate::sweep::Point;
use tribunal_traffic::Dialect;
use tribunal_traffic::Route;

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// How fast.
    Performance,
    /// For how long.
    Stability,
    /// How right.
    Accuracy,
}

impl Purpose {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Performance => "performance",
            Purpose::Stability => "stability",
            Purpose::Accuracy => "accuracy",
        }
    }
}

/// One point of a sweep.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// A Rust identifier, and no other step of the file has it.
    pub name: String,
    /// What the reference calls it: `{test_name}-{suffix}`, the same for all steps of a block.
    pub label: String,
    /// Where its block stands.
    pub line: usize,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it stands in its sweep.
    pub point: Point,
    /// What is sent; of a soak: one batch.
    pub load: Load,
    /// What it is made of.
    pub data: DataSpec,
    /// Why it cannot be run here.
    pub refused: Option<Refusal>,
    /// Where it is sent.
    pub route: Route,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Whose definitions the metrics follow.
    pub dialect: Dialect,
    /// The percentiles that are asked for.
    pub percentiles: Vec<f64>,
    /// The metrics of which percentiles are asked for: `ttft`, `audio_rtf`; empty: the usual.
    pub percentile_metrics: Vec<String>,
    /// Limits that an answer must keep to count as good: metric and milliseconds.
    pub goodput: Vec<(String, f64)>,
    /// Whether answers go on until they have the length that is asked for.
    pub ignore_eos: bool,
    /// What else stands in each request: sampling, and what the block adds.
    pub extra_body: Map<String, Value>,
    /// What the figures must keep to.
    pub thresholds: Vec<Threshold>,
    /// How long it goes on, in batches: a soak.
    pub duration: Option<Duration>,
    /// The requests of one batch of a soak.
    pub batch: Option<u32>,
    /// How answers are scored: a step that asks how right they are.
    pub exam: Option<ExamSpec>,
    /// The keys of the block, as they were read, for other clients.
    pub raw: Vec<(String, Value)>,
    /// The keys of a benchmark of vLLM-Ascend, as the file has them: for results in that project's form.
    pub written: Map<String, Value>,
}

impl Step {
    /// One batch of it: every range drawn by the step's seed and the number of the batch, so that a log with both repeats it.
    #[must_use]
    pub fn batch(&self, number: u64) -> Step {
        let mut draw = Draw::of(self.load.seed, number);
        let mut batch = self.clone();
        batch.data = self.data.drawn(&mut draw);
        if number > 0 {
            batch.load.seed = draw.next();
            // The server is warm.
            batch.load.warmups = 0;
        }
        batch
    }

    /// The limits that hold on a device; `None`: only those that hold on all.
    pub fn thresholds_on<'a>(
        &'a self,
        device: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Threshold> {
        self.thresholds.iter().filter(move |threshold| {
            threshold.hardware.is_none() || threshold.hardware.as_deref() == device
        })
    }
}
