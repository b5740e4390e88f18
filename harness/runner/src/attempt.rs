//! The attempt that a thread works for, and how async bodies are driven.
//!
//! Promise: a panic, a log line or an output is attributed to the attempt whose thread made it: the slot's own thread, the tasks on the slot's
//! current-thread runtime, and the threads of its blocking pool. A limit or an interrupt drops the body's future, so that destructors run.
//!
//! Rejected: a shared multi-thread runtime for bodies (a detached task's panic could not be attributed, and bodies would have to be `Send`).

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tribunal_events::Sorted;

use crate::body::{Erased, Error, TestResult};
use crate::evidence::{Evidence, EvidenceWriter, Mark};
use crate::grant::{Devices, Grant};
use crate::panics::PanicRecord;
use crate::records::Records;
use crate::tables::Row;

/// One execution of a case.
pub(crate) struct Attempt {
    pub planned: usize,
    /// Which of its case, from 1.
    pub number: u32,
    pub name: Arc<str>,
    pub level: Option<String>,
    pub limit: Option<Duration>,
    pub started: Instant,
    /// Set when the body starts; limits count from here.
    pub body_started: Mutex<Option<Instant>>,
    /// Whoever sets it first reports the result: the slot, or the watchdog that abandons it.
    pub claimed: AtomicBool,
    /// The body is async and its limit is over.
    pub expired: AtomicBool,
    /// The body is async: it gets a moment to be dropped before it counts as blocking.
    pub is_async: bool,
    pub panics: Mutex<Vec<PanicRecord>>,
    pub log: Mutex<Vec<u8>>,
    pub notes: Mutex<Vec<String>>,
    pub rows: Mutex<Vec<Row>>,
    pub cancel: Arc<Cancel>,
    pub evidence: Arc<Evidence>,
    /// Its folder, once something was put there.
    pub folder: Mutex<Option<PathBuf>>,
    /// What writes into its folder at the end, if that is kept.
    pub writers: Mutex<Vec<EvidenceWriter>>,
    /// It is shown as an expected failure, so its text is not.
    pub expects_failure: bool,
    /// Why it is expected to fail, where it said so itself.
    pub expected: Mutex<Option<String>>,
    /// Why what it measured was held against no baseline, where it said so.
    pub no_baseline: Mutex<Option<String>>,
    /// The logs of its servers, with their lengths when it began.
    pub logs: Mutex<Vec<Mark>>,
    /// Its fixtures, for people.
    pub fixtures: Mutex<Vec<String>>,
    /// Its process has judged the result already: what is expected and what is denied are applied.
    pub judged: AtomicBool,
    /// The devices that it was given.
    pub devices: Devices,
    /// Looks at the servers that its body starts.
    #[cfg(target_os = "linux")]
    pub sampler: Arc<crate::sampler::Sampler>,
    /// Those servers.
    #[cfg(target_os = "linux")]
    pub followed: Mutex<Vec<crate::sampler::Followed>>,
    /// It failed by an error in its own words.
    pub asserted: AtomicBool,
    /// The class of its failure, once that is known.
    pub class: Mutex<Option<Sorted>>,
    /// Where the run says what happens.
    pub events: std::sync::mpsc::Sender<crate::event::Event>,
    /// What it gathers for its evidence and its result.
    pub records: Records,
}

impl Attempt {
    /// Its folder; made when it is first needed.
    pub fn folder(&self) -> Result<PathBuf, String> {
        let mut folder = lock(&self.folder);
        if folder.is_none() {
            *folder = Some(self.evidence.attempt_folder(&self.name)?);
        }
        Ok(folder.clone().unwrap_or_default())
    }

    /// Adds the stacks, processes and ports to its folder; a limit is over.
    pub fn take_scene(&self, pid: u32, stuck: bool) {
        if !self.evidence.keeps(true, true) || self.expects_failure {
            return;
        }
        crate::isolated::tell(&crate::isolated::Message::Expired);
        let Ok(folder) = self.folder() else { return };
        if let Err(e) = crate::scene::take(pid, stuck, &folder) {
            lock(&self.notes).push(format!("stacks and processes cannot be written: {e}"));
        }
    }
}

/// Stops every running body.
pub(crate) struct Cancel {
    sender: tokio::sync::watch::Sender<bool>,
    reason: Mutex<Option<(String, Instant)>>,
}

impl Cancel {
    pub fn new() -> Arc<Cancel> {
        Arc::new(Cancel {
            sender: tokio::sync::watch::channel(false).0,
            reason: Mutex::new(None),
        })
    }
    pub fn cancel(&self, reason: &str) {
        lock(&self.reason).get_or_insert_with(|| (reason.to_owned(), Instant::now()));
        self.sender.send_replace(true);
    }
    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }
    pub fn reason(&self) -> String {
        lock(&self.reason)
            .as_ref()
            .map_or(String::new(), |(reason, _)| reason.clone())
    }
    /// Since when.
    pub fn since(&self) -> Option<Instant> {
        lock(&self.reason).as_ref().map(|(_, at)| *at)
    }
    /// Ends when the run is being stopped.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // An error would mean that the sender is gone; it lives in `self`.
        let _ = receiver.wait_for(|c| *c).await;
    }
}

