//! One call of a program: its arguments, a clean environment, a limit, and everything that it said.
//!
//! Promise: variables that steer the harness, libtest, nextest or cargo's output are not inherited; a call that hangs is killed with its process
//! group and fails its row; so does one that leaves somebody behind who holds its output open.
//!
//! Rejected: `Command::output` (no limit: one hanging row would hang the table).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A call that runs longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Prefixes of variables that would change what a program does or prints.
const STEERING: [&str; 8] = [
    "TRIBUNAL_",
    "RUST_TEST_",
    "NEXTEST",
    "CARGO_TERM_",
    "CARGO_BUILD_",
    "LAB_",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
];

/// A program about to be called.
pub struct Call {
    command: Command,
    limit: Duration,
}

/// What came of a call.
#[derive(Debug)]
pub struct Said {
    /// The exit code; 128 and the number for a signal, as shells do.
    pub code: i32,
    /// Whether a signal ended it.
    pub killed: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Call {
    /// A program, by path or name.
    pub fn new(program: impl AsRef<OsStr>) -> Call {
        let mut command = Command::new(program);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        for (name, _) in std::env::vars_os() {
            let steers = name.to_str().is_none_or(|n| {
                STEERING.iter().any(|p| n.starts_with(p))
                    || n == "NO_COLOR"
                    || n == "RUSTC_BOOTSTRAP"
                    || n == "MAKEFLAGS"
                    || n == "CARGO_MAKEFLAGS"
                    || n == "RUSTFLAGS"
            });
            if steers {
                command.env_remove(name);
            }
        }
        Call { command, limit: LIMIT }
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Call {
        self.command.args(args);
        self
    }

    /// A variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Call {
        self.command.env(name, value);
        self
    }

    /// The working folder.
    pub fn folder(mut self, path: &Path) -> Call {
        self.command.current_dir(path);
        self
    }

    /// How long it may take.
    pub fn limit(mut self, limit: Duration) -> Call {
        self.limit = limit;
        self
    }

    /// Starts it and does not wait.
    pub fn start(mut self) -> Started {
        let shown = format!("{:?}", self.command);
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {shown}: {e}"));
        let out = reader(child.stdout.take());
        let err = reader(child.stderr.take());
        Started {
            child,
            shown,
            out,
            err,
            began: Instant::now(),
        }
    }

    /// Starts it and leaves its standard output to the caller.
    pub fn start_reading(mut self) -> Reading {
        self.command.stderr(Stdio::null());
        let child = self
            .command
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {:?}: {e}", self.command));
        Reading { child }
    }

    /// Runs it to its end.
    pub fn run(self) -> Said {
        self.start().end()
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = vec![];
        if let Some(mut pipe) = pipe {
            // What was read before an error is shown; the row fails on what is missing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// A program that runs.
pub struct Started {
    child: Child,
    shown: String,
    out: mpsc::Receiver<Vec<u8>>,
    err: mpsc::Receiver<Vec<u8>>,
    began: Instant,
}

impl Started {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        // It is our own child and not reaped yet, so the id is surely its.
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Said {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            if self.began.elapsed() > self.limit {
                let group =
                    rustix::process::Pid::from_raw(self.child.id() as i32).expect("a process id");
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                let _ = self.child.wait();
                panic!("{} hung for {:?} and was killed", self.shown, self.limit);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = |receiver: &mpsc::Receiver<Vec<u8>>, what: &str| match receiver
            .recv_timeout(Duration::from_secs(30))
        {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => panic!(
                "{} ended, but something that it started still holds its {what} open",
                self.shown
            ),
        };
        let (out, err) = (
            text(&self.out, "standard output"),
            text(&self.err, "standard error"),
        );
        let (code, killed) = match (status.code(), status.signal()) {
            (Some(code), _) => (code, false),
            (None, Some(signal)) => (128 + signal, true),
            (None, None) => panic!("{} neither exited nor was killed", self.shown),
        };
        Said {
            code,
            killed,
            out,
            err,
        }
    }
}

/// A program that runs and whose output is read as it comes. Killed when dropped.
pub struct Reading {
    child: Child,
}

impl Reading {
    /// Its standard output.
    pub fn take_out(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().expect("piped, and taken once")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    /// Waits for its end and demands an exit code.
    #[track_caller]
    pub fn wait(mut self, code: i32) {
        until("the end of the program", || self.ended());
        assert_eq!(self.child.wait().expect("our own child").code(), Some(code));
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    /// Demands an exit code; what was said stands in the failure.
    #[track_caller]
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout ---\n{}\n--- stderr ---\n{}",
            self.out, self.err
        );
        self
    }

    /// Demands that standard output contains each of these.
    #[track_caller]
    pub fn says<const N: usize>(self, parts: [&str; N]) -> Said {
        for part in parts {
            assert!(
                self.out.contains(part),
                "standard output does not say {part:?}\n--- stdout ---\n{}\n--- stderr ---\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// Demands that standard output contains none of these.
    #[track_caller]
    pub fn says_not<const N: usize>(self, parts: [&str; N]) -> Said {
        for part in parts {
            assert!(
                !self.out.contains(part),
                "standard output says {part:?}\n--- stdout ---\n{}\n--- stderr ---\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// Demands that standard error contains each of these.
    #[track_caller]
    pub fn warns<const N: usize>(self, parts: [&str; N]) -> Said {
        for part in parts {
            assert!(
                self.err.contains(part),
                "standard error does not say {part:?}\n--- stdout ---\n{}\n--- stderr ---\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// The results that were printed: `name → what follows the dots`, without times. What stands below them, the text of failures, may contain anything.
    pub fn results(&self) -> BTreeMap<String, String> {
        let mut results = BTreeMap::new();
        for line in self.out.lines().take_while(|l| *l != "failures:") {
            if let Some((name, tail)) = line
                .strip_prefix("test ")
                .and_then(|l| l.split_once(" ... "))
            {
                results.insert(
                    name.trim_end()
                        .trim_end_matches(" - should panic")
                        .to_owned(),
                    without_times(tail),
                );
            }
        }
        results
    }

    /// The names that were listed as `name: test`.
    #[track_caller]
    pub fn listed(&self) -> Vec<String> {
        self.out
            .lines()
            .filter_map(|l| l.strip_suffix(": test"))
            .map(str::to_owned)
            .collect()
    }

    /// The names that ran or were shown as ignored.
    pub fn names(&self) -> Vec<String> {
        self.results().into_keys().collect()
    }

    /// Standard output as JSON, one value per line; a line that is none fails the row.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|l| {
                serde_json::from_str(l)
                    .unwrap_or_else(|e| panic!("not a line of JSON ({e}): {l:?}"))
            })
            .collect()
    }
}

/// A text with every ` (0.012s)` and `finished in 0.01s` replaced, since times differ.
pub fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" (") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let inner = &after[2..];
        match inner.split_once(')') {
            Some((time, tail))
                if time.ends_with('s')
                    && time.starts_with(|c: char| c.is_ascii_digit())
                    && time.trim_end_matches('s').parse::<f64>().is_ok() =>
            {
                rest = tail
            }
            _ => {
                out.push_str(" (");
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    let mut lines: Vec<String> = out.split('\n').map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(at) = line.find("finished in ") {
            line.truncate(at);
            line.push_str("finished in T");
        }
    }
    lines.join("\n")
}

/// A temporary folder of one row.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("contracts-")
        .tempdir()
        .expect("a temporary folder")
}

/// Whether a program is on `PATH`.
pub fn on_path(program: &str) -> bool {
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Waits until `done` says so; what is awaited is named in the failure.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "waited a minute in vain for: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}
