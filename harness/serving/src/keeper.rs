//! The keeper: the process that stands between a harness and one server, and outlives neither's traces.
//!
//! It is this program run again, in a session of its own, the subreaper of everything below it: whoever descends
//! from the server becomes the keeper's child in the end, whatever it did to hide. It waits for three things: the
//! harness's socket (a request, or its end), the server's pidfd, and the server's output, which it writes to the log.
//! One keeper per server, because a subreaper is the only way to know *whose* double-forked orphan a process is.
//!
//! A keeper uses no threads and no runtime: it must work when everything else is broken.

use std::ffi::OsStr;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open};

use crate::container::Handle;
use crate::options::LogLimits;
use crate::process::{ProcessInfo, Stat};
use crate::protocol::{self, Lines, Order, Report, Request};
use crate::pump::{LineWatch, LogFile};
use crate::sys;

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
    match Keeper::start(order, lease, control, lines) {
        Ok(mut keeper) => {
            keeper.watch();
            let ending = keeper.stop_tree();
            keeper.report(&Report::Ended(ending));
            Ok(())
        }
        Err((control, error)) => {
            // If the harness is gone, nobody wants to know.
            let _ = protocol::send(&control, &Report::NotStarted { error });
            Ok(())
        }
    }
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
    control: UnixStream,
    /// Whether the harness's end is still open.
    pub(crate) harness: bool,
    lines: Lines,
    pub(crate) server: ProcessInfo,
    pidfd: OwnedFd,
    /// The server's wait status, once it has ended.
    pub(crate) status: Option<i32>,
    output: Option<PipeReader>,
    log: LogFile,
    fatal: LineWatch,
    pub(crate) port: u16,
    pub(crate) grace: Duration,
    /// The container, where the server is one.
    pub(crate) container: Option<Handle>,
    /// The harness has asked for the end, is gone, or a signal came.
    pub(crate) asked: bool,
    /// Held, not used: the port is leased until this process ends.
    _lease: Vec<OwnedFd>,
}

impl Keeper {
    fn start(
        order: Order,
        lease: Vec<OwnedFd>,
        control: UnixStream,
        lines: Lines,
    ) -> Result<Keeper, (UnixStream, String)> {
        let limits = LogLimits {
            whole: order.log_whole,
            head: order.log_head,
        };
        let log = match LogFile::open(Path::new(&order.log), limits) {
            Ok(log) => log,
            Err(e) => return Err((control, format!("cannot open the log: {e}"))),
        };
        match spawn(&order) {
            Ok((server, pidfd, output)) => {
                let keeper = Keeper {
                    control,
                    harness: true,
                    lines,
                    server,
                    pidfd,
                    status: None,
                    output: Some(output),
                    log,
                    fatal: LineWatch::new(order.fatal),
                    port: order.port,
                    grace: Duration::from_millis(order.grace_ms),
                    container: order.container,
                    asked: false,
                    _lease: lease,
                };
                keeper.report(&Report::Started {
                    pid: keeper.server.pid,
                    start_time: keeper.server.start_time,
                });
                Ok(keeper)
            }
            Err(error) => Err((control, error.to_string())),
        }
    }

    pub(crate) fn report(&self, report: &Report) {
        // A harness that is gone hears nothing; the work goes on all the same.
        let _ = protocol::send(&self.control, report);
    }

    /// Until the server ends or its end is asked for.
    fn watch(&mut self) {
        while self.status.is_none() && !self.asked {
            self.wait(IDLE);
        }
    }

    /// Waits for anything to happen, at most for `limit`, and takes note of it.
    pub(crate) fn wait(&mut self, limit: Duration) {
        self.poll(limit);
        if sys::asked_to_end() {
            self.asked = true;
        }
        self.pump();
        self.reap();
    }

    fn poll(&mut self, limit: Duration) {
        let mut fds = Vec::with_capacity(3);
        let control = self.control.as_fd();
        if self.harness {
            fds.push(PollFd::from_borrowed_fd(control, PollFlags::IN));
        }
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
        let woken = poll(&mut fds, Some(&limit)).is_ok();
        let spoken = woken && self.harness && !fds[0].revents().is_empty();
        drop(fds);
        if spoken {
            self.listen();
        }
    }

    /// Reads what the harness says. Its end, however it came, is a request to stop.
    fn listen(&mut self) {
        let mut buffer = [0; 4 << 10];
        match protocol::receive(&self.control, &mut buffer, &mut Vec::new()) {
            Ok(0) => {
                self.harness = false;
                self.asked = true;
            }
            Ok(read) => self.lines.push(&buffer[..read]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                self.harness = false;
                self.asked = true;
            }
        }
        while let Some(line) = self.lines.next() {
            if let Ok(Request::Stop { grace_ms }) = serde_json::from_slice(&line) {
                self.grace = Duration::from_millis(grace_ms);
                self.asked = true;
            }
        }
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
                    self.log.append(&buffer[..read]);
                    fatal = fatal.or(self.fatal.feed(&buffer[..read]));
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

    fn announce(&self, fatal: Option<(String, String)>) {
        if let Some((pattern, line)) = fatal {
            self.report(&Report::FatalLine { pattern, line });
        }
    }

    /// Everything that is still in the pipe when the tree is gone.
    pub(crate) fn drain(&mut self) -> Option<(u64, String)> {
        self.pump();
        self.output = None;
        self.log.lost()
    }

    /// Takes the status of every child that has ended: the server, and orphans that were adopted.
    pub(crate) fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid.as_raw_nonzero().get().unsigned_abs() == self.server.pid && self.status.is_none()
            {
                // Its last words are in the log before anybody hears of its end.
                self.pump();
                let last = self.fatal.finish();
                self.announce(last);
                self.status = Some(status.as_raw());
                self.report(&Report::Exited {
                    status: status.as_raw(),
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

fn spawn(order: &Order) -> io::Result<(ProcessInfo, OwnedFd, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    // A bigger pipe lets a server that floods its log run on; not every user may have one.
    let _ = rustix::pipe::fcntl_setpipe_size(&reader, 1 << 20);
    rustix::io::ioctl_fionbio(&reader, true)?;
    let mut command = Command::new(&order.program);
    command
        .args(&order.args)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    for (name, value) in &order.env {
        let name: &OsStr = name;
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(cwd) = &order.cwd {
        command.current_dir(cwd);
    }
    // A group of its own: servers signal their whole group, and the keeper must not be in it.
    command.process_group(0);
    sys::die_with_keeper(&mut command);
    let child = command.spawn()?;
    let pid = child.id();
    let raw = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("odd pid"))?;
    // It is our child and not reaped: the pid can mean nobody else.
    let pidfd = pidfd_open(raw, PidfdFlags::empty())?;
    let stat = Stat::of(pid).ok_or_else(|| io::Error::other("/proc is not mounted"))?;
    Ok((stat.info, pidfd, reader))
}
