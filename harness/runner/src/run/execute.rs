//! One slot, and one attempt: set-up, body, teardown, and what their end means.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Run;
use super::watchdog::Watched;
use crate::attempt::{self, Attempt, SlotCell, lock};
use crate::body::{Cx, Skip, TestResult};
use crate::event::Event;
use crate::outcome::{Outcome, Phase, Times, seconds};
use crate::registry::Cases;
use crate::stores::{self, Asker, Key, NoValue, Store, Stores};

/// How long set-up may take: a server with its own limits ends sooner.
const SET_UP_LIMIT: Duration = Duration::from_secs(900);
/// How long teardown of one attempt may take.
pub(super) const TEARDOWN_LIMIT: Duration = Duration::from_secs(60);

impl Run {
    pub(super) fn asker(&self, planned: usize) -> Asker {
        let p = &self.plan.cases[planned];
        let level = p.level.and_then(|l| self.options.level_names.get(l));
        self.catalog.asker(p.case, p.level, level.map(|l| &**l))
    }

    /// One slot: takes cases until none is left, or until its case was taken from it.
    pub(super) fn slot(self: &Arc<Self>) {
        let cell = Arc::new(SlotCell::default());
        attempt::enter(cell.clone());
        while let Some(planned) = self.next() {
            if !self.attempt(planned, &cell) {
                return;
            }
        }
        cell.set(None);
    }

