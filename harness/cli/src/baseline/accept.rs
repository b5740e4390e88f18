//! `cargo tribunal baseline accept`: runs become part of their baselines.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use tribunal_baseline::{Accepted, RunRecord, Store};
use tribunal_statistics::compare::FEWEST;

use super::{FAILED, object};

/// Accepts each result that counts; the others are told.
pub(super) fn run(store: &Store, results: &[PathBuf], as_json: bool) -> ExitCode {
    let (mut accepted, mut refused, mut text) = (Vec::new(), Vec::new(), String::new());
    for result in results {
        let done =
            RunRecord::read(result).and_then(|run| store.accept(&run).map(|done| (run, done)));
        match done {
            Ok((run, done)) => {
                let (file, new) = match &done {
                    Accepted::New(file) => (file, true),
                    Accepted::Already(file) => (file, false),
                };
                accepted.push(json!({"result": result.to_string_lossy(), "file": file.to_string_lossy(), "new": new}));
                let runs = store.base(&run.key).map_or(0, |base| base.runs.len());
                let word = if new {
                    "accepted"
                } else {
                    "was accepted before"
                };
                text += &format!(
                    "{}: {word}: {}, {}\n",
                    result.display(),
                    run.key.step,
                    standing(runs)
                );
            }
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "error: {}: {error}", result.display());
                refused.push(json!({"result": result.to_string_lossy(), "why": error.to_string()}));
            }
        }
    }
    let failed = !refused.is_empty();
    let shown = if as_json {
        object(store, json!({"accepted": accepted, "refused": refused}))
    } else {
        crate::say(&text)
    };
    if failed {
        ExitCode::from(FAILED)
    } else {
        shown
    }
}

/// What a baseline of so many runs is good for.
fn standing(runs: usize) -> String {
    match FEWEST.saturating_sub(runs) {
        0 => format!("a baseline of {runs} runs"),
        more if runs == 1 => format!("1 run; {more} more until they are a baseline"),
        more => format!("{runs} runs; {more} more until they are a baseline"),
    }
}
