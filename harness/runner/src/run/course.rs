//! What started and ended when, and on which devices: a line of JSON for each, in the folder of the run.
//!
//! Promise: the lines stand in the order in which the governor decided, whatever threads did afterwards, so that they can be compared with the
//! plan. A file that cannot be written fails no run. Rejected: the stream of events (threads begin and end in any order).

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tribunal_governor::Governor;

use crate::grant::Grant;
use crate::resources::Resources;

/// The lines, in the folder of devices.
const LINES: &str = "schedule.jsonl";

/// Writes the lines.
pub(super) struct Course {
    file: Option<File>,
    devices: usize,
}

impl Course {
    /// Begins the file; the first line says what the devices are.
    pub fn begin(folder: &Path, resources: &Resources) -> std::io::Result<Course> {
        let mut course = Course {
            file: Some(File::create(folder.join(LINES))?),
            devices: resources.cards.len(),
        };
        let cards = resources.cards.iter();
        let cards: Vec<Value> = cards
            .map(|card| json!({"name": card.shown(), "model": card.model, "total_bytes": card.total}))
            .collect();
        course.line(&json!({"schema": 1, "simulated": resources.simulated, "devices": cards}));
        Ok(course)
    }

    pub fn start(&mut self, t: f64, case: &str, grant: Option<&Grant>, governor: &Governor) {
        let granted = grant.map_or(&[][..], Grant::devices);
        let devices = granted
            .iter()
            .map(|d| format!("{} {}", d.platform, d.index));
        self.line(&json!({
            "t": t, "event": "start", "case": case, "devices": devices.collect::<Vec<_>>(),
            "bytes": granted.first().and_then(|device| device.amount), "given": self.given(governor),
        }));
    }

    pub fn end(&mut self, t: f64, case: &str, governor: &Governor) {
        self.line(&json!({"t": t, "event": "end", "case": case, "given": self.given(governor)}));
    }

    /// What is given out of each device.
    fn given(&self, governor: &Governor) -> Vec<u64> {
        (0..self.devices).map(|card| governor.given(card)).collect()
    }

    fn line(&mut self, value: &Value) {
        let line = format!("{value}\n");
        if let Some(file) = &mut self.file
            && file.write_all(line.as_bytes()).is_err()
        {
            // Half a file says less than none would, and the next line fails too.
            self.file = None;
        }
    }
}
