//! The harness's end of a keeper: starts it, hands it the order, and keeps what it reports.
//!
//! A plain thread listens, not a task: a server outlives the runtime of the attempt that started it, and its state
//! can be asked for from anywhere. Dropping a link closes the socket in the direction of the keeper, which is the
//! request to stop, or gives a lease back if the server is shared; nobody has to wait for it. A link to the keeper of
//! somebody else's server is the same, but for the child that is not ours to wait for.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Signal, WaitId, WaitIdOptions, waitid};
use tokio::sync::watch;

use crate::belt;
use crate::meeting;
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
    /// What still ran of the tree when the server itself ended.
    pub running: Vec<ProcessInfo>,
    /// The control group of the server, where it has one of its own.
    pub belt: Option<PathBuf>,
    /// The lease of a shared server is given back; it may go on for others.
    pub released: bool,
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
    /// Where others attach, if the server is meant to be shared.
    pub door: Option<PathBuf>,
    /// The server is shared: letting go of it does not stop it.
    shared: AtomicBool,
    /// Told by the listener when the keeper of this process is gone; `None` for somebody else's.
    let_go: Option<Arc<LetGo>>,
}

/// How many keepers of this process were let go of and still stop their servers.
static LET_GO: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// One keeper among them.
#[derive(Debug, Default)]
struct LetGo {
    /// Only changed under the lock of [`LET_GO`].
    counted: AtomicBool,
    gone: AtomicBool,
}

impl LetGo {
    fn let_go(&self) {
        let mut count = LET_GO.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.gone.load(Ordering::Relaxed) && !self.counted.swap(true, Ordering::Relaxed) {
            *count += 1;
        }
    }

    fn gone(&self) {
        let mut count = LET_GO.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.gone.swap(true, Ordering::Relaxed) && self.counted.load(Ordering::Relaxed) {
            *count -= 1;
            LET_GO.1.notify_all();
        }
    }
}

/// See [`crate::wait_for_dropped`].
pub(crate) fn wait_for_dropped(limit: Duration) -> bool {
    let count = LET_GO.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = LET_GO
        .1
        .wait_timeout_while(count, limit, |count| *count > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}

impl Link {
    /// Starts a keeper and tells it what to start. `log` receives what the keeper itself has to say.
    pub(crate) fn open(
        order: &Order,
        lease: &OwnedFd,
        held: &[OwnedFd],
        log: File,
    ) -> io::Result<Link> {
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
        let door = order.share.as_ref().map(|s| s.socket.clone());
        let link = Self::over(here, keeper, Some(child), door)?;
        // A keeper that ended at once is noticed by the listener, with its exit status.
        if let Err(error) =
            protocol::send_with(&link.socket, order, std::iter::once(lease).chain(held))
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error);
        }
        Ok(link)
    }

    /// Connects to the keeper of a server that is shared. Whether it answers, [`Link::until`] shows.
    pub(crate) fn attach(socket: &Path, keeper: u32) -> io::Result<Link> {
        let link = Self::over(meeting::connect(socket)?, keeper, None, Some(socket.into()))?;
        link.shared.store(true, Ordering::Relaxed);
        Ok(link)
    }

    fn over(
        socket: UnixStream,
        keeper: u32,
        child: Option<Child>,
        door: Option<PathBuf>,
    ) -> io::Result<Link> {
        let (sender, state) = watch::channel(State::default());
        let reader = socket.try_clone()?;
        let let_go: Option<Arc<LetGo>> = child.as_ref().map(|_| Arc::default());
        let told = let_go.clone();
        std::thread::Builder::new()
            .name("tribunal-keeper-link".into())
            .spawn(move || {
                listen(reader, child, &sender);
                if let Some(told) = told {
                    told.gone();
                }
            })?;
        Ok(Link {
            socket,
            state,
            keeper,
            door,
            shared: AtomicBool::new(false),
            let_go,
        })
    }

    /// Tells the keeper that the server is ready for others too.
    pub(crate) fn publish(&self) -> io::Result<()> {
        protocol::send(&self.socket, &Request::Publish)?;
        self.shared.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// Gives the lease of a shared server back. Whoever cannot be told that is gone.
    pub(crate) fn release(&self) {
        let _ = protocol::send(&self.socket, &Request::Release);
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
        if let Some(let_go) = &self.let_go
            && !self.is_shared()
        {
            let_go.let_go();
        }
        // The keeper sees the end of the stream and stops the server; its last reports are still read.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

fn listen(socket: UnixStream, keeper: Option<Child>, state: &watch::Sender<State>) {
    for line in BufReader::new(socket).split(b'\n') {
        let Ok(line) = line else { break };
        let Ok(report) = serde_json::from_slice::<Report>(&line) else {
            continue;
        };
        state.send_modify(|s| match report {
            Report::Started {
                pid,
                start_time,
                belt,
            } => {
                s.started = Some(Ok((pid, start_time)));
                s.belt = belt;
            }
            Report::NotStarted { error } => s.started = Some(Err(error)),
            Report::FatalLine { pattern, line } => s.fatal = Some((pattern, line)),
            Report::Exited { status, running } => {
                s.exit = Some(status);
                s.running = running;
            }
            Report::Released => s.released = true,
            Report::Ended(ending) => s.ending = Some(ending),
        });
    }
    let (orderly, belt) = {
        let state = state.borrow();
        let orderly =
            state.ending.is_some() || state.released || matches!(state.started, Some(Err(_)));
        (orderly, state.belt.clone())
    };
    let mut killed = Vec::new();
    let mut status = None;
    if !orderly {
        // The group first: it has also those that left the session.
        killed.extend(belt.iter().flat_map(|belt| belt::cut(belt)));
    }
    if let Some(mut keeper) = keeper {
        if !orderly {
            for process in sweep(&mut keeper) {
                if !killed.contains(&process) {
                    killed.push(process);
                }
            }
        }
        // The keeper of a shared server may go on for long; this thread has nothing else to do.
        status = keeper.wait().ok();
    }
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
