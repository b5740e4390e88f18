//! Failures that are repeated, and failures in quarantine, in whole runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tribunal_vocabulary::Date;

use super::run::{failed, run, run_catalog, run_whole, stuck};
use super::support::*;
use crate::body::{Cx, Error, TestResult};
use crate::event::{Ended, Summary};
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Stored};
use crate::outcome::Outcome;
use crate::registry::Place;
use crate::run::RunOptions;

/// The text of a failure that is an assertion on content.
const CONTENT: &str = "assertion failed: the answer names a colour";

/// How often each body of these tests ran.
static CALLS: [AtomicUsize; 16] = [const { AtomicUsize::new(0) }; 16];

fn calls(of: usize) -> usize {
    CALLS[of].load(Ordering::SeqCst)
}
fn count(of: usize) -> usize {
    CALLS[of].fetch_add(1, Ordering::SeqCst) + 1
}

/// Passes from its third call on.
fn third<const OF: usize>(_: &Cx<'_>) -> TestResult {
    match count(OF) {
        3.. => Ok(()),
        _ => Err(Error::of(CONTENT)),
    }
}
/// Never passes.
fn never<const OF: usize>(_: &Cx<'_>) -> TestResult {
    count(OF);
    Err(Error::of(CONTENT))
}
/// Never passes, for a reason that no rule knows.
fn unknown<const OF: usize>(_: &Cx<'_>) -> TestResult {
    count(OF);
    Err(std::io::Error::other("seven is no colour").into())
}

fn only(make: Make, args: &[&str]) -> (Ended, Summary) {
    let (mut ended, summary) = run_whole(vec![make], args, |_| {});
    (ended.remove(0).1, summary)
}

#[test]
fn what_passes_when_it_is_repeated_is_flaky_and_says_how_it_failed() {
    let (ended, summary) = only(test("a").body(third::<0>), &["--retries", "2"]);
    let Outcome::Flaky(text) = &ended.outcome else {
        panic!("{:?}", ended.outcome)
    };
    assert_eq!((calls(0), ended.attempt), (3, 3));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], "passed on attempt 3");
    assert!(
        lines[1].starts_with("attempt 1: failed (quality): "),
        "{text}"
    );
    assert!(lines[2].contains(CONTENT), "{text}");
    let counts = summary.counts;
    assert_eq!(
        (counts.passed, counts.flaky, counts.failed, counts.retries),
        (1, 1, 0, 2)
    );
}

#[test]
fn flaky_can_be_a_failure() {
    let args = ["--retries", "2", "--flaky-result", "fail"];
    let (ended, summary) = only(test("a").body(third::<1>), &args);
    let text = failed(&ended.outcome);
    assert!(
        text.contains("--flaky-result fail") && text.contains("passed on attempt 3"),
        "{text}"
    );
    assert_eq!((summary.counts.failed, summary.counts.flaky), (1, 0));
}

#[test]
fn what_keeps_failing_fails_once_and_tells_of_its_attempts() {
    let (ended, summary) = only(test("a").body(never::<2>), &["--retries", "2"]);
    assert!(failed(&ended.outcome).contains(CONTENT));
    assert_eq!((calls(2), ended.attempt, ended.notes.len()), (3, 3, 2));
    assert_eq!((summary.counts.failed, summary.counts.retries), (1, 2));
    assert_eq!(ended.class.expect("a class").class, "quality");
}

#[test]
fn only_declared_classes_are_repeated_and_the_own_word_of_a_test_comes_first() {
    let tests = vec![
        test("unknown").body(unknown::<3>),
        test("own")
            .marked(&["retries(1, on=\"crash\")"])
            .body(never::<4>),
        test("none").marked(&["retries(0)"]).body(never::<5>),
        test("old")
            .marked(&["flaky(1, only_rerun=\"no colour\")"])
            .body(unknown::<6>),
        test("stuck").marked(&["timeout(\"50ms\")"]).body(|cx| {
            count(7);
            stuck(cx)
        }),
    ];
    let (_, summary) = run(tests, &["--retries", "3"]);
    assert_eq!([3, 4, 5, 6, 7].map(calls), [1, 1, 1, 2, 1]);
    assert_eq!(summary.counts.failed, 5);
}

