//! The same for what answers are and for what comes afterwards.

use crate::gauges::Reading;
use crate::literals::{SECOND, breaks, canary, holds, is_not_made, ms, reading, seen, whole, with};
use crate::observed::{Observed, Said};
use crate::oracle::Oracle;
use crate::residue::Remains;
use crate::seen::{Ending, Role, Seen};

#[test]
fn broken_streams_are_told_apart() {
    let oracle = Oracle::StreamsToldApart;
    for ending in [
        Ending::Cut { reset: false },
        Ending::ErrorEvent,
        Ending::EndedEarly("[DONE] never came".into()),
    ] {
        let told = with(vec![whole(1, 0, 500), seen(2, 900, 1100, ending)]);
        assert_eq!(holds(&oracle, &told), Some(1.0));
    }
    // An error is told apart whatever follows it.
    let mut error = seen(1, 900, 1100, Ending::ErrorEvent);
    error.answer.dones = 1;
    holds(&oracle, &with(vec![error]));
    let mut done = seen(1, 900, 1100, Ending::EndedEarly("no reason".into()));
    done.answer.dones = 1;
    breaks(&oracle, &with(vec![done]), "[DONE] came");
    let mut short = whole(1, 900, 1100);
    short.answer.tokens = Some(4);
    breaks(&oracle, &with(vec![short]), "4 of 10");
    let mut stopped = whole(2, 900, 1100);
    stopped.answer.finish = Some("stop".into());
    breaks(
        &oracle,
        &with(vec![whole(1, 0, 500), stopped.clone()]),
        "`stop`",
    );
    // Alone, nobody knows better.
    holds(&oracle, &with(vec![stopped]));
    let mut few = whole(2, 900, 1100);
    (few.answer.tokens, few.events) = (None, 5);
    breaks(&oracle, &with(vec![whole(1, 0, 500), few]), "5 events");
    let mut plain = whole(1, 900, 1100);
    plain.stream = false;
    is_not_made(
        &oracle,
        &with(vec![plain, whole(2, 2000, 2100)]),
        "no stream",
    );
}

