//! The sampler beside a run whose cases use devices.
//!
//! Promise: it fails no run; where it cannot be had, a note says so and what hangs on it is not checked. Rejected: a sampler for every run (most use
//! no device, and a thread that wakes each second is not nothing on a small machine).

use std::sync::Arc;

use tribunal_hardware::{LiveReader, Probe, TELEMETRY_INTERVAL, Telemetry};

use super::Run;
use super::course::Course;
use crate::attempt::lock;

/// The lines, below the folder of the run.
const LINES: &str = "telemetry.jsonl";
/// What they come to.
const SUMMARY: &str = "telemetry.json";

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
        let reader = match &self.options.simulated {
            None => Ok(LiveReader::system()),
            Some(ledger) => Probe::simulated(ledger).map(|probe| LiveReader::of(&probe)),
        };
        let lines = folder.ok().map(|folder| folder.join(LINES));
        let started = reader
            .and_then(|reader| Telemetry::start(reader, lines.as_deref(), TELEMETRY_INTERVAL));
        match started {
            Ok(telemetry) => {
                if let Some(governed) = &mut lock(&self.queue).governed {
                    governed.telemetry = Some(Arc::new(telemetry));
                }
            }
            Err(e) => self.evidence.note(format!(
                "nothing is recorded of the devices, and their use is not checked: {e}"
            )),
        }
    }

    /// Ends it, and writes what the samples come to.
    pub(super) fn end_telemetry(&self) {
        let telemetry = match &mut lock(&self.queue).governed {
            Some(governed) => governed.telemetry.take(),
            None => None,
        };
        let Some(telemetry) = telemetry else {
            return;
        };
        let summary = telemetry.summary();
        drop(telemetry);
        if let Ok(run) = self.evidence.run_folder()
            && let Ok(text) = serde_json::to_vec_pretty(&summary)
        {
            // It is read by those who look into the folder; the run itself does not need it.
            let _ = std::fs::write(run.join("devices").join(SUMMARY), text);
        }
    }
}
