//! Pressure on the host: memory and processors, by the limits of the server's own control group or by a process beside it.
//!
//! Promise: which of the two it was, and why not the other, stands in the proof. A process beside the server is the first that the kernel ends when memory
//! runs out, and it ends with this one. Rejected: limits of a group that is not the server's own, and pressure that stays when the test dies.
//!
//! A process beside the server presses on everybody on this host. A control group presses on the server alone.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::error::{Reason, not_undone, refused, unproven};
use crate::fault::HostMemory;
use crate::injected::{Done, Remedy};
use crate::limits::{self, Limits};
use crate::proc;
use crate::scene::Scene;
use crate::sidecar::{self, Sidecar};
use crate::size::shown;
use crate::timeline::Step;

/// The word for a process that has memory: bytes.
pub(crate) const MEMORY: &str = "hold-memory";
/// The word for a process that computes: threads.
pub(crate) const SPIN: &str = "spin";
/// How long it may take until all of it is taken.
const READY: Duration = Duration::from_secs(60);
/// How long a process may take to have computed for some hundredths of a second.
const COMPUTES: Duration = Duration::from_secs(20);
/// In which time a group may use so much of a processor, in microseconds.
const PERIOD: u64 = 100_000;
/// More threads than this per processor press no harder.
const MOST_THREADS: usize = 32;

/// Takes memory of the host.
pub(crate) async fn memory(scene: &Scene, memory: HostMemory) -> Result<Done, Reason> {
    let scene = scene.clone();
    blocking(move || match memory {
        HostMemory::Take(bytes) => beside(&scene, bytes, String::new()),
        HostMemory::Leave(bytes) => {
            let limit = |group: &Path| {
                let current = limits::number(&group.join("memory.current"))?;
                Ok(current.saturating_add(bytes).to_string())
            };
            match Limits::set(&scene, "memory.max", limit) {
                Ok(done) => Ok(done),
                Err(why) => {
                    let available = available()?;
                    let Some(take) = available.checked_sub(bytes).filter(|n| *n > 0) else {
                        return Err(refused(format!(
                            "only {} are available, which is less than is to be left",
                            shown(available)
                        )));
                    };
                    beside(&scene, take, format!("; not by a control group: {why}"))
                }
            }
        }
    })
    .await
}

/// Leaves the server a share of the processors.
pub(crate) async fn processors(scene: &Scene, leave: f64) -> Result<Done, Reason> {
    if !(leave > 0.0 && leave < 1.0) {
        return Err(refused(format!(
            "{leave} is no share that is left of the processors: expected above 0 and below 1"
        )));
    }
    let scene = scene.clone();
    blocking(move || {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let quota = (leave * processors as f64 * PERIOD as f64) as u64;
        let limit = |_: &Path| Ok(format!("{} {PERIOD}", quota.max(1000)));
        match Limits::set(&scene, "cpu.max", limit) {
            Ok(done) => Ok(done),
            Err(why) => spinning(&scene, threads(leave, processors), &why),
        }
    })
    .await
}

/// How many threads leave this share to one that runs beside them on each processor.
fn threads(leave: f64, processors: usize) -> usize {
    let per_processor = (1.0 / leave - 1.0).ceil().clamp(1.0, MOST_THREADS as f64);
    per_processor as usize * processors
}

async fn blocking(
    work: impl FnOnce() -> Result<Done, Reason> + Send + 'static,
) -> Result<Done, Reason> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(refused(error.to_string())))
}

fn available() -> Result<u64, Reason> {
    proc::memory_of_host("MemAvailable")
        .ok_or_else(|| refused("/proc/meminfo does not say what is available"))
}

fn beside(scene: &Scene, bytes: u64, why: String) -> Result<Done, Reason> {
    let before = available()?;
    if bytes == 0 || bytes >= before {
        return Err(refused(format!(
            "{} cannot be taken of {} that are available",
            shown(bytes),
            shown(before)
        )));
    }
    let at = scene.timeline.since_start();
    let words = [MEMORY.to_owned(), bytes.to_string()];
    let mut hog = start(&words)?;
    scene.timeline.note(
        Step::Injected,
        format!("{} of the host taken", shown(bytes)),
    );
    // Not what it says, but what the kernel says of it.
    let key = |key| {
        let text = std::fs::read_to_string(format!("/proc/{}/status", hog.process.pid));
        text.ok()
            .and_then(|text| proc::kib(&text, key))
            .unwrap_or(0)
    };
    let has = key("VmRSS") + key("VmSwap");
    if !hog.runs() || has < bytes {
        return Err(unproven(format!(
            "pid {} has only {} of {}",
            hog.process.pid,
            shown(has),
            shown(bytes)
        )));
    }
    let what = format!(
        "pid {} has {} of the host, {} are available{why}",
        hog.process.pid,
        shown(has),
        shown(available()?)
    );
    Ok(done(at, what, Beside(hog)))
}

