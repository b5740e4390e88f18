//! A run, as its log tells it.
//!
//! Promise: whatever stands before the first line that is no line is read; a case without an end is *not run*, or *cut off* where it had begun; nothing
//! is invented. Rejected: refusing a log that ends in the middle of a line, which is what a run that was killed leaves.

use std::path::PathBuf;

use crate::line::{
    CaseEnded, CaseLine, CaseStarted, Fault, Line, Outcome, PhaseName, RunEnded, RunStarted, SCHEMA,
};

/// A run that was read back from its log, or several that were merged.
#[derive(Clone, Debug, Default)]
pub struct RunLog {
    /// The first line; of merged logs, that of the earliest.
    pub started: RunStarted,
    /// The cases, in the order of the log.
    pub cases: Vec<CaseLog>,
    /// Panics that belong to no test: when, and the text.
    pub stray_panics: Vec<(f64, String)>,
    /// When the run was stopped, and why.
    pub stopping: Option<(f64, String)>,
    /// The end; absent where the writer died before it.
    pub ended: Option<RunEnded>,
    /// When the last line was written.
    pub last: f64,
    /// What is wrong with the log, in lines for people.
    pub wrong: Vec<String>,
    /// The folder where the log lies: evidence is relative to it. Of merged logs see [`CaseLog::folder`].
    pub folder: PathBuf,
    /// The logs that were merged into this one, in order; empty for a single log.
    pub parts: Vec<RunStarted>,
}

/// A case of a run.
#[derive(Clone, Debug, Default)]
pub struct CaseLog {
    /// What it is.
    pub line: CaseLine,
    /// Its attempts, in order. None for one that was skipped, ignored or kept from running.
    pub attempts: Vec<AttemptLog>,
    /// How it ended without an attempt (skipped, ignored, not run), where the log says so.
    pub unattempted: Option<CaseEnded>,
    /// Where its evidence lies.
    pub folder: PathBuf,
}

/// An attempt of a case.
#[derive(Clone, Debug, Default)]
pub struct AttemptLog {
    /// How it began.
    pub started: CaseStarted,
    /// When its phases began.
    pub phases: Vec<(PhaseName, f64)>,
    /// The timelines of its faults.
    pub faults: Vec<Fault>,
    /// How it ended; absent where the log ends before.
    pub ended: Option<CaseEnded>,
}

impl CaseLog {
    /// How the case ended: that of its last attempt, *flaky* where it passed after one that did not.
    pub fn outcome(&self) -> Outcome {
        let Some(last) = self.attempts.last() else {
            return self
                .unattempted
                .as_ref()
                .map_or(Outcome::NotRun, |e| e.outcome);
        };
        let Some(end) = &last.ended else {
            return Outcome::NotRun;
        };
        match end.outcome {
            Outcome::Passed if self.attempts.len() > 1 => Outcome::Flaky,
            outcome => outcome,
        }
    }

    /// It had begun when the log ended.
    pub fn is_cut_off(&self) -> bool {
        self.attempts.last().is_some_and(|a| a.ended.is_none())
    }

    /// The end that counts, if there is one.
    pub fn end(&self) -> Option<&CaseEnded> {
        match self.attempts.last() {
            Some(last) => last.ended.as_ref(),
            None => self.unattempted.as_ref(),
        }
    }
}

impl Outcome {
    /// The word that every report uses.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed out",
            Outcome::SetUpFailed => "set-up failed",
            Outcome::TeardownFailed => "teardown failed",
            Outcome::Skipped => "skipped",
            Outcome::Ignored => "ignored",
            Outcome::ExpectedFailure => "expected failure",
            Outcome::UnexpectedPass => "unexpected pass",
            Outcome::NoBaseline => "no baseline",
            Outcome::Regressed => "regressed",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Invalid => "invalid",
            Outcome::Flaky => "flaky",
            Outcome::NotRun => "not run",
        }
    }

    /// The outcome of a word.
    pub fn of_word(word: &str) -> Option<Outcome> {
        let all = [
            Outcome::Passed,
            Outcome::Failed,
            Outcome::TimedOut,
            Outcome::SetUpFailed,
            Outcome::TeardownFailed,
            Outcome::Skipped,
            Outcome::Ignored,
            Outcome::ExpectedFailure,
            Outcome::UnexpectedPass,
            Outcome::NoBaseline,
            Outcome::Regressed,
            Outcome::Inconclusive,
            Outcome::Invalid,
            Outcome::Flaky,
            Outcome::NotRun,
        ];
        all.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Whether it makes a run fail, unless it is waived.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Outcome::Failed
                | Outcome::TimedOut
                | Outcome::SetUpFailed
                | Outcome::TeardownFailed
                | Outcome::UnexpectedPass
                | Outcome::Regressed
                | Outcome::Inconclusive
                | Outcome::Invalid
        )
    }
}

