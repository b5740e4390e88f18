use std::time::Duration;

use super::*;

const GIB: u64 = 1 << 30;

fn ledger() -> (tempfile::TempDir, Leases) {
    let folder = tempfile::tempdir().unwrap();
    let leases = Leases::open(folder.path()).unwrap();
    (folder, leases)
}

fn device(key: &str, amount: Amount) -> DeviceClaim {
    DeviceClaim {
        key: key.into(),
        amount,
        capacity: Capacity {
            total: Some(24 * GIB),
            shared: Some(20 * GIB),
        },
    }
}

fn gib(key: &str, n: u64) -> Claim {
    Claim {
        devices: vec![device(key, Amount::Bytes(n * GIB))],
        ..Claim::default()
    }
}

fn named(names: &[&str]) -> Claim {
    Claim {
        names: names.iter().map(ToString::to_string).collect(),
        ..Claim::default()
    }
}

fn gang(keys: &[&str], amount: Amount) -> Claim {
    Claim {
        devices: keys.iter().map(|key| device(key, amount)).collect(),
        ..Claim::default()
    }
}

#[test]
fn a_lease_ends_when_it_is_dropped() {
    let (_folder, leases) = ledger();
    let lease = leases.try_take(&gib("A", 20)).unwrap().unwrap();
    assert_eq!(lease.devices(), gib("A", 20).devices);
    assert!(leases.try_take(&gib("A", 1)).unwrap().is_none());
    assert!(leases.try_take(&gib("B", 1)).unwrap().is_some());
    drop(lease);
    assert!(leases.try_take(&gib("A", 24)).unwrap().is_some());
    assert_eq!(leases.holders().unwrap(), []);
}

#[test]
fn all_or_nothing() {
    let (_folder, leases) = ledger();
    let _b = leases.try_take(&gib("B", 20)).unwrap().unwrap();
    assert!(
        leases
            .try_take(&gang(&["A", "B"], Amount::Whole))
            .unwrap()
            .is_none()
    );
    // Nothing of the claim that failed is left.
    assert!(leases.try_take(&gib("A", 24)).unwrap().is_some());
}

#[test]
fn another_handle_sees_the_same() {
    let (folder, leases) = ledger();
    let other = Leases::open(folder.path()).unwrap();
    let lease = leases.try_take(&named(&["db"])).unwrap().unwrap();
    assert!(other.try_take(&named(&["x", "db"])).unwrap().is_none());
    drop(lease);
    assert!(other.try_take(&named(&["x", "db"])).unwrap().is_some());
}

#[test]
fn names_that_differ_only_at_the_end_are_two_names() {
    let (_folder, leases) = ledger();
    let long = |end: &str| format!("{}{end}", "ä".repeat(5000));
    let (one, other) = (long("1"), long("2"));
    let _one = leases.try_take(&named(&[&one])).unwrap().unwrap();
    assert!(leases.try_take(&named(&[&other])).unwrap().is_some());
    assert!(leases.try_take(&named(&[&one])).unwrap().is_none());
    let kept = &leases.holders().unwrap()[0].claim.names[0];
    assert!(kept.starts_with("ää") && kept.ends_with('…'), "{kept}");
}

#[test]
fn first_come_first_served_and_others_pass_where_they_delay_nobody() {
    let (_folder, leases) = ledger();
    let held = leases.try_take(&gib("A", 12)).unwrap().unwrap();
    let large = leases.wait_for(&gib("A", 16)).unwrap();
    assert!(large.try_take().unwrap().is_none());
    // 12 + 2 GiB would fit, and then the one who waits for 16 would have 18 in all: they do not delay him.
    let small = leases.try_take(&gib("A", 2)).unwrap();
    assert!(small.is_none(), "12 held, 16 waited for, 2: more than 20");
    let second = leases.wait_for(&gib("A", 4)).unwrap();
    assert!(second.try_take().unwrap().is_none());
    assert!(leases.try_take(&gib("B", 20)).unwrap().is_some());
    drop(held);
    // Both fit now, whoever asks first.
    let second_lease = second.try_take().unwrap().unwrap();
    assert_eq!(second_lease.claim(), &gib("A", 4));
    let large_lease = large.try_take().unwrap().unwrap();
    assert!(matches!(large.try_take(), Err(LeaseError::Served)));
    assert!(leases.try_take(&gib("A", 1)).unwrap().is_none());
    drop((second_lease, large_lease));
    assert!(leases.try_take(&gib("A", 24)).unwrap().is_some());
}

