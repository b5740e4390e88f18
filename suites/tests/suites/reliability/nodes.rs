//! Nodes of a rehearsal that are killed, stopped, cut off, slow, or out of room: `--rehearse --deploy FILE.yaml` of several nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tribunal::faults::{Confine, FaultError, FaultErrorKind, Oracle, Proven, Undo};
use tribunal::prelude::*;
use tribunal::serving::{Offers, StartOptions};
use tribunal::{NodeControl, chosen, nodes_of, offers};

use super::stage::{SOME, Stage};
use super::told;

/// The end of a node that is gone is seen at once, and all ends within this time.
const GONE: Duration = Duration::from_secs(3);
/// One that is silent is given up after two seconds; it is waited for once more, in case it hears of the end.
const SILENT: Duration = Duration::from_secs(7);
/// How long it is looked whether an injection took hold.
const PROOF: Duration = Duration::from_secs(2);
/// How often.
const LOOK: Duration = Duration::from_millis(5);

/// The nodes of a server, as they were before anything was done to them.
struct Nodes {
    control: NodeControl,
    /// Address, agent and the pids below it, of each.
    all: Vec<Seen>,
    /// The networks that the nodes have for themselves.
    networks: BTreeSet<PathBuf>,
    log: PathBuf,
}

struct Seen {
    address: String,
    pids: Vec<u32>,
}

impl Nodes {
    fn of(server: &Server) -> Result<Nodes, Error> {
        let Some(log) = server.log_path() else {
            skip!("the server is only reached and was not started by this run");
        };
        let control = nodes_of(server)?;
        let all: Vec<Seen> = control
            .processes()?
            .into_iter()
            .map(|node| {
                let below = node.processes.iter().map(|process| process.pid);
                Seen {
                    pids: std::iter::once(node.agent).chain(below).collect(),
                    address: node.address,
                }
            })
            .collect();
        let ours = network(std::process::id());
        let networks = all.iter().filter_map(|node| network(*node.pids.first()?));
        let networks = networks.filter(|net| Some(net) != ours.as_ref()).collect();
        Ok(Nodes {
            control,
            all,
            networks,
            log: log.to_owned(),
        })
    }

    fn node(&self, node: usize) -> Result<&Seen, Error> {
        match self.all.get(node) {
            Some(seen) => Ok(seen),
            None => skip!("the layout has only {} nodes", self.all.len()),
        }
    }

    /// Without networks of their own nothing can break between them.
    fn linked(&self) -> TestResult {
        if self.networks.is_empty() {
            skip!(
                "these nodes are addresses of the loopback interface, between which nothing can break"
            );
        }
        Ok(())
    }

    /// How the log calls a node.
    fn name(&self, node: usize) -> String {
        let address = self.all.get(node).map_or("", |seen| &seen.address);
        format!("node {node} ({address})")
    }

    fn said(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Processes that are still there, and networks of nodes that some process is still in.
    fn left(&self) -> Vec<String> {
        let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids: Vec<u32> = pids
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        let inside = pids.iter().filter_map(|pid| {
            let network = network(*pid).filter(|network| self.networks.contains(network))?;
            Some(format!("pid {pid} in {}", network.display()))
        });
        let folder = self.log.parent().unwrap_or(&self.log).to_string_lossy();
        let mark = folder.as_bytes();
        let of_ours = pids.iter().filter_map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            // The keeper has the folder as well, and outlives what it keeps.
            let agent = line.windows(13).any(|w| w == b"__nodes-agent");
            let there = line.windows(mark.len()).any(|window| window == mark);
            (agent && there).then(|| format!("agent {pid}"))
        });
        inside.chain(of_ours).collect()
    }
}

/// The network that a process is in.
fn network(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

/// The state of a process, as the kernel's letter; `None`: it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn refused(fault: &str) -> impl Fn(std::io::Error) -> FaultError + '_ {
    move |e| FaultError::new(FaultErrorKind::Refused, fault, e.to_string())
}

