//! How a conducted layout ends, and that nothing of it stays.

use libtest_mimic::Trial;
use tribunal_serving::ProcessSignal;

use crate::support::{Conducted, file, plain};

pub fn trials() -> Vec<Trial> {
    let all: [(&str, fn()); 7] = [
        ("told_to_end_it_takes_everything_down", told),
        ("a_killed_agent_ends_everything_with_its_node", killed_agent),
        ("a_stopped_agent_is_lost", stopped_agent),
        ("a_rank_that_exits_is_the_cause", exited),
        ("a_server_that_becomes_unhealthy_is_the_cause", unhealthy),
        ("a_program_that_is_not_there_is_the_cause", missing),
        ("a_killed_conductor_leaves_nothing", killed_conductor),
    ];
    all.into_iter()
        .map(|(name, body)| {
            Trial::test(format!("ends::{name}"), move || {
                body();
                Ok(())
            })
        })
        .collect()
}

fn told() {
    let mut layout = Conducted::start(&file(3, &|node| match node {
        2 => "fake server --headless".to_owned(),
        _ => plain(node),
    }))
    .ready();
    let answer = layout.get();
    assert!(
        answer.contains("\r\n\r\n127.77.") && answer.ends_with(".1"),
        "{answer}"
    );
    for node in 0..3 {
        let log = layout.evidence.join(format!("node-{node}/server.log"));
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(
            text.starts_with("fake server at 127.77.")
                && text.contains(&format!(".{} with", node + 1)),
            "{text}"
        );
    }
    layout.ask_to_end();
    assert_eq!(layout.ended().code(), Some(0), "{}", layout.all());
    assert!(!layout.all().contains("fatal"), "{}", layout.all());
    assert_eq!(layout.residue(), Vec::<String>::new());
}

fn killed_agent() {
    let mut layout = Conducted::start(&file(4, &plain)).ready();
    layout.signal(&layout.agent(2), ProcessSignal::Kill);
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains("node 2 (127.77.0.3) is lost: its connection was closed"),
        "{line}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    assert_eq!(layout.residue(), Vec::<String>::new());
    let all = layout.all();
    for node in [0, 1, 3] {
        let told = format!("node {node}: the run is over: it failed: node 2 (127.77.0.3) is lost");
        assert!(all.contains(&told), "{all}");
    }
}

fn stopped_agent() {
    let mut layout = Conducted::start(&file(2, &plain)).ready();
    layout.signal(&layout.agent(1), ProcessSignal::Stop);
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains("node 1 (127.77.0.2) is lost: nothing was heard of it for 2.0 s"),
        "{line}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    assert_eq!(layout.residue(), Vec::<String>::new());
}

fn exited() {
    let mut layout = Conducted::start(&file(2, &plain)).ready();
    layout.signal(&layout.server(1), ProcessSignal::Kill);
    let line = layout.line(tribunal_nodes::FATAL);
    let cause =
        "node 1 (127.77.0.2): server exited with signal 9; last lines: fake server at 127.77.0.2";
    assert!(line.contains(cause), "{line}");
    assert_eq!(layout.ended().code(), Some(1));
    assert_eq!(layout.residue(), Vec::<String>::new());
}

fn unhealthy() {
    let mut layout = Conducted::start(&file(2, &|node| match node {
        1 => "fake server --port $SERVER_PORT --sick-after 1500".to_owned(),
        _ => plain(node),
    }));
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains(
            "node 1 (127.77.0.2): server was ready, and is unhealthy: http://127.77.0.2:"
        ),
        "{line}"
    );
    assert!(line.contains("answers 503"), "{line}");
    assert_eq!(layout.ended().code(), Some(1));
    assert_eq!(layout.residue(), Vec::<String>::new());
}

fn missing() {
    let mut layout = Conducted::start(&file(2, &|node| match node {
        1 => "fake server as-written /nonexistent/engine --port $SERVER_PORT".to_owned(),
        _ => plain(node),
    }));
    let line = layout.line(tribunal_nodes::FATAL);
    assert!(
        line.contains(
            "node 1 (127.77.0.2): server was not started: `/nonexistent/engine` cannot be started"
        ),
        "{line}"
    );
    assert_eq!(layout.ended().code(), Some(1));
    assert_eq!(layout.residue(), Vec::<String>::new());
}

fn killed_conductor() {
    let mut layout = Conducted::start(&file(3, &plain)).ready();
    layout.conductor.kill().unwrap();
    layout.ended();
    layout.nothing_is_left();
}
