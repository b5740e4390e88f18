//! One measured process: from the call that starts it until it was waited for and its output read to the end.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::sys;

/// What to start. Its standard output and error are pipes that are read at once.
#[derive(Clone, Debug)]
pub struct Job {
    program: PathBuf,
    args: Vec<OsString>,
    folder: PathBuf,
    env: Vec<(OsString, OsString)>,
}

/// What came of it.
pub struct Done {
    /// [`now`] just before the start.
    pub started: i128,
    /// Until it had ended.
    pub wall: Duration,
    /// Until the first line that begins with `test `.
    pub first_result: Option<Duration>,
    /// Time on processors, descendants included.
    pub processor: Duration,
    /// The largest resident size of it or any descendant, in bytes.
    pub peak: u64,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// The monotonic clock in nanoseconds, the same in every process.
pub fn now() -> i128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}

/// Variables of the environment that would make a figure one of this shell: options of harnesses, and what cargo tells the programs that it runs.
fn of_this_shell(name: &str) -> bool {
    let ours = ["TRIBUNAL_", "NEXTEST", "RUST_", "CARGO_"]
        .iter()
        .any(|p| name.starts_with(p));
    // Where the toolchain and the sources of dependencies are.
    ours && !matches!(name, "CARGO_HOME" | "CARGO_NET_OFFLINE")
}

impl Job {
    /// A program with arguments, in a folder.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
        folder: &Path,
    ) -> Job {
        Job {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            folder: folder.to_owned(),
            env: vec![],
        }
    }

    /// Cargo in a folder, with a target folder of its own.
    pub fn cargo(args: &[&str], folder: &Path, target: &Path) -> Job {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Job::new(PathBuf::from(cargo), args, folder)
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO_TERM_COLOR", "never")
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Job {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The command line, for messages.
    pub fn shown(&self) -> String {
        std::iter::once(self.program.as_os_str())
            .chain(self.args.iter().map(OsString::as_os_str))
            .map(|a| a.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Starts it and waits for its end.
    pub fn run(&self) -> Result<Done, String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(of_this_shell) {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().cloned());
        let failed = |e: std::io::Error| format!("{}: {e}", self.shown());
        let (started, begin) = (now(), Instant::now());
        let mut child = command.spawn().map_err(failed)?;
        let stderr = child.stderr.take();
        let errors = std::thread::spawn(move || {
            let mut err = vec![];
            // What can be read of it is for a message only.
            stderr.map(|mut pipe| pipe.read_to_end(&mut err));
            String::from_utf8_lossy(&err).into_owned()
        });
        let (mut out, mut first_result) = (vec![], None);
        if let Some(pipe) = child.stdout.take() {
            let mut pipe = BufReader::with_capacity(1 << 16, pipe);
            // Line by line until the first result, then in one go.
            while first_result.is_none() {
                let line = out.len();
                if pipe.read_until(b'\n', &mut out).map_err(failed)? == 0 {
                    break;
                }
                if out[line..].starts_with(b"test ") {
                    first_result = Some(begin.elapsed());
                }
            }
            pipe.read_to_end(&mut out).map_err(failed)?;
        }
        let used = sys::wait(child).map_err(failed)?;
        let wall = begin.elapsed();
        let err = errors.join().unwrap_or_default();
        Ok(Done {
            started,
            wall,
            first_result,
            processor: used.processor,
            peak: used.peak,
            status: used.status,
            out: String::from_utf8_lossy(&out).into_owned(),
            err,
        })
    }

    /// Starts it, waits for its end, and holds it to success.
    pub fn succeed(&self) -> Result<Done, String> {
        let done = self.run()?;
        if done.status.success() {
            Ok(done)
        } else {
            Err(format!(
                "{} ended with {}\n{}",
                self.shown(),
                done.status,
                done.tail()
            ))
        }
    }
}

impl Done {
    /// The end of what it printed, for messages.
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.out.lines().chain(self.err.lines()).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
