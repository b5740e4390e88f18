//! The lines of a journal.
//!
//! Promise: plain data; times are seconds since the segment began; what could not be read is absent, never zero. A reader of today understands what a
//! writer of tomorrow adds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_traffic::FailureClass;

use crate::guard::{Limits, StopReason};
use crate::signal::DriftLimits;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub enum Line {
    /// A segment begins.
    Begin(Box<Begin>),
    /// A batch begins.
    Batch {
        /// When.
        at: f64,
        /// Its number over all segments; the first is 0.
        number: u64,
        /// Of everything that is drawn for it.
        seed: u64,
        /// What was drawn, by name.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        drawn: serde_json::Map<String, serde_json::Value>,
    },
    /// It is over.
    BatchEnd {
        /// When.
        at: f64,
        /// Its number.
        number: u64,
        /// How long it took, in seconds.
        seconds: f64,
        /// What became of its requests.
        counts: Counts,
        /// Why its times say more of the client than of the server.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        invalid: Vec<String>,
    },
    /// What the requests did that ended in an interval.
    Traffic(Interval),
    /// What the server held.
    Sample(Box<Sample>),
    /// How it answered when it was asked how it is.
    Probe(Probe),
    /// Something that should not happen.
    Incident {
        /// When.
        at: f64,
        /// What.
        what: Incident,
    },
    /// The segment ended, and not because its process was killed.
    End(End),
}

/// The start of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// Of these lines; 1.
    pub version: u32,
    /// Of the harness.
    pub harness: String,
    /// What is soaked.
    pub name: String,
    /// The first is 0.
    pub segment: u32,
    /// When it began, in seconds since 1970.
    pub unix: f64,
    /// Of all batches.
    pub seed: u64,
    /// How long the soak is to be, over all segments.
    pub duration: f64,
    /// How much of it earlier segments had done.
    pub done: f64,
    /// The longest that a batch may take.
    pub batch_limit: f64,
    /// How often the server was looked at.
    pub sample_every: f64,
    /// Whether a slow server slows the load down.
    pub closed_loop: bool,
    /// What stops it early.
    pub limits: Limits,
    /// From which slopes on something drifts.
    pub drift: DriftLimits,
}

/// What became of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Answered, whole.
    pub ok: u64,
    /// Not answered, or not whole.
    pub failed: u64,
    /// Given up on purpose, or cut with their batch.
    pub cancelled: u64,
    /// Never sent.
    pub not_sent: u64,
    /// The failed, by how.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<FailureClass, u64>,
}

impl Counts {
    /// Those that say something of the server.
    pub fn judged(&self) -> u64 {
        self.ok + self.failed
    }

    pub(crate) fn add(&mut self, other: &Counts) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.not_sent += other.not_sent;
        for (class, count) in &other.classes {
            *self.classes.entry(*class).or_default() += count;
        }
    }
}

/// What the requests did that ended in an interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its end.
    pub at: f64,
    /// Its length.
    pub seconds: f64,
    /// What became of them.
    #[serde(flatten)]
    pub counts: Counts,
    /// Median of the latencies in milliseconds: to the end, from when they were scheduled (closed loop: sent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Their 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p95_ms: Option<f64>,
    /// Median until the first output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<f64>,
    /// Completion tokens of those that were answered, where counts are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// What the first that failed said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Which process: a pid alone may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Its pid; `None` for a server that somebody else runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// When it started: clock ticks since boot; of a server that somebody else runs, seconds since 1970 as its metrics say.
    pub start: f64,
}

/// What a server held at one moment: sums over its tree of processes, sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When.
    pub at: f64,
    /// Its own process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Identity>,
    /// Processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Resident; pages that several share count in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss: Option<u64>,
    /// The same with each shared page divided among those that have it, in the samples that looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pss: Option<u64>,
    /// Of the resident, what is of no file: where leaks are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<u64>,
    /// Of the resident, what is of files: the system may take it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<u64>,
    /// Of the resident, shared memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<u64>,
    /// Used of the host's `/dev/shm`, by whomever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_shm: Option<u64>,
    /// Memory of the host that could be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_available: Option<u64>,
    /// Open descriptors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    /// How many the server's own process may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptor_limit: Option<u64>,
    /// Threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// The devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceSample>,
    /// What its metrics say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gauges: Option<Gauges>,
    /// What could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A device at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceSample {
    /// Its key.
    pub device: String,
    /// Whether it is one of a ledger: then nothing of it was measured on hardware.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Held by the server's tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<u64>,
    /// Used by whomever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Its temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub celsius: Option<u32>,
    /// Clock of its computing units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_mhz: Option<u32>,
    /// What holds the clocks down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<String>,
}

/// What a server's metrics say of its load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gauges {
    /// Requests that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<f64>,
    /// Requests that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<f64>,
    /// Use of the key-value cache, in the engine's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<f64>,
}

/// A question how the server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// When it was answered.
    pub at: f64,
    /// How long that took.
    pub seconds: f64,
    /// What was wrong; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

/// Something that should not happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Incident {
    /// A batch did not end within its limit, and was cut.
    Hung {
        /// Which.
        batch: u64,
        /// How long it was waited for.
        seconds: f64,
    },
    /// A batch could not be sent.
    NotSent {
        /// Which.
        batch: u64,
        /// Why.
        why: String,
    },
    /// The server is another process than before.
    Restarted {
        /// The one before.
        from: Identity,
        /// The one now.
        to: Identity,
    },
    /// A process of the server that was there from the start has ended.
    Ended {
        /// Its name and pid.
        process: String,
    },
    /// The server is gone.
    Dead {
        /// How that shows.
        why: String,
    },
}

/// The end of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: f64,
    /// Why before its time; `None`: the time was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StopReason>,
}
