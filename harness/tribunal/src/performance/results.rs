//! What a run leaves behind: its figures as JSON, with the record for baselines, and its raw events.
//!
//! Promise: written for every run that was measured, also where it fails; the evidence of an attempt is kept or removed as all evidence is.

use std::path::{Path, PathBuf};

use serde_json::{Map, json};
use tribunal_baseline::RunRecord;
use tribunal_traffic::{EventsHead, Provenance, ResultFile, write_events};

use super::step::{Measured, Step};

/// Writes the files of a run: `NAME-N.json`, with the keys of vLLM's and vLLM-Omni's result files, and `NAME-N.events.jsonl.gz`.
pub(super) fn keep(
    step: &Step,
    measured: &Measured,
    record: &RunRecord,
    run: u32,
    salt: Option<&str>,
) -> Result<(), String> {
    let folder = folder()?;
    let stem = step.stem(run);
    let about = about(step, record, salt);
    let file = ResultFile::of(&measured.run, &measured.metrics, &about);
    let mut result = file.to_json();
    if let Some(keys) = result.as_object_mut() {
        // What `cargo tribunal baseline accept` reads.
        keys.insert("run_record".to_owned(), record.to_json());
    }
    write(&folder.join(format!("{stem}.json")), |file| {
        serde_json::to_writer_pretty(file, &result).map_err(Into::into)
    })?;
    let events = folder.join(format!("{stem}.events.jsonl.gz"));
    let head = EventsHead::of(&measured.run);
    write_events(&events, &head, &measured.run.records)
        .map_err(|e| format!("{}: {e}", events.display()))
}

fn about(step: &Step, record: &RunRecord, salt: Option<&str>) -> Provenance {
    let (bench, key) = (step.bench.about(), &record.key);
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut more = Map::new();
    if !bench.injected.is_empty() {
        more.insert("injected".to_owned(), json!(bench.injected));
    }
    Provenance {
        step: Some(step.title()),
        test: Some(bench.case.clone()),
        backend: Some(step.route_name().to_owned()),
        model: known(&key.model),
        dataset: Some(format!("{:?}", step.data)),
        salt: salt.map(str::to_owned),
        deployment: known(&bench.deployment),
        deployment_hash: known(&key.config),
        device: known(&format!("{} x {}", key.hardware, key.count)),
        driver: known(&key.driver),
        more,
        ..Provenance::default()
    }
}

fn write(
    path: &Path,
    fill: impl FnOnce(std::fs::File) -> std::io::Result<()>,
) -> Result<(), String> {
    std::fs::File::create(path)
        .and_then(fill)
        .map_err(|e| format!("{}: {e}", path.display()))
}

/// The folder where an attempt keeps results.
fn folder() -> Result<PathBuf, String> {
    let folder = tribunal_runner::evidence().map_err(|e| e.to_string())?;
    let folder = folder.join("performance");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}