/// Waits until it is so, or says that it is not.
async fn proven(
    fault: &str,
    what: &str,
    mut holds: impl FnMut() -> bool,
) -> Result<(), FaultError> {
    let deadline = Instant::now() + PROOF;
    while !holds() {
        if Instant::now() > deadline {
            return Err(FaultError::new(FaultErrorKind::Unproven, fault, what));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// What is done to a node, of which everything must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Kill,
    Stop,
    /// What it sends is lost.
    Mute,
    /// What is sent to it is lost.
    Deaf,
    /// Both.
    CutOff,
}

impl Deed {
    fn words(self, node: usize) -> String {
        match self {
            Deed::Kill => format!("node {node} is killed"),
            Deed::Stop => format!("node {node} is stopped"),
            Deed::Mute => format!("what node {node} sends to the leader is lost"),
            Deed::Deaf => format!("what the leader sends to node {node} is lost"),
            Deed::CutOff => format!("node {node} is cut off from the leader"),
        }
    }

    fn is_cut(self) -> bool {
        !matches!(self, Deed::Kill | Deed::Stop)
    }

    /// Does it, and proves it.
    async fn done(self, nodes: &Nodes, node: usize) -> Result<String, FaultError> {
        let fault = self.words(node);
        let refused = refused(&fault);
        let control = &nodes.control;
        let seen = &nodes.all[node];
        match self {
            Deed::Kill => {
                control.kill(node).map_err(refused)?;
                let dead = |pid: &u32| matches!(state(*pid), None | Some('Z'));
                proven(&fault, "some of its processes live", || {
                    seen.pids.iter().all(dead)
                })
                .await?;
                Ok(format!("{} processes are dead", seen.pids.len()))
            }
            Deed::Stop => {
                control.stop(node).map_err(refused)?;
                let still = |pid: &u32| matches!(state(*pid), Some('T'));
                proven(&fault, "some of its processes run", || {
                    seen.pids.iter().all(still)
                })
                .await?;
                Ok(format!("{} processes stand still", seen.pids.len()))
            }
            Deed::Mute | Deed::Deaf | Deed::CutOff => {
                let (from, to) = match self {
                    Deed::Mute | Deed::CutOff => (Some(node), None),
                    _ => (None, Some(node)),
                };
                let both = self == Deed::CutOff;
                control.partition(from, to, both).map_err(refused)?;
                // The kernel says where it sends what is meant for an address.
                let way = |from: Option<usize>| match from {
                    Some(node) => nodes.all[node].pids.first().copied(),
                    None => conductor(seen.pids[0]),
                };
                for (from, to) in [(from, to), (to, from)]
                    .into_iter()
                    .take(1 + usize::from(both))
                {
                    let to = to.map(|node| nodes.all[node].address.clone());
                    let lost = way(from).is_some_and(|pid| loses(pid, to.as_deref()));
                    if !lost {
                        let why = "the kernel still knows the way";
                        return Err(FaultError::new(FaultErrorKind::Unproven, &fault, why));
                    }
                }
                Ok("the kernel sends to an address that nobody has".to_owned())
            }
        }
    }
}

/// Whoever started an agent.
fn conductor(agent: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{agent}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Whether a process's network sends what is for this address (`None`: for the leader) to nobody.
fn loses(pid: u32, to: Option<&str>) -> bool {
    let to = to.unwrap_or("10.77.0.254");
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/arp")).unwrap_or_default();
    table.lines().any(|line| {
        line.split_whitespace().next() == Some(to) && line.contains("02:00:00:00:de:ad")
    })
}

/// A node loses its power, whatever it does in the layout.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "rehearsed_nodes")]
#[cases(node_0 = 0, node_1 = 1, node_2 = 2, node_3 = 3)]
async fn killed(#[case] node: usize, server: &Server, offers: &Offers) -> TestResult {
    let case = format!("nodes/killed_{node}");
    ended(&case, Deed::Kill, node, server, offers).await
}

/// A node stands still, and never goes on.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "rehearsed_nodes")]
async fn stopped(server: &Server, offers: &Offers) -> TestResult {
    ended("nodes/stopped", Deed::Stop, 1, server, offers).await
}

/// The network between a node and the leader loses what goes one way, or both.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "rehearsed_nodes")]
#[cases(
    mute = ("nodes/mute", Deed::Mute),
    deaf = ("nodes/deaf", Deed::Deaf),
    cut_off = ("nodes/cut_off", Deed::CutOff),
)]
async fn partition(
    #[case] case: &str,
    #[case] deed: Deed,
    server: &Server,
    offers: &Offers,
) -> TestResult {
    ended(case, deed, 1, server, offers).await
}

/// Something is done to a node, after which everything must end everywhere, with the cause.
async fn ended(
    case: &str,
    deed: Deed,
    node: usize,
    server: &Server,
    offers: &Offers,
) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let nodes = Nodes::of(server)?;
    nodes.node(node)?;
    if deed.is_cut() {
        nodes.linked()?;
    }
    let bound = match deed {
        Deed::Kill => GONE,
        _ => SILENT,
    };
    let mut end = None;
    let report = stage
        .doing(&deed.words(node))
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .hold(bound + Duration::from_secs(1))
        .expect_all([
            Oracle::NothingHangs,
            Oracle::ErrorForm,
            Oracle::StreamsToldApart,
            Oracle::NoDoubleAnswer,
            Oracle::Conserved,
            Oracle::SomeFail(1),
            Oracle::InFlightEndsWithin(stage.bounds().in_flight),
            Oracle::FailsFastWithin(stage.bounds().fail_fast),
            Oracle::HealthTellsWithin(bound),
        ])
        .run(async |moment| {
            let began = moment.timeline.since_start();
            let from = Instant::now();
            let what = deed.done(&nodes, node).await?;
            end = Some(tokio::spawn(all_over(server.clone(), from)));
            Ok(Proven::new(moment.timeline, what).at_once(began))
        })
        .await;
    let ended = match end {
        Some(end) => Some(end.await.map_err(Error::of)?),
        None => None,
    };
    let injected = report.is_ok();
    let left = nodes.left();
    let said = nodes.said();
    let told = stage
        .told_of_the_end(case, report, stage.bounds().residue_kill)
        .await;
    let mut wrong = Vec::new();
    if injected {
        let seconds = ended.flatten();
        let took = seconds.ok_or_else(|| "it goes on".to_owned());
        let took = took.and_then(|took| match took <= bound.as_secs_f64() {
            true => Ok(format!("after {took:.2} s")),
            false => Err(format!("only after {took:.2} s")),
        });
        let what = format!("all ends everywhere within {} s", bound.as_secs());
        wrong.push(told::found(server.name(), case, &what, took, seconds));
        let causes = causes(&nodes, deed, node, &said);
        let what = "the cause names the node";
        wrong.push(told::found(server.name(), case, what, causes, None));
        let none = match left.is_empty() {
            true => Ok("no agent, and nobody in a network of the nodes".to_owned()),
            false => Err(left.join(", ")),
        };
        let what = "nothing is left of the nodes";
        wrong.push(told::found(server.name(), case, what, none, None));
    }
    told?;
    wrong.into_iter().collect()
}

