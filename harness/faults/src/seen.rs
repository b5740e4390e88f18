//! One request as it was seen from outside: when it was sent, what came, how it ended.
//!
//! Promise: a request ends in exactly one way and counts in exactly one account, so that the sum of all accounts is the number of requests sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tribunal_client::{ApiError, ErrorShape};

/// Why a request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// As load: the fault may hit it.
    #[default]
    Load,
    /// It is none of the fault's business: another worker serves it, or another client was the fault.
    Neighbour,
    /// It is a part of the fault: a request that is wrong, or aborted by plan.
    Fault,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its number, the first being 1.
    pub number: u32,
    /// The token that it alone carries.
    pub token: String,
    /// Why it was sent.
    pub role: Role,
    /// What it asked for, in words.
    pub payload: String,
    /// Whether it asked for sound (as well).
    pub audio: bool,
    /// Whether it asked for a stream.
    pub stream: bool,
    /// Whether its answer must be the same as that of every other request like it.
    pub alike: bool,
    /// The tokens that it asked for, where it asked for exactly so many.
    pub asked: Option<u64>,
    /// When it was sent.
    pub sent: Duration,
    /// When the response headers came.
    pub headers: Option<Duration>,
    /// When the first event of the stream came.
    pub first_event: Option<Duration>,
    /// Events of the stream, the last included.
    pub events: u32,
    /// When it was over.
    pub ended: Duration,
    /// How it ended.
    pub ending: Ending,
    /// The status, where one came.
    pub status: Option<u16>,
    /// The error, where the server told one (as an answer, or in a stream).
    pub error: Option<Told>,
    /// What else the answer was.
    pub answer: Answered,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The whole answer came, and says itself that it is whole.
    Whole,
    /// An answer with an error status came.
    Status,
    /// The stream carried an error.
    ErrorEvent,
    /// Nothing listened.
    Refused,
    /// The connection was closed before any answer.
    Closed,
    /// The connection was reset before any answer.
    Reset,
    /// The connection ended in the middle of the answer, as HTTP tells; true where it was reset.
    Cut {
        /// By a reset instead of an end.
        reset: bool,
    },
    /// The stream ended as HTTP has it, but nothing in it said that it was whole (no `[DONE]`, no reason to finish).
    EndedEarly(String),
    /// A success came that is no answer of this route.
    Unreadable(String),
    /// A limit of ours ran out: it hung.
    TimedOut(Duration),
    /// We gave it up on purpose.
    Aborted,
    /// Something else.
    Other(String),
}

/// Which account a request counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The whole answer came.
    Ok,
    /// It began, or hung, and failed.
    Failed,
    /// The server took nothing on: no connection, 429 or 503.
    Refused,
    /// We gave it up.
    Aborted,
}

/// An error as the server told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The status; of an error in a stream, that of the stream.
    pub status: u16,
    /// How its body was made.
    pub form: Form,
    /// `type`.
    pub kind: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `message`.
    pub message: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
}

/// How the body of an error is made; [`ErrorShape`] as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `{"error": {"message": …}}`, OpenAI's.
    Object,
    /// `{"error": "text"}`.
    Text,
    /// `{"object": "error", "message": …}`.
    Flat,
    /// `{"detail": …}`.
    Detail,
    /// Some other JSON.
    OtherJson,
    /// No JSON.
    NotJson,
}

/// What an answer was, beyond how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The ids that the answer bore; a right one bears one.
    pub ids: BTreeSet<String>,
    /// How often each choice was told to be finished, by its index.
    pub finishes: BTreeMap<u64, u32>,
    /// The first reason to finish.
    pub finish: Option<String>,
    /// How often `[DONE]` came.
    pub dones: u32,
    /// Events after the first `[DONE]`.
    pub after_done: u32,
    /// Tokens of other requests that stand in the answer.
    pub foreign: BTreeSet<String>,
    /// Tokens of the answer, as its usage says.
    pub tokens: Option<u64>,
    /// Bytes of the body.
    pub bytes: u64,
    /// A digest of the text, for answers that must be the same.
    pub text: Option<String>,
}

