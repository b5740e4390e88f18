//! The run: slots take cases from the queue, set up, run the body, tear down, and report.
//!
//! Promise: a body that never returns cannot stop the run: the watchdog reports it, and another thread takes over its slot. Every planned case gets
//! exactly one result, in whatever way the run ends. With one slot the bodies run on the thread that called [`Run::work`] (the main thread).
//!
//! Rejected: one thread per case (65 µs each, and a waiting case would hold one), and libtest-mimic's own threads (a stuck body would hang the run).

mod clock;
#[cfg(target_os = "linux")]
mod course;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod execute;
mod finish;
#[cfg(target_os = "linux")]
mod govern;
#[cfg(target_os = "linux")]
mod hand_over;
#[cfg(target_os = "linux")]
mod isolated;
mod judge;
#[cfg(target_os = "linux")]
mod names;
mod options;
#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
mod placing;
mod queue;
mod retry;
mod signals;
mod slot;
mod status;
#[cfg(target_os = "linux")]
mod surroundings;
#[cfg(target_os = "linux")]
mod telemetry;
mod watchdog;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

pub use self::clock::Clock;
#[cfg(not(target_os = "linux"))]
use self::elsewhere::{Governed, Surroundings};
#[cfg(target_os = "linux")]
use self::govern::Governed;
pub use self::options::RunOptions;
#[cfg(target_os = "linux")]
pub use self::placing::Placing;
use self::queue::Queue;
#[cfg(target_os = "linux")]
use self::surroundings::Surroundings;
use self::watchdog::Watch;
use crate::attempt::{Cancel, lock};
use crate::capture::Capture;
use crate::catalog::Catalog;
use crate::event::{Ended, Event, Output, Summary};
use crate::evidence::Evidence;
use crate::outcome::{Counts, Outcome, Times};
use crate::plan::{Disposition, Plan};
use crate::records::Tally;
use crate::stores::{self, Store};
use crate::tables::Table;

/// What holds names against other processes.
#[cfg(target_os = "linux")]
type HeldNames = tribunal_hardware::Lease;
#[cfg(not(target_os = "linux"))]
type HeldNames = ();

/// How long a reader of results sleeps before it asks to be woken.
const NAP: Duration = Duration::from_micros(200);

/// A run in progress.
pub struct Run {
    catalog: Catalog,
    plan: Plan,
    names: Vec<Arc<str>>,
    options: RunOptions,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Where cases share devices: what these do, and who else uses them.
    around: Option<Mutex<Surroundings>>,
    results: Vec<OnceLock<Ended>>,
    /// Who waits for the result of which case.
    waiting: Mutex<Vec<(usize, Thread)>>,
    /// Every result is there.
    complete: Condvar,
    left: AtomicUsize,
    counts: Mutex<Counts>,
    events: Mutex<Sender<Event>>,
    capture: Arc<Capture>,
    cancel: Arc<Cancel>,
    run_store: Arc<Store>,
    evidence: Arc<Evidence>,
    #[cfg(target_os = "linux")]
    sampler: Arc<crate::sampler::Sampler>,
    /// Errors of teardowns for which no case can answer.
    late_errors: Mutex<Vec<String>>,
    /// Why no case can have devices, if that is so.
    no_devices: Option<String>,
    runtime: OnceLock<Runtime>,
    watch: Watch,
    started: Instant,
    stray: AtomicUsize,
    /// Exclusive names that are held against other processes, by planned case.
    names_held: Mutex<HashMap<usize, HeldNames>>,
    /// The cases that run in processes of their own now, and since when.
    apart: Mutex<Vec<(Arc<str>, Instant)>>,
    signal: Mutex<Option<i32>>,
    finished: AtomicBool,
    /// The checks that ended without an answer.
    open: Mutex<Tally>,
    /// What was repeated.
    retried: Mutex<retry::Retried>,
}

#[cfg(not(target_os = "linux"))]
impl Run {
    /// Subreapers and pidfds are Linux's.
    fn attempt_isolated(&self, _: &crate::attempt::Attempt) -> (Outcome, bool, Times) {
        let why = "isolated cases need Linux so far".to_owned();
        (Outcome::Skipped(why), false, Times::default())
    }
}