#[test]
fn a_gang_that_waits_is_not_passed_for_ever() {
    let (_folder, leases) = ledger();
    let mut held = leases.try_take(&gib("A", 1)).unwrap();
    let gang = leases.wait_for(&gang(&["A", "B"], Amount::Whole)).unwrap();
    for _ in 0..10 {
        assert!(leases.try_take(&gib("A", 1)).unwrap().is_none());
        assert!(leases.try_take(&gib("B", 1)).unwrap().is_none());
        assert!(gang.try_take().unwrap().is_none());
    }
    drop(held.take());
    assert!(leases.try_take(&gib("A", 1)).unwrap().is_none());
    assert!(gang.try_take().unwrap().is_some());
}

#[test]
fn who_gives_up_lets_others_pass() {
    let (_folder, leases) = ledger();
    let _held = leases.try_take(&gib("A", 10)).unwrap().unwrap();
    let waiter = leases.wait_for(&gib("A", 24)).unwrap();
    assert!(leases.try_take(&gib("A", 5)).unwrap().is_none());
    drop(waiter);
    assert!(leases.try_take(&gib("A", 5)).unwrap().is_some());
}

#[test]
fn who_does_not_ask_is_passed_until_he_asks_again() {
    let (_folder, leases) = ledger();
    let silent = leases.wait_for(&gib("A", 24)).unwrap();
    assert!(leases.try_take(&gib("A", 5)).unwrap().is_none());
    // As if it had asked for the last time a while ago, which is not possible on a host that has just been started.
    while entry::now() <= SILENT + 1 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let asked = entry::now() - SILENT - 1;
    leases
        .records
        .locked(|section| {
            let slot = entry::read(section, u64::MAX)[0].slot;
            section
                .write(slot, entry::ASKED, &asked.to_le_bytes())
                .map_err(Fault::Io)
        })
        .unwrap();
    let passed = leases.try_take(&gib("A", 5)).unwrap().unwrap();
    assert!(silent.try_take().unwrap().is_none());
    drop(passed);
    assert!(silent.try_take().unwrap().is_some());
}