/// How many seconds it took until no process of the server was left; `None`: it still has some.
async fn all_over(server: Server, from: Instant) -> Option<f64> {
    while from.elapsed() < GIVEN_UP * 2 {
        if server.processes().is_empty() {
            return Some(from.elapsed().as_secs_f64());
        }
        tokio::time::sleep(LOOK).await;
    }
    None
}

/// What the leader, the other nodes and the node itself said of the end.
fn causes(nodes: &Nodes, deed: Deed, node: usize, said: &str) -> Result<String, String> {
    let name = nodes.name(node);
    let how = match deed {
        Deed::Kill => "its connection",
        _ => "nothing was heard of it for",
    };
    let lost = format!("{name} is lost: {how}");
    let missing = |what: &str| {
        let last: Vec<&str> = said.lines().rev().take(30).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        format!(
            "no line has `{what}`; the log ends with:\n{}",
            last.join("\n")
        )
    };
    let fatal = said
        .lines()
        .find(|line| line.contains("fatal: ") && line.contains(&lost))
        .ok_or_else(|| missing(&format!("fatal: {lost}")))?;
    for other in (0..nodes.all.len()).filter(|other| *other != node) {
        let told = format!("node {other}: the run is over: it failed: {lost}");
        if !said.contains(&told) {
            return Err(missing(&told));
        }
    }
    if deed.is_cut() {
        // Its own words: not that the run is over, since it cannot know.
        let own =
            format!("node {node}: the leader is lost, and whether the run finished is not known");
        if !said.contains(&own) {
            return Err(missing(&own));
        }
    }
    let fatal = fatal.split("fatal: ").nth(1).unwrap_or(fatal);
    Ok(fatal.to_owned())
}

