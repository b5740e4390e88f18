//! Searches against tests that need a known amount, run by run.

use super::*;
use crate::size::GIB;

const GOLDEN: Scale = Scale::Fraction { total: 48 * GIB };

fn tried(ended: Ended, peak: u64) -> Tried {
    Tried {
        ended,
        peak: Some(peak),
        wall: Duration::from_secs(41),
        took: Duration::from_secs(49),
        tokens: None,
    }
}

fn oom() -> Ended {
    Ended::OutOfMemory("CUDA out of memory".into())
}

fn broken() -> Ended {
    Ended::Broken {
        code: Some(101),
        why: "connection refused".into(),
    }
}

/// Runs a search to its end; the runs as they were asked for.
fn all(search: &mut Search, mut world: impl FnMut(&Probe) -> Tried) -> (Vec<Probe>, Outcome) {
    let mut probes = vec![];
    loop {
        match search.step() {
            Step::Done(outcome) => return (probes, outcome),
            Step::Try(probe) => {
                assert!(probes.len() < 100, "it must end");
                search.record(world(&probe));
                probes.push(probe);
            }
        }
    }
}

fn amount(allowed: Allowed) -> f64 {
    match allowed {
        Allowed::Fraction(amount) => amount,
        Allowed::Bytes(amount) | Allowed::Tokens(amount) => amount as f64,
        Allowed::Uncapped => f64::INFINITY,
    }
}

/// A test that needs this much of it.
fn needs(least: f64) -> impl FnMut(&Probe) -> Tried {
    move |probe| {
        if amount(probe.allowed) >= least {
            tried(Ended::Passed, 18944 * MIB)
        } else {
            tried(oom(), 9 * GIB)
        }
    }
}

fn plain() -> Settings {
    Settings {
        repeats: 0,
        ..Settings::default()
    }
}

