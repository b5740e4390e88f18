use super::*;

const GIB: u64 = 1 << 30;

fn card(key: u128, amount: Amount) -> DeviceNeed {
    let capacity = Capacity {
        total: Some(24 * GIB),
        shared: Some(20 * GIB),
    };
    DeviceNeed {
        key,
        amount,
        capacity,
    }
}

fn on(devices: &[(u128, Amount)]) -> Needs {
    Needs {
        devices: devices.iter().map(|(k, a)| card(*k, *a)).collect(),
        ..Needs::default()
    }
}

fn gib(n: u64) -> Needs {
    on(&[(0, Amount::Bytes(n * GIB))])
}

fn way(claim: &Needs, others: &[Needs]) -> Vec<usize> {
    in_the_way(claim, &others.iter().collect::<Vec<_>>())
}

#[test]
fn one_alone_may_have_all_and_several_the_shared_part() {
    let whole = || on(&[(0, Amount::Whole)]);
    for (claim, others, expected) in [
        (gib(24), vec![], vec![]),
        (whole(), vec![], vec![]),
        (gib(10), vec![gib(10)], vec![]),
        (gib(11), vec![gib(10)], vec![0]),
        (gib(5), vec![gib(10), gib(5)], vec![]),
        (gib(6), vec![gib(10), gib(5)], vec![0, 1]),
        (gib(0), vec![gib(20)], vec![]),
        // Whoever has more than the shared part is alone.
        (gib(0), vec![gib(21)], vec![0]),
        (gib(21), vec![gib(0)], vec![0]),
        (gib(1), vec![whole()], vec![0]),
        (whole(), vec![gib(1)], vec![0]),
        (whole(), vec![whole()], vec![0]),
        // Another device is in nobody's way.
        (whole(), vec![on(&[(1, Amount::Whole)])], vec![]),
        // A gang: what is in the way on one of its devices is in its way.
        (
            on(&[(0, Amount::Bytes(GIB)), (1, Amount::Bytes(GIB))]),
            vec![gib(10), on(&[(1, Amount::Whole)])],
            vec![1],
        ),
    ] {
        assert_eq!(
            way(&claim, &others),
            expected,
            "{claim:?} beside {others:?}"
        );
    }
}

#[test]
fn an_unmeasured_device_is_not_shared() {
    let unmeasured = |amount| Needs {
        devices: vec![DeviceNeed {
            capacity: Capacity::default(),
            ..card(0, amount)
        }],
        ..Needs::default()
    };
    let whole = unmeasured(Amount::Whole);
    assert_eq!(way(&whole, &[]), [0; 0]);
    assert_eq!(way(&whole, std::slice::from_ref(&whole)), [0]);
    // One who measured it and one who did not.
    assert_eq!(way(&gib(1), &[whole]), [0]);
    assert_eq!(way(&gib(1), &[unmeasured(Amount::Bytes(GIB))]), [0]);
}

#[test]
fn the_smaller_of_two_capacities_counts() {
    let mut careful = gib(1);
    careful.devices[0].capacity.shared = Some(2 * GIB);
    assert_eq!(way(&gib(1), std::slice::from_ref(&careful)), [0; 0]);
    assert_eq!(way(&gib(2), std::slice::from_ref(&careful)), [0]);
    assert_eq!(way(&careful, &[gib(2)]), [0]);
    // A shared part that is larger than the device is a mistake, and no memory.
    let mut wrong = gib(13);
    wrong.devices[0].capacity.shared = Some(100 * GIB);
    assert_eq!(way(&wrong.clone(), &[wrong]), [0]);
}

#[test]
fn sums_do_not_wrap() {
    let mut large = gib(0);
    large.devices[0].amount = Amount::Bytes(u64::MAX);
    assert_eq!(way(&large.clone(), &[large]), [0]);
    let memory = Needs {
        memory: u64::MAX,
        limits: HostLimits {
            cpus: None,
            memory: Some(u64::MAX),
        },
        ..Needs::default()
    };
    assert_eq!(way(&memory.clone(), &[memory]), [0]);
}

#[test]
fn a_name_belongs_to_one() {
    let named = |names: &[u128]| Needs {
        names: names.into(),
        ..Needs::default()
    };
    assert_eq!(
        way(&named(&[1, 2]), &[named(&[3]), named(&[2]), named(&[])]),
        [1]
    );
}

