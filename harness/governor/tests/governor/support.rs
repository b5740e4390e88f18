//! What every test needs: cards, jobs, readings, and random numbers that are the same everywhere.

use tribunal_governor::{Card, Foreign, Governor, Job, Limits, Memory, Reading, Start, View};

pub const GIB: u64 = 1 << 30;

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

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (1.0 - self.unit(), self.unit());
        median * (sigma * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
    }
}

/// Nobody else is there.
pub fn quiet() -> View {
    View::undisturbed()
}

/// A job on one card.
pub fn job(id: usize, seconds: f64, memory: Memory) -> Job {
    Job::new(id, seconds).on(1, memory)
}
