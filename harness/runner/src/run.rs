//! The run: slots take cases from the queue, set up, run the body, tear down, and report.
//!
//! Promise: a body that never returns cannot stop the run: the watchdog reports it, and another thread takes over its slot. Every planned case gets
//! exactly one result, in whatever way the run ends. With one slot the bodies run on the thread that called [`Run::work`] (the main thread).
//!
//! Rejected: one thread per case (65 µs each, and a waiting case would hold one), and libtest-mimic's own threads (a stuck body would hang the run).

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::attempt::{self, Attempt, Cancel, SlotCell, lock};
use crate::body::{Cx, Skip, TestResult};
use crate::capture::Capture;
use crate::catalog::Catalog;
use crate::event::{Ended, Event, Output, Summary};
use crate::outcome::{Counts, Outcome, Phase, Times, seconds};
use crate::plan::{Disposition, Plan, Planned};
use crate::registry::Cases;
use crate::stores::{self, Asker, Key, NoValue, Store, Stores};

/// How long set-up may take: a server with its own limits ends sooner.
const SET_UP_LIMIT: Duration = Duration::from_secs(900);
/// How long teardown of one attempt may take.
const TEARDOWN_LIMIT: Duration = Duration::from_secs(60);
/// How long an async body whose limit is over gets to be dropped before it counts as blocking.
const DROP_LIMIT: Duration = Duration::from_millis(1000);

/// What the run needs to know of the options.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Cases side by side.
    pub slots: usize,
    /// Start nothing more after so many failures.
    pub max_fail: Option<usize>,
    /// What makes a skip at run time a failure, if anything.
    pub deny_skips: Option<&'static str>,
    /// Output of passing cases is wanted too.
    pub show_output: bool,
    /// Removed by filters, for the summary.
    pub filtered_out: usize,
    /// The names of the levels, lowest first.
    pub level_names: Vec<String>,
    /// How long teardown may take once the run is being stopped.
    pub grace: Duration,
    /// Bounds the whole run.
    pub run_limit: Option<Duration>,
}

/// A run in progress.
pub struct Run {
    catalog: Catalog,
    plan: Plan,
    names: Vec<Arc<str>>,
    options: RunOptions,
    queue: Mutex<Queue>,
    wake: Condvar,
    results: Vec<OnceLock<Ended>>,
    waiting: Mutex<usize>,
    arrived: Condvar,
    left: AtomicUsize,
    counts: Mutex<Counts>,
    events: Mutex<Sender<Event>>,
    capture: Arc<Capture>,
    cancel: Arc<Cancel>,
    run_store: Arc<Store>,
    runtime: OnceLock<Runtime>,
    watch: Watch,
    started: Instant,
    stray: AtomicUsize,
    signal: Mutex<Option<i32>>,
    finished: AtomicBool,
}

struct Queue {
    pending: VecDeque<usize>,
    running: usize,
    alone: bool,
    held: Vec<String>,
    failed: usize,
}

#[derive(Default)]
struct Watch {
    /// Bodies that run: when to look again, and what then.
    bodies: Mutex<Vec<Watched>>,
    changed: Condvar,
}

struct Watched {
    deadline: Instant,
    attempt: Arc<Attempt>,
    keys: Arc<Vec<Key>>,
    store: Arc<Store>,
    set_up: Duration,
}

