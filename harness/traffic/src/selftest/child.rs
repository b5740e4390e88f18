//! The server of the self-test as a process: it lives as long as its standard input is open, and so never longer than this one.

use std::io::{self, BufRead, BufReader};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than a loaded machine takes to start a program.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Child {
    process: std::process::Child,
    input: Option<ChildStdin>,
    pub(crate) base: String,
}

impl Child {
    pub(crate) fn start(mut program: Command) -> io::Result<Self> {
        let mut process = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take();
        let mut child = Self {
            process,
            input,
            base: String::new(),
        };
        let Some(output) = output else {
            return Err(io::Error::other(
                "the server of the self-test has no output",
            ));
        };
        let (line_in, line) = mpsc::channel();
        // It ends with the line, or with the process.
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = BufReader::new(output).read_line(&mut text);
            let _ = line_in.send(text);
        });
        let said = line.recv_timeout(PATIENCE).map_err(|_| {
            io::Error::other(format!(
                "the server of the self-test said nothing for {PATIENCE:?}"
            ))
        })?;
        let port = said
            .trim()
            .strip_prefix("port ")
            .and_then(|port| port.parse::<u16>().ok());
        let Some(port) = port else {
            let why = format!(
                "the server of the self-test said `{}` instead of its port",
                said.trim()
            );
            return Err(io::Error::other(why));
        };
        child.base = format!("http://127.0.0.1:{port}");
        Ok(child)
    }

    /// Ends it and waits for it.
    pub(crate) fn end(self) {
        drop(self);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of its input is its end; a server that does not see it is no server of ours.
        drop(self.input.take());
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while std::time::Instant::now() < deadline {
            match self.process.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