#[test]
fn waiting_says_whom_one_waits_for() {
    let (_folder, leases) = ledger();
    let mut claim = gib("GPU-1", 12);
    claim.label = "test a::b".into();
    let _held = leases.try_take(&claim).unwrap().unwrap();
    let _other = leases.try_take(&gib("GPU-2", 12)).unwrap().unwrap();
    let waiter = leases.wait_for(&gib("GPU-1", 24)).unwrap();
    let blockers = waiter.blocked_by().unwrap();
    assert_eq!(blockers.len(), 1);
    assert_eq!(blockers[0].process, Process::this());
    assert_eq!(blockers[0].claim, claim);
    assert!(!blockers[0].waits);
    let text = waits_for(waiter.claim(), &blockers);
    let pid = std::process::id();
    assert!(
        text.starts_with(&format!("waits for 24 GiB of GPU-1: for pid {pid} (`")),
        "{text}"
    );
    assert!(
        text.contains("test a::b), which holds 12 GiB of GPU-1 since "),
        "{text}"
    );
    // A newcomer waits for the one in the queue, too.
    let more = leases.blocked_by(&gib("GPU-1", 1)).unwrap();
    assert_eq!(
        more.iter().map(|i| i.waits).collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(leases.holders().unwrap().len(), 3);
}

#[test]
fn a_copy_of_the_descriptor_keeps_the_lease() {
    let (_folder, leases) = ledger();
    let lease = leases.try_take(&gib("A", 24)).unwrap().unwrap();
    let copy = lease.descriptor().try_clone_to_owned().unwrap();
    lease.name_holder(1).unwrap();
    drop(lease);
    assert!(leases.try_take(&gib("A", 1)).unwrap().is_none());
    assert_eq!(leases.holders().unwrap()[0].process, Process::of(1));
    drop(copy);
    assert!(leases.try_take(&gib("A", 24)).unwrap().is_some());
    let moved = leases.try_take(&gib("A", 24)).unwrap().unwrap();
    let moved = moved.into_descriptor();
    assert!(leases.try_take(&gib("A", 1)).unwrap().is_none());
    drop(moved);
    assert!(leases.try_take(&gib("A", 1)).unwrap().is_some());
}

#[test]
fn waiting_on_a_thread_ends_with_the_lease_or_the_time() {
    let (_folder, leases) = ledger();
    let held = leases.try_take(&named(&["x"])).unwrap().unwrap();
    let waiter = leases.wait_for(&named(&["x"])).unwrap();
    assert!(waiter.wait(Duration::from_millis(5)).unwrap().is_none());
    assert!(waiter.ask_again() > Duration::ZERO);
    let thread =
        std::thread::spawn(move || waiter.wait(Duration::from_secs(60)).unwrap().is_some());
    drop(held);
    assert!(thread.join().unwrap());
}

#[test]
fn a_ledger_that_was_removed_is_noticed() {
    let (folder, leases) = ledger();
    let _held = leases.try_take(&named(&["x"])).unwrap().unwrap();
    std::fs::remove_file(folder.path().join(FILE)).unwrap();
    for _ in 0..2 {
        let error = leases.try_take(&named(&["y"])).unwrap_err().to_string();
        assert!(error.contains("was removed or replaced"), "{error}");
        Leases::open(folder.path()).unwrap();
    }
}

/// The promise about waiting, on the ledger itself: whatever others do, a waiter is never kept from its lease by one
/// that came later. With everything else, nothing is given away twice.
#[test]
fn nobody_waits_for_one_who_came_later() {
    let (_folder, leases) = ledger();
    let leases = leases.with_limits(HostLimits {
        cpus: Some(4),
        memory: Some(100),
    });
    let mut seed = 7u64;
    let mut random = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut held: Vec<Lease> = Vec::new();
    let mut waiting: Vec<Waiter> = Vec::new();
    let mut granted = 0;
    for _ in 0..3000 {
        match random(5) {
            0 | 1 if waiting.len() < 12 => {
                let mut claim = Claim {
                    cpus: random(3) as u32,
                    host_exclusive: random(30) == 0,
                    server: random(4) == 0,
                    ..Claim::default()
                };
                for key in ["A", "B", "C"] {
                    if random(2) == 0 {
                        let amount = match random(6) {
                            0 => Amount::Whole,
                            _ => Amount::Bytes((1 + random(22)) * GIB),
                        };
                        claim.devices.push(device(key, amount));
                    }
                }
                if random(4) == 0 {
                    claim.names.push(format!("name {}", random(3)));
                }
                waiting.push(leases.wait_for(&claim).unwrap());
            }
            2 if !waiting.is_empty() => {
                waiting.swap_remove(random(waiting.len() as u64) as usize);
            }
            3 if !held.is_empty() => {
                held.swap_remove(random(held.len() as u64) as usize);
            }
            _ if !waiting.is_empty() => {
                let at = random(waiting.len() as u64) as usize;
                if let Some(lease) = waiting[at].try_take().unwrap() {
                    waiting.swap_remove(at);
                    held.push(lease);
                    granted += 1;
                }
            }
            _ => {}
        }
        leases
            .records
            .locked(|section| {
                let all = entry::read(section, u64::MAX);
                let needs = |of: &dyn Fn(&&entry::Entry) -> bool| -> Vec<&Needs> {
                    all.iter().filter(of).map(|e| &e.needs).collect()
                };
                for one in all.iter() {
                    let holding = needs(&|e| e.holds && e.slot != one.slot);
                    if one.holds {
                        assert!(needs::in_the_way(&one.needs, &holding).is_empty());
                        continue;
                    }
                    let earlier = needs(&|e| e.ticket < one.ticket);
                    let counted =
                        needs(&|e| e.slot != one.slot && (e.holds || e.ticket < one.ticket));
                    // The short way of reading comes to the same as the long one.
                    let rivals = entry::read_rivals(section, one.ticket, &one.needs);
                    let rivals: Vec<&Needs> = rivals.iter().map(|e| &e.needs).collect();
                    assert_eq!(
                        needs::in_the_way(&one.needs, &rivals).is_empty(),
                        needs::in_the_way(&one.needs, &counted).is_empty()
                    );
                    if needs::in_the_way(&one.needs, &earlier).is_empty() {
                        assert!(
                            needs::in_the_way(&one.needs, &counted).is_empty(),
                            "ticket {} waits for a later one",
                            one.ticket
                        );
                    }
                }
                Ok(())
            })
            .unwrap();
    }
    assert!(granted > 100, "{granted}");
    drop((held, waiting));
    assert_eq!(leases.holders().unwrap(), []);
}
