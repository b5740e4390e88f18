use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::probe::Probe;

fn card(platform: &str, model: &str, total: u64) -> LayoutDevice {
    LayoutDevice {
        platform: platform.into(),
        model: model.into(),
        total,
    }
}

fn ledger(layout: &[LayoutDevice]) -> (tempfile::TempDir, Simulated) {
    let folder = tempfile::tempdir().unwrap();
    let simulated = Simulated::create(&folder.path().join("devices"), layout).unwrap();
    (folder, simulated)
}

fn used(simulated: &Simulated) -> Vec<u64> {
    simulated.usage().unwrap().iter().map(|u| u.used).collect()
}

#[test]
fn memory_is_given_away_to_the_last_byte_and_no_further() {
    let (_folder, simulated) = ledger(&[card("cuda", "L4", 24 << 30), card("cuda", "L4", 100)]);
    let one = simulated.allocate(1, 60, "weights").unwrap();
    let two = simulated.allocate(1, 40, "cache").unwrap();
    assert_eq!((one.device(), one.bytes()), (1, 60));
    let error = simulated.allocate(1, 1, "more").unwrap_err();
    assert_eq!(
        error.to_string(),
        "out of memory: tried to allocate 1 byte on simulated device 1, which has 0 bytes free of 100 bytes"
    );
    assert!(matches!(
        error,
        AllocError::OutOfMemory {
            wanted: 1,
            free: 0,
            total: 100,
            ..
        }
    ));
    let error = simulated.allocate(0, u64::MAX, "more").unwrap_err();
    assert!(
        error.to_string().ends_with("24 GiB free of 24 GiB"),
        "{error}"
    );
    assert_eq!(used(&simulated), [0, 100]);
    drop(one);
    assert_eq!(used(&simulated), [0, 40]);
    let rest = simulated.allocate(1, 60, "again").unwrap();
    drop((two, rest));
    assert_eq!(used(&simulated), [0, 0]);
    assert_eq!(
        simulated.allocate(2, 1, "x").unwrap_err().to_string(),
        "there is no simulated device 2: there are 2, numbered from 0"
    );
}

#[test]
fn another_handle_sees_the_same_devices_and_memory() {
    let layout = [
        card("cuda", "H100", 80),
        card("rocm", "MI300", 192),
        card("cuda", "L4", 24),
    ];
    let (_folder, simulated) = ledger(&layout);
    let other = Simulated::open(simulated.path()).unwrap();
    assert_eq!(other.devices(), layout);
    let _block = other.allocate(1, 100, "x").unwrap();
    assert_eq!(used(&simulated), [0, 100, 0]);
    assert!(simulated.allocate(1, 93, "x").is_err());
    // Numbers of drivers count per platform.
    assert_eq!(simulated.device("cuda", 1), Some(2));
    assert_eq!(simulated.device("rocm", 0), Some(1));
    assert_eq!(simulated.device("rocm", 1), None);
}

#[test]
fn a_probe_finds_them_like_real_ones_and_calls_them_simulated() {
    const GIB: u64 = 1 << 30;
    let (_folder, simulated) = ledger(&[
        card("cuda", "L4", 24 * GIB),
        card("rocm", "MI300", 192 * GIB),
        card("cuda", "L4", 24 * GIB),
    ]);
    let _block = simulated.allocate(2, 6 * GIB, "x").unwrap();
    let probe = Probe::simulated(simulated.path()).unwrap();
    let host = probe.run(Duration::from_secs(60));
    let seen: Vec<_> = host
        .devices()
        .iter()
        .map(|d| {
            (
                d.name.as_str(),
                d.index,
                d.memory_used_gib,
                d.uuid.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("simulated L4", 0, Some(0.0), Some("SIM-0")),
            ("simulated L4", 1, Some(6.0), Some("SIM-2")),
            ("simulated MI300", 0, Some(0.0), Some("SIM-1")),
        ]
    );
    // The variables of the vendors hide them as they hide real ones.
    let variable = ("CUDA_VISIBLE_DEVICES".to_string(), "0".to_string());
    let host = probe
        .with_environment([variable])
        .run(Duration::from_secs(60));
    let visible: Vec<bool> = host.devices().iter().map(|d| d.visible).collect();
    assert_eq!(visible, [true, false, true]);
}

#[test]
fn a_ledger_is_made_once_and_read_only_if_it_is_one() {
    let (folder, simulated) = ledger(&[card("cuda", "L4", 24)]);
    let again = Simulated::create(simulated.path(), &[]).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    let missing = Simulated::open(&folder.path().join("nothing")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Simulated::open(&path).unwrap_err().to_string()
    };
    assert!(write("empty", b"").contains("it has 0 bytes"));
    assert!(write("text", &[b'x'; 500]).contains("it was not written by Tribunal"));
    let leases = crate::Leases::open(folder.path()).unwrap();
    drop(leases);
    let error = Simulated::open(&folder.path().join("leases")).unwrap_err();
    assert!(
        error.to_string().contains("it is for \"leases\""),
        "{error}"
    );
    let long = vec![card("cuda", &"x".repeat(4000), 1); 1024];
    assert!(Simulated::create(&folder.path().join("long"), &long).is_err());
}

#[test]
fn threads_share_a_device_exactly() {
    let (_folder, simulated) = ledger(&[card("cuda", "L4", 50)]);
    let most = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            // Half of them by a handle of their own, as another process would.
            let simulated = match thread % 2 {
                0 => simulated.clone(),
                _ => Simulated::open(simulated.path()).unwrap(),
            };
            let most = &most;
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..150u64 {
                    if let Ok(block) = simulated.allocate(0, 1 + (round + thread) % 9, "x") {
                        held.push(block);
                    }
                    if held.len() > 3 {
                        held.swap_remove((round % 3) as usize);
                    }
                    let used = simulated.usage().unwrap()[0].used;
                    let own: u64 = held.iter().map(Allocation::bytes).sum();
                    assert!(own <= used && used <= 50, "{own} {used}");
                    most.fetch_max(used, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(used(&simulated), [0]);
    assert!(most.into_inner() > 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The ledger against a sum of numbers.
    #[test]
    fn the_books_are_exact(steps in prop::collection::vec((0..3usize, 0..60u64, any::<bool>()), 1..60)) {
        let layout = [card("cuda", "A", 100), card("cuda", "B", 7), card("rocm", "C", 0)];
        let (_folder, simulated) = ledger(&layout);
        let mut held: Vec<Allocation> = Vec::new();
        for (device, bytes, give_back) in steps {
            if give_back && !held.is_empty() {
                held.swap_remove(bytes as usize % held.len());
            } else {
                let used: u64 = held.iter().filter(|a| a.device() == device).map(Allocation::bytes).sum();
                match simulated.allocate(device, bytes, "x") {
                    Ok(block) => {
                        prop_assert!(used + bytes <= layout[device].total);
                        held.push(block);
                    }
                    Err(AllocError::OutOfMemory { free, total, .. }) => {
                        prop_assert!(used + bytes > total);
                        prop_assert_eq!(free, total - used);
                    }
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                }
            }
            for (device, usage) in simulated.usage().unwrap().iter().enumerate() {
                let sum: u64 = held.iter().filter(|a| a.device() == device).map(Allocation::bytes).sum();
                prop_assert_eq!(usage.used, sum);
                prop_assert_eq!(usage.processes.iter().map(|p| p.bytes).sum::<u64>(), sum);
            }
        }
    }
}
