//! Why there is no transcript.

use std::fmt;

/// Why there is no transcript. It says nothing about the audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriberError {
    problem: String,
    help: String,
    missing: bool,
}

impl TranscriberError {
    /// The transcriber is not there; `help` says what to install or start.
    pub fn missing(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            help: help.into(),
            missing: true,
        }
    }

    /// The transcriber is there, and could not do it; `help` says what to look at.
    pub fn failed(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            help: help.into(),
            missing: false,
        }
    }

    /// Whether it is not there at all.
    pub fn is_missing(&self) -> bool {
        self.missing
    }

    /// What happened.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do.
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for TranscriberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.help)
    }
}

impl std::error::Error for TranscriberError {}
