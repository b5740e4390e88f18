//! What becomes of runs that are written out.

mod common;

use common::{THROUGHPUT, TTFT, run};
use tribunal_baseline::{Base, Checks, Gate, Next, RunRecord, State, Validity, Verdict, judge};
use tribunal_statistics::compare::Rule;
use tribunal_traffic::Direction;

fn gate() -> Gate {
    Gate::new([TTFT, THROUGHPUT]).expect("two metrics of the table")
}

fn done(base: &Base, new: &[RunRecord], gate: &Gate) -> Verdict {
    match judge(base, new, gate) {
        Next::Done(verdict) => verdict,
        Next::MoreRuns(more) => panic!("{more} more runs"),
    }
}

/// Ten that hardly differ.
fn base() -> Base {
    let around = |middle: f64, index: u32| middle * (0.99 + 0.002 * f64::from(index));
    Base {
        runs: (0..10)
            .map(|index| run(around(100.0, index), around(10.0, 9 - index)))
            .collect(),
        notes: Vec::new(),
    }
}

/// Three runs alike.
fn three(ttft: f64, throughput: f64) -> Vec<RunRecord> {
    (0..3).map(|_| run(ttft, throughput)).collect()
}

#[test]
fn one_run_like_the_accepted_ones_passes() {
    let verdict = done(&base(), &[run(100.0, 10.0)], &gate());
    assert_eq!(
        (verdict.state, verdict.base_runs, verdict.new_runs),
        (State::Passed, 10, 1)
    );
    assert!(!verdict.proposes());
    let effect = verdict.metrics[0].effect.expect("an effect");
    assert!(
        (effect.ratio - 1.001).abs() < 0.01 && effect.interval.is_some(),
        "{effect:?}"
    );
}

#[test]
fn a_metric_in_doubt_asks_for_all() {
    assert_eq!(judge(&base(), &[], &gate()), Next::MoreRuns(1));
    assert_eq!(
        judge(&base(), &[run(104.0, 10.0)], &gate()),
        Next::MoreRuns(2)
    );
    assert_eq!(
        judge(&base(), &[run(100.0, 9.6)], &gate()),
        Next::MoreRuns(2)
    );
    assert_eq!(
        judge(&base(), &three(105.8, 10.0), &gate()),
        Next::MoreRuns(2)
    );
}

#[test]
fn each_direction_regresses_and_improves_its_own_way() {
    for (ttft, throughput, state) in [
        (110.0, 10.0, State::Regressed),
        (100.0, 9.0, State::Regressed),
        (90.0, 9.0, State::Regressed),
        (90.0, 10.0, State::Improved),
        (100.0, 11.0, State::Improved),
        (102.0, 9.8, State::Passed),
    ] {
        let verdict = done(&base(), &three(ttft, throughput), &gate());
        assert_eq!(verdict.state, state, "{ttft} ms, {throughput}/s: {verdict}");
        assert_eq!(verdict.proposes(), state == State::Improved);
    }
    // One is decided, another is in doubt: what regressed ends it.
    assert_eq!(
        done(&base(), &three(120.0, 9.45), &gate()).state,
        State::Regressed
    );
}

