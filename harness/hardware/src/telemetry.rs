//! A sampler that runs beside the tests: what devices, host and servers did, as lines for records and as a summary.
//!
//! Promise: it never fails a run and never holds one up; its file is bounded, with lines that grow rarer and not a file that
//! ends in the middle of the run. It takes at most a hundredth of a core: after a sample that was dear, the next one comes later.
//! A sample that could not be taken is counted as missing and is no zero. Rejected: starting the vendors'
//! programs each second (they cost more than what is measured), and keeping every sample in memory.

mod pss;
mod stats;
mod summary;
mod watch;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use summary::{DeviceSummary, HostSummary, Range, TelemetrySummary, TreeSummary};
pub use watch::{DevicePeak, Members, Watch};

use crate::live::{Live, LiveReader};
use crate::load::HostLoad;
use crate::proc_table::Table;
use stats::Stats;
use watch::Watches;
use writer::Writer;

/// How often a run looks unless it is told otherwise.
pub const TELEMETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time that one sample waits for drivers.
const LIMIT: Duration = Duration::from_secs(5);
/// So many times as long as a sample computed, the sampler rests at least. Samples that somebody asks for come on top.
const REST: u32 = 99;
/// How long the end of a run waits for a sample in flight.
const END: Duration = Duration::from_secs(1);

/// A running sampler. Dropped, it stops.
pub struct Telemetry {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Told at the end of the run, and after each sample.
    changed: Condvar,
}

struct State {
    stop: bool,
    ended: bool,
    /// A sample is wanted before its time.
    wanted: bool,
    begun: u64,
    samples: u64,
    /// What all samples computed.
    cost: Duration,
    latest: Option<Arc<Live>>,
    stats: Stats,
    watches: Watches,
    writer: Option<Writer>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Counters only: whatever a panic left half-done is at most one sample.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Telemetry {
    /// Starts sampling: once at once, then at every interval. With an interval of zero nothing is sampled and the summary says so.
    /// Lines go to the file at `path` where one is given.
    ///
    /// # Errors
    /// The file cannot be made, or there is no thread to be had.
    pub fn start(
        reader: LiveReader,
        path: Option<&Path>,
        interval: Duration,
    ) -> std::io::Result<Telemetry> {
        Telemetry::start_below(reader, path, interval, PathBuf::from("/"))
    }

    /// As [`Telemetry::start`], with processes from below this root.
    fn start_below(
        reader: LiveReader,
        path: Option<&Path>,
        interval: Duration,
        root: PathBuf,
    ) -> std::io::Result<Telemetry> {
        let off = interval.is_zero();
        let writer = match path.filter(|_| !off) {
            Some(path) => Some(Writer::create(path, interval)?),
            None => None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                stop: off,
                ended: off,
                wanted: false,
                begun: 0,
                samples: 0,
                cost: Duration::ZERO,
                latest: None,
                stats: Stats::default(),
                watches: Watches::default(),
                writer,
            }),
            changed: Condvar::new(),
        });
        let thread = if off {
            None
        } else {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("telemetry".into());
            Some(thread.spawn(move || sample_until_stopped(&shared, reader, interval, &root))?)
        };
        Ok(Telemetry { shared, thread })
    }

    /// Follows a tree of processes from the next sample on, until the [`Watch`] is dropped.
    pub fn watch(&self, label: impl Into<String>, members: Members) -> Watch {
        let of = Arc::clone(&self.shared);
        let id = self.shared.lock().watches.add(label.into(), members);
        Watch::new(id, of)
    }

    /// The last sample; `None`: there is none yet.
    pub fn latest(&self) -> Option<Arc<Live>> {
        self.shared.lock().latest.clone()
    }

    /// Everything up to now.
    pub fn summary(&self) -> TelemetrySummary {
        let state = self.shared.lock();
        let mut summary = state.stats.summary(&state.watches);
        summary.sampler_cpu_seconds = state.cost.as_secs_f64();
        summary
    }

    /// Stops and says what there was. Waits for a sample in flight for a second at most: a driver that hangs is left behind.
    pub fn finish(mut self) -> TelemetrySummary {
        self.stop();
        self.summary()
    }

    /// Waits until this many samples were taken in all; `false`: not within the limit.
    pub fn wait_for_samples(&self, count: u64, limit: Duration) -> bool {
        let state = self.shared.lock();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, limit, |state| state.samples < count && !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.samples >= count
    }

    /// Takes a sample now and waits for it; `false`: there was none within the limit. One that has begun already does not count.
    pub fn sample_now(&self, limit: Duration) -> bool {
        let count = {
            let mut state = self.shared.lock();
            state.wanted = true;
            self.shared.changed.notify_all();
            state.begun + 1
        };
        self.wait_for_samples(count, limit)
    }

    /// The next sample comes now; nobody waits for it.
    pub fn wake(&self) {
        self.shared.lock().wanted = true;
        self.shared.changed.notify_all();
    }

    fn stop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let mut state = self.shared.lock();
        state.stop = true;
        self.shared.changed.notify_all();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, END, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let ended = state.ended;
        drop(state);
        if ended {
            // A sampler that panicked has no more to say, and is no reason for the run to fail.
            let _ = thread.join();
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says that the sampler is gone, however it went.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

fn sample_until_stopped(shared: &Shared, mut reader: LiveReader, interval: Duration, root: &Path) {
    let _ended = Ended(shared);
    let begin = Instant::now();
    let mut next = begin;
    let mut rhythm = pss::Rhythm::default();
    loop {
        let computed = computed();
        let (followed, wanted) = {
            let mut state = shared.lock();
            state.begun += 1;
            (
                state.watches.any(),
                std::mem::replace(&mut state.wanted, false),
            )
        };
        let live = reader.read(LIMIT);
        let load = HostLoad::now();
        // One look at every process of the machine: not for nothing.
        let table = if followed {
            Table::read(root)
        } else {
            Table::default()
        };
        // Not under the lock: a look at large processes takes its time.
        let members = match followed {
            true => shared.lock().watches.members(&table),
            false => Vec::new(),
        };
        let looked = rhythm.look(root, wanted, &members);
        let at = begin.elapsed();
        let mut state = shared.lock();
        state.take(at, Arc::new(live), &load, &table, looked.as_ref());
        let cost = self::computed().saturating_sub(computed);
        state.cost += cost;
        shared.changed.notify_all();
        // From the plan and not from the end of the sample, so that the rhythm holds; a sample that took longer skips beats.
        let now = Instant::now();
        // One that was wanted before its time changes nothing of that.
        if now >= next {
            next = (next + interval).max(now + cost * REST);
        }
        let (state, _) = shared
            .changed
            .wait_timeout_while(state, next.saturating_duration_since(now), |state| {
                !state.stop && !state.wanted
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.stop {
            return;
        }
    }
}

impl State {
    fn take(
        &mut self,
        at: Duration,
        live: Arc<Live>,
        load: &HostLoad,
        table: &Table,
        looked: Option<&pss::Looked>,
    ) {
        self.samples += 1;
        let trees = self.watches.sample(at, &live, table, looked);
        self.stats.add(at, &live, load);
        if let Some(writer) = &mut self.writer {
            writer.sample(at, &live, load, &trees);
        }
        self.latest = Some(live);
    }
}

/// The time that this thread has computed so far.
fn computed() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(at.tv_sec).unwrap_or(0),
        u32::try_from(at.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests;