impl Run {
    /// Prepares a run. Nothing is started yet.
    pub fn new(catalog: Catalog, plan: Plan, options: RunOptions, events: Sender<Event>, capture: Arc<Capture>) -> Arc<Run> {
        let names: Vec<Arc<str>> = plan.cases.iter().map(|p| Arc::from(catalog.cases[p.case].name.as_str())).collect();
        let pending: VecDeque<usize> = plan.cases.iter().enumerate().filter(|(_, p)| p.disposition == Disposition::Run).map(|(i, _)| i).collect();
        let n = plan.cases.len();
        let run = Arc::new(Run {
            names,
            queue: Mutex::new(Queue { pending, running: 0, alone: false, held: vec![], failed: 0 }),
            wake: Condvar::new(),
            results: (0..n).map(|_| OnceLock::new()).collect(),
            waiting: Mutex::new(0),
            arrived: Condvar::new(),
            left: AtomicUsize::new(n),
            counts: Mutex::new(Counts { filtered_out: options.filtered_out, ..Counts::default() }),
            events: Mutex::new(events),
            capture,
            cancel: Cancel::new(),
            run_store: Arc::default(),
            runtime: OnceLock::new(),
            watch: Watch::default(),
            started: Instant::now(),
            stray: AtomicUsize::new(0),
            signal: Mutex::new(None),
            finished: AtomicBool::new(false),
            catalog,
            plan,
            options,
        });
        for (i, planned) in run.plan.cases.iter().enumerate() {
            if planned.disposition == Disposition::Run && !run.test(i).entry.fixtures.is_empty() {
                let mut keys = vec![];
                stores::shared_keys(run.test(i).entry.fixtures, &run.asker(i), &mut keys);
                run.run_store.expect(&keys);
            }
        }
        let weak = Arc::downgrade(&run);
        crate::panics::install(Box::new(move |record, thread| {
            let Some(run) = weak.upgrade() else { return };
            let running = run.capture.running();
            let thread = thread.unwrap_or_else(|| "<unnamed>".into());
            let text = record.text(&thread);
            run.stray.fetch_add(1, Ordering::SeqCst);
            run.emit(Event::StrayPanic { text, running: running.into_iter().map(|(_, n)| n).collect() });
        }));
        run
    }

    fn test(&self, planned: usize) -> &crate::catalog::Test {
        &self.catalog.tests[self.catalog.cases[self.plan.cases[planned].case].test]
    }

    /// The catalog of the run.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The plan of the run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The name of a planned case.
    pub fn name(&self, planned: usize) -> &Arc<str> {
        &self.names[planned]
    }

    /// The result of a planned case, if it is there.
    pub fn result(&self, planned: usize) -> Option<&Ended> {
        self.results[planned].get()
    }

    /// Waits for the result of a planned case.
    pub fn wait(&self, planned: usize) -> &Ended {
        loop {
            if let Some(done) = self.results[planned].get() {
                return done;
            }
            let mut waiting = lock(&self.waiting);
            *waiting += 1;
            while self.results[planned].get().is_none() {
                waiting = self.arrived.wait(waiting).unwrap_or_else(|e| e.into_inner());
            }
            *waiting -= 1;
        }
    }

    /// The cases that run now, for a live view: name, since when, and how many wait.
    pub fn running(&self) -> (Vec<(String, Duration)>, usize) {
        let now = Instant::now();
        let mut running: Vec<(String, Duration)> = lock(&self.watch.bodies).iter().filter(|w| !w.attempt.claimed.load(Ordering::SeqCst)).map(|w| (w.attempt.name.to_string(), now - w.attempt.started)).collect();
        running.sort_by_key(|(_, d)| std::cmp::Reverse(*d));
        (running, lock(&self.queue).pending.len())
    }

    fn emit(&self, event: Event) {
        // The receiver outlives the run; after it is gone nobody wants events.
        let _ = lock(&self.events).send(event);
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.get_or_init(|| {
            match tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("tribunal-fixtures").enable_all().build() {
                Ok(runtime) => runtime,
                Err(e) => {
                    eprintln!("error: no threads for fixtures: {e}\nhelp: raise the limit of processes (ulimit -u)");
                    std::process::exit(crate::outcome::exit::USAGE.into())
                }
            }
        })
    }

