//! What the end of a case's process means.
//!
//! Promise: a pure function of what was seen; an abort, a segmentation fault, an exit and a kill are each called what they are.

use std::time::Duration;

use super::Result;
use crate::outcome::{Outcome, Phase};

/// Everything that was seen of a case's process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Why there was none.
    pub not_started: Option<String>,
    /// The phase that began last.
    pub phase: Option<Phase>,
    /// What the case said of its end.
    pub result: Option<Result>,
    /// It said that everything is done, and what else went wrong.
    pub done: Option<Vec<String>>,
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Processes that it left behind.
    pub left: Vec<String>,
    /// It was killed since it did not react when this phase's limit was over.
    pub killed_for: Option<(Phase, Duration)>,
    /// It was killed since the run is being stopped: why.
    pub stopped: Option<String>,
    /// What it printed says that a stack overflowed.
    pub overflowed: bool,
}

/// The outcome, whether the case itself has judged it, and what is worth noting.
pub(crate) fn meaning(mut seen: Seen) -> (Outcome, bool, Vec<String>) {
    let mut notes = seen
        .result
        .as_mut()
        .map_or(vec![], |r| std::mem::take(&mut r.notes));
    if let Some(why) = seen.not_started {
        return (
            Outcome::SetUpFailed(format!("no process for the case: {why}")),
            false,
            notes,
        );
    }
    let left = (!seen.left.is_empty()).then(|| {
        format!(
            "left {} process{} behind, which {} ended: {}",
            seen.left.len(),
            if seen.left.len() == 1 { "" } else { "es" },
            if seen.left.len() == 1 { "was" } else { "were" },
            seen.left.join("; ")
        )
    });
    let clean = seen.done.is_some() && seen.code == Some(0);
    if let (Some(result), true) = (&seen.result, clean) {
        let mut errors = seen.done.take().unwrap_or_default();
        errors.extend(left);
        return match &result.outcome {
            // It heard of the stop by a signal, and does not know why.
            outcome if seen.stopped.is_some() && outcome.is_failure() => (
                Outcome::Failed(seen.stopped.unwrap_or_default()),
                true,
                notes,
            ),
            outcome if errors.is_empty() => (outcome.clone(), true, notes),
            Outcome::Passed
            | Outcome::ExpectedFailure(_)
            | Outcome::NoBaseline(_)
            | Outcome::Skipped(_) => (Outcome::TeardownFailed(errors.join("\n")), true, notes),
            Outcome::Regressed(_) | Outcome::Inconclusive(_) | Outcome::Invalid(_) => {
                notes.push(result.outcome.text());
                (Outcome::TeardownFailed(errors.join("\n")), true, notes)
            }
            outcome => {
                notes.extend(errors);
                (outcome.clone(), true, notes)
            }
        };
    }
    notes.extend(left);
    let when = match (&seen.result, seen.phase) {
        (Some(r), _) => format!("after the case had ended ({})", r.outcome.word()),
        (None, Some(phase)) => format!("in the {}", phase.name()),
        (None, None) => "before the case began".to_owned(),
    };
    if let Some(result) = &seen.result {
        let text = result.outcome.text();
        if !text.is_empty() {
            notes.push(text);
        }
    }
    let outcome = match (seen.killed_for, seen.stopped, seen.signal, seen.code) {
        (Some((phase, limit)), ..) => Outcome::TimedOut(
            phase,
            limit,
            "its process did not react and was killed".into(),
        ),
        (None, Some(why), ..) => Outcome::Failed(why),
        (None, None, Some(6), _) if seen.overflowed => Outcome::Failed(format!(
            "stack overflow {when}: the process was aborted (SIGABRT)"
        )),
        (None, None, Some(signal), _) => Outcome::Failed(format!(
            "the process was ended by {} {when}",
            signal_name(signal)
        )),
        (None, None, None, Some(code)) => Outcome::Failed(format!(
            "the process ended itself with exit code {code} {when}\nhelp: return an error or panic instead"
        )),
        (None, None, None, None) => {
            Outcome::Failed(format!("the process was lost {when}; nobody saw its end"))
        }
    };
    (outcome, false, notes)
}

