//! What a run takes from earlier ones: lengths of cases, those that failed last, and the lengths by which shards are made.
//!
//! Promise: nothing is read that nobody needs: a run of one case, or one whose like took no time before, starts without its history. Shards are made by
//! recorded time only from a file that somebody names, since all machines must know the same. Rejected: shards by whatever history is there (two machines
//! would run some cases twice and others not at all).

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tribunal_history::History;
use tribunal_runner::{Options, Recalled, Task, UsageError};

/// So many runs tell how long cases take.
const RUNS: usize = 10;
/// Where all cases of a run took less than so many seconds together, their order is of no use.
const WORTHWHILE: f64 = 5.0;

/// Where the history lies: `--history-dir`, else beside the runs.
pub(crate) fn folder(o: &Options) -> PathBuf {
    let here = tribunal_runner::base();
    match (&o.history_dir, &o.evidence_dir) {
        (Some(folder), _) => here.join(folder),
        (None, Some(root)) => here.join(root).join("history"),
        (None, None) => tribunal_runner::reports_root().join("history"),
    }
}

/// What the selection and the plan are told.
pub(crate) fn recalled(o: &Options) -> Result<Recalled, UsageError> {
    let mut out = Recalled::default();
    if !matches!(
        o.task,
        Task::Run | Task::List | Task::Plan | Task::Explain(_)
    ) || o.hold
    {
        return Ok(out);
    }
    if let (Some(path), Some((_, parts))) = (&o.shard_history, o.shard) {
        let (seconds, digest) = lengths(&tribunal_runner::base().join(path))
            .map_err(|e| UsageError(format!("--shard-history {}: {e}\nhelp: a file of the history, or its folder; every shard must be given the same", path.display())))?;
        out.notes.push(match seconds.is_empty() {
            true => format!(
                "--shard parts by count: {} tells of no case",
                path.display()
            ),
            false => format!(
                "--shard parts by recorded time, {} cases in {parts} parts ({}, {digest}: the same in every shard, or cases run twice or never)",
                seconds.len(),
                path.display()
            ),
        });
        out.shards = (!seconds.is_empty()).then_some(seconds);
    }
    let by_failures = o.last_failed || o.failed_first;
    let one = o.process_per_test || (o.exact && o.filters.len() == 1);
    let folder = folder(o);
    let orders = !one
        && (o.slots() > 1 || o.task == Task::Plan)
        && History::weight(&folder).is_some_and(|s| s >= WORTHWHILE);
    if !orders && !by_failures {
        return Ok(out);
    }
    let history = match by_failures {
        true => History::open(&folder),
        false => History::newest(&folder, RUNS),
    };
    out.notes.extend(history.notes());
    for case in history.cases() {
        if let Some(expected) = history.expected(case) {
            out.seconds.insert(case.to_owned(), expected.seconds());
        }
    }
    if by_failures {
        out.failed = history.last_failed();
    }
    Ok(out)
}

/// The lengths in a history, and what tells it from another.
fn lengths(path: &Path) -> std::io::Result<(std::collections::HashMap<String, f64>, String)> {
    let history = match std::fs::metadata(path)?.is_dir() {
        true => History::open(path),
        false => History::file(path)?,
    };
    let mut digest = Sha256::new();
    let mut seconds = std::collections::HashMap::new();
    for case in history.cases() {
        if let Some(expected) = history.expected(case) {
            digest.update(format!("{case} {:.6}\n", expected.seconds()));
            seconds.insert(case.to_owned(), expected.seconds());
        }
    }
    let digest: String = digest
        .finalize()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((seconds, digest))
}
