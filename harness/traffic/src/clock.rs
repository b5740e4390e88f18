//! The one clock of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since the run began, from the kernel's monotonic clock, which all processes of a machine share. Copies tell the same time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The clock at the beginning of the run; warm-ups lie before.
    origin: Arc<AtomicU64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            origin: Arc::new(AtomicU64::new(monotonic())),
        }
    }

    /// The run begins now.
    pub(crate) fn begin(&self) {
        self.origin.store(monotonic(), Ordering::Release);
    }

    pub(crate) fn now(&self) -> u64 {
        monotonic().saturating_sub(self.origin())
    }

    /// What the clock of the machine showed when the run began.
    pub(crate) fn origin(&self) -> u64 {
        self.origin.load(Ordering::Acquire)
    }
}

/// What the clock of the machine shows.
pub(crate) fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
