//! What a run leaves behind: its figures as JSON, with the record for baselines, and its raw events.
//!
//! Promise: written for every run that was measured, also where it fails; the evidence of an attempt is kept or removed as all evidence is.

use std::path::PathBuf;

use tribunal_baseline::RunRecord;

use super::step::{Measured, Step};

/// Writes the files of a run.
pub(super) fn keep(
    step: &Step,
    measured: &Measured,
    record: &RunRecord,
    run: u32,
    salt: Option<&str>,
) -> Result<(), String> {
    let folder = folder()?;
    let stem = step.stem(run);
    let events = folder.join(format!("{stem}.events.jsonl.gz"));
    tribunal_traffic::write_events(&events, &measured.run)
        .map_err(|e| format!("{}: {e}", events.display()))?;
    Ok(())
}

/// The folder where an attempt keeps results.
fn folder() -> Result<PathBuf, String> {
    let folder = tribunal_runner::evidence().map_err(|e| e.to_string())?;
    let folder = folder.join("performance");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}
