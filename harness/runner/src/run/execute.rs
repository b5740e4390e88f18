//! One attempt: set-up, body, teardown, and what their end means.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Run;
use super::retry::End;
use super::watchdog::Watched;
use crate::attempt::{self, Attempt, SlotCell, lock};
use crate::body::Cx;
use crate::event::Event;
use crate::evidence::Mark;
use crate::fixture::{FixtureEntry, Stored};
use crate::outcome::{Outcome, Phase, Times, seconds};
use crate::registry::Cases;
use crate::stores::{self, Asker, Failure, Key, NoValue, SetUpLimit, Store, Stores, Tell, Torn};

/// How much longer than its limit a phase may take before it counts as blocking the thread that should end it.
const SLACK: Duration = Duration::from_secs(1);

/// What comes after an attempt.
enum After {
    /// Another one.
    Again,
    /// The next case.
    Over,
    /// Nothing here: another thread goes on.
    Taken,
}

impl After {
    fn of(again: bool) -> After {
        if again { After::Again } else { After::Over }
    }
}

impl Run {
    pub(super) fn asker(&self, planned: usize) -> Asker {
        let p = &self.plan.cases[planned];
        let level = p.level.and_then(|l| self.options.level_names.get(l));
        let mut asker = self.catalog.asker(p.case, p.level, level.map(|l| &**l));
        asker.devices = self.devices(planned);
        #[cfg(target_os = "linux")]
        {
            asker.sampler = Some(self.sampler.clone());
        }
        asker
    }

    /// Runs one case, from its attempt of this number on; false if the watchdog took it away (this thread is abandoned then).
    pub(super) fn attempts(
        self: &Arc<Self>,
        planned: usize,
        first: u32,
        cell: &Arc<SlotCell>,
    ) -> bool {
        let mut number = first;
        loop {
            match self.attempt(planned, number, cell) {
                After::Again => number += 1,
                After::Over => return true,
                After::Taken => return false,
            }
        }
    }

