//! Processes that hold memory of the card, started and ended by the proof.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::FRACTION;

/// How hogs are started.
pub(crate) struct Hogs {
    program: PathBuf,
    device: usize,
    simulated: Option<PathBuf>,
}

/// One that has its memory. Dropped, its standard input is closed, by which it ends.
pub(crate) struct Hog {
    child: Child,
    stdin: Option<ChildStdin>,
    pid: u32,
}

impl Hogs {
    /// With the program that lies beside this one.
    pub(crate) fn beside_this(device: usize, simulated: Option<PathBuf>) -> Result<Hogs, String> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = this.with_file_name("cuda_hog");
        if !program.is_file() {
            return Err(format!(
                "there is no {}: `cargo build -p tribunal-hardware --examples` makes it",
                program.display()
            ));
        }
        Ok(Hogs {
            program,
            device,
            simulated,
        })
    }

    /// One that has so much memory, allowed that share of the card; or what it said when it ended without.
    pub(crate) fn start(&self, mib: u64, share: Option<f64>) -> Result<Hog, String> {
        self.run(mib, share, false)
    }

    /// As [`Hogs::start`], but the process that was started has ended, and one of its own has the memory.
    pub(crate) fn start_orphan(&self, mib: u64) -> Result<Hog, String> {
        let mut hog = self.run(mib, None, true)?;
        hog.child.wait().map_err(|error| error.to_string())?;
        Ok(hog)
    }

    fn run(&self, mib: u64, share: Option<f64>, orphan: bool) -> Result<Hog, String> {
        let mut command = Command::new(&self.program);
        command
            .args(["--mib", &mib.to_string()])
            .args(["--device", &self.device.to_string()])
            .env_remove(FRACTION)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(share) = share {
            command.env(FRACTION, format!("{share:.6}"));
        }
        if let Some(ledger) = &self.simulated {
            command.arg("--simulated").arg(ledger);
        }
        if orphan {
            command.arg("--orphan");
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let stdin = child.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // A line that cannot be read is an empty one.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let pid = line
            .split_once("\"pid\": ")
            .and_then(|(_, rest)| rest.split_once(',')?.0.parse().ok());
        if let Some(pid) = pid {
            return Ok(Hog { child, stdin, pid });
        }
        drop(stdin);
        let mut text = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            // What was read before an error is what there is to say.
            let _ = stderr.read_to_string(&mut text);
        }
        let _ = child.wait();
        Err(text.trim().to_string())
    }
}

impl Hog {
    /// The process that has the memory.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends by itself now; were it not to, its own limit ends it.
        let _ = self.child.wait();
    }
}
