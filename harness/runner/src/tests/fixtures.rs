//! Fixtures in whole runs: who makes them, who hears of their failures, when they are taken down.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::run::{run, run_and, stuck};
use super::support::*;
use crate::body::{Cx, Error, TestResult, skip};
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Stored};
use crate::outcome::{Outcome, Phase};
use crate::registry::Place;

/// What fixtures did, in order; one log per test, found by the name in front.
static LOG: Mutex<Vec<String>> = Mutex::new(vec![]);

fn say(text: String) {
    LOG.lock().expect("the log").push(text);
}
fn said(prefix: &str) -> Vec<String> {
    LOG.lock()
        .expect("the log")
        .iter()
        .filter_map(|l| l.strip_prefix(prefix))
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
    let place = Place {
        file: "f.rs",
        line: 7,
        column: 1,
    };
    leak(FixtureEntry {
        name,
        module: "suite",
        scope,
        place,
        needs: Box::leak(needs.to_vec().into_boxed_slice()),
        params: &[],
        implies: &[],
        deployment: false,
        deployments: false,
        shared_by: None,
        set_up,
    })
}

#[test]
fn fixtures_are_made_once_per_scope_and_taken_down_in_reverse_when_their_last_user_is_done() {
    let session = fixture("1.session", Scope::Session, &[], set_up);
    let inner = fixture("1.test", Scope::Test, &[session], set_up);
    fn body(_: &Cx<'_>) -> TestResult {
        say("1.body".into());
        Ok(())
    }
    let tests = vec![
        test("a").fixtures(&[inner]).body(body),
        test("b").fixtures(&[inner, session]).body(body),
        test("c").body(|_| {
            say("1.other".into());
            Ok(())
        }),
    ];
    let (_, summary) = run(tests, &["--test-threads", "1"]);
    assert_eq!(summary.counts.passed, 3);
    assert_eq!(
        said("1."),
        [
            "session up",
            "test up",
            "body",
            "test down",
            "test up",
            "body",
            "test down",
            "session down",
            "other"
        ]
    );
}

#[test]
fn teardown_runs_whatever_the_body_does() {
    let f = fixture("2.f", Scope::Test, &[], set_up);
    let tests = vec![
        test("a").fixtures(&[f]).body(|_| panic!("boom")),
        test("b").fixtures(&[f]).body(|_| skip("no".into())),
        test("c")
            .fixtures(&[f])
            .marked(&["timeout(\"50ms\")"])
            .body(stuck),
        test("d").fixtures(&[f]).body(|_| Err(Error::of("no"))),
    ];
    run(tests, &["--test-threads", "1"]);
    assert_eq!(said("2."), ["f up", "f down"].repeat(4));
}

#[test]
fn a_fixture_that_cannot_be_made_fails_its_users_and_is_tried_once() {
    fn broken(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            say(format!("{} tried", cx.entry.name));
            Err(Error::of("no such model"))
        })
    }
    fn panics(_: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async { panic!("boom") })
    }
    fn skips(_: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async { skip("no device".into()) })
    }
    let broken = fixture("3.broken", Scope::Session, &[], broken);
    let above = fixture("3.above", Scope::Test, &[broken], set_up);
    let panics = fixture("3.panics", Scope::Test, &[], panics);
    let skips = fixture("3.skips", Scope::Test, &[], skips);
    let tests = vec![
        test("a").fixtures(&[broken]),
        test("b").fixtures(&[above]),
        test("c").fixtures(&[panics]),
        test("d").fixtures(&[skips]),
    ];
    let (outcomes, _) = run(tests, &["--test-threads", "1"]);
    assert!(
        matches!(&outcomes[0].1, Outcome::SetUpFailed(t) if t == "fixture `3.broken` (f.rs:7:1): no such model"),
        "{outcomes:?}"
    );
    // Once in full is enough; the others say who tells it.
    assert!(
        matches!(&outcomes[1].1, Outcome::SetUpFailed(t) if t.contains("`3.broken`") && t.contains("the case `a` tells it") && !t.contains("no such model")),
        "{outcomes:?}"
    );
    assert!(
        matches!(&outcomes[2].1, Outcome::SetUpFailed(t) if t.contains("boom") && t.contains("tests/fixtures.rs")),
        "{outcomes:?}"
    );
    assert!(matches!(&outcomes[3].1, Outcome::Skipped(t) if t.contains("no device")));
    assert_eq!(said("3."), ["broken tried"]);
}

