//! Memory of devices runs out: text and sound fail alike, the server lives, and serves again once the memory is back.
//!
//! Two ways: on the devices that the run has (`--simulate-devices 1xL4` where there are none), with whatever deployment says what it holds of them; and the
//! embedded engine on devices of the case's own, which runs anywhere.

use std::time::Duration;

use tribunal::faults::{Devices, Experiment, Fault, Heavy, Load, Oracle, Payload, Scene};
use tribunal::hardware::{LayoutDevice, Simulated};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::{Stage, client};
use super::table;

const GIB: u64 = 1 << 30;
/// For so long the server must live without memory.
const LIVES: Duration = Duration::from_secs(15);
/// The same for an engine of which it is known that it would die at once.
const LIVES_SHORTLY: Duration = Duration::from_secs(2);

/// A card of 24 GiB.
pub fn card() -> LayoutDevice {
    LayoutDevice {
        platform: "cuda".into(),
        model: "L4".into(),
        total: 24 * GIB,
    }
}

fn contract(lives: Duration, recovery: Duration, fast: Duration) -> Vec<Oracle> {
    vec![
        Oracle::SomeFail(1),
        Oracle::FailsFastWithin(fast),
        Oracle::NothingHangs,
        Oracle::ErrorForm,
        Oracle::StaysAliveFor(lives),
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
        Oracle::RecoversWithin(recovery),
    ]
}

/// The devices of the run are hogged until they refuse a megabyte.
#[tribunal::test]
#[timeout("10m")]
#[server(fresh)]
#[gpu_1]
#[max_vram_gib(3)]
#[requires(capability = ["device_memory", "chat"])]
async fn of_the_run(server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let fault: Fault = "hog devices 0.95 strict".parse().map_err(Error::of)?;
    let bounds = stage.bounds();
    let report = stage
        .experiment(&fault)
        .then(Load::at_once(Payload::chat().tokens(64), 4))
        .expect_all(contract(LIVES, bounds.recovery, bounds.fail_fast))
        .inject()
        .await;
    stage.told("memory/text", report)
}

/// The embedded engine without memory for what a sequence takes while it runs.
#[tribunal::test]
#[timeout("5m")]
#[cases(
    text = "memory/text",
    text_and_audio = "memory/text_and_audio",
    heavy = "memory/heavy"
)]
async fn of_the_case(#[case] case: &str) -> TestResult {
    let path = tribunal::evidence()?.join("devices");
    let ledger = Simulated::create(&path, &[card()])?;
    let options = [
        "--workers",
        "1",
        "--kv-cache-gib",
        "1",
        "--activation-mib",
        "100",
        "--max-model-len",
        "65536",
    ];
    let server = tribunal::embedded()?
        .args(options)
        .env("TRIBUNAL_SIMULATED_DEVICES", ledger.path())
        .env("TRIBUNAL_DEVICES", "0")
        .start()
        .await?;
    let devices = Devices::Simulated {
        ledger: path,
        numbers: vec![0],
    };
    let scene = Scene::new(server.clone(), &Offers::default()).devices(devices);
    let model = client(&server, server.base_url())?;
    let fault: Fault = "hog devices 0.95 strict".parse().map_err(Error::of)?;
    let limit = Duration::from_secs(15);
    let mut oracles = contract(LIVES_SHORTLY, Duration::from_secs(30), limit);
    let load = match case {
        "memory/text" => Load::at_once(Payload::chat().tokens(64), 4),
        "memory/text_and_audio" => {
            oracles.push(Oracle::TextAndAudioFailAlike);
            Load::at_once(Payload::chat().tokens(64), 4)
                .and(Payload::audio_chat().tokens(64).voice("alto"))
        }
        _ => Load::at_once(Payload::chat().tokens(64).with(Heavy::text()), 4)
            .and(Payload::chat().tokens(64).with(Heavy::image()?))
            .and(Payload::chat().tokens(64).with(Heavy::audio()?))
            .and(Payload::chat().tokens(64).with(Heavy::video()?)),
    };
    let report = Experiment::of(&fault, &scene, &model)
        .then(load)
        .expect_all(oracles)
        .inject()
        .await;
    let told = super::told::told("embedded engine", case, report, &table::nothing_known());
    server.stop().await?;
    told
}
