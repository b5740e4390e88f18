//! A command that runs under a supervisor of its own: with a limit, and with nothing left when it is over.
//!
//! Promise: whatever the command starts is gone when [`Supervised::wait`] or [`Supervised::stop`] returns, and shortly after
//! this value is dropped or this process dies, because the supervisor sees the end of its standard input. Standard output
//! and error lie in the folder, as `stdout` and `stderr`, while it runs.
//!
//! Rejected: a process group of its own (whatever calls `setsid` leaves it).

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use crate::ending::Ending;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// A name on `PATH`, or a path.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The whole of its environment.
    pub env: Vec<(OsString, OsString)>,
    /// The folder in which it runs.
    pub cwd: PathBuf,
    /// How long it may take.
    pub timeout: Duration,
}

/// A command that runs. The program that starts one calls [`verb`](crate::verb) first thing in `main`.
#[derive(Debug)]
pub struct Supervised {
    supervisor: Child,
}

impl Supervised {
    /// Starts the command; `folder`, an absolute path, gets what it prints, `run.json` and `result.json`.
    ///
    /// # Errors
    /// The folder cannot be written, or the supervisor does not start. A command that cannot be started is an
    /// [`Ending`] that says so.
    pub fn start(work: &Work, folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use std::process::{Command, Stdio};

            let order = crate::supervisor::Order {
                program: work.program.clone(),
                args: work.args.clone(),
                timeout: work.timeout,
            };
            std::fs::write(
                folder.join("run.json"),
                serde_json::to_vec_pretty(&order).map_err(io::Error::other)?,
            )?;
            // The kernel's link leads to this program even after it was built anew.
            let supervisor = Command::new("/proc/self/exe")
                .arg(crate::SUPERVISOR_VERB)
                .arg(folder)
                .env_clear()
                .envs(work.env.iter().map(|(name, value)| (name, value)))
                .current_dir(&work.cwd)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()?;
            Ok(Self { supervisor })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (work, folder);
            Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "commands can only be run on Linux",
            ))
        }
    }

    /// Whether it has ended by now.
    ///
    /// # Errors
    /// The supervisor cannot be asked.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.supervisor.try_wait()?.is_some())
    }

    /// Waits for its end, at most until its time is up.
    ///
    /// # Errors
    /// The supervisor was lost, and with it how the command ended.
    pub fn wait(mut self) -> io::Result<Ending> {
        self.ending()
    }

    /// Ends it with everything below it, if it has not ended.
    ///
    /// # Errors
    /// The supervisor was lost, and with it how the command ended.
    pub fn stop(mut self) -> io::Result<Ending> {
        drop(self.supervisor.stdin.take());
        self.ending()
    }

    fn ending(&mut self) -> io::Result<Ending> {
        let mut said = Vec::new();
        if let Some(out) = self.supervisor.stdout.take() {
            out.take(1 << 20).read_to_end(&mut said)?;
        }
        // Kept open so far: closing it would have ended the run.
        drop(self.supervisor.stdin.take());
        let status = self.supervisor.wait()?;
        serde_json::from_slice(&said).map_err(|_| {
            io::Error::other(format!(
                "the supervisor ended with {status} and did not say how the run ended"
            ))
        })
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        drop(self.supervisor.stdout.take());
        let _ = self.supervisor.wait();
    }
}
