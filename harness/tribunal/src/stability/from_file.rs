//! Soaks of workload files.

use std::time::Duration;

use tribunal_runner::TestResult;
use tribunal_soak::{Batch, BatchPlan};
use tribunal_traffic::RequestOptions;

use super::soaking::{Steady, conclude};
use crate::performance::{FromFile, data_set, route};

/// How long a soak lasts whose file does not say.
const LASTS: Duration = Duration::from_secs(300);

impl FromFile {
    /// Soaks the server of the case as the file says, and ends the test with what is found. Every range is drawn for each batch, by the seed of the step and the
    /// batch's number.
    pub async fn soak(&self, steady: Steady) -> TestResult {
        let step = &self.step;
        let options = self.request_options(RequestOptions::default());
        let options = steady.voiced(route(step.route), options);
        if let Some(other) = self.wants(&steady.target().model) {
            tribunal_runner::note(other);
        }
        let model = steady.target().model.clone();
        let mut steady = steady
            .lasting(step.duration.unwrap_or(LASTS))
            .seed(step.load.seed);
        if step.load.is_closed_loop() {
            steady = steady.at_most(step.load.concurrency.unwrap_or(1));
        }
        let make = |plan: &mut BatchPlan| {
            let batch = step.batch(plan.number);
            plan.note("load_seed", batch.load.seed);
            plan.note("data", format!("{:?}", batch.data));
            let data = data_set(&batch.data);
            let source = data.source(route(step.route), &model, batch.load.seed, &options);
            Ok(Batch {
                load: batch.load,
                source: source.map_err(|error| error.to_string())?,
            })
        };
        conclude(&steady.batches(make).await?)
    }
}
