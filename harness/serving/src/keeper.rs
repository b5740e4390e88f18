//! The keeper: the process that stands between a harness and one server, and outlives neither's traces.
//!
//! It is this program run again, in a session of its own, the subreaper of everything below it: whoever descends
//! from the server becomes the keeper's child in the end, whatever it did to hide. It waits for three things: those
//! who hold the server (a request, or their end), the server's pidfd, and the server's output, which it writes to the
//! log. One keeper per server, because a subreaper is the only way to know *whose* double-forked orphan a process is.
//!
//! A keeper uses no threads and no runtime: it must work when everything else is broken.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::WaitOptions;

use crate::belt::Belt;
use crate::container::Handle;
use crate::holders::{End, Holders};
use crate::mask::Masker;
use crate::memory::MemoryWatch;
use crate::options::LogLimits;
use crate::process::{self, ProcessInfo};
use crate::protocol::{self, Lines, Order, Report};
use crate::pump::{LineWatch, LogFile};
use crate::spawn::{self, Spawned};
use crate::{ending, sys};

/// How often an idle keeper looks for adopted orphans that have ended, and for signals to itself.
const IDLE: Duration = Duration::from_millis(200);
/// No more than this is read of the server's output before the keeper looks at the rest of the world again.
const PUMP_LIMIT: usize = 4 << 20;

/// The keeper's whole life. Standard input is the socket to the harness.
pub(crate) fn run() -> ExitCode {
    match keep() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the server's log: there a person looks.
            eprintln!("keeper: {error}");
            ExitCode::FAILURE
        }
    }
}

fn keep() -> Result<(), String> {
    let failed = |what: &'static str| move |e: io::Error| format!("{what}: {e}");
    sys::prepare_signals().map_err(failed("cannot prepare signals"))?;
    // Fails only where it is the leader of a session already, which is what is wanted.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| failed("cannot become subreaper")(e.into()))?;
    // Only for people who list processes.
    let _ = rustix::thread::set_name(c"tribunal-keeper");
    let control = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .map_err(failed("cannot use standard input"))?;
    let (order, lease, lines) = receive_order(&control)?;
    // The door first: a server that nobody could be told of is not started.
    let holders = match Holders::new(control, lines, order.share.clone()) {
        Ok(holders) => holders,
        Err((control, error)) => {
            // If the harness is gone, nobody wants to know.
            let _ = protocol::send(&control, &Report::NotStarted { error });
            return Ok(());
        }
    };
    let Some(mut keeper) = Keeper::start(order, lease, holders) else {
        return Ok(());
    };
    keeper.watch();
    keeper.holders.close_door();
    let result = keeper.stop_tree();
    ending::record(&keeper, &result);
    keeper.holders.report(&Report::Ended(result));
    let (shared, end) = (keeper.holders.shared().cloned(), keeper.end);
    drop(keeper);
    if let Some(order) = shared {
        ending::forget(&order, end);
    }
    Ok(())
}

fn receive_order(control: &UnixStream) -> Result<(Order, Vec<OwnedFd>, Lines), String> {
    let (mut buffer, mut lease, mut lines) = ([0; 16 << 10], Vec::new(), Lines::default());
    loop {
        let read = protocol::receive(control, &mut buffer, &mut lease).map_err(|e| {
            format!("this verb is for Tribunal itself; no harness speaks to it: {e}")
        })?;
        if read == 0 {
            return Err("the harness ended before it said what to start".into());
        }
        lines.push(&buffer[..read]);
        if let Some(line) = lines.next() {
            let order =
                serde_json::from_slice(&line).map_err(|e| format!("order not understood: {e}"))?;
            return Ok((order, lease, lines));
        }
    }
}

/// One server under watch.
pub(crate) struct Keeper {
    pub(crate) holders: Holders,
    pub(crate) server: ProcessInfo,
    pidfd: OwnedFd,
    /// The server's wait status, once it has ended.
    pub(crate) status: Option<i32>,
    output: Option<PipeReader>,
    pub(crate) log_path: PathBuf,
    log: LogFile,
    mask: Masker,
    fatal: LineWatch,
    pub(crate) memory: MemoryWatch,
    pub(crate) belt: Option<Belt>,
    pub(crate) port: u16,
    pub(crate) grace: Duration,
    /// The container, where the server is one.
    pub(crate) container: Option<Handle>,
    /// Why the server is to end, once it is.
    pub(crate) end: Option<End>,
    /// The process that started this one, as long as it lives.
    pub(crate) parent: Option<rustix::process::Pid>,
    /// Held, not used: the port is leased until this process ends.
    _lease: Vec<OwnedFd>,
}

