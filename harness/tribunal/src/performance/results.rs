//! What a run leaves behind: its figures as JSON, with the record for baselines, and its raw events.
//!
//! Promise: written for every run that was measured, also where it fails; the evidence of an attempt is kept or removed as all evidence is.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tribunal_baseline::RunRecord;

use super::step::{Measured, Step};

/// Writes the files of a run: `NAME-N.json` and `NAME-N.events.jsonl`.
pub(super) fn keep(
    step: &Step,
    measured: &Measured,
    record: &RunRecord,
    run: u32,
    salt: Option<&str>,
) -> Result<(), String> {
    let folder = folder()?;
    let stem = step.stem(run);
    let result = json!({
        "step": step.title(),
        "run": run,
        "deployment": step.bench.deployment(),
        "injected": step.bench.about().injected,
        "dialect": step.measure.dialect.to_string(),
        "load": measured.run.load,
        "salt": salt,
        "client": measured.run.cost,
        "validity": measured.run.validity(),
        "figures": figures(measured),
        "run_record": record.to_json(),
    });
    write(&folder.join(format!("{stem}.json")), |file| {
        serde_json::to_writer_pretty(file, &result).map_err(Into::into)
    })?;
    write(&folder.join(format!("{stem}.events.jsonl")), |file| {
        let mut file = std::io::BufWriter::new(file);
        for record in &measured.run.records {
            serde_json::to_writer(&mut file, record)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    })
}

/// All figures with what is known of each; null where there is no sample.
fn figures(measured: &Measured) -> Map<String, Value> {
    let figure = |(key, figure): (&str, &tribunal_traffic::Figure)| {
        let value = json!({
            "value": figure.value,
            "samples": figure.samples,
            "interval": figure.interval,
            "unit": figure.unit,
            "no_gate": figure.gate.as_ref().err(),
        });
        (key.to_owned(), value)
    };
    measured.metrics.iter().map(figure).collect()
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
