//! Tests that take memory of the devices that they are given, and would notice if somebody else had been given it too.

use std::time::Duration;

use tribunal::hardware::{Allocation, Simulated};
use tribunal::prelude::*;

tribunal::main!();
tribunal::markers!(core_model, pre_merge, timeout("1m"));

const GIB: u64 = 1 << 30;

/// Takes all that was granted, for a while.
async fn use_up() -> TestResult {
    let Some(grant) = tribunal::devices() else {
        fail!("no devices were granted");
    };
    let Some(path) = grant.simulated() else {
        fail!("these are real");
    };
    let ledger = Simulated::open(path)?;
    let mut held: Vec<Allocation> = vec![];
    for device in grant.devices() {
        let number = usize::try_from(device.index).map_err(Error::of)?;
        // All of it may not fit beside what a probe counts; nearly all does, if nobody else was given any of it.
        let amount = device.amount.unwrap_or(device.total.unwrap_or(0));
        held.push(ledger.allocate(number, amount, "test").map_err(Error::of)?);
        tribunal::log!("device {number} of {}", device.model);
        let usage = ledger.usage()?;
        let shared = usage[number].total / 100 * 85;
        let alone = usage[number].used == amount;
        assert!(alone || usage[number].used <= shared, "{} of {}", usage[number].used, usage[number].total);
    }
    let hold = std::env::var("LAB_HOLD_MS").ok().and_then(|ms| ms.parse().ok());
    tokio::time::sleep(Duration::from_millis(hold.unwrap_or(20))).await;
    Ok(())
}

#[tribunal::test]
#[gpu_1]
#[max_vram_gib(9)]
async fn nine(#[values(1, 2, 3, 4)] n: u64) -> TestResult {
    let _ = n;
    use_up().await
}

#[tribunal::test]
#[gpu_1]
#[max_vram_gib(5)]
async fn five(#[values(1, 2, 3, 4)] n: u64) -> TestResult {
    let _ = n;
    use_up().await
}

/// Two devices at once.
#[tribunal::test]
#[gpu_2]
#[max_vram_gib(14)]
async fn pair() -> TestResult {
    use_up().await
}

/// Nobody has said how much.
#[tribunal::test]
#[gpu_1]
async fn whole() -> TestResult {
    use_up().await
}

/// In a process of its own, which is told of its devices.
#[tribunal::test]
#[isolated]
#[gpu_1]
#[max_vram_gib(3)]
async fn apart() -> TestResult {
    assert!(std::env::var("TRIBUNAL_DEVICES").is_ok());
    use_up().await
}

/// More than is declared, in a process of its own, where it is seen.
#[tribunal::test]
#[isolated]
#[gpu_1]
#[max_vram_gib(2)]
#[ignore = "it is told to use too much"]
async fn greedy() -> TestResult {
    let grant = tribunal::devices().expect("a grant");
    let ledger = Simulated::open(grant.simulated().expect("a ledger"))?;
    let number = usize::try_from(grant.devices()[0].index).map_err(Error::of)?;
    let _held = ledger.allocate(number, 4 * GIB, "test").map_err(Error::of)?;
    // Longer than the run's looks are apart.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    Ok(())
}

/// The shared server has its part of a device.
#[tribunal::test]
async fn server_of_all(#[values(1, 2)] n: u64, chat: ChatClient) -> TestResult {
    chat.user("Who is there?").max_tokens(8 + n).send().await?;
    Ok(())
}

/// One at a time on the whole host.
#[tribunal::test]
#[serial("lab-names")]
async fn by_name() {
    let hold = std::env::var("LAB_NAME_MS").ok().and_then(|ms| ms.parse().ok());
    tokio::time::sleep(Duration::from_millis(hold.unwrap_or(1))).await;
}

/// Too large for any device that the rows simulate.
#[tribunal::test]
#[gpu_1]
#[max_vram_gib(30)]
async fn too_large() {}