fn spinning(scene: &Scene, threads: usize, why: &str) -> Result<Done, Reason> {
    let at = scene.timeline.since_start();
    let mut spinner = start(&[SPIN.to_owned(), threads.to_string()])?;
    scene
        .timeline
        .note(Step::Injected, format!("{threads} threads compute"));
    let deadline = Instant::now() + COMPUTES;
    let ticks = loop {
        let ticks = proc::stat(&spinner.process).map_or(0, |s| s.cpu);
        if ticks >= 3 {
            break ticks;
        }
        if Instant::now() >= deadline || !spinner.runs() {
            return Err(unproven(format!(
                "pid {} does not compute",
                spinner.process.pid
            )));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let what = format!(
        "{threads} threads of pid {} compute, for {} ms of processor time so far; not by a control group: {why}",
        spinner.process.pid,
        ticks * 10
    );
    Ok(done(at, what, Beside(spinner)))
}

fn start(words: &[String; 2]) -> Result<Sidecar, Reason> {
    let words = [words[0].as_ref(), words[1].as_ref()];
    Sidecar::start(&words, &[], READY)
}

pub(crate) fn done(at: Duration, what: String, remedy: impl Remedy + 'static) -> Done {
    Done {
        at,
        what,
        victims: Vec::new(),
        remedy: Some(Box::new(remedy)),
    }
}

/// A process beside the server.
struct Beside(Sidecar);

impl Remedy for Beside {
    fn undo(&mut self) -> Result<String, Reason> {
        let pid = self.0.process.pid;
        match self.0.end() {
            true => Ok(format!("pid {pid} ended")),
            false => {
                let why = format!("pid {pid} had ended before: the pressure was gone");
                Err(not_undone(why))
            }
        }
    }
}

/// The process that has memory.
pub(crate) fn hold_memory(words: &[&str]) -> Result<(), String> {
    let bytes = words.first().and_then(|w| w.parse::<usize>().ok());
    let bytes = bytes.ok_or("expected a number of bytes")?;
    // Whatever runs out: this one goes first. Where it is not allowed the kernel takes the largest, which this one mostly is.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let mut memory: Vec<u8> = Vec::new();
    memory
        .try_reserve_exact(bytes)
        .map_err(|error| format!("{bytes} bytes: {error}"))?;
    // Every page, and no two alike: equal ones may be kept once, and empty ones not at all.
    let mut seed = 0_u64;
    while memory.len() < bytes {
        seed = crate::victim::mixed(seed.wrapping_add(1));
        let rest = bytes - memory.len();
        let page = seed.to_le_bytes().repeat(512);
        memory.extend_from_slice(&page[..rest.min(4096)]);
    }
    std::hint::black_box(&memory);
    sidecar::stay(json!({ "taken": bytes }))
}

/// The process that computes.
pub(crate) fn spin(words: &[&str]) -> Result<(), String> {
    let threads = words.first().and_then(|w| w.parse::<usize>().ok());
    for _ in 0..threads.ok_or("expected a number of threads")? {
        let compute = || {
            let mut x = 0_u64;
            loop {
                x = std::hint::black_box(x.wrapping_mul(3).wrapping_add(1));
            }
        };
        std::thread::Builder::new()
            .spawn(compute)
            .map_err(|error| format!("no thread: {error}"))?;
    }
    sidecar::stay(json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_threads_leave_that_share() {
        assert_eq!(threads(0.5, 4), 4);
        assert_eq!(threads(0.25, 2), 6);
        assert_eq!(threads(0.9, 1), 1);
        // A share that nobody could tell from nothing does not start a million.
        assert_eq!(threads(1e-9, 2), 2 * MOST_THREADS);
    }
}