impl RunLog {
    /// Reads the text of a log that lies in `folder`. An error where its first line is no beginning of a run that this version can read.
    pub fn parse(text: &str, folder: impl Into<PathBuf>) -> Result<RunLog, String> {
        let mut run = RunLog {
            folder: folder.into(),
            ..RunLog::default()
        };
        let mut begun = false;
        let mut rest = text;
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let (line, after, whole) = match rest.split_once('\n') {
                Some((line, after)) => (line, after, true),
                None => (rest, "", false),
            };
            rest = after;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Line>(line) {
                Ok(line) => {
                    if !begun && !matches!(line, Line::RunStarted(_)) {
                        return Err(format!(
                            "line {number} is no beginning of a run: an event log starts with `run_started`"
                        ));
                    }
                    begun = true;
                    run.add(line, number)?;
                }
                Err(e) if !begun => return Err(format!("line {number} is no event: {e}")),
                Err(_) if !whole => run.wrong.push(format!(
                    "the log ends in the middle of line {number}: its writer was killed"
                )),
                Err(e) => run
                    .wrong
                    .push(format!("line {number} is no event and was left out: {e}")),
            }
        }
        if begun {
            Ok(run)
        } else {
            Err("the log is empty".to_owned())
        }
    }

    fn add(&mut self, line: Line, number: usize) -> Result<(), String> {
        let at = match &line {
            Line::RunStarted(l) => l.at,
            Line::CaseStarted(l) => l.at,
            Line::Fault(l) => l.at,
            Line::CaseEnded(l) => l.at,
            Line::RunEnded(l) => l.at,
            Line::Phase { at, .. } | Line::StrayPanic { at, .. } | Line::Stopping { at, .. } => *at,
            Line::Case(_) | Line::Unknown => self.last,
        };
        self.last = self.last.max(at);
        match line {
            Line::RunStarted(started) => {
                if started.schema > SCHEMA {
                    return Err(format!(
                        "the log is of schema {}, and this program reads up to {SCHEMA}\nhelp: use the version of the harness that wrote it ({}), or a later one",
                        started.schema, started.harness
                    ));
                }
                self.started = *started;
            }
            Line::Case(case) => {
                if case.case != self.cases.len() {
                    self.wrong.push(format!(
                        "line {number}: case {} comes where {} was expected, and was left out",
                        case.case,
                        self.cases.len()
                    ));
                    return Ok(());
                }
                self.cases.push(CaseLog {
                    line: *case,
                    folder: self.folder.clone(),
                    ..CaseLog::default()
                });
            }
            Line::CaseStarted(started) => {
                if let Some(case) = self.case(started.case, number) {
                    case.attempts.push(AttemptLog {
                        started,
                        ..AttemptLog::default()
                    });
                }
            }
            Line::Phase {
                at,
                case,
                attempt,
                phase,
            } => {
                if let Some(attempt) = self.attempt(case, attempt, number) {
                    attempt.phases.push((phase, at));
                }
            }
            Line::Fault(fault) => {
                if let Some(attempt) = self.attempt(fault.case, fault.attempt, number) {
                    attempt.faults.push(fault);
                }
            }
            Line::CaseEnded(ended) if ended.attempt == 0 => {
                if let Some(case) = self.case(ended.case, number) {
                    case.unattempted = Some(*ended);
                }
            }
            Line::CaseEnded(ended) => {
                if let Some(attempt) = self.attempt(ended.case, ended.attempt, number) {
                    attempt.ended = Some(*ended);
                }
            }
            Line::StrayPanic { at, text, .. } => self.stray_panics.push((at, text)),
            Line::Stopping { at, why } => {
                self.stopping.get_or_insert((at, why));
            }
            Line::RunEnded(ended) => self.ended = Some(*ended),
            Line::Unknown => {}
        }
        Ok(())
    }

    fn case(&mut self, case: usize, number: usize) -> Option<&mut CaseLog> {
        if case >= self.cases.len() {
            self.wrong.push(format!(
                "line {number} speaks of case {case}, of which there are {}",
                self.cases.len()
            ));
        }
        self.cases.get_mut(case)
    }

    fn attempt(&mut self, case: usize, attempt: u32, number: usize) -> Option<&mut AttemptLog> {
        let position = self
            .case(case, number)?
            .attempts
            .iter()
            .rposition(|a| a.started.attempt == attempt);
        if position.is_none() {
            self.wrong.push(format!(
                "line {number} speaks of attempt {attempt} of case {case}, which had not begun"
            ));
        }
        self.cases.get_mut(case)?.attempts.get_mut(position?)
    }
}
