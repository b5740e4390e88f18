//! The one clock of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Nanoseconds since the run began, from the monotonic clock. Copies tell the same time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
    /// Between the epoch and the beginning of the run; warm-ups lie before.
    origin: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            origin: Arc::new(AtomicU64::new(0)),
        }
    }

    /// The run begins now.
    pub(crate) fn begin(&self) {
        let now = self.epoch.elapsed().as_nanos() as u64;
        self.origin.store(now, Ordering::Release);
    }

    pub(crate) fn now(&self) -> u64 {
        let now = self.epoch.elapsed().as_nanos() as u64;
        now.saturating_sub(self.origin.load(Ordering::Acquire))
    }
}