fn found(outcome: Outcome) -> Found {
    match outcome {
        Outcome::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_golden_bisection() {
    let mut search = Search::new(GOLDEN, plain());
    let (probes, outcome) = all(&mut search, needs(0.34));
    let amounts: Vec<f64> = probes.iter().map(|p| amount(p.allowed)).collect();
    assert_eq!(amounts, [0.95, 0.5, 0.275, 0.3875, 0.33125, 0.359375]);
    let passed: Vec<bool> = search.tried().iter().map(|t| t.1.ended.passed()).collect();
    assert_eq!(passed, [true, true, false, true, false, true]);
    let numbers: Vec<_> = probes.iter().map(|p| (p.number, p.of, p.left)).collect();
    assert_eq!(
        numbers,
        [
            (1, 6, 5),
            (2, 6, 4),
            (3, 6, 3),
            (4, 6, 2),
            (5, 6, 1),
            (6, 6, 0)
        ]
    );
    let found = found(outcome);
    assert_eq!(found.lowest, Allowed::Fraction(0.359375));
    assert_eq!((found.run, found.peak), (5, Some(18944 * MIB)));
    assert_eq!(found.recommended, None);
}

#[test]
fn later_runs_get_twice_the_time_of_the_first_and_at_least_a_minute() {
    let mut search = Search::new(GOLDEN, plain());
    let (probes, _) = all(&mut search, needs(0.34));
    assert_eq!(probes[0].limit, Duration::from_secs(300));
    assert!(
        probes[1..]
            .iter()
            .all(|p| p.limit == Duration::from_secs(82))
    );
    let mut quick = Search::new(GOLDEN, plain());
    let (probes, _) = all(&mut quick, |probe| Tried {
        wall: Duration::from_secs(2),
        ..needs(0.34)(probe)
    });
    assert_eq!(probes[1].limit, Duration::from_secs(60));
}

#[test]
fn the_lowest_that_passed_is_run_again() {
    let mut search = Search::new(GOLDEN, Settings::default());
    let (probes, outcome) = all(&mut search, needs(0.34));
    assert_eq!(probes.len(), 7);
    let last = &probes[6];
    assert_eq!(
        (last.kind, last.allowed, last.number, last.of),
        (Kind::Repeat, Allowed::Fraction(0.359375), 6, 6)
    );
    assert_eq!(found(outcome).wavering, []);
}

#[test]
fn a_boundary_that_does_not_hold_gives_way_to_the_next_above() {
    let mut search = Search::new(GOLDEN, Settings::default());
    let (_, outcome) = all(&mut search, |probe| match probe.kind {
        Kind::Repeat => tried(oom(), 9 * GIB),
        _ => needs(0.34)(probe),
    });
    let found = found(outcome);
    assert_eq!(found.lowest, Allowed::Fraction(0.3875));
    assert_eq!(found.wavering, [Allowed::Fraction(0.359375)]);
    assert_eq!(found.run, 3);
}

#[test]
fn a_failure_that_is_not_for_memory_is_tried_once_more() {
    let mut first = true;
    let mut search = Search::new(GOLDEN, Settings::default());
    let (probes, outcome) = all(&mut search, |probe| {
        if amount(probe.allowed) == 0.5 && std::mem::take(&mut first) {
            return tried(broken(), GIB);
        }
        needs(0.34)(probe)
    });
    assert_eq!(probes[2].kind, Kind::Again);
    assert_eq!(
        (probes[2].allowed, probes[2].number),
        (probes[1].allowed, 2)
    );
    let found = found(outcome);
    assert_eq!(found.lowest, Allowed::Fraction(0.359375));
    assert_eq!(found.wavering, [Allowed::Fraction(0.5)]);
    assert_eq!(found.unclear, []);
}

#[test]
fn a_failure_that_stays_unclear_counts_and_is_told() {
    let mut search = Search::new(GOLDEN, Settings::default());
    let (_, outcome) = all(&mut search, |probe| match amount(probe.allowed) {
        x if x < 0.34 => tried(Ended::TimedOut, GIB),
        _ => needs(0.34)(probe),
    });
    let found = found(outcome);
    assert_eq!(found.lowest, Allowed::Fraction(0.359375));
    assert_eq!(
        found.unclear,
        [
            (Allowed::Fraction(0.275), Ended::TimedOut),
            (Allowed::Fraction(0.33125), Ended::TimedOut)
        ]
    );
}

#[test]
fn a_test_that_fails_with_the_most_ends_the_search() {
    for ended in [oom(), broken(), Ended::TimedOut] {
        let mut search = Search::new(GOLDEN, Settings::default());
        let (probes, outcome) = all(&mut search, |_| tried(ended.clone(), GIB));
        assert_eq!((probes.len(), outcome), (1, Outcome::Fails(ended)));
    }
}

#[test]
fn a_peak_that_never_changes_is_an_override_that_nobody_reads() {
    let mut search = Search::new(GOLDEN, Settings::default());
    let (probes, outcome) = all(&mut search, |p| {
        tried(Ended::Passed, 18 * GIB + p.number as u64 * MIB)
    });
    assert_eq!(probes.len(), 6, "the boundary is not run again");
    assert_eq!(
        outcome,
        Outcome::Ignored {
            least: 18 * GIB + MIB,
            most: 18 * GIB + 6 * MIB
        }
    );
}

#[test]
fn a_small_peak_never_came_near_the_limit() {
    let mut search = Search::new(GOLDEN, plain());
    let (_, outcome) = all(&mut search, |_| tried(Ended::Passed, 2 * GIB));
    assert_eq!(found(outcome).peak, Some(2 * GIB));
}

#[test]
fn without_readings_nothing_is_said_of_the_override() {
    let mut search = Search::new(GOLDEN, plain());
    let (_, outcome) = all(&mut search, |_| Tried {
        peak: None,
        ..tried(Ended::Passed, 0)
    });
    assert_eq!(found(outcome).peak, None);
}

#[test]
fn a_cache_in_bytes_is_halved_until_it_fits_and_then_bisected() {
    // Of 40 GiB free, 5 GiB of cache are the most; the test needs 500 MiB of it. What is allowed is allocated.
    let mut search = Search::new(Scale::Bytes { free: 40 * GIB }, Settings::default());
    let need = (500 * MIB) as f64;
    let (probes, outcome) = all(&mut search, |probe| {
        let bytes = amount(probe.allowed);
        let fits = bytes <= (5 * GIB) as f64;
        let ended = if fits && bytes >= need {
            Ended::Passed
        } else {
            oom()
        };
        tried(ended, 4 * GIB + 3 * bytes as u64)
    });
    let first: Vec<f64> = probes[..3]
        .iter()
        .map(|p| amount(p.allowed) / GIB as f64)
        .collect();
    assert_eq!(first, [20.0, 10.0, 5.0]);
    assert!(probes[..3].iter().all(|p| p.kind == Kind::Validation));
    let found = found(outcome);
    let lowest = amount(found.lowest);
    assert!(
        found.early || (need..need + (16 * MIB) as f64).contains(&lowest),
        "{found:?}"
    );
    let last = probes.last().unwrap();
    assert_eq!(last.kind, Kind::Final);
    assert_eq!(found.recommended, Some(last.allowed));
    let safe = amount(last.allowed);
    assert!(
        safe >= 2.0 * lowest && safe < 2.0 * lowest + 1000.0 && safe % 1000.0 == 0.0,
        "{safe}"
    );
    assert_eq!(found.peak, Some(4 * GIB + 3 * safe as u64));
}

#[test]
fn a_cache_that_never_fits_ends_after_four_halvings() {
    let mut search = Search::new(Scale::Bytes { free: 64 * GIB }, Settings::default());
    let (probes, outcome) = all(&mut search, |_| tried(oom(), GIB));
    assert_eq!((probes.len(), outcome), (5, Outcome::Fails(oom())));
    // One GiB, 512, 256, 128 and 64 MiB: the floor is tried, nothing below it.
    let mut small = Search::new(Scale::Bytes { free: 0 }, Settings::default());
    let (probes, _) = all(&mut small, |_| tried(oom(), GIB));
    assert_eq!(probes.last().unwrap().allowed, Allowed::Bytes(Scale::FLOOR));
    let mut not = Search::new(Scale::Bytes { free: 64 * GIB }, Settings::default());
    let (probes, outcome) = all(&mut not, |_| tried(broken(), GIB));
    assert_eq!((probes.len(), outcome), (1, Outcome::Fails(broken())));
}

#[test]
fn less_cache_is_not_tried_once_the_peak_has_stopped_to_fall() {
    let mut search = Search::new(Scale::Bytes { free: 80 * GIB }, plain());
    let (probes, outcome) = all(&mut search, |probe| {
        tried(Ended::Passed, (5 * GIB).max(amount(probe.allowed) as u64))
    });
    let found = found(outcome);
    assert!(found.early, "{found:?}");
    // 40, 20, 10, 5.x and two more of the same: with the sixth the last three are close together.
    assert_eq!(probes.len(), 7, "six and the final one");
}

#[test]
fn tokens_begin_with_what_the_engine_tells() {
    let mut search = Search::new(Scale::Tokens, plain());
    let (probes, outcome) = all(&mut search, |probe| Tried {
        tokens: Some(100_000),
        peak: Some(amount(probe.allowed).min(1e6) as u64 * 100 * MIB),
        ..needs(3000.0)(probe)
    });
    assert_eq!(probes[0].allowed, Allowed::Uncapped);
    assert_eq!(probes[1].allowed, Allowed::Tokens(50_000));
    let found = found(outcome);
    let lowest = amount(found.lowest);
    assert!((3000.0..3000.0 + 48.0).contains(&lowest), "{lowest}");
    assert!(probes[1..].iter().all(|p| amount(p.allowed) % 16.0 == 0.0));
    assert_eq!(
        amount(found.recommended.unwrap()),
        (2.0 * lowest / 16.0).ceil() * 16.0
    );
}

#[test]
fn an_engine_that_does_not_tell_its_tokens_cannot_be_bisected() {
    let mut search = Search::new(Scale::Tokens, plain());
    let (probes, outcome) = all(&mut search, |_| tried(Ended::Passed, GIB));
    assert_eq!((probes.len(), outcome), (1, Outcome::NoTokenCount));
}

#[test]
fn a_final_run_that_fails_is_told_and_the_lowest_stands() {
    let mut search = Search::new(Scale::Bytes { free: 2 * GIB }, plain());
    let (_, outcome) = all(&mut search, |probe| match probe.kind {
        Kind::Final => tried(oom(), GIB),
        _ => needs((900 * MIB) as f64)(probe),
    });
    let found = found(outcome);
    assert_eq!(found.recommended, None);
    assert_eq!(found.unclear.len(), 1);
}