    /// Runs one case; false if the watchdog took it away (this thread is abandoned then).
    fn attempt(self: &Arc<Self>, planned: usize, cell: &Arc<SlotCell>) -> bool {
        let started = Instant::now();
        let p = &self.plan.cases[planned];
        let case = &self.catalog.cases[p.case];
        let entry = self.test(planned).entry;
        self.emit(Event::CaseStarted {
            planned,
            at: started,
        });
        self.capture.begin(planned, &self.names[planned]);
        let attempt = Arc::new(Attempt {
            planned,
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
            cancel: self.cancel.clone(),
        });
        cell.set(Some(attempt.clone()));
        let mut keys = vec![];
        let attempt_store: Arc<Store> = Arc::default();
        let mut values = vec![];
        let mut set_up_outcome = None;
        if !entry.fixtures.is_empty() {
            let asker = self.asker(planned);
            stores::shared_keys(entry.fixtures, &asker, &mut keys);
            let stores = Stores {
                run: self.run_store.clone(),
                attempt: attempt_store.clone(),
            };
            let cancel = self.cancel.clone();
            let made = self.runtime().block_on(async {
                let all = async {
                    let mut values = Vec::with_capacity(entry.fixtures.len());
                    for fixture in entry.fixtures {
                        // On a task of the session's runtime: what the fixture spawns lives on.
                        let made = tokio::spawn(stores::resolve(fixture, asker.clone(), stores.clone())).await;
                        values.push(made.unwrap_or_else(|e| Err(NoValue::Failed(format!("fixture `{}`: {e}", fixture.name))))?);
                    }
                    Ok(values)
                };
                tokio::select! {
                    biased;
                    made = all => made.map_err(|e| match e {
                        NoValue::Failed(text) => Outcome::SetUpFailed(text),
                        NoValue::Skipped(reason) => self.skipped(reason),
                    }),
                    () = tokio::time::sleep(SET_UP_LIMIT) => Err(Outcome::TimedOut(Phase::SetUp, SET_UP_LIMIT, String::new())),
                    () = cancel.cancelled() => Err(Outcome::Failed(cancel.reason())),
                }
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
                let body_started = Instant::now();
                *lock(&attempt.body_started) = Some(body_started);
                self.watch_body(Watched {
                    deadline: p
                        .limit
                        .map_or(body_started + Duration::from_secs(86_400 * 365), |l| {
                            body_started + l
                        }),
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
                    return false;
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
        let (errors, teardown) = self.tear_down(&attempt_store, &keys);
        self.finish(
            &attempt,
            outcome,
            Times {
                set_up,
                body,
                teardown,
            },
            errors,
        );
        cell.set(None);
        true
    }

    /// What the end of a body means.
    fn judge(
        &self,
        attempt: &Attempt,
        should_panic: Option<&'static str>,
        expects_failure: bool,
        result: std::thread::Result<TestResult>,
    ) -> Outcome {
        if attempt.expired.load(Ordering::SeqCst) {
            return Outcome::TimedOut(
                Phase::Body,
                attempt.limit.unwrap_or_default(),
                String::new(),
            );
        }
        let panics = std::mem::take(&mut *lock(&attempt.panics));
        let (own, spawned): (Vec<_>, Vec<_>) = panics.into_iter().partition(|p| p.in_body);
        if expects_failure && !spawned.is_empty() | matches!(&result, Err(p) if !p.is::<Skip>()) {
            // Nobody reads the text of an expected failure, and the first backtrace takes long to write.
            return Outcome::Failed(String::new());
        }
        let texts = |list: &[crate::panics::PanicRecord]| {
            list.iter()
                .map(|p| p.text(&attempt.name))
                .collect::<Vec<_>>()
                .join("\n")
        };
        match (result, should_panic) {
            (Err(payload), _) if payload.is::<Skip>() => {
                let Skip(reason) = payload
                    .downcast_ref::<Skip>()
                    .cloned()
                    .unwrap_or(Skip(String::new()));
                self.skipped(reason)
            }
            (Err(_), Some("")) => Outcome::Passed,
            (Err(payload), Some(expected)) => {
                let message = own.last().map_or_else(
                    || crate::panics::payload_text(&*payload),
                    |p| p.message.clone(),
                );
                if message.contains(expected) {
                    Outcome::Passed
                } else {
                    Outcome::Failed(format!(
                        "{}panic did not contain expected string\n      panic message: {message:?}\n expected substring: {expected:?}",
                        texts(&own)
                    ))
                }
            }
            (Ok(Ok(())), Some(_)) => Outcome::Failed("test did not panic as expected".into()),
            (Ok(Err(e)), _) if e.skip.is_some() => {
                self.skipped(e.skip.map_or(String::new(), |s| s.0))
            }
            (Ok(Err(e)), Some(_)) => Outcome::Failed(format!(
                "test did not panic as expected, it returned an error: {e}"
            )),
            (Err(payload), None) => Outcome::Failed(match own.last() {
                // The last one ended the body; earlier ones were caught.
                Some(last) => format!(
                    "{}{}",
                    last.text(&attempt.name),
                    if spawned.is_empty() {
                        String::new()
                    } else {
                        format!("\n{}", texts(&spawned))
                    }
                ),
                None => format!("panicked: {}", crate::panics::payload_text(&*payload)),
            }),
            (Ok(Err(e)), None) => Outcome::Failed(if spawned.is_empty() {
                format!("Error: {e}")
            } else {
                format!("Error: {e}\n{}", texts(&spawned))
            }),
            (Ok(Ok(())), None) if !spawned.is_empty() => Outcome::Failed(format!(
                "a task or thread of this test panicked:\n{}",
                texts(&spawned)
            )),
            (Ok(Ok(())), None) => Outcome::Passed,
        }
    }

    fn skipped(&self, reason: String) -> Outcome {
        match self.options.deny_skips {
            Some(why) => Outcome::Failed(format!("skipped: {reason} ({why})")),
            None => Outcome::Skipped(reason),
        }
    }

    /// Takes down what this attempt made, and what it was the last to use.
    pub(super) fn tear_down(
        &self,
        attempt_store: &Arc<Store>,
        keys: &Arc<Vec<Key>>,
    ) -> (Vec<String>, Duration) {
        if keys.is_empty() && attempt_store.is_empty() {
            // The way through the runtime costs more than a short test.
            return (vec![], Duration::ZERO);
        }
        let started = Instant::now();
        let (store, run_store, keys) =
            (attempt_store.clone(), self.run_store.clone(), keys.clone());
        let errors = self.runtime().block_on(async move {
            let all = tokio::spawn(async move {
                let mut errors = store.release_all().await;
                errors.extend(run_store.release(&keys).await);
                errors
            });
            match tokio::time::timeout(TEARDOWN_LIMIT, all).await {
                Ok(Ok(errors)) => errors,
                Ok(Err(e)) => vec![e.to_string()],
                Err(_) => vec![format!("did not end within {}", seconds(TEARDOWN_LIMIT))],
            }
        });
        (errors, started.elapsed())
    }

    /// Reports the result of an attempt and frees its place.
    pub(super) fn finish(
        &self,
        attempt: &Attempt,
        outcome: Outcome,
        times: Times,
        teardown_errors: Vec<String>,
    ) {
        let planned = attempt.planned;
        let xfail = self.catalog.cases[self.plan.cases[planned].case]
            .marks
            .xfail
            .as_ref();
        let mut outcome = match (outcome, xfail) {
            (o, Some(x)) if o.is_failure() => Outcome::ExpectedFailure(x.reason.clone()),
            (Outcome::Passed, Some(x)) if x.strict => Outcome::UnexpectedPass(x.reason.clone()),
            (o, _) => o,
        };
        let mut notes = std::mem::take(&mut *lock(&attempt.notes));
        if !teardown_errors.is_empty() {
            let text = teardown_errors.join("\n");
            match outcome {
                Outcome::Passed | Outcome::ExpectedFailure(_) | Outcome::Skipped(_) => {
                    outcome = Outcome::TeardownFailed(text)
                }
                _ => notes.push(text),
            }
        }
        let failed = outcome.is_failure();
        let mut output = self
            .capture
            .end(planned, failed || self.options.show_output);
        let log = std::mem::take(&mut *lock(&attempt.log));
        if !log.is_empty() {
            output.own.extend_from_slice(&log);
        }
        self.leave(planned, failed);
        self.put(planned, outcome, times, output, notes);
    }
}
