//! Time limits, and what pauses them.
//!
//! Promise: no limit fires while a debugger is attached to this process; when it lets go, what runs gets its whole limit anew. Time for which the
//! harness itself stood still (a stack dump stops every thread) counts against nobody.
//!
//! Rejected: an option for debugging sessions (people learn of it from the test that was killed under their hands).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

static PAUSED: AtomicU64 = AtomicU64::new(0);
static HELD_BACK: AtomicBool = AtomicBool::new(false);

/// How often a limit that is over looks whether the debugger is gone.
const LOOK: Duration = Duration::from_millis(250);

/// The harness stood still for so long.
pub(crate) fn add_pause(length: Duration) {
    PAUSED.fetch_add(length.as_millis() as u64, Ordering::SeqCst);
}

/// For how long the harness has stood still so far.
pub(crate) fn paused() -> Duration {
    Duration::from_millis(PAUSED.load(Ordering::SeqCst))
}

/// Whether a debugger held a limit back at some time.
pub(crate) fn was_held_back() -> bool {
    HELD_BACK.load(Ordering::SeqCst)
}

/// Whether a limit that is over must wait because a debugger is attached to this process.
pub(crate) fn held_back() -> bool {
    let held = debugger("self").is_some();
    if held {
        HELD_BACK.store(true, Ordering::SeqCst);
    }
    held
}

/// The process that debugs a process (`self` or a number), if one does. A tracer of system calls is no debugger: nobody stands at a breakpoint.
pub(crate) fn debugger(process: &str) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let tracer = tracer(&status)?;
    let name = std::fs::read_to_string(format!("/proc/{tracer}/comm")).unwrap_or_default();
    (!matches!(name.trim(), "strace" | "ltrace" | "perf")).then_some(tracer)
}

/// The tracer that `/proc/PID/status` names.
fn tracer(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|l| l.strip_prefix("TracerPid:"))?;
    line.trim().parse().ok().filter(|pid| *pid != 0)
}

/// Ends when `limit` is over.
pub(crate) async fn over(limit: Duration) {
    let mut counted = paused();
    tokio::time::sleep(limit).await;
    loop {
        let now = paused();
        if now > counted {
            tokio::time::sleep(now - counted).await;
            counted = now;
        } else if held_back() {
            while held_back() {
                tokio::time::sleep(LOOK).await;
            }
            counted = paused();
            tokio::time::sleep(limit).await;
        } else {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracer_is_read_from_the_status() {
        assert_eq!(tracer("Name:\tx\nTracerPid:\t0\nUid:\t0"), None);
        assert_eq!(tracer("Name:\tx\nTracerPid:\t4711\nUid:\t0"), Some(4711));
        assert_eq!(tracer("Name:\tx\n"), None);
        assert_eq!(tracer("TracerPid:\tnonsense"), None);
    }

    #[test]
    fn time_for_which_the_harness_stood_still_counts_against_nobody() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let began = std::time::Instant::now();
            let waiting = tokio::spawn(over(Duration::from_millis(30)));
            tokio::task::yield_now().await;
            add_pause(Duration::from_millis(120));
            waiting.await.expect("it ends");
            assert!(began.elapsed() >= Duration::from_millis(150));
        });
    }
}