impl Run {
    /// Prepares a run. Nothing is started yet.
    pub fn new(
        catalog: Catalog,
        plan: Plan,
        options: RunOptions,
        events: Sender<Event>,
        capture: Arc<Capture>,
    ) -> Arc<Run> {
        let names: Vec<Arc<str>> = plan
            .cases
            .iter()
            .map(|p| Arc::from(catalog.cases[p.case].name.as_str()))
            .collect();
        let pending: VecDeque<usize> = plan
            .cases
            .iter()
            .enumerate()
            .filter(|(_, p)| p.disposition == Disposition::Run)
            .map(|(i, _)| i)
            .collect();
        let n = plan.cases.len();
        let mut note = None;
        let around = plan.resources.as_ref().and_then(|resources| {
            let (leases, simulated) = (options.leases.as_deref(), options.simulated.as_deref());
            let made = Surroundings::new(resources, leases, simulated);
            made.map_err(|why| note = Some(why)).ok()
        });
        let governed = around.as_ref().and(plan.resources.as_ref());
        let governed = governed.and_then(|r| Governed::new(r, options.process_per_test));
        let evidence = Evidence::new(options.evidence.clone());
        for text in &plan.notes {
            evidence.note(text.clone());
        }
        let run = Arc::new(Run {
            names,
            around: around.map(Mutex::new),
            no_devices: note,
            queue: Mutex::new(Queue {
                governed,
                pending,
                running: 0,
                alone: false,
                held: vec![],
                failed: 0,
                waiting: 0,
            }),
            wake: Condvar::new(),
            results: (0..n).map(|_| OnceLock::new()).collect(),
            waiting: Mutex::default(),
            complete: Condvar::new(),
            left: AtomicUsize::new(n),
            counts: Mutex::new(Counts {
                filtered_out: options.filtered_out,
                ..Counts::default()
            }),
            events: Mutex::new(events),
            capture,
            cancel: Cancel::new(),
            run_store: Arc::default(),
            #[cfg(target_os = "linux")]
            sampler: crate::sampler::Sampler::new(evidence.clone(), options.simulated.clone()),
            evidence,
            late_errors: Mutex::default(),
            runtime: OnceLock::new(),
            watch: Watch::default(),
            started: Instant::now(),
            stray: AtomicUsize::new(0),
            names_held: Mutex::default(),
            apart: Mutex::default(),
            signal: Mutex::new(None),
            finished: AtomicBool::new(false),
            open: Mutex::default(),
            retried: Mutex::default(),
            catalog,
            plan,
            options,
        });
        for (i, planned) in run.plan.cases.iter().enumerate() {
            if planned.disposition == Disposition::Run && run.is_isolated(i) {
                // Before the first fixture is made, which may want to share its value.
                crate::isolated::will_start_some();
            }
            if planned.disposition == Disposition::Run
                && !run.test(i).entry.fixtures.is_empty()
                && !run.is_isolated(i)
            {
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
            run.emit(Event::StrayPanic {
                text,
                running: running.into_iter().map(|(_, n)| n).collect(),
            });
        }));
        run
    }

    fn test(&self, planned: usize) -> &crate::catalog::Test {
        &self.catalog.tests[self.catalog.cases[self.plan.cases[planned].case].test]
    }

    /// Whether a case runs in another process than this one, and makes its fixtures there.
    fn is_isolated(&self, planned: usize) -> bool {
        self.catalog.cases[self.plan.cases[planned].case]
            .marks
            .isolated
            && !crate::isolated::is_child()
    }

    /// The catalog of the run.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The plan of the run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The file of the event log of this process, in the folder of the run, which is made where there is none yet.
    ///
    /// # Errors
    /// No folder can be made.
    pub fn log_file(&self) -> Result<PathBuf, String> {
        self.evidence.log_file()
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
        let result = &self.results[planned];
        if result.get().is_none() {
            // Short cases end faster than a thread is woken: whoever comes too early finds many results after a nap, and nobody has to wake it.
            std::thread::sleep(NAP);
            let mut waiting = lock(&self.waiting);
            if result.get().is_none() {
                waiting.push((planned, std::thread::current()));
            }
        }
        loop {
            match result.get() {
                Some(ended) => return ended,
                None => std::thread::park(),
            }
        }
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
        let spawned = std::thread::Builder::new()
            .name("tribunal-watchdog".into())
            .spawn(move || watchdog.watch());
        if let Err(e) = spawned {
            eprintln!("error: no thread for time limits: {e}");
            std::process::exit(crate::outcome::exit::USAGE.into());
        }
        for (i, planned) in self.plan.cases.iter().enumerate() {
            let outcome = match &planned.disposition {
                Disposition::Run => continue,
                Disposition::Ignored(why) => Outcome::Ignored(why.clone()),
                Disposition::Gated(unmet) => Outcome::Skipped(unmet.reason.clone()),
                Disposition::Refused(unmet, flag) => {
                    Outcome::Failed(format!("cannot run here: {} ({flag})", unmet.reason))
                }
            };
            self.emit(Event::CaseStarted {
                planned: i,
                at: Instant::now(),
                attempt: 0,
                devices: vec![],
                fixtures: vec![],
            });
            self.put_unrun(i, outcome);
        }
        self.start_telemetry();
        let runnable = lock(&self.queue).pending.len();
        let slots = self.options.slots.min(runnable.max(1));
        for n in 1..slots {
            self.spawn_slot(n);
        }
        if slots == 1 && self.options.slots == 1 {
            // The only slot is this thread, as nextest documents for one test thread. Should its body never return, the end is not ours to wait for.
            let run = self.clone();
            let spawned = std::thread::Builder::new()
                .name("tribunal-conclusion".into())
                .spawn(move || run.conclude());
            self.slot(None);
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
        while self.left.load(Ordering::SeqCst) > 0 {
            waiting = self
                .complete
                .wait(waiting)
                .unwrap_or_else(|e| e.into_inner());
        }
        drop(waiting);
        let mut late_errors = std::mem::take(&mut *lock(&self.late_errors));
        if self.runtime.get().is_some() && !self.run_store.is_empty() {
            // Only where the run was cut short: else every value had a last user.
            let limit = self.plan.cases.iter().map(|c| c.teardown_limit).max();
            let torn = self.run_teardown(&Arc::default(), None, limit.unwrap_or_default());
            late_errors.extend(torn.errors);
        }
        self.hand_deserted_back();
        late_errors.append(&mut lock(&self.late_errors));
        if crate::limit::was_held_back() {
            self.evidence
                .note("a debugger was attached: no time limit fired meanwhile".into());
        }
        let tables = self.tables();
        if let Some(text) = lock(&self.open).note() {
            self.evidence.note(text);
        }
        self.tell_of_retries();
        let telemetry = self.end_telemetry();
        let evidence = self.evidence.conclude();
        self.finished.store(true, Ordering::SeqCst);
        self.watch.changed.notify_all();
        let summary = Summary {
            counts: *lock(&self.counts),
            elapsed: self.started.elapsed(),
            stray_panics: self.stray.load(Ordering::SeqCst),
            signal: *lock(&self.signal),
            late_errors,
            notes: self.evidence.take_notes(),
            tables,
            telemetry,
            evidence,
        };
        self.emit(Event::RunEnded(Box::new(summary)));
    }

    /// The tables that the cases filled, written into the folder of the run.
    fn tables(&self) -> Vec<Table> {
        let rows = (0..self.plan.cases.len()).filter_map(|i| Some((i, self.results[i].get()?)));
        let rows =
            rows.flat_map(|(i, ended)| ended.rows.iter().map(move |row| (&*self.names[i], row)));
        let mut tables = Table::of(rows);
        for table in &mut tables {
            table.file = self.evidence.keep_table(table);
        }
        tables
    }

    fn spawn_slot(self: &Arc<Self>, number: usize) {
        let run = self.clone();
        let name = format!("tribunal-slot-{number}");
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn(move || run.slot(None));
        if spawned.is_err() {
            // The threads that are there do the work; without any, this one must.
            self.slot(None);
        }
    }

    /// Stops the run: nothing more starts, running bodies are cancelled, fixtures are taken down.
    pub fn stop(self: &Arc<Self>, reason: &str) {
        self.emit(Event::Stopping(reason.to_owned()));
        self.cancel.cancel(reason);
        // Behind the locks, so that nobody who has just found the run uncancelled misses the calls.
        drop(lock(&self.queue));
        self.wake.notify_all();
        drop(lock(&self.watch.bodies));
        self.watch.changed.notify_all();
    }

    /// Records that a case did not run, and why.
    fn put_unrun(&self, planned: usize, outcome: Outcome) {
        self.put(Ended {
            planned,
            attempt: 0,
            at: Instant::now(),
            outcome,
            class: None,
            waived: None,
            times: Times::default(),
            output: Output::default(),
            notes: vec![],
            rows: vec![],
            open: vec![],
            figures: vec![],
            evidence: None,
            folder: None,
        });
    }

    /// Records a result; exactly once per case.
    fn put(&self, ended: Ended) {
        let planned = ended.planned;
        lock(&self.counts).add(&ended.outcome, ended.waived.is_some());
        self.emit(Event::CaseEnded(ended.clone()));
        if self.results[planned].set(ended).is_err() {
            unreachable!("case {} got two results", self.names[planned]);
        }
        let last = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        // Under the lock, so that nobody who has just looked and found nothing misses the call.
        let mut waiting = lock(&self.waiting);
        waiting.retain(|(which, thread)| {
            if *which == planned {
                thread.unpark();
            }
            *which != planned
        });
        if last {
            self.complete.notify_all();
        }
    }
}
