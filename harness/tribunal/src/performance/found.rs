//! What was found out by measuring, and how a test ends of it.
//!
//! Promise: what wins is decided here alone. Requests that failed come first, since a figure of the others says nothing of them; then whether
//! the measurement is any good; then what was asked for; then the baseline.

use tribunal_runner::{Error, TestResult, inconclusive, invalid, regressed};
use tribunal_traffic::Metrics;

/// What was found out, by what it means.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// Requests failed, or answers were wrong.
    pub broken: Vec<String>,
    /// The measurement is no good.
    pub invalid: Vec<String>,
    /// A threshold was not kept.
    pub missed: Vec<String>,
    /// Worse than the baseline.
    pub regressed: Vec<String>,
    /// No verdict is possible.
    pub undecided: Vec<String>,
    /// There is nothing to hold figures against.
    pub no_baseline: Option<String>,
    /// What is worth knowing all the same.
    pub notes: Vec<String>,
    /// The figures of the first run that was judged.
    pub metrics: Option<Metrics>,
}

impl Found {
    /// Everything of two measurements.
    pub fn and(mut self, other: Found) -> Found {
        self.broken.extend(other.broken);
        self.invalid.extend(other.invalid);
        self.missed.extend(other.missed);
        self.regressed.extend(other.regressed);
        self.undecided.extend(other.undecided);
        self.no_baseline = self.no_baseline.or(other.no_baseline);
        self.notes.extend(other.notes);
        self.metrics = self.metrics.or(other.metrics);
        self
    }

    /// Ends the running test.
    pub fn conclude(self) -> TestResult {
        self.notes
            .iter()
            .for_each(|note| tribunal_runner::note(note.clone()));
        let text = |lines: &[&[String]]| lines.concat().join("\n");
        let Found {
            broken,
            invalid: no_good,
            missed,
            regressed: worse,
            undecided,
            ..
        } = &self;
        if !broken.is_empty() {
            return Err(Error::of(text(&[broken])));
        }
        if !no_good.is_empty() {
            return Err(invalid(text(&[no_good])).into());
        }
        if !missed.is_empty() {
            return Err(Error::of(text(&[missed, worse, undecided])));
        }
        if !worse.is_empty() {
            return Err(regressed(text(&[worse, undecided])).into());
        }
        if !undecided.is_empty() {
            return Err(inconclusive(text(&[undecided])).into());
        }
        match self.no_baseline {
            Some(why) => tribunal_runner::no_baseline(why),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(broken: bool, invalid: bool, missed: bool, worse: bool, undecided: bool) -> Found {
        let some = |yes: bool, word: &str| match yes {
            true => vec![word.to_owned()],
            false => vec![],
        };
        Found {
            broken: some(broken, "broken"),
            invalid: some(invalid, "late"),
            missed: some(missed, "missed"),
            regressed: some(worse, "worse"),
            undecided: some(undecided, "noisy"),
            ..Found::default()
        }
    }

    #[test]
    fn what_is_broken_wins_and_a_bad_measurement_decides_nothing() {
        for (found, text) in [
            (found(true, true, true, true, true), "broken"),
            (found(false, true, true, true, true), "late"),
            (
                found(false, false, true, true, true),
                "missed\nworse\nnoisy",
            ),
            (found(false, false, false, true, true), "worse\nnoisy"),
            (found(false, false, false, false, true), "noisy"),
        ] {
            let error = found.conclude().expect_err(text);
            assert_eq!(error.message(), text);
        }
        assert!(found(false, false, false, false, false).conclude().is_ok());
    }
}
