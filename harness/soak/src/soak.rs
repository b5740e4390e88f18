//! What a soak is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::guard::Limits;
use crate::signal::DriftLimits;

/// A soak: load for a long time, and a look at the server every few seconds.
#[derive(Clone, Debug)]
pub struct Soak {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) duration: Duration,
    pub(crate) seed: u64,
    pub(crate) closed_loop: bool,
    pub(crate) batch_limit: Duration,
    pub(crate) sample_every: Duration,
    pub(crate) probe_every: Duration,
    pub(crate) tell_every: Duration,
    pub(crate) limits: Limits,
    pub(crate) drift: DriftLimits,
    pub(crate) resume: bool,
}

impl Soak {
    /// A soak of this length whose journal lies there: seed 0, open loop, batches of ten minutes at most, a sample every 5 s, a probe every 30 s, a word
    /// every 15 s.
    pub fn new(name: impl Into<String>, journal: impl AsRef<Path>, duration: Duration) -> Self {
        Self {
            name: name.into(),
            path: journal.as_ref().to_owned(),
            duration,
            seed: 0,
            closed_loop: false,
            batch_limit: Duration::from_secs(600),
            sample_every: Duration::from_secs(5),
            probe_every: Duration::from_secs(30),
            tell_every: Duration::from_secs(15),
            limits: Limits::default(),
            drift: DriftLimits::default(),
            resume: false,
        }
    }

    /// Of everything that is drawn.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The load waits for answers: latencies are from sending, and a slow server shows in the throughput.
    #[must_use]
    pub fn closed_loop(mut self) -> Self {
        self.closed_loop = true;
        self
    }

    /// The longest that a batch may take; it is cut then. By so much a soak can be longer than it should.
    #[must_use]
    pub fn batch_limit(mut self, limit: Duration) -> Self {
        self.batch_limit = limit;
        self
    }

    /// How often the server is looked at; also the length of the intervals into which requests are folded.
    #[must_use]
    pub fn sample_every(mut self, time: Duration) -> Self {
        self.sample_every = time;
        self
    }

    /// How often it is asked how it is.
    #[must_use]
    pub fn probe_every(mut self, time: Duration) -> Self {
        self.probe_every = time;
        self
    }

    /// How often a word is said about how far it is.
    #[must_use]
    pub fn tell_every(mut self, time: Duration) -> Self {
        self.tell_every = time;
        self
    }

    /// What stops it early, and what fails it.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// From which slopes on something drifts.
    #[must_use]
    pub fn drift(mut self, limits: DriftLimits) -> Self {
        self.drift = limits;
        self
    }

    /// Goes on with the journal that is there, for what is left of the duration; where there is none, it begins.
    #[must_use]
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Where its journal lies.
    pub fn journal(&self) -> &Path {
        &self.path
    }

    /// What cannot be done as it was asked.
    pub(crate) fn mistake(&self) -> Option<String> {
        let positive = [
            ("the duration", self.duration),
            ("the limit of a batch", self.batch_limit),
            ("the time between samples", self.sample_every),
            ("the time between probes", self.probe_every),
            ("the time between words", self.tell_every),
        ];
        let zero = positive.iter().find(|(_, time)| time.is_zero());
        zero.map(|(what, _)| format!("{what} of the soak `{}` is zero", self.name))
    }
}
