//! What can be wrong with a connection: plain data, so that a table, a console and a saved test can name it.
//!
//! Promise: every toxic has one text form (`text.rs`) and says which bytes it is about. Points are counted within one request or one response, so that a connection
//! that is kept alive does not decide where a fault strikes. Rejected: callbacks over bytes, which could do everything and be shown in no report.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing that goes wrong on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toxic {
    /// Everything arrives later, in the same order and at the same pace.
    Latency {
        /// By how much.
        by: Duration,
        /// And by up to this much more or less, drawn for each piece that was read.
        jitter: Duration,
    },
    /// Not more than so many bytes in a second.
    Bandwidth {
        /// At least 1.
        bytes_per_second: u64,
    },
    /// The bytes are written in small pieces.
    Slice {
        /// The longest piece; 0: only where `cut` says.
        bytes: u64,
        /// The time between two pieces.
        gap: Duration,
        /// Where pieces end besides.
        cut: Cut,
    },
    /// From the point on nothing is passed on, and the connection stays open. What was held back goes on when the toxic is removed.
    Stall {
        /// From where.
        after: After,
    },
    /// At the point the connection is closed on both sides, as by a process that ends.
    Close {
        /// Where.
        after: After,
    },
    /// At the point the connection is reset on both sides.
    Reset {
        /// Where.
        after: After,
    },
    /// New connections are refused. For all connections: nobody listens. For some of them (share, numbers): they are accepted and reset.
    Refuse,
    /// New connections are accepted, and nothing is read or said until the toxic is removed.
    Silence,
    /// The head of a message arrives line by line.
    SlowHeaders {
        /// The time before each line.
        gap: Duration,
    },
    /// Payload at the point is changed. The framing of a body in chunks stays as it is.
    Corrupt {
        /// Where.
        after: After,
        /// How many bytes.
        bytes: u32,
    },
    /// After `Bytes`: the next byte is sent twice, whatever it belongs to. After `Events`: the next event is sent twice, in correct framing, at the next boundary of a
    /// chunk; a body of an announced length has no room for it and is left alone.
    Duplicate {
        /// Where.
        after: After,
    },
    /// The proxy answers requests itself, and the server does not see them. Its share is one of requests.
    Status {
        /// From 200 to 599.
        code: u16,
        /// `Retry-After`, in whole seconds, rounded up.
        retry_after: Option<Duration>,
        /// The body as JSON; `None`: an error object as OpenAI's API has it.
        body: Option<String>,
    },
    /// That a side has closed is told to the other one later.
    SlowClose {
        /// By how much.
        by: Duration,
    },
    /// At the point nothing more is sent in this direction, and the receiver is told so; the other direction goes on.
    HalfClose {
        /// Where.
        after: After,
    },
}

/// A point of one message: a request or a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// After so many bytes as they are on the wire, head and framing included. Of a connection that does not speak HTTP/1: bytes of the connection.
    Bytes(u64),
    /// After so many server-sent events; 0: after the head of an event stream. Never reached in what is no event stream.
    Events(u32),
}

/// Where slices end besides at a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Nowhere else.
    Fixed,
    /// Inside each character of several bytes, before each of its continuation bytes.
    InsideCharacters,
    /// Inside the end of each event, between the two line ends.
    InsideEventEnd,
}

/// Which way the bytes go that a toxic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Responses.
    ToClient,
    /// Requests.
    ToServer,
}

/// A toxic, and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicRule {
    /// What goes wrong.
    pub toxic: Toxic,
    /// Which way; of no meaning for `Refuse`, `Silence` and `Status`.
    pub direction: Direction,
    /// For which share of the connections (of the requests for `Status`), from 0 to 1, drawn by the proxy's seed.
    pub share: f64,
    /// For which connections, by their number from 0 in the order in which they were accepted; `None`: all.
    pub connections: Option<Range<u64>>,
    /// From when to when, since the rule was added; `None`: until it is removed.
    pub window: Option<(Duration, Duration)>,
    /// For requests whose target begins like this, and their responses; `None`: all. Of no meaning for `Refuse`, `Silence` and `SlowClose`.
    pub path: Option<String>,
}

impl ToxicRule {
    /// For all connections, all the time, of what goes to the client.
    pub fn new(toxic: Toxic) -> Self {
        Self {
            toxic,
            direction: Direction::ToClient,
            share: 1.0,
            connections: None,
            window: None,
            path: None,
        }
    }

    /// Of what goes to the server.
    #[must_use]
    pub fn to_server(mut self) -> Self {
        self.direction = Direction::ToServer;
        self
    }

    /// For a share of the connections.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// For these connections.
    #[must_use]
    pub fn connections(mut self, numbers: Range<u64>) -> Self {
        self.connections = Some(numbers);
        self
    }

    /// In this time, counted from when the rule is added.
    #[must_use]
    pub fn window(mut self, from: Duration, until: Duration) -> Self {
        self.window = Some((from, until));
        self
    }

    /// For requests whose target begins like this.
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    /// What is wrong with the rule itself, because of which it would never strike or mean nothing; in words.
    pub fn mistake(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.share) {
            return Some(format!(
                "a share lies between 0 and 1, not at {}",
                self.share
            ));
        }
        if self.connections.as_ref().is_some_and(Range::is_empty) {
            return Some("the range of connections is empty".into());
        }
        if self.window.is_some_and(|(from, until)| from >= until) {
            return Some("the window ends before it begins".into());
        }
        match &self.toxic {
            Toxic::Status { code, .. } if !(200..=599).contains(code) => Some(format!(
                "a final status lies between 200 and 599, not at {code}"
            )),
            Toxic::Bandwidth {
                bytes_per_second: 0,
            } => Some("a bandwidth of 0 passes nothing: `stall after 0 bytes` says that".into()),
            Toxic::Slice {
                bytes: 0,
                cut: Cut::Fixed,
                ..
            } => Some("slices of 0 bytes have no end".into()),
            Toxic::Corrupt { bytes: 0, .. } => Some("no byte would be changed".into()),
            toxic
                if self.direction == Direction::ToServer
                    && matches!(toxic.after(), Some(After::Events(_))) =>
            {
                Some(
                    "requests have no events: `after N bytes` is counted in both directions".into(),
                )
            }
            _ => None,
        }
    }
}

impl From<Toxic> for ToxicRule {
    fn from(toxic: Toxic) -> Self {
        Self::new(toxic)
    }
}

impl Toxic {
    /// The point at which it strikes, where it has one.
    pub(crate) fn after(&self) -> Option<After> {
        match self {
            Toxic::Stall { after }
            | Toxic::Close { after }
            | Toxic::Reset { after }
            | Toxic::HalfClose { after }
            | Toxic::Corrupt { after, .. }
            | Toxic::Duplicate { after } => Some(*after),
            _ => None,
        }
    }

    /// Whether it is about new connections and not about bytes.
    pub(crate) fn at_accept(&self) -> bool {
        matches!(self, Toxic::Refuse | Toxic::Silence)
    }
}
