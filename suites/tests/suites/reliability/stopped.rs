//! Processes that are stopped, and go on: they hold everything they had, and say nothing.

use std::time::Duration;

use tribunal::faults::{Fault, Oracle, WorkerDeath};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::{SOME, Stage};

/// For how long somebody is stopped: longer than an engine needs to notice.
const STOPPED: Duration = Duration::from_secs(3);

/// A worker stands still while it has streams, and goes on.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
async fn worker(server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    if stage.scene.workers.is_none() {
        skip!("the deployment does not say how its workers are told (`[workers] pattern`)");
    }
    let mut oracles = of_both(&stage);
    // Where nobody else serves, routers must be told; a server of one process cannot tell anything while it stands still.
    let alone = server.processes().len() == 1;
    if stage.subject.worker_death == WorkerDeath::Unavailable && !alone {
        oracles.push(Oracle::HealthTellsWithin(stage.bounds().health));
    }
    stopped("stopped/worker", "stop worker 0", &stage, oracles).await
}

/// The server itself stands still: nobody is answered, and nothing is lost when it goes on.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
async fn root(server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let oracles = of_both(&stage);
    stopped("stopped/root", "stop root", &stage, oracles).await
}

fn of_both(stage: &Stage) -> Vec<Oracle> {
    vec![
        Oracle::NothingHangs,
        Oracle::ErrorForm,
        Oracle::StreamsToldApart,
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
        Oracle::RecoversWithin(stage.bounds().recovery),
        Oracle::FreesSlotsWithin(stage.bounds().release),
    ]
}

async fn stopped(case: &str, fault: &str, stage: &Stage, oracles: Vec<Oracle>) -> TestResult {
    let fault: Fault = fault.parse().map_err(Error::of)?;
    let report = stage
        .experiment(&fault)
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .hold(STOPPED)
        .expect_all(oracles)
        .inject()
        .await;
    stage.told(case, report)
}
