//! What the kernel says of one process: its state and that of its threads, its processor time, its environment.
//!
//! Promise: every reading is of the process that was meant (pid and start time), or is `None`. Rejected: a library for all of `/proc`, for five fields.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tribunal_serving::ProcessInfo;

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub state: char,
    pub start_time: u64,
    /// In ticks of 10 ms.
    pub cpu: u64,
}

impl Stat {
    fn read(path: &Path) -> Option<Stat> {
        parse(&std::fs::read(path).ok()?)
    }
}

fn parse(bytes: &[u8]) -> Option<Stat> {
    // The name stands in parentheses and may have any byte, parentheses too.
    let end = bytes.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(bytes.get(end + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        start_time: number(19)?,
        cpu: number(11)?.saturating_add(number(12)?),
    })
}

/// `None`: it is gone, or its pid is somebody else's by now.
pub(crate) fn stat(of: &ProcessInfo) -> Option<Stat> {
    let stat = Stat::read(format!("/proc/{}/stat", of.pid).as_ref())?;
    (stat.start_time == of.start_time).then_some(stat)
}

/// A process that is known to be there, such as a child that nobody has waited for.
pub(crate) fn info(pid: u32) -> Option<ProcessInfo> {
    let stat = Stat::read(format!("/proc/{pid}/stat").as_ref())?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(ProcessInfo {
        pid,
        start_time: stat.start_time,
        name: name.trim_end().to_owned(),
        parent: std::process::id(),
    })
}

/// A zombie is dead: only its exit status is left. One whose other threads still end has everything that it had.
pub(crate) fn is_dead(of: &ProcessInfo) -> bool {
    let ended = |state: char| matches!(state, 'Z' | 'X' | 'x');
    stat(of).is_none_or(|s| ended(s.state) && threads(of).into_iter().all(ended))
}

/// The states of all its threads; empty where it is gone.
pub(crate) fn threads(of: &ProcessInfo) -> Vec<char> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", of.pid));
    let states = tasks.into_iter().flatten().flatten();
    let states = states.filter_map(|t| Stat::read(&t.path().join("stat")));
    let states: Vec<char> = states.map(|s| s.state).collect();
    match stat(of) {
        Some(_) => states,
        None => Vec::new(),
    }
}

/// A line of `/proc/PID/status`.
pub(crate) fn status(of: &ProcessInfo, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", of.pid)).ok()?;
    stat(of)?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name == key).then(|| value.trim().to_owned())
    })
}

/// Whether a signal of this number is in the mask that such a line is.
pub(crate) fn in_mask(of: &ProcessInfo, key: &str, signal: u32) -> Option<bool> {
    let mask = u64::from_str_radix(&status(of, key)?, 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}

/// The environment with which it was started.
pub(crate) fn environment(of: &ProcessInfo) -> Option<BTreeMap<OsString, OsString>> {
    let bytes = std::fs::read(format!("/proc/{}/environ", of.pid)).ok()?;
    stat(of)?;
    let pairs = bytes.split(|b| *b == 0).filter_map(|pair| {
        let at = pair.iter().position(|b| *b == b'=')?;
        let (name, value) = pair.split_at(at);
        Some((
            OsString::from_vec(name.to_vec()),
            OsString::from_vec(value[1..].to_vec()),
        ))
    });
    Some(pairs.collect())
}

/// How long a process may take to become the program that it is to run.
const BECOMES: Duration = Duration::from_millis(500);

/// The command line, for patterns and for people.
///
/// A process that was just started has none for a moment, while its parent goes on already: that is waited for, since a worker that is not told from others
/// yet would be none.
pub(crate) fn words(of: &ProcessInfo) -> String {
    let deadline = Instant::now() + BECOMES;
    loop {
        let line = std::fs::read(format!("/proc/{}/cmdline", of.pid)).unwrap_or_default();
        if line.is_empty() && !is_dead(of) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let line: Vec<String> = line
            .split(|b| *b == 0)
            .filter(|w| !w.is_empty())
            .map(|w| String::from_utf8_lossy(w).into_owned())
            .collect();
        return line.join(" ");
    }
}

/// `pid 12 (start 345, name)`.
pub(crate) fn named(of: &ProcessInfo) -> String {
    format!("pid {} (start {}, `{}`)", of.pid, of.start_time, of.name)
}

/// A figure of `/proc/meminfo` in bytes.
pub(crate) fn memory_of_host(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    kib(&text, key)
}

/// `Key:   123 kB` in bytes.
pub(crate) fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|l| l.split(':').next() == Some(key))?;
    let number = line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_are_read() {
        let line = b"42 (a) b (c) T 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987 1 2\n";
        let stat = parse(line).unwrap();
        assert_eq!((stat.state, stat.start_time, stat.cpu), ('T', 987, 11));
        for nonsense in ["", "1 (x", "1 (x) S", "x (y) S 1 2"] {
            assert_eq!(parse(nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn this_process_is_told_from_one_that_had_its_pid() {
        let mut me = ProcessInfo {
            pid: std::process::id(),
            start_time: Stat::read("/proc/self/stat".as_ref()).unwrap().start_time,
            name: "me".into(),
            parent: 0,
        };
        assert!(!is_dead(&me) && !threads(&me).is_empty());
        assert_eq!(in_mask(&me, "SigIgn", 9), Some(false));
        me.start_time += 1;
        assert!(is_dead(&me) && threads(&me).is_empty());
        assert_eq!(environment(&me), None);
    }

    #[test]
    fn figures_of_memory_are_found_by_their_whole_name() {
        let text = "MemFreeX: 9 kB\nMemFree:  12 kB\n";
        assert_eq!(kib(text, "MemFree"), Some(12 << 10));
        assert_eq!(kib(text, "Mem"), None);
    }
}
