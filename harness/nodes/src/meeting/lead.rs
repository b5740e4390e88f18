//! Node 0 of a run on real machines: the meeting, held by the harness itself, and the agent of its own node beside it.
//!
//! Promise: tests begin when all nodes are there; the nodes hear how the run ended, and if this process dies they know that they do not. Rejected: a meeting in the conductor (deployments come
//! and go in a run, and nodes would have to join again for each).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc as threads};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::hub::{Expected, Hub, Tell};
use super::message::Outcome;
use super::token::{TOKEN_VARIABLE, Token};
use crate::place::{ANY, Place};
use crate::run::AGENT_VERB;

/// How long the nodes may take to leave when the run is over.
const LEAVING: Duration = Duration::from_secs(8);

/// What node 0 needs to know.
#[derive(Clone)]
pub struct LeadOptions {
    /// Which node this is, of how many, and at which address the others reach it.
    pub place: Place,
    /// The secret of the run.
    pub token: Token,
    /// The digest of the nodes files; `None`: nobody's is looked at.
    pub digest: Option<String>,
    /// Where the logs of this node go.
    pub evidence: PathBuf,
    /// How long the others may take to join.
    pub join_within: Duration,
    /// Hears a line about who joined and who was refused.
    pub tell: Tell,
}

/// The meeting of a run, as long as it lasts.
#[derive(Debug)]
pub struct Leading {
    hub: SocketAddr,
    failed: Arc<Mutex<Option<String>>>,
    end: Option<oneshot::Sender<Outcome>>,
    thread: Option<JoinHandle<()>>,
}

impl Leading {
    /// Opens the meeting, starts the agent of this node, and waits until all nodes are there.
    ///
    /// # Errors
    /// Nothing can listen at the address, or not all nodes have joined in time: which, and who was refused why.
    pub fn begin(options: LeadOptions) -> Result<Leading, String> {
        let listener = listen(&options.place.leader)?;
        let at = listener.local_addr().map_err(|e| e.to_string())?;
        let hub = match at.ip().is_unspecified() {
            true => (Ipv4Addr::LOCALHOST, at.port()).into(),
            false => at,
        };
        let failed = Arc::new(Mutex::new(None));
        let note = failed.clone();
        let (end, ended) = oneshot::channel();
        let (met, meeting) = threads::channel();
        let thread = std::thread::Builder::new()
            .name("tribunal-nodes".to_owned())
            .spawn(move || hold(&options, listener, &met, ended, &note))
            .map_err(|e| format!("no thread for the meeting of the nodes: {e}"))?;
        let leading = Leading {
            hub,
            failed,
            end: Some(end),
            thread: Some(thread),
        };
        let gone = |_| Err("the meeting of the nodes broke".to_owned());
        match meeting.recv().unwrap_or_else(gone) {
            Ok(()) => Ok(leading),
            Err(cause) => {
                // Those who have joined are told.
                leading.over(Outcome::Failed {
                    cause: cause.clone(),
                });
                Err(cause)
            }
        }
    }

    /// Why the run is over for all nodes, where one of them is lost.
    pub fn failed(&self) -> Option<String> {
        let failed = self.failed.lock();
        failed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where a conductor takes part: `ADDRESS:PORT`, reached from this machine.
    pub fn hub(&self) -> String {
        self.hub.to_string()
    }

    /// Tells all nodes how the run ended, and waits until they have left.
    pub fn over(mut self, outcome: Outcome) {
        if let Some(end) = self.end.take() {
            // A meeting that is over already has told them.
            let _ = end.send(outcome);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A socket at the address by which the others know this machine; where that is none of its own (a service of a cluster), at all of them.
fn listen(leader: &str) -> Result<TcpListener, String> {
    let port = leader.rsplit(':').next().and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| format!("`{leader}` has no port"))?;
    let own = leader.to_socket_addrs().into_iter().flatten();
    let mut in_use = None;
    for address in own {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => in_use = Some(address),
            Err(_) => {}
        }
    }
    if let Some(address) = in_use {
        return Err(format!(
            "the nodes cannot meet at {address}: somebody listens there already\nhelp: another run on this machine? give --leader another port, the same on every node"
        ));
    }
    TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), port))
        .map_err(|e| format!("the nodes cannot meet at {leader}: {e}"))
}

