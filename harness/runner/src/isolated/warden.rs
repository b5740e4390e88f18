//! The warden: stands between the harness and the process of one case, and leaves nothing of the case behind.
//!
//! It uses no threads and no runtime. Whatever descends from the case becomes its child in the end, whatever it did to hide, since it is their
//! subreaper; processes are ended by pidfd, and only such as are below it.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal};

use super::{CASE, Message};
use crate::scene::Process;

/// What the harness says: end politely, or at once. Its end means the second.
pub(crate) const TERMINATE: u8 = b't';
/// End at once.
pub(crate) const KILL: u8 = b'k';

/// How long those below a case that is over get to end by themselves: after an orderly end nobody should be there; after another one, keepers are
/// stopping servers.
const ORDERLY: Duration = Duration::from_millis(500);
const DISORDERLY: Duration = Duration::from_secs(5);
/// Who cannot be killed within this hangs in the kernel.
const KILL_LIMIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

/// The hidden verb of the keepers of servers, which stand in another crate.
const KEEPER: &[u8] = b"__tribunal-keeper";

pub(super) fn run(args: &[OsString]) -> ExitCode {
    let Ok(control) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut control = UnixStream::from(control);
    let ending = match start(args) {
        Ok((pid, pidfd)) => {
            say(&mut control, &Message::Started { pid });
            let orderly = watch(&mut control, pid, &pidfd);
            let (status, orderly) = orderly;
            let left = clear(orderly);
            let (code, signal) =
                status.map_or((None, None), |s| (s.exit_status(), s.terminating_signal()));
            Message::Ended { code, signal, left }
        }
        Err(e) => Message::NotStarted(e.to_string()),
    };
    say(&mut control, &ending);
    ExitCode::SUCCESS
}

fn say(control: &mut UnixStream, message: &Message) {
    // A harness that is gone hears nothing.
    let _ = control.write_all(message.line().as_bytes());
}

fn start(args: &[OsString]) -> std::io::Result<(u32, OwnedFd)> {
    // Fails only where it is the leader of a session already, which is what is wanted.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // Only for people who list processes.
    let _ = rustix::thread::set_name(c"tribunal-warden");
    let mut command = Command::new("/proc/self/exe");
    if let Some(own) = std::env::args_os().next() {
        command.arg0(own);
    }
    command.arg(CASE).args(args).stdin(Stdio::inherit());
    // A group of its own: tests signal their whole group, and the warden must not be in it.
    command.process_group(0);
    crate::sys::die_with_parent(&mut command);
    let child = command.spawn()?;
    let raw = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let raw = raw.ok_or_else(|| std::io::Error::other("odd pid"))?;
    // It is our child and not reaped: the number can mean nobody else.
    Ok((child.id(), pidfd_open(raw, PidfdFlags::empty())?))
}

/// Waits for the end of the case, and returns its status, and whether it ended by itself.
fn watch(
    control: &mut UnixStream,
    pid: u32,
    pidfd: &OwnedFd,
) -> (Option<rustix::process::WaitStatus>, bool) {
    let (mut harness, mut orderly) = (true, true);
    loop {
        let mut fds = vec![PollFd::new(pidfd, PollFlags::IN)];
        let listens = control.as_fd();
        if harness {
            fds.push(PollFd::from_borrowed_fd(listens, PollFlags::IN));
        }
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: 200_000_000,
        };
        // An interrupted wait is a short one.
        let woken = poll(&mut fds, Some(&limit)).is_ok();
        let spoken = woken && harness && !fds[1].revents().is_empty();
        drop(fds);
        if spoken {
            let mut bytes = [0; 64];
            let heard = control.read(&mut bytes).unwrap_or(0);
            harness = heard > 0;
            let signal = match &bytes[..heard] {
                b if b.is_empty() || b.contains(&KILL) => Some(Signal::KILL),
                b if b.contains(&TERMINATE) => Some(Signal::TERM),
                _ => None,
            };
            if let Some(signal) = signal {
                orderly &= signal == Signal::TERM;
                // It may have ended in this moment.
                let _ = pidfd_send_signal(pidfd, signal);
            }
        }
        while let Ok(Some((who, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if who.as_raw_nonzero().get().unsigned_abs() == pid {
                return (Some(status), orderly && status.exit_status() == Some(0));
            }
        }
    }
}

/// Waits until nobody is left, ends who stays, and returns those. Keepers of servers see themselves to the end of what is below them, and may keep a
/// server for other processes: an `orderly` end does not wait for them, another one only as long as it waits for anybody.
fn clear(orderly: bool) -> Vec<String> {
    let patience = if orderly { ORDERLY } else { DISORDERLY };
    let own = std::process::id();
    let began = Instant::now();
    let mut left: Vec<(u32, String)> = vec![];
    loop {
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        let (below, kept) = below(own);
        let waits = kept && !orderly && began.elapsed() < patience;
        if below.is_empty() && !waits || began.elapsed() > patience + KILL_LIMIT {
            return left.into_iter().map(|(_, text)| text).collect();
        }
        // What has ended and waits to be reaped by its own parent goes with that.
        if began.elapsed() >= patience {
            for p in below.iter().filter(|p| p.state != 'Z') {
                if !left.iter().any(|(pid, _)| *pid == p.pid) {
                    left.push((p.pid, format!("{} ({})", p.pid, p.command())));
                }
                kill(p);
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// The processes below us without keepers and what they keep, and whether there are such.
fn below(own: u32) -> (Vec<Process>, bool) {
    let mut kept = vec![];
    let mut out = vec![];
    // Parents come before their children.
    for p in Process::tree(own) {
        if kept.contains(&p.parent) || is_keeper(p.pid) {
            kept.push(p.pid);
        } else if p.pid != own {
            out.push(p);
        }
    }
    (out, !kept.is_empty())
}

/// Whether a process is a keeper: this program, run again by the verb of keepers.
fn is_keeper(pid: u32) -> bool {
    let exe = |pid: &str| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| *b == 0).nth(1) == Some(KEEPER) && exe(&pid.to_string()) == exe("self")
}

/// Ends one process below us, if it is still the one that was seen.
fn kill(process: &Process) {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    // Gone already.
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if Process::of(process.pid).is_some_and(|now| now.start == process.start) {
        let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    }
}