    /// One attempt.
    fn attempt(self: &Arc<Self>, planned: usize, number: u32, cell: &Arc<SlotCell>) -> After {
        let p = &self.plan.cases[planned];
        let case = &self.catalog.cases[p.case];
        let entry = self.test(planned).entry;
        let started = self.begins(planned, number);
        let isolated = self.is_isolated(planned);
        if !isolated {
            self.capture.begin(planned, &self.names[planned]);
        }
        let attempt = Arc::new(Attempt {
            planned,
            number,
            name: self.names[planned].clone(),
            level: p
                .level
                .and_then(|l| self.options.level_names.get(l).cloned()),
            limit: p.limit,
            started,
            body_started: Mutex::new(None),
            claimed: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            is_async: entry.is_async,
            panics: Mutex::default(),
            log: Mutex::default(),
            notes: Mutex::default(),
            rows: Mutex::default(),
            cancel: self.cancel.clone(),
            evidence: self.evidence.clone(),
            folder: Mutex::default(),
            writers: Mutex::default(),
            expects_failure: case.marks.xfail.is_some(),
            expected: Mutex::default(),
            no_baseline: Mutex::default(),
            logs: Mutex::default(),
            fixtures: Mutex::default(),
            judged: AtomicBool::new(false),
            asserted: AtomicBool::new(false),
            class: Mutex::default(),
            events: lock(&self.events).clone(),
            records: Default::default(),
            devices: self.devices(planned),
            #[cfg(target_os = "linux")]
            sampler: self.sampler.clone(),
            #[cfg(target_os = "linux")]
            followed: Mutex::default(),
        });
        if isolated {
            lock(&self.apart).push((attempt.name.clone(), started));
            let (outcome, judged, times) = match self.without_devices(planned) {
                Some(why) => (Outcome::SetUpFailed(why), false, Times::default()),
                None => self.attempt_isolated(&attempt),
            };
            lock(&self.apart).retain(|(name, _)| *name != attempt.name);
            attempt.judged.store(judged, Ordering::SeqCst);
            let again = self.again(&attempt, &outcome);
            self.finish(&attempt, outcome, times, Torn::default(), again);
            return After::of(again);
        }
        cell.set(Some(attempt.clone()));
        self.turn(&attempt, Phase::SetUp);
        let mut keys = vec![];
        let attempt_store: Arc<Store> = Arc::default();
        let mut values = vec![];
        let mut set_up_outcome = self.without_devices(planned).map(Outcome::SetUpFailed);
        if !entry.fixtures.is_empty() && set_up_outcome.is_none() {
            let asker = self.asker(planned);
            stores::shared_keys(entry.fixtures, &asker, &mut keys);
            let weak = Arc::downgrade(self);
            let tell: Tell = Arc::new(move |text| {
                if let Some(run) = weak.upgrade() {
                    run.emit(Event::Awaiting(text));
                }
            });
            let stores = Stores {
                tell,
                run: self.run_store.clone(),
                attempt: attempt_store.clone(),
                limit: SetUpLimit {
                    started,
                    limit: p.setup_limit,
                },
                cancel: self.cancel.clone(),
                evidence: self.evidence.clone(),
            };
            *lock(&attempt.fixtures) = keys.iter().map(Key::shown).collect();
            *lock(&attempt.logs) = self.evidence.marks(&self.run_store.traces(Some(&keys)));
            let made = self
                .runtime()
                .block_on(set_up(entry.fixtures, &asker, stores));
            lock(&attempt.notes).append(&mut lock(&asker.notes));
            lock(&attempt.writers).append(&mut lock(&asker.writers));
            let made = made.map_err(|e| match e {
                NoValue::Failed(failure) => {
                    failure.outcome(&attempt.name, !attempt.expects_failure)
                }
                NoValue::Skipped(reason) => self.skipped(reason),
                NoValue::Cancelled => Outcome::Failed(self.cancel.reason()),
            });
            match made {
                Ok(v) => values = v,
                Err(outcome) => set_up_outcome = Some(outcome),
            }
        }
        let set_up = started.elapsed();
        let keys = Arc::new(keys);
        let (outcome, body) = match set_up_outcome {
            Some(outcome) => (outcome, Duration::ZERO),
            None => {
                self.turn(&attempt, Phase::Body);
                let body_started = Instant::now();
                *lock(&attempt.body_started) = Some(body_started);
                self.watch_body(Watched {
                    deadline: p
                        .limit
                        .map_or(body_started + Duration::from_secs(86_400 * 365), |l| {
                            body_started + l
                        }),
                    paused: crate::limit::paused(),
                    attempt: attempt.clone(),
                    keys: keys.clone(),
                    store: attempt_store.clone(),
                    set_up,
                });
                let at: &[u16] = match &entry.cases {
                    Cases::Listed(list) => list[case.index].at,
                    _ => &[],
                };
                let cx = Cx {
                    at,
                    values: &values,
                    provided: case.provided.as_ref().map(|(v, ..)| &**v),
                };
                let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    attempt::as_body(|| (entry.body)(&cx))
                }));
                if attempt.claimed.swap(true, Ordering::SeqCst) {
                    return After::Taken;
                }
                self.unwatch(planned);
                (
                    self.judge(
                        &attempt,
                        entry.should_panic,
                        case.marks.xfail.is_some(),
                        result,
                    ),
                    body_started.elapsed(),
                )
            }
        };
        drop(values);
        if matches!(outcome, Outcome::TimedOut(..)) {
            attempt.take_scene(std::process::id(), false);
        }
        let end = End {
            outcome,
            set_up,
            body,
        };
        let again = self.end_attempt(&attempt, &attempt_store, &keys, end);
        cell.set(None);
        After::of(again)
    }

    /// Says that a phase of an attempt begins, where that is not clear by itself.
    pub(super) fn turn(&self, attempt: &Attempt, phase: Phase) {
        crate::isolated::phase(phase);
        if !self.test(attempt.planned).entry.fixtures.is_empty() {
            self.tell_phase(attempt, phase);
        }
    }

    pub(super) fn tell_phase(&self, attempt: &Attempt, phase: Phase) {
        self.emit(Event::Phase {
            planned: attempt.planned,
            attempt: attempt.number,
            phase,
            at: Instant::now(),
        });
    }

    /// Remembers the logs of the servers that an attempt used, before those that it was the last to use are gone.
    pub(super) fn mark_logs(&self, attempt: &Attempt, keys: &[Key], own: &Store) {
        if keys.is_empty() && own.is_empty() {
            return;
        }
        let mut traces = self.run_store.traces(Some(keys));
        traces.extend(own.traces(None));
        let mut logs = lock(&attempt.logs);
        for mark in self.evidence.marks(&traces) {
            if !logs.iter().any(|known| known.path == mark.path) {
                // It was begun by this attempt, so all of it is the attempt's.
                logs.push(Mark { length: 0, ..mark });
            }
        }
    }

    /// Takes down what this attempt made, and what it was the last to use.
    pub(super) fn tear_down(
        &self,
        planned: usize,
        attempt_store: &Arc<Store>,
        keys: &Arc<Vec<Key>>,
    ) -> (Torn, Duration) {
        crate::isolated::phase(Phase::Teardown);
        if keys.is_empty() && attempt_store.is_empty() {
            // The way through the runtime costs more than a short test.
            return (Torn::default(), Duration::ZERO);
        }
        let started = Instant::now();
        let limit = self.plan.cases[planned].teardown_limit;
        (
            self.run_teardown(attempt_store, Some(keys.clone()), limit),
            started.elapsed(),
        )
    }

    /// Takes down a store, and the given keys of the run's store, or all of it.
    pub(super) fn run_teardown(
        &self,
        store: &Arc<Store>,
        keys: Option<Arc<Vec<Key>>>,
        limit: Duration,
    ) -> Torn {
        let (store, run_store) = (store.clone(), self.run_store.clone());
        self.runtime().block_on(async move {
            let all = tokio::spawn(async move {
                let torn = store.release_all(limit).await;
                torn.and(match keys {
                    Some(keys) => run_store.release(&keys, limit).await,
                    None => run_store.release_all(limit).await,
                })
            });
            // Each finalizer has its own end; this one is for those that block their thread.
            tokio::select! {
                biased;
                done = all => done.unwrap_or_else(|e| Torn::failed(e.to_string())),
                () = crate::limit::over(limit * 2 + stores::LAST_CHANCE * 4 + SLACK) => Torn::failed(format!(
                    "teardown blocks its thread and did not end within {}", seconds(limit)
                )),
            }
        })
    }

    /// A case that will not run is no user of its fixtures any more.
    pub(super) fn leave_fixtures(&self, planned: usize) {
        let fixtures = self.test(planned).entry.fixtures;
        if fixtures.is_empty() || self.is_isolated(planned) {
            return;
        }
        let mut keys = vec![];
        stores::shared_keys(fixtures, &self.asker(planned), &mut keys);
        let (torn, _) = self.tear_down(planned, &Arc::default(), &Arc::new(keys));
        lock(&self.late_errors).extend(torn.errors);
    }
}

