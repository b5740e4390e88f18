//! What a case comes to, for those who only want to know whether to worry: the one place where outcomes become *failed*, *skipped* and the rest.
//!
//! Promise: every report sorts by this, so that no two of them disagree on a case. Rejected: each format's own reading of the outcomes.

use tribunal_events::{CaseLog, Outcome, RunLog};

/// What a case comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standing {
    /// It fails the run.
    Failed,
    /// It had begun when the log ended: nobody knows.
    CutOff,
    /// It failed, and something says that this does not fail the run.
    Waived,
    /// It passed on a later attempt.
    Flaky,
    /// It did not run, and there is a reason.
    Skipped,
    /// It did not run because the run came to an end before.
    NotRun,
    /// It is as it should be.
    Passed,
}

/// Of a case.
pub(crate) fn standing(case: &CaseLog) -> Standing {
    if case.is_cut_off() {
        return Standing::CutOff;
    }
    let waived = case.end().is_some_and(|e| e.waived.is_some());
    match case.outcome() {
        outcome if outcome.is_failure() && waived => Standing::Waived,
        outcome if outcome.is_failure() => Standing::Failed,
        Outcome::Flaky => Standing::Flaky,
        Outcome::Skipped | Outcome::Ignored => Standing::Skipped,
        Outcome::NotRun => Standing::NotRun,
        _ => Standing::Passed,
    }
}

/// How the case ended, in a word.
pub(crate) fn word(case: &CaseLog) -> &'static str {
    if case.is_cut_off() {
        "cut off"
    } else {
        case.outcome().word()
    }
}

/// The failure's text, or why it did not run.
pub(crate) fn text(case: &CaseLog) -> &str {
    if case.is_cut_off() {
        return "the log ends while this case runs: the harness was killed, or is still at work";
    }
    match case.end() {
        Some(end) if !end.text.is_empty() => &end.text,
        None => "the run ended before its turn came",
        _ => "",
    }
}

/// How many cases come to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub failed: usize,
    pub cut_off: usize,
    pub waived: usize,
    pub flaky: usize,
    pub skipped: usize,
    pub not_run: usize,
    pub passed: usize,
}

impl Tally {
    /// Of all cases of a run.
    pub fn of(run: &RunLog) -> Tally {
        let mut tally = Tally::default();
        for case in &run.cases {
            *match standing(case) {
                Standing::Failed => &mut tally.failed,
                Standing::CutOff => &mut tally.cut_off,
                Standing::Waived => &mut tally.waived,
                Standing::Flaky => &mut tally.flaky,
                Standing::Skipped => &mut tally.skipped,
                Standing::NotRun => &mut tally.not_run,
                Standing::Passed => &mut tally.passed,
            } += 1;
        }
        tally
    }

    /// `2 failed, 1 flaky, 7 passed`: what there is none of is not named.
    pub fn sentence(&self) -> String {
        let parts: Vec<String> = [
            (self.failed, "failed"),
            (self.cut_off, "cut off"),
            (self.waived, "failed and waived"),
            (self.flaky, "flaky"),
            (self.passed, "passed"),
            (self.skipped, "skipped or ignored"),
            (self.not_run, "not run"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
        match parts.is_empty() {
            true => "no cases".to_owned(),
            false => parts.join(", "),
        }
    }
}

/// Where a case stands before its name: `e2e::chat` of `e2e::chat::short`.
pub(crate) fn module(case: &CaseLog) -> &str {
    let name: &str = match case.line.test.is_empty() {
        true => &case.line.name,
        false => &case.line.test,
    };
    name.rsplit_once("::").map_or("", |(module, _)| module)
}

/// Seconds from the first line to the last.
pub(crate) fn wall_seconds(run: &RunLog) -> f64 {
    ((run.last - run.started.at) / 1000.0).max(0.0)
}

/// Where a file of an attempt's evidence lies: relative to the workspace's root where it lies below it.
pub(crate) fn attachment(run: &RunLog, case: &CaseLog, evidence: &str, path: &str) -> String {
    let path = case.folder.join(evidence).join(path);
    let below = match run.started.root.is_empty() {
        true => None,
        false => path.strip_prefix(&run.started.root).ok(),
    };
    below.unwrap_or(&path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_what_there_is() {
        assert_eq!(Tally::default().sentence(), "no cases");
        let tally = Tally {
            failed: 2,
            flaky: 1,
            passed: 7,
            ..Tally::default()
        };
        assert_eq!(tally.sentence(), "2 failed, 1 flaky, 7 passed");
    }
}