#[test]
fn a_verdict_reads_as_it_is_documented() {
    let text = done(&base(), &three(110.0, 10.0), &gate()).to_string();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("regressed: 3 new runs beside 10 accepted runs")
    );
    let line = lines.next().expect("a line of the first metric");
    assert!(
        line.starts_with("  median_ttft_ms: regressed: 99.90 ms → 110.0 ms, +10.1 % (95 %: +"),
        "{line}"
    );
    assert!(line.ends_with("limit 5 %"), "{line}");
    let few = Base {
        runs: base().runs[..3].to_vec(),
        notes: vec!["7 accepted runs differ".into()],
    };
    let text = done(&few, &[run(200.0, 10.0)], &gate()).to_string();
    for part in [
        "no baseline: 1 new run beside 3 accepted runs",
        "3 of the 5 accepted runs",
        "only absolute thresholds judge",
        "note: 7 accepted runs differ",
        "baseline accept",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn few_accepted_runs_decide_nothing() {
    let few = Base {
        runs: base().runs[..4].to_vec(),
        notes: Vec::new(),
    };
    assert_eq!(
        done(&few, &[run(500.0, 1.0)], &gate()).state,
        State::NoBaseline
    );
    // A metric that the accepted runs do not have yet.
    let mut newer = run(100.0, 10.0);
    newer.figure("mean_itl_ms", 5.0, 100, Direction::LowerIsBetter);
    let verdict = done(
        &base(),
        &[newer],
        &Gate::new(["mean_itl_ms"]).expect("a metric"),
    );
    assert_eq!(verdict.state, State::NoBaseline);
    assert!(
        verdict.to_string().contains("10 more have no such figure"),
        "{verdict}"
    );
}

#[test]
fn runs_that_are_no_good_do_not_count_and_two_of_them_end_it() {
    let mut late = run(300.0, 1.0);
    late.validity = Validity::Invalid(vec!["sent 40 ms late".into()]);
    let mut wrong = run(50.0, 20.0);
    wrong.checks = Checks::Failed(vec!["an answer is empty".into()]);
    let mut unchecked = run(50.0, 20.0);
    unchecked.checks = Checks::NotMade("--no-checks".into());
    assert_eq!(
        judge(&base(), std::slice::from_ref(&late), &gate()),
        Next::MoreRuns(1)
    );
    let verdict = done(&base(), &[late.clone(), run(100.0, 10.0)], &gate());
    assert_eq!((verdict.state, verdict.new_runs), (State::Passed, 1));
    assert!(verdict.to_string().contains("sent 40 ms late"), "{verdict}");
    for (second, part) in [
        (late.clone(), "sent 40 ms late"),
        (wrong, "an answer is empty"),
        (unchecked, "--no-checks"),
    ] {
        let verdict = done(&base(), &[late.clone(), second, run(100.0, 10.0)], &gate());
        assert_eq!(verdict.state, State::Invalid);
        assert!(verdict.to_string().contains(part), "{verdict}");
    }
}

#[test]
fn what_allows_no_decision_is_inconclusive_and_says_why() {
    let mut noisy = base();
    for (index, run) in noisy.runs.iter_mut().enumerate() {
        run.figure(
            TTFT,
            100.0 + 5.0 * index as f64,
            200,
            Direction::LowerIsBetter,
        );
    }
    let verdict = done(&noisy, &[run(300.0, 10.0)], &gate());
    assert_eq!(verdict.state, State::Inconclusive);
    assert!(verdict.to_string().contains("too noisy to gate: the accepted runs lie 10.2 % from their median, 3.3 % is the most for a limit of 5 %"), "{verdict}");

    let mut few = run(100.0, 10.0);
    few.figures.get_mut(TTFT).expect("the figure").no_gate =
        Some("20 samples, p99 needs 368".into());
    assert!(
        done(&base(), &[few], &gate())
            .to_string()
            .contains("20 samples, p99 needs 368")
    );

    let mut none = run(100.0, 10.0);
    none.figure(TTFT, None, 0, Direction::LowerIsBetter);
    let verdict = done(&base(), &[none.clone()], &gate());
    assert_eq!(
        (verdict.state, verdict.metrics[0].effect),
        (State::Inconclusive, None)
    );
    none.figures.remove(TTFT);
    assert_eq!(done(&base(), &[none], &gate()).state, State::Inconclusive);
}

#[test]
fn metrics_that_do_not_decide_warn_after_a_correction_for_their_number() {
    let other = |run: &mut RunRecord, name: &str, value: f64| {
        run.figure(name, value, 200, Direction::LowerIsBetter)
    };
    let (mut base, mut new) = (base(), three(104.0, 10.0));
    for (index, run) in base.runs.iter_mut().enumerate() {
        other(run, "mean_itl_ms", 10.0 + 0.01 * index as f64);
        other(run, "mean_tpot_ms", 10.0 + 0.01 * index as f64);
        run.figure("completed", 100.0, 100, Direction::HigherIsBetter);
    }
    for (index, run) in new.iter_mut().enumerate() {
        other(run, "mean_itl_ms", 12.0 + 0.01 * index as f64);
        other(run, "mean_tpot_ms", 10.2 + 0.01 * index as f64);
    }
    let verdict = done(&base, &new, &gate());
    // Both are slower in every run; only one by more than the limit.
    let warned: Vec<&str> = verdict
        .warnings
        .iter()
        .map(|warning| &*warning.metric)
        .collect();
    assert_eq!(
        (verdict.state, warned, verdict.others),
        (State::Passed, vec!["mean_itl_ms"], 2),
        "{verdict}"
    );
    // Smallest of the two p-values, 1/286, twice.
    assert!((verdict.warnings[0].p - 2.0 / 286.0).abs() < 1e-12);
    assert!(
        verdict
            .to_string()
            .contains("warning: mean_itl_ms: 10.04 ms → 12.01 ms"),
        "{verdict}"
    );
    assert_eq!(done(&base, &[run(100.0, 10.0)], &gate()).others, 0);
}

#[test]
fn a_gate_has_few_metrics_and_known_ones() {
    let error = |metrics: &[&str]| {
        Gate::new(metrics.iter().copied())
            .expect_err("no gate")
            .to_string()
    };
    assert!(error(&[]).contains("1 to 3 metrics, got 0"));
    assert!(
        error(&[
            "mean_ttft_ms",
            "mean_tpot_ms",
            "mean_itl_ms",
            "mean_e2el_ms"
        ])
        .contains("got 4")
    );
    assert!(error(&["mean_ttft_ms", "mean_ttft_ms"]).contains("twice"));
    assert!(error(&["mean_ttfft_ms"]).contains("mean_ttft_ms"));
    let gate = Gate::new([TTFT, THROUGHPUT])
        .expect("a gate")
        .rule_of(TTFT, Rule::Adaptive { limit: 0.2 });
    assert_eq!(
        done(&base(), &three(115.0, 10.0), &gate).state,
        State::Passed
    );
    assert_eq!(
        done(&base(), &three(100.0, 9.0), &gate).state,
        State::Regressed
    );
}
