//! What a stop found, for the whole deployment and for each of its processes.

use std::process::ExitStatus;
use std::time::Duration;

use crate::process::ProcessInfo;

/// What a stop found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopReport {
    /// How the server ended; `None` for one that was only reached, and still runs.
    pub exit: Option<ExitStatus>,
    /// The server had ended before it was asked to.
    pub ended_before: bool,
    /// Processes that still ran 0.2 s after the server itself had ended; they were stopped.
    pub outlived: Vec<ProcessInfo>,
    /// Processes that did not end when asked within the grace period, and were killed.
    pub killed: Vec<ProcessInfo>,
    /// Bytes of the log that could not be written, and the first reason.
    pub log_lost: Option<(u64, String)>,
    /// What could not be checked, or not be told whose it is, in words.
    pub notes: Vec<String>,
    /// The server is shared with other processes: this one has let go of it, and it ends when nobody uses it.
    pub shared: bool,
    /// How long the stop took.
    pub took: Duration,
    /// Every process of the deployment in the order in which they were stopped; the fields above are of the one whose port answers
    /// (`exit`, `ended_before`) and of all together.
    pub processes: Vec<ProcessStop>,
}

/// What the stop of one process of a deployment found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessStop {
    /// The part's name; `server` for the process whose port answers.
    pub name: String,
    /// How it ended.
    pub exit: Option<ExitStatus>,
    /// It had ended before it was asked to.
    pub ended_before: bool,
    /// Processes of its tree that still ran 0.2 s after it had ended; they were stopped.
    pub outlived: Vec<ProcessInfo>,
    /// Processes of its tree that did not end within the grace period, and were killed.
    pub killed: Vec<ProcessInfo>,
    /// Bytes of its log that could not be written, and the first reason.
    pub log_lost: Option<(u64, String)>,
    /// What could not be checked, in words.
    pub notes: Vec<String>,
    /// It is shared with other processes, and goes on for them.
    pub shared: bool,
    /// How long its stop took.
    pub took: Duration,
}

impl StopReport {
    /// Takes in what the stop of one process found; `main`: its port is the one that answers.
    #[cfg(target_os = "linux")]
    pub(crate) fn add(&mut self, stop: ProcessStop, main: bool) {
        if main {
            self.exit = stop.exit;
            self.ended_before = stop.ended_before;
            self.shared = stop.shared;
        }
        self.outlived.extend(stop.outlived.iter().cloned());
        self.killed.extend(stop.killed.iter().cloned());
        self.notes.extend(stop.notes.iter().cloned());
        self.log_lost = match (self.log_lost.take(), &stop.log_lost) {
            (Some((a, why)), Some((b, _))) => Some((a + b, why)),
            (one, other) => one.or_else(|| other.clone()),
        };
        self.processes.push(stop);
    }
}
