//! One process of a node, from its start to its end: who waits for it, asks how it is, and reports.
//!
//! Promise: it is told at once when the process ends by itself; one that does not answer is told from one that says that it is not well; a stop asks first. Rejected: a status that is
//! polled from the leader (the network would be part of every verdict).

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tribunal_serving::{ProcessInfo, ProcessSignal, process_of, processes_below, signal_process};

use super::health::{self, Health};
use super::log::Log;
use super::message::{Exit, ProcessOrder, Ready, Report, State};
use super::sys;

/// How long one that only has to live must have lived.
const LIVES: Duration = Duration::from_millis(200);
/// How often one that is ready is asked.
const ASK: Duration = Duration::from_secs(1);
/// So many bad answers in a row mean that it is not well.
const BAD: u32 = 3;
/// So many answers in a row that do not come. A server with much to do lets one wait.
const SILENT: u32 = 12;
/// How long the last lines may take to arrive after the process has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A process that runs, as its agent sees it.
pub(crate) struct Running {
    pub pid: u32,
    pub log: Log,
    stop: mpsc::Sender<Duration>,
}

impl Running {
    /// Asks it to end, and ends it after this time.
    pub(crate) fn stop(&self, grace: Duration) {
        // Asked once already: that holds.
        let _ = self.stop.try_send(grace);
    }
}

/// Starts a process. What becomes of it is reported.
pub(crate) fn start(
    order: ProcessOrder,
    log: Log,
    hidden: &[&str],
    reports: mpsc::Sender<Report>,
) -> Result<Running, String> {
    let (program, args) = order.argv.split_first().ok_or("its command is empty")?;
    taken(&order.ready)?;
    let io = |e: std::io::Error| format!("no pipe for its output: {e}");
    let (reader, writer) = std::io::pipe().map_err(io)?;
    let reader = pipe::Receiver::from_owned_fd(reader.into()).map_err(io)?;
    let mut command = std::process::Command::new(program);
    command
        .args(args)
        .envs(order.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(io)?)
        .stderr(writer);
    for name in hidden {
        command.env_remove(name);
    }
    {
        use std::os::unix::process::CommandExt as _;
        // Servers signal their whole group.
        command.process_group(0);
    }
    sys::die_with_agent(&mut command);
    let mut command = Command::from(command);
    let child = command
        .spawn()
        .map_err(|e| format!("`{program}` cannot be started: {e}"))?;
    // The command holds the ends of the pipe that are the child's.
    drop(command);
    let pid = child.id().unwrap_or(0);
    let (stop, stopped) = mpsc::channel(1);
    let watch = Watch {
        info: process_of(pid),
        name: order.name,
        ready: order.ready,
        limit: Duration::from_millis(order.limit_ms),
        log: log.clone(),
        reports,
        output: tokio::spawn(pump(reader, log.clone())),
    };
    tokio::spawn(watch.over(child, pid, stopped));
    Ok(Running { pid, log, stop })
}

/// An error where somebody has its port already: what answers there would be taken for it.
fn taken(ready: &Ready) -> Result<(), String> {
    let (host, ports) = match ready {
        Ready::Alive => return Ok(()),
        Ready::Http { host, port, .. } => (host, std::slice::from_ref(port)),
        Ready::Connects { host, ports } => (host, &ports[..]),
    };
    for port in ports {
        if let Err(e) = std::net::TcpListener::bind((host.as_str(), *port))
            && e.kind() == std::io::ErrorKind::AddrInUse
        {
            return Err(format!("{host}:{port} is taken by somebody else"));
        }
    }
    Ok(())
}

async fn pump(mut reader: pipe::Receiver, log: Log) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(read @ 1..) = reader.read(&mut bytes).await {
        log.feed(&bytes[..read]);
    }
    log.finish();
}

struct Watch {
    info: Option<ProcessInfo>,
    name: String,
    ready: Ready,
    limit: Duration,
    log: Log,
    reports: mpsc::Sender<Report>,
    output: tokio::task::JoinHandle<()>,
}

