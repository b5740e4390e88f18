//! Why there is no report.

use std::fmt;
use std::path::PathBuf;

/// Why a soak could not be run or read.
#[derive(Debug)]
pub enum SoakError {
    /// The journal cannot be made, written or read.
    File {
        /// Which.
        path: PathBuf,
        /// What was to be done with it.
        doing: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// There is a journal already, and nobody asked to go on with it.
    Exists(PathBuf),
    /// The journal that was to be gone on with is of another soak.
    Other {
        /// Which.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// A line of the journal that is not its last is no line.
    Line {
        /// Which.
        path: PathBuf,
        /// Its number; the first is 1.
        number: usize,
        /// Why.
        why: String,
    },
    /// What was asked cannot be done.
    Plan(String),
}

impl fmt::Display for SoakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, doing, error } => {
                write!(
                    f,
                    "the journal {} cannot be {doing}: {error}",
                    path.display()
                )
            }
            Self::Exists(path) => write!(
                f,
                "there is a journal at {} already\nhelp: go on with it (resume), or name another file",
                path.display()
            ),
            Self::Other { path, why } => write!(
                f,
                "the journal {} is of another soak: {why}\nhelp: name another file, or go on as it began",
                path.display()
            ),
            Self::Line { path, number, why } => write!(
                f,
                "{}:{number}: {why}; a line is one JSON object of a soak's journal",
                path.display()
            ),
            Self::Plan(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for SoakError {}
