//! The watchdog: bodies whose limit is over, and the threads that take over from them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::Run;
use super::retry::End;
use crate::attempt::{Attempt, lock};
use crate::outcome::{Outcome, Phase};
use crate::stores::{Key, Store};

#[derive(Default)]
pub(super) struct Watch {
    pub bodies: Mutex<Bodies>,
    pub changed: Condvar,
}

#[derive(Default)]
pub(super) struct Bodies {
    /// Those that run.
    pub running: Vec<Watched>,
    /// When the watchdog looks up by itself; `None` before its first look.
    looks_up: Option<Instant>,
}

pub(super) struct Watched {
    pub deadline: Instant,
    /// For how long the harness had stood still when the body began.
    pub paused: Duration,
    pub attempt: Arc<Attempt>,
    pub keys: Arc<Vec<Key>>,
    pub store: Arc<Store>,
    pub set_up: Duration,
}

/// How long an async body whose limit is over gets to be dropped before it counts as blocking.
const DROP_LIMIT: Duration = Duration::from_millis(1000);
/// When nothing runs the watchdog looks up this often, and so need not be woken for bodies that come and go in between: to be woken for each costs
/// more than to run a short test.
const IDLE: Duration = Duration::from_secs(1);

impl Run {
    pub(super) fn watch_body(&self, watched: Watched) {
        let mut bodies = lock(&self.watch.bodies);
        let due = self.due(&watched);
        let sooner = bodies.looks_up.is_none_or(|at| due < at);
        bodies.running.push(watched);
        drop(bodies);
        if sooner {
            self.watch.changed.notify_all();
        }
    }

    pub(super) fn unwatch(&self, planned: usize) {
        lock(&self.watch.bodies)
            .running
            .retain(|w| w.attempt.planned != planned);
    }

    /// When a body is taken from its thread: at its limit, or when the run is being stopped. An async body is being dropped by its own thread by
    /// then; only if that takes too long does it count as blocking.
    fn due(&self, w: &Watched) -> Instant {
        let deadline = w.deadline + crate::limit::paused().saturating_sub(w.paused);
        let end = self.cancel.since().map_or(deadline, |at| at.min(deadline));
        if w.attempt.is_async {
            end + DROP_LIMIT
        } else {
            end
        }
    }

    /// The watchdog: reports bodies whose limit is over and gives their slots to other threads.
    pub(super) fn watch(self: &Arc<Self>) {
        let mut bodies = lock(&self.watch.bodies);
        while !self.finished.load(Ordering::SeqCst) {
            let now = Instant::now();
            bodies
                .running
                .retain(|w| !w.attempt.claimed.load(Ordering::SeqCst));
            let due: Vec<Watched> = bodies
                .running
                .extract_if(.., |w| self.due(w) <= now)
                .collect();
            if !due.is_empty() && !self.cancel.is_cancelled() && crate::limit::held_back() {
                // Somebody stands at a breakpoint: the limits begin anew.
                for mut w in due {
                    w.deadline = now + w.attempt.limit.unwrap_or(IDLE).max(IDLE);
                    bodies.running.push(w);
                }
                continue;
            }
            if !due.is_empty() {
                drop(bodies);
                for w in due {
                    self.abandon(w);
                }
                bodies = lock(&self.watch.bodies);
                continue;
            }
            let next = bodies.running.iter().map(|w| self.due(w)).min();
            let next = next.unwrap_or(now + IDLE);
            bodies.looks_up = Some(next);
            bodies = self
                .watch
                .changed
                .wait_timeout(bodies, next.saturating_duration_since(now))
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
    }

    /// Reports a body that does not return, and lets another thread go on.
    fn abandon(self: &Arc<Self>, w: Watched) {
        if w.attempt.claimed.swap(true, Ordering::SeqCst) {
            return;
        }
        let body = lock(&w.attempt.body_started).map_or(Duration::ZERO, |t| t.elapsed());
        let outcome = if self.cancel.is_cancelled() {
            Outcome::Failed(self.cancel.reason())
        } else {
            let how = if w.attempt.is_async {
                "the async body blocks its thread and cannot be cancelled; the thread was abandoned (use spawn_blocking, or async calls)"
            } else {
                "a blocking body cannot be cancelled; its thread was abandoned"
            };
            Outcome::TimedOut(Phase::Body, w.attempt.limit.unwrap_or_default(), how.into())
        };
        let run = self.clone();
        let take_over = move || {
            if matches!(outcome, Outcome::TimedOut(..)) {
                w.attempt.take_scene(std::process::id(), true);
            }
            let end = End {
                outcome,
                set_up: w.set_up,
                body,
            };
            let again = run.end_attempt(&w.attempt, &w.store, &w.keys, end);
            run.slot(again.then_some((w.attempt.planned, w.attempt.number + 1)));
        };
        if let Err(e) = std::thread::Builder::new()
            .name("tribunal-slot-replacement".into())
            .spawn(take_over)
        {
            eprintln!("error: no thread to take over from a stuck test: {e}");
            crate::sys::exit_now(crate::outcome::exit::FAILED.into());
        }
    }
}
