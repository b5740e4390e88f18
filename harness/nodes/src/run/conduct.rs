//! The conductor's process: it binds the front, makes the nodes or takes those that have joined, conducts, and leaves nothing.
//!
//! `__nodes-conduct --file FILE --layout NAME --host HOST --port PORT [--evidence FOLDER] [--ready-within SECONDS] [--grace SECONDS] (--rehearse [--engine OPTION]… | --alone | --hub ADDRESS:PORT)`
//!
//! Promise: exit code 0 when it was told to end and nothing is left, 1 with one line that says the cause where something failed. Rejected: conducting in the harness itself (servers have
//! a keeper, a log and a teardown, and so does this as one of them).

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

use crate::control::{Control, Nodes};
use crate::file::{Layout, NodesFile};
use crate::meeting::{
    Attached, Conductor, Expected, Fatal, Hub, Limits, Outcome, TOKEN_VARIABLE, Task, Token,
    attach, say, tree,
};

use super::Rehearsal;
use super::loopback::Loopback;
use super::stage::{AsWritten, Stage};
use super::verbs::{AGENT_VERB, FATAL};
use super::world::World;

/// How long rehearsed nodes may take to meet.
const MEETING: Duration = Duration::from_secs(30);
/// How often it is looked whether an agent that has not joined yet still lives.
const LOOK: Duration = Duration::from_millis(20);
/// How long agents may take to leave when the run is over.
const LEAVING: Duration = Duration::from_secs(3);
/// The same, when it has failed.
const BROKEN: Duration = Duration::from_millis(700);
/// How long everything below may take to end when it is killed.
const FORCE: Duration = Duration::from_secs(5);

/// Where the nodes are.
pub enum Cast {
    /// On this machine, made for this.
    Rehearsed(Box<dyn World>),
    /// They have joined the hub at this address.
    Joined {
        /// `ADDRESS:PORT`.
        hub: String,
        /// The secret of the run.
        token: Token,
    },
}

/// A layout that is to be conducted.
pub struct Conduct {
    /// What runs where.
    pub layout: Layout,
    /// Where requests come in. It must be bound before a world is made, because that may enter another network.
    pub front: TcpListener,
    /// What really is started.
    pub stage: Box<dyn Stage>,
    /// Where logs go.
    pub evidence: PathBuf,
    /// How long a server may take to be ready.
    pub ready_within: Duration,
    /// How long a process may take to end by itself.
    pub grace: Duration,
}

/// Conducts until SIGTERM or SIGINT, or until something fails; the exit code.
///
/// # Errors
/// Nothing could be started, in words.
pub fn conduct(conduct: Conduct, cast: Cast) -> Result<u8, String> {
    tree::adopt().map_err(|e| format!("this process cannot adopt orphans: {e}"))?;
    let program = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    let task = Task {
        layout: conduct.layout,
        stage: conduct.stage,
        program: program.to_string_lossy().into_owned(),
        limits: Limits {
            server: conduct.ready_within,
            service: conduct.ready_within.min(Duration::from_secs(300)),
        },
        grace: conduct.grace,
        evidence: conduct.evidence,
        shared: matches!(cast, Cast::Rehearsed(_)),
    };
    let code = runtime.block_on(async {
        let told = told().map_err(|e| format!("signals cannot be waited for: {e}"))?;
        match cast {
            Cast::Rehearsed(world) => rehearsed(task, conduct.front, world, told).await,
            Cast::Joined { hub, token } => joined(task, conduct.front, &hub, &token, told).await,
        }
    });
    // Name servers that do not answer keep a thread for long.
    runtime.shutdown_background();
    let left = tree::end(FORCE);
    if !left.is_empty() {
        say(&format!("left behind: {}", left.join(", ")));
    }
    code
}

/// Ends when somebody tells this process to end.
fn told() -> io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Says the cause, after the last lines of whoever is to blame.
fn fail(fatal: &Fatal) -> u8 {
    if let Some((who, lines)) = &fatal.last {
        for line in lines {
            say(&format!("{who} | {line}"));
        }
    }
    println!("{FATAL}{fatal}");
    1
}

fn listen(front: TcpListener) -> Result<tokio::net::TcpListener, String> {
    front
        .set_nonblocking(true)
        .and_then(|()| tokio::net::TcpListener::from_std(front))
        .map_err(|e| format!("the front cannot be listened at: {e}"))
}

