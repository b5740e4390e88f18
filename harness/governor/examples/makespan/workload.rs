//! Random workloads, the same for everyone who asks with the same seed.

use tribunal_governor::{Card, Job};

use crate::drawn;
use crate::random::{GIB, Random};

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

/// 20 to 300 [drawn](drawn::jobs) jobs on 1 to 8 cards of 24, 48 and 80 GiB, with one exclusive name.
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
    let many = 20 + random.below(281);
    let jobs = drawn::jobs(&mut random, many, count, 1);
    Workload { cards, jobs }
}