/// Makes the fixtures of an attempt, each on a task of the session's runtime, so that what it spawns lives on.
async fn set_up(
    fixtures: &'static [&'static FixtureEntry],
    asker: &Asker,
    stores: Stores,
) -> Result<Vec<Stored>, NoValue> {
    let mut values = Vec::with_capacity(fixtures.len());
    for fixture in fixtures {
        let mut task = tokio::spawn(crate::resolve::resolve(
            fixture,
            asker.clone(),
            stores.clone(),
        ));
        let failed = |text, over| Err(NoValue::Failed(Failure::new(fixture, text, over)));
        let made = tokio::select! {
            biased;
            made = &mut task => made.unwrap_or_else(|e| failed(e.to_string(), None)),
            // Another case makes it and has more time, or it blocks its thread and cannot be dropped.
            () = async { tokio::select! { () = stores.limit.over(SLACK) => {}, () = async { stores.cancel.cancelled().await; tokio::time::sleep(SLACK).await } => {} } } => {
                task.abort();
                if stores.cancel.is_cancelled() {
                    return Err(NoValue::Cancelled);
                }
                failed(" was still being made; it blocks its thread, or another case that asked before waits for it".into(), Some(stores.limit.limit))
            }
        };
        values.push(made?);
    }
    Ok(values)
}
