//! What was injected and can be taken back, whoever injected it.
//!
//! Beside the faults of this crate a test may break a server in a way of its own; an experiment needs of it only this.

use std::future::Future;
use std::time::Duration;

use crate::error::FaultError;
use crate::injected::Injected;
use crate::timeline::{Step, Timeline};

/// Something that was injected and can be taken back.
pub trait Undo {
    /// When it began to be injected, where it says so itself.
    fn began(&self) -> Option<Duration> {
        None
    }

    /// Takes it back, and writes that on the timeline.
    ///
    /// # Errors
    /// Where it cannot be.
    fn undo(self) -> impl Future<Output = Result<(), FaultError>>;
}

impl Undo for Injected {
    fn began(&self) -> Option<Duration> {
        Some(self.at())
    }

    async fn undo(self) -> Result<(), FaultError> {
        Injected::undo(self).await.map(drop)
    }
}

/// A fault that there is no taking back, or that is over: a process that was killed, requests that were given up.
#[derive(Debug)]
pub struct Proven(Timeline);

impl Proven {
    /// Writes down by what it is proven.
    pub fn new(timeline: &Timeline, what: impl Into<String>) -> Self {
        timeline.note(Step::Proven, what);
        Self(timeline.clone())
    }
}

impl Undo for Proven {
    async fn undo(self) -> Result<(), FaultError> {
        self.0.note(Step::Undone, "nothing to undo");
        Ok(())
    }
}
