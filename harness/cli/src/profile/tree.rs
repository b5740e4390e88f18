//! The processes that descend from this one.
//!
//! Promise: whatever a test started is among them as long as it lives, since what loses its parent comes to this process; ended is only
//! what is there, by its pid file descriptor. Rejected: a process group (a server's keeper has a session of its own).

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// From now on orphans among the descendants become children of this process.
pub(crate) fn adopt_orphans() -> std::io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(Into::into)
}

/// All processes below this one, without those that have ended and only wait to be reaped.
pub(crate) fn below_this() -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut dead = HashSet::new();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return vec![];
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((state, parent)) = state_and_parent(&stat) {
            children.entry(parent).or_default().push(pid);
            if state == 'Z' {
                dead.insert(pid);
            }
        }
    }
    let mut found = vec![];
    let mut seen = HashSet::from([std::process::id()]);
    let mut open = vec![std::process::id()];
    while let Some(pid) = open.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            if seen.insert(child) {
                open.push(child);
                found.push(child);
            }
        }
    }
    found.retain(|pid| !dead.contains(pid));
    found
}

/// The name in the middle may hold anything, brackets included.
fn state_and_parent(stat: &str) -> Option<(char, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Takes note of ended orphans. Only where no child of this process is waited for elsewhere.
pub(crate) fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// Ends what is left below this process; the pids of those that would not go within the limit.
pub(crate) fn end_all(limit: Duration) -> Vec<u32> {
    let deadline = Instant::now() + limit;
    loop {
        reap();
        let left = below_this();
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        for pid in left {
            let Some(known) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
                continue;
            };
            let Ok(process) = rustix::process::pidfd_open(known, PidfdFlags::empty()) else {
                continue;
            };
            // The descriptor is of whoever has the number now: it must still be one of ours.
            if below_this().contains(&pid) {
                let _ = rustix::process::pidfd_send_signal(&process, Signal::KILL);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        assert_eq!(
            state_and_parent("12 (a) b) (c) S 7 12 12 0 -1"),
            Some(('S', 7))
        );
        assert_eq!(state_and_parent("12 (x) Z 1 0"), Some(('Z', 1)));
        assert_eq!(state_and_parent("nonsense"), None);
        assert_eq!(state_and_parent("12 (x) S many"), None);
    }

    #[test]
    fn a_child_is_below_this_process_until_it_has_ended() {
        let mut child = std::process::Command::new("tail")
            .args(["-f", "/dev/null"])
            .spawn()
            .unwrap();
        assert!(below_this().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!below_this().contains(&child.id()));
    }
}
