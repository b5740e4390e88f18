//! Processes as the kernel lists them: one process, the tree below it, a signal to exactly that process.
//!
//! A process is named by its pid *and* its start time, because pids are used again. Trees are walked through
//! `/proc/PID/task/*/children`; where the kernel has no such file, through the parent field of every
//! `/proc/PID/stat`. Process groups and sessions were rejected as the unit: a worker leaves both with one call.

use serde::{Deserialize, Serialize};

/// One process of a server's tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`): with the pid, it names the process for
    /// good, where a pid alone may be used again.
    pub start_time: u64,
    /// Short name (at most 15 bytes), as the process or its program set it.
    pub name: String,
    /// Process id of the parent; the keeper's for a process whose own parent has ended.
    pub parent: u32,
}

/// A signal for a process of a server's tree: see [`crate::Server::signal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessSignal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

#[cfg(target_os = "linux")]
impl From<ProcessSignal> for rustix::process::Signal {
    fn from(signal: ProcessSignal) -> Self {
        match signal {
            ProcessSignal::Kill => Self::KILL,
            ProcessSignal::Terminate => Self::TERM,
            ProcessSignal::Interrupt => Self::INT,
            ProcessSignal::Stop => Self::STOP,
            ProcessSignal::Continue => Self::CONT,
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};
    use std::io;
    use std::path::Path;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::ProcessInfo;

    /// What `/proc/PID/stat` says of a process.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Stat {
        pub info: ProcessInfo,
        /// `Z` for a zombie, `X` for one that is gone in a moment.
        pub state: char,
        pub session: u32,
    }

    impl Stat {
        pub(crate) fn of(pid: u32) -> Option<Stat> {
            parse_stat(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
        }

        /// Halted by a signal, or by a tracer: it hears nothing until it is continued.
        pub(crate) fn is_stopped(&self) -> bool {
            matches!(self.state, 'T' | 't')
        }

        /// A zombie has ended: it holds neither memory nor sockets, only its exit status.
        pub(crate) fn runs(&self) -> bool {
            !matches!(self.state, 'Z' | 'X' | 'x')
        }
    }

    /// The name stands in parentheses and may itself contain blanks and parentheses: the last one closes it.
    fn parse_stat(bytes: &[u8]) -> Option<Stat> {
        let text = String::from_utf8_lossy(bytes);
        let (pid, rest) = text.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Stat {
            info: ProcessInfo {
                pid: pid.parse().ok()?,
                start_time: fields.get(19)?.parse().ok()?,
                name: crate::text::printable(name),
                parent: fields.get(1)?.parse().ok()?,
            },
            state: fields.first()?.chars().next()?,
            session: fields.get(3)?.parse().ok()?,
        })
    }

    /// Everything below `root` (itself not included) that runs, parents before their children.
    pub(crate) fn descendants(root: u32) -> Vec<ProcessInfo> {
        let children: Box<dyn Fn(u32) -> Vec<u32>> =
            if Path::new("/proc/thread-self/children").exists() {
                Box::new(children_listed)
            } else {
                let map = children_by_parent();
                Box::new(move |pid| map.get(&pid).cloned().unwrap_or_default())
            };
        let mut seen = HashSet::from([root]);
        let mut found: Vec<Stat> = Vec::new();
        let mut queue = vec![root];
        while let Some(parent) = queue.pop() {
            for pid in children(parent) {
                // A pid that was used again between the two readings has a parent that is not of our tree.
                if let Some(stat) = Stat::of(pid)
                    && (seen.contains(&stat.info.parent))
                    && seen.insert(pid)
                {
                    found.push(stat);
                    queue.push(pid);
                }
            }
        }
        found
            .into_iter()
            .filter(Stat::runs)
            .map(|s| s.info)
            .collect()
    }

    /// The children of all threads of a process, from the kernel's own list.
    fn children_listed(pid: u32) -> Vec<u32> {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
            return Vec::new();
        };
        tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|list| {
                list.split_ascii_whitespace()
                    .filter_map(|p| p.parse().ok())
                    .collect::<Vec<u32>>()
            })
            .collect()
    }

    fn children_by_parent() -> HashMap<u32, Vec<u32>> {
        let mut map: HashMap<u32, Vec<u32>> = HashMap::new();
        for stat in all() {
            map.entry(stat.info.parent).or_default().push(stat.info.pid);
        }
        map
    }

    /// The running members of a session. Only meaningful while the session's leader is not reaped, because its pid
    /// cannot be used again before.
    pub(crate) fn session_members(session: u32) -> Vec<ProcessInfo> {
        all()
            .into_iter()
            .filter(|s| s.session == session && s.info.pid != session && s.runs())
            .map(|s| s.info)
            .collect()
    }

    fn all() -> Vec<Stat> {
        pids().filter_map(Stat::of).collect()
    }

    /// The pid of every process that this user can see.
    pub(crate) fn pids() -> impl Iterator<Item = u32> {
        std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    /// Sends a signal to exactly this process. `false`: it has ended already.
    ///
    /// The pidfd is opened first and the start time compared afterwards, so that the descriptor stands for the
    /// process that was meant even if its pid was used again in between.
    pub(crate) fn signal(process: &ProcessInfo, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
            return Ok(false);
        };
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if Stat::of(process.pid).is_none_or(|s| s.info.start_time != process.start_time) {
            return Ok(false);
        }
        match pidfd_send_signal(&fd, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The command line of a process for people, secrets masked; its short name in brackets where it has none.
    pub(crate) fn describe(pid: u32) -> String {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line
            .split(|b| *b == 0)
            .filter(|w| !w.is_empty())
            .map(|w| String::from_utf8_lossy(w).into_owned().into());
        match words.next() {
            Some(program) => {
                let args: Vec<std::ffi::OsString> = words.collect();
                let line = crate::text::command_line(&program, &args);
                format!("pid {pid} ({})", crate::text::excerpt(line.as_bytes(), 160))
            }
            None => match Stat::of(pid) {
                Some(stat) => format!("pid {pid} [{}]", stat.info.name),
                None => format!("pid {pid}, which has ended"),
            },
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn names_with_parentheses_are_read() {
            let line = b"42 (a) b (c) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987 1 2\n";
            let stat = parse_stat(line).unwrap();
            assert_eq!(stat.info.pid, 42);
            assert_eq!(stat.info.name, "a) b (c");
            assert_eq!((stat.info.parent, stat.session, stat.state), (7, 9, 'S'));
            assert_eq!(stat.info.start_time, 987);
        }

        #[test]
        fn nonsense_is_no_process() {
            for line in ["", "1", "1 (x", "1 (x) S", "x (y) S 1 2 3 4"] {
                assert_eq!(parse_stat(line.as_bytes()), None, "{line:?}");
            }
        }

        #[test]
        fn this_process_is_found_and_another_start_time_is_not_it() {
            let me = Stat::of(std::process::id()).unwrap();
            assert!(me.runs());
            let mut other = me.info;
            other.start_time += 1;
            // Were it sent, this test would stop for good.
            assert!(!signal(&other, Signal::STOP).unwrap());
        }

        #[test]
        fn both_ways_to_list_children_agree() {
            let mut child = std::process::Command::new("sleep")
                .arg("60")
                .stdin(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let me = std::process::id();
            let listed = children_listed(me).contains(&child.id());
            let scanned = children_by_parent()[&me].contains(&child.id());
            let walked = descendants(me).iter().any(|p| p.pid == child.id());
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(scanned && walked);
            assert_eq!(listed, Path::new("/proc/thread-self/children").exists());
        }
    }
}
