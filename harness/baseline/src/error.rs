//! What can go wrong with baselines.

use std::path::{Path, PathBuf};

/// A failure, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineError {
    /// A file or folder could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// What was done to it.
        doing: &'static str,
        /// What the system says.
        why: String,
    },
    /// A file is not what it should be.
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A run cannot be a baseline.
    Refused {
        /// Of which step.
        step: String,
        /// Why.
        why: String,
    },
    /// A gate cannot be built so.
    Gate(String),
}

impl BaselineError {
    pub(crate) fn file(path: &Path, doing: &'static str, why: &std::io::Error) -> Self {
        let why = why.to_string();
        Self::File {
            path: path.into(),
            doing,
            why,
        }
    }

    pub(crate) fn form(path: &Path, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Form {
            path: path.into(),
            why,
        }
    }
}

impl std::fmt::Display for BaselineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, doing, why } => {
                write!(f, "{}: cannot be {doing}: {why}", path.display())
            }
            Self::Form { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Refused { step, why } => {
                write!(f, "a run of `{step}` cannot be a baseline: {why}")
            }
            Self::Gate(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for BaselineError {}
