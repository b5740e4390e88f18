//! One call of a program: its arguments, a clean environment, a and a limit.
//!
//! Promise: variables that steer the harness, libtest, nextest or cargo's output are not inherited; a call that hangs is killed with its process
//! group and fails its row; so does one that leaves somebody behind who holds its output open.
//!
//! Rejected: `Command::output` (no limit: one hanging row would hang the table).

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::said::Said;

/// A call that runs longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// How long anything that is waited for may take; other rows may be building at the time.
const PATIENCE: Duration = Duration::from_secs(300);

/// Prefixes of variables that would change what a program does or prints.
const STEERING: [&str; 10] = [
    // A build server would be told of runs that are made to fail.
    "GITHUB_",
    "BUILDKITE",
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
        Call {
            command,
            limit: LIMIT,
        }
    }

    /// The program.
    pub fn program(&self) -> &OsStr {
        self.command.get_program()
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
            limit: self.limit,
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
    limit: Duration,
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

impl Drop for Started {
    /// A row that failed leaves nothing running.
    fn drop(&mut self) {
        let (Ok(None), Some(group)) = (
            self.child.try_wait(),
            rustix::process::Pid::from_raw(self.child.id() as i32),
        ) else {
            return;
        };
        // First politely: nextest keeps its tests in groups of their own and passes this on.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
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
            began.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain for: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}
