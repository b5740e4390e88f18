//! What an answer is worth: right, wrong, or one of the ways of not having answered.
//!
//! Promise: every mark but *failed* is an answer that counts: what was not answered, not in the form that was asked for, or refused, is not right.
//! Rejected: leaving such answers out. A model that says nothing to what it finds hard would gain by it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Answered rightly.
    Right,
    /// Answered otherwise.
    Wrong,
    /// Nothing was said.
    NoAnswer,
    /// Something was said, not in the form that was asked for.
    WrongFormat,
    /// The model said that it would not answer.
    Refused,
    /// There was no answer to score: the server failed.
    Failed,
}

impl Mark {
    /// Every mark, in the order in which summaries show them.
    pub const ALL: [Mark; 6] = [
        Mark::Right,
        Mark::Wrong,
        Mark::NoAnswer,
        Mark::WrongFormat,
        Mark::Refused,
        Mark::Failed,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Right => "right",
            Mark::Wrong => "wrong",
            Mark::NoAnswer => "no answer",
            Mark::WrongFormat => "wrong format",
            Mark::Refused => "refused",
            Mark::Failed => "failed",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What the model said to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its text.
    pub text: String,
    /// The server called it a refusal (OpenAI's field `refusal`).
    pub refused: bool,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        let refused = false;
        Answer { text, refused }
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