#[test]
fn processors_and_memory_are_shared_out_to_the_limit() {
    let cpus = |cpus, limit| Needs {
        cpus,
        limits: HostLimits {
            cpus: limit,
            memory: None,
        },
        ..Needs::default()
    };
    let four = |n| cpus(n, Some(4));
    assert_eq!(way(&four(2), &[four(2)]), [0; 0]);
    assert_eq!(way(&four(2), &[four(2), four(1)]), [0, 1]);
    assert_eq!(way(&four(0), &[four(4)]), [0; 0]);
    assert_eq!(way(&four(4), &[four(0)]), [0; 0]);
    // The limit is unknown to one of them.
    assert_eq!(way(&cpus(1, None), &[]), [0; 0]);
    assert_eq!(way(&cpus(1, None), &[four(1)]), [0]);
    assert_eq!(way(&four(1), &[cpus(1, None)]), [0]);
}

#[test]
fn who_wants_the_host_waits_for_all_but_servers() {
    let alone = Needs {
        exclusive: true,
        ..Needs::default()
    };
    let server = Needs {
        server: true,
        ..gib(1)
    };
    assert_eq!(way(&alone, &[gib(1), server.clone()]), [0]);
    assert_eq!(way(&gib(1), std::slice::from_ref(&alone)), [0]);
    assert_eq!(way(&server, std::slice::from_ref(&alone)), [0; 0]);
    assert_eq!(way(&alone.clone(), &[alone]), [0]);
}

#[test]
fn what_cannot_be_read_is_in_the_way() {
    let unreadable = Needs {
        unreadable: true,
        ..Needs::default()
    };
    assert_eq!(way(&Needs::default(), &[unreadable]), [0]);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn needs() -> impl Strategy<Value = Needs> {
        let amount = prop_oneof![
            1 => Just(Amount::Whole),
            5 => (0..26u64).prop_map(|n| Amount::Bytes(n * GIB)),
        ];
        let shared = prop_oneof![
            6 => Just(Some(20 * GIB)),
            1 => Just(Some(10 * GIB)),
            1 => Just(None),
        ];
        let device = (0..3u128, amount, shared).prop_map(|(key, amount, shared)| {
            let mut device = card(key, amount);
            device.capacity.shared = shared;
            device
        });
        let limit = prop_oneof![4 => Just(Some(4u32)), 1 => Just(None)];
        (
            prop::collection::vec(device, 0..3),
            prop::collection::vec(0..4u128, 0..2),
            (0..4u32, limit),
            prop::bool::weighted(0.05),
            prop::bool::weighted(0.3),
        )
            .prop_map(|(mut devices, names, (cpus, limit), exclusive, server)| {
                devices.sort_by_key(|d| d.key);
                devices.dedup_by_key(|d| d.key);
                Needs {
                    devices,
                    names,
                    cpus,
                    limits: HostLimits {
                        cpus: limit,
                        memory: None,
                    },
                    exclusive,
                    server,
                    ..Needs::default()
                }
            })
    }

    proptest! {
        /// The whole argument for fairness rests on this.
        #[test]
        fn who_fits_beside_all_fits_beside_some(
            all in prop::collection::vec(needs(), 1..8),
            kept in prop::collection::vec(any::<bool>(), 8),
        ) {
            let (claim, others) = all.split_first().unwrap();
            let others: Vec<&Needs> = others.iter().collect();
            let some: Vec<&Needs> = others
                .iter()
                .zip(&kept)
                .filter_map(|(other, kept)| kept.then_some(*other))
                .collect();
            if in_the_way(claim, &others).is_empty() {
                prop_assert!(in_the_way(claim, &some).is_empty());
            }
        }

        /// Who fits beside a set does not push one of it out: each of them fits beside the claim and the rest, if it did
        /// before.
        #[test]
        fn who_fits_beside_all_delays_none(all in prop::collection::vec(needs(), 2..8)) {
            let (claim, others) = all.split_first().unwrap();
            let refs: Vec<&Needs> = others.iter().collect();
            if !in_the_way(claim, &refs).is_empty() {
                return Ok(());
            }
            for (at, waiter) in others.iter().enumerate() {
                let rest: Vec<&Needs> = others
                    .iter()
                    .enumerate()
                    .filter_map(|(other, needs)| (other != at).then_some(needs))
                    .collect();
                let before = in_the_way(waiter, &rest).is_empty();
                let with: Vec<&Needs> = rest.iter().copied().chain([claim]).collect();
                let after = in_the_way(waiter, &with).is_empty();
                prop_assert!(!before || after, "{waiter:?} fits beside {rest:?} and not with {claim:?}");
            }
        }
    }
}