#[test]
fn streams_end_with_a_word() {
    let oracle = Oracle::StreamsEndWithAWord;
    let told = with(vec![
        whole(1, 900, 1500),
        seen(2, 900, 1500, Ending::ErrorEvent),
    ]);
    assert_eq!(holds(&oracle, &told), Some(0.0));
    for ending in [Ending::Cut { reset: false }, Ending::EndedEarly("x".into())] {
        let cut = with(vec![whole(1, 900, 1500), seen(2, 900, 1500, ending)]);
        breaks(&oracle, &cut, "1 of 2");
    }
    is_not_made(&oracle, &with(vec![whole(1, 0, 500)]), "no stream");
}

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
    let blind = of(|r| r.devices = Err("no driver".into()));
    assert!(oracle.judge(&blind).says.contains("not known: no driver"));
    for (change, says) in [
        (
            (|r| r.outlived = vec!["pid 7 (w)".into()]) as fn(&mut Remains),
            "pid 7",
        ),
        (|r| r.left = vec!["pid 8 (w)".into()], "SIGKILL"),
        (|r| r.port_held = Some("pid 9".into()), "port"),
        (|r| r.leftovers = vec!["/dev/shm/x".into()], "/dev/shm/x"),
        (|r| r.devices = Ok(vec!["61 MiB".into()]), "61 MiB"),
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

#[test]
fn neighbours_are_unaffected() {
    let oracle = Oracle::NeighboursUnaffected;
    let neighbour = |number, ending| {
        let mut seen = seen(number, 900, 2000, ending);
        seen.role = Role::Neighbour;
        seen
    };
    let hit = seen(1, 900, 1100, Ending::Cut { reset: true });
    holds(
        &oracle,
        &with(vec![hit.clone(), neighbour(2, Ending::Whole)]),
    );
    let both = with(vec![
        neighbour(2, Ending::Whole),
        neighbour(3, Ending::Status),
    ]);
    breaks(&oracle, &both, "1 of 2");
    is_not_made(&oracle, &with(vec![hit]), "no request is known");
}

#[test]
fn like_requests_are_answered_alike() {
    let oracle = Oracle::AnsweredAlike;
    let text = |number, text: &str| {
        let mut seen = whole(number, 0, 100);
        seen.alike = true;
        seen.answer.text = Some(text.into());
        seen
    };
    holds(&oracle, &with(vec![text(1, "a"), text(2, "a")]));
    breaks(
        &oracle,
        &with(vec![text(1, "a"), text(2, "a"), text(3, "b")]),
        "request 3",
    );
    let mut other = text(2, "b");
    other.asked = Some(11);
    is_not_made(&oracle, &with(vec![text(1, "a"), other]), "no two");
    is_not_made(
        &oracle,
        &with(vec![whole(1, 0, 1), whole(2, 0, 1)]),
        "no two",
    );
}

#[test]
fn no_request_is_answered_twice() {
    let oracle = Oracle::NoDoubleAnswer;
    holds(&oracle, &with(vec![whole(1, 0, 1), whole(2, 0, 1)]));
    let of = |change: fn(&mut Seen)| {
        let mut second = whole(2, 0, 1);
        change(&mut second);
        with(vec![whole(1, 0, 1), second])
    };
    for (change, says) in [
        ((|s| s.answer.dones = 2) as fn(&mut Seen), "[DONE] came 2"),
        (|s| s.answer.finishes = [(0, 2)].into(), "finished 2 times"),
        (|s| s.answer.after_done = 3, "3 events"),
        (|s| s.answer.ids.extend(["other".to_owned()]), "2 ids"),
        (|s| s.answer.ids = ["c1".to_owned()].into(), "id `c1`"),
        (
            |s| s.answer.foreign = ["t0-000001".to_owned()].into(),
            "`t0-000001`",
        ),
    ] {
        breaks(&oracle, &of(change), says);
    }
    let counted = |last| Observed {
        gauges: Ok(vec![reading(100, 0.0, 7.0), reading(9000, 0.0, last)]),
        beside: 1,
        ..with(vec![whole(1, 0, 1), whole(2, 0, 1)])
    };
    holds(&oracle, &counted(10.0));
    breaks(&oracle, &counted(11.0), "counts 4 requests where 3");
    is_not_made(
        &oracle,
        &with(vec![seen(1, 0, 1, Ending::Refused)]),
        "no request was answered",
    );
}

#[test]
fn every_request_is_accounted_for() {
    let oracle = Oracle::Conserved;
    let requests = || {
        vec![
            whole(1, 0, 1),
            seen(2, 0, 1, Ending::Refused),
            seen(3, 0, 1, Ending::Aborted),
        ]
    };
    holds(&oracle, &with(requests()));
    let mut lost = with(requests());
    lost.accounts.sent = 4;
    breaks(
        &oracle,
        &lost,
        "4 sent = 1 ok + 0 failed + 1 refused + 1 aborted",
    );
    let counted = |counts: &[f64]| Observed {
        gauges: Ok((1..)
            .zip(counts)
            .map(|(n, c)| reading(n * 1000, 0.0, *c))
            .collect()),
        ..with(requests())
    };
    holds(&oracle, &counted(&[5.0, 6.0]));
    breaks(
        &oracle,
        &counted(&[5.0, 5.0]),
        "counts 0 requests, and served 1",
    );
    let every = |last| {
        let mut observed = counted(&[5.0, last]);
        observed.requests[1] = seen(2, 0, 1, Ending::Status);
        observed.accounts = crate::seen::Accounts::of(3, observed.requests.iter());
        for reading in observed.gauges.iter_mut().flatten() {
            reading.counts_failures = true;
        }
        observed
    };
    // The third was given up when its answer had begun, and counts too.
    holds(&oracle, &every(8.0));
    breaks(&oracle, &every(6.0), "counts 1 requests, and answered 3");
    breaks(&oracle, &counted(&[5.0, 3.0, 9.0]), "from 5 back to 3");
    let mut died = counted(&[5.0, 0.0, 0.0]);
    died.root_ended = Ok(Some(ms(1500)));
    holds(&oracle, &died);
    is_not_made(&oracle, &with(vec![]), "no request was sent");
}
