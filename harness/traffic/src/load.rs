//! When requests are sent, and how many.
//!
//! Promise: data only; the same load with the same seed makes the same schedule.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the rate of a ramp grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ramp {
    /// By equal steps.
    Linear,
    /// By equal factors.
    Exponential,
}

/// When requests arrive, whatever becomes of those before (open loop).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// All at the start; with a limit of concurrency, as soon as a place is free: the closed loop.
    AtOnce,
    /// Gaps of a gamma distribution with shape `burstiness` and mean 1/`rate`: 1 is Poisson, less is burstier.
    Gamma {
        /// Requests for each second.
        rate: f64,
        /// The shape.
        burstiness: f64,
    },
    /// Equal gaps.
    Constant {
        /// Requests for each second.
        rate: f64,
    },
    /// Poisson with a rate that grows over the run.
    Ramp {
        /// At the start.
        from: f64,
        /// At the end.
        to: f64,
        /// How it grows.
        shape: Ramp,
    },
    /// At these times since the start.
    Trace(Vec<Duration>),
}

/// When a run ends: no request is scheduled after it. Those under way are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// After so many requests.
    Count(u64),
    /// After so long.
    Elapsed(Duration),
    /// After whichever is first.
    Either(u64, Duration),
}

/// Requests that are given up on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancel {
    /// The share of requests, 0 to 1; which, the seed says.
    pub share: f64,
    /// This long after they were sent.
    pub after: Duration,
}

/// When requests are sent, and how many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// When they arrive.
    pub arrivals: Arrivals,
    /// At most so many are under way at once.
    pub concurrency: Option<u32>,
    /// When it ends.
    pub until: Until,
    /// Requests before the run that are not recorded; sent as many at once as `concurrency` allows (else one after the other).
    pub warmups: u32,
    /// Of the schedule, of what is cancelled, and of what is drawn.
    pub seed: u64,
    /// What is given up.
    pub cancel: Option<Cancel>,
    /// The longest time between two reads of an answer.
    pub idle_limit: Duration,
    /// The longest time of a request.
    pub total_limit: Duration,
}

impl Load {
    /// All at once, or with [`concurrency`](Self::at_most) a closed loop: `count` requests.
    pub fn count(count: u64) -> Self {
        Self::new(Arrivals::AtOnce, Until::Count(count))
    }

    /// So many for each second (Poisson), for so long.
    pub fn rate(per_second: f64, long: Duration) -> Self {
        let arrivals = Arrivals::Gamma {
            rate: per_second,
            burstiness: 1.0,
        };
        Self::new(arrivals, Until::Elapsed(long))
    }

    /// These arrivals until then; no limit of concurrency, no warm-up, seed 0, idle limit 5 min, total limit 15 min.
    pub fn new(arrivals: Arrivals, until: Until) -> Self {
        Self {
            arrivals,
            concurrency: None,
            until,
            warmups: 0,
            seed: 0,
            cancel: None,
            idle_limit: Duration::from_secs(300),
            total_limit: Duration::from_secs(900),
        }
    }

    /// At most so many under way at once.
    #[must_use]
    pub fn at_most(mut self, requests: u32) -> Self {
        self.concurrency = Some(requests);
        self
    }

    /// So many requests before it, unrecorded.
    #[must_use]
    pub fn warmups(mut self, requests: u32) -> Self {
        self.warmups = requests;
        self
    }

    /// With this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Give up a share of them.
    #[must_use]
    pub fn cancel(mut self, share: f64, after: Duration) -> Self {
        self.cancel = Some(Cancel { share, after });
        self
    }

    /// Whether a slow server slows the load down: then latencies are service times.
    pub fn is_closed_loop(&self) -> bool {
        matches!(self.arrivals, Arrivals::AtOnce) && self.concurrency.is_some()
    }
}
