//! A fault that is in force: since when, by what it is proven, and how it is taken back.
//!
//! Promise: it is undone by [`Injected::undo`], which says so, or by dropping it, which a test that fails does. Whatever it needs in order to last dies
//! with this process or with the server's tree, so that a harness that is killed leaves nothing stopped, hogged or filled. Rejected: undoing by a
//! list that somebody works off at the end: whoever is killed never gets there.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{FaultError, Reason, not_undone};
use crate::fault::Fault;
use crate::timeline::{Step, Timeline};

/// What shows that a fault is really there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// In words: `pid 123 (start 987) is dead (SIGKILL)`, `device 0: 61 MiB of 24 GiB left`.
    pub what: String,
    /// When it was seen, on the timeline.
    pub at: Duration,
    /// The processes that were hit, as pid and start time; empty where no process was meant.
    pub victims: Vec<(u32, u64)>,
}

/// A fault that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// In words.
    pub what: String,
    /// When it was over, on the timeline.
    pub at: Duration,
}

/// Takes a fault back. Its `Drop` does the same without a word.
pub(crate) trait Remedy: Send + Sync {
    /// Says what is as before again, or why it is not. Called once; it may block for a moment.
    fn undo(&mut self) -> Result<String, Reason>;
}

/// What an injector has done: when it began to, by what it is proven, and how it is taken back (`None`: there is nothing to take back).
pub(crate) struct Done {
    pub at: Duration,
    pub what: String,
    pub victims: Vec<(u32, u64)>,
    pub remedy: Option<Box<dyn Remedy>>,
}

/// A fault in force. Dropping it takes it back.
#[must_use = "a fault that is dropped is undone"]
pub struct Injected {
    fault: Fault,
    at: Duration,
    proof: Proof,
    remedy: Option<Box<dyn Remedy>>,
    timeline: Timeline,
}

impl fmt::Debug for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injected")
            .field("fault", &self.fault.to_string())
            .field("at", &self.at)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl Injected {
    pub(crate) fn new(fault: Fault, done: Done, timeline: Timeline) -> Injected {
        let proof = Proof {
            at: timeline.since_start(),
            what: done.what,
            victims: done.victims,
        };
        timeline.note(Step::Proven, proof.what.clone());
        Injected {
            fault,
            at: done.at,
            proof,
            remedy: done.remedy,
            timeline,
        }
    }

    /// The fault.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// When it was put into force, on the timeline: before its first effect, and not after its proof.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// By what it is proven.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Whether there is something to take back.
    pub(crate) fn lasts(&self) -> bool {
        self.remedy.is_some()
    }

    /// How long ago it was proven.
    pub(crate) fn since(&self) -> Duration {
        self.timeline.since_start().saturating_sub(self.proof.at)
    }

    /// Takes it back and says so. What cannot be taken back (a process that was killed) says that.
    ///
    /// # Errors
    /// Something is not as it was before, or the fault had ended by itself and was therefore not in force as long as it was believed to be.
    pub async fn undo(mut self) -> Result<Undone, FaultError> {
        let undone = match self.remedy.take() {
            None => Ok("nothing to undo".to_owned()),
            // If nobody waits for it any more, it is done all the same.
            Some(mut remedy) => tokio::task::spawn_blocking(move || remedy.undo())
                .await
                .unwrap_or_else(|error| Err(not_undone(format!("it ended early: {error}")))),
        };
        self.told(undone)
    }

    fn told(&self, undone: Result<String, Reason>) -> Result<Undone, FaultError> {
        match undone {
            Ok(what) => {
                self.timeline.note(Step::Undone, what.clone());
                let at = self.timeline.since_start();
                Ok(Undone { what, at })
            }
            Err((kind, why)) => {
                let error = FaultError::new(kind, &self.fault, why);
                self.timeline.note(Step::Failed, error.to_string());
                Err(error)
            }
        }
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        if let Some(mut remedy) = self.remedy.take() {
            // Nobody hears it; the timeline does.
            let _ = self.told(remedy.undo());
        }
    }
}
