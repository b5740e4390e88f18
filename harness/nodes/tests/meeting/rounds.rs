//! Round after round, with another node killed each time: no hang, no residue. The figures are printed, never asserted.

use std::time::Instant;

use libtest_mimic::Trial;
use tribunal_serving::ProcessSignal;

use crate::support::{Conducted, file, plain};

pub fn trials() -> Vec<Trial> {
    let of = |rounds: usize| {
        move || {
            run(rounds);
            Ok(())
        }
    };
    vec![
        Trial::test("rounds::five", of(5)),
        Trial::test("rounds::hundred", of(100)).with_ignored_flag(true),
    ]
}

fn run(rounds: usize) {
    let (mut slowest_meeting, mut slowest_end) = (0, 0);
    for round in 0..rounds {
        let nodes = 2 + round % 7;
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
