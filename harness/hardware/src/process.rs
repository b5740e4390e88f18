//! Which process this is, for those who wait for it.
//!
//! Promise: a pid with its start time, since pids are used again; the command without what looks like a secret. Rejected:
//! the command alone, by which somebody might end the wrong process.

use std::sync::OnceLock;

/// One process for as long as it lives: its pid, and when it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process {
    /// The pid, as the process itself sees it.
    pub pid: u32,
    /// When it was started, in clock ticks since boot; `None`: not to be read.
    pub start_time: Option<u64>,
}

impl Process {
    /// The process that runs this.
    pub fn this() -> Process {
        static THIS: OnceLock<Process> = OnceLock::new();
        let pid = std::process::id();
        // A process that was forked is another one than the one that filled this in.
        match THIS.get_or_init(|| Process::of(pid)) {
            this if this.pid == pid => *this,
            _ => Process::of(pid),
        }
    }

    /// The process that has this pid now.
    pub fn of(pid: u32) -> Process {
        Process {
            pid,
            start_time: start_time(pid),
        }
    }

    /// Whether it still runs; `None`: its start time is not known, so that it cannot be told from a later one.
    pub fn runs(&self) -> Option<bool> {
        self.start_time
            .map(|start| start_time(self.pid) == Some(start))
    }
}

fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may itself contain blanks and brackets.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The command line of this process as one line, its program without folder.
pub(crate) fn command() -> &'static str {
    static COMMAND: OnceLock<String> = OnceLock::new();
    COMMAND.get_or_init(|| shown(std::env::args_os().map(|w| w.to_string_lossy().into_owned())))
}

/// Words that say that a secret stands in or behind them.
const SECRET: [&str; 6] = ["key", "token", "secret", "passw", "auth", "credential"];

/// A command line as one line without control characters: its program without folder, and nothing of what looks like a secret.
pub(crate) fn shown(mut words: impl Iterator<Item = String>) -> String {
    let program = words.next().unwrap_or_default();
    let mut line = program.rsplit('/').next().unwrap_or_default().to_string();
    let mut hide_next = false;
    for word in words.take(64) {
        let lower = word.to_lowercase();
        let secret = SECRET.iter().any(|s| lower.contains(s));
        line.push(' ');
        match word.split_once('=') {
            _ if hide_next => line.push('…'),
            Some((name, _)) if secret => line.extend([name, "=…"]),
            _ => line.push_str(&word),
        }
        hide_next = secret && !hide_next && word.starts_with('-') && !word.contains('=');
    }
    line.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_an_earlier_one_of_its_pid_does_not() {
        let this = Process::this();
        assert_eq!(this.runs(), Some(true));
        let earlier = Process {
            start_time: this.start_time.map(|t| t - 1),
            ..this
        };
        assert_eq!(earlier.runs(), Some(false));
        let unknown = Process {
            start_time: None,
            ..this
        };
        assert_eq!(unknown.runs(), None);
    }

    #[test]
    fn the_command_has_no_folder_and_no_secret() {
        let shown = |line: &str| {
            shown(
                line.split(' ')
                    .map(String::from)
                    .collect::<Vec<_>>()
                    .into_iter(),
            )
        };
        assert_eq!(shown("/a/b/suites-1f -m smoke"), "suites-1f -m smoke");
        assert_eq!(
            shown("x --api-key hush --level 3"),
            "x --api-key … --level 3"
        );
        assert_eq!(shown("x --token=hush y"), "x --token=… y");
        assert_eq!(shown("x a\u{1b}[2Jb"), "x a[2Jb");
    }
}