    /// Runs everything and returns when all results are there. Called on the main thread.
    pub fn work(self: &Arc<Self>) {
        self.emit(Event::RunStarted { at: self.started });
        self.listen_for_signals();
        let watchdog = self.clone();
        let spawned = std::thread::Builder::new().name("tribunal-watchdog".into()).spawn(move || watchdog.watch());
        if let Err(e) = spawned {
            eprintln!("error: no thread for time limits: {e}");
            std::process::exit(crate::outcome::exit::USAGE.into());
        }
        for (i, planned) in self.plan.cases.iter().enumerate() {
            let outcome = match &planned.disposition {
                Disposition::Run => continue,
                Disposition::Ignored(why) => Outcome::Ignored(why.clone()),
                Disposition::Gated(unmet) => Outcome::Skipped(unmet.reason.clone()),
                Disposition::Refused(unmet, flag) => Outcome::Failed(format!("cannot run here: {} ({flag})", unmet.reason)),
            };
            self.emit(Event::CaseStarted { planned: i, at: Instant::now() });
            self.put(i, outcome, Times::default(), Output::default(), vec![]);
        }
        let runnable = lock(&self.queue).pending.len();
        let slots = self.options.slots.min(runnable.max(1));
        for n in 1..slots {
            self.spawn_slot(n);
        }
        if slots == 1 && self.options.slots == 1 {
            // The only slot is this thread, as nextest documents for one test thread. Should its body never return, the end is not ours to wait for.
            let run = self.clone();
            let spawned = std::thread::Builder::new().name("tribunal-conclusion".into()).spawn(move || run.conclude());
            self.slot();
            match spawned {
                Ok(thread) => drop(thread.join()),
                Err(_) => self.conclude(),
            }
        } else {
            if runnable > 0 {
                self.spawn_slot(0);
            }
            self.conclude();
        }
    }

    /// Waits for every result, takes down what is left, and says that the run has ended.
    fn conclude(self: &Arc<Self>) {
        // A stuck body leaves its slot to another thread: what counts is that every result is there.
        let mut waiting = lock(&self.waiting);
        *waiting += 1;
        while self.left.load(Ordering::SeqCst) > 0 {
            waiting = self.arrived.wait(waiting).unwrap_or_else(|e| e.into_inner());
        }
        *waiting -= 1;
        drop(waiting);
        let late_errors = if self.runtime.get().is_some() {
            let store = self.run_store.clone();
            self.runtime().block_on(async move { tokio::time::timeout(TEARDOWN_LIMIT, store.release_all()).await.unwrap_or_else(|_| vec![format!("teardown did not end within {}", seconds(TEARDOWN_LIMIT))]) })
        } else {
            vec![]
        };
        self.finished.store(true, Ordering::SeqCst);
        self.watch.changed.notify_all();
        let summary = Summary {
            counts: *lock(&self.counts),
            elapsed: self.started.elapsed(),
            stray_panics: self.stray.load(Ordering::SeqCst),
            signal: *lock(&self.signal),
            late_errors,
        };
        self.emit(Event::RunEnded(Box::new(summary)));
    }

    fn spawn_slot(self: &Arc<Self>, number: usize) {
        let run = self.clone();
        let name = format!("tribunal-slot-{number}");
        let spawned = std::thread::Builder::new().name(name).spawn(move || run.slot());
        if spawned.is_err() {
            // The threads that are there do the work; without any, this one must.
            self.slot();
        }
    }

    /// Stops the run: nothing more starts, running bodies are cancelled, fixtures are taken down.
    pub fn stop(self: &Arc<Self>, reason: &str) {
        self.emit(Event::Stopping(reason.to_owned()));
        self.cancel.cancel(reason);
        self.wake.notify_all();
        self.watch.changed.notify_all();
    }

