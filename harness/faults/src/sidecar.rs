//! A process of ours beside the server, from its start to its end: both sides of the one line that it says.
//!
//! Promise: who has one knows that it is ready, and that it is gone once it is let go of. Rejected: a pause after the start instead of a line.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tribunal_serving::ProcessInfo;

use crate::error::{Reason, refused};
use crate::proc;
use crate::verb::VERB;

/// The one line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// It does what it is for; what it measured.
    Ready(Value),
    /// It cannot, and ends.
    Error(String),
}

/// No line is longer.
const LONGEST: u64 = 64 << 10;

/// Says it and ends well or badly.
pub(crate) fn say(said: &Said) -> ExitCode {
    let line = serde_json::to_string(said).unwrap_or_default();
    let mut out = std::io::stdout();
    let told = writeln!(out, "{line}").and_then(|()| out.flush());
    match said {
        Said::Ready(_) if told.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Says that it is ready and stays until it is ended.
pub(crate) fn stay(ready: Value) -> Result<(), String> {
    say(&Said::Ready(ready));
    loop {
        std::thread::park();
    }
}

/// Ends this process when its standard input is closed, whatever it does then; and lets a panic be heard.
pub(crate) fn watch() {
    std::panic::set_hook(Box::new(|info| {
        say(&Said::Error(info.to_string()));
    }));
    let end = || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        // Libraries that hold a device may hang while they tidy up at an orderly exit; the kernel does not.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    };
    if std::thread::Builder::new().spawn(end).is_err() {
        say(&Said::Error("no thread to watch for the end".into()));
        std::process::exit(1);
    }
}

/// A process that is ready. It ends when it is dropped.
pub(crate) struct Sidecar {
    child: Child,
    /// Closed with this process, however it ends.
    _input: Option<ChildStdin>,
    pub process: ProcessInfo,
    pub ready: Value,
}

impl Sidecar {
    /// Starts it and waits until it is ready. Blocks.
    pub(crate) fn start(
        words: &[&OsStr],
        env: &[(OsString, Option<OsString>)],
        within: Duration,
    ) -> Result<Sidecar, Reason> {
        let program = std::env::current_exe()
            .map_err(|e| refused(format!("this program does not find itself: {e}")))?;
        let mut command = Command::new(program);
        command
            .arg(VERB)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for (name, value) in env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command
            .spawn()
            .map_err(|e| refused(format!("no process beside the server: {e}")))?;
        let input = child.stdin.take();
        let output = child.stdout.take();
        let process = proc::info(child.id()).unwrap_or(ProcessInfo {
            pid: child.id(),
            start_time: 0,
            name: String::new(),
            parent: 0,
        });
        let mut sidecar = Sidecar {
            child,
            _input: input,
            process,
            ready: Value::Null,
        };
        let (send, heard) = mpsc::channel();
        let listen = move || {
            let mut line = String::new();
            if let Some(output) = output {
                let _ = BufReader::new(output.take(LONGEST)).read_line(&mut line);
            }
            let _ = send.send(line);
        };
        std::thread::Builder::new()
            .spawn(listen)
            .map_err(|e| refused(format!("no thread: {e}")))?;
        let line = heard.recv_timeout(within).map_err(|_| {
            refused(format!(
                "the process beside the server said nothing for {} s",
                within.as_secs()
            ))
        })?;
        match serde_json::from_str(&line) {
            Ok(Said::Ready(ready)) => {
                sidecar.ready = ready;
                Ok(sidecar)
            }
            Ok(Said::Error(why)) => Err(refused(why)),
            Err(_) => Err(refused(format!(
                "the process beside the server ended without a word{}; does this program's `main` begin with `tribunal_faults::verb`?",
                match sidecar.child.wait() {
                    Ok(status) => format!(" ({status})"),
                    Err(_) => String::new(),
                }
            ))),
        }
    }

    /// A figure that it told.
    pub(crate) fn figure(&self, key: &str) -> Option<u64> {
        self.ready.get(key)?.as_u64()
    }

    /// Whether it still does what it is for.
    pub(crate) fn runs(&mut self) -> bool {
        // One that was just killed may not be waited for yet, and does nothing any more.
        matches!(self.child.try_wait(), Ok(None))
            && proc::stat(&self.process).is_some_and(|s| !matches!(s.state, 'Z' | 'X' | 'x'))
    }

    /// Ends it; `false`: it had ended before.
    pub(crate) fn end(&mut self) -> bool {
        let ran = self.runs();
        let _ = self.child.kill();
        let _ = self.child.wait();
        ran
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.end();
    }
}
