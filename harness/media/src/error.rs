//! What went wrong with a piece of media: which format, where in it, what is the matter, and what to do.
//!
//! Rejected: one enum variant per mistake. Nobody matches on forty variants; callers ask for the kind and show the text.

use std::fmt;

/// What sort of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaErrorKind {
    /// There are no bytes, or no samples.
    Empty,
    /// The bytes are of no known format.
    Unrecognised,
    /// The bytes contradict their format.
    Malformed,
    /// The format is known and this crate (or this build of it) does not read it.
    Unsupported,
    /// More than the limit.
    TooLarge,
    /// The caller asked for something that cannot be.
    Argument,
    /// A file could not be written or read.
    File,
}

/// A piece of media that cannot be read, measured or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaError {
    kind: MediaErrorKind,
    what: &'static str,
    at: Option<u64>,
    problem: String,
}

impl MediaError {
    pub(crate) fn new(
        kind: MediaErrorKind,
        what: &'static str,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            what,
            at: None,
            problem: problem.into(),
        }
    }

    pub(crate) fn malformed(what: &'static str, at: usize, problem: impl Into<String>) -> Self {
        Self {
            at: Some(at as u64),
            ..Self::new(MediaErrorKind::Malformed, what, problem)
        }
    }

    pub(crate) fn argument(what: &'static str, problem: impl Into<String>) -> Self {
        Self::new(MediaErrorKind::Argument, what, problem)
    }

    /// What sort of mistake it is.
    pub fn kind(&self) -> MediaErrorKind {
        self.kind
    }

    /// The byte at which it was noticed, where that is known.
    pub fn at(&self) -> Option<u64> {
        self.at
    }
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{}: at byte {at}: {}", self.what, self.problem),
            None => write!(f, "{}: {}", self.what, self.problem),
        }
    }
}

impl std::error::Error for MediaError {}