/// A poisoned lock holds plain data here; the panic that poisoned it is reported on its own.
pub(crate) fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|e| e.into_inner())
}

/// What the threads of one slot share.
#[derive(Default)]
pub(crate) struct SlotCell(Mutex<Option<Arc<Attempt>>>);

impl SlotCell {
    pub fn set(&self, attempt: Option<Arc<Attempt>>) {
        *lock(&self.0) = attempt;
    }
    pub fn get(&self) -> Option<Arc<Attempt>> {
        lock(&self.0).clone()
    }
}

thread_local! {
    static SLOT: RefCell<Option<Arc<SlotCell>>> = const { RefCell::new(None) };
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    /// True while the test's own code runs on this thread: a panic there is the body's, caught or not; one elsewhere is a spawned task's.
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
}

/// Makes the calling thread one of a slot's.
pub(crate) fn enter(cell: Arc<SlotCell>) {
    SLOT.with(|s| *s.borrow_mut() = Some(cell));
}

/// The attempt that the calling thread works for.
pub(crate) fn current() -> Option<Arc<Attempt>> {
    SLOT.try_with(|s| s.borrow().as_ref().and_then(|c| c.get()))
        .ok()
        .flatten()
}

/// The slot that the calling thread belongs to.
pub(crate) fn current_cell() -> Option<Arc<SlotCell>> {
    SLOT.try_with(|s| s.borrow().clone()).ok().flatten()
}

pub(crate) fn in_body() -> bool {
    IN_BODY.try_with(Cell::get).unwrap_or(false)
}

/// Marks the calling thread as running the test's own code while `f` runs.
pub(crate) fn as_body<T>(f: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            IN_BODY.with(|b| b.set(self.0));
        }
    }
    let _reset = Reset(IN_BODY.with(|b| b.replace(true)));
    f()
}

/// How long tasks that the body left behind get to end, once it is over: connections close, timers fire.
const SETTLE: Duration = Duration::from_millis(20);

/// Runs an async body on the runtime of its slot.
pub(crate) fn drive(mut body: Pin<&mut dyn Erased>) -> TestResult {
    let attempt = current();
    let runtime = RUNTIME.with(|r| r.borrow_mut().take());
    let runtime = match runtime {
        Some(r) => r,
        None => {
            let cell = current_cell();
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .on_thread_start(move || {
                    if let Some(cell) = &cell {
                        enter(cell.clone());
                    }
                })
                .build()
                .map_err(|e| Error::msg(format!("no runtime for an async body: {e}")))?
        }
    };
    // The runtime itself is none of the body: what else runs on it is a spawned task's.
    let outside = IN_BODY.with(|b| b.replace(false));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            let polled = std::future::poll_fn(|cx| as_body(|| body.as_mut().poll_result(cx)));
            let Some(attempt) = &attempt else {
                return polled.await;
            };
            let spent = lock(&attempt.body_started).map_or(Duration::ZERO, |t| t.elapsed());
            let limit = async {
                match attempt.limit {
                    Some(limit) => crate::limit::over(limit.saturating_sub(spent)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                result = polled => result,
                () = attempt.cancel.cancelled() => Err(Error::of(attempt.cancel.reason())),
                () = limit => {
                    attempt.expired.store(true, Ordering::SeqCst);
                    Ok(())
                }
            }
        })
    }));
    if runtime.metrics().num_alive_tasks() > 0 {
        runtime.block_on(settle());
    }
    let left = runtime.metrics().num_alive_tasks();
    if left == 0 {
        RUNTIME.with(|r| *r.borrow_mut() = Some(runtime));
    } else {
        if let Some(attempt) = &attempt {
            lock(&attempt.notes).push(format!(
                "{left} spawned task{} still ran when the body ended, and {} dropped",
                if left == 1 { "" } else { "s" },
                if left == 1 { "was" } else { "were" }
            ));
        }
        runtime.shutdown_background();
    }
    IN_BODY.with(|b| b.set(outside));
    match result {
        Ok(result) => result,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Lets tasks that are about to end do so.
async fn settle() {
    let until = Instant::now() + SETTLE;
    let mut naps = 0;
    loop {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let alive = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        if alive == 0 || Instant::now() >= until {
            return;
        }
        naps += 1;
        tokio::time::sleep(Duration::from_millis(naps.min(5))).await;
    }
}

/// Sets a thread-local for the time of every poll of a future.
pub(crate) async fn poll_with<F: Future>(
    future: F,
    mut around: impl FnMut(&mut dyn FnMut()),
) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let mut out = Poll::Pending;
        around(&mut || out = future.as_mut().poll(cx));
        out
    })
    .await
}

