//! The same for what comes afterwards.

use crate::gauges::Reading;
use crate::literals::{SECOND, breaks, canary, holds, is_not_made, ms, reading, seen, whole, with};
use crate::observed::{Observed, Said};
use crate::oracle::Oracle;
use crate::residue::Remains;
use crate::seen::{Ending, Seen};

#[test]
fn host_memory_is_given_back() {
    let oracle = Oracle::HostMemoryGrowsAtMost(8 << 20);
    let of = |held: &[(u64, u64)]| Observed {
        resident: Ok(held.iter().map(|(at, mib)| (ms(*at), mib << 20)).collect()),
        ..with(given_up())
    };
    // What it held between plays no part.
    assert_eq!(
        holds(&oracle, &of(&[(500, 40), (3000, 90), (6100, 48)])),
        Some(8_388_608.0)
    );
    breaks(&oracle, &of(&[(500, 40), (6100, 49)]), "49 MiB");
    is_not_made(&oracle, &of(&[(500, 40), (5900, 49)]), "not read");
    is_not_made(&oracle, &of(&[(1500, 40), (6100, 49)]), "not read");
    is_not_made(&oracle, &with(given_up()), "not looked at");
}

#[test]
fn it_recovers() {
    let oracle = Oracle::RecoversWithin(SECOND);
    let of = |canaries| Observed {
        canaries: Ok(canaries),
        ..with(vec![])
    };
    // What worked while the fault was there is no recovery.
    let back = of(vec![
        canary(2000, Ok(())),
        canary(5100, Err("status 503")),
        canary(5200, Ok(())),
        canary(5300, Ok(())),
    ]);
    let figure = holds(&oracle, &back).expect("a figure");
    assert!((figure - 0.21).abs() < 1e-9, "{figure}");
    breaks(&oracle, &of(vec![canary(6100, Ok(()))]), "1.11 s");
    breaks(
        &oracle,
        &of(vec![canary(6000, Err("status 503"))]),
        "status 503",
    );
    breaks(
        &oracle,
        &of(vec![canary(5100, Ok(())), canary(6100, Err("x"))]),
        "still",
    );
    is_not_made(
        &oracle,
        &of(vec![canary(5100, Err("x"))]),
        "not asked for longer",
    );
    is_not_made(&oracle, &of(vec![]), "never asked");
    let without = |change: fn(&mut crate::observed::Canary)| {
        let mut canary = canary(6500, Ok(()));
        change(&mut canary);
        of(vec![canary])
    };
    breaks(
        &oracle,
        &without(|c| c.lists = Err("gone".into())),
        "list of models: gone",
    );
    breaks(
        &oracle,
        &without(|c| c.metrics = Some(Err("gone".into()))),
        "metrics: gone",
    );
    breaks(
        &oracle,
        &without(|c| c.health_after = Some(Said::Status(503))),
        "health route: 503",
    );
}

fn remains() -> Remains {
    Remains {
        at: ms(9000),
        outlived: vec![],
        killed: vec![],
        left: vec![],
        port_held: None,
        leftovers: vec![],
        devices: Ok(vec![]),
        notes: vec![],
    }
}

#[test]
fn nothing_is_left() {
    let of = |change: fn(&mut Remains)| {
        let mut remains = remains();
        change(&mut remains);
        Observed {
            remains: Ok(remains),
            ..with(vec![])
        }
    };
    let oracle = Oracle::NoResidue;
    holds(&oracle, &of(|_| {}));
    let unread = of(|r| r.notes = vec!["/dev/shm could not be read".into()]);
    assert!(
        oracle
            .judge(&unread)
            .says
            .contains("not known: /dev/shm could not be read")
    );
    for (change, says) in [
        (
            (|r| r.outlived = vec!["pid 7 (w)".into()]) as fn(&mut Remains),
            "pid 7",
        ),
        (|r| r.left = vec!["pid 8 (w)".into()], "SIGKILL"),
        (|r| r.port_held = Some("pid 9".into()), "port"),
        (|r| r.leftovers = vec!["/dev/shm/x".into()], "/dev/shm/x"),
    ] {
        breaks(&oracle, &of(change), says);
        holds(&Oracle::EndsWhenAsked, &of(change));
    }
    let killed = of(|r| r.killed = vec!["pid 7 (w)".into()]);
    breaks(&Oracle::EndsWhenAsked, &killed, "pid 7");
    holds(&oracle, &killed);
    is_not_made(&oracle, &with(vec![]), "not looked at");
    is_not_made(&Oracle::EndsWhenAsked, &with(vec![]), "not looked at");
}

