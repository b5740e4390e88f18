//! Memory of devices: what a server takes, what it is refused, and what is left of it.
//!
//! The first case is for whatever devices the run has (`--simulate-devices 2xL4` where there are none) and for every deployment that tells what it
//! holds. The others bring simulated devices of their own and run anywhere; they show how a test starts a server on devices that it controls.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tribunal::hardware::{LayoutDevice, Simulated};
use tribunal::prelude::*;
use tribunal::serving::Cause;

tribunal::markers!(core_model, advanced_model, parallel);

const GIB: u64 = 1 << 30;

/// What a server says that it holds, summed up by device.
async fn held(server: &Server) -> Result<Vec<(u64, u64)>, Error> {
    let client = Client::new(server.base_url())?;
    let told: Value = client.get("/debug/memory").await?.json()?;
    let mut sums: Vec<(u64, u64)> = Vec::new();
    let workers = told["workers"].as_array().into_iter().flatten();
    for rank in workers.flat_map(|worker| worker["ranks"].as_array().into_iter().flatten()) {
        let figure = |key: &str| {
            rank[key]
                .as_u64()
                .ok_or_else(|| Error::msg(format!("no `{key}` in {rank}")))
        };
        let (device, bytes) = (figure("device")?, figure("weights")? + figure("cache")?);
        match sums.iter_mut().find(|(there, _)| *there == device) {
            Some((_, sum)) => *sum += bytes,
            None => sums.push((device, bytes)),
        }
    }
    Ok(sums)
}

/// A server that was given three GiB of a device has taken no more when it answers.
#[tribunal::test]
#[timeout("60s")]
#[gpu_1]
#[max_vram_gib(3)]
#[requires(capability = "device_memory")]
async fn a_server_keeps_to_its_memory(server: &Server, chat: ChatClient) -> TestResult {
    chat.user("What does the river bring in spring?")
        .max_tokens(32)
        .send()
        .await?;
    let held = held(server).await?;
    if held.is_empty() {
        skip!("this server uses no devices of this run");
    }
    assert_eq!(held.len(), 1, "one device: {held:?}");
    assert!(held[0].1 <= 3 * GIB, "{held:?}");
    Ok(())
}

/// Devices of this test alone.
struct Devices {
    ledger: Simulated,
}

impl Devices {
    /// Two cards of 24 GiB.
    fn two() -> Result<Devices, Error> {
        let card = LayoutDevice {
            platform: "cuda".into(),
            model: "L4".into(),
            total: 24 * GIB,
        };
        let path: PathBuf = tribunal::evidence()?.join("devices");
        Ok(Devices {
            ledger: Simulated::create(&path, &[card.clone(), card])?,
        })
    }

    /// The embedded engine on the devices with these numbers.
    fn engine(&self, visible: &str, options: &[&str]) -> Result<Deployment, Error> {
        Ok(tribunal::embedded()?
            .args(options.iter().copied())
            .env("TRIBUNAL_SIMULATED_DEVICES", self.ledger.path())
            .env("TRIBUNAL_DEVICES", visible))
    }

    /// Bytes that are in use of each device.
    fn used(&self) -> Result<Vec<u64>, Error> {
        let usage = self.ledger.usage()?;
        Ok(usage.iter().map(|device| device.used).collect())
    }

    /// Waits until nobody has anything; the kernel frees what a process had when it is gone.
    async fn free(&self) -> TestResult {
        while self.used()?.iter().any(|used| *used > 0) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

/// The engine takes its share, answers, and leaves nothing behind.
#[tribunal::test]
#[timeout("60s")]
async fn memory_is_back_after_the_stop() -> TestResult {
    let devices = Devices::two()?;
    let options = ["--weights-gib", "1", "--gpu-memory-utilization", "0.5"];
    let server = devices.engine("1", &options)?.start().await?;
    let used = devices.used()?;
    assert_eq!(used[0], 0, "the other device is left alone");
    assert!((2 * GIB..=12 * GIB).contains(&used[1]), "{used:?}");
    assert_eq!(held(&server).await?, [(1, used[1])]);
    server.stop().await?;
    devices.free().await
}

/// With tensor parallel each device has its part of the weights.
#[tribunal::test]
#[timeout("60s")]
async fn tensor_parallel_takes_a_part_of_each_device() -> TestResult {
    let devices = Devices::two()?;
    let options = [
        "--workers",
        "1",
        "--tensor-parallel",
        "2",
        "--weights-gib",
        "30",
        "--kv-cache-gib",
        "1",
    ];
    let server = devices.engine("0,1", &options)?.start().await?;
    // Thirty GiB fit on neither of the two alone.
    assert_eq!(devices.used()?, [16 * GIB, 16 * GIB]);
    server.stop().await?;
    devices.free().await
}

/// A start for which there is not enough memory fails with a cause that says so.
#[tribunal::test]
#[timeout("60s")]
#[cases(
    weights = ("--weights-gib", "30", Cause::DeviceMemory),
    no_cache = ("--gpu-memory-utilization", "0.01", Cause::CacheMemory),
    small_cache = ("--kv-cache-tokens", "512", Cause::CacheMemory),
    devices = ("--tensor-parallel", "3", Cause::NoDevice),
)]
async fn what_does_not_fit_says_why(
    #[case] option: &str,
    #[case] value: &str,
    #[case] cause: Cause,
) -> TestResult {
    let devices = Devices::two()?;
    let deployment = devices.engine("0,1", &[option, value])?;
    let folder = tribunal::evidence()?.join("engine");
    let options = tribunal::serving::StartOptions::new(folder);
    match Server::start(&deployment, &options).await {
        Ok(server) => {
            server.stop().await?;
            fail!("it starts with {option} {value}");
        }
        Err(error) => assert_eq!(error.cause(), Some(cause), "{error}"),
    }
    devices.free().await
}

/// An engine that does not keep to its limit is seen to do so.
#[tribunal::test]
#[timeout("60s")]
async fn a_limit_that_is_not_kept_shows() -> TestResult {
    let devices = Devices::two()?;
    let limit = ["--gpu-memory-utilization", "0.25"];
    let within = devices.engine("0", &limit)?.start().await?;
    assert!(devices.used()?[0] <= 6 * GIB);
    within.stop().await?;
    devices.free().await?;
    let ignores = devices
        .engine("0", &limit)?
        .args(["--device-defect", "ignore-memory-cap"])
        .start()
        .await?;
    assert!(devices.used()?[0] > 6 * GIB, "{:?}", devices.used()?);
    ignores.stop().await?;
    devices.free().await
}
