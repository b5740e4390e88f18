//! What passed through a proxy, and what its toxics did to it: the evidence that a fault was really there, and what the sums of an oracle are made of.
//!
//! Promise: what was not counted is `None` and never 0; every request is exactly one of answered, answered by the proxy, broken off, and waiting. The log is bounded:
//! of the oldest connections only the sums are kept. Rejected: a log of bytes, which the client's transcript has already.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

/// Names a rule of one proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ToxicId(pub(crate) u64);

impl std::fmt::Display for ToxicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "toxic {}", self.0)
    }
}

/// Everything that a proxy knows. All times are since it was started.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ProxyStats {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Those that are open.
    pub open: u64,
    /// Bytes that were passed on to servers.
    pub to_server: u64,
    /// Bytes that were sent to clients.
    pub to_client: u64,
    /// Events that were sent to clients.
    pub events: u64,
    /// Requests whose head was read.
    pub requests: u64,
    /// Those whose response was passed on to its end.
    pub answered: u64,
    /// Those that the proxy answered itself.
    pub answered_by_proxy: u64,
    /// Those whose connection ended first.
    pub broken: u64,
    /// Those whose response has not ended.
    pub waiting: u64,
    /// How many of the first connections are no longer in `connections`.
    pub forgotten: u64,
    /// The newest connections, by number.
    pub connections: Vec<ConnectionLog>,
    /// The newest 4,096 rules that were added, those that were removed as well.
    pub toxics: Vec<ToxicStats>,
}

impl ProxyStats {
    /// How often the rule has struck; `None` where there is no such rule.
    pub fn struck(&self, id: ToxicId) -> Option<u64> {
        self.toxics.iter().find(|t| t.id == id).map(|t| t.struck)
    }

    /// Whether every request is accounted for; the sum in words where one is not.
    pub fn conserved(&self) -> Result<(), String> {
        let sum = self.answered + self.answered_by_proxy + self.broken + self.waiting;
        if sum == self.requests {
            return Ok(());
        }
        Err(format!(
            "{} requests, but {} answered + {} answered by the proxy + {} broken off + {} waiting = {sum}",
            self.requests, self.answered, self.answered_by_proxy, self.broken, self.waiting
        ))
    }
}

/// What a rule has done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToxicStats {
    /// Its name.
    pub id: ToxicId,
    /// The rule in its text form.
    pub rule: String,
    /// It has not been removed.
    pub there: bool,
    /// How often it struck: pieces that came late, connections that were cut, requests that were answered; of a refusal for everybody, how often the port
    /// was closed: who then tried to connect is seen by nobody.
    pub struck: u64,
    /// When it struck first.
    pub first: Option<Duration>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConnectionLog {
    /// From 0, in the order in which they were accepted.
    pub number: u64,
    /// Who connected.
    pub peer: SocketAddr,
    /// When.
    pub opened: Duration,
    /// When both sides were closed; `None` while it is open.
    pub closed: Option<Duration>,
    /// Bytes that were passed on to the server.
    pub to_server: u64,
    /// Bytes that were sent to the client.
    pub to_client: u64,
    /// Events that were sent to the client; `None` where it spoke something that is not read.
    pub events: Option<u64>,
    /// How many requests it had.
    pub request_count: u64,
    /// The newest of them.
    pub requests: Vec<RequestLog>,
    /// Who ended it, as soon as that is known.
    pub ended: Option<Ended>,
}

/// One request and its response.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RequestLog {
    /// For example `POST`.
    pub method: String,
    /// For example `/v1/chat/completions`.
    pub target: String,
    /// When its head had been read.
    pub at: Duration,
    /// Of its response; `None` while there is none.
    pub status: Option<u16>,
    /// Bytes of the response that were sent to the client, head and framing included.
    pub bytes: u64,
    /// Events of the response that were sent to the client; `None` where they cannot be counted.
    pub events: Option<u64>,
    /// How far it came.
    pub outcome: Outcome,
}

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its response has not ended.
    Waiting,
    /// Its response was passed on to its end, as its framing says.
    Answered,
    /// The proxy answered it.
    AnsweredByProxy,
    /// Its connection ended before its response did.
    Broken,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The client closed it first, or its sending half.
    ByClient,
    /// The server closed it first, or its sending half.
    ByServer,
    /// The client reset it, or went away while it was sent something.
    ResetByClient,
    /// The server reset it, or went away while it was sent something.
    ResetByServer,
    /// Nobody answered at the server's address; the client's connection was reset.
    NoServer(String),
    /// A toxic ended it.
    ByToxic(ToxicId),
    /// The proxy ended it after an answer of its own, because the client had announced a body that it then does not send.
    ByProxy,
    /// It was cut by [`Proxy::close_all`](crate::Proxy::close_all), or the proxy was dropped.
    Cut,
}
