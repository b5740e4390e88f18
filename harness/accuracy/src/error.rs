//! What kept a run from being asked, scored or compared.
//!
//! Rejected: one enum variant per mistake. Callers ask for the kind and show the text.

use std::fmt;
use std::path::Path;

/// What sort of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccuracyErrorKind {
    /// A line or a file of the data set.
    DataSet,
    /// No row was evaluated.
    Empty,
    /// A way to score that cannot be.
    Argument,
    /// A file could not be read or written.
    File,
    /// What was found belongs to another data set, another scorer or another seed.
    Mismatch,
    /// The model is worse than it should be, or could not be judged.
    Verdict,
    /// There is no reference to compare with.
    NoReference,
}

/// A run that cannot be made or judged: what happened, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccuracyError {
    kind: AccuracyErrorKind,
    text: String,
}

impl AccuracyError {
    pub(crate) fn new(kind: AccuracyErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    pub(crate) fn file(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        let text = format!("{} cannot be {doing}: {error}", path.display());
        Self::new(AccuracyErrorKind::File, text)
    }

    /// What sort of mistake it is.
    pub fn kind(&self) -> AccuracyErrorKind {
        self.kind
    }
}

impl fmt::Display for AccuracyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for AccuracyError {}
