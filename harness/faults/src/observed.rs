//! What was seen of a server around a fault: plain data, from which alone the oracles judge.
//!
//! Promise: every time is a distance on one timeline; what was not looked at is an `Err` with the reason, never an empty list or a zero.
//! Rejected: oracles that ask the server themselves. What judged it could not be shown, repeated or tested with literals.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::gauges::Reading;
use crate::residue::Remains;
use crate::seen::{Accounts, Role, Seen};

/// Something that was looked at, or why it was not.
pub type Known<T> = Result<T, String>;

/// Everything that was seen around one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// When the injection began.
    pub injected: Option<Duration>,
    /// When it was proven that the fault took hold.
    pub proven: Option<Duration>,
    /// When the fault was taken back; where nothing can take it back, when it had been looked at long enough. `None`: it never came to that.
    pub undone: Option<Duration>,
    /// When the last look was taken.
    pub ended: Duration,
    /// Every request that was sent, in the order of sending.
    pub requests: Vec<Seen>,
    /// The accounts of all that were sent.
    pub accounts: Accounts,
    /// Requests to routes that generate, sent beside these (the canaries; what a test sent itself).
    pub beside: u32,
    /// Whether a request was under way that had begun to answer and had more to come, and which.
    pub in_flight: Known<Vec<String>>,
    /// What the health route said, in the order of time.
    pub health: Known<Vec<Look>>,
    /// When the server's own process had ended; `Ok(None)`: it lived to the end.
    pub root_ended: Known<Option<Duration>>,
    /// Whether everything a client needs is there again, asked one after the other once the fault was gone.
    pub canaries: Known<Vec<Canary>>,
    /// Readings of the metrics, the first of them before the fault with nothing of ours under way.
    pub gauges: Known<Vec<Reading>>,
    /// What the processes of the server held in memory: when, and how many bytes.
    pub resident: Known<Vec<(Duration, u64)>>,
    /// What was left when the server was stopped.
    pub remains: Known<Remains>,
}

/// What the health route said to one look or to several alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When the answer to the first of them came.
    pub from: Duration,
    /// When the answer to the last of them came.
    pub to: Duration,
    /// How many they are.
    pub looks: u32,
    /// What it said.
    pub said: Said,
}

/// One answer of the health route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// This status.
    Status(u16),
    /// Nothing listens.
    Refused,
    /// The connection was closed or reset without an answer.
    Closed,
    /// No answer came within the limit of a look.
    Silent,
    /// Something else went wrong.
    Other(String),
}

impl Said {
    /// Whether it says that the server is well.
    pub fn is_well(&self) -> bool {
        matches!(self, Said::Status(status) if (200..300).contains(status))
    }

    /// Whether it says that there is no such route.
    pub fn is_unknown_route(&self) -> bool {
        matches!(self, Said::Status(404 | 405 | 501))
    }

    /// Whether it says, as a router understands it, that no requests should come: a status of 500 and above, or no connection at all.
    /// Silence says nothing: whoever asks must wait for it.
    pub fn tells(&self) -> bool {
        match self {
            Said::Status(status) => *status >= 500,
            Said::Refused | Said::Closed => true,
            Said::Silent | Said::Other(_) => false,
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Said::Status(status) => write!(f, "{status}"),
            Said::Refused => f.write_str("connection refused"),
            Said::Closed => f.write_str("connection closed without an answer"),
            Said::Silent => f.write_str("no answer"),
            Said::Other(what) => f.write_str(what),
        }
    }
}

/// One look at all that a client needs: a request of one token, the list of models, the metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// When it began.
    pub at: Duration,
    /// When it was over.
    pub ended: Duration,
    /// Whether a request of one token was answered; else how it failed.
    pub answers: Result<(), String>,
    /// Whether the list has the model; `Ok` as well where it did not have it before the fault, and was not asked.
    pub lists: Result<(), String>,
    /// Whether the metrics are there; `None` where there were none before the fault.
    pub metrics: Option<Result<(), String>>,
    /// What the health route said just before the request; `None` where there is none.
    pub health_before: Option<Said>,
    /// What it said just after.
    pub health_after: Option<Said>,
}

