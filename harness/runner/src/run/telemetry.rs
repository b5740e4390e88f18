//! The sampler beside a run whose cases use devices.
//!
//! Promise: it fails no run. Rejected: beginning with the first start of a case (what was in use before is to be seen too).

use super::Run;
use super::course::Course;
use crate::attempt::lock;

impl Run {
    /// Starts it if some case of the run gets devices.
    pub(super) fn start_telemetry(&self) {
        let Some(resources) = &self.plan.resources else {
            return;
        };
        if !resources.jobs.iter().any(|job| job.gang > 0) || self.around.is_none() {
            return;
        }
        let folder = self.evidence.run_folder().and_then(|run| {
            let folder = run.join("devices");
            let made = std::fs::create_dir_all(&folder);
            made.map(|()| folder).map_err(|e| e.to_string())
        });
        if let (Ok(folder), false) = (&folder, self.options.process_per_test)
            && let Ok(course) = Course::begin(folder, resources)
            && let Some(governed) = &mut lock(&self.queue).governed
        {
            governed.course = Some(course);
        }
        if let Some(telemetry) = self.sampler.wanted()
            && let Some(governed) = &mut lock(&self.queue).governed
        {
            governed.telemetry = Some(telemetry);
        }
    }

    /// Ends it; what the samples come to.
    pub(super) fn end_telemetry(&self) -> Option<serde_json::Value> {
        if let Some(governed) = &mut lock(&self.queue).governed {
            governed.telemetry = None;
        }
        self.sampler.end()
    }
}
