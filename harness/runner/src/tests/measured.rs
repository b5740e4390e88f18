//! Bodies that measure: how they end, and that they are alone.

#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use super::run::one;
#[cfg(target_os = "linux")]
use super::run::run_catalog;
use super::support::*;
use crate::body::{Cx, Error, TestResult};
use crate::outcome::{Outcome, inconclusive, invalid, regressed};

fn worse(_: &Cx<'_>) -> TestResult {
    Err(regressed("p99 is 12 % worse"))?
}

fn noisy(_: &Cx<'_>) -> TestResult {
    Err(Error::of(inconclusive("too noisy")))
}

fn late(_: &Cx<'_>) -> TestResult {
    Err(Error::from(invalid("the client was late")))
}

fn first(_: &Cx<'_>) -> TestResult {
    crate::no_baseline("0 of 5 runs")?;
    crate::no_baseline("another step")
}

fn first_and_wrong(_: &Cx<'_>) -> TestResult {
    crate::no_baseline("0 of 5 runs")?;
    Err(Error::of("the answer is wrong"))
}

#[test]
fn a_body_ends_as_what_it_found() {
    for (body, outcome) in [
        (
            worse as fn(&Cx<'_>) -> TestResult,
            Outcome::Regressed("p99 is 12 % worse".into()),
        ),
        (noisy, Outcome::Inconclusive("too noisy".into())),
        (late, Outcome::Invalid("the client was late".into())),
        (first, Outcome::NoBaseline("0 of 5 runs".into())),
        (
            first_and_wrong,
            Outcome::Failed("Error: the answer is wrong".into()),
        ),
    ] {
        assert_eq!(one(test("t").body(body), &[]), outcome);
    }
}

#[test]
fn without_a_baseline_a_run_can_be_made_to_fail() {
    assert_eq!(
        one(test("t").body(first), &["--require-baseline"]),
        Outcome::Failed("no baseline: 0 of 5 runs (--require-baseline)".into())
    );
    assert_eq!(
        one(test("t"), &["--require-baseline"]),
        Outcome::Passed,
        "what measures nothing needs none"
    );
}

#[test]
fn a_regression_can_be_expected_and_a_measurement_that_is_no_good_cannot() {
    let marked = |body| test("t").marked(&["xfail(\"bug 7\")"]).body(body);
    assert_eq!(
        one(marked(worse), &[]),
        Outcome::ExpectedFailure("bug 7".into())
    );
    assert_eq!(
        one(marked(late), &[]),
        Outcome::Invalid("the client was late".into())
    );
}

/// Runs one test with leases in a folder where somebody holds `claim`, and says whether the test waited until that was over.
#[cfg(target_os = "linux")]
fn waits_for(claim: tribunal_hardware::Claim, markers: &[&'static str]) -> bool {
    use tribunal_hardware::Leases;
    let folder = tempfile::tempdir().expect("a folder");
    let leases = Leases::open(folder.path()).expect("a ledger");
    let lease = leases.try_take(&claim).expect("a claim").expect("free");
    let mut waited = false;
    let (ended, _) = run_catalog(
        catalog(vec![test("t").marked(markers)]),
        &[],
        here(),
        None,
        &|options| options.leases = Some(folder.path().to_owned()),
        |run| {
            let end = Instant::now() + Duration::from_secs(60);
            while Instant::now() < end && run.result(0).is_none() && !waited {
                let all = leases.holders().expect("readable");
                waited = all.iter().any(|info| info.waits);
                std::thread::sleep(Duration::from_millis(2));
            }
            drop(lease);
        },
    );
    assert_eq!(ended[0].1.outcome, Outcome::Passed);
    waited
}

#[test]
#[cfg(target_os = "linux")]
fn what_measures_has_the_host_for_itself() {
    use tribunal_hardware::Claim;
    let beside = Claim::default;
    let server = || Claim {
        server: true,
        ..Claim::default()
    };
    let alone = || Claim {
        host_exclusive: true,
        ..Claim::default()
    };
    for (claim, markers, waits) in [
        (beside(), &["performance"][..], true),
        (beside(), &["stability", "e2e"], true),
        (server(), &["performance"], false),
        (beside(), &["e2e"], false),
        (alone(), &["e2e"], true),
        (alone(), &["unit"], false),
        (alone(), &["performance"], true),
    ] {
        assert_eq!(waits_for(claim, markers), waits, "{markers:?}");
    }
}

#[test]
fn what_measures_comes_last_and_a_soak_has_the_time_it_is_given() {
    use crate::plan::Plan;
    use crate::selection::Selector;
    let tests = vec![
        test("a")
            .at(1)
            .marked(&["slow", "stability", "timeout(\"10s\")"]),
        test("b").at(2).marked(&["slow", "e2e", "timeout(\"10s\")"]),
    ];
    let (c, v) = (catalog(tests), vocabulary());
    let o = options(&["--run-level", "slow", "--soak", "2h"]);
    let selection = Selector::new(v, &o)
        .expect("valid")
        .select(&c, &mut |_| false);
    let plan = Plan::new(&c, &selection, &o, None, v, &mut here());
    let planned: Vec<_> = plan
        .cases
        .iter()
        .map(|p| {
            (
                &*c.cases[p.case].name,
                p.alone,
                p.limit.map(|l| l.as_secs()),
            )
        })
        .collect();
    assert_eq!(planned, [("b", false, Some(10)), ("a", true, Some(7210))]);
}
