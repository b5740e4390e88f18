//! What was injected and can be taken back, whoever injected it.
//!
//! Beside the faults of this crate a test may break a server in a way of its own; an experiment needs of it only this.

use std::future::Future;
use std::time::Duration;

use crate::error::FaultError;
use crate::fault::Fault;
use crate::injected::Injected;
use crate::timeline::{Step, Timeline};

/// Something that was injected and can be taken back.
pub trait Undo {
    /// When it began to be injected, where it says so itself.
    fn began(&self) -> Option<Duration> {
        None
    }

    /// Whether it takes hold the moment it begins, as a signal does. Then a stream that ends between its beginning and its proof was met by it,
    /// however whole it looks; else only one that goes on beyond the proof is known to have been.
    fn at_once(&self) -> bool {
        false
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

    fn at_once(&self) -> bool {
        matches!(self.fault(), Fault::Signal { .. } | Fault::Stop { .. })
    }

    async fn undo(self) -> Result<(), FaultError> {
        Injected::undo(self).await.map(drop)
    }
}

/// A fault that there is no taking back, or that is over: a process that was killed, requests that were given up.
#[derive(Debug)]
pub struct Proven {
    timeline: Timeline,
    began: Option<Duration>,
}

impl Proven {
    /// Writes down by what it is proven.
    pub fn new(timeline: &Timeline, what: impl Into<String>) -> Self {
        timeline.note(Step::Proven, what);
        Self {
            timeline: timeline.clone(),
            began: None,
        }
    }

    /// It took hold at once, at this time of the timeline (a signal, taken just before it is sent).
    pub fn at_once(mut self, began: Duration) -> Self {
        self.began = Some(began);
        self
    }
}

impl Undo for Proven {
    fn began(&self) -> Option<Duration> {
        self.began
    }

    fn at_once(&self) -> bool {
        self.began.is_some()
    }

    async fn undo(self) -> Result<(), FaultError> {
        self.timeline.note(Step::Undone, "nothing to undo");
        Ok(())
    }
}
