//! Decisions on numbers that are written out.

use tribunal_statistics::change::{How, change_points};
use tribunal_statistics::compare::{Decision, Rule, decide};
use tribunal_statistics::drift::{DriftLimit, Verdict, drift};
use tribunal_statistics::paired::{self, Pair, Side};
use tribunal_statistics::{
    Alternative, mann_whitney_exact, median, percentile, ratio_of_medians, theil_sen,
};

const BASE: [f64; 10] = [
    100.0, 101.0, 99.0, 100.5, 99.5, 102.0, 98.0, 100.0, 101.5, 98.5,
];

fn adaptive(new: &[f64], higher_is_better: bool) -> Decision {
    decide(&BASE, new, higher_is_better, &Rule::default())
}

#[test]
fn a_decision_needs_five_accepted_runs() {
    let found = decide(&BASE[..4], &[100.0], false, &Rule::default());
    assert_eq!(found, Decision::NoBaseline { have: 4, need: 5 });
}

#[test]
fn one_run_within_half_of_the_limit_passes_and_one_beyond_asks_for_two_more() {
    assert_eq!(adaptive(&[], false), Decision::MoreRuns(1));
    assert!(matches!(adaptive(&[102.4], false), Decision::Pass(effect) if effect.new_runs == 1));
    assert_eq!(adaptive(&[102.6], false), Decision::MoreRuns(2));
    assert_eq!(adaptive(&[102.6, 102.0], false), Decision::MoreRuns(1));
    // What is much better is looked at again, and only that.
    assert!(matches!(adaptive(&[96.0], false), Decision::Pass(_)));
    assert_eq!(adaptive(&[94.0], false), Decision::MoreRuns(2));
}

#[test]
fn three_runs_decide_unless_they_are_just_beyond_the_limit() {
    assert!(matches!(
        adaptive(&[103.0, 104.9, 120.0], false),
        Decision::Pass(_)
    ));
    assert_eq!(
        adaptive(&[103.0, 106.0, 120.0], false),
        Decision::MoreRuns(2)
    );
    assert!(matches!(
        adaptive(&[103.0, 106.0, 120.0, 105.5, 101.0], false),
        Decision::Regressed(_)
    ));
    assert!(matches!(
        adaptive(&[103.0, 106.0, 120.0, 104.5, 101.0], false),
        Decision::Pass(_)
    ));
    let Decision::Regressed(effect) = adaptive(&[110.0, 109.0, 112.0], false) else {
        panic!("a tenth is beyond the limit")
    };
    assert_eq!(
        (effect.base, effect.new, effect.base_runs, effect.new_runs),
        (100.0, 110.0, 10, 3)
    );
    let interval = effect.interval.expect("thirteen runs have one");
    assert!(
        interval.low > 1.05 && interval.low < 1.1 && interval.high > 1.1 && interval.high < 1.15,
        "{interval:?}"
    );
}

#[test]
fn the_direction_says_which_is_worse() {
    assert!(matches!(
        adaptive(&[110.0, 109.0, 112.0], true),
        Decision::Improved(_)
    ));
    assert!(matches!(
        adaptive(&[90.0, 89.0, 91.0], true),
        Decision::Regressed(_)
    ));
    assert!(matches!(
        adaptive(&[90.0, 89.0, 91.0], false),
        Decision::Improved(_)
    ));
    let Decision::Regressed(effect) = adaptive(&[90.0, 89.0, 91.0], true) else {
        panic!("a tenth less of what should be high is worse")
    };
    assert!((effect.worse(true) - 0.1).abs() < 1e-12 && (effect.worse(false) + 0.1).abs() < 1e-12);
}

#[test]
fn only_the_last_ten_accepted_runs_count() {
    let mut long = vec![50.0; 20];
    long.extend(BASE);
    assert!(
        matches!(decide(&long, &[100.0], false, &Rule::default()), Decision::Pass(effect) if effect.base == 100.0)
    );
}

#[test]
fn noise_is_refused_and_so_is_what_has_no_ratio() {
    let noisy = [80.0, 90.0, 100.0, 110.0, 120.0];
    assert_eq!(
        decide(&noisy, &[300.0], false, &Rule::default()),
        Decision::TooNoisy {
            mad: 0.1,
            most: 0.05 / 1.5
        }
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(adaptive(&[bad], false), Decision::Incomparable, "{bad}");
    }
    for limit in [0.0, -0.1, f64::NAN] {
        assert_eq!(
            decide(&BASE, &[100.0], false, &Rule::Adaptive { limit }),
            Decision::Incomparable,
            "{limit}"
        );
    }
}

