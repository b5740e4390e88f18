use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::support::*;
use crate::body::{Cx, Error, TestResult, drive, skip};
use crate::capture::Capture;
use crate::catalog::Catalog;
use crate::event::{Ended, Event, Summary};
use crate::gates::Here;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::run::{Clock, Run, RunOptions};
use crate::selection::Selector;

/// Runs tests and returns every outcome by name, and the summary.
pub(super) fn run(tests: Vec<Make>, args: &[&str]) -> (Vec<(String, Outcome)>, Summary) {
    run_and(tests, args, |_| {})
}

pub(super) fn run_and(
    tests: Vec<Make>,
    args: &[&str],
    meanwhile: impl FnOnce(&Arc<Run>),
) -> (Vec<(String, Outcome)>, Summary) {
    let (ended, summary) = run_whole(tests, args, meanwhile);
    let outcomes = ended.into_iter().map(|(n, e)| (n, e.outcome)).collect();
    (outcomes, summary)
}

/// Everything that is known of every case, by name.
pub(super) fn run_whole(
    tests: Vec<Make>,
    args: &[&str],
    meanwhile: impl FnOnce(&Arc<Run>),
) -> (Vec<(String, Ended)>, Summary) {
    run_on(tests, args, here(), None, meanwhile)
}

/// The same on a machine of one's own, with the ledger of its simulated devices.
pub(super) fn run_on(
    tests: Vec<Make>,
    args: &[&str],
    facts: Here,
    simulated: Option<&std::path::Path>,
    meanwhile: impl FnOnce(&Arc<Run>),
) -> (Vec<(String, Ended)>, Summary) {
    run_catalog(catalog(tests), args, facts, simulated, &|_| (), meanwhile)
}

/// The same with options of one's own.
pub(super) fn run_catalog(
    c: Catalog,
    args: &[&str],
    mut facts: Here,
    simulated: Option<&std::path::Path>,
    changed: &dyn Fn(&mut RunOptions),
    meanwhile: impl FnOnce(&Arc<Run>),
) -> (Vec<(String, Ended)>, Summary) {
    let (o, v) = (options(args), vocabulary());
    let selection = Selector::new(v, &o)
        .expect("valid")
        .select(&c, &mut |_| false);
    let plan = Plan::new(&c, &selection, &o, None, v, &mut facts);
    let (sender, events) = mpsc::channel();
    let mut options = RunOptions {
        slots: o.test_threads.unwrap_or(2),
        max_fail: o.max_fail,
        require_baseline: o.require_baseline,
        deny_skips: o.deny_skips.then_some("--deny-skips"),
        show_output: false,
        filtered_out: 0,
        level_names: v.levels().iter().map(|l| l.name.clone()).collect(),
        grace: Duration::from_secs(5),
        run_limit: o.run_limit,
        leases: simulated.map(|ledger| ledger.with_extension("host")),
        simulated: simulated.map(Into::into),
        process_per_test: false,
        vram_overuse_warns: false,
        settle: Duration::from_secs(1),
        clock: Clock::default(),
        retries: o.retrying(),
        classes: tribunal_events::Classes::shipped,
        today: tribunal_vocabulary::Date::since_epoch(20_000),
        evidence: crate::evidence::EvidenceOptions {
            keep: crate::options::KeepEvidence::None,
            ..Default::default()
        },
    };
    changed(&mut options);
    let run = Run::new(c, plan, options, sender, Capture::off());
    let worker = {
        let run = run.clone();
        std::thread::spawn(move || run.work())
    };
    meanwhile(&run);
    let mut outcomes = vec![];
    let summary = loop {
        match events.recv().expect("the run sends its summary") {
            Event::CaseEnded(ended) => outcomes.push((run.name(ended.planned).to_string(), ended)),
            Event::RunEnded(summary) => break *summary,
            _ => {}
        }
    };
    drop(worker);
    outcomes.sort_by(|a, b| a.0.cmp(&b.0));
    (outcomes, summary)
}

pub(super) fn one(make: Make, args: &[&str]) -> Outcome {
    run(vec![make], args).0.remove(0).1
}