#[test]
fn a_failing_teardown_fails_the_test_that_it_belongs_to() {
    fn leaves(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            cx.on_teardown(|| async { Err::<(), _>("process 7 is left") });
            Ok(Arc::new(()) as Stored)
        })
    }
    let f = fixture("4.f", Scope::Session, &[], leaves);
    let (outcomes, _) = run(
        vec![test("a").fixtures(&[f]), test("b")],
        &["--test-threads", "1"],
    );
    assert!(
        matches!(&outcomes[0].1, Outcome::TeardownFailed(t) if t.contains("4.f") && t.contains("process 7 is left")),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[1].1, Outcome::Passed);
}

#[test]
fn a_failure_is_not_told_by_a_case_that_is_expected_to_fail() {
    fn broken(_: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async { Err(Error::of("no such model")) })
    }
    let broken = fixture("5.broken", Scope::Session, &[], broken);
    let tests = vec![
        test("a").fixtures(&[broken]).marked(&["xfail(\"bug 7\")"]),
        test("b").fixtures(&[broken]),
    ];
    let (outcomes, _) = run(tests, &["--test-threads", "1"]);
    assert_eq!(outcomes[0].1, Outcome::ExpectedFailure("bug 7".into()));
    assert!(
        matches!(&outcomes[1].1, Outcome::SetUpFailed(t) if t.contains("no such model")),
        "{outcomes:?}"
    );
}

/// A future that never ends.
fn hangs(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
    Box::pin(async move {
        let name = cx.entry.name;
        say(format!("{name} tried"));
        cx.on_teardown(move || async move {
            say(format!("{name} down"));
            Ok::<(), String>(())
        });
        std::future::pending::<()>().await;
        Ok(Arc::new(()) as Stored)
    })
}

#[test]
fn the_limit_of_set_up_ends_it_once_and_what_it_registered_is_taken_down() {
    let f = fixture("6.f", Scope::Session, &[], hangs);
    let tests = vec![
        test("a")
            .fixtures(&[f])
            .marked(&["timeout(60, setup=\"40ms\")"]),
        test("b").fixtures(&[f]),
    ];
    let (outcomes, _) = run(tests, &["--test-threads", "1"]);
    assert!(
        matches!(&outcomes[0].1, Outcome::TimedOut(Phase::SetUp, d, t) if d.as_millis() == 40 && t.contains("6.f")),
        "{outcomes:?}"
    );
    assert!(
        matches!(&outcomes[1].1, Outcome::SetUpFailed(t) if t.contains("the case `a` tells it")),
        "{outcomes:?}"
    );
    assert_eq!(said("6."), ["f tried", "f down"]);
}

#[test]
fn the_options_limit_set_up_and_teardown_and_the_scale_holds_for_all_three() {
    let plan = |args: &[&str]| {
        let (c, o, v) = (
            catalog(vec![test("a").marked(&["timeout(10)"])]),
            options(args),
            vocabulary(),
        );
        let s = crate::selection::Selector::new(v, &o)
            .expect("valid")
            .select(&c, &mut |_| false);
        let plan = crate::plan::Plan::new(&c, &s, &o, None, v, &mut here());
        let p = &plan.cases[0];
        [p.setup_limit, p.limit.expect("a limit"), p.teardown_limit].map(|d| d.as_secs())
    };
    assert_eq!(plan(&[]), [900, 10, 60]);
    assert_eq!(
        plan(&["--setup-timeout", "5s", "--teardown-timeout", "7s"]),
        [5, 10, 7]
    );
    assert_eq!(
        plan(&["--setup-timeout", "5s", "--timeout-scale", "3"]),
        [15, 30, 180]
    );
}

#[test]
fn a_teardown_that_hangs_is_given_up_and_the_others_run() {
    fn two(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            cx.on_teardown(|| async {
                say("7.first down".into());
                Ok::<(), String>(())
            });
            cx.on_teardown(|| async {
                std::future::pending::<()>().await;
                Ok::<(), String>(())
            });
            Ok(Arc::new(()) as Stored)
        })
    }
    let f = fixture("7.f", Scope::Test, &[], two);
    let tests = vec![
        test("a")
            .fixtures(&[f])
            .marked(&["timeout(60, teardown=\"40ms\")"]),
    ];
    let (outcomes, _) = run(tests, &[]);
    assert!(
        matches!(&outcomes[0].1, Outcome::TeardownFailed(t) if t.contains("teardown of `7.f` did not end within 0.040s")),
        "{outcomes:?}"
    );
    assert_eq!(said("7."), ["first down"]);
}

