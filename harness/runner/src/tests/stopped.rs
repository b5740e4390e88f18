//! Runs that are stopped: what they held is looked at all the same, or it is said that it was not.

use std::sync::Arc;
use std::time::Duration;

use tribunal_hardware::Simulated;

use super::devices::leave_behind;
use super::run::run_catalog;
use super::stage::*;
use super::support::*;
use crate::attempt::current_test;
use crate::body::{Cx, Error, TestResult, drive};
use crate::event::Summary;
use crate::fixture::{BoxFuture, SetUp, Stored};
use crate::outcome::Outcome;

/// A server that leaves a process with memory behind.
fn leaky(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
    Box::pin(async move {
        let devices = cx.devices();
        let grant = devices.granted().ok_or_else(|| Error::msg("no devices"))?;
        leave_behind(grant.simulated().expect("simulated"))?;
        Ok(Arc::new(()) as Stored)
    })
}

/// Runs until the run is stopped.
fn endless(_: &Cx<'_>) -> TestResult {
    let name = current_test().ok_or_else(|| Error::msg("no test"))?.name;
    stage(&name).change(|entered, _| entered.extend([name.clone()]));
    drive(std::pin::pin!(std::future::pending::<()>()))
}

/// The first of two users of a server is stopped; the second is never run, and with it the server goes.
fn stopped(world: &'static str, settle: Duration, grace: Duration) -> Summary {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("devices");
    Simulated::create(&path, &layout(&[24])).expect("a ledger");
    let server = served_by(leaky);
    let user = |name: &str| {
        test(format!("{world}::{name}").leak())
            .marked(&["core_model"])
            .fixtures(&[server])
            .body_async(endless)
    };
    let world = World {
        gib: &[24],
        tests: vec![user("a"), user("b")],
        args: &["--test-threads", "1"],
    };
    let facts = world.facts();
    let options = |options: &mut crate::run::RunOptions| {
        (options.settle, options.grace) = (settle, grace);
    };
    let (ended, summary) = run_catalog(
        cataloged(world.tests),
        world.args,
        facts,
        Some(&path),
        &options,
        |run| {
            let stage = stage(run.name(0));
            assert!(stage.wait(|entered, _| !entered.is_empty()), "one runs");
            run.stop("told so");
        },
    );
    std::fs::write(path.with_extension("free"), "").expect("a file");
    let unrun = ended
        .iter()
        .filter(|(_, e)| matches!(e.outcome, Outcome::NotRun(_)));
    assert_eq!(unrun.count(), 1);
    summary
}

#[test]
fn a_server_that_nobody_will_use_any_more_is_handed_over_like_others() {
    let summary = stopped("deserted", Duration::from_secs(1), Duration::from_secs(600));
    let [error] = summary.late_errors.as_slice() else {
        panic!("{:?} {:?}", summary.late_errors, summary.notes);
    };
    assert!(
        error.starts_with("cuda 0 was not handed over clean: 3.00 GiB more"),
        "{error}"
    );
}

#[test]
fn a_check_that_the_grace_cuts_short_is_said_not_to_be_made() {
    let summary = stopped("hasty", Duration::from_secs(600), Duration::from_secs(2));
    assert_eq!(summary.late_errors, Vec::<String>::new());
    let said = "whether cuda 0 was handed over clean was not checked to the end";
    let told = |note: &String| note.starts_with(said) && note.contains("3.00 GiB more than before");
    assert!(summary.notes.iter().any(told), "{:?}", summary.notes);
}