pub(super) fn failed(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(text) => text,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn the_ways_a_body_can_end() {
    assert_eq!(one(test("t"), &[]), Outcome::Passed);
    assert!(failed(&one(test("t").body(|_| Err(Error::of("no"))), &[])).starts_with("Error: no"));
    let text = one(test("t").body(|_| panic!("boom")), &[]);
    assert!(
        failed(&text).starts_with("thread 't' panicked at ")
            && failed(&text).contains("run.rs:")
            && failed(&text).contains(":\nboom\n"),
        "{text:?}"
    );
    assert_eq!(
        one(test("t").body(|_| skip("not today".into())), &[]),
        Outcome::Skipped("not today".into())
    );
    assert!(
        failed(&one(
            test("t").body(|_| skip("not today".into())),
            &["--deny-skips"]
        ))
        .contains("not today")
    );
    assert_eq!(
        one(test("t").ignored("why"), &[]),
        Outcome::Ignored("why".into())
    );
}

#[test]
fn the_place_of_a_question_mark_is_kept() {
    fn body(_: &Cx<'_>) -> TestResult {
        "x".parse::<u8>()?;
        Ok(())
    }
    let outcome = one(test("t").body(body), &[]);
    assert!(
        failed(&outcome).contains("invalid digit") && failed(&outcome).contains("tests/run.rs:"),
        "{outcome:?}"
    );
}

#[test]
fn should_panic() {
    assert_eq!(
        one(test("t").should_panic("").body(|_| panic!("boom")), &[]),
        Outcome::Passed
    );
    assert_eq!(
        one(test("t").should_panic("oo").body(|_| panic!("boom")), &[]),
        Outcome::Passed
    );
    assert!(
        failed(&one(
            test("t").should_panic("xx").body(|_| panic!("boom")),
            &[]
        ))
        .contains("did not contain expected string")
    );
    assert!(failed(&one(test("t").should_panic(""), &[])).contains("did not panic as expected"));
}

#[test]
fn xfail() {
    let marked = |text| test("t").marked(&[text]);
    assert_eq!(
        one(marked("xfail(\"bug 7\")").body(|_| panic!("boom")), &[]),
        Outcome::ExpectedFailure("bug 7".into())
    );
    assert_eq!(
        one(marked("xfail(\"bug 7\")"), &[]),
        Outcome::UnexpectedPass("bug 7".into())
    );
    assert_eq!(
        one(marked("xfail(\"bug 7\", strict=false)"), &[]),
        Outcome::Passed
    );
}

#[test]
fn a_body_may_say_that_it_fails_as_expected() {
    let said = |_: &Cx<'_>| crate::expect_failure("bug 8");
    fn and_fails(_: &Cx<'_>) -> TestResult {
        crate::expect_failure("bug 8")?;
        panic!("boom")
    }
    assert_eq!(
        one(test("t").body(said), &[]),
        Outcome::UnexpectedPass("bug 8".into())
    );
    assert_eq!(
        one(test("t").body(and_fails), &[]),
        Outcome::ExpectedFailure("bug 8".into())
    );
    assert!(crate::expect_failure("nobody").is_err());
}

#[test]
fn an_async_body_is_cancelled_at_its_limit_and_its_destructors_run() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Witness;
    impl Drop for Witness {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn body(_: &Cx<'_>) -> TestResult {
        drive(std::pin::pin!(async {
            let _witness = Witness;
            std::future::pending::<()>().await
        }))
    }
    let outcome = one(
        test("t").marked(&["timeout(\"50ms\")"]).body_async(body),
        &[],
    );
    assert!(
        matches!(&outcome, Outcome::TimedOut(crate::outcome::Phase::Body, limit, _) if *limit == Duration::from_millis(50)),
        "{outcome:?}"
    );
    assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
}

/// Blocks until the test is over: what a body does that never returns.
pub(super) fn stuck(_: &Cx<'_>) -> TestResult {
    loop {
        std::thread::park();
    }
}

#[test]
fn a_blocking_body_is_abandoned_and_the_run_goes_on() {
    for threads in ["1", "2"] {
        let tests = vec![
            test("a").marked(&["timeout(\"50ms\")"]).body(stuck),
            test("b"),
            test("c"),
        ];
        let (outcomes, summary) = run(tests, &["--test-threads", threads]);
        assert!(
            matches!(&outcomes[0].1, Outcome::TimedOut(_, _, text) if text.contains("abandoned")),
            "{outcomes:?}"
        );
        assert_eq!(
            (summary.counts.passed, summary.counts.failed),
            (2, 1),
            "{threads} threads"
        );
    }
}

#[test]
fn an_async_body_that_blocks_its_thread_is_abandoned_too() {
    fn body(_: &Cx<'_>) -> TestResult {
        drive(std::pin::pin!(async {
            loop {
                std::thread::park();
            }
            #[allow(unreachable_code)]
            ()
        }))
    }
    let outcome = one(
        test("t").marked(&["timeout(\"50ms\")"]).body_async(body),
        &[],
    );
    assert!(
        matches!(&outcome, Outcome::TimedOut(_, _, text) if text.contains("blocks its thread")),
        "{outcome:?}"
    );
}

#[test]
fn a_panic_in_a_spawned_task_fails_its_test_and_a_caught_one_does_not() {
    fn spawned(_: &Cx<'_>) -> TestResult {
        drive(std::pin::pin!(async {
            let _ = tokio::spawn(async { panic!("in the task") }).await;
        }))
    }
    fn blocking(_: &Cx<'_>) -> TestResult {
        drive(std::pin::pin!(async {
            let _ = tokio::task::spawn_blocking(|| panic!("on the blocking thread")).await;
        }))
    }
    fn caught(_: &Cx<'_>) -> TestResult {
        let _ = std::panic::catch_unwind(|| panic!("caught"));
        Ok(())
    }
    let (outcomes, _) = run(
        vec![
            test("blocking").body_async(blocking),
            test("caught").body(caught),
            test("spawned").body_async(spawned),
        ],
        &[],
    );
    assert!(failed(&outcomes[0].1).contains("on the blocking thread"));
    assert_eq!(outcomes[1].1, Outcome::Passed);
    assert!(
        failed(&outcomes[2].1).contains("in the task")
            && failed(&outcomes[2].1).contains("thread 'spawned'"),
        "{outcomes:?}"
    );
}

#[test]
fn a_task_that_is_left_behind_is_noted_and_cannot_disturb_the_next_test() {
    fn body(_: &Cx<'_>) -> TestResult {
        drive(std::pin::pin!(async {
            tokio::spawn(std::future::pending::<()>());
        }))
    }
    let (outcomes, _) = run(
        vec![test("a").body_async(body), test("b").body_async(body)],
        &["--test-threads", "1"],
    );
    assert!(outcomes.iter().all(|(_, o)| *o == Outcome::Passed));
}

#[test]
fn nothing_starts_after_the_last_failure_that_is_allowed() {
    let fail: fn(&Cx<'_>) -> TestResult = |_| Err(Error::of("no"));
    let (outcomes, summary) = run(
        vec![
            test("a"),
            test("b").body(fail),
            test("c").body(fail),
            test("d"),
        ],
        &["--max-fail", "1", "--test-threads", "1"],
    );
    assert!(matches!(&outcomes[2].1, Outcome::NotRun(why) if why.contains("--fail-fast")));
    assert_eq!(
        (
            summary.counts.passed,
            summary.counts.failed,
            summary.counts.not_run
        ),
        (1, 1, 2)
    );
}

#[test]
fn serial_cases_never_meet() {
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    fn body(_: &Cx<'_>) -> TestResult {
        assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0, "two at once");
        for _ in 0..100 {
            std::thread::yield_now();
        }
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
    let names: Vec<&'static str> = (0..40).map(|i| &*format!("t{i}").leak()).collect();
    let (_, summary) = run(
        names
            .into_iter()
            .map(|n| test(n).marked(&["serial(\"x\")"]).body(body))
            .collect(),
        &["--test-threads", "8"],
    );
    assert_eq!((summary.counts.passed, summary.counts.failed), (40, 0));
}

#[test]
fn stopping_cancels_what_runs_and_reports_the_rest() {
    fn endless(_: &Cx<'_>) -> TestResult {
        drive(std::pin::pin!(std::future::pending::<()>()))
    }
    let (outcomes, summary) = run_and(
        vec![
            test("a").body_async(endless),
            test("b").body(stuck),
            test("c"),
        ],
        &["--test-threads", "2"],
        |run| {
            while run.running().0.len() < 2 {
                std::thread::yield_now();
            }
            run.stop("told so");
        },
    );
    assert_eq!(
        failed(&outcomes[0].1).lines().next(),
        Some("Error: told so")
    );
    assert_eq!(failed(&outcomes[1].1), "told so");
    assert_eq!(outcomes[2].1, Outcome::NotRun("told so".into()));
    assert_eq!(summary.counts.not_run, 1);
}

#[test]
fn the_runs_limit_stops_the_run() {
    let (outcomes, _) = run(vec![test("a").body(stuck)], &["--run-limit", "50ms"]);
    assert!(failed(&outcomes[0].1).contains("--run-limit"));
}

#[test]
fn every_result_is_there_when_the_run_ends() {
    let names: Vec<&'static str> = (0..500).map(|i| &*format!("t{i:03}").leak()).collect();
    let (outcomes, summary) = run(
        names.into_iter().map(test).collect(),
        &["--test-threads", "4"],
    );
    assert_eq!((outcomes.len(), summary.counts.passed), (500, 500));
}
