//! Who is not let in, and what both sides are told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use tribunal_nodes::{Leading, Outcome};

use crate::joined::{free_port, joiner, joiner_with, lead, options};
use crate::support::LONG;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, fn()); 5] = [
        (
            "a_leader_whose_own_agent_cannot_join_waits_for_nobody",
            own_agent,
        ),
        ("nonsense_at_the_door_disturbs_nobody", nonsense),
        ("whoever_is_no_node_of_this_run_is_told_why", refused),
        ("nodes_that_do_not_come_are_named", missing),
        (
            "a_leader_that_is_not_there_is_not_waited_for_for_ever",
            unreachable,
        ),
    ];
    all.into_iter()
        .map(|(name, body)| {
            Trial::test(format!("refused::{name}"), move || {
                body();
                Ok(())
            })
        })
        .collect()
}

fn refused() {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut asked = options(port, 3, folder.path());
    let keep = told.clone();
    asked.tell = Arc::new(move |line| keep.lock().unwrap().push(line.to_owned()));
    let leading = std::thread::spawn(move || Leading::begin(asked));
    let _first = joiner(1, 3, port, &[]);
    // As long as node 2 is missing all of these are told why it is not they.
    let refused = |node, count, more: &[&str], reason: &str| {
        let (code, last) = joiner(node, count, port, more).ended();
        assert_eq!(code, Some(4), "{last}");
        assert!(
            last.contains(&format!("did not let this node in: {reason}")),
            "{last}"
        );
    };
    refused(
        2,
        3,
        &["--digest", "other"],
        "its nodes file is not that of the leader",
    );
    refused(
        2,
        4,
        &[],
        "it says that there are 4 nodes, and this run has 3",
    );
    refused(7, 3, &[], "there is no node 7: there are nodes 0 to 2");
    let own = std::fs::read_to_string(folder.path().join("node-0/agent.log")).unwrap();
    assert!(!own.contains("did not let"), "{own}");
    let _second = joiner(2, 3, port, &[]);
    let leading = leading.join().unwrap().unwrap();
    refused(1, 3, &[], "node 1 has joined already, from 127.78.");
    let path = folder.path().join("token");
    std::fs::write(&path, "the token of another run").unwrap();
    let mut stranger = joiner_with(1, 3, port, &[], Some(&path));
    let (code, last) = stranger.ended();
    assert_eq!(code, Some(4), "{last}");
    assert!(last.contains("its token is not that of this run"), "{last}");
    let told = told.lock().unwrap().clone();
    for reason in [
        "nodes file",
        "there are 4 nodes",
        "no node 7",
        "joined already",
        "its token",
    ] {
        let heard = told
            .iter()
            .any(|line| line.starts_with("refused ") && line.contains(reason));
        assert!(heard, "{reason}: {told:?}");
    }
    let known = told
        .iter()
        .any(|line| line.starts_with("3 nodes have met after"));
    assert!(known, "{told:?}");
    leading.over(Outcome::Finished);
}

fn missing() {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let mut asked = options(port, 3, folder.path());
    asked.join_within = Duration::from_secs(2);
    let mut there = joiner(1, 3, port, &[]);
    let mut wrong = joiner(2, 3, port, &["--digest", "other"]);
    let error = Leading::begin(asked).unwrap_err();
    assert!(
        error.contains("1 of 3 nodes have not joined (node 2)"),
        "{error}"
    );
    assert!(
        error.contains("refused were: node 2 (127.") && error.contains("nodes file"),
        "{error}"
    );
    assert_eq!(wrong.ended().0, Some(4));
    let (code, last) = there.ended();
    assert_eq!(code, Some(1));
    assert!(last.contains("it failed: after 2 s 1 of 3 nodes"), "{last}");
    // Nothing holds the address any more.
    let again = lead_alone(port);
    again.over(Outcome::Finished);
}

fn own_agent() {
    let folder = tempfile::tempdir().unwrap();
    let mut asked = options(free_port(), 2, folder.path());
    asked.place.node = 5;
    let error = Leading::begin(asked).unwrap_err();
    let cause = "the agent of node 0 ended before all nodes had met (exit status: 4)";
    assert!(error.contains(cause), "{error}");
    assert!(error.contains("there is no node 5"), "{error}");
}

/// Those who say nothing, who speak something else, and who claim to say very much.
fn nonsense() {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let asked = options(port, 2, folder.path());
    let leading = std::thread::spawn(move || Leading::begin(asked));
    let connect = || {
        let deadline = Instant::now() + LONG;
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => return stream,
                Err(e) => assert!(Instant::now() < deadline, "{e}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let _silent: Vec<TcpStream> = (0..20).map(|_| connect()).collect();
    for words in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\xff\xff\xff\xffmuch",
        b"\0\0\0\x02{}",
        b"\0\0\0\x09{\"schema\"",
    ] {
        let mut stream = connect();
        stream.write_all(words).unwrap();
        // It is closed without an answer.
        let mut answer = Vec::new();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let read = stream.read_to_end(&mut answer);
        assert!(read.is_err() || answer.is_empty(), "{answer:?}");
    }
    let mut joiner = joiner(1, 2, port, &[]);
    leading.join().unwrap().unwrap().over(Outcome::Finished);
    assert_eq!(joiner.ended().0, Some(0));
}

fn lead_alone(port: u16) -> Leading {
    let folder = tempfile::tempdir().unwrap();
    lead(port, 1, folder.path()).unwrap()
}

fn unreachable() {
    let port = free_port();
    let mut joiner = joiner(1, 2, port, &["--join-within", "1"]);
    let (code, last) = joiner.ended();
    assert_eq!(code, Some(4));
    assert!(
        last.contains("listens there from its start on") || last.contains("not reached"),
        "{last}"
    );
}
