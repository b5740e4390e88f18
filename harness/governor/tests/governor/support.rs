//! What every test needs: cards, jobs, readings.

use tribunal_governor::{Card, Foreign, Governor, Job, Limits, Memory, Reading, Start, View};

pub use crate::random::{GIB, Random};

pub fn gib(gib: u64) -> Memory {
    Memory::Bytes(gib * GIB)
}

pub fn cards(sizes: &[u64]) -> Vec<Card> {
    sizes
        .iter()
        .map(|s| Card {
            total: (*s > 0).then_some(*s * GIB),
        })
        .collect()
}

pub fn governor(sizes: &[u64], jobs: &[Job], limits: Limits) -> Governor {
    let (governor, impossible) = Governor::new(&cards(sizes), jobs, limits).expect("well-formed");
    assert_eq!(impossible, []);
    governor
}

pub fn ids(starts: &[Start]) -> Vec<usize> {
    starts.iter().map(|s| s.job).collect()
}

/// One card that is read as its books are, with so much more in use by outsiders.
pub fn reading(used: u64, ours: u64) -> (Reading, Foreign) {
    let reading = Reading {
        used: Some(used * GIB),
        ours: Some(ours * GIB),
    };
    (reading, Foreign::default())
}

/// Nobody else is there.
pub fn quiet() -> View {
    View::undisturbed()
}

/// A job on one card.
pub fn job(id: usize, seconds: f64, memory: Memory) -> Job {
    Job::new(id, seconds).on(1, memory)
}