#[test]
fn a_body_that_blocks_is_repeated_where_somebody_says_so() {
    fn body(cx: &Cx<'_>) -> TestResult {
        if count(8) == 1 { stuck(cx) } else { Ok(()) }
    }
    let make = test("a")
        .marked(&["timeout(\"300ms\")", "retries(1, on=\"hang\")"])
        .body(body);
    let (ended, _) = only(make, &["--test-threads", "1"]);
    assert!(
        matches!(&ended.outcome, Outcome::Flaky(text) if text.contains("timed out (hang)")),
        "{:?}",
        ended.outcome
    );
}

#[test]
fn a_run_has_so_many_retries_and_says_when_they_are_spent() {
    let tests = vec![test("a").body(never::<9>), test("b").body(never::<10>)];
    let args = [
        "--retries",
        "2",
        "--max-retries-per-run",
        "3",
        "--test-threads",
        "1",
    ];
    let (_, summary) = run(tests, &args);
    assert_eq!(calls(9) + calls(10), 2 + 3);
    assert_eq!(summary.counts.retries, 3);
    assert!(
        summary
            .notes
            .iter()
            .any(|n| n.contains("--max-retries-per-run")),
        "{:?}",
        summary.notes
    );
}

#[test]
fn a_runner_that_repeats_itself_is_left_to_it() {
    let changed = |options: &mut RunOptions| options.retries.off = Some("nextest's count");
    let tests = catalog(vec![test("a").body(never::<11>)]);
    let (_, summary) = run_catalog(tests, &["--retries", "2"], here(), None, &changed, |_| {});
    assert_eq!((calls(11), summary.counts.retries), (1, 0));
    assert!(
        summary.notes.iter().any(|n| n.contains("nextest's count")),
        "{:?}",
        summary.notes
    );
}

/// What fixtures did, by their names, in order.
static LOG: Mutex<Vec<String>> = Mutex::new(vec![]);

fn say(text: String) {
    LOG.lock().expect("the log").push(text);
}
fn said(of: &str) -> Vec<String> {
    let log = LOG.lock().expect("the log");
    log.iter()
        .filter_map(|l| l.strip_prefix(of))
        .map(str::to_owned)
        .collect()
}

fn set_up(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
    Box::pin(async move {
        let name = cx.entry.name;
        say(format!("{name} up"));
        cx.on_teardown(move || async move {
            say(format!("{name} down"));
            Ok::<(), String>(())
        });
        Ok(Arc::new(name) as Stored)
    })
}

fn fixture(
    name: &'static str,
    scope: Scope,
    needs: &[&'static FixtureEntry],
    set_up: fn(SetUp) -> BoxFuture<'static, Result<Stored, Error>>,
) -> &'static FixtureEntry {
    leak(FixtureEntry {
        name,
        module: "suite",
        scope,
        place: Place {
            file: "f.rs",
            line: 7,
            column: 1,
        },
        needs: leak(needs.to_vec()),
        params: &[],
        implies: &[],
        deployment: false,
        deployments: false,
        shared_by: None,
        set_up,
    })
}

#[test]
fn an_attempt_has_fixtures_of_its_own_and_shared_ones_stay() {
    let session = fixture("1.session", Scope::Session, &[], set_up);
    let own = fixture("1.own", Scope::Test, &[session], set_up);
    let make = test("a").fixtures(&[own]).body(third::<12>);
    let (ended, _) = only(make, &["--retries", "2"]);
    assert!(
        matches!(ended.outcome, Outcome::Flaky(_)),
        "{:?}",
        ended.outcome
    );
    let each = ["own up", "own down"];
    let wanted = [&["session up"], &each[..], &each, &each, &["session down"]].concat();
    assert_eq!(said("1."), wanted);
}

