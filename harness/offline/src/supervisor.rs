//! The supervisor of one run: starts the command, is subreaper of everything below it, and does not end before all of it.
//!
//! Promise: when it has said how the run ended, nothing of the run is left. It ends the run when the time is up and when
//! its bridge is gone (its standard input ends). Standard output and error of the command are kept up to a bound each; a
//! command that floods them is read on and not blocked.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitStatus, kill_process, pidfd_open, set_child_subreaper,
};
use serde::{Deserialize, Serialize};

use crate::ending::Ending;
use crate::tree;

/// What is kept of standard output and of standard error.
const KEPT: u64 = 64 << 20;
/// How long the command may take to end after SIGTERM, when its time is up.
const GRACE: Duration = Duration::from_secs(1);
/// How long processes may outlive the command before they are ended and reported.
const LINGER: Duration = Duration::from_millis(500);
/// How long the kernel may take to let killed processes go.
const LAST: Duration = Duration::from_secs(10);

/// What is run; in `run.json` of the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub program: String,
    pub args: Vec<String>,
    pub timeout: Duration,
}

/// Runs the order in the folder that is the first argument.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let [folder] = args else {
        let _ = writeln!(
            io::stderr(),
            "a supervisor is started by its bridge, with one folder"
        );
        return ExitCode::from(2);
    };
    let folder = PathBuf::from(folder);
    let order = std::fs::read(folder.join("run.json"));
    let order: Result<Order, String> = order
        .map_err(|e| e.to_string())
        .and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()));
    let ending = match order {
        Ok(order) => supervise(&folder, &order).unwrap_or_else(|e| Ending {
            not_started: Some(e.to_string()),
            ..Ending::default()
        }),
        Err(why) => Ending {
            not_started: Some(format!("the order cannot be read: {why}")),
            ..Ending::default()
        },
    };
    let Ok(text) = serde_json::to_string(&ending) else {
        return ExitCode::FAILURE;
    };
    // The evidence is for people; what counts is the line.
    let _ = std::fs::write(folder.join("result.json"), &text);
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn supervise(folder: &Path, order: &Order) -> io::Result<Ending> {
    set_child_subreaper(Some(rustix::process::getpid()))?;
    let (out, err) = (
        File::create(folder.join("stdout"))?,
        File::create(folder.join("stderr"))?,
    );
    let started = Instant::now();
    let mut command = Command::new(&order.program);
    command
        .args(&order.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A signal for the command's group must not reach this process.
    command.process_group(0);
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("no process"))?;
    let end = pidfd_open(pid, PidfdFlags::empty())?;
    let pumps = [
        ("stdout", child.stdout.take().map(|from| pump(from, out))),
        ("stderr", child.stderr.take().map(|from| pump(from, err))),
    ];
    let mut ending = Ending::default();
    match wait(&end, started + order.timeout)? {
        Waited::Ended => {}
        Waited::TimedOut => ending.timed_out = true,
        Waited::Abandoned => ending.abandoned = true,
    }
    let mut status = None;
    if ending.timed_out || ending.abandoned {
        // Asked first: a program that holds a device should let go of it itself.
        let _ = kill_process(pid, Signal::TERM);
        let _ = wait_for(&end, GRACE);
    } else {
        (ending.outlived, status) = tree::wait_for_none(pid, LINGER);
    }
    let (stuck, last) = tree::kill_all(pid, LAST);
    ending.stuck = stuck;
    status = status.or(last);
    ending.seconds = started.elapsed().as_secs_f64();
    ending.code = status.and_then(WaitStatus::exit_status);
    ending.signal = status.and_then(WaitStatus::terminating_signal);
    // Whoever could write is gone, unless the kernel holds it.
    if ending.stuck.is_empty() {
        for (name, pump) in pumps {
            let dropped = pump.and_then(|pump| pump.join().ok()).unwrap_or(0);
            if dropped > 0 {
                ending.dropped.insert(name.to_owned(), dropped);
            }
        }
    }
    Ok(ending)
}

enum Waited {
    Ended,
    TimedOut,
    Abandoned,
}

/// Waits for the end of the command, of the time, or of the bridge.
fn wait(end: &OwnedFd, until: Instant) -> io::Result<Waited> {
    let input = io::stdin();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = [
            PollFd::new(end, PollFlags::IN),
            PollFd::new(&input, PollFlags::IN),
        ];
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return Ok(Waited::TimedOut),
            Ok(_) if !fds[0].revents().is_empty() => return Ok(Waited::Ended),
            // The bridge never writes: what comes is the end.
            Ok(_) if !fds[1].revents().is_empty() => return Ok(Waited::Abandoned),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

fn wait_for(end: &OwnedFd, patience: Duration) -> io::Result<()> {
    poll(
        &mut [PollFd::new(end, PollFlags::IN)],
        Some(&timespec(patience)),
    )?;
    Ok(())
}

/// A year is as good as for ever, and fits.
fn timespec(duration: Duration) -> Timespec {
    let duration = duration.min(Duration::from_secs(365 * 86_400));
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Writes what comes to a file, up to the bound, and reads on. Gives how much was not kept.
fn pump(mut from: impl Read + Send + 'static, mut to: File) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let (mut kept, mut dropped, mut buffer) = (0u64, 0u64, vec![0; 64 << 10]);
        loop {
            let got = match from.read(&mut buffer) {
                Ok(0) => return dropped,
                Ok(got) => got,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return dropped,
            };
            let room = (KEPT - kept).min(got as u64);
            match to.write_all(&buffer[..room as usize]) {
                Ok(()) => (kept, dropped) = (kept + room, dropped + (got as u64 - room)),
                // A disk that is full must not block the command.
                Err(_) => (kept, dropped) = (KEPT, dropped + got as u64),
            }
        }
    })
}
