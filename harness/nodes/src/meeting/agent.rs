//! The agent of a node: it joins, starts and ends the processes of its node as it is told, and says what becomes of them.
//!
//! Promise: nothing of it outlives it, whatever ends it; a leader that is lost is told from a run that is over; logs lie on its node and go to the leader when it asks. Rejected: agents
//! that decide (two of them would decide differently when the network between them is cut).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::channel::{BEAT, Heard, Line};
use super::free_port::free_port;
use super::join::{interface_of, join};
use super::log::Log;
use super::message::{Order, Outcome, ProcessOrder, Report, State};
use super::process::{self, Running};
use super::token::{TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Token};
use super::tree;

/// How long everything below may take to end when it is killed.
pub(super) const FORCE: Duration = Duration::from_secs(5);
/// How long the logs may take to be sent when the run has failed.
const PARTING: Duration = Duration::from_secs(5);
/// How long the last words may take to be sent.
const FAREWELL: Duration = Duration::from_secs(1);
/// A piece of a log that is sent.
const PIECE: u64 = 128 << 10;

/// What an agent needs to know.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Which node it is.
    pub node: usize,
    /// How many there are.
    pub count: usize,
    /// Where the leader is: `HOST:PORT`.
    pub leader: String,
    /// Its own address, as others reach it; without it that from which it reaches the leader.
    pub address: Option<IpAddr>,
    /// The network interface with that address; without it, it is looked up.
    pub interface: Option<String>,
    /// Where its logs go: `node-<i>` in this folder.
    pub evidence: PathBuf,
    /// The leader reads that folder too, and is not sent what lies there.
    pub shared: bool,
    /// The digest of its nodes file; `None`: it has none.
    pub digest: Option<String>,
    /// The secret of the run.
    pub token: Token,
    /// How long it tries to reach the leader.
    pub limit: Duration,
}

/// How the work of an agent ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentEnd {
    /// The run finished.
    Finished,
    /// The run failed, and why.
    Failed(String),
    /// The leader is gone, and how that showed.
    LeaderLost(String),
    /// The leader did not let it in.
    Refused(String),
    /// The leader was not reached.
    Unreachable(String),
    /// Somebody ended it.
    Told(String),
    /// It cannot work here.
    Broken(String),
}

impl AgentEnd {
    /// The exit code: 0 the run finished, 1 it failed, 3 the leader is lost, 4 the leader was not reached or did not let it in, 5 it was told to end, 6 it cannot work here.
    pub fn code(&self) -> u8 {
        match self {
            AgentEnd::Finished => 0,
            AgentEnd::Failed(_) => 1,
            AgentEnd::LeaderLost(_) => 3,
            AgentEnd::Refused(_) | AgentEnd::Unreachable(_) => 4,
            AgentEnd::Told(_) => 5,
            AgentEnd::Broken(_) => 6,
        }
    }
}

impl fmt::Display for AgentEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AgentEnd::Finished => f.write_str("the run is over: it finished"),
            AgentEnd::Failed(cause) => write!(f, "the run is over: it failed: {cause}"),
            AgentEnd::LeaderLost(why) => write!(
                f,
                "the leader is lost, and whether the run finished is not known: {why}"
            ),
            AgentEnd::Refused(reason) => write!(f, "the leader did not let this node in: {reason}"),
            AgentEnd::Unreachable(why) => write!(f, "the leader was not reached: {why}"),
            AgentEnd::Told(signal) => write!(f, "{signal} ended this agent"),
            AgentEnd::Broken(why) => f.write_str(why),
        }
    }
}

/// Runs the agent in this process, below one that ends what a killed agent leaves behind. `guarded`: standard input says how long that one lives.
pub(crate) fn serve(options: AgentOptions, guarded: bool) -> AgentEnd {
    if let Err(e) = tree::adopt() {
        return AgentEnd::Broken(format!("this process cannot adopt orphans: {e}"));
    }
    // One thread, and this one: children die with the thread that started them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => return AgentEnd::Broken(format!("no runtime: {e}")),
    };
    let end = runtime.block_on(work(options, guarded));
    // Name servers that do not answer keep a thread for long.
    runtime.shutdown_background();
    let left = tree::end(FORCE);
    if !left.is_empty() {
        eprintln!("left behind: {}", left.join(", "));
    }
    end
}

