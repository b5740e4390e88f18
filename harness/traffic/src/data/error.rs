//! Why a data set cannot be had.

use std::fmt;
use std::path::PathBuf;

/// Why a data set cannot be had: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    /// The file, where there is one.
    pub path: Option<PathBuf>,
    /// The line, from 1, where it is one line's fault.
    pub line: Option<u64>,
    /// What is wrong, and what was expected.
    pub why: String,
}

impl DataError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            path: None,
            line: None,
            why: why.into(),
        }
    }

    pub(super) fn at(line: u64, why: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::new(why)
        }
    }

    pub(super) fn of(self, path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            ..self
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{}:{line}: ", path.display())?,
            (Some(path), None) => write!(f, "{}: ", path.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => write!(f, "data set: ")?,
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for DataError {}