impl Keeper {
    /// Starts the server and says so, or says why not.
    fn start(order: Order, lease: Vec<OwnedFd>, mut holders: Holders) -> Option<Keeper> {
        let limits = LogLimits {
            whole: order.log_whole,
            head: order.log_head,
        };
        let log_path = PathBuf::from(&order.log);
        let log = LogFile::open(&log_path, limits).map_err(|e| format!("cannot open the log: {e}"));
        let mask = Masker::for_server(&order.args, &order.env);
        // What is there before the server is not its own.
        let memory = MemoryWatch::begin();
        let ready = log.and_then(|log| Ok((log, mask?)));
        let started = ready.and_then(|ready| {
            let spawned = spawn::spawn(&order).map_err(|e| e.to_string())?;
            Ok((ready, spawned))
        });
        let ((log, mask), spawned) = match started {
            Ok(started) => started,
            Err(error) => {
                holders.close_door();
                if let Some(order) = holders.shared() {
                    let _ = std::fs::remove_file(&order.socket);
                }
                holders.report(&Report::NotStarted { error });
                return None;
            }
        };
        let Spawned {
            server,
            pidfd,
            output,
            belt,
        } = spawned;
        holders.report(&Report::Started {
            pid: server.pid,
            start_time: server.start_time,
            belt: belt.as_ref().map(|b| b.path().into()),
        });
        Some(Keeper {
            holders,
            server,
            pidfd,
            status: None,
            output: Some(output),
            log_path,
            log,
            mask,
            fatal: LineWatch::new(order.fatal),
            memory,
            belt,
            port: order.port,
            grace: Duration::from_millis(order.grace_ms),
            container: order.container,
            end: None,
            parent: rustix::process::getppid(),
            _lease: lease,
        })
    }

    /// Until the server ends or its end is asked for.
    fn watch(&mut self) {
        while self.status.is_none() && self.end.is_none() {
            self.wait(IDLE);
            self.memory.look(std::process::id());
        }
    }

    /// Waits for anything to happen, at most for `limit`, and takes note of it.
    pub(crate) fn wait(&mut self, limit: Duration) {
        self.poll(self.holders.patience(limit));
        if sys::asked_to_end() {
            self.end = self.end.or(Some(End::Signal));
        }
        if let Some(wish) = self.holders.look() {
            self.end = self.end.or(Some(wish.end));
            self.grace = wish.grace.unwrap_or(self.grace);
        }
        self.pump();
        self.reap();
    }

    fn poll(&self, limit: Duration) {
        let mut fds = self.holders.descriptors();
        if self.status.is_none() {
            fds.push(PollFd::new(&self.pidfd, PollFlags::IN));
        }
        if let Some(output) = &self.output {
            fds.push(PollFd::new(output, PollFlags::IN));
        }
        let limit = Timespec {
            tv_sec: limit.as_secs().cast_signed(),
            tv_nsec: limit.subsec_nanos().into(),
        };
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, Some(&limit));
    }

    /// Moves what the server has written to the log, without waiting.
    fn pump(&mut self) {
        let Some(output) = &mut self.output else {
            return;
        };
        let mut buffer = [0; 64 << 10];
        let mut total = 0;
        let mut fatal = None;
        let ended = loop {
            match output.read(&mut buffer) {
                Ok(0) => break true,
                Ok(read) => {
                    let shown = self.mask.feed(&buffer[..read]);
                    self.log.append(&shown);
                    fatal = fatal.or(self.fatal.feed(&shown));
                    total += read;
                    if total >= PUMP_LIMIT {
                        break false;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break false,
                Err(_) => break true,
            }
        };
        if ended {
            self.output = None;
        }
        self.announce(fatal);
    }

    /// Writes what was held back because it could have become a secret.
    fn flush(&mut self) {
        let rest = self.mask.finish();
        self.log.append(&rest);
        let fatal = self.fatal.feed(&rest);
        self.announce(fatal);
    }

    fn announce(&mut self, fatal: Option<(String, String)>) {
        if let Some((pattern, line)) = fatal {
            self.holders.report(&Report::FatalLine { pattern, line });
        }
    }

    /// Everything that is still in the pipe when the tree is gone.
    pub(crate) fn drain(&mut self) -> Option<(u64, String)> {
        self.pump();
        self.output = None;
        self.flush();
        self.log.lost()
    }

    /// Takes the status of every child that has ended: the server, and orphans that were adopted.
    pub(crate) fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid.as_raw_nonzero().get().unsigned_abs() == self.server.pid && self.status.is_none()
            {
                // Its last words are in the log before anybody hears of its end.
                self.pump();
                self.flush();
                let last = self.fatal.finish();
                self.announce(last);
                self.status = Some(status.as_raw());
                self.holders.report(&Report::Exited {
                    status: status.as_raw(),
                    running: process::descendants(std::process::id()),
                });
            }
        }
    }

    /// Whether a child is there that has not been reaped.
    pub(crate) fn has_children() -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::All, look), Err(rustix::io::Errno::CHILD))
    }
}