#[test]
fn a_fixture_is_taken_down_when_its_other_users_will_not_run() {
    // `c` still runs when `b`, the other user of the fixture, is kept from running: it sees the fixture go down.
    fn fails(_: &Cx<'_>) -> TestResult {
        let began = std::time::Instant::now();
        while said("8.").len() < 2 && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(Error::of("boom"))
    }
    fn waits(_: &Cx<'_>) -> TestResult {
        say("8.waits".into());
        let began = std::time::Instant::now();
        while !said("8.").contains(&"f down".to_owned()) {
            if began.elapsed() > Duration::from_secs(30) {
                return Err(Error::of("the fixture stayed up"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
    let f = fixture("8.f", Scope::Session, &[], set_up);
    let tests = vec![
        test("a").fixtures(&[f]).body(fails),
        test("b").body(waits),
        test("c").fixtures(&[f]).marked(&["serial"]),
        test("d").fixtures(&[f]).marked(&["serial"]),
    ];
    let (outcomes, _) = run(tests, &["--test-threads", "2", "--fail-fast"]);
    assert_eq!(outcomes[1].1, Outcome::Passed, "{outcomes:?}");
}

#[test]
fn stopping_drops_what_is_being_set_up_and_takes_it_down() {
    let f = fixture("9.f", Scope::Session, &[], hangs);
    let (outcomes, _) = run_and(vec![test("a").fixtures(&[f])], &[], |run| {
        let began = std::time::Instant::now();
        while said("9.").is_empty() {
            assert!(began.elapsed() < Duration::from_secs(30), "it never began");
            std::thread::sleep(Duration::from_millis(2));
        }
        run.stop("told so");
    });
    assert_eq!(outcomes[0].1, Outcome::Failed("told so".into()));
    assert_eq!(said("9."), ["f tried", "f down"]);
}

#[test]
fn parameters_are_read_as_values_with_an_error_that_says_what_is_wrong() {
    fn reads(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            let port = match cx.asked_by() {
                "c::8080" => cx.param_as::<u16>("p"),
                "u::8080" => cx.param_as::<u16>("q"),
                _ => cx.param_as::<u16>("p"),
            }?;
            say(format!("10.{port}"));
            Ok(Arc::new(port) as Stored)
        })
    }
    let f = leak(FixtureEntry {
        params: &["p"],
        ..copy(fixture("10.f", Scope::Test, &[], reads))
    });
    let tests = vec![
        test("c").fixtures(&[f]).cases(&[("8080", &[])]),
        test("d").fixtures(&[f]).cases(&[("many", &[])]),
        test("e").fixtures(&[f]),
        test("u").fixtures(&[f]).cases(&[("8080", &[])]),
    ];
    let (outcomes, _) = run(tests, &["--test-threads", "1"]);
    assert_eq!(outcomes[0].1, Outcome::Passed);
    assert_eq!(said("10."), ["8080"]);
    for (at, parts) in [
        (
            1,
            [
                "the parameter `p` of the case `d::many`: `many` is no u16",
                "invalid digit",
            ],
        ),
        (
            2,
            [
                "the case `e` has no parameter `p`, which fixture `10.f` reads",
                "#[case] or #[values]",
            ],
        ),
        (
            3,
            [
                "does not declare that it reads the parameter `q`",
                "params(q)",
            ],
        ),
    ] {
        let Outcome::SetUpFailed(text) = &outcomes[at].1 else {
            panic!("{outcomes:?}")
        };
        assert!(parts.iter().all(|p| text.contains(p)), "{text}");
    }
}

fn copy(f: &FixtureEntry) -> FixtureEntry {
    FixtureEntry {
        name: f.name,
        module: f.module,
        scope: f.scope,
        place: f.place,
        needs: f.needs,
        params: f.params,
        implies: f.implies,
        deployment: f.deployment,
        deployments: false,
        shared_by: f.shared_by,
        set_up: f.set_up,
    }
}