fn signal_name(signal: i32) -> String {
    let (name, what) = match signal {
        1 => ("SIGHUP", "hang-up"),
        2 => ("SIGINT", "interrupt"),
        3 => ("SIGQUIT", "quit"),
        4 => ("SIGILL", "illegal instruction"),
        5 => ("SIGTRAP", "trap"),
        6 => ("SIGABRT", "abort"),
        7 => ("SIGBUS", "bus error"),
        8 => ("SIGFPE", "arithmetic error"),
        9 => (
            "SIGKILL",
            "killed from outside, perhaps by the kernel for want of memory",
        ),
        11 => ("SIGSEGV", "segmentation fault"),
        13 => ("SIGPIPE", "broken pipe"),
        14 => ("SIGALRM", "alarm"),
        15 => ("SIGTERM", "termination"),
        24 => ("SIGXCPU", "processor time limit"),
        25 => ("SIGXFSZ", "file size limit"),
        31 => ("SIGSYS", "forbidden system call"),
        n => return format!("signal {n}"),
    };
    format!("{name} ({what})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Times;

    fn result(outcome: Outcome) -> Option<Result> {
        Some(Result {
            outcome,
            times: Times::default(),
            rows: vec![],
            open: vec![],
            class: None,
            figures: vec![],
            notes: vec!["a note".into()],
        })
    }

    fn finished(outcome: Outcome) -> Seen {
        Seen {
            phase: Some(Phase::Teardown),
            result: result(outcome),
            done: Some(vec![]),
            code: Some(0),
            ..Seen::default()
        }
    }

    fn in_body() -> Seen {
        Seen {
            phase: Some(Phase::Body),
            ..Seen::default()
        }
    }

    #[test]
    fn a_case_that_ends_as_it_should_judges_itself() {
        for outcome in [
            Outcome::Passed,
            Outcome::Failed("no".into()),
            Outcome::Skipped("why".into()),
        ] {
            assert_eq!(
                meaning(finished(outcome.clone())),
                (outcome, true, vec!["a note".to_owned()])
            );
        }
    }

    #[test]
    fn every_other_end_is_called_what_it_is() {
        for (seen, expected) in [
            (
                Seen {
                    signal: Some(6),
                    ..in_body()
                },
                "the process was ended by SIGABRT (abort) in the body",
            ),
            (
                Seen {
                    signal: Some(11),
                    ..in_body()
                },
                "the process was ended by SIGSEGV (segmentation fault) in the body",
            ),
            (
                Seen {
                    signal: Some(6),
                    overflowed: true,
                    ..in_body()
                },
                "stack overflow in the body: the process was aborted (SIGABRT)",
            ),
            (
                Seen {
                    code: Some(0),
                    ..in_body()
                },
                "the process ended itself with exit code 0 in the body",
            ),
            (
                Seen {
                    code: Some(3),
                    phase: Some(Phase::SetUp),
                    ..Seen::default()
                },
                "the process ended itself with exit code 3 in the set-up",
            ),
            (
                Seen {
                    code: Some(2),
                    ..Seen::default()
                },
                "exit code 2 before the case began",
            ),
            (
                Seen {
                    signal: Some(64),
                    ..in_body()
                },
                "ended by signal 64 in the body",
            ),
            (in_body(), "nobody saw its end"),
            (
                Seen {
                    stopped: Some("interrupted".into()),
                    signal: Some(9),
                    ..in_body()
                },
                "interrupted",
            ),
        ] {
            let (outcome, judged, _) = meaning(seen);
            assert!(
                matches!(&outcome, Outcome::Failed(t) if t.contains(expected)),
                "{outcome:?}"
            );
            assert!(!judged);
        }
        let killed = Seen {
            killed_for: Some((Phase::Body, Duration::from_secs(2))),
            signal: Some(9),
            ..in_body()
        };
        assert!(
            matches!(meaning(killed).0, Outcome::TimedOut(Phase::Body, d, _) if d.as_secs() == 2)
        );
        let none = Seen {
            not_started: Some("no memory".into()),
            ..Seen::default()
        };
        assert!(matches!(meaning(none).0, Outcome::SetUpFailed(t) if t.contains("no memory")));
    }

    #[test]
    fn a_crash_after_a_pass_is_no_pass() {
        let seen = Seen {
            signal: Some(11),
            code: None,
            ..finished(Outcome::Passed)
        };
        assert_eq!(meaning(seen).0, Outcome::Failed("the process was ended by SIGSEGV (segmentation fault) after the case had ended (passed)".into()));
    }

    #[test]
    fn what_is_left_behind_fails_a_case_that_passed_and_is_noted_else() {
        let left = || vec!["7 (sleep)".to_owned()];
        let (outcome, ..) = meaning(Seen {
            left: left(),
            ..finished(Outcome::Passed)
        });
        assert_eq!(
            outcome,
            Outcome::TeardownFailed("left 1 process behind, which was ended: 7 (sleep)".into())
        );
        let (outcome, _, notes) = meaning(Seen {
            left: left(),
            ..finished(Outcome::Failed("no".into()))
        });
        assert_eq!(outcome, Outcome::Failed("no".into()));
        assert!(notes.iter().any(|n| n.contains("7 (sleep)")));
    }
}
