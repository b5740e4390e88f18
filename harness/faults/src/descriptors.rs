//! A process that can hardly open anything more.
//!
//! Promise: only the soft limit is lowered, so that it can be raised again without rights; what can still be opened is counted after the limit holds.
//! Rejected: a limit for the whole deployment at its start, which a server that opens much while it starts does not survive.

use std::collections::BTreeSet;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tribunal_serving::ProcessInfo;

use crate::error::{Reason, not_undone, refused, unproven};
use crate::injected::{Done, Remedy};
use crate::proc;
use crate::scene::Scene;
use crate::timeline::Step;
use crate::victim::Victim;

/// What a process may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    soft: Option<u64>,
    hard: Option<u64>,
}

/// Lets processes open only so many more.
pub(crate) fn limit(scene: &Scene, victim: &Victim, leave: u32) -> Result<Done, Reason> {
    let victims = victim.found(scene)?;
    let at = scene.timeline.since_start();
    let mut limited = Limited(Vec::new());
    let mut said = Vec::new();
    for process in &victims {
        let named = proc::named(process);
        let unread = || refused(format!("{named}: its descriptors cannot be read"));
        let before = limit_of(process).ok_or_else(unread)?;
        let open = open_of(process).ok_or_else(unread)?;
        let soft = lowest(&open, leave);
        if before.soft.is_some_and(|now| now < soft) {
            return Err(refused(format!(
                "{named} may have no more than {} descriptors already, which leaves less than {leave}",
                before.soft.unwrap_or(0)
            )));
        }
        let lowered = Limit {
            soft: Some(soft),
            ..before
        };
        set(process, lowered).map_err(refused)?;
        limited.0.push((process.clone(), before));
        // What it has opened meanwhile counts.
        let (Some(now), Some(open)) = (limit_of(process), open_of(process)) else {
            return Err(unproven(format!("{named} ended meanwhile")));
        };
        if now.soft != Some(soft) {
            return Err(unproven(format!("{named}: the limit is {:?}", now.soft)));
        }
        let below = open.iter().filter(|fd| u64::from(**fd) < soft).count() as u64;
        said.push(format!(
            "{named} has {} descriptors open and can open {} more (limit {soft})",
            open.len(),
            soft.saturating_sub(below)
        ));
    }
    let what = said.join("; ");
    scene.timeline.note(Step::Injected, what.clone());
    Ok(Done {
        at,
        what,
        victims: victims.iter().map(|p| (p.pid, p.start_time)).collect(),
        remedy: Some(Box::new(limited)),
    })
}

/// The lowest limit that leaves so many free numbers. A new descriptor has the lowest number that is free, and the limit is on the number.
fn lowest(open: &BTreeSet<u32>, leave: u32) -> u64 {
    let mut free = 0;
    let mut limit = 0_u32;
    // Ends: there are fewer open ones than numbers.
    loop {
        if !open.contains(&limit) {
            if free == leave {
                return u64::from(limit);
            }
            free += 1;
        }
        match limit.checked_add(1) {
            Some(next) => limit = next,
            None => return u64::from(limit),
        }
    }
}

fn open_of(process: &ProcessInfo) -> Option<BTreeSet<u32>> {
    let entries = std::fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
    let open = entries.flatten();
    let open = open
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect();
    proc::stat(process).map(|_| open)
}

fn limit_of(process: &ProcessInfo) -> Option<Limit> {
    let text = std::fs::read_to_string(format!("/proc/{}/limits", process.pid)).ok()?;
    proc::stat(process)?;
    parse(&text)
}

fn parse(limits: &str) -> Option<Limit> {
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max open files"))?;
    let mut words = line.split_ascii_whitespace();
    let mut value = || match words.next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some(Limit {
        soft: value()?,
        hard: value()?,
    })
}

fn set(process: &ProcessInfo, limit: Limit) -> Result<(), String> {
    let named = || proc::named(process);
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let (Some(pid), Some(_)) = (pid, proc::stat(process)) else {
        return Err(format!("{} has ended", named()));
    };
    let limit = Rlimit {
        current: limit.soft,
        maximum: limit.hard,
    };
    prlimit(Some(pid), Resource::Nofile, limit)
        .map(|_| ())
        .map_err(|error| format!("{}: {error}", named()))
}

/// Processes with the limits that they had.
struct Limited(Vec<(ProcessInfo, Limit)>);

impl Limited {
    fn restore(&mut self) -> Result<(), String> {
        let mut failed = Vec::new();
        for (process, before) in self.0.drain(..) {
            // Whoever has ended needs none.
            if !proc::is_dead(&process)
                && let Err(why) = set(&process, before)
                && !proc::is_dead(&process)
            {
                failed.push(why);
            }
        }
        match failed.is_empty() {
            true => Ok(()),
            false => Err(failed.join("; ")),
        }
    }
}

impl Remedy for Limited {
    fn undo(&mut self) -> Result<String, Reason> {
        self.restore().map_err(not_undone)?;
        Ok("the limits of descriptors are what they were".into())
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_the_gaps() {
        let open = |fds: &[u32]| fds.iter().copied().collect::<BTreeSet<u32>>();
        assert_eq!(lowest(&open(&[0, 1, 2]), 0), 3);
        assert_eq!(lowest(&open(&[0, 1, 2]), 2), 5);
        // 3 is free: with none to be left, the limit stands below what is open, which stays open.
        assert_eq!(lowest(&open(&[0, 1, 2, 4, 5]), 0), 3);
        assert_eq!(lowest(&open(&[0, 1, 2, 4, 5]), 1), 6);
        assert_eq!(lowest(&open(&[]), 0), 0);
    }

    #[test]
    fn limits_are_read() {
        let text = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(
            parse(text),
            Some(Limit {
                soft: Some(1024),
                hard: Some(524_288)
            })
        );
        let unlimited = parse("Max open files  1024  unlimited  files").unwrap();
        assert_eq!(unlimited.hard, None);
        assert_eq!(parse("Max open files  many"), None);
    }
}