impl Canary {
    /// Whether everything was there.
    pub fn is_well(&self) -> bool {
        self.trouble().is_none()
    }

    /// The first thing that was not.
    pub fn trouble(&self) -> Option<String> {
        let of = |what: &str, part: &Result<(), String>| {
            part.as_ref().err().map(|why| format!("{what}: {why}"))
        };
        of("a request of one token", &self.answers)
            .or_else(|| of("the list of models", &self.lists))
            .or_else(|| {
                self.metrics
                    .as_ref()
                    .and_then(|part| of("the metrics", part))
            })
            .or_else(|| {
                let said = self.health_after.as_ref()?;
                (!said.is_well()).then(|| format!("the health route: {said}"))
            })
    }
}

impl Observed {
    /// Nothing seen yet, with this reason for everything.
    pub fn nothing(why: &str) -> Self {
        let no = || why.to_owned();
        Self {
            injected: None,
            proven: None,
            undone: None,
            ended: Duration::ZERO,
            requests: Vec::new(),
            accounts: Accounts::default(),
            beside: 0,
            in_flight: Err(no()),
            health: Err(no()),
            root_ended: Err(no()),
            canaries: Err(no()),
            gauges: Err(no()),
            resident: Err(no()),
            remains: Err(no()),
        }
    }

    /// The requests that were under way when the fault was injected.
    pub fn under_way(&self) -> impl Iterator<Item = &Seen> {
        let injected = self.injected;
        self.requests
            .iter()
            .filter(move |seen| injected.is_some_and(|at| seen.sent <= at && seen.ended > at))
    }

    /// The requests that were sent while the fault was there.
    pub fn during(&self) -> impl Iterator<Item = &Seen> {
        let (from, to) = (self.injected, self.undone.unwrap_or(Duration::MAX));
        self.requests
            .iter()
            .filter(move |seen| from.is_some_and(|from| seen.sent > from && seen.sent < to))
    }

    /// Those that no fault was meant for.
    pub fn neighbours(&self) -> impl Iterator<Item = &Seen> {
        self.requests
            .iter()
            .filter(|seen| seen.role == Role::Neighbour)
    }

    /// The first moment after the injection at which a request had failed; requests that we aborted do not count.
    pub fn first_error(&self) -> Option<Duration> {
        let injected = self.injected?;
        self.requests
            .iter()
            .filter(|seen| seen.ended >= injected && seen.failed())
            .map(|seen| seen.ended)
            .min()
    }

    /// The first look after the injection at which the health route no longer said that all is well.
    pub fn detected(&self) -> Option<Duration> {
        let injected = self.injected?;
        let looks = self.health.as_ref().ok()?;
        looks
            .iter()
            .filter(|look| look.to >= injected && look.said.tells())
            .map(|look| look.from.max(injected))
            .min()
    }

    /// The end of the first of those canaries, asked once the fault was gone, that found everything there and were followed by no other.
    pub fn recovered(&self) -> Option<Duration> {
        let from = self.undone.or(self.injected)?;
        let canaries = self.canaries.as_ref().ok()?;
        let afterwards = canaries.iter().rev().take_while(|one| one.at >= from);
        afterwards
            .take_while(|canary| canary.is_well())
            .last()
            .map(|canary| canary.ended)
    }

    /// From the first failure of a request to the last, the requests that we aborted left out.
    pub fn error_window(&self) -> Option<(Duration, Duration)> {
        let from = self.first_error()?;
        let to = self
            .requests
            .iter()
            .filter(|seen| seen.ended >= from && seen.failed())
            .map(|seen| seen.ended)
            .max()?;
        Some((from, to))
    }

    /// All ids of answers that more than one request got.
    pub fn shared_ids(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let ids = self.requests.iter().flat_map(|request| &request.answer.ids);
        ids.filter(|id| !seen.insert(id.as_str()))
            .map(String::as_str)
            .collect()
    }
}
