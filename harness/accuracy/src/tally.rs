//! How many rows got which mark.

use std::collections::BTreeMap;

use crate::binomial::Interval;
use crate::mark::Mark;
use crate::record::Record;

/// Counts of marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<Mark, usize>,
    errors: Option<(usize, usize)>,
}

impl Tally {
    /// Counts some records.
    pub(crate) fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Tally {
        let mut tally = Tally::default();
        for record in records {
            *tally.counts.entry(record.mark).or_default() += 1;
            if let Some((errors, reference)) = record.errors {
                let (all, whole) = tally.errors.unwrap_or_default();
                tally.errors = Some((all + errors, whole + reference));
            }
        }
        tally
    }

    /// How many got a mark.
    pub fn count(&self, mark: Mark) -> usize {
        self.counts.get(&mark).copied().unwrap_or(0)
    }

    /// All rows, those that the server failed on among them.
    pub fn rows(&self) -> usize {
        self.counts.values().sum()
    }

    /// How many were answered rightly.
    pub fn right(&self) -> usize {
        self.count(Mark::Right)
    }

    /// On how many the server failed.
    pub fn failed(&self) -> usize {
        self.count(Mark::Failed)
    }

    /// The share that was answered rightly. `None` where nothing was asked, and where the server failed on a row: then it is not known.
    pub fn accuracy(&self) -> Option<f64> {
        (self.failed() == 0 && self.rows() > 0).then(|| self.right() as f64 / self.rows() as f64)
    }

    /// Where the accuracy lies with 95 % confidence, after Wilson.
    pub fn interval(&self) -> Option<Interval> {
        self.accuracy()?;
        Interval::wilson(self.right(), self.rows(), 0.95)
    }

    /// The error rate over all references together (WER or CER), where texts were aligned.
    pub fn error_rate(&self) -> Option<f64> {
        let (errors, reference) = self.errors?;
        (self.failed() == 0 && reference > 0).then(|| errors as f64 / reference as f64)
    }
}
