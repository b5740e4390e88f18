//! The folder of past runs: a file for each, one line of JSON per case.
//!
//! Promise: runs that end at the same time, also on several machines of a shared folder, do not disturb one another: each appends to a file of its own, by
//! one system call. What is no line is skipped and told. Bounded in files and in bytes, the oldest go first. Rejected: one file for all (a run that is
//! killed while it rewrites it takes everything with it), and a database (a history is read with `jq` too).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tribunal_events::{Outcome, RunLog, RunStarted, Times};

use crate::expected::Expected;
use crate::past::Past;

/// The version of the files; those of a later one are skipped.
const SCHEMA: u32 = 1;
/// So many runs are kept.
const MOST_RUNS: usize = 300;
/// So many bytes are kept.
const MOST_BYTES: u64 = 256 << 20;
/// The most of one file that is read.
const LARGEST: u64 = 64 << 20;
/// So many mistakes are told.
const TOLD: usize = 3;

/// The first line of what a process has written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Head {
    tribunal_history: u32,
    at: f64,
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// How long all its cases took together, seconds.
    seconds: f64,
}

/// A case of it.
#[derive(Serialize, Deserialize)]
struct Row {
    case: String,
    at: f64,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    attempts: u32,
    /// Set-up, body, teardown: seconds.
    times: (f64, f64, f64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deployment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
}

/// What past runs say.
#[derive(Clone, Debug, Default)]
pub struct History {
    folder: PathBuf,
    cases: BTreeMap<String, Vec<Past>>,
    notes: Vec<String>,
    skipped: usize,
}

impl History {
    /// Reads all runs of a folder; none where there is no such folder.
    pub fn open(folder: impl Into<PathBuf>) -> History {
        History::newest(folder, usize::MAX)
    }

    /// Reads the newest runs of a folder: enough to tell how long cases take.
    pub fn newest(folder: impl Into<PathBuf>, runs: usize) -> History {
        let mut history = History {
            folder: folder.into(),
            ..History::default()
        };
        let files = files(&history.folder);
        for (path, _) in &files[files.len().saturating_sub(runs)..] {
            history.read(path);
        }
        history.settle();
        history
    }

    /// Reads one file: what [`History::open`] finds in a folder, or several of them put together.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(path: &Path) -> io::Result<History> {
        fs::metadata(path)?;
        let mut history = History::default();
        history.read(path);
        history.settle();
        Ok(history)
    }

    /// How long the cases of the newest run took together, in seconds; `None` where there is none. Cheap.
    pub fn weight(folder: &Path) -> Option<f64> {
        let (path, _) = files(folder).pop()?;
        let mut start = vec![];
        let file = fs::File::open(path).ok()?;
        file.take(4096).read_to_end(&mut start).ok()?;
        let line = start.split(|b| *b == b'\n').next()?;
        let head: Head = serde_json::from_slice(line).ok()?;
        Some(head.seconds)
    }

