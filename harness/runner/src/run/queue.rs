//! Which case starts next.
//!
//! Promise: a case that must run alone, or that holds an exclusive name, never meets what it must not; what waits behind it is let past, and nobody
//! waits for ever, since every running case ends or is abandoned.

use std::collections::VecDeque;
use std::time::Instant;

use super::Run;
#[cfg(not(target_os = "linux"))]
use super::elsewhere::Governed;
#[cfg(target_os = "linux")]
use super::govern::Governed;
use crate::attempt::lock;
use crate::event::Event;
use crate::outcome::Outcome;
use crate::plan::Planned;

pub(super) struct Queue {
    pub pending: VecDeque<usize>,
    pub running: usize,
    pub alone: bool,
    pub held: Vec<String>,
    pub failed: usize,
    /// Who decides where cases share devices.
    pub governed: Option<Governed>,
    /// Slots that wait until something ends.
    pub waiting: usize,
}

impl Run {
    /// The next case that may start; `None` when nothing is left for this slot.
    pub(super) fn next(&self) -> Option<usize> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.pending.is_empty() {
                return None;
            }
            let why = if self.cancel.is_cancelled() {
                Some(self.cancel.reason())
            } else if self.options.max_fail.is_some_and(|n| queue.failed >= n) {
                Some(match self.options.max_fail {
                    Some(1) => "after the first failure (--fail-fast)".to_owned(),
                    n => format!("after {} failures (--max-fail)", n.unwrap_or_default()),
                })
            } else {
                None
            };
            if let Some(why) = why {
                let rest: Vec<usize> = queue.pending.drain(..).collect();
                drop(queue);
                for i in &rest {
                    self.emit(Event::CaseStarted {
                        planned: *i,
                        at: Instant::now(),
                        attempt: 0,
                        devices: vec![],
                        fixtures: vec![],
                    });
                    // Before the result: the run is over when every result is there.
                    self.leave_fixtures(*i);
                    self.withdraw(*i);
                    self.put_unrun(*i, Outcome::NotRun(why.clone()));
                }
                return None;
            }
            if let (Some(mut governed), Some(around)) = (queue.governed.take(), &self.around) {
                let next = self.next_governed(&mut governed, around);
                let more = governed.has_more();
                queue.governed = Some(governed);
                match next {
                    Ok(planned) => {
                        queue.pending.retain(|i| *i != planned);
                        queue.running += 1;
                        let waited_for = more && queue.waiting > 0;
                        drop(queue);
                        if waited_for {
                            self.wake.notify_all();
                        }
                        return Some(planned);
                    }
                    Err(pause) => {
                        queue.waiting += 1;
                        let waited = self.wake.wait_timeout(queue, pause);
                        queue = waited.unwrap_or_else(|e| e.into_inner()).0;
                        queue.waiting -= 1;
                        continue;
                    }
                }
            }
            let at = admit(&queue, |i| {
                (
                    &self.plan.cases[i],
                    &self.catalog.cases[self.plan.cases[i].case].marks.exclusive,
                )
            });
            if let Some(at) = at
                && let Some(i) = queue.pending.remove(at)
            {
                queue.running += 1;
                queue.alone = self.plan.cases[i].alone;
                let marks = &self.catalog.cases[self.plan.cases[i].case].marks;
                queue.held.extend(marks.exclusive.iter().cloned());
                return Some(i);
            }
            queue.waiting += 1;
            queue = self.wake.wait(queue).unwrap_or_else(|e| e.into_inner());
            queue.waiting -= 1;
        }
    }

    pub(super) fn leave(&self, planned: usize, failed: bool) {
        // Also of a body that was abandoned: the next of a name must not wait for its thread.
        let names = lock(&self.names_held).remove(&planned);
        drop(names);
        let mut queue = lock(&self.queue);
        queue.running -= 1;
        queue.alone = false;
        let marks = &self.catalog.cases[self.plan.cases[planned].case].marks;
        for name in &marks.exclusive {
            if let Some(at) = queue.held.iter().position(|h| h == name) {
                queue.held.swap_remove(at);
            }
        }
        if failed {
            queue.failed += 1;
        }
        // A call that nobody waits for is a call of the system all the same.
        let waited_for = queue.waiting > 0;
        drop(queue);
        if waited_for {
            self.wake.notify_all();
        }
    }
}

/// Which pending case may start now: the first that fits.
fn admit<'a>(
    queue: &Queue,
    facts: impl Fn(usize) -> (&'a Planned, &'a Vec<String>),
) -> Option<usize> {
    if queue.alone {
        return None;
    }
    for (at, &i) in queue.pending.iter().enumerate() {
        let (planned, exclusive) = facts(i);
        if planned.alone {
            // Cases that run alone stand last: everything before them has started, and must have ended.
            return (queue.running == 0 && at == 0).then_some(at);
        }
        if exclusive.iter().all(|name| !queue.held.contains(name)) {
            return Some(at);
        }
    }
    None
}
