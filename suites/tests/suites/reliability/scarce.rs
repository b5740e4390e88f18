//! What a server needs becomes scarce: descriptors, processors, memory of the host, room on a disk; and the clock jumps.

use std::time::Duration;

use tribunal::faults::{Confine, FakeClock, Fault, Oracle};
use tribunal::prelude::*;
use tribunal::serving::{Offers, StartOptions};
use tribunal::{chosen, offers};

use super::stage::{SOME, Stage};

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(2);
/// The size of a disk and of shared memory that are filled.
const SMALL: u64 = 64 << 20;

/// Pressure that ends: whatever fails meanwhile fails well, and everything works again afterwards.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[cases(
    descriptors = ("scarce/descriptors", "descriptors root leave 2"),
    processors = ("scarce/processors", "busy cpus leave 0.5"),
    host_memory = ("scarce/host_memory", "hog host take 256MiB"),
)]
async fn pressed(
    #[case] case: &str,
    #[case] fault: &str,
    server: &Server,
    offers: &Offers,
) -> TestResult {
    under(case, fault, &Stage::new(server, offers)?).await
}

/// A disk, shared memory or a clock of the server's own, which it must have been started with.
#[tribunal::test]
#[timeout("5m")]
#[cases(
    disk = ("scarce/disk", "fill disk"),
    shared_memory = ("scarce/shared_memory", "fill shm"),
    clock = ("scarce/clock", "clock +2h"),
)]
async fn own(#[case] case: &str, #[case] fault: &str, chosen: Vec<Deployment>) -> TestResult {
    let Some(deployment) = chosen.into_iter().next() else {
        skip!("no deployment was chosen (`--deploy`)");
    };
    let offers = deployment.offered().clone();
    let folder = tribunal::evidence()?;
    let disk = folder.join("disk");
    let (deployment, fault) = match fault {
        "clock +2h" => match FakeClock::new(&folder) {
            Ok(clock) => (clock.around(deployment), fault.to_owned()),
            Err(error) => skip!("{error}"),
        },
        "fill shm" => (
            confined(Confine::new().shm(SMALL), deployment)?,
            fault.to_owned(),
        ),
        _ => {
            std::fs::create_dir_all(&disk)?;
            let deployment = confined(Confine::new().disk(&disk, SMALL), deployment)?;
            let deployment = deployment.env("TMPDIR", disk.clone());
            (deployment, format!("{fault} {}", disk.display()))
        }
    };
    let server = Server::start(&deployment, &StartOptions::new(&folder)).await;
    let server = server.map_err(Error::of)?;
    let told = under(case, &fault, &Stage::new(&server, &offers)?).await;
    server.stop().await.map_err(Error::of)?;
    told
}

fn confined(confine: Confine, deployment: Deployment) -> Result<Deployment, Error> {
    if let Err(error) = Confine::allowed() {
        skip!("{error}");
    }
    Ok(confine.around(deployment))
}

async fn under(case: &str, fault: &str, stage: &Stage) -> TestResult {
    let fault: Fault = fault.parse().map_err(Error::of)?;
    let report = stage
        .experiment(&fault)
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .hold(LASTS)
        .expect_all([
            Oracle::NothingHangs,
            Oracle::ErrorForm,
            Oracle::StreamsToldApart,
            Oracle::StaysAliveFor(LASTS),
            Oracle::NoDoubleAnswer,
            Oracle::Conserved,
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .inject()
        .await;
    stage.told(case, report)
}