impl Seen {
    /// The account that it counts in.
    pub fn account(&self) -> Account {
        match &self.ending {
            Ending::Whole => Account::Ok,
            Ending::Refused => Account::Refused,
            Ending::Status if matches!(self.status, Some(429 | 503)) => Account::Refused,
            Ending::Aborted => Account::Aborted,
            _ => Account::Failed,
        }
    }

    /// Whether it was not served, and not because we gave it up.
    pub fn failed(&self) -> bool {
        matches!(self.account(), Account::Failed | Account::Refused)
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.ended.saturating_sub(self.sent)
    }

    /// How it ended, in words.
    pub fn ended_how(&self) -> String {
        Self::how(&self.ending, self.status, self.error.as_ref())
    }

    pub(crate) fn how(ending: &Ending, status: Option<u16>, error: Option<&Told>) -> String {
        let status = status.map_or("no status".into(), |s| format!("status {s}"));
        let message = error.and_then(|e| e.message.as_deref());
        match ending {
            Ending::Whole => "the whole answer came".into(),
            Ending::Status => match message {
                Some(message) => format!("{status}: {message}"),
                None => format!("{status}, without a message"),
            },
            Ending::ErrorEvent => {
                format!(
                    "the answer told an error: {}",
                    message.unwrap_or("without a message")
                )
            }
            Ending::Refused => "connection refused".into(),
            Ending::Closed => "connection closed before an answer".into(),
            Ending::Reset => "connection reset before an answer".into(),
            Ending::Cut { reset: true } => "reset in the middle of the answer".into(),
            Ending::Cut { reset: false } => "broken off in the middle of the answer".into(),
            Ending::EndedEarly(what) => {
                format!("the stream ended without saying that it was whole: {what}")
            }
            Ending::Unreadable(what) => format!("{status}, but no answer of this route: {what}"),
            Ending::TimedOut(limit) => format!("no end within {:.1} s", limit.as_secs_f64()),
            Ending::Aborted => "aborted by us".into(),
            Ending::Other(what) => what.clone(),
        }
    }
}

/// As much of a server's text as fits in a line.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 160;
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST + 1)
        .collect();
    match plain.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &plain[..at]),
        None => plain,
    }
}

impl Told {
    /// What the client read.
    pub fn of(error: &ApiError, retry_after: Option<&str>) -> Self {
        Self {
            status: error.status,
            form: Form::of(error.shape),
            kind: error.error_type.clone(),
            code: error.code.clone(),
            message: error.message.as_deref().map(short),
            retry_after: retry_after.map(short),
        }
    }

    /// Whether it has the form of the API: an object `error` with a message that says something.
    pub fn is_object(&self) -> bool {
        self.form == Form::Object
            && self
                .message
                .as_deref()
                .is_some_and(|m| !m.trim().is_empty())
    }
}

impl Form {
    fn of(shape: ErrorShape) -> Self {
        match shape {
            ErrorShape::Nested => Form::Object,
            ErrorShape::Text => Form::Text,
            ErrorShape::Flat => Form::Flat,
            ErrorShape::Detail => Form::Detail,
            ErrorShape::OtherJson => Form::OtherJson,
            ErrorShape::NotJson => Form::NotJson,
        }
    }
}

/// How many requests there are in each account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// All that were sent.
    pub sent: u32,
    /// Of these: answered in whole.
    pub ok: u32,
    /// Of these: failed.
    pub failed: u32,
    /// Of these: not taken on.
    pub refused: u32,
    /// Of these: given up by us.
    pub aborted: u32,
}

impl Accounts {
    /// Of requests that are all over; `sent` is what the sender counted.
    pub fn of<'a>(sent: u32, requests: impl Iterator<Item = &'a Seen>) -> Self {
        let mut accounts = Self {
            sent,
            ..Self::default()
        };
        for seen in requests {
            *match seen.account() {
                Account::Ok => &mut accounts.ok,
                Account::Failed => &mut accounts.failed,
                Account::Refused => &mut accounts.refused,
                Account::Aborted => &mut accounts.aborted,
            } += 1;
        }
        accounts
    }

    /// Whether every request that was sent is in an account.
    pub fn conserved(&self) -> bool {
        self.sent == self.ok + self.failed + self.refused + self.aborted
    }
}

impl std::fmt::Display for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} sent = {} ok + {} failed + {} refused + {} aborted",
            self.sent, self.ok, self.failed, self.refused, self.aborted
        )
    }
}
