//! Random worlds, run to their end in virtual time.

use crate::run::{LOOK, Log, run};
use crate::support::Random;
use crate::world::{Kind, World, world};
use tribunal_governor::REFUSED_PAUSE;

/// When outsiders leave and leases are refused no more.
const PEACE: f64 = 1500.0;

const QUIET: Kind = Kind {
    outsiders: false,
    wrong_lengths: false,
    refusals: false,
    unmeasured: false,
    holdings: false,
};

#[test]
fn right_lengths_and_nobody_else() {
    for seed in 0..150 {
        check(seed, QUIET);
    }
}

#[test]
fn wrong_lengths_and_shared_servers() {
    for seed in 0..150 {
        check(
            seed,
            Kind {
                wrong_lengths: true,
                holdings: true,
                unmeasured: true,
                ..QUIET
            },
        );
    }
}

#[test]
fn refused_leases() {
    for seed in 0..100 {
        check(
            seed,
            Kind {
                wrong_lengths: true,
                refusals: true,
                holdings: seed.is_multiple_of(2),
                ..QUIET
            },
        );
    }
}

#[test]
fn outsiders_and_failing_readings() {
    for seed in 0..150 {
        check(
            seed,
            Kind {
                outsiders: true,
                wrong_lengths: true,
                refusals: true,
                unmeasured: true,
                holdings: true,
            },
        );
    }
}

fn check(seed: u64, kind: Kind) {
    let mut random = Random(seed);
    let world = world(&mut random, kind);
    let mut copy = random.clone();
    let log = run(&world, kind, &mut random, PEACE);
    if seed.is_multiple_of(10) {
        assert_eq!(log, run(&world, kind, &mut copy, PEACE), "the same again");
    }
    let bound = waiting_bound(&world, &log);
    // Counted from when the outsiders have left for good, a look around and a refusal later.
    let calm = if log.disturbances == 0 {
        0.0
    } else {
        PEACE + LOOK + REFUSED_PAUSE
    };
    for (job, cards, start) in &log.starts {
        if let Some(first) = log.first.get(job).filter(|_| !cards.is_empty()) {
            assert!(
                start - first.max(calm) <= bound,
                "seed {seed}: job {job} was first at {first} and started at {start}; the bound is {bound}"
            );
        }
    }
}

/// The longest expected length (of a server all its users together), the longest actual one (of a server from its start to its stop), one spacing.
fn waiting_bound(world: &World, log: &Log) -> f64 {
    let mut expected = 0.0f64;
    let mut actual = log.server;
    for job in &world.jobs {
        let users = world.jobs.iter();
        let together = match job.holding {
            None => job.expected,
            Some(_) => users
                .filter(|j| j.holding == job.holding)
                .map(|j| j.expected)
                .sum(),
        };
        expected = expected.max(together);
        actual = actual.max(world.actual[job.id]);
    }
    expected + actual + world.longest_spacing() + 1e-6
}