async fn rehearsed(
    task: Task,
    front: TcpListener,
    mut world: Box<dyn World>,
    told: impl Future<Output = ()>,
) -> Result<u8, String> {
    let began = Instant::now();
    let front = listen(front)?;
    let token = Token::random()?;
    let leader = world.leader();
    let listener = tokio::net::TcpListener::bind((leader.as_str(), 0)).await;
    let listener = listener.map_err(|e| format!("nothing can listen at {leader}: {e}"))?;
    let at = listener.local_addr().map_err(|e| e.to_string())?;
    let count = task.layout.nodes.len();
    let expected = Expected {
        count,
        digest: None,
        version: crate::VERSION.to_owned(),
    };
    let hub = Hub::open(listener, token.clone(), expected, Arc::new(say))?;
    say(&format!("{} nodes: {}", count, world.about()));
    let mut agents = Vec::new();
    for (node, address) in world.addresses().iter().enumerate().take(count) {
        let mut command = Command::new(&task.program);
        command
            .arg(AGENT_VERB)
            .args(["--node", &format!("{node}/{count}")])
            .args(["--leader", &at.to_string()])
            .args(["--address", address])
            .args(["--interface", &world.interface(node)])
            .arg("--shared-evidence")
            .arg(&task.evidence)
            .env(TOKEN_VARIABLE, token.reveal())
            .stdin(Stdio::null());
        let started = world.spawn(node, command);
        let agent = started.map_err(|e| format!("no agent on node {node} ({address}): {e}"))?;
        agents.push(agent);
    }
    let _control = control(&task.evidence, &*world, &agents);
    tokio::pin!(told);
    let gathered = tokio::select! {
        gathered = hub.gathered(MEETING) => gathered.map_err(Fatal::from),
        fatal = first_to_end(&mut agents) => Err(fatal),
        () = &mut told => {
            hub.over(Outcome::Finished, LEAVING).await;
            leave(&mut agents, LEAVING).await;
            return Ok(0);
        }
    };
    let (code, outcome) = match gathered {
        Err(fatal) => {
            let cause = fatal.cause.clone();
            (fail(&fatal), Outcome::Failed { cause })
        }
        Ok(addresses) => {
            let took = began.elapsed().as_millis();
            say(&format!("all {count} nodes have met after {took} ms"));
            let crew = hub.crew()?;
            let mut conductor = Conductor::new(task, crew, addresses);
            let fatal = tokio::select! {
                fatal = conductor.run(front) => Some(fatal),
                () = &mut told => None,
            };
            match fatal {
                Some(fatal) => {
                    let cause = fatal.cause.clone();
                    (fail(&fatal), Outcome::Failed { cause })
                }
                None => {
                    conductor.end().await;
                    (0, Outcome::Finished)
                }
            }
        }
    };
    let limit = match outcome {
        Outcome::Finished => LEAVING,
        // One that is stopped or cut off would be waited for in vain.
        Outcome::Failed { .. } => BROKEN,
    };
    hub.over(outcome, limit).await;
    leave(&mut agents, limit).await;
    Ok(code)
}

/// Lets tests break links and nodes while the layout runs.
fn control(evidence: &std::path::Path, world: &dyn World, agents: &[Child]) -> Option<Control> {
    let agents = agents
        .iter()
        .map(|agent| tribunal_serving::process_of(agent.id()));
    let nodes = Nodes {
        links: world.links(),
        addresses: world.addresses(),
        agents: agents.collect::<Option<_>>()?,
    };
    let opened = Control::open(evidence, nodes);
    // A rehearsal in which nothing can be broken is one all the same.
    opened
        .inspect_err(|e| say(&format!("nothing can be broken in this rehearsal: {e}")))
        .ok()
}

