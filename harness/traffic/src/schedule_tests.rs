//! Schedules, from loads written out.

use super::*;

const SECOND: f64 = 1e9;

fn of(arrivals: Arrivals, until: Until, seed: u64) -> Vec<u64> {
    let load = Load::new(arrivals, until).seed(seed);
    check(&load).unwrap();
    Schedule::new(&load).collect()
}

#[test]
fn the_last_of_n_comes_at_n_over_rate_whatever_the_seed() {
    for seed in 0..20 {
        for burstiness in [0.3, 1.0, 5.0] {
            let rate = 12.5;
            let all = of(
                Arrivals::Gamma { rate, burstiness },
                Until::Count(100),
                seed,
            );
            assert_eq!(all.len(), 100);
            assert_eq!(*all.last().unwrap(), 8_000_000_000);
            assert!(all.is_sorted());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_schedule_and_another_gives_another() {
    let poisson = |seed| {
        of(
            Arrivals::Gamma {
                rate: 100.0,
                burstiness: 1.0,
            },
            Until::Count(50),
            seed,
        )
    };
    assert_eq!(poisson(3), poisson(3));
    assert_ne!(poisson(3), poisson(4));
}

#[test]
fn lower_burstiness_is_burstier() {
    let spread = |burstiness| {
        let all = of(
            Arrivals::Gamma {
                rate: 1.0,
                burstiness,
            },
            Until::Count(5000),
            1,
        );
        let gaps: Vec<f64> = all
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as f64 / SECOND)
            .collect();
        gaps.iter().map(|gap| (gap - 1.0).powi(2)).sum::<f64>() / gaps.len() as f64
    };
    let [bursty, poisson, even] = [0.25, 1.0, 16.0].map(spread);
    assert!((3.2..4.8).contains(&bursty), "{bursty}");
    assert!((0.85..1.15).contains(&poisson), "{poisson}");
    assert!(even < 0.1, "{even}");
}

#[test]
fn constant_arrivals_have_equal_gaps() {
    let all = of(
        Arrivals::Constant { rate: 4.0 },
        Until::Elapsed(Duration::from_secs(1)),
        9,
    );
    assert_eq!(all, [250_000_000, 500_000_000, 750_000_000, 1_000_000_000]);
}

#[test]
fn a_run_of_some_time_has_rate_times_time_arrivals_and_either_ends_first() {
    let rate = Arrivals::Gamma {
        rate: 10.0,
        burstiness: 1.0,
    };
    let long = Duration::from_secs(30);
    assert_eq!(of(rate.clone(), Until::Elapsed(long), 1).len(), 300);
    assert_eq!(of(rate.clone(), Until::Either(20, long), 1).len(), 20);
    assert_eq!(of(rate, Until::Either(2000, long), 1).len(), 300);
}

#[test]
fn blocks_join_without_a_seam() {
    let n = 2 * BLOCK + 100;
    let all = of(
        Arrivals::Gamma {
            rate: 1000.0,
            burstiness: 1.0,
        },
        Until::Count(n),
        5,
    );
    assert_eq!(all.len() as u64, n);
    assert!(all.is_sorted());
    assert_eq!(*all.last().unwrap(), n * 1_000_000);
    assert_eq!(all[BLOCK as usize - 1], BLOCK * 1_000_000);
}

#[test]
fn a_ramp_grows() {
    for shape in [Ramp::Linear, Ramp::Exponential] {
        let ramp = Arrivals::Ramp {
            from: 10.0,
            to: 100.0,
            shape,
        };
        let all = of(ramp.clone(), Until::Count(2000), 2);
        let half = all.len() / 2;
        let first = all[half] - all[0];
        let second = all[all.len() - 1] - all[half];
        assert!(first > second * 3 / 2, "{shape:?}: {first} {second}");
        let long = Duration::from_secs(60);
        let all = of(ramp, Until::Elapsed(long), 2);
        assert!(all.iter().all(|at| *at <= 60_000_000_001));
        let last = *all.last().unwrap() as f64 / SECOND;
        assert!(last > 54.0, "{shape:?}: {last}");
    }
}

#[test]
fn a_trace_is_replayed_as_it_is() {
    let trace = Arrivals::Trace([5, 5, 90].map(Duration::from_millis).to_vec());
    assert_eq!(
        of(trace.clone(), Until::Count(10), 0),
        [5_000_000, 5_000_000, 90_000_000]
    );
    assert_eq!(
        of(trace, Until::Elapsed(Duration::from_millis(50)), 0).len(),
        2
    );
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let rate = |rate| Arrivals::Constant { rate };
    let count = Until::Count(1);
    for (load, part) in [
        (Load::new(rate(0.0), count), "above 0"),
        (Load::new(rate(f64::NAN), count), "above 0"),
        (Load::new(rate(f64::INFINITY), count), "above 0"),
        (
            Load::new(
                Arrivals::Gamma {
                    rate: 1.0,
                    burstiness: 0.0,
                },
                count,
            ),
            "burstiness",
        ),
        (
            Load::new(Arrivals::AtOnce, Until::Elapsed(Duration::from_secs(1))),
            "endless",
        ),
        (Load::count(0), "count of 0"),
        (Load::count(1).at_most(0), "concurrency of 0"),
        (
            Load::rate(0.1, Duration::from_secs(1)),
            "no request is scheduled",
        ),
        (Load::count(1).cancel(1.5, Duration::ZERO), "0 to 1"),
        (Load::count(1).cancel(0.5, Duration::ZERO), "never be sent"),
        (
            Load::new(
                Arrivals::Trace(vec![Duration::from_secs(2), Duration::from_secs(1)]),
                count,
            ),
            "goes back in time",
        ),
    ] {
        let why = check(&load).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn the_share_of_cancelled_requests_is_what_was_asked() {
    let load = Load::count(10_000)
        .cancel(0.2, Duration::from_millis(1))
        .seed(11);
    let share = (0..10_000)
        .filter(|number| is_cancelled(&load, *number))
        .count();
    assert!((1850..2150).contains(&share), "{share}");
    assert!(!(0..100).any(|number| is_cancelled(&Load::count(9), number)));
    let all = Load::count(9).cancel(1.0, Duration::from_millis(1));
    assert!(is_cancelled(&all, 0) && !is_cancelled(&all, WARM_UP));
}
