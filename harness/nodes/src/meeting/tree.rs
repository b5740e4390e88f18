//! Everything below this process, ended: the last word of an agent and of a conductor.
//!
//! Promise: nothing is signalled but our own descendants, each by its pid and start time; also those that called `setsid` or whose parents have ended, because this
//! process is their subreaper. Rejected: process groups (a worker leaves its group with one call).

use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions};
use tribunal_serving::{ProcessSignal, processes_below, signal_process};

/// How often the tree is looked at while it ends.
const LOOK: Duration = Duration::from_millis(5);

/// From here on, descendants whose parents end become children of this process.
pub(crate) fn adopt() -> std::io::Result<()> {
    let me = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(me))?;
    Ok(())
}

/// Ends all descendants at once; what is left after the limit, in words. Nobody else may wait for one of them any more.
///
/// They are stopped before they are killed, so that nobody forks or starts a sibling again meanwhile. The kernel's list of children may miss one while another ends: only when
/// there is no child to wait for, there is none.
pub(crate) fn end(limit: Duration) -> Vec<String> {
    let me = std::process::id();
    let deadline = Instant::now() + limit;
    while has_children() {
        let tree = processes_below(me);
        if Instant::now() >= deadline {
            let named = tree.iter().map(|p| format!("pid {} ({})", p.pid, p.name));
            return named.collect();
        }
        for signal in [ProcessSignal::Stop, ProcessSignal::Kill] {
            for process in &tree {
                // One that cannot be signalled is among those that are left.
                let _ = signal_process(process, signal);
            }
        }
        std::thread::sleep(LOOK);
    }
    Vec::new()
}

/// Whether there is a child that has not ended; those that have are reaped.
fn has_children() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Takes the exit status of orphans that came to us, so that their pids are free again; `ours` are the pids that somebody else waits for.
///
/// Where the kernel lists no children they stay until this process ends, and harm nobody.
pub(crate) fn reap_orphans(ours: &[u32]) {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return;
    };
    let lists = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    for list in lists {
        let pids = list
            .split_ascii_whitespace()
            .filter_map(|p| p.parse::<i32>().ok());
        for pid in pids.filter(|pid| !ours.iter().any(|our| i64::from(*our) == i64::from(*pid))) {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }
}
