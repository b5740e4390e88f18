//! Several workers behind one address: one stops, all die, one comes and goes.

use std::time::Duration;

use tribunal::faults::{Fault, FaultError, Injected, Oracle, Proven, WorkerDeath};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::{SOME, Stage};

/// How long a worker is away: longer than a router needs to notice by its checks.
const AWAY: Duration = Duration::from_secs(4);
/// How often one comes and goes, and how long each of it takes.
const FLAPS: u32 = 4;
const FLAP: Duration = Duration::from_millis(400);

fn several(server: &Server, offers: &Offers) -> Result<Stage, Error> {
    let stage = Stage::new(server, offers)?;
    if stage.workers() < 2 {
        skip!(
            "the deployment has {} worker: there is nobody to take over",
            stage.workers()
        );
    }
    Ok(stage)
}

/// What is asked once a worker stands still is answered by the others.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
async fn stop_one(server: &Server, offers: &Offers) -> TestResult {
    let stage = several(server, offers)?;
    let fault: Fault = "stop worker 0".parse().map_err(Error::of)?;
    let report = stage
        .experiment(&fault)
        .load(stage.at_once(SOME))
        // Once the server has had time to notice, nobody may be sent to who stands still.
        .then(stage.steady())
        .hold(AWAY)
        .expect_all(common(&stage))
        .expect(Oracle::RecoversWithin(stage.bounds().recovery))
        .inject()
        .await;
    stage.told("failover/stop_one", report)
}

/// With the last of them the server has nothing to serve with, and says so.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
async fn all_dead(server: &Server, offers: &Offers) -> TestResult {
    let stage = several(server, offers)?;
    let bounds = stage.bounds();
    let (stage_of, count) = (&stage, stage.workers());
    let report = stage
        .doing("kill every worker")
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .expect_all(common(&stage))
        .expect_all([
            Oracle::SomeFail(1),
            Oracle::FailsFastWithin(bounds.fail_fast),
            Oracle::HealthTellsWithin(bounds.health),
            Oracle::InFlightEndsWithin(bounds.in_flight),
        ])
        .run(async |moment| {
            for _ in 0..count {
                // Who is dead is no worker any more, so the first of the rest is next.
                signalled("kill worker 0", stage_of).await?.undo().await?;
            }
            Ok(Proven::new(
                moment.timeline,
                format!("{count} workers are dead"),
            ))
        })
        .await;
    stage.told("failover/all_dead", report)
}

/// A worker that comes and goes, faster than anybody can be sure of it.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
async fn flapping(server: &Server, offers: &Offers) -> TestResult {
    let stage = several(server, offers)?;
    let stage_of = &stage;
    let report = stage
        .doing("worker 0 stops and goes on, again and again")
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .expect_all(common(&stage))
        .expect(Oracle::RecoversWithin(stage.bounds().recovery))
        .run(async |moment| {
            for _ in 0..FLAPS {
                let stopped = signalled("stop worker 0", stage_of).await?;
                tokio::time::sleep(FLAP).await;
                Injected::undo(stopped).await?;
                tokio::time::sleep(FLAP).await;
            }
            Ok(Proven::new(
                moment.timeline,
                format!("it stood still {FLAPS} times"),
            ))
        })
        .await;
    stage.told("failover/flapping", report)
}

async fn signalled(fault: &str, stage: &Stage) -> Result<Injected, FaultError> {
    let fault: Fault = fault.parse().map_err(|error| {
        FaultError::new(
            tribunal::faults::FaultErrorKind::Refused,
            fault,
            format!("{error}"),
        )
    })?;
    fault.inject(&stage.scene).await
}

fn common(stage: &Stage) -> Vec<Oracle> {
    let mut oracles = vec![
        Oracle::NothingHangs,
        Oracle::ErrorForm,
        Oracle::StreamsToldApart,
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
    ];
    if stage.subject.worker_death != WorkerDeath::Unavailable {
        oracles.push(Oracle::HealthTellsTheTruth);
    }
    oracles
}
