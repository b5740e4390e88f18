//! Nodes that join the harness of node 0, as on machines of their own: several deployments one after another, and ends of every kind.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use tempfile::TempDir;
use tribunal_nodes::{
    LeadOptions, Leading, Outcome, Place, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Token,
};
use tribunal_serving::{ProcessInfo, ProcessSignal, process_of, processes_below, signal_process};

use crate::support::{Conducted, LONG, file, plain};

pub const TOKEN: &str = "a token of this test only";

pub fn token() -> Token {
    let set = |name: &str| (name == TOKEN_VARIABLE).then(|| TOKEN.to_owned());
    Token::find(set).unwrap().unwrap()
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub fn options(port: u16, count: usize, evidence: &Path) -> LeadOptions {
    let place = Place::find(
        Some(&format!("0/{count}")),
        Some(&format!("127.0.0.1:{port}")),
        |_| None,
    );
    LeadOptions {
        place: place.unwrap().unwrap(),
        token: token(),
        digest: Some("same".to_owned()),
        evidence: evidence.to_owned(),
        join_within: LONG,
        tell: Arc::new(|_| {}),
    }
}

pub fn lead(port: u16, count: usize, evidence: &Path) -> Result<Leading, String> {
    Leading::begin(options(port, count, evidence))
}

/// A node of its own: an agent with an address of its own.
pub struct Joiner {
    pub child: Child,
    _folder: TempDir,
}

pub fn joiner(node: usize, count: usize, port: u16, more: &[&str]) -> Joiner {
    joiner_with(node, count, port, more, None)
}

/// With the token of a file, or that of this test.
pub fn joiner_with(
    node: usize,
    count: usize,
    port: u16,
    more: &[&str],
    token: Option<&Path>,
) -> Joiner {
    joiner_by(&[], node, count, port, more, token)
}

/// The same, started by another verb of this program.
pub fn joiner_by(
    verb: &[&str],
    node: usize,
    count: usize,
    port: u16,
    more: &[&str],
    token: Option<&Path>,
) -> Joiner {
    let (name, value) = match token {
        Some(path) => (TOKEN_FILE_VARIABLE, path.as_os_str()),
        None => (TOKEN_VARIABLE, TOKEN.as_ref()),
    };
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().to_owned();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(verb)
        .arg(tribunal_nodes::AGENT_VERB)
        .args(["--node", &format!("{node}/{count}")])
        .args(["--leader", &format!("127.0.0.1:{port}")])
        .args(["--address", &format!("127.78.{}.{}", port % 250, node + 1)])
        .args(["--digest", "same"])
        .arg("--evidence")
        .arg(&evidence)
        .args(more)
        .env(name, value)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Joiner {
        child,
        _folder: folder,
    }
}

impl Joiner {
    /// Its exit code and its last word.
    pub fn ended(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + LONG;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        let out = BufReader::new(self.child.stdout.take().unwrap());
        let lines: Vec<String> = out.lines().map_while(Result::ok).collect();
        (status.code(), lines.last().cloned().unwrap_or_default())
    }

    /// Whether so many processes run on it, within a while. The kernel's list may miss one while others come and go.
    pub fn runs(&self, count: usize) -> bool {
        let deadline = Instant::now() + LONG;
        while processes_below(self.child.id()).len() != count {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn trials() -> Vec<Trial> {
    let all: [(&str, fn()); 8] = [
        (
            "a_killed_agent_leaves_nothing_to_its_guard",
            killed_under_guard,
        ),
        ("a_killed_guard_leaves_nothing_to_its_agent", killed_guard),
        (
            "deployments_follow_each_other_and_the_run_finishes",
            two_deployments,
        ),
        (
            "a_killed_conductor_frees_the_nodes_for_the_next",
            killed_conductor,
        ),
        ("a_rank_that_exits_ends_its_deployment_only", exited),
        ("a_lost_node_ends_the_run_for_all", lost_node),
        ("a_lost_leader_is_no_finished_run", lost_leader),
        ("an_agent_that_is_told_to_end_says_so", told),
    ];
    all.into_iter()
        .map(|(name, body)| {
            Trial::test(format!("joined::{name}"), move || {
                body();
                Ok(())
            })
        })
        .collect()
}

/// A run of so many nodes.
fn run(count: usize) -> (Leading, Vec<Joiner>, TempDir) {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let joiners = (1..count)
        .map(|node| joiner(node, count, port, &["--guard"]))
        .collect();
    let leading = lead(port, count, folder.path()).unwrap();
    (leading, joiners, folder)
}

fn two_deployments() {
    let (leading, mut joiners, _folder) = run(3);
    for _ in 0..2 {
        let mut layout = Conducted::with(&file(3, &plain), Some(&leading.hub())).ready();
        assert!(layout.get().ends_with("127.0.0.1"));
        assert!(
            joiners.iter().all(|j| j.runs(3)),
            "the agent, a server and its worker"
        );
        layout.ask_to_end();
        assert_eq!(layout.ended().code(), Some(0), "{}", layout.all());
        assert!(joiners.iter().all(|j| j.runs(1)));
        for node in 0..3 {
            let log = layout.evidence.join(format!("node-{node}/server.log"));
            let text = std::fs::read_to_string(&log).unwrap();
            assert!(text.starts_with("fake server at 127."), "{text}");
        }
    }
    leading.over(Outcome::Finished);
    for joiner in &mut joiners {
        let (code, last) = joiner.ended();
        assert_eq!(code, Some(0), "{last}");
        assert!(last.contains("the run is over: it finished"), "{last}");
    }
}

fn killed_conductor() {
    let (leading, joiners, _folder) = run(2);
    let mut layout = Conducted::with(&file(2, &plain), Some(&leading.hub())).ready();
    layout.conductor.kill().unwrap();
    layout.ended();
    let mut next = Conducted::with(&file(2, &plain), Some(&leading.hub())).ready();
    assert!(joiners[0].runs(3), "of the next one only");
    next.ask_to_end();
    assert_eq!(next.ended().code(), Some(0), "{}", next.all());
    leading.over(Outcome::Finished);
}

fn exited() {
    let (leading, mut joiners, _folder) = run(3);
    let mut layout = Conducted::with(&file(3, &plain), Some(&leading.hub())).ready();
    // Behind the agent.
    let server = processes_below(joiners[1].child.id()).remove(1);
    assert!(signal_process(&server, ProcessSignal::Kill).unwrap());
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains("node 2 (127.78.") && line.contains("server exited with signal 9"),
        "{line}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    let log = layout.evidence.join("node-2/server.log");
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.starts_with("fake server at 127.78."), "{text}");
    assert!(joiners.iter().all(|j| j.runs(1)));
    assert_eq!(leading.failed(), None);
    let mut next = Conducted::with(&file(3, &plain), Some(&leading.hub())).ready();
    next.ask_to_end();
    assert_eq!(next.ended().code(), Some(0));
    let cause = "2 tests failed".to_owned();
    leading.over(Outcome::Failed { cause });
    let (code, last) = joiners[0].ended();
    assert_eq!(code, Some(1));
    assert!(
        last.contains("the run is over: it failed: 2 tests failed"),
        "{last}"
    );
}

fn lost_node() {
    let (leading, mut joiners, _folder) = run(3);
    let mut layout = Conducted::with(&file(3, &plain), Some(&leading.hub())).ready();
    let agent = processes_below(joiners[1].child.id()).remove(0);
    assert!(signal_process(&agent, ProcessSignal::Kill).unwrap());
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains("node 2 (127.78.") && line.contains(") is lost: its connection was closed"),
        "{line}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    let log = layout.evidence.join("node-1/server.log");
    assert!(
        log.exists(),
        "the log of a node that is still there:\n{}",
        layout.all()
    );
    let (code, last) = joiners[0].ended();
    assert_eq!(code, Some(1));
    assert!(last.contains("it failed: node 2 (127.78."), "{last}");
    assert!(leading.failed().unwrap().contains("is lost"));
    let next = Conducted::with(&file(3, &plain), Some(&leading.hub()));
    let line = next.line(tribunal_nodes::FATAL);
    assert!(
        line.contains("the run is over: it failed: node 2"),
        "{line}"
    );
    leading.over(Outcome::Finished);
}

fn lost_leader() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut joiner = joiner(1, 2, port, &[]);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["fake-lead", &port.to_string()])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Ended in any case.
    let mut leader = Joiner {
        child,
        _folder: tempfile::tempdir().unwrap(),
    };
    let mut line = String::new();
    let out = leader.child.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();

    let mut layout = Conducted::with(&file(2, &plain), line.trim().strip_prefix("led: ")).ready();
    leader.child.kill().unwrap();
    leader.child.wait().unwrap();
    let (code, last) = joiner.ended();
    assert_eq!(code, Some(3));
    assert!(
        last.contains("the leader is lost, and whether the run finished is not known"),
        "{last}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(line.contains("the meeting of the nodes is gone"), "{line}");
    // The agent of node 0 has the same to say, and the server below it is gone as well.
    layout.nothing_is_left();
    let deadline = Instant::now() + LONG;
    loop {
        let own = std::fs::read_to_string(folder.path().join("node-0/agent.log")).unwrap();
        if own.contains("the leader is lost") {
            break;
        }
        assert!(Instant::now() < deadline, "{own}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn told() {
    let (leading, mut joiners, _folder) = run(2);
    // From here on it has heard that it has joined.
    let layout = Conducted::with(&file(2, &plain), Some(&leading.hub())).ready();
    let me = process_of(joiners[0].child.id()).unwrap();
    assert!(signal_process(&me, ProcessSignal::Terminate).unwrap());
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(line.contains("is lost: SIGTERM ended this agent"), "{line}");
    let (code, last) = joiners[0].ended();
    assert_eq!(code, Some(5));
    assert!(last.contains("SIGTERM ended this agent"), "{last}");
    let deadline = Instant::now() + LONG;
    let failed = loop {
        match leading.failed() {
            Some(failed) => break failed,
            None => assert!(Instant::now() < deadline, "nobody noticed"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(
        failed.contains("is lost: SIGTERM ended this agent"),
        "{failed}"
    );
    leading.over(Outcome::Finished);
}

/// A run of two nodes, the second one with a guard, and what it says of the agent below.
fn guarded() -> (Leading, Joiner, Conducted, ProcessInfo, TempDir) {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let joiner = joiner(1, 2, port, &["--guard"]);
    let leading = lead(port, 2, folder.path()).unwrap();
    let layout = Conducted::with(&file(2, &plain), Some(&leading.hub())).ready();
    assert!(joiner.runs(3), "an agent, a server and its worker");
    let agent = processes_below(joiner.child.id()).remove(0);
    (leading, joiner, layout, agent, folder)
}

fn killed_under_guard() {
    let (leading, mut joiner, mut layout, agent, _folder) = guarded();
    assert!(signal_process(&agent, ProcessSignal::Kill).unwrap());
    let (code, last) = joiner.ended();
    assert_eq!(code, Some(6), "{last}");
    assert!(
        last.contains("the agent of this node broke off: signal: 9"),
        "{last}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    layout.nothing_is_left();
    leading.over(Outcome::Finished);
}

fn killed_guard() {
    let (leading, mut joiner, mut layout, agent, _folder) = guarded();
    joiner.child.kill().unwrap();
    assert_eq!(layout.ended().code(), Some(1));
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains("is lost: the death of the process above it ended this agent"),
        "{line}"
    );
    layout.nothing_is_left();
    let deadline = Instant::now() + LONG;
    while process_of(agent.pid).is_some_and(|now| now.start_time == agent.start_time) {
        assert!(Instant::now() < deadline, "the agent stays");
        std::thread::sleep(Duration::from_millis(5));
    }
    leading.over(Outcome::Finished);
}
