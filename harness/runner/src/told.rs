//! What a running attempt says to the event log while it runs: steps of faults, and what it measures.
//!
//! Promise: a step of a fault is an event at once, so that a run that dies of it has told; figures stand in the end of the attempt, and are bounded.
//! Rejected: reading both from the evidence afterwards (that of attempts that pass is not kept).

use std::time::Instant;

use tribunal_events::Figure;

use crate::attempt::{current, lock};
use crate::event::Event;
use crate::records::Records;

/// The most figures of one attempt.
const MOST: usize = 10_000;

/// A step of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultStep {
    /// What was injected, in a line.
    pub fault: String,
    /// `injected`, `proven`, `first_error`, `detected`, `undone`, `recovered`, `failed`.
    pub step: String,
    /// What is known of it.
    pub detail: String,
}

/// Says that this happened now to the fault of the running attempt; lost where the calling thread works for no test.
pub fn fault_step(fault: &str, step: &str, detail: &str) {
    fault_step_at(Instant::now(), fault, step, detail);
}

/// The same of something that was noticed only afterwards.
pub fn fault_step_at(at: Instant, fault: &str, step: &str, detail: &str) {
    if let Some(attempt) = current() {
        // The receiver outlives the run.
        let _ = attempt.events.send(Event::Fault {
            planned: attempt.planned,
            attempt: attempt.number,
            at,
            step: FaultStep {
                fault: fault.to_owned(),
                step: step.to_owned(),
                detail: detail.to_owned(),
            },
        });
    }
}

/// Adds a figure to what the running attempt has measured; lost where the calling thread works for no test.
pub fn figure(figure: Figure) {
    if let Some(attempt) = current() {
        attempt.records.measure(vec![figure]);
    }
}

impl Records {
    /// Adds figures.
    pub(crate) fn measure(&self, more: Vec<Figure>) {
        let mut figures = lock(&self.figures);
        let room = MOST.saturating_sub(figures.len());
        figures.extend(more.into_iter().take(room));
    }

    /// Those that were added.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        lock(&self.figures).clone()
    }
}
