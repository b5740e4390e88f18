//! Who holds a server: the harness that started it, and those that attached to it later.
//!
//! A connection is a lease. The kernel closes it however its process ends, so that a lease cannot be forgotten. As long
//! as the server is not published, its starter's connection alone decides: nobody else can judge a server that is not
//! ready. Counting leases in a file was rejected: a process that is killed cannot subtract itself.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::meeting;
use crate::process::Stat;
use crate::protocol::{self, Lines, Report, Request, SharedOrder};
use crate::share::Runner;

/// Requests are short. Whoever sends this much without an end of line is no harness.
const LONGEST_REQUEST: usize = 64 << 10;
/// A harness that does not read for so long hears nothing more; the keeper has other things to do than to wait.
const DEAF: Duration = Duration::from_secs(2);

/// Why a server is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A harness has asked for it.
    Asked,
    /// A signal to the keeper has.
    Signal,
    /// The harness that started it has ended.
    HarnessGone,
    /// The runner of all its users has ended.
    RunnerGone,
    /// Nobody uses it any more.
    Unused,
}

impl End {
    /// In words, after "it was stopped because".
    pub(crate) fn why(self) -> &'static str {
        match self {
            End::Asked => "a harness asked for it",
            End::Signal => "its keeper received a signal",
            End::HarnessGone => "the harness that started it ended",
            End::RunnerGone => "the runner of its users ended",
            End::Unused => "nobody used it any more",
        }
    }
}

/// All connections of one keeper.
pub(crate) struct Holders {
    all: Vec<Holder>,
    sharing: Option<Sharing>,
    /// What those hear that attach later.
    said: Vec<Vec<u8>>,
}

struct Holder {
    socket: UnixStream,
    lines: Lines,
    /// The other end can still speak.
    open: bool,
    starter: bool,
}

struct Sharing {
    order: SharedOrder,
    listener: Option<UnixListener>,
    runner: Option<OwnedFd>,
    runner_gone: bool,
    published: bool,
    idle: Idle,
    /// Held, not used: the folder is not removed while its lock is held.
    _folder: Option<OwnedFd>,
}

/// How long nobody has used the server.
struct Idle {
    linger: Duration,
    since: Option<Instant>,
}

impl Idle {
    /// Whether it has been too long. Whoever comes in time starts the clock anew.
    fn too_long(&mut self, in_use: bool, now: Instant) -> bool {
        if in_use {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) >= self.linger
    }

    /// How long it may still last.
    fn left(&self, now: Instant) -> Option<Duration> {
        let idle = now.saturating_duration_since(self.since?);
        Some(self.linger.saturating_sub(idle))
    }
}

/// What a look at the holders has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub end: End,
    /// The grace period that was asked for.
    pub grace: Option<Duration>,
}

impl Holders {
    /// The harness that starts the server is the first holder. `lines` may have more than the order.
    pub(crate) fn new(
        control: UnixStream,
        lines: Lines,
        order: Option<SharedOrder>,
    ) -> Result<Self, (UnixStream, String)> {
        let sharing = match order.map(Sharing::open).transpose() {
            Ok(sharing) => sharing,
            Err(why) => return Err((control, why)),
        };
        let _ = control.set_write_timeout(Some(DEAF));
        let starter = Holder {
            socket: control,
            lines,
            open: true,
            starter: true,
        };
        Ok(Self {
            all: vec![starter],
            sharing,
            said: Vec::new(),
        })
    }

    pub(crate) fn shared(&self) -> Option<&SharedOrder> {
        self.sharing.as_ref().map(|s| &s.order)
    }

    /// Tells everybody, also those that come later.
    pub(crate) fn report(&mut self, report: &Report) {
        let Ok(mut line) = serde_json::to_vec(report) else {
            return;
        };
        line.push(b'\n');
        for holder in &self.all {
            holder.tell(&line);
        }
        self.said.push(line);
    }

