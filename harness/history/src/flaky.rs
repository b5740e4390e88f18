//! Whether a case that fails is flaky, or fails for a reason.
//!
//! Promise: a pure function of its past and of a window. A case without a past has no excuse; one that failed so often in a row is a regression
//! whatever it did before; what the machine did is not held against it; too little is known is an answer. Rejected: counting failures alone (a case that
//! runs often fails often), and a probability of being flaky (nobody knows what to do at 0.7).

use tribunal_events::Outcome;

use crate::past::Past;

/// The class of failures that say nothing of the case.
const NOT_ITS_DOING: &str = "infrastructure";
/// Milliseconds of a day.
const DAY: f64 = 86_400_000.0;

/// By what a case is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The end of the window, in milliseconds since the Unix epoch.
    pub now: f64,
    /// How far back it reaches, in days.
    pub days: f64,
    /// A case that passes more often than this is flaky when it fails.
    pub flaky_above: f64,
    /// So many of the newest runs are asked for a regression.
    pub newest: usize,
    /// So many failures in a row are a regression.
    pub in_a_row: usize,
}

impl Window {
    /// A week; flaky above 80 %; a regression after 3 of the last 20 runs in a row.
    pub fn until(now: f64) -> Window {
        Window {
            now,
            days: 7.0,
            flaky_above: 0.8,
            newest: 20,
            in_a_row: 3,
        }
    }
}

/// What a case's past says.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It passed whenever it ran.
    Steady,
    /// It fails now and then, without a reason that lasts.
    Flaky,
    /// It passed, and fails in a row since.
    Regressed {
        /// The last run in which it passed, and what was checked out.
        passed: Evidence,
        /// The first of those in which it has failed since.
        failed: Evidence,
    },
    /// It fails too often to be called flaky.
    Failing,
    /// It has not passed before: it is new, and its failure is its own.
    New,
    /// It ran, and nothing that it did says anything.
    Unknown,
}

impl Judgement {
    /// One word for people and machines.
    pub fn word(&self) -> &'static str {
        match self {
            Judgement::Steady => "steady",
            Judgement::Flaky => "flaky",
            Judgement::Regressed { .. } => "regressed",
            Judgement::Failing => "failing",
            Judgement::New => "new",
            Judgement::Unknown => "unknown",
        }
    }
}

/// A run that says something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// When, in milliseconds since the Unix epoch.
    pub at: f64,
    /// The name of the run.
    pub run: String,
    /// What was checked out.
    pub commit: Option<String>,
}

impl Evidence {
    fn of(past: &Past) -> Evidence {
        Evidence {
            at: past.at,
            run: past.run.clone(),
            commit: past.commit.clone(),
        }
    }
}

/// A case with what its past says.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Its name.
    pub case: String,
    /// What its past says.
    pub judgement: Judgement,
    /// Runs in the window that say something.
    pub runs: usize,
    /// Of these, in how many it passed.
    pub passes: usize,
    /// Of the passes, how many were repetitions.
    pub repeated: usize,
    /// Failures in the window that were the machine's.
    pub elsewhere: usize,
}

impl Judged {
    /// How often it passes; absent where no run says anything.
    pub fn rate(&self) -> Option<f64> {
        (self.runs > 0).then(|| self.passes as f64 / self.runs as f64)
    }
}

/// What one run says of the case; `None`: nothing.
fn passed(past: &Past) -> Option<bool> {
    match past.outcome {
        Outcome::Passed | Outcome::ExpectedFailure | Outcome::NoBaseline | Outcome::Flaky => {
            Some(true)
        }
        Outcome::Failed
        | Outcome::TimedOut
        | Outcome::SetUpFailed
        | Outcome::TeardownFailed
        | Outcome::UnexpectedPass => {
            (past.class.as_deref() != Some(NOT_ITS_DOING)).then_some(false)
        }
        // A figure has a history of its own, and the others did not run.
        Outcome::Regressed
        | Outcome::Inconclusive
        | Outcome::Invalid
        | Outcome::Skipped
        | Outcome::Ignored
        | Outcome::NotRun => None,
    }
}

