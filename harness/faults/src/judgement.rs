//! What an oracle says.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::oracle::Oracle;

/// Whether what must hold did hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It did.
    Held,
    /// It did not.
    Broken,
    /// It could not be told, for this reason.
    NotMade(String),
}

/// What one oracle says of what was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Which oracle.
    pub oracle: Oracle,
    /// What it found.
    pub ruling: Ruling,
    /// Why, in words, with the request or the moment it hangs on.
    pub says: String,
    /// What it measured: seconds, where the oracle has a limit in seconds; else a count.
    pub figure: Option<f64>,
    /// The limit for it.
    pub limit: Option<f64>,
}

/// A judgement before it is known whose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub ruling: Ruling,
    pub says: String,
    pub figure: Option<f64>,
}

impl Found {
    pub(crate) fn held(says: impl Into<String>) -> Self {
        Self {
            ruling: Ruling::Held,
            says: says.into(),
            figure: None,
        }
    }

    pub(crate) fn broken(says: impl Into<String>) -> Self {
        Self {
            ruling: Ruling::Broken,
            ..Self::held(says)
        }
    }

    pub(crate) fn not_made(why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            ruling: Ruling::NotMade(why.clone()),
            ..Self::held(why)
        }
    }

    /// Held where the figure is within the limit.
    pub(crate) fn within(figure: Duration, limit: Duration, says: impl Into<String>) -> Self {
        let found = if figure <= limit {
            Self::held(says)
        } else {
            Self::broken(says)
        };
        found.measured(figure.as_secs_f64())
    }

    pub(crate) fn measured(mut self, figure: f64) -> Self {
        self.figure = Some(figure);
        self
    }
}

impl Judgement {
    /// Whether it was broken.
    pub fn is_broken(&self) -> bool {
        self.ruling == Ruling::Broken
    }

    /// Whether it was made at all.
    pub fn is_made(&self) -> bool {
        !matches!(self.ruling, Ruling::NotMade(_))
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.ruling {
            Ruling::Held => "held",
            Ruling::Broken => "BROKEN",
            Ruling::NotMade(_) => "not made",
        };
        write!(f, "{word:<8}  {}: {}", self.oracle, self.says)
    }
}

/// A length of time for people: milliseconds below a second.
pub(crate) fn time(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}
