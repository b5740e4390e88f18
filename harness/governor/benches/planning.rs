//! How long a plan takes: `cargo bench -p tribunal-governor`. The best and the median of twenty-one rounds, in milliseconds, and
//! the least processor time of one, as lines of JSON.

#[path = "../workload/drawn.rs"]
mod drawn;
#[path = "../workload/random.rs"]
mod random;

use std::time::Instant;

use random::{GIB, Random};
use tribunal_governor::{Card, Governor, Job, Limits, View, plan};

const ROUNDS: usize = 21;

fn main() {
    for gib in [24, 80] {
        let cards = vec![
            Card {
                total: Some(gib * GIB)
            };
            8
        ];
        let jobs = drawn::jobs(&mut Random(7), 1000, 8, 4);
        measure(&format!("plan, 1000 jobs, 8 cards of {gib} GiB"), || {
            plan(&cards, &jobs, Limits::default()).is_ok()
        });
        measure(
            &format!("a governor and its first pass, 1000 jobs, 8 cards of {gib} GiB"),
            || {
                let Ok((mut governor, _)) = Governor::new(&cards, &jobs, Limits::default()) else {
                    return false;
                };
                governor.admit(0.0, &View::undisturbed()).len() > 8
            },
        );
    }
    let cards: Vec<Card> = [24, 24, 48, 48, 48, 80, 80, 80]
        .map(|gib| Card {
            total: Some(gib * GIB),
        })
        .to_vec();
    let jobs = drawn::jobs(&mut Random(7), 1000, 8, 4);
    measure("plan, 1000 jobs, 8 cards of three sizes", || {
        plan(&cards, &jobs, Limits::default()).is_ok()
    });
    let fillers: Vec<Job> = (0..10_000).map(|id| Job::new(id, 1.0)).collect();
    let limits = Limits {
        slots: 2,
        ..Limits::default()
    };
    measure("plan, 10000 jobs without devices, 2 slots", || {
        plan(&[], &fillers, limits).is_ok()
    });
}

fn measure(what: &str, run: impl Fn() -> bool) {
    let mut times: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let (start, processor) = (Instant::now(), processor());
            assert!(std::hint::black_box(run()));
            let wall = 1000.0 * start.elapsed().as_secs_f64();
            (wall, self::processor() - processor)
        })
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let least = times.iter().map(|t| t.1).fold(f64::INFINITY, f64::min);
    println!(
        r#"{{"what": "{what}", "best_ms": {:.3}, "median_ms": {:.3}, "best_processor_ms": {least:.3}}}"#,
        times[0].0,
        times[ROUNDS / 2].0
    );
}

/// Milliseconds of processor time of this thread.
fn processor() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    1000.0 * time.tv_sec as f64 + time.tv_nsec as f64 / 1e6
}