async fn work(options: AgentOptions, guarded: bool) -> AgentEnd {
    let mut above = match Above::new(guarded) {
        Ok(above) => above,
        Err(e) => return AgentEnd::Broken(format!("signals cannot be waited for: {e}")),
    };
    let joined = tokio::select! {
        joined = join(&options) => joined,
        end = above.told() => return end,
    };
    let (address, run, channel) = match joined {
        Ok(joined) => joined,
        Err(end) => return end,
    };
    let (reports, heard) = mpsc::channel(64);
    let home = options.evidence.join(format!("node-{}", options.node));
    let agent = Agent {
        interface: options
            .interface
            .clone()
            .unwrap_or_else(|| interface_of(address)),
        home: match options.shared {
            true => home,
            false => home.join(format!("run-{run}")),
        },
        deployments: 0,
        shared: options.shared,
        held: Vec::new(),
        address,
        line: channel.open(),
        processes: BTreeMap::new(),
        logs: Vec::new(),
        reports,
    };
    agent.work(heard, above).await
}

/// Who may end an agent.
struct Above {
    term: Signal,
    interrupt: Signal,
    guard: Option<pipe::Receiver>,
}

impl Above {
    fn new(guarded: bool) -> std::io::Result<Above> {
        use std::os::fd::AsFd as _;
        let guard = match guarded {
            true => {
                let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
                Some(pipe::Receiver::from_owned_fd(stdin)?)
            }
            false => None,
        };
        Ok(Above {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            guard,
        })
    }

    /// Waits until one of them does.
    async fn told(&mut self) -> AgentEnd {
        let guard = async {
            match &mut self.guard {
                // Nothing is ever said there.
                Some(guard) => while let Ok(1..) = guard.read(&mut [0; 16]).await {},
                None => std::future::pending().await,
            }
        };
        let who = tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = guard => "the death of the process above it",
        };
        AgentEnd::Told(who.to_owned())
    }
}

struct Agent {
    shared: bool,
    /// The ports that were found free, until something starts that may take them.
    held: Vec<TcpListener>,
    address: IpAddr,
    interface: String,
    /// The folder of this node in this run.
    home: PathBuf,
    /// How many have been started here.
    deployments: u32,
    line: Line<Order, Report>,
    processes: BTreeMap<String, Running>,
    /// Of everything that was started since the last survey.
    logs: Vec<Log>,
    reports: mpsc::Sender<Report>,
}

