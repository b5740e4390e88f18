//! The time by which a run's schedule goes.
//!
//! Promise: only the schedule (when what may start) goes by it; limits, telemetry and reports are always told by the machine's own clock. Rejected:
//! comparing a run with its plan by the machine's clock (cases never last exactly as long as planned, and a tie is decided by a microsecond).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The clock of a schedule: as time passes (the default), or as it is told, so that a run can be compared with its plan event by event.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// One that stands at 0 until it is [`set`](Clock::set); copies of it are the same clock.
    pub fn told() -> Clock {
        Clock(Some(Arc::new(AtomicU64::new(0.0f64.to_bits()))))
    }

    /// Sets a clock that is told: so many seconds since the beginning of the run. Nothing happens to one that goes by itself.
    pub fn set(&self, seconds: f64) {
        if let Some(told) = &self.0 {
            told.store(seconds.to_bits(), Ordering::SeqCst);
        }
    }

    /// Seconds since the beginning of the run.
    pub(super) fn now(&self, started: Instant) -> f64 {
        match &self.0 {
            Some(told) => f64::from_bits(told.load(Ordering::SeqCst)),
            None => started.elapsed().as_secs_f64(),
        }
    }
}