    /// Adds what a log says. A case that had no end says nothing.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn add(&self, log: &RunLog) -> io::Result<()> {
        self.add_ends(&log.started, &Past::of(log))
    }

    /// Adds the ends of a run's cases.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn add_ends(&self, started: &RunStarted, ends: &[Past]) -> io::Result<()> {
        // What did not run here says nothing of the case.
        let said = |p: &&Past| {
            !matches!(
                p.outcome,
                Outcome::NotRun | Outcome::Skipped | Outcome::Ignored
            )
        };
        let ends: Vec<&Past> = ends.iter().filter(said).collect();
        if ends.is_empty() {
            return Ok(());
        }
        let head = Head {
            tribunal_history: SCHEMA,
            at: started.at,
            run: started.run.clone(),
            commit: started.vcs.commit.clone(),
            branch: started.vcs.branch.clone(),
            seconds: ends.iter().map(|p| sum(&p.times)).sum(),
        };
        let mut text = serde_json::to_vec(&head)?;
        text.push(b'\n');
        for past in ends {
            let row = Row {
                case: past.case.clone(),
                at: past.at,
                outcome: past.outcome,
                class: past.class.clone(),
                attempts: past.attempts,
                times: (past.times.set_up, past.times.body, past.times.teardown),
                deployment: past.deployment.clone(),
                level: past.level.clone(),
            };
            serde_json::to_writer(&mut text, &row)?;
            text.push(b'\n');
        }
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!(
            "{}-{}.jsonl",
            plain(&started.run),
            plain(&started.host.name)
        ));
        // One call: the processes of one run share a file.
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&text)?;
        prune(&self.folder, MOST_RUNS, MOST_BYTES);
        Ok(())
    }

    /// Every end of a case, oldest first.
    pub fn past(&self, case: &str) -> &[Past] {
        self.cases.get(case).map_or(&[], Vec::as_slice)
    }

    /// The names of the cases that have a past.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.cases.keys().map(String::as_str)
    }

    /// How long a case is expected to take; `None` where nothing is known.
    pub fn expected(&self, case: &str) -> Option<Expected> {
        Expected::of(self.past(case))
    }

    /// The cases whose last end was a failure.
    pub fn last_failed(&self) -> BTreeSet<String> {
        let failed = |past: &&Past| past.outcome.is_failure();
        let last =
            |(case, past): (&String, &Vec<Past>)| past.last().filter(failed).map(|_| case.clone());
        self.cases.iter().filter_map(last).collect()
    }

    /// What could not be read, for people.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        if self.skipped > TOLD {
            notes.push(format!(
                "{} more lines of the history were skipped",
                self.skipped - TOLD
            ));
        }
        notes
    }

    fn read(&mut self, path: &Path) {
        let mut bytes = vec![];
        let read = fs::File::open(path).and_then(|f| f.take(LARGEST).read_to_end(&mut bytes));
        if let Err(e) = read {
            return self.skip(format!("{}: {e}", path.display()));
        }
        let mut head: Option<Head> = None;
        for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let at = || format!("{}:{}", path.display(), number + 1);
            if line.starts_with(b"{\"tribunal_history\"") {
                head = serde_json::from_slice(line).ok();
                match &head {
                    Some(h) if h.tribunal_history <= SCHEMA => {}
                    _ => {
                        head = None;
                        self.skip(format!(
                            "{}: a run of a version that this one does not read",
                            at()
                        ));
                    }
                }
                continue;
            }
            let (Some(head), Ok(row)) = (&head, serde_json::from_slice::<Row>(line)) else {
                self.skip(format!("{}: no line of a history", at()));
                continue;
            };
            let (set_up, body, teardown) = row.times;
            let past = Past {
                at: row.at,
                run: head.run.clone(),
                case: row.case,
                outcome: row.outcome,
                class: row.class,
                attempts: row.attempts,
                times: Times {
                    set_up,
                    body,
                    teardown,
                },
                commit: head.commit.clone(),
                branch: head.branch.clone(),
                deployment: row.deployment,
                level: row.level,
            };
            self.cases.entry(past.case.clone()).or_default().push(past);
        }
    }

    fn skip(&mut self, why: String) {
        if self.skipped < TOLD {
            self.notes.push(format!("skipped in the history: {why}"));
        }
        self.skipped += 1;
    }

    fn settle(&mut self) {
        for past in self.cases.values_mut() {
            past.sort_by(|a, b| a.at.total_cmp(&b.at));
        }
    }
}

pub(crate) fn sum(times: &Times) -> f64 {
    times.set_up + times.body + times.teardown
}

/// The files of runs with their lengths; their names sort by time.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(PathBuf, u64)> = entries
        .filter(|e| e.file_name().to_str().is_some_and(is_run))
        .map(|e| (e.path(), e.metadata().map_or(0, |m| m.len())))
        .collect();
    files.sort();
    files
}

/// `20260102-030405.678-….jsonl`: nothing else is ours to remove.
fn is_run(name: &str) -> bool {
    let pattern = b"dddddddd-dddddd.ddd-";
    name.ends_with(".jsonl")
        && name.len() > pattern.len()
        && name.bytes().zip(pattern).all(|(b, p)| match p {
            b'd' => b.is_ascii_digit(),
            p => b == *p,
        })
}

fn prune(folder: &Path, runs: usize, bytes: u64) {
    let files = files(folder);
    let mut room = bytes;
    for (n, (path, length)) in files.iter().rev().enumerate() {
        // The newest stays whatever its length.
        let fits = n == 0 || (n < runs && *length <= room);
        room = room.saturating_sub(*length);
        if !fits {
            // Another process may have removed it.
            let _ = fs::remove_file(path);
        }
    }
}

fn plain(name: &str) -> String {
    let keep = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => c,
        _ => '-',
    };
    name.chars().take(120).map(keep).collect()
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
