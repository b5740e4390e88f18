//! The sampler beside a run whose cases use devices.
//!
//! Promise: it fails no run. Rejected: beginning with the first start of a case (what was in use before is to be seen too).

use super::Run;
use crate::attempt::lock;

impl Run {
    /// Starts it if some case of the run gets devices.
    pub(super) fn start_telemetry(&self) {
        let resources = self.plan.resources.as_ref();
        let uses = resources.is_some_and(|r| r.jobs.iter().any(|job| job.gang > 0));
        if !uses || self.around.is_none() {
            return;
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