#[test]
fn the_quiet_rule_wants_ranks_and_size() {
    let base = [
        100.0, 100.2, 99.8, 100.1, 99.9, 100.3, 99.7, 100.0, 100.4, 99.6,
    ];
    let quiet = |new: &[f64]| decide(&base, new, false, &Rule::Quiet);
    assert!(matches!(quiet(&[101.4]), Decision::Pass(_)));
    assert_eq!(quiet(&[101.6]), Decision::MoreRuns(2));
    assert!(matches!(
        quiet(&[103.5, 104.0, 103.2]),
        Decision::Regressed(_)
    ));
    assert!(matches!(quiet(&[96.5, 96.0, 96.8]), Decision::Improved(_)));
    // Every run is slower, but by less than the floor: two more, and then the floor decides.
    assert_eq!(quiet(&[102.5, 102.6, 102.7]), Decision::MoreRuns(2));
    assert!(matches!(
        quiet(&[102.5, 102.6, 102.7, 102.6, 102.8]),
        Decision::Pass(_)
    ));
    assert!(matches!(
        quiet(&[102.5, 103.1, 103.2, 103.3, 103.4]),
        Decision::Regressed(_)
    ));
}

#[test]
fn samples_that_support_nothing_give_nothing() {
    assert_eq!(
        (
            median(&[]),
            median(&[f64::NAN]),
            percentile(&[], 50.0),
            percentile(&[1.0], 101.0)
        ),
        (None, None, None, None)
    );
    assert_eq!(theil_sen(&[1.0], &[1.0]), None);
    assert_eq!(theil_sen(&[1.0, 1.0], &[1.0, 2.0]), None);
    assert_eq!(mann_whitney_exact(&[], &[1.0], Alternative::Less), 1.0);
    assert_eq!(ratio_of_medians(&[1.0, 2.0], &[1.0], 0.95, 1), None);
    assert_eq!(change_points(&[1.0, f64::NAN], &How::default()), Vec::new());
    assert_eq!(change_points(&[], &How::default()), Vec::new());
}

#[test]
fn beyond_the_exact_sizes_the_approximation_goes_on_from_them() {
    let of = |n: usize, shift: f64| {
        let new: Vec<f64> = (0..n).map(|i| i as f64 * 1.01 + shift).collect();
        let base: Vec<f64> = (0..n).map(|i| i as f64).collect();
        mann_whitney_exact(&new, &base, Alternative::Greater)
    };
    let (exact, near) = (of(60, 6.0), of(61, 6.0));
    assert!(
        (exact - near).abs() < 0.01 && exact < 0.2 && exact > 0.02,
        "{exact} {near}"
    );
}

#[test]
fn change_points_say_from_what_to_what() {
    let series: Vec<f64> = (0..40)
        .map(|i| if i < 25 { 100.0 } else { 110.0 } + f64::from(i % 3))
        .collect();
    let found = change_points(&series, &How::default());
    assert_eq!(found.len(), 1);
    let point = found[0];
    assert_eq!(point.index, 25);
    assert!(
        (point.before - 100.96).abs() < 1e-9 && point.after > 110.0 && point.p < 1e-9,
        "{point:?}"
    );
    assert!((point.magnitude() - (point.after / point.before - 1.0)).abs() < 1e-12);
    assert_eq!(
        change_points(
            &series,
            &How {
                min_magnitude: 0.2,
                ..How::default()
            }
        ),
        Vec::new()
    );
}