/// What a test may know about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentTest {
    /// The whole name of the case.
    pub name: String,
    /// The level at which it runs; `None` for a case that declares none.
    pub level: Option<String>,
}

/// The case that the calling thread works for.
pub fn current_test() -> Option<CurrentTest> {
    current().map(|a| CurrentTest {
        name: a.name.to_string(),
        level: a.level.clone(),
    })
}

/// The evidence folder of the running attempt, for whatever is worth keeping: it is kept when the attempt fails (`--keep-evidence`), and removed else.
///
/// An error where the calling thread works for no test, or where no folder can be made.
pub fn evidence() -> Result<PathBuf, Error> {
    let Some(attempt) = current() else {
        return Err(Error::msg(
            "no test runs on this thread, so it has no evidence folder\nhelp: start threads with tribunal::spawn_thread, or ask in the body and hand the path on",
        ));
    };
    attempt.folder().map_err(|e| {
        Error::msg(format!(
            "no evidence folder can be made for {}: {e}",
            attempt.name
        ))
    })
}

/// Calls `write` with the evidence folder of the running attempt once the attempt has ended and if its evidence is kept: nothing is made or written
/// for a test that passes. What it cannot write becomes a note of the attempt.
///
/// An error where the calling thread works for no test.
pub fn on_evidence(
    write: impl FnOnce(&Path) -> std::io::Result<()> + Send + 'static,
) -> Result<(), Error> {
    let Some(attempt) = current() else {
        return Err(Error::msg(
            "no test runs on this thread, so there is no evidence to write into\nhelp: start threads with tribunal::spawn_thread, or ask in the body",
        ));
    };
    lock(&attempt.writers).push(Box::new(write));
    Ok(())
}

/// From here on the running test is expected to fail, as by the marker `xfail("reason")`: for what only the run can tell, such as a deviation that
/// is known of the deployment under test. A test that passes all the same fails the run.
///
/// An error where the calling thread works for no test.
pub fn expect_failure(reason: impl Into<String>) -> Result<(), Error> {
    let Some(attempt) = current() else {
        return Err(Error::msg(
            "no test runs on this thread, so none can be expected to fail\nhelp: start threads with tribunal::spawn_thread, or say it in the body",
        ));
    };
    *lock(&attempt.expected) = Some(reason.into());
    Ok(())
}

/// The running test has measured something, and there is no baseline to hold it against: where it passes, it is shown as *no baseline*, and under
/// `--require-baseline` it fails.
///
/// An error where the calling thread works for no test.
pub fn no_baseline(why: impl Into<String>) -> Result<(), Error> {
    let Some(attempt) = current() else {
        return Err(Error::msg(
            "no test runs on this thread, so none can lack a baseline\nhelp: start threads with tribunal::spawn_thread, or say it in the body",
        ));
    };
    lock(&attempt.no_baseline).get_or_insert_with(|| why.into());
    Ok(())
}

/// Adds a note to the running test, which the end of the run shows whether it passes or fails; elsewhere, it is lost.
pub fn note(text: impl Into<String>) {
    if let Some(attempt) = current() {
        lock(&attempt.notes).push(text.into());
    }
}

/// Adds a line to the output of the test that the calling thread works for; elsewhere, to standard error.
pub fn log(args: std::fmt::Arguments<'_>) {
    match current() {
        Some(attempt) => {
            let mut text = args.to_string().into_bytes();
            text.push(b'\n');
            lock(&attempt.log).extend_from_slice(&text);
            if crate::capture::passes_through() {
                use std::io::Write as _;
                // Nobody may be left to read it.
                let _ = std::io::stderr().write_all(&text);
            }
        }
        None => eprintln!("{args}"),
    }
}

/// Spawns a thread whose panics and log lines belong to the calling test.
pub fn spawn_thread<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    let cell = current_cell();
    std::thread::spawn(move || {
        if let Some(cell) = cell {
            enter(cell);
        }
        f()
    })
}

/// Follows a server that the running test has started, with all that it starts, in the telemetry of the run until the test ends. What it takes of devices
/// counts as taken by the test.
#[cfg(target_os = "linux")]
pub fn follow(label: &str, pids: Vec<u32>) {
    let Some(attempt) = current() else {
        return;
    };
    if let Some(grant) = attempt.devices.granted() {
        pids.iter().for_each(|pid| grant.follow(*pid));
    }
    let followed = attempt.sampler.follow(label, pids);
    lock(&attempt.followed).push(followed);
}

/// The devices of the case that the calling thread works for, in a run that shares devices out; `None`: it needs none.
///
/// A test without a server tells by them where it may work, and a program that it starts by [`Grant::variables`].
pub fn devices() -> Option<Arc<Grant>> {
    current()?.devices.granted().cloned()
}