/// Everything arrives again, at every rate.
struct Heals<'a> {
    control: &'a NodeControl,
    what: String,
}

impl Undo for Heals<'_> {
    async fn undo(self) -> Result<(), FaultError> {
        self.control
            .heal()
            .map_err(|e| FaultError::new(FaultErrorKind::NotUndone, &self.what, e.to_string()))
    }
}

/// A cut for so long is healed before anybody gives up.
const BRIEF: Duration = Duration::from_secs(3);
/// Whoever watches the proxy gives up after three bad answers, of which the first may take five seconds.
const GIVEN_UP: Duration = Duration::from_secs(12);
/// A request to a server that cannot be reached fails within this time.
const UNREACHABLE: Duration = Duration::from_secs(8);

/// The server behind the proxy that gives the answers, and its node, if that is not the one of the proxy.
async fn answering(stage: &Stage, nodes: &Nodes) -> Result<(usize, String), Error> {
    nodes.linked()?;
    let health = stage.model.client().get("/health").await?;
    let health: serde_json::Value = serde_json::from_slice(&health.body).unwrap_or_default();
    let targets = health["targets"].as_array();
    let Some(target) = targets.and_then(|targets| targets.last()) else {
        skip!("there is no proxy of this project before the servers");
    };
    let address = target["address"].as_str().unwrap_or_default().to_owned();
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    match nodes.all.iter().position(|seen| seen.address == host) {
        Some(node) if node > 0 => Ok((node, address)),
        _ => skip!("the server that answers, at {address}, is on the node of the proxy"),
    }
}

/// The other nodes do not reach it, and it does not reach them; the leader reaches all.
fn cut(nodes: &Nodes, node: usize) -> Result<String, FaultError> {
    let fault = format!("node {node} is cut off from the other nodes");
    let address = &nodes.all[node].address;
    for other in (0..nodes.all.len()).filter(|other| *other != node) {
        let cut = nodes.control.partition(Some(other), Some(node), true);
        cut.map_err(refused(&fault))?;
        let (far, near) = (&nodes.all[other], &nodes.all[node]);
        if !loses(far.pids[0], Some(address)) || !loses(near.pids[0], Some(&far.address)) {
            let why = "the kernel still knows the way";
            return Err(FaultError::new(FaultErrorKind::Unproven, &fault, why));
        }
    }
    Ok(format!("{} links are cut", nodes.all.len() - 1))
}