#[test]
fn nothing_is_left_on_devices() {
    let of = |devices| {
        let remains = Remains {
            devices,
            ..remains()
        };
        Observed {
            remains: Ok(remains),
            ..with(vec![])
        }
    };
    let oracle = Oracle::NoDeviceResidue;
    holds(&oracle, &of(Ok(vec![])));
    breaks(
        &oracle,
        &of(Ok(vec!["61 MiB of device 0".into()])),
        "61 MiB",
    );
    is_not_made(&oracle, &of(Err("no driver".into())), "no driver");
    is_not_made(&oracle, &with(vec![]), "not looked at");
    // What is on devices is no matter of the host, and the other way round.
    holds(&Oracle::NoResidue, &of(Ok(vec!["61 MiB".into()])));
}

/// A request that was given up after 2 s, beside one that runs until 6 s.
fn given_up() -> Vec<Seen> {
    vec![seen(1, 900, 2000, Ending::Aborted), whole(2, 900, 6000)]
}

#[test]
fn slots_are_freed() {
    let oracle = Oracle::FreesSlotsWithin(SECOND);
    let of = |readings: Vec<Reading>, requests| Observed {
        gauges: Ok(readings),
        ..with(requests)
    };
    let at = |ms, running| reading(ms, running, 0.0);
    let freed = of(
        vec![at(500, 0.0), at(1500, 2.0), at(2100, 1.0), at(3100, 1.0)],
        given_up(),
    );
    holds(&oracle, &freed);
    // One that has not begun may not have its slot yet: the one that is taken may be that of who went away.
    let mut waits = given_up();
    waits[1].first_event = Some(ms(2500));
    let taken = vec![at(500, 0.0), at(2100, 1.0)];
    is_not_made(&oracle, &of(taken, waits), "cannot tell");
    let quiet = of(vec![at(500, 0.0), at(6100, 0.0)], given_up());
    holds(&oracle, &quiet);
    // One slot too many beside a neighbour, and one for ever.
    let kept = of(vec![at(500, 0.0), at(3100, 2.0)], given_up());
    breaks(&oracle, &kept, "at most 1");
    let kept = of(vec![at(500, 0.0), at(7100, 1.0)], given_up());
    breaks(&oracle, &kept, "at most 0");
    let mut waits = at(7100, 0.0);
    waits.waiting = Some(1.0);
    breaks(
        &oracle,
        &of(vec![at(500, 0.0), waits], given_up()),
        "at most 0",
    );
    // As long as it may be that of another, nothing can be told.
    let others = || vec![seen(1, 900, 2000, Ending::Aborted), whole(2, 900, 2500)];
    let early = vec![at(500, 0.0), at(3000, 1.0)];
    is_not_made(&oracle, &of(early.clone(), others()), "cannot tell");
    let later = [early, vec![at(3600, 1.0)]].concat();
    breaks(&oracle, &of(later, others()), "at most 0");
    // What ran before the first request is not ours.
    holds(&oracle, &of(vec![at(500, 3.0), at(7100, 3.0)], given_up()));
    is_not_made(
        &oracle,
        &of(vec![at(500, 0.0), at(2500, 2.0)], given_up()),
        "not read",
    );
    is_not_made(
        &oracle,
        &of(vec![at(1500, 0.0), at(3100, 2.0)], given_up()),
        "before the injection",
    );
    is_not_made(
        &oracle,
        &of(vec![at(500, 0.0)], vec![whole(1, 0, 1)]),
        "its own end",
    );
    is_not_made(&oracle, &with(given_up()), "not looked at");
    let silent = Reading {
        running: None,
        ..at(500, 0.0)
    };
    is_not_made(&oracle, &of(vec![silent], given_up()), "do not say");
}

#[test]
fn memory_is_freed() {
    let oracle = Oracle::FreesMemoryWithin(SECOND);
    let of = |readings: Vec<(u64, Option<f64>, Option<f64>)>| Observed {
        gauges: Ok(readings
            .into_iter()
            .map(|(at, cache, memory)| Reading {
                cache,
                memory,
                ..reading(at, 0.0, 0.0)
            })
            .collect()),
        ..with(given_up())
    };
    let begin = (500, Some(0.0), Some(1e9));
    let freed = of(vec![
        begin,
        (6100, Some(0.5), Some(1e9)),
        (6500, Some(0.0), Some(1e9)),
    ]);
    assert_eq!(holds(&oracle, &freed), Some(0.5));
    breaks(
        &oracle,
        &of(vec![begin, (7100, Some(0.5), Some(1e9))]),
        "use of cache was 0.5",
    );
    breaks(
        &oracle,
        &of(vec![begin, (7100, Some(0.0), Some(1.1e9))]),
        "use of memory",
    );
    breaks(
        &oracle,
        &of(vec![
            begin,
            (7100, Some(0.5), Some(1e9)),
            (7200, Some(0.0), Some(1e9)),
        ]),
        "1.20 s",
    );
    is_not_made(
        &oracle,
        &of(vec![begin, (6100, Some(0.5), Some(1e9))]),
        "not read",
    );
    is_not_made(&oracle, &of(vec![(500, None, None)]), "do not say");
}
