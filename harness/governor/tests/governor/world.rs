//! Random worlds: cards, jobs, limits, how long jobs really last, and who else is there.

use crate::support::{GIB, Random, gib};
use tribunal_governor::{Card, Job, Limits, Memory};

/// What a world is like.
#[derive(Clone, Copy)]
pub struct Kind {
    pub outsiders: bool,
    pub wrong_lengths: bool,
    pub refusals: bool,
    pub unmeasured: bool,
    pub holdings: bool,
}

/// Cards, jobs and limits of a random world.
pub struct World {
    pub cards: Vec<Card>,
    pub jobs: Vec<Job>,
    pub limits: Limits,
    pub actual: Vec<f64>,
}

pub fn world(random: &mut Random, kind: Kind) -> World {
    let count = 1 + random.below(16);
    let cards: Vec<Card> = (0..count)
        .map(|_| Card {
            total: (!kind.unmeasured || random.chance(0.85))
                .then(|| [24, 48, 80][random.below(3)] * GIB),
        })
        .collect();
    let limits = Limits {
        slots: if random.chance(0.5) {
            2 + random.below(12)
        } else {
            1000
        },
        cpus: if random.chance(0.5) { 8 } else { u32::MAX },
        host_memory: random.chance(0.5).then_some(64 * GIB),
        spacing: if random.chance(0.5) { 5.0 } else { 0.0 },
    };
    let own = [0.0, 2.0, 9.0][random.below(3)];
    let holdings = if kind.holdings {
        1 + random.below(4) as u32
    } else {
        0
    };
    let jobs: Vec<Job> = (0..10 + random.below(70))
        .map(|id| {
            let mut job = Job::new(id, random.log_normal(60.0, 0.8));
            if random.chance(0.7) {
                job.gang = if random.chance(0.1) {
                    1 + random.below(count.min(4)) as u32
                } else {
                    1
                };
                job.memory = match random.below(20) {
                    0 => Memory::Whole,
                    1 => Memory::None,
                    2 => gib(random.below(81) as u64),
                    _ => Memory::Bytes(random.memory()),
                };
                if random.chance(0.5) {
                    let group = random.below(2) as u32;
                    job.start_group = Some(group);
                    // One group has a pause of its own, the other that of all.
                    job.spacing = (group == 1).then_some(own);
                }
                if random.chance(0.1) {
                    job.suits = Some((0..count).filter(|_| random.chance(0.6)).collect());
                }
            }
            if random.chance(0.05) {
                job.names = vec![10 + random.below(2) as u32];
            }
            job.cpus = random.below(4) as u32;
            job.host_memory = random.below(10) as u64 * GIB;
            job.alone = random.chance(0.02);
            if holdings > 0 && random.chance(0.4) {
                job.holding = Some(random.below(holdings as usize) as u32);
            }
            job.rank = random.below(1000);
            job
        })
        .collect();
    let actual = jobs
        .iter()
        .map(|j| {
            if kind.wrong_lengths {
                j.expected * random.log_normal(1.0, 1.0).min(20.0)
            } else {
                j.expected
            }
        })
        .collect();
    World {
        cards,
        jobs,
        limits,
        actual,
    }
}

impl World {
    /// Seconds between two starts of a group.
    pub fn spacing(&self, group: u32) -> f64 {
        let jobs = self.jobs.iter();
        let own = jobs.filter(|job| job.start_group == Some(group));
        own.map(|job| job.spacing.unwrap_or(self.limits.spacing))
            .fold(0.0, f64::max)
    }

    /// The longest of them.
    pub fn longest_spacing(&self) -> f64 {
        self.spacing(0).max(self.spacing(1))
    }
}

/// Who else is on a card.
#[derive(Clone, Debug, Default)]
pub struct Outsider {
    pub leased: u64,
    pub whole: bool,
    pub loose: u64,
    pub blind: bool,
}
