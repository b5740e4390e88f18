//! The logs that a report is made from: files, or the folders of runs that hold them.
//!
//! Promise: several are one run afterwards (shards, retries, machines, processes of one run); a folder that holds none says which there are below it.
//! Rejected: taking every log that is somewhere below a folder (the folder of all runs would become one run that never was).

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tribunal_events::RunLog;

/// The most bytes that are read of a log. One with more is no log of tests.
const MOST: u64 = 4 * 1024 * 1024 * 1024;

/// Reads logs, or those of the folders of runs, and makes them one.
///
/// # Errors
/// A text that says which of them cannot be read, why, and what to do.
pub fn read(named: &[PathBuf]) -> Result<RunLog, String> {
    let mut logs = Vec::new();
    for path in named {
        for file in files(path)? {
            logs.push(log(&file)?);
        }
    }
    match (logs.len(), logs.pop()) {
        (1, Some(only)) => Ok(only),
        (_, Some(last)) => {
            logs.push(last);
            Ok(tribunal_events::merge(logs))
        }
        (_, None) => Err("no log was named".to_owned()),
    }
}

/// The logs of a run's folder, or the file itself.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = path.display();
    let about = path.metadata().map_err(|e| {
        format!("{shown}: {e}\nhelp: name the folder of a run, its events.jsonl, or `latest`")
    })?;
    if !about.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut all: Vec<PathBuf> = all.map(|e| e.path()).collect();
        all.sort();
        all
    };
    let inside = entries(path);
    let own: Vec<PathBuf> = inside.iter().filter(|p| is_log(p)).cloned().collect();
    if !own.is_empty() {
        return Ok(own);
    }
    let below: Vec<String> = inside
        .iter()
        .filter(|p| p.is_dir() && !p.is_symlink() && entries(p).iter().any(|p| is_log(p)))
        .map(|p| p.display().to_string())
        .collect();
    let help = match below.as_slice() {
        [] => "a run leaves it in its evidence folder, target/tribunal/RUN".to_owned(),
        [one] => format!("name the folder of a run: {one}"),
        all => {
            let newest = &all[all.len().saturating_sub(5)..];
            let count = all.len();
            format!(
                "it holds {count} folders of runs; name those that make up one run, such as\n  {}",
                newest.join("\n  ")
            )
        }
    };
    Err(format!(
        "{shown} holds no event log (events.jsonl)\nhelp: {help}"
    ))
}

/// `events.jsonl`, or `events-….jsonl` of each process of a run.
fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    name.ends_with(".jsonl") && (name == "events.jsonl" || name.starts_with("events-"))
}

fn log(file: &Path) -> Result<RunLog, String> {
    let shown = file.display();
    let wrong = |e: std::io::Error| format!("{shown}: {e}");
    let opened = File::open(file).map_err(wrong)?;
    let mut bytes = Vec::new();
    let read = opened
        .take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    if read as u64 > MOST {
        return Err(format!(
            "{shown} is longer than {MOST} bytes: no log of tests"
        ));
    }
    // A character that was cut in two by a kill stands in the last line, which is left out anyway.
    let text = String::from_utf8_lossy(&bytes);
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    RunLog::parse(&text, folder).map_err(|e| format!("{shown}: {e}"))
}
