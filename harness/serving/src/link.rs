//! The harness's end of a keeper: starts it, hands it the order, and keeps what it reports.
//!
//! A plain thread listens, not a task: a server outlives the runtime of the attempt that started it, and its state
//! can be asked for from anywhere. Dropping a link closes the socket in the direction of the keeper, which is the
//! request to stop; nobody has to wait for it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Signal, WaitId, WaitIdOptions, waitid};
use tokio::sync::watch;

use crate::process::{self, ProcessInfo};
use crate::protocol::{self, Ending, Order, Report, Request};

/// How often a tree that lost its keeper is looked at and killed again before it is given up.
const LOST_ROUNDS: u32 = 100;

/// What is known of a server through its keeper.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Pid and start time, or why the program could not be run.
    pub started: Option<Result<(u32, u64), String>>,
    /// Pattern and line.
    pub fatal: Option<(String, String)>,
    /// Wait status of the server.
    pub exit: Option<i32>,
    pub ending: Option<Ending>,
    /// The keeper itself has ended: everything that it could say is said.
    pub gone: Option<Gone>,
}

/// How the keeper ended.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    pub status: Option<ExitStatus>,
    /// Processes of the server that were found and killed because their keeper had ended without doing so.
    pub killed: Vec<ProcessInfo>,
}

/// A connection to one keeper.
#[derive(Debug)]
pub(crate) struct Link {
    socket: UnixStream,
    state: watch::Receiver<State>,
    pub keeper: u32,
}

impl Link {
    /// Starts a keeper and tells it what to start. `log` receives what the keeper itself has to say.
    pub(crate) fn open(order: &Order, lease: OwnedFd, log: File) -> io::Result<Link> {
        let (here, there) = UnixStream::pair()?;
        // The link, not the path: the file may have been replaced by a new build since this program started.
        let child = Command::new("/proc/self/exe")
            .arg0("tribunal-keeper")
            .arg(crate::VERB)
            .stdin(Stdio::from(OwnedFd::from(there)))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let keeper = child.id();
        let (sender, state) = watch::channel(State::default());
        let reader = here.try_clone()?;
        std::thread::Builder::new()
            .name("tribunal-keeper-link".into())
            .spawn(move || listen(reader, child, &sender))?;
        let link = Link {
            socket: here,
            state,
            keeper,
        };
        // A keeper that ended at once is noticed by the listener, with its exit status.
        if let Err(error) = protocol::send_with(&link.socket, order, &lease)
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error);
        }
        Ok(link)
    }

    /// What is known now.
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the state satisfies the condition, or nothing more can come.
    pub(crate) async fn until(&self, mut condition: impl FnMut(&State) -> bool) -> State {
        let mut state = self.state.clone();
        match state.wait_for(|s| condition(s) || s.gone.is_some()).await {
            Ok(state) => state.clone(),
            // The listener's last act is to say that the keeper is gone.
            Err(_) => self.state(),
        }
    }

    /// Asks the keeper to stop the server. If it cannot be asked, it is gone, which [`Link::until`] shows.
    pub(crate) fn request_stop(&self, grace: Duration) {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        let _ = protocol::send(&self.socket, &Request::Stop { grace_ms });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The keeper sees the end of the stream and stops the server; its last reports are still read.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

fn listen(socket: UnixStream, mut keeper: Child, state: &watch::Sender<State>) {
    for line in BufReader::new(socket).split(b'\n') {
        let Ok(line) = line else { break };
        let Ok(report) = serde_json::from_slice::<Report>(&line) else {
            continue;
        };
        state.send_modify(|s| match report {
            Report::Started { pid, start_time } => s.started = Some(Ok((pid, start_time))),
            Report::NotStarted { error } => s.started = Some(Err(error)),
            Report::FatalLine { pattern, line } => s.fatal = Some((pattern, line)),
            Report::Exited { status } => s.exit = Some(status),
            Report::Ended(ending) => s.ending = Some(ending),
        });
    }
    let orderly = {
        let state = state.borrow();
        state.ending.is_some() || matches!(state.started, Some(Err(_)))
    };
    let killed = if orderly {
        Vec::new()
    } else {
        sweep(&mut keeper)
    };
    let status = keeper.wait().ok();
    state.send_modify(|s| s.gone = Some(Gone { status, killed }));
}

/// Kills what a keeper left that was itself killed: whoever is still in its session.
///
/// The keeper is not reaped before, so that its pid, which is the session's number, cannot have been used again.
/// Who left the session is out of reach; that is why a keeper is not killed lightly.
fn sweep(keeper: &mut Child) -> Vec<ProcessInfo> {
    let Some(pid) = i32::try_from(keeper.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return Vec::new();
    };
    // A keeper that closed its socket but lives would be waited for without end.
    let _ = keeper.kill();
    let _ = waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    );
    let mut killed: Vec<ProcessInfo> = Vec::new();
    for _ in 0..LOST_ROUNDS {
        let members = process::session_members(keeper.id());
        if members.is_empty() {
            break;
        }
        for member in members {
            let _ = process::signal(&member, Signal::KILL);
            if !killed
                .iter()
                .any(|k| k.pid == member.pid && k.start_time == member.start_time)
            {
                killed.push(member);
            }
        }
        std::thread::yield_now();
    }
    killed
}
