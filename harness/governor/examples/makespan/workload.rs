//! Random workloads, the same for everyone who asks with the same seed.

use tribunal_governor::{Card, Job, Memory};

pub const GIB: u64 = 1 << 30;

/// One workload.
pub struct Workload {
    pub cards: Vec<Card>,
    pub jobs: Vec<Job>,
}

/// Which cards a workload has.
#[derive(Clone, Copy, PartialEq)]
pub enum Cards {
    /// Each of any size.
    Mixed,
    /// All of one size.
    Alike,
}

/// 20 to 300 jobs on 1 to 8 cards of 24, 48 and 80 GiB: memory log-uniform between 1 and 20 GiB, length log-normal with a median of 60 s and
/// σ = 0.8, one in ten on two to four cards (at most as many as there are), one in twenty exclusive.
pub fn workload(seed: u64, kind: Cards) -> Workload {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
    let sizes = [24, 48, 80];
    let count = 1 + random.below(8);
    let same = sizes[random.below(3)];
    let cards: Vec<Card> = (0..count)
        .map(|_| {
            let own = sizes[random.below(3)];
            let size = if kind == Cards::Alike { same } else { own };
            Card {
                total: Some(size * GIB),
            }
        })
        .collect();
    let jobs = (0..20 + random.below(281))
        .map(|id| {
            let gib = 20f64.powf(random.unit());
            let seconds = 60.0 * (0.8 * random.normal()).exp();
            let gang = if random.unit() < 0.1 {
                (2 + random.below(3)).min(count) as u32
            } else {
                1
            };
            let mut job = Job::new(id, seconds).on(gang, Memory::Bytes((gib * GIB as f64) as u64));
            if random.unit() < 0.05 {
                job.names.push(0);
            }
            job
        })
        .collect();
    Workload { cards, jobs }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `n`; the bias is below 2^-50 for any number that occurs here.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Between 0 and 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let (a, b) = (1.0 - self.unit(), self.unit());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}