#[test]
fn pairs_cancel_what_they_have_in_common() {
    assert_eq!(paired::order(2), [Side::A, Side::B, Side::B, Side::A]);
    // Each pair is slower than the one before; within a pair, b is four per cent slower.
    type Run = Vec<Option<f64>>;
    let runs: Vec<(Run, Run)> = (0..6)
        .map(|pair| {
            let a = (0..20).map(|i| Some(100.0 * f64::from(pair + 1) + f64::from(i)));
            let b = (0..20).map(|i| {
                (i != 7).then(|| {
                    (100.0 * f64::from(pair + 1) + f64::from(i)) * (1.04 + 0.001 * f64::from(pair))
                })
            });
            (a.collect(), b.collect())
        })
        .collect();
    let pairs: Vec<Pair<'_>> = runs.iter().map(|(a, b)| Pair { a, b }).collect();
    let found = paired::compare(&pairs, false, 0.03);
    assert_eq!(
        (found.verdict, found.pairs, found.requests, found.left_out),
        (paired::Verdict::Regressed, 6, 114, 0)
    );
    assert!(
        (found.ratio.expect("a ratio") - 1.0425).abs() < 1e-4 && found.p < 0.02,
        "{found:?}"
    );
    assert_eq!(
        paired::compare(&pairs, true, 0.03).verdict,
        paired::Verdict::Improved
    );
    assert_eq!(
        paired::compare(&pairs, false, 0.05).verdict,
        paired::Verdict::Pass
    );
    assert_eq!(
        paired::compare(&pairs[..5], false, 0.03).verdict,
        paired::Verdict::TooFew
    );
    let none = [Pair {
        a: &[None; 9],
        b: &[Some(1.0); 9],
    }; 6];
    let found = paired::compare(&none, false, 0.03);
    assert_eq!(
        (found.verdict, found.ratio, found.left_out),
        (paired::Verdict::TooFew, None, 6)
    );
}

/// A sample each ten seconds.
fn series(minutes: u32, value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    (0..=minutes * 6)
        .map(|index| f64::from(index) * 10.0)
        .map(|at| (at, value(at)))
        .collect()
}

#[test]
fn a_series_that_is_short_or_full_of_holes_is_insufficient_and_says_why() {
    let limit = DriftLimit::growth(100.0);
    let why = |samples: &[(f64, f64)]| match drift(samples, &limit).verdict {
        Verdict::Insufficient(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(&[]), "no samples");
    assert_eq!(
        why(&series(29, |_| 1.0)),
        "29.0 min of samples, 30.0 are needed"
    );
    let holes: Vec<(f64, f64)> = series(60, |_| 1.0)
        .into_iter()
        .filter(|(at, _)| *at < 2000.0 || *at > 3500.0)
        .collect();
    assert_eq!(why(&holes), "samples in 11 of 24 blocks, 16 are needed");
    let late = DriftLimit::growth(100.0).warm_until(9000.0);
    assert_eq!(
        drift(&series(60, |_| 1.0), &late).verdict,
        Verdict::Insufficient("all of it is warm-up".into())
    );
}

#[test]
fn a_leak_goes_on_and_what_comes_to_rest_is_suspect() {
    let leaks = drift(
        &series(60, |at| 1000.0 + at / 3600.0 * 200.0),
        &DriftLimit::growth(140.0),
    );
    assert_eq!(leaks.verdict, Verdict::Leak);
    assert!(
        (leaks.slope_per_hour.expect("a slope") - 200.0).abs() < 1.0,
        "{leaks:?}"
    );
    assert_eq!(leaks.limit_per_hour, Some(140.0));
    let hours = leaks.hours_to(2195.0).expect("it gets there");
    assert!((hours - 5.0).abs() < 0.1, "{hours}");
    assert_eq!(leaks.hours_to(0.0), None);
    // Beyond the limit, but not clearly.
    let little = drift(
        &series(60, |at| 1000.0 + at / 3600.0 * 130.0),
        &DriftLimit::growth(100.0),
    );
    assert_eq!(little.verdict, Verdict::Suspect);
    let rests = drift(
        &series(60, |at| 1000.0 + at.min(1900.0)),
        &DriftLimit::growth(140.0),
    );
    assert_eq!(rests.verdict, Verdict::Suspect, "{rests:?}");
    // One per cent of much is more than a small limit.
    let large = drift(
        &series(60, |at| 100_000.0 + at / 3600.0 * 200.0),
        &DriftLimit::growth(140.0),
    );
    assert_eq!(
        (large.verdict, large.limit_per_hour.map(f64::round)),
        (Verdict::Ok, Some(1001.0))
    );
}

#[test]
fn a_throughput_drifts_by_falling_and_a_latency_by_rising() {
    let falls = series(60, |at| 100.0 - at / 3600.0 * 10.0);
    assert_eq!(
        drift(&falls, &DriftLimit::share(0.05, true)).verdict,
        Verdict::Leak
    );
    assert_eq!(
        drift(&falls, &DriftLimit::share(0.05, false)).verdict,
        Verdict::Ok
    );
    let rises = series(60, |at| 100.0 + at / 3600.0 * 10.0);
    assert_eq!(
        drift(&rises, &DriftLimit::share(0.05, false)).verdict,
        Verdict::Leak
    );
    assert_eq!(
        drift(&rises, &DriftLimit::share(0.2, false)).verdict,
        Verdict::Ok
    );
}
