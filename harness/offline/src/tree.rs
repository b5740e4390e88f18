//! The processes below a supervisor, found by their parent and never by name.
//!
//! A supervisor is subreaper, so whatever loses its parent becomes its child. A child's number cannot be given to another
//! process before it is reaped, and only the supervisor reaps; killing its own children by number is therefore safe.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

use crate::ending::Outlived;

/// How often the dead are looked for.
const POLL: Duration = Duration::from_millis(5);

/// The children of this process that run.
pub(crate) fn children() -> Vec<Outlived> {
    let own = std::process::id().to_string();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter_map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name stands in parentheses and may have any character, so the last parenthesis ends it.
            let (before, after) = stat.rsplit_once(')')?;
            let mut fields = after.split_whitespace();
            let (state, parent) = (fields.next()?, fields.next()?);
            let name = before.split_once('(')?.1.to_owned();
            (parent == own && state != "Z").then_some(Outlived { pid, name })
        })
        .collect()
}

/// Reaps whoever has ended; gives the status of `command` if it was among them.
pub(crate) fn reap(command: Pid) -> Option<WaitStatus> {
    let mut found = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == command {
            found = Some(status);
        }
    }
    found
}

/// Kills everything below this process and waits until it is gone; what a kill orphans becomes a child and is next.
/// Gives what was still there after `patience` (a process that the kernel does not let go), and the status of `command`
/// if that was not known before.
pub(crate) fn kill_all(command: Pid, patience: Duration) -> (Vec<Outlived>, Option<WaitStatus>) {
    let until = Instant::now() + patience;
    let mut status = None;
    loop {
        status = reap(command).or(status);
        let children = children();
        if children.is_empty() || Instant::now() >= until {
            return (children, status);
        }
        for child in &children {
            if let Some(pid) = Pid::from_raw(child.pid) {
                // One that has just ended is a zombie until it is reaped above: the number is still its own.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        std::thread::sleep(POLL);
    }
}

/// Waits up to `patience` until nothing is below this process; gives what is.
pub(crate) fn wait_for_none(
    command: Pid,
    patience: Duration,
) -> (Vec<Outlived>, Option<WaitStatus>) {
    let until = Instant::now() + patience;
    let mut status = None;
    loop {
        status = reap(command).or(status);
        let children = children();
        if children.is_empty() || Instant::now() >= until {
            return (children, status);
        }
        std::thread::sleep(POLL);
    }
}
