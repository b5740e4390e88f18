//! The memory of devices, as the run's telemetry recorded it beside the log.
//!
//! Promise: what cannot be read is not there, and nothing is made up in its place; no more than a bound is read. Rejected: reading it as part of the
//! log (a run that uses no device has none, and a long one has megabytes).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde::Deserialize;
use tribunal_events::RunLog;

/// Where it lies in the run's folder.
const FILE: &str = "devices/telemetry.jsonl";
/// The most that is read of a file.
const BYTES: u64 = 256 * 1024 * 1024;

/// What a device's memory was at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MemorySample {
    /// In milliseconds since the Unix epoch.
    pub at: f64,
    /// The device.
    pub device: String,
    /// Bytes in use.
    pub used: u64,
}

#[derive(Deserialize)]
struct Line {
    started_unix_ms: Option<f64>,
    t: Option<f64>,
    device: Option<String>,
    name: Option<String>,
    memory_used: Option<u64>,
}

/// The samples of a run, or of those that were merged into it, from the folders of their logs.
pub fn memory_samples(run: &RunLog) -> Vec<MemorySample> {
    let mut folders: BTreeSet<&Path> = run.cases.iter().map(|c| c.folder.as_path()).collect();
    folders.insert(&run.folder);
    let mut all: Vec<MemorySample> = folders
        .iter()
        .filter_map(|folder| File::open(folder.join(FILE)).ok())
        .flat_map(of_file)
        .collect();
    all.sort_by(|a, b| a.at.total_cmp(&b.at));
    all
}

fn of_file(file: File) -> Vec<MemorySample> {
    let mut begun = None;
    let mut all = Vec::new();
    let mut reader = BufReader::new(file.take(BYTES));
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
        let line = serde_json::from_slice::<Line>(&bytes);
        bytes.clear();
        let Ok(line) = line else { continue };
        begun = begun.or(line.started_unix_ms);
        if let (Some(begun), Some(t), Some(device), Some(used)) =
            (begun, line.t, line.device, line.memory_used)
        {
            let device = match line.name {
                Some(name) => format!("{name} ({device})"),
                None => device,
            };
            let at = begun + t * 1000.0;
            all.push(MemorySample { at, device, used });
        }
    }
    all
}
