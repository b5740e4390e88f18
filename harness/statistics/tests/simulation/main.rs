//! How often the decisions are right on servers and processes that do not exist. `examples/simulate.rs` counts the same with many more trials; the
//! bounds here leave room for chance, though a seed fixes it.

mod process;
mod world;

use process::Series;
use tribunal_statistics::Random;
use tribunal_statistics::compare::Rule;
use tribunal_statistics::drift::{DriftLimit, MEMORY_MB_PER_HOUR, Verdict, drift};
use world::{Counts, NOISES, comparisons};

#[test]
fn an_unchanged_server_is_rarely_called_worse_and_a_tenth_is_found() {
    for noise in NOISES {
        let same = comparisons(150, 3, noise, 0.0, &Rule::default());
        assert!(same.share_regressed() <= 0.06, "{noise:?}: {same:?}");
        assert!(same.share_refused() <= 0.3, "{noise:?}: {same:?}");
        assert!(same.runs_each() <= 2.2, "{noise:?}: {same:?}");
        let slower = comparisons(150, 4, noise, 0.1, &Rule::default());
        assert!(slower.share_regressed() >= 0.85, "{noise:?}: {slower:?}");
        let faster = comparisons(100, 5, noise, -0.1, &Rule::default());
        assert!(
            faster.regressed == 0 && faster.improved > 40,
            "{noise:?}: {faster:?}"
        );
    }
}

#[test]
fn the_quiet_rule_finds_a_twentieth_where_runs_hardly_differ_and_refuses_where_they_do() {
    let found = comparisons(100, 6, NOISES[0], 0.05, &Rule::Quiet);
    assert!(found.share_regressed() >= 0.6, "{found:?}");
    let same = comparisons(150, 7, NOISES[0], 0.0, &Rule::Quiet);
    assert!(same.share_regressed() <= 0.06, "{same:?}");
    let noisy: Counts = comparisons(100, 8, NOISES[2], 0.0, &Rule::Quiet);
    assert!(noisy.refused > 50, "{noisy:?}");
}

/// The share of series that are called a leak.
fn leaks(series: Series, hours: f64, leak: f64, trials: u64) -> f64 {
    let limit = DriftLimit::growth(MEMORY_MB_PER_HOUR);
    let called = (0..trials).filter(|trial| {
        let samples = series.samples(&mut Random::new(11 + (trial << 20)), hours, leak);
        drift(&samples, &limit).verdict == Verdict::Leak
    });
    called.count() as f64 / trials as f64
}

#[test]
fn what_is_no_leak_is_called_none_and_a_leak_is() {
    for series in Series::ALL {
        let (most, least) = match series {
            Series::Wanders(kept) if kept > 0.95 => (0.08, 0.65),
            _ => (0.0, 0.99),
        };
        assert!(leaks(series, 2.001, 0.0, 100) <= most, "{series:?}");
        assert!(leaks(series, 2.001, 200.0, 100) >= least, "{series:?}");
    }
}

/// In half an hour ten minutes are half of what is judged.
#[test]
fn a_burst_at_the_end_of_half_an_hour_is_a_suspect_and_a_leak_a_leak() {
    let limit = DriftLimit::growth(MEMORY_MB_PER_HOUR);
    for trial in 0..100 {
        let mut random = Random::new(17 + (trial << 20));
        let samples = Series::Burst(1.0).samples(&mut random, 0.51, 0.0);
        let found = drift(&samples, &limit);
        assert_eq!(found.verdict, Verdict::Suspect, "{found:?}");
    }
    for series in [
        Series::Flat,
        Series::Noise,
        Series::Teeth,
        Series::WarmUp,
        Series::Burst(1.0),
    ] {
        let least = if series == Series::Burst(1.0) {
            0.9
        } else {
            0.97
        };
        assert!(leaks(series, 0.51, 200.0, 100) >= least, "{series:?}");
    }
}