/// The thread of the meeting. Its agent dies when it ends.
fn hold(
    options: &LeadOptions,
    listener: TcpListener,
    met: &threads::Sender<Result<(), String>>,
    ended: oneshot::Receiver<Outcome>,
    failed: &Mutex<Option<String>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let told = match runtime {
        Err(e) => Err(format!("no runtime: {e}")),
        Ok(runtime) => runtime.block_on(meet(options, listener, met, ended, failed)),
    };
    if let Err(why) = told {
        let _ = met.send(Err(why));
    }
}

async fn meet(
    options: &LeadOptions,
    listener: TcpListener,
    met: &threads::Sender<Result<(), String>>,
    mut ended: oneshot::Receiver<Outcome>,
    failed: &Mutex<Option<String>>,
) -> Result<(), String> {
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| e.to_string())?;
    let expected = Expected {
        count: options.place.count,
        digest: options.digest.clone(),
        version: crate::VERSION.to_owned(),
    };
    let hub = Hub::open(
        listener,
        options.token.clone(),
        expected,
        options.tell.clone(),
    )?;
    let mut agent = own_agent(options)?;
    let began = Instant::now();
    let gathered = tokio::select! {
        gathered = hub.gathered(options.join_within) => gathered,
        cause = broke_off(&mut agent, options) => Err(cause),
    };
    let outcome = match gathered {
        Err(cause) => {
            let _ = met.send(Err(cause.clone()));
            Outcome::Failed { cause }
        }
        Ok(addresses) => {
            (options.tell)(&format!(
                "{} nodes have met after {:.1} s: {}",
                addresses.len(),
                began.elapsed().as_secs_f64(),
                addresses.join(", ")
            ));
            let _ = met.send(Ok(()));
            let ended = tokio::select! {
                outcome = &mut ended => outcome,
                broken = hub.end() => {
                    if let Outcome::Failed { cause } = broken {
                        (options.tell)(&cause);
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
                    }
                    ended.await
                }
            };
            // One that is dropped without a word is a harness that broke off.
            ended.unwrap_or_else(|_| Outcome::Failed {
                cause: "the harness of node 0 broke off".to_owned(),
            })
        }
    };
    hub.over(outcome, LEAVING).await;
    let until = Instant::now() + LEAVING;
    while Instant::now() < until && matches!(agent.try_wait(), Ok(None)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// The agent of this node ends before all have met: then they never will.
async fn broke_off(agent: &mut Child, options: &LeadOptions) -> String {
    loop {
        if let Ok(Some(status)) = agent.try_wait() {
            let log = options.evidence.join("node-0/agent.log");
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last = said.lines().last().unwrap_or("it said nothing");
            return format!(
                "the agent of node 0 ended before all nodes had met ({status}): {last}"
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The address that this machine has towards others: that from which it would reach one of them.
fn outward() -> Result<IpAddr, String> {
    // An address for documentation. Nothing is sent: only the route is looked up.
    let route = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect(("192.0.2.1", 9))?;
        socket.local_addr()
    });
    match route.map(|address| address.ip()) {
        Ok(address) if !address.is_loopback() && !address.is_unspecified() => Ok(address),
        _ => Err(
            "by which address other machines reach this one is not known\nhelp: say it: --leader ADDRESS, on this node as on the others"
                .to_owned(),
        ),
    }
}

/// The agent of this node, a process of its own: it ends what it started also when this one is killed.
fn own_agent(options: &LeadOptions) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
    let place = &options.place;
    let (leader, address) = match place.leader.strip_prefix(ANY) {
        Some(port) => (format!("127.0.0.1{port}"), Some(outward()?)),
        None => (place.leader.clone(), None),
    };
    let folder = options.evidence.join("node-0");
    let log = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::File::create(folder.join("agent.log")))
        .map_err(|e| format!("{} cannot be written: {e}", folder.display()))?;
    let errors = log.try_clone().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command
        .args([AGENT_VERB, "--guard"])
        .args(["--node", &format!("{}/{}", place.node, place.count)])
        .args(["--leader", &leader])
        .arg("--evidence")
        .arg(&options.evidence)
        .env(TOKEN_VARIABLE, options.token.reveal())
        .env_remove(super::token::TOKEN_FILE_VARIABLE)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    if let Some(address) = address {
        command.args(["--address", &address.to_string()]);
    }
    if let Some(digest) = &options.digest {
        command.args(["--digest", digest]);
    }
    command
        .spawn()
        .map_err(|e| format!("no agent on this node: {e}"))
}
