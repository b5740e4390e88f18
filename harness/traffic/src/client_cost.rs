//! What sending the load cost this machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::quantiles::Quantiles;

/// What sending the load cost this machine, and how exactly it was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientCost {
    /// From the beginning to the end of the last request, by the clock on the wall.
    pub wall: Duration,
    /// Threads that sent.
    pub shards: u32,
    /// Processor time of them all, and of the thread that drew from the source.
    pub cpu: Duration,
    /// The share of the wall clock that each shard spent on a processor, 0 to 1.
    pub shares: Vec<f64>,
    /// Events that were read, all requests together.
    pub events: u64,
    /// Of them, those that came in one read with the event before.
    pub coalesced: u64,
    /// Reads from connections.
    pub reads: u64,
    /// Connections that were made.
    pub connections: u64,
    /// From the time at which a request was to be sent (in a closed loop: its place came free; with a limit of concurrency: it had its place) to the
    /// time at which it was, without what a new connection took. `None` where nothing was to be sent at a time of its own.
    pub lag: Option<Lag>,
    /// Requests for each second that the load asks for, where it asks for a rate.
    pub asked_rate: Option<f64>,
    /// Requests that were sent for each second of the schedule.
    pub achieved_rate: Option<f64>,
    /// How long shards waited for whoever takes the records.
    pub held_up: Duration,
    /// The median time from sending to the first event that carries something; of all requests that had one.
    pub median_ttft: Option<Duration>,
}

/// How late requests were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// The median.
    pub p50: Duration,
    /// 99 of 100 were sent earlier.
    pub p99: Duration,
    /// The latest.
    pub max: Duration,
    /// Of so many requests.
    pub requests: u64,
}

impl ClientCost {
    /// The share of the busiest shard.
    pub fn busiest_share(&self) -> Option<f64> {
        self.shares.iter().copied().reduce(f64::max)
    }

    /// Processor time for each event; `None` where there was no event.
    pub fn cpu_per_event(&self) -> Option<Duration> {
        let events = u32::try_from(self.events)
            .ok()
            .filter(|events| *events > 0)?;
        Some(self.cpu / events)
    }

    /// The share of events that came in one read with the one before.
    pub fn coalesced_share(&self) -> Option<f64> {
        (self.events > 0).then(|| self.coalesced as f64 / self.events as f64)
    }
}

/// What one shard counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) lag: Quantiles,
    pub(crate) lags: u64,
    pub(crate) ttft: Quantiles,
    pub(crate) events: u64,
    pub(crate) coalesced: u64,
    pub(crate) reads: u64,
    pub(crate) connections: u64,
    pub(crate) sent: u64,
    pub(crate) last_sent: u64,
    pub(crate) last_scheduled: u64,
    pub(crate) held_up: u64,
    pub(crate) begun: u64,
    pub(crate) finished: u64,
    pub(crate) counts: Counts,
}

/// How many requests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Answered, whole.
    pub ok: u64,
    /// Not answered, or not whole.
    pub failed: u64,
    /// Given up on purpose.
    pub cancelled: u64,
    /// Never sent.
    pub not_sent: u64,
}

impl Counts {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.ok + self.failed + self.cancelled + self.not_sent
    }
}

impl Tally {
    pub(crate) fn merge(&mut self, other: &Tally) {
        self.lag.merge(&other.lag);
        self.ttft.merge(&other.ttft);
        self.lags += other.lags;
        self.events += other.events;
        self.coalesced += other.coalesced;
        self.reads += other.reads;
        self.connections += other.connections;
        self.sent += other.sent;
        self.last_sent = self.last_sent.max(other.last_sent);
        self.last_scheduled = self.last_scheduled.max(other.last_scheduled);
        self.held_up += other.held_up;
        self.begun += other.begun;
        self.finished += other.finished;
        self.counts.ok += other.counts.ok;
        self.counts.failed += other.counts.failed;
        self.counts.cancelled += other.counts.cancelled;
        self.counts.not_sent += other.counts.not_sent;
    }

    pub(crate) fn lag(&self) -> Option<Lag> {
        let time = |share| self.lag.at(share).map(Duration::from_nanos);
        Some(Lag {
            p50: time(0.5)?,
            p99: time(0.99)?,
            max: Duration::from_nanos(self.lag.max()?),
            requests: self.lags,
        })
    }
}
