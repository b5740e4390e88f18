//! Processes that are ended: {no load, under load} × {KILL, TERM worker; KILL, TERM, INT root; KILL, TERM tree}.

use std::time::Duration;

use tribunal::faults::{Fault, Oracle, Signal, WorkerDeath};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::{self, SOME, Stage};

/// For so long a server that survives a worker must at least live.
const LIVES: Duration = Duration::from_secs(2);

/// A server that does nothing loses a process; what is asked of it afterwards fails as it should.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[cases(
    kill_worker = "kill worker 0",
    term_worker = "terminate worker 0",
    kill_root = "kill root",
    term_root = "terminate root",
    int_root = "interrupt root",
    kill_tree = "kill tree",
    term_tree = "terminate tree"
)]
async fn idle(#[case] fault: &str, server: &Server, offers: &Offers) -> TestResult {
    ended("idle", fault, server, offers).await
}

/// The same while streams are under way.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[cases(
    kill_worker = "kill worker 0",
    term_worker = "terminate worker 0",
    kill_root = "kill root",
    term_root = "terminate root",
    int_root = "interrupt root",
    kill_tree = "kill tree",
    term_tree = "terminate tree"
)]
async fn under_load(#[case] fault: &str, server: &Server, offers: &Offers) -> TestResult {
    ended("under_load", fault, server, offers).await
}

/// So many streams at the moment at which a worker dies.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[cases(four = 4, sixteen = 16)]
async fn together(#[case] count: u32, server: &Server, offers: &Offers) -> TestResult {
    let stage = with_workers(server, offers)?;
    let fault: Fault = "kill worker 0".parse().map_err(Error::of)?;
    let report = stage
        .experiment(&fault)
        .load(stage.at_once(count))
        .expect_all(of_worker(&stage, true, Signal::Kill))
        .inject()
        .await;
    let case = if count == 4 {
        "together/four"
    } else {
        "together/sixteen"
    };
    stage.told_of_the_end(case, report, Duration::ZERO).await
}

/// A deployment that does not say how its workers are told has none that could be ended.
fn with_workers(server: &Server, offers: &Offers) -> Result<Stage, Error> {
    let stage = Stage::new(server, offers)?;
    if stage.scene.workers.is_none() {
        skip!("the deployment does not say how its workers are told (`[workers] pattern`)");
    }
    Ok(stage)
}

async fn ended(load: &str, fault: &str, server: &Server, offers: &Offers) -> TestResult {
    let fault: Fault = fault.parse().map_err(Error::of)?;
    let Fault::Signal { victim, signal } = &fault else {
        fail!("{fault} ends nothing");
    };
    let stage = match stage::is_worker(victim) {
        true => with_workers(server, offers)?,
        false => Stage::new(server, offers)?,
    };
    let loaded = load == "under_load";
    let oracles = match stage::is_worker(victim) {
        true => of_worker(&stage, loaded, *signal),
        false => of_server(&stage, loaded),
    };
    let experiment = stage.experiment(&fault).expect_all(oracles);
    let experiment = match loaded {
        true => experiment.load(stage.at_once(SOME)).then(stage.steady()),
        false => experiment.then(stage.at_once(SOME)),
    };
    let report = experiment.inject().await;
    let (word, limit) = match signal {
        Signal::Kill => ("kill", stage.bounds().residue_kill),
        Signal::Terminate => ("term", stage.bounds().residue_terminate),
        Signal::Interrupt => ("int", stage.bounds().residue_interrupt),
    };
    let whom = match victim {
        tribunal::faults::Victim::Root => "root",
        tribunal::faults::Victim::Tree => "tree",
        _ => "worker",
    };
    let case = format!("{load}/{word}_{whom}");
    match stage::is_worker(victim) {
        // The server goes on, so there is no end of its own to wait for.
        true => stage.told_of_the_end(&case, report, Duration::ZERO).await,
        false => stage.told_of_the_end(&case, report, limit).await,
    }
}

/// What must hold whatever ends.
fn always(stage: &Stage, loaded: bool) -> Vec<Oracle> {
    let mut oracles = vec![
        Oracle::NothingHangs,
        Oracle::ErrorForm,
        Oracle::HealthTellsTheTruth,
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
    ];
    if loaded {
        oracles.push(Oracle::InFlightEndsWithin(stage.bounds().in_flight));
        oracles.push(Oracle::StreamsToldApart);
    }
    oracles
}

/// What must hold when a worker ends, by what the deployment promises.
fn of_worker(stage: &Stage, loaded: bool, signal: Signal) -> Vec<Oracle> {
    let bounds = stage.bounds();
    let mut oracles = always(stage, loaded);
    // One that is asked may finish what it does.
    if loaded && signal == Signal::Kill {
        oracles.push(Oracle::SomeFail(1));
    }
    oracles.extend(match stage.subject.worker_death {
        WorkerDeath::Unavailable => [
            Oracle::FailsFastWithin(bounds.fail_fast),
            Oracle::HealthTellsWithin(bounds.health),
        ],
        WorkerDeath::Survived | WorkerDeath::Respawned => [
            Oracle::StaysAliveFor(LIVES),
            Oracle::RecoversWithin(bounds.recovery),
        ],
    });
    oracles
}

/// What must hold when the server itself ends.
fn of_server(stage: &Stage, loaded: bool) -> Vec<Oracle> {
    let bounds = stage.bounds();
    let mut oracles = always(stage, loaded);
    oracles.extend([
        Oracle::FailsFastWithin(bounds.fail_fast),
        Oracle::HealthTellsWithin(bounds.health),
    ]);
    oracles
}