/// The link between the proxy and the server that answers breaks, and heals before anybody has given up.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "rehearsed_nodes")]
async fn link_heals(server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let nodes = Nodes::of(server)?;
    let (node, _) = answering(&stage, &nodes).await?;
    let report = stage
        .doing(&format!("node {node} is cut off from the other nodes"))
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .hold(BRIEF)
        .expect_all([
            Oracle::NothingHangs,
            Oracle::ErrorForm,
            Oracle::StreamsToldApart,
            Oracle::NoDoubleAnswer,
            Oracle::HealthTellsWithin(BRIEF + Duration::from_secs(2)),
            Oracle::StaysAliveFor(BRIEF),
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .run(async |moment| {
            let what = cut(&nodes, node)?;
            moment.timeline.note(tribunal::faults::Step::Proven, &what);
            Ok(Heals {
                control: &nodes.control,
                what,
            })
        })
        .await;
    stage.told("nodes/link_heals", report)
}

/// The same link stays broken: requests are told which server cannot be reached, and in the end everybody is, as of a layout that is not well.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "rehearsed_nodes")]
async fn link_stays(server: &Server, offers: &Offers) -> TestResult {
    let case = "nodes/link_stays";
    let stage = Stage::new(server, offers)?;
    let nodes = Nodes::of(server)?;
    let (node, address) = answering(&stage, &nodes).await?;
    let (mut asked, mut end) = (None, None);
    let report = stage
        .doing(&format!("node {node} is cut off from the other nodes"))
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .hold(GIVEN_UP + Duration::from_secs(1))
        .expect_all([
            Oracle::NothingHangs,
            Oracle::ErrorForm,
            Oracle::StreamsToldApart,
            Oracle::NoDoubleAnswer,
            Oracle::SomeFail(1),
            Oracle::FailsFastWithin(UNREACHABLE),
            Oracle::InFlightEndsWithin(UNREACHABLE),
            Oracle::HealthTellsWithin(BRIEF + Duration::from_secs(2)),
        ])
        .run(async |moment| {
            let from = Instant::now();
            let what = cut(&nodes, node)?;
            let client = stage.model.client().clone();
            let body = serde_json::json!({
                "model": server.model().unwrap_or_default(), "prompt": "a", "max_tokens": 1,
            });
            asked = Some(tokio::spawn(async move {
                let answer = client.post_json("/v1/completions", &body).await;
                (answer, from.elapsed().as_secs_f64())
            }));
            end = Some(tokio::spawn(all_over(server.clone(), from)));
            Ok(Proven::new(moment.timeline, what))
        })
        .await;
    let (Some(asked), Some(end)) = (asked, end) else {
        return stage.told(case, report);
    };
    let (answer, seconds) = asked.await.map_err(Error::of)?;
    let named = answer.map_err(|e| e.to_string()).and_then(|answer| {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status == 502 && body.contains(&address) {
            true => Ok(body),
            false => Err(format!("{}: {body}", answer.status)),
        }
    });
    let ended = end.await.map_err(Error::of)?;
    let took = match ended {
        None => Err("it goes on".to_owned()),
        Some(took) if took > GIVEN_UP.as_secs_f64() => Err(format!("only after {took:.2} s")),
        Some(took) => Ok(format!("after {took:.2} s")),
    };
    let said = nodes.said();
    let fatal = said.lines().find(|line| line.contains("fatal: "));
    let fatal = match fatal {
        Some(line) if line.contains("unhealthy") && line.contains(&address) => Ok(line.to_owned()),
        other => Err(format!("the cause is {other:?}")),
    };
    let name = server.name();
    let told = stage
        .told_of_the_end(case, report, stage.bounds().residue_kill)
        .await;
    let found = [
        told::found(
            name,
            case,
            "a request is told which server is not reached",
            named,
            Some(seconds),
        ),
        told::found(name, case, "the layout is given up", took, ended),
        told::found(name, case, "the cause names proxy and server", fatal, None),
    ];
    told?;
    found.into_iter().collect()
}

/// So slow is a node: bytes in a second.
const RATE: u64 = 100_000;
/// What is sent to show it.
const LETTER: usize = 200_000;

/// The node where requests come in sends and receives slowly: everything takes longer, and nothing is lost.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "rehearsed_nodes")]
async fn slow(server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let nodes = Nodes::of(server)?;
    nodes.linked()?;
    let what = format!("node 0 sends and receives {RATE} bytes in a second");
    let letter = async || {
        let from = Instant::now();
        let body = serde_json::json!({
            "model": server.model().unwrap_or_default(), "prompt": "a ".repeat(LETTER / 2), "max_tokens": 1,
        });
        // Whatever is answered: it was read.
        let _ = stage
            .model
            .client()
            .post_json("/v1/completions", &body)
            .await;
        from.elapsed()
    };
    let report = stage
        .doing(&what)
        .then(stage.at_once(SOME).neighbours())
        .hold(BRIEF)
        .expect_all([
            Oracle::NothingHangs,
            Oracle::ErrorForm,
            Oracle::Conserved,
            Oracle::NoDoubleAnswer,
            Oracle::NeighboursUnaffected,
            Oracle::StaysAliveFor(BRIEF),
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .run(async |moment| {
            let before = letter().await;
            if let Err(e) = nodes.control.slow(0, Some(RATE)) {
                let kind = match e.to_string().contains("cannot inject") {
                    true => FaultErrorKind::Gate,
                    false => FaultErrorKind::Refused,
                };
                return Err(FaultError::new(kind, &what, e.to_string()));
            }
            let after = letter().await;
            let proof = format!("{LETTER} bytes took {before:.2?}, and now {after:.2?}");
            if after < Duration::from_secs(1) || after < before * 2 {
                return Err(FaultError::new(FaultErrorKind::Unproven, &what, proof));
            }
            moment.timeline.note(tribunal::faults::Step::Proven, &proof);
            Ok(Heals {
                control: &nodes.control,
                what: what.clone(),
            })
        })
        .await;
    stage.told("nodes/slow", report)
}

/// So large is the disk of a node that is full: one page of memory, which its first log takes.
const PAGE: u64 = 4096;

/// The folder of the first node is on a disk on which no second file has room: what is lost is told, and requests are served.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = "rehearsed_nodes")]
async fn disk(chosen: Vec<Deployment>) -> TestResult {
    let case = "nodes/disk";
    let Some(deployment) = chosen.into_iter().next() else {
        skip!("no deployment was chosen (`--deploy`)");
    };
    let offers = deployment.offered().clone();
    if !offers.capabilities.contains("rehearsed_nodes") {
        skip!("the deployment is no rehearsal of several nodes (`--rehearse`)");
    }
    if let Err(error) = Confine::allowed() {
        skip!("{error}");
    }
    let folder = tribunal::evidence()?;
    let small = folder.join("node-0");
    std::fs::create_dir_all(&small)?;
    let deployment = Confine::new().disk(&small, PAGE).around(deployment);
    let server = Server::start(&deployment, &StartOptions::new(&folder))
        .await
        .map_err(Error::of)?;
    let stage = Stage::new(&server, &offers)?;
    let nodes = Nodes::of(&server)?;
    let report = stage
        .doing("the disk of node 0 is full")
        .then(stage.at_once(SOME).neighbours())
        .expect_all([
            Oracle::NothingHangs,
            Oracle::NeighboursUnaffected,
            Oracle::NoDoubleAnswer,
            Oracle::Conserved,
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .run(async |moment| {
            let fault = "the disk of node 0 is full";
            // As its processes see it.
            let agent = nodes.all[0].pids[0];
            let seen = format!("/proc/{agent}/root{}", small.join("more").display());
            match std::fs::write(&seen, "more") {
                Err(e) if e.kind() == std::io::ErrorKind::StorageFull => {
                    Ok(Proven::new(moment.timeline, format!("{fault}: {e}")))
                }
                other => Err(FaultError::new(
                    FaultErrorKind::Unproven,
                    fault,
                    format!("{seen}: {other:?}"),
                )),
            }
        })
        .await;
    let said = nodes.said();
    let name = format!("{}: ", nodes.name(0));
    let line = said.lines().find(|line| {
        line.contains(&name) && line.contains("cannot be written") && line.contains("No space left")
    });
    let line = match line {
        Some(line) => Ok(line.to_owned()),
        None => Err(format!("no line says so:\n{said}")),
    };
    let told = stage.told(case, report);
    let found = told::found(
        server.name(),
        case,
        "that logs are lost is told",
        line,
        None,
    );
    drop(stage);
    server.stop().await.map_err(Error::of)?;
    told?;
    found
}

/// A node whose leader's name nobody knows: it says so, with the name, within its time.
#[tribunal::test]
#[timeout("1m")]
async fn name() -> TestResult {
    let began = Instant::now();
    let agent = tokio::process::Command::new(std::env::current_exe()?)
        .args(["__nodes-agent", "--node", "1/2", "--join-within", "1"])
        .args(["--leader", "leader.tribunal.invalid:4000"])
        .arg("--evidence")
        .arg(tribunal::evidence()?)
        .env("TRIBUNAL_NODES_TOKEN", "a token of this test only")
        .env_remove("TRIBUNAL_NODES_TOKEN_FILE")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&agent.stdout).into_owned();
    let named = said.contains("leader.tribunal.invalid") && said.contains("(DNS)");
    if agent.status.code() != Some(4) || !named {
        fail!("it ended with {} and said: {said}", agent.status);
    }
    tribunal::log!("after {:.1?}: {}", began.elapsed(), said.trim());
    Ok(())
}