/// It passed, and not at once.
fn was_repeated(past: &Past) -> bool {
    past.outcome == Outcome::Flaky || past.outcome == Outcome::Passed && past.attempts > 1
}

/// Judges a case by its past, in any order; `None` where it did not run within the window.
pub fn judge<'a>(
    case: &str,
    past: impl IntoIterator<Item = &'a Past>,
    window: &Window,
) -> Option<Judged> {
    let begin = window.now - window.days * DAY;
    let mut all: Vec<&Past> = past
        .into_iter()
        .filter(|p| p.case == case && p.at <= window.now)
        .collect();
    all.sort_by(|a, b| a.at.total_cmp(&b.at));
    if all.last().is_none_or(|p| p.at < begin) {
        return None;
    }
    let telling: Vec<(&Past, bool)> = all.iter().filter_map(|p| Some((*p, passed(p)?))).collect();
    let within: Vec<&(&Past, bool)> = telling.iter().filter(|(p, _)| p.at >= begin).collect();
    let failed_elsewhere = |p: &&&Past| {
        p.at >= begin && p.class.as_deref() == Some(NOT_ITS_DOING) && passed(p).is_none()
    };
    let mut judged = Judged {
        case: case.to_owned(),
        judgement: Judgement::Unknown,
        runs: within.len(),
        passes: within.iter().filter(|(_, passed)| *passed).count(),
        repeated: within.iter().filter(|(p, _)| was_repeated(p)).count(),
        elsewhere: all.iter().filter(failed_elsewhere).count(),
    };
    judged.judgement = judgement(&judged, &telling, window);
    Some(judged)
}

fn judgement(judged: &Judged, telling: &[(&Past, bool)], window: &Window) -> Judgement {
    if judged.runs == 0 {
        return Judgement::Unknown;
    }
    let newest = &telling[telling.len().saturating_sub(window.newest)..];
    let in_a_row = newest
        .iter()
        .rev()
        .take_while(|(_, passed)| !passed)
        .count();
    if in_a_row >= window.in_a_row.max(1) {
        // The pass may be older than the newest runs.
        let last_pass = telling.iter().rposition(|(_, passed)| *passed);
        return match last_pass {
            Some(at) => Judgement::Regressed {
                passed: Evidence::of(telling[at].0),
                failed: Evidence::of(telling[at + 1].0),
            },
            None => Judgement::New,
        };
    }
    if judged.passes == judged.runs {
        return match judged.repeated {
            0 => Judgement::Steady,
            _ => Judgement::Flaky,
        };
    }
    let first_failure = telling.iter().position(|(_, passed)| !passed);
    if first_failure == Some(0) && !telling.iter().any(|(_, passed)| *passed) {
        return Judgement::New;
    }
    match judged.rate().is_some_and(|rate| rate > window.flaky_above) {
        true => Judgement::Flaky,
        false => Judgement::Failing,
    }
}

/// Cases of one test with the same counts, which fail together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What their names have in common up to the last `::`.
    pub test: String,
    /// One of them, for the counts and the judgement of all.
    pub like: Judged,
    /// Their names, in order.
    pub cases: Vec<String>,
}

/// Puts variants of a test together that have the same judgement and counts; the rest stand alone.
pub fn groups(judged: Vec<Judged>) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    for one in judged {
        let test = one
            .case
            .rsplit_once("::")
            .map_or(&*one.case, |(t, _)| t)
            .to_owned();
        let alike = |other: &Judged| {
            other.judgement == one.judgement
                && (other.runs, other.passes, other.repeated)
                    == (one.runs, one.passes, one.repeated)
        };
        match groups.iter_mut().find(|g| g.test == test && alike(&g.like)) {
            Some(group) => group.cases.push(one.case),
            None => groups.push(Group {
                test,
                cases: vec![one.case.clone()],
                like: one,
            }),
        }
    }
    for group in &mut groups {
        group.cases.sort();
    }
    groups
}

#[cfg(test)]
#[path = "flaky_tests.rs"]
mod tests;