impl Watch {
    async fn tell(&self, state: State) {
        let name = self.name.clone();
        // An agent that does not listen any more ends, and everything with it.
        let _ = self.reports.send(Report::Process { name, state }).await;
    }

    async fn over(mut self, mut child: Child, pid: u32, mut stopped: mpsc::Receiver<Duration>) {
        self.tell(State::Started { pid }).await;
        let grace = tokio::select! {
            biased;
            Some(grace) = stopped.recv() => Some(grace),
            status = child.wait() => {
                let how = status.ok().map_or(Exit::Code(-1), exit);
                self.last_words().await;
                let tail = self.log.tail();
                return self.tell(State::Exited { how, tail }).await;
            }
            () = self.ask() => None,
        };
        let grace = match grace {
            Some(grace) => grace,
            // It is not well, which was told; whoever heard it decides.
            None => tokio::select! {
                biased;
                Some(grace) = stopped.recv() => grace,
                status = child.wait() => {
                    let how = status.ok().map_or(Exit::Code(-1), exit);
                    self.last_words().await;
                    let tail = self.log.tail();
                    return self.tell(State::Exited { how, tail }).await;
                }
            },
        };
        let (how, killed) = self.stop(&mut child, grace).await;
        self.last_words().await;
        self.tell(State::Stopped { how, killed }).await;
    }

    /// Ends when there is nothing more to ask.
    async fn ask(&self) {
        let began = Instant::now();
        let mut seen = "nothing was heard yet".to_owned();
        loop {
            match health::ask(&self.ready).await {
                Health::Good if self.ready != Ready::Alive || began.elapsed() >= LIVES => break,
                Health::Good => {}
                Health::Bad(said) | Health::Silent(said) => seen = said,
            }
            if began.elapsed() >= self.limit {
                let tail = self.log.tail();
                return self.tell(State::NotReady { seen, tail }).await;
            }
            let pause = began.elapsed() / 50;
            sleep(pause.clamp(Duration::from_millis(5), Duration::from_millis(250))).await;
        }
        let after_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tell(State::Ready { after_ms }).await;
        if self.ready == Ready::Alive {
            return std::future::pending().await;
        }
        let (mut bad, mut silent) = (0, 0);
        loop {
            sleep(ASK).await;
            let seen = match health::ask(&self.ready).await {
                Health::Good => {
                    (bad, silent) = (0, 0);
                    continue;
                }
                Health::Bad(said) => {
                    bad += 1;
                    said
                }
                Health::Silent(said) => {
                    silent += 1;
                    said
                }
            };
            if bad >= BAD || silent >= SILENT {
                let tail = self.log.tail();
                return self.tell(State::Unhealthy { seen, tail }).await;
            }
        }
    }

    /// Asks the process to end; when the time is over, ends it and all below it.
    async fn stop(&self, child: &mut Child, grace: Duration) -> (Option<Exit>, bool) {
        if let Some(info) = &self.info {
            let _ = signal_process(info, ProcessSignal::Terminate);
            // One that is stopped hears it only when it runs again.
            let _ = signal_process(info, ProcessSignal::Continue);
        }
        let below = self
            .info
            .as_ref()
            .map_or(Vec::new(), |info| processes_below(info.pid));
        let asked = timeout(grace, child.wait()).await;
        let killed = asked.is_err();
        let how = match asked {
            Ok(status) => status.ok(),
            Err(_) => {
                let more = self
                    .info
                    .as_ref()
                    .map_or(Vec::new(), |info| processes_below(info.pid));
                more.iter().for_each(kill);
                let _ = child.kill().await;
                child.wait().await.ok()
            }
        };
        // What it left behind when it ended.
        below.iter().for_each(kill);
        (how.map(exit), killed)
    }

    async fn last_words(&mut self) {
        // A worker that outlives it may hold the pipe.
        let _ = timeout(LAST_WORDS, &mut self.output).await;
    }
}

fn kill(process: &ProcessInfo) {
    let _ = signal_process(process, ProcessSignal::Kill);
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}
