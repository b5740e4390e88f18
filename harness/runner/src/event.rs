//! What the runner emits. Every report is a function of this stream.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tribunal_events::{Figure, Sorted};

use crate::outcome::{Counts, Outcome, Phase, Times};
use crate::records::OpenCheck;
use crate::tables::{Row, Table};
use crate::told::FaultStep;

/// One event. Cases are named by their index in the [plan](crate::Plan).
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// When.
        at: Instant,
    },
    /// An attempt begins.
    CaseStarted {
        /// Index into the plan.
        planned: usize,
        /// When.
        at: Instant,
        /// Which attempt of it, from 1; 0 where none follows.
        attempt: u32,
        /// The numbers of the devices that it was given.
        devices: Vec<u32>,
        /// The shared fixtures that it reads.
        fixtures: Vec<String>,
    },
    /// A phase of an attempt begins. Said of attempts that have fixtures or a process of their own: the body of any other begins with the attempt.
    Phase {
        /// Index into the plan.
        planned: usize,
        /// Which attempt.
        attempt: u32,
        /// Which phase.
        phase: Phase,
        /// When.
        at: Instant,
    },
    /// A step of a fault that an attempt injects.
    Fault {
        /// Index into the plan.
        planned: usize,
        /// Which attempt.
        attempt: u32,
        /// When.
        at: Instant,
        /// What happened.
        step: FaultStep,
    },
    /// An attempt ended, and another of the same case follows.
    AttemptEnded(Ended),
    /// The last attempt of a case ended.
    CaseEnded(Ended),
    /// A thread that belongs to no test panicked; the run fails.
    StrayPanic {
        /// The panic's text, with its place.
        text: String,
        /// The names of the cases that were running.
        running: Vec<String>,
    },
    /// Something takes long: what is awaited, for people.
    Awaiting(String),
    /// The run is being stopped: why.
    Stopping(String),
    /// The run ended.
    RunEnded(Box<Summary>),
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Index into the plan.
    pub planned: usize,
    /// Which attempt, from 1; 0 where there was none.
    pub attempt: u32,
    /// When.
    pub at: Instant,
    /// How.
    pub outcome: Outcome,
    /// The class of its failure, where a rule knows it.
    pub class: Option<Sorted>,
    /// Why its failure does not fail the run, where it does not.
    pub waived: Option<String>,
    /// How long its phases took.
    pub times: Times,
    /// What it wrote: exact where nothing else ran.
    pub output: Output,
    /// What is worth saying beside the outcome.
    pub notes: Vec<String>,
    /// What it added to the tables at the end of the run.
    pub rows: Vec<Row>,
    /// Its checks that ended without an answer, and how often each.
    pub open: Vec<(OpenCheck, usize)>,
    /// What it measured.
    pub figures: Vec<Figure>,
    /// Its evidence folder, as people are told it, if it is kept.
    pub evidence: Option<String>,
    /// The same folder, as it is found.
    pub folder: Option<PathBuf>,
}

/// What was written while a case ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Surely by this case.
    pub own: Vec<u8>,
    /// By this case or by another that ran at the time: their names, and the text.
    pub shared: Vec<(Vec<String>, Vec<u8>)>,
}

impl Output {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::from_utf8_lossy(&self.own).into_owned();
        for (names, bytes) in &self.shared {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            let shown = if names.len() > 4 {
                format!("{} and {} more", names[..3].join(", "), names.len() - 3)
            } else {
                names.join(", ")
            };
            out.push_str(&format!(
                "[one of: {shown}]\n{}",
                String::from_utf8_lossy(bytes)
            ));
        }
        out
    }
}

impl Ended {
    /// Whether it makes the run fail.
    pub fn blocks(&self) -> bool {
        self.outcome.is_failure() && self.waived.is_none()
    }
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How many cases ended how.
    pub counts: Counts,
    /// From the first case's start to the last one's end.
    pub elapsed: Duration,
    /// Panics that belong to no test.
    pub stray_panics: usize,
    /// The signal that stopped the run.
    pub signal: Option<i32>,
    /// Teardown errors that no case can answer for any more.
    pub late_errors: Vec<String>,
    /// What is worth saying of the run.
    pub notes: Vec<String>,
    /// The tables that its cases filled.
    pub tables: Vec<Table>,
    /// What servers and devices took, in the form of `telemetry.json`; `None`: nobody looked, since no server ran and no device was used.
    pub telemetry: Option<serde_json::Value>,
    /// The evidence folder of the run, as people are told it, if anything is kept.
    pub evidence: Option<String>,
}