    fn listen_for_signals(self: &Arc<Self>) {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let run = self.clone();
            let runtime = self.runtime();
            let _guard = runtime.enter();
            let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else { return };
            runtime.spawn(async move {
                let mut first = true;
                loop {
                    let number = tokio::select! {
                        _ = interrupt.recv() => 2,
                        _ = terminate.recv() => 15,
                    };
                    if !first {
                        crate::sys::exit_now(128 + number);
                    }
                    first = false;
                    *lock(&run.signal) = Some(number);
                    run.stop(if number == 2 { "interrupted (Ctrl-C)" } else { "stopped by SIGTERM" });
                    let run = run.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(run.options.grace).await;
                        if !run.finished.load(Ordering::SeqCst) {
                            // Keepers end what is left of the servers once this process is gone.
                            crate::sys::exit_now(128 + number);
                        }
                    });
                }
            });
        }
        if let Some(limit) = self.options.run_limit {
            let run = self.clone();
            self.runtime().spawn(async move {
                tokio::time::sleep(limit).await;
                run.stop(&format!("the run's limit of {} is over (--run-limit)", seconds(limit)));
            });
        }
    }

    /// The next case that may start; `None` when nothing is left for this slot.
    fn next(&self) -> Option<usize> {
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
                for i in rest {
                    self.emit(Event::CaseStarted { planned: i, at: Instant::now() });
                    self.put(i, Outcome::NotRun(why.clone()), Times::default(), Output::default(), vec![]);
                }
                return None;
            }
            let at = admit(&queue, |i| (&self.plan.cases[i], &self.catalog.cases[self.plan.cases[i].case].marks.exclusive));
            if let Some(at) = at
                && let Some(i) = queue.pending.remove(at)
            {
                queue.running += 1;
                queue.alone = self.plan.cases[i].alone;
                let marks = &self.catalog.cases[self.plan.cases[i].case].marks;
                queue.held.extend(marks.exclusive.iter().cloned());
                return Some(i);
            }
            queue = self.wake.wait(queue).unwrap_or_else(|e| e.into_inner());
        }
    }

    fn leave(&self, planned: usize, failed: bool) {
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
        drop(queue);
        self.wake.notify_all();
    }

    /// Records a result; exactly once per case.
    fn put(&self, planned: usize, outcome: Outcome, times: Times, output: Output, notes: Vec<String>) {
        let ended = Ended { planned, outcome, times, output, notes };
        lock(&self.counts).add(&ended.outcome);
        self.emit(Event::CaseEnded(ended.clone()));
        if self.results[planned].set(ended).is_err() {
            unreachable!("case {} got two results", self.names[planned]);
        }
        self.left.fetch_sub(1, Ordering::SeqCst);
        // Under the lock, so that nobody who has just looked and found nothing misses the call.
        if *lock(&self.waiting) > 0 {
            self.arrived.notify_all();
        }
    }

    fn asker(&self, planned: usize) -> Asker {
        let p = &self.plan.cases[planned];
        let case = &self.catalog.cases[p.case];
        Asker {
            name: self.names[planned].clone(),
            module: self.test(planned).entry.module,
            params: case.params(&self.catalog).into(),
            level: p.level,
            level_name: p.level.and_then(|l| self.options.level_names.get(l).cloned()),
        }
    }

    /// One slot: takes cases until none is left, or until its case was taken from it.
    fn slot(self: &Arc<Self>) {
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
        self.emit(Event::CaseStarted { planned, at: started });
        self.capture.begin(planned, &self.names[planned]);
        let attempt = Arc::new(Attempt {
            planned,
            name: self.names[planned].clone(),
            level: p.level.and_then(|l| self.options.level_names.get(l).cloned()),
            limit: p.limit,
            started,
            body_started: Mutex::new(None),
            claimed: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            is_async: AtomicBool::new(false),
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
            let stores = Stores { run: self.run_store.clone(), attempt: attempt_store.clone() };
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
                    () = wait_cancelled(&cancel) => Err(Outcome::Failed(cancel.reason())),
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
                    deadline: p.limit.map_or(body_started + Duration::from_secs(86_400 * 365), |l| body_started + l),
                    attempt: attempt.clone(),
                    keys: keys.clone(),
                    store: attempt_store.clone(),
                    set_up,
                });
                let at: &[u16] = match &entry.cases {
                    Cases::Listed(list) => list[case.index].at,
                    _ => &[],
                };
                let cx = Cx { at, values: &values, provided: case.provided.as_ref().map(|(v, ..)| &**v) };
                let result = std::panic::catch_unwind(AssertUnwindSafe(|| attempt::as_body(|| (entry.body)(&cx))));
                if attempt.claimed.swap(true, Ordering::SeqCst) {
                    return false;
                }
                self.unwatch(planned);
                (self.judge(&attempt, entry.should_panic, case.marks.xfail.is_some(), result), body_started.elapsed())
            }
        };
        drop(values);
        let (errors, teardown) = self.tear_down(&attempt_store, &keys);
        self.finish(&attempt, outcome, Times { set_up, body, teardown }, errors);
        cell.set(None);
        true
    }

    /// What the end of a body means.
    fn judge(&self, attempt: &Attempt, should_panic: Option<&'static str>, expects_failure: bool, result: std::thread::Result<TestResult>) -> Outcome {
        if attempt.expired.load(Ordering::SeqCst) {
            return Outcome::TimedOut(Phase::Body, attempt.limit.unwrap_or_default(), String::new());
        }
        let panics = std::mem::take(&mut *lock(&attempt.panics));
        let (own, spawned): (Vec<_>, Vec<_>) = panics.into_iter().partition(|p| p.in_body);
        if expects_failure && !spawned.is_empty() | matches!(&result, Err(p) if !p.is::<Skip>()) {
            // Nobody reads the text of an expected failure, and the first backtrace takes long to write.
            return Outcome::Failed(String::new());
        }
        let texts = |list: &[crate::panics::PanicRecord]| list.iter().map(|p| p.text(&attempt.name)).collect::<Vec<_>>().join("\n");
        match (result, should_panic) {
            (Err(payload), _) if payload.is::<Skip>() => {
                let Skip(reason) = payload.downcast_ref::<Skip>().cloned().unwrap_or(Skip(String::new()));
                self.skipped(reason)
            }
            (Err(_), Some("")) => Outcome::Passed,
            (Err(payload), Some(expected)) => {
                let message = own.last().map_or_else(|| crate::panics::payload_text(&*payload), |p| p.message.clone());
                if message.contains(expected) {
                    Outcome::Passed
                } else {
                    Outcome::Failed(format!("{}panic did not contain expected string\n      panic message: {message:?}\n expected substring: {expected:?}", texts(&own)))
                }
            }
            (Ok(Ok(())), Some(_)) => Outcome::Failed("test did not panic as expected".into()),
            (Ok(Err(e)), _) if e.skip.is_some() => self.skipped(e.skip.map_or(String::new(), |s| s.0)),
            (Ok(Err(e)), Some(_)) => Outcome::Failed(format!("test did not panic as expected, it returned an error: {e}")),
            (Err(payload), None) => Outcome::Failed(match own.last() {
                // The last one ended the body; earlier ones were caught.
                Some(last) => format!("{}{}", last.text(&attempt.name), if spawned.is_empty() { String::new() } else { format!("\n{}", texts(&spawned)) }),
                None => format!("panicked: {}", crate::panics::payload_text(&*payload)),
            }),
            (Ok(Err(e)), None) => Outcome::Failed(if spawned.is_empty() { format!("Error: {e}") } else { format!("Error: {e}\n{}", texts(&spawned)) }),
            (Ok(Ok(())), None) if !spawned.is_empty() => Outcome::Failed(format!("a task or thread of this test panicked:\n{}", texts(&spawned))),
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
    fn tear_down(&self, attempt_store: &Arc<Store>, keys: &Arc<Vec<Key>>) -> (Vec<String>, Duration) {
        if self.runtime.get().is_none() {
            return (vec![], Duration::ZERO);
        }
        let started = Instant::now();
        let (store, run_store, keys) = (attempt_store.clone(), self.run_store.clone(), keys.clone());
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
    fn finish(&self, attempt: &Attempt, outcome: Outcome, times: Times, teardown_errors: Vec<String>) {
        let planned = attempt.planned;
        let xfail = self.catalog.cases[self.plan.cases[planned].case].marks.xfail.as_ref();
        let mut outcome = match (outcome, xfail) {
            (o, Some(x)) if o.is_failure() => Outcome::ExpectedFailure(x.reason.clone()),
            (Outcome::Passed, Some(x)) if x.strict => Outcome::UnexpectedPass(x.reason.clone()),
            (o, _) => o,
        };
        let mut notes = std::mem::take(&mut *lock(&attempt.notes));
        if !teardown_errors.is_empty() {
            let text = teardown_errors.join("\n");
            match outcome {
                Outcome::Passed | Outcome::ExpectedFailure(_) | Outcome::Skipped(_) => outcome = Outcome::TeardownFailed(text),
                _ => notes.push(text),
            }
        }
        let failed = outcome.is_failure();
        let mut output = self.capture.end(planned, failed || self.options.show_output);
        let log = std::mem::take(&mut *lock(&attempt.log));
        if !log.is_empty() {
            output.own.extend_from_slice(&log);
        }
        self.leave(planned, failed);
        self.put(planned, outcome, times, output, notes);
    }

    fn watch_body(&self, watched: Watched) {
        let mut bodies = lock(&self.watch.bodies);
        let earliest = bodies.iter().map(|w| w.deadline).min();
        let sooner = earliest.is_none_or(|e| watched.deadline < e);
        bodies.push(watched);
        drop(bodies);
        if sooner {
            self.watch.changed.notify_all();
        }
    }

    fn unwatch(&self, planned: usize) {
        lock(&self.watch.bodies).retain(|w| w.attempt.planned != planned);
    }

    /// The watchdog: reports bodies whose limit is over and gives their slots to other threads.
    fn watch(self: &Arc<Self>) {
        let mut bodies = lock(&self.watch.bodies);
        loop {
            if self.finished.load(Ordering::SeqCst) {
                return;
            }
            let now = Instant::now();
            let cancelled = self.cancel.is_cancelled();
            let mut due = vec![];
            bodies.retain_mut(|w| {
                if w.attempt.claimed.load(Ordering::SeqCst) {
                    return false;
                }
                if now < w.deadline && !cancelled {
                    return true;
                }
                // An async body is being dropped by its own thread; only if that takes too long does it count as blocking.
                if w.attempt.is_async.load(Ordering::SeqCst) {
                    let until = if cancelled { lock(&self.cancelled_at()).get_or_insert(now).to_owned() } else { w.deadline } + DROP_LIMIT;
                    if now < until {
                        w.deadline = w.deadline.min(until);
                        return true;
                    }
                }
                due.push(Watched { deadline: w.deadline, attempt: w.attempt.clone(), keys: w.keys.clone(), store: w.store.clone(), set_up: w.set_up });
                false
            });
            if !due.is_empty() {
                drop(bodies);
                for w in due {
                    self.abandon(w, cancelled);
                }
                bodies = lock(&self.watch.bodies);
                continue;
            }
            let waiting_for_drop = bodies.iter().any(|w| w.attempt.is_async.load(Ordering::SeqCst) && (cancelled || now >= w.deadline));
            let nap = if waiting_for_drop { Some(Duration::from_millis(20)) } else { bodies.iter().map(|w| w.deadline.saturating_duration_since(now)).min() };
            bodies = match nap {
                Some(nap) => self.watch.changed.wait_timeout(bodies, nap.max(Duration::from_millis(1))).unwrap_or_else(|e| e.into_inner()).0,
                None => self.watch.changed.wait(bodies).unwrap_or_else(|e| e.into_inner()),
            };
        }
    }

    fn cancelled_at(&self) -> &'static Mutex<Option<Instant>> {
        static AT: Mutex<Option<Instant>> = Mutex::new(None);
        &AT
    }

    /// Reports a body that does not return, and lets another thread go on.
    fn abandon(self: &Arc<Self>, w: Watched, cancelled: bool) {
        if w.attempt.claimed.swap(true, Ordering::SeqCst) {
            return;
        }
        let body = lock(&w.attempt.body_started).map_or(Duration::ZERO, |t| t.elapsed());
        let outcome = if cancelled {
            Outcome::Failed(self.cancel.reason())
        } else {
            let how = if w.attempt.is_async.load(Ordering::SeqCst) {
                "the async body blocks its thread and cannot be cancelled; the thread was abandoned (use spawn_blocking, or async calls)"
            } else {
                "a blocking body cannot be cancelled; its thread was abandoned"
            };
            Outcome::TimedOut(Phase::Body, w.attempt.limit.unwrap_or_default(), how.into())
        };
        let run = self.clone();
        let take_over = move || {
            let (errors, teardown) = run.tear_down(&w.store, &w.keys);
            run.finish(&w.attempt, outcome, Times { set_up: w.set_up, body, teardown }, errors);
            run.slot();
        };
        if let Err(e) = std::thread::Builder::new().name("tribunal-slot-replacement".into()).spawn(take_over) {
            eprintln!("error: no thread to take over from a stuck test: {e}");
            crate::sys::exit_now(crate::outcome::exit::FAILED.into());
        }
    }
}

async fn wait_cancelled(cancel: &Cancel) {
    // Polled at the pace at which people press Ctrl-C; only while fixtures are being set up.
    while !cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Which pending case may start now: the first that fits.
fn admit<'a>(queue: &Queue, facts: impl Fn(usize) -> (&'a Planned, &'a Vec<String>)) -> Option<usize> {
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
