//! What nodes say to each other.
//!
//! Promise: every message has a type, and one that is not known ends the connection with its name. Rejected: lines of text that somebody would grep.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of these messages. Builds with different ones do not speak with each other.
pub(crate) const SCHEMA: u32 = 1;

/// Who wants to join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    /// The agent of a node.
    Agent {
        node: usize,
        count: usize,
        /// Its address, as others reach it.
        address: String,
    },
    /// Whoever conducts a layout.
    Conductor,
}

/// The first message of a joiner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub schema: u32,
    /// Of the harness.
    pub version: String,
    pub who: Who,
    /// Of the nodes file; a joiner without the file says none.
    pub digest: Option<String>,
    /// A number that was just drawn.
    pub nonce: String,
}

/// The leader's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenge {
    pub nonce: String,
}

/// The joiner's proof that it has the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proof {
    pub proof: String,
}

/// Whether it may join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Welcome { run: String, proof: String },
    Refused { reason: String },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Finished,
    /// Something failed: what.
    Failed {
        /// In a line.
        cause: String,
    },
}

/// What must hold before a process counts as ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ready {
    /// It lives.
    Alive,
    /// It answers 200, on one of these paths.
    Http {
        host: String,
        port: u16,
        paths: Vec<String>,
    },
    /// These ports take connections.
    Connects { host: String, ports: Vec<u16> },
}

/// A process that a node is to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessOrder {
    pub name: String,
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    pub ready: Ready,
    pub limit_ms: u64,
}

/// What the leader tells a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Find free ports for these names, and say what these variables are; a new deployment begins.
    Survey {
        ports: Vec<String>,
        environment: Vec<String>,
    },
    /// Write these files into the folder of the pool.
    Write {
        files: Vec<(String, String)>,
    },
    Start(ProcessOrder),
    Stop {
        name: String,
        grace_ms: u64,
    },
    /// Send every log.
    Collect,
    /// End everything that was started, at once; the run goes on.
    Reset,
    /// The run has ended.
    Over(Outcome),
}

/// What a node tells the leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    Surveyed {
        ports: BTreeMap<String, u16>,
        interface: String,
        environment: BTreeMap<String, String>,
        pool_folder: String,
    },
    Written,
    Process {
        name: String,
        state: State,
    },
    /// What a process has said since the last time, the newest only where that was much.
    Said {
        name: String,
        lines: Vec<String>,
    },
    /// Something that people should know, and that ends nothing.
    Noted {
        text: String,
    },
    /// A piece of a log.
    Log {
        file: String,
        text: String,
    },
    Collected,
    ResetDone,
    /// It cannot do what it was told.
    Failed {
        reason: String,
    },
    /// Somebody ended the agent in good order.
    Leaving {
        reason: String,
    },
}

/// What became of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Started {
        pid: u32,
    },
    NotStarted {
        reason: String,
    },
    Ready {
        after_ms: u64,
    },
    /// It was not ready in time.
    NotReady {
        seen: String,
        tail: Vec<String>,
    },
    /// It ended, and nobody had asked it to.
    Exited {
        how: Exit,
        tail: Vec<String>,
    },
    /// It was ready, and does not answer as such any more.
    Unhealthy {
        seen: String,
        tail: Vec<String>,
    },
    /// It ended as it was asked to.
    Stopped {
        how: Option<Exit>,
        killed: bool,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal(signal) => write!(f, "exited with signal {signal}"),
        }
    }
}

/// What the hub tells a conductor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// All nodes are there, at these addresses.
    Here {
        addresses: Vec<String>,
    },
    Report {
        node: usize,
        report: Report,
    },
    /// A node is gone, and the run with it.
    Lost {
        node: usize,
        address: String,
        why: String,
    },
    /// A node has left after the end of the run.
    Left {
        node: usize,
    },
}

/// What a conductor tells the hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relay {
    pub node: usize,
    pub order: Order,
}
