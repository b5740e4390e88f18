//! The jobs of random workloads: what the figures of docs/governor.md were measured on.

use tribunal_governor::{Job, Memory};

use crate::random::Random;

/// So many jobs: memory log-uniform between 1 and 20 GiB, length log-normal with a median of 60 s and σ = 0.8, one in ten on two to four cards
/// (at most as many as there are), one in twenty under one of so many exclusive names.
pub fn jobs(random: &mut Random, count: usize, cards: usize, names: usize) -> Vec<Job> {
    (0..count)
        .map(|id| {
            let memory = Memory::Bytes(random.memory());
            let seconds = random.log_normal(60.0, 0.8);
            let gang = if random.chance(0.1) {
                (2 + random.below(3)).min(cards) as u32
            } else {
                1
            };
            let mut job = Job::new(id, seconds).on(gang, memory);
            if random.chance(0.05) {
                job.names.push(if names > 1 {
                    random.below(names) as u32
                } else {
                    0
                });
            }
            job
        })
        .collect()
}