impl Agent {
    async fn work(mut self, mut heard: mpsc::Receiver<Report>, mut above: Above) -> AgentEnd {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = self.line.incoming.recv() => match order {
                    Some(Heard::Said(Order::Over(Outcome::Finished))) => return AgentEnd::Finished,
                    Some(Heard::Said(Order::Over(Outcome::Failed { cause }))) => {
                        if !self.shared {
                            self.part(&mut heard).await;
                            self.line.finish(FAREWELL).await;
                        }
                        return AgentEnd::Failed(cause);
                    }
                    Some(Heard::Said(order)) => self.obey(order, &mut heard).await,
                    Some(Heard::Gone(why)) => return AgentEnd::LeaderLost(why),
                    None => return AgentEnd::LeaderLost("its connection was closed".to_owned()),
                },
                Some(report) = heard.recv() => self.pass_on(report).await,
                _ = beat.tick() => {
                    let ours: Vec<u32> = self.processes.values().map(|p| p.pid).collect();
                    tree::reap_orphans(&ours);
                    self.quote().await;
                }
                end = above.told() => {
                    let reason = end.to_string();
                    let _ = timeout(FAREWELL, self.line.outgoing.send(Report::Leaving { reason })).await;
                    self.line.finish(FAREWELL).await;
                    return end;
                }
            }
        }
    }

    /// Ends everything, and says what it has said: the leader wants to know why the run failed.
    async fn part(&mut self, heard: &mut mpsc::Receiver<Report>) {
        let all = async {
            self.reset(heard).await;
            self.collect().await;
        };
        let _ = timeout(PARTING, all).await;
    }

    async fn say(&self, report: Report) {
        // A leader that is gone is heard of on the other side of the line.
        let _ = self.line.outgoing.send(report).await;
    }

    async fn pass_on(&mut self, report: Report) {
        if let Report::Process { name, state } = &report
            && matches!(state, State::Exited { .. } | State::Stopped { .. })
        {
            self.processes.remove(name);
        }
        self.say(report).await;
    }

    /// Says what the processes have said since the last time.
    async fn quote(&self) {
        for (name, process) in &self.processes {
            let lines = process.log.fresh();
            if !lines.is_empty() {
                let name = name.clone();
                self.say(Report::Said { name, lines }).await;
            }
        }
        for text in self.logs.iter().filter_map(Log::trouble) {
            self.say(Report::Noted { text }).await;
        }
    }

    async fn obey(&mut self, order: Order, heard: &mut mpsc::Receiver<Report>) {
        let report = match order {
            Order::Survey { ports, environment } => self.survey(&ports, environment),
            Order::Write { files } => self.write(&files),
            Order::Start(order) => match self.start(order) {
                None => return,
                Some(report) => report,
            },
            Order::Stop { name, grace_ms } => match self.processes.get(&name) {
                Some(process) => return process.stop(Duration::from_millis(grace_ms)),
                None => {
                    let state = State::Stopped {
                        how: None,
                        killed: false,
                    };
                    Report::Process { name, state }
                }
            },
            Order::Collect => {
                self.collect().await;
                Report::Collected
            }
            Order::Reset => {
                self.reset(heard).await;
                Report::ResetDone
            }
            // Whoever called has taken it.
            Order::Over(_) => return,
        };
        self.say(report).await;
    }

    /// Where what is started now writes.
    fn folder(&self) -> PathBuf {
        match self.shared {
            true => self.home.clone(),
            // A run has several deployments, one after another.
            false => self.home.join(format!("deployment-{}", self.deployments)),
        }
    }

    fn pool_folder(&self) -> PathBuf {
        self.folder().join("pool")
    }

    fn survey(&mut self, names: &[String], environment: Vec<String>) -> Report {
        self.logs.clear();
        self.deployments += 1;
        self.held.clear();
        let mut ports = BTreeMap::new();
        for name in names {
            match free_port(self.address) {
                Ok((port, held)) => {
                    self.held.push(held);
                    ports.insert(name.clone(), port);
                }
                Err(e) => {
                    let reason = format!("no free port at {}: {e}", self.address);
                    return Report::Failed { reason };
                }
            }
        }
        let set = |name: String| Some((name.clone(), std::env::var(name).ok()?));
        let folder = std::path::absolute(self.pool_folder()).unwrap_or_else(|_| self.pool_folder());
        Report::Surveyed {
            ports,
            interface: self.interface.clone(),
            environment: environment.into_iter().filter_map(set).collect(),
            pool_folder: folder.to_string_lossy().into_owned(),
        }
    }

    fn write(&self, files: &[(String, String)]) -> Report {
        let folder = self.pool_folder();
        for (name, text) in files {
            let path = folder.join(name);
            // Whole or not at all: somebody may read it while it is written.
            let new = folder.join(format!(".{name}.new"));
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(&new, text))
                .and_then(|()| std::fs::rename(&new, &path));
            if let Err(e) = written {
                let reason = format!("{} cannot be written: {e}", path.display());
                return Report::Failed { reason };
            }
        }
        Report::Written
    }

    /// `None`: it runs, and reports itself.
    fn start(&mut self, order: ProcessOrder) -> Option<Report> {
        let name = order.name.clone();
        self.held.clear();
        let folder = self.folder();
        let started = Log::create(&folder, &name)
            .map_err(|e| format!("no log in {}: {e}", folder.display()))
            .and_then(|log| {
                self.logs.push(log.clone());
                let hidden = [TOKEN_VARIABLE, TOKEN_FILE_VARIABLE];
                process::start(order, log, &hidden, self.reports.clone())
            });
        match started {
            Ok(running) => {
                self.processes.insert(name, running);
                None
            }
            Err(reason) => {
                let state = State::NotStarted { reason };
                Some(Report::Process { name, state })
            }
        }
    }

    async fn collect(&self) {
        for log in &self.logs {
            let name = log.path.file_name();
            let file = name.map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let Ok(mut reader) = std::fs::File::open(&log.path) else {
                continue;
            };
            let mut piece = Vec::new();
            loop {
                piece.clear();
                let read = std::io::Read::by_ref(&mut reader);
                let read =
                    std::io::Read::read_to_end(&mut std::io::Read::take(read, PIECE), &mut piece);
                if !matches!(read, Ok(1..)) {
                    break;
                }
                let text = String::from_utf8_lossy(&piece).into_owned();
                let file = file.clone();
                self.say(Report::Log { file, text }).await;
            }
        }
    }

    /// Ends everything at once; the agent stays.
    async fn reset(&mut self, heard: &mut mpsc::Receiver<Report>) {
        for process in self.processes.values() {
            process.stop(Duration::ZERO);
        }
        while !self.processes.is_empty() {
            match timeout(FORCE, heard.recv()).await {
                Ok(Some(report)) => self.pass_on(report).await,
                _ => break,
            }
        }
        let left = tree::end(FORCE);
        if !left.is_empty() {
            let reason = format!("left behind: {}", left.join(", "));
            self.say(Report::Failed { reason }).await;
        }
    }
}
