//! Round after round, with another node killed each time: no hang, no residue. The figures are printed, never asserted.

use std::time::Instant;

use libtest_mimic::Trial;
use tribunal_serving::ProcessSignal;

use crate::support::{Conducted, file, plain};

pub fn trials() -> Vec<Trial> {
    let of = |rounds: usize, nodes: Option<usize>| {
        move || {
            run(rounds, nodes);
            Ok(())
        }
    };
    let mut trials = vec![
        Trial::test("rounds::five", of(5, None)),
        Trial::test("rounds::hundred", of(100, None)).with_ignored_flag(true),
    ];
    for nodes in [2, 4, 8] {
        let name = format!("rounds::hundred_of_{nodes}_nodes");
        trials.push(Trial::test(name, of(100, Some(nodes))).with_ignored_flag(true));
    }
    trials
}

/// Of so many nodes; `None`: of two to eight.
fn run(rounds: usize, nodes: Option<usize>) {
    let (mut slowest_meeting, mut slowest_end) = (0, 0);
    for round in 0..rounds {
        let nodes = nodes.unwrap_or(2 + round % 7);
        let victim = round % nodes;
        let mut layout = Conducted::start(&file(nodes, &plain));
        let met = layout.line("nodes have met after");
        let took = met
            .rsplit("after ")
            .next()
            .and_then(|t| t.split(' ').next()?.parse::<u64>().ok());
        slowest_meeting = slowest_meeting.max(took.unwrap());
        layout.line("ready: requests go to");
        let killed = Instant::now();
        layout.signal(&layout.agent(victim), ProcessSignal::Kill);
        let line = layout.line(tribunal_nodes::FATAL);
        assert!(
            line.contains(&format!("node {victim} (")),
            "round {round}: {line}"
        );
        assert_eq!(layout.ended().code(), Some(1), "round {round}");
        assert_eq!(layout.residue(), Vec::<String>::new(), "round {round}");
        slowest_end = slowest_end.max(killed.elapsed().as_millis());
    }
    println!("{rounds} rounds: slowest meeting {slowest_meeting} ms, slowest end {slowest_end} ms");
}
