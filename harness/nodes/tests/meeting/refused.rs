//! Who is not let in, and what both sides are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::Trial;
use tribunal_nodes::{Leading, Outcome};

use crate::joined::{free_port, joiner, joiner_with, lead, options};

pub fn trials() -> Vec<Trial> {
    let all: [(&str, fn()); 3] = [
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