/// The first agent that ends before all have met.
async fn first_to_end(agents: &mut [Child]) -> Fatal {
    loop {
        for (node, agent) in agents.iter_mut().enumerate() {
            if let Ok(Some(status)) = agent.try_wait() {
                return format!(
                    "the agent of node {node} ended before all nodes had met: {status}"
                )
                .into();
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits for the agents; what is left of them is ended with everything else.
async fn leave(agents: &mut [Child], limit: Duration) {
    let began = Instant::now();
    while began.elapsed() < limit {
        let lives = |agent: &mut Child| matches!(agent.try_wait(), Ok(None));
        if !agents.iter_mut().any(lives) {
            return;
        }
        tokio::time::sleep(LOOK / 4).await;
    }
}

async fn joined(
    task: Task,
    front: TcpListener,
    hub: &str,
    token: &Token,
    told: impl Future<Output = ()>,
) -> Result<u8, String> {
    let front = listen(front)?;
    let stream = TcpStream::connect(hub)
        .await
        .map_err(|e| format!("the meeting of the nodes at {hub} is not there: {e}"))?;
    let Attached { crew, addresses } = attach(stream, token).await?;
    let mut conductor = Conductor::new(task, crew, addresses);
    let fatal = tokio::select! {
        fatal = conductor.run(front) => Some(fatal),
        () = told => None,
    };
    Ok(match fatal {
        Some(fatal) => {
            let code = fail(&fatal);
            conductor.abandon().await;
            code
        }
        None => {
            conductor.end().await;
            0
        }
    })
}

/// The verb.
pub(crate) fn run(args: &[OsString]) -> Result<u8, String> {
    let mut parser = lexopt::Parser::from_args(args.iter().cloned());
    let (mut file, mut layout, mut host, mut port) = (None, None, None, None);
    let (mut evidence, mut hub) = (PathBuf::from("."), None);
    let (mut rehearse, mut alone, mut engine) = (false, false, Vec::new());
    let mut ready_within = Duration::from_secs(2800);
    let mut grace = Duration::from_secs(5);
    let wrong = |e: lexopt::Error| e.to_string();
    while let Some(arg) = parser.next().map_err(wrong)? {
        let Long(name) = arg else {
            return Err(arg.unexpected().to_string());
        };
        match name {
            "rehearse" => {
                rehearse = true;
                continue;
            }
            "alone" => {
                alone = true;
                continue;
            }
            _ => {}
        }
        let name = name.to_owned();
        let value = parser.value().map_err(wrong)?;
        let text = value.to_string_lossy().into_owned();
        let seconds = || {
            let read = text
                .parse::<f64>()
                .ok()
                .and_then(|s| Duration::try_from_secs_f64(s).ok());
            read.ok_or_else(|| format!("--{name} takes seconds, not `{text}`"))
        };
        match name.as_str() {
            "file" => file = Some(PathBuf::from(value)),
            "layout" => layout = Some(text),
            "host" => host = Some(text),
            "port" => port = text.parse::<u16>().ok(),
            "evidence" => evidence = PathBuf::from(value),
            "hub" => hub = Some(text),
            "engine" => engine.push(text),
            "ready-within" => ready_within = seconds()?,
            "grace" => grace = seconds()?,
            _ => return Err(format!("there is no --{name}")),
        }
    }
    let missing = |what: &str| format!("--{what} is missing");
    let file = file.ok_or_else(|| missing("file"))?;
    let name = layout.ok_or_else(|| missing("layout"))?;
    let host = host.ok_or_else(|| missing("host"))?;
    let port = port.ok_or_else(|| missing("port"))?;
    let layout = layout_of(&file, &name)?;
    let front = TcpListener::bind((host.as_str(), port))
        .map_err(|e| format!("{host}:{port} cannot be listened at: {e}"))?;
    let (cast, stage): (Cast, Box<dyn Stage>) = match (rehearse, hub) {
        (true, _) => {
            // From here on this process may be in a network of its own; the front is not.
            let (world, note) = super::world(layout.nodes.len())?;
            if let Some(note) = note {
                say(&note);
            }
            let program = std::env::current_exe();
            let program = program.map_err(|e| format!("this program has no path: {e}"))?;
            let stage = Rehearsal {
                program: program.to_string_lossy().into_owned(),
                model: layout.model.clone(),
                engine,
            };
            (Cast::Rehearsed(world), Box::new(stage))
        }
        (false, None) if alone => {
            let world = Loopback::new(layout.nodes.len()).map_err(|e| e.to_string())?;
            (Cast::Rehearsed(Box::new(world)), Box::new(AsWritten))
        }
        (false, Some(hub)) => {
            let token = Token::find(|name| std::env::var(name).ok())?;
            let token = token.ok_or("no token: TRIBUNAL_NODES_TOKEN is not set")?;
            (Cast::Joined { hub, token }, Box::new(AsWritten))
        }
        (false, None) => return Err(missing("hub, or --rehearse,")),
    };
    conduct(
        Conduct {
            layout,
            front,
            stage,
            evidence,
            ready_within,
            grace,
        },
        cast,
    )
}

/// The layout of a file.
fn layout_of(file: &std::path::Path, name: &str) -> Result<Layout, String> {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let read = NodesFile::read(file, &lookups).map_err(|problems| problems.to_string())?;
    let names: Vec<String> = read.layouts.iter().map(|l| l.name.clone()).collect();
    let found = read.layouts.into_iter().find(|layout| layout.name == name);
    found.ok_or_else(|| {
        format!(
            "{} has no layout `{name}`; it has {}",
            file.display(),
            names.join(", ")
        )
    })
}