    /// The descriptors on which something may happen.
    pub(crate) fn descriptors(&self) -> Vec<PollFd<'_>> {
        let sockets = self.all.iter().filter(|h| h.open).map(|h| &h.socket);
        let mut found: Vec<PollFd<'_>> = sockets.map(|s| PollFd::new(s, PollFlags::IN)).collect();
        if let Some(sharing) = &self.sharing {
            if let Some(listener) = &sharing.listener {
                found.push(PollFd::new(listener, PollFlags::IN));
            }
            if let Some(runner) = &sharing.runner {
                found.push(PollFd::new(runner, PollFlags::IN));
            }
        }
        found
    }

    /// How long nothing may happen before [`Holders::look`] is due.
    pub(crate) fn patience(&self, limit: Duration) -> Duration {
        let now = Instant::now();
        let due = self.sharing.as_ref().and_then(|s| s.idle.left(now));
        due.map_or(limit, |due| due.min(limit))
    }

    /// Hears everybody, lets new ones in, and says whether the server is to end.
    pub(crate) fn look(&mut self) -> Option<Wish> {
        self.admit();
        let mut wish = self.hear();
        // Those that came while the others were heard: a new lease is worth more than an old clock.
        self.admit();
        let in_use = !self.all.is_empty();
        if let Some(sharing) = &mut self.sharing {
            let end = sharing.verdict(in_use, Instant::now());
            wish = wish.or(end.map(|end| Wish { end, grace: None }));
        }
        wish
    }

    fn admit(&mut self) {
        let Some(sharing) = &self.sharing else { return };
        let Some(listener) = &sharing.listener else {
            return;
        };
        while let Ok((socket, _)) = listener.accept() {
            if !meeting::same_user(&socket) {
                continue;
            }
            // An accepted socket does not inherit that the listener does not wait.
            let _ = socket.set_write_timeout(Some(DEAF));
            let holder = Holder {
                socket,
                lines: Lines::default(),
                open: true,
                starter: false,
            };
            self.said.iter().for_each(|line| holder.tell(line));
            self.all.push(holder);
        }
    }

    fn hear(&mut self) -> Option<Wish> {
        let mut wish = None;
        let mut published = self.sharing.as_ref().map(|s| s.published);
        self.all.retain_mut(|holder| {
            for request in holder.hear() {
                match request {
                    Request::Stop { grace_ms } => {
                        wish = Some(Wish {
                            end: End::Asked,
                            grace: Some(Duration::from_millis(grace_ms)),
                        });
                    }
                    Request::Publish => published = published.map(|_| true),
                    Request::Release => holder.open = false,
                }
            }
            if holder.open {
                return true;
            }
            if holder.starter && published != Some(true) {
                // It may still listen for how its server ended.
                let gone = Wish {
                    end: End::HarnessGone,
                    grace: None,
                };
                wish = wish.take().or(Some(gone));
                return true;
            }
            // A harness that has asked for the end waits for the last report.
            if wish.is_some() {
                return true;
            }
            let _ = protocol::send(&holder.socket, &Report::Released);
            false
        });
        if let (Some(sharing), Some(published)) = (&mut self.sharing, published) {
            sharing.published = published;
        }
        wish
    }

    /// Nobody can attach any more. The file stays: as long as it is there, its keeper has not ended yet.
    pub(crate) fn close_door(&mut self) {
        if let Some(sharing) = &mut self.sharing {
            sharing.listener = None;
        }
    }
}

impl Holder {
    fn tell(&self, line: &[u8]) {
        // A harness that is gone hears nothing; the work goes on all the same.
        let _ = io::Write::write_all(&mut &self.socket, line);
    }

    /// What it asks for. Its end, however it came, is the end of what it says.
    fn hear(&mut self) -> Vec<Request> {
        let mut buffer = [0; 4 << 10];
        while self.open {
            match protocol::receive_now(&self.socket, &mut buffer) {
                Ok(0) => self.open = false,
                Ok(read) => self.lines.push(&buffer[..read]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.open = false,
            }
            if self.lines.pending() > LONGEST_REQUEST {
                self.open = false;
            }
        }
        let mut requests = Vec::new();
        while let Some(line) = self.lines.next() {
            requests.extend(serde_json::from_slice::<Request>(&line));
        }
        requests
    }
}

impl Sharing {
    fn open(order: SharedOrder) -> Result<Self, String> {
        let shown = order.socket.display();
        let listener = meeting::listen(&order.socket)
            .map_err(|e| format!("cannot listen at {shown}, where others would attach: {e}"))?;
        let runner = order.runner.as_ref().map(watch).transpose();
        let runner = runner.map_err(|e| format!("cannot watch the runner: {e}"))?;
        let folder = order.socket.parent().and_then(|folder| {
            let folder = OwnedFd::from(std::fs::File::open(folder).ok()?);
            rustix::fs::flock(&folder, rustix::fs::FlockOperation::NonBlockingLockShared).ok()?;
            Some(folder)
        });
        Ok(Self {
            runner_gone: matches!(runner, Some(None)),
            runner: runner.flatten(),
            idle: Idle {
                linger: Duration::from_millis(order.linger_ms),
                since: None,
            },
            order,
            listener: Some(listener),
            published: false,
            _folder: folder,
        })
    }

    /// Whether the server is to end, for lack of a runner or of users.
    fn verdict(&mut self, in_use: bool, now: Instant) -> Option<End> {
        if let Some(runner) = &self.runner {
            let mut fds = [PollFd::new(runner, PollFlags::IN)];
            let none = rustix::event::Timespec::default();
            self.runner_gone |=
                rustix::event::poll(&mut fds, Some(&none)).is_ok() && !fds[0].revents().is_empty();
        }
        if self.runner_gone {
            return Some(End::RunnerGone);
        }
        self.idle.too_long(in_use, now).then_some(End::Unused)
    }
}

/// A descriptor that tells of the runner's end; `None`: it has ended.
fn watch(runner: &Runner) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(runner.pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        Err(rustix::io::Errno::SRCH) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    // Compared after the descriptor is open: the pid may have been used again.
    let same = Stat::of(runner.pid).is_some_and(|s| s.info.start_time == runner.start_time);
    Ok(same.then_some(descriptor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_in_time_starts_the_clock_anew() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let linger = Duration::from_secs(1);
        let mut idle = Idle {
            linger,
            since: None,
        };
        assert_eq!(idle.left(at(0)), None);
        for (ms, in_use, expected) in [
            (0, true, false),
            (100, false, false),
            (900, false, false),
            (1_000, true, false),
            (1_200, false, false),
            (2_199, false, false),
            (2_200, false, true),
        ] {
            assert_eq!(idle.too_long(in_use, at(ms)), expected, "at {ms} ms");
        }
        assert_eq!(idle.left(at(1_500)), Some(Duration::from_millis(700)));
        assert_eq!(idle.left(at(9_000)), Some(Duration::ZERO));
    }
}
