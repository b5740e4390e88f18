//! What was done to a server and when, on one clock.
//!
//! Promise: every time of an experiment (an injection, a look at the health route, the end of a request) is a distance from the same moment, so
//! that they can be subtracted; entries stand in the order of their times. Rejected: wall clock times, which a fault (a changed clock) may move.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A clock that starts at zero when it is made, and a list of what happened. Clones share both.
#[derive(Clone)]
pub struct Timeline(Arc<Inner>);

struct Inner {
    zero: Instant,
    entries: Mutex<Vec<Entry>>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What is about to be done.
    Announced,
    /// A fault was injected.
    Injected,
    /// It is proven that the fault took hold.
    Proven,
    /// Something was seen.
    Observed,
    /// A fault was taken back.
    Undone,
    /// Something could not be done.
    Failed,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, since the timeline was made.
    pub at: Duration,
    /// Which kind of thing.
    pub step: Step,
    /// What, in words.
    pub what: String,
}

/// What is seen of a server that has recovered.
pub const WORKS_AGAIN: &str = "it works again";

/// Hears of every entry of every timeline of this process, with the fault that was announced last.
type Listener = dyn Fn(&str, &Entry) + Send + Sync;

static LISTENER: OnceLock<Box<Listener>> = OnceLock::new();

/// Names who hears of every entry of every timeline of this process, on the thread where it is made; only the first who is named does.
pub fn listen(listener: impl Fn(&str, &Entry) + Send + Sync + 'static) {
    // A second one would be a second harness in one process.
    let _ = LISTENER.set(Box::new(listener));
}

impl Timeline {
    /// A timeline whose zero is now.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            zero: Instant::now(),
            entries: Mutex::default(),
        }))
    }

    /// Writes down that this happens now.
    pub fn note(&self, step: Step, what: impl Into<String>) {
        let mut entries = self.entries_now();
        // Under the lock, so that the order of the list is the order of the times.
        let at = self.since_start();
        entries.push(Entry {
            at,
            step,
            what: what.into(),
        });
        if let (Some(listener), Some(entry)) = (LISTENER.get(), entries.last()) {
            let announced = entries.iter().rev().find(|e| e.step == Step::Announced);
            listener(announced.map_or("", |e| &e.what), entry);
        }
    }

    /// How long ago the timeline was made.
    pub fn since_start(&self) -> Duration {
        self.0.zero.elapsed()
    }

    /// A moment as a distance from the start; zero for one before it.
    pub fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.0.zero)
    }

    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries_now().clone()
    }

    fn entries_now(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries_now().iter()).finish()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Announced => "announced",
            Step::Injected => "injected",
            Step::Proven => "proven",
            Step::Observed => "observed",
            Step::Undone => "undone",
            Step::Failed => "failed",
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9.3} s  {:<9}  {}",
            self.at.as_secs_f64(),
            self.step.to_string(),
            self.what
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_write_to_one_list_in_the_order_of_time() {
        let timeline = Timeline::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let timeline = timeline.clone();
                scope.spawn(move || {
                    for number in 0..50 {
                        timeline.note(Step::Observed, format!("{thread}.{number}"));
                    }
                });
            }
        });
        let entries = timeline.entries();
        assert_eq!(entries.len(), 200);
        assert!(entries.is_sorted_by_key(|entry| entry.at));
    }

    #[test]
    fn an_entry_is_one_line() {
        let entry = Entry {
            at: Duration::from_millis(1234),
            step: Step::Injected,
            what: "SIGKILL to worker 0".into(),
        };
        assert_eq!(
            entry.to_string(),
            "    1.234 s  injected   SIGKILL to worker 0"
        );
    }
}