#[test]
fn a_shared_fixture_that_could_not_be_made_is_made_again_for_all() {
    fn hesitates(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            if count(13) == 1 {
                cx.on_teardown(|| async {
                    say("2.half down".into());
                    Ok::<(), String>(())
                });
                return Err(Error::of("not ready after 900s: still waiting"));
            }
            set_up(cx).await
        })
    }
    let session = fixture("2.session", Scope::Session, &[], hesitates);
    let tests = vec![
        test("a").fixtures(&[session]),
        test("b").fixtures(&[session]),
    ];
    let (outcomes, summary) = run(tests, &["--retries", "1", "--test-threads", "1"]);
    assert!(
        matches!(&outcomes[0].1, Outcome::Flaky(t) if t.contains("(server never ready)")),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[1].1, Outcome::Passed);
    assert_eq!(summary.counts.flaky, 1);
    assert_eq!(said("2."), ["half down", "session up", "session down"]);
}

#[test]
fn an_attempt_that_leaves_something_behind_is_the_last() {
    fn leaves(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            cx.on_teardown(|| async { Err::<(), String>("pid 7 still runs".into()) });
            Ok(Arc::new(()) as Stored)
        })
    }
    let session = fixture("3.session", Scope::Session, &[], set_up);
    let own = fixture("3.own", Scope::Test, &[session], leaves);
    let make = test("a").fixtures(&[own]).body(never::<14>);
    let (ended, summary) = only(make, &["--retries", "2"]);
    assert_eq!(
        (calls(14), ended.attempt, summary.counts.retries),
        (1, 1, 0)
    );
    assert!(
        ended.notes.iter().any(|n| n.contains("pid 7")),
        "{:?}",
        ended.notes
    );
    assert_eq!(said("3."), ["session up", "session down"]);
}

#[test]
fn a_quarantine_never_blocks_until_its_last_day_is_over() {
    const MARK: &str = "quarantine(reason=\"drifts\", issue=\"#7\", until=\"2024-10-04\")";
    let on = |day: &str| {
        let today = Date::parse(day).expect("a day");
        let tests = catalog(vec![
            test("a").marked(&[MARK]).body(|_| Err(Error::of("no"))),
            test("b").marked(&[MARK]).at(11),
        ]);
        let changed = |options: &mut RunOptions| options.today = today;
        run_catalog(
            tests,
            &["--max-fail", "1", "--test-threads", "1"],
            here(),
            None,
            &changed,
            |_| {},
        )
    };
    let (ended, summary) = on("2024-10-04");
    let counts = summary.counts;
    assert_eq!(
        (
            counts.failed,
            counts.quarantined,
            counts.passed,
            counts.not_run
        ),
        (0, 1, 1, 0)
    );
    assert!(!ended[0].1.blocks() && ended[0].1.outcome.is_failure());
    assert_eq!(
        ended[0].1.waived.as_deref(),
        Some("quarantine: drifts (#7), until 2024-10-04")
    );
    assert_eq!(ended[1].1.waived, None);
    let (ended, summary) = on("2024-10-05");
    assert_eq!((summary.counts.failed, summary.counts.quarantined), (1, 0));
    assert!(
        ended[0]
            .1
            .notes
            .iter()
            .any(|n| n.contains("ended on 2024-10-04")),
        "{:?}",
        ended[0].1.notes
    );
}

#[test]
fn an_ended_quarantine_is_a_finding_of_the_lint() {
    const MARK: &str = "quarantine(reason=\"drifts\", issue=\"#7\", until=\"2024-10-04\")";
    let catalog = catalog(vec![test("a").marked(&[MARK])]);
    let on = |day| catalog.ended_quarantines(Date::parse(day).expect("a day"));
    assert_eq!(on("2024-10-04"), []);
    let findings = on("2024-10-05");
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].message.contains("#7"),
        "{}",
        findings[0].message
    );
}
