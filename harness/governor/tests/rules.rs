//! The rules of admission, one by one, with literals.

mod support;

use support::{GIB, cards, gib, governor, ids, reading};
use tribunal_governor::{
    Card, Foreign, Governor, Job, Lack, Limits, Malformed, Memory, PATIENCE, REFUSED_PAUSE,
    Reading, Start, View, Why,
};

fn quiet() -> View {
    View::undisturbed()
}

fn job(id: usize, seconds: f64, memory: Memory) -> Job {
    Job::new(id, seconds).on(1, memory)
}

#[test]
fn the_line_itself_is_inside() {
    let line = Card::shared(24 * GIB) - 10 * GIB;
    for (second, expected) in [(line, vec![0, 1]), (line + 1, vec![0])] {
        let jobs = [job(0, 10.0, gib(10)), job(1, 10.0, Memory::Bytes(second))];
        let mut g = governor(&[24], &jobs, Limits::default());
        assert_eq!(ids(&g.admit(0.0, &quiet())), expected);
    }
    // Alone: all of it, and not a byte more.
    let jobs = [
        job(0, 10.0, gib(24)),
        job(1, 10.0, Memory::Bytes(24 * GIB + 1)),
    ];
    let (mut g, impossible) =
        Governor::new(&cards(&[24]), &jobs, Limits::default()).expect("well-formed");
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0]);
    assert_eq!(impossible.len(), 1);
    assert_eq!(impossible[0].job, 1);
}

#[test]
fn the_share_of_huge_cards_is_exact() {
    assert_eq!(Card::shared(100), 85);
    assert_eq!(
        Card::shared(u64::MAX),
        (u128::from(u64::MAX) * 85 / 100) as u64
    );
}

#[test]
fn above_the_share_nobody_stands_beside() {
    let jobs = [job(0, 10.0, gib(22)), job(1, 10.0, gib(1))];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0]);
    g.ended(0, 10.0);
    assert_eq!(ids(&g.admit(10.0, &quiet())), [1]);
}

#[test]
fn the_tightest_card_is_taken() {
    let jobs = [
        job(0, 10.0, gib(18)),
        job(1, 10.0, gib(30)),
        job(2, 10.0, gib(8)),
        job(3, 10.0, gib(4)),
    ];
    let mut g = governor(&[80, 24, 48], &jobs, Limits::default());
    let places: Vec<_> = g
        .admit(0.0, &quiet())
        .into_iter()
        .map(|s| (s.job, s.cards))
        .collect();
    assert_eq!(
        places,
        [(0, vec![1]), (1, vec![2]), (2, vec![2]), (3, vec![0])]
    );
}

#[test]
fn a_gang_has_all_its_cards_or_none() {
    let jobs = [
        job(0, 10.0, gib(20)),
        Job::new(1, 10.0).on(2, gib(20)),
        Job::new(2, 5.0).on(2, gib(2)),
    ];
    let mut g = governor(&[24, 24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0]);
    assert_eq!((g.given(0), g.given(1)), (20 * GIB, 0));
    assert_eq!(
        g.waits(1),
        Some(Why::Memory {
            wanted: Some(20 * GIB),
            gang: 2,
            fit: 1,
            outside: false
        })
    );
    g.ended(0, 10.0);
    let starts = g.admit(10.0, &quiet());
    assert_eq!(
        starts,
        [Start {
            job: 1,
            cards: vec![0, 1],
            opens: None
        }]
    );
}

#[test]
fn what_was_not_declared_takes_the_card_whole() {
    let jobs = [
        job(0, 10.0, Memory::None),
        job(1, 10.0, gib(1)),
        job(2, 10.0, Memory::Whole),
    ];
    let mut g = governor(&[80], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0]);
    g.ended(0, 10.0);
    assert_eq!(ids(&g.admit(10.0, &quiet())), [1]);
}

#[test]
fn an_unmeasured_card_is_for_one_whole_job_at_a_time() {
    let jobs = [job(0, 10.0, Memory::Whole), job(1, 10.0, Memory::Whole)];
    let mut g = governor(&[0], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0]);
    let (_, impossible) = Governor::new(&cards(&[0]), &[job(0, 1.0, gib(1))], Limits::default())
        .expect("well-formed");
    assert_eq!(
        impossible[0].to_string(),
        "needs 1 GiB on a device; none that suits is measured"
    );
}

#[test]
fn a_reading_counts_beside_the_books() {
    let jobs = [job(0, 10.0, gib(10))];
    let start = |view: (Reading, Foreign)| {
        let mut g = governor(&[24], &jobs, Limits::default());
        g.admit(0.0, &View::of(vec![view])).len()
    };
    assert_eq!(start(reading(14, 0)), 1, "24 of 24");
    assert_eq!(start(reading(15, 0)), 0);
    let leased = |bytes: u64, whole| Foreign {
        leases: 1,
        bytes: bytes * GIB,
        whole,
    };
    assert_eq!(start((reading(0, 0).0, leased(10, false))), 1, "20 of 20.4");
    assert_eq!(
        start((reading(0, 0).0, leased(11, false))),
        0,
        "leased, not yet allocated"
    );
    assert_eq!(start((reading(0, 0).0, leased(0, true))), 0);
}

#[test]
fn what_our_jobs_have_not_allocated_yet_is_taken_all_the_same() {
    let jobs = [job(0, 10.0, gib(10)), job(1, 10.0, gib(8))];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![reading(0, 0)]))), [0, 1]);
    // 4 of an outsider, ours still at 0: the sum counts what ours will have.
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![reading(4, 0)]))), [0]);
    // Ours uses more than it declared: that is taken too.
    assert_eq!(ids(&g.admit(1.0, &View::of(vec![reading(14, 14)]))), [0; 0]);
    assert_eq!(ids(&g.admit(2.0, &View::of(vec![reading(12, 12)]))), [1]);
}

#[test]
fn a_failed_reading_is_never_zero() {
    let blind = (Reading::default(), Foreign::default());
    let jobs = [job(0, 10.0, gib(2)), job(1, 10.0, gib(2))];
    let mut g = governor(&[24], &jobs, Limits::default());
    // Nobody is known to use the card: one job may have it, and nobody beside it.
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![blind]))), [0]);
    assert_eq!(ids(&g.admit(1.0, &View::of(vec![reading(2, 2)]))), [1]);
    // A foreign lease: nobody.
    let mut g = governor(&[24], &jobs, Limits::default());
    let leased = Foreign {
        leases: 1,
        bytes: GIB,
        whole: false,
    };
    assert_eq!(
        ids(&g.admit(0.0, &View::of(vec![(Reading::default(), leased)]))),
        [0; 0]
    );
    // What outsiders had when it could last be read is remembered.
    let jobs = [job(0, 10.0, gib(24)), job(1, 10.0, gib(8))];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![reading(17, 0)]))), [0; 0]);
    assert_eq!(ids(&g.admit(1.0, &View::of(vec![blind]))), [0; 0]);
    assert_eq!(ids(&g.admit(2.0, &View::of(vec![reading(16, 0)]))), [1]);
    // A card that is missing in the view is a card that was not read.
    let mut g = governor(
        &[24, 24],
        &[
            job(0, 10.0, gib(2)),
            job(1, 10.0, gib(2)),
            job(2, 10.0, gib(2)),
        ],
        Limits::default(),
    );
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![blind]))), [0, 1]);
}

#[test]
fn a_whole_card_may_hold_what_a_driver_keeps() {
    let start = |used: Option<u64>| {
        let mut g = governor(&[24], &[job(0, 10.0, Memory::Whole)], Limits::default());
        let reading = Reading { used, ours: None };
        g.admit(0.0, &View::of(vec![(reading, Foreign::default())]))
            .len()
    };
    assert_eq!(start(Some(GIB)), 1);
    assert_eq!(start(Some(2 * GIB)), 0);
    assert_eq!(start(None), 1);
}

#[test]
fn names_are_held_once_here_and_elsewhere() {
    let mut jobs = [Job::new(0, 10.0), job(1, 10.0, gib(1)), Job::new(2, 10.0)];
    jobs[0].names = vec![7];
    jobs[1].names = vec![7, 9];
    jobs[2].names = vec![9];
    let mut g = governor(&[24], &jobs, Limits::default());
    let mut elsewhere = quiet();
    elsewhere.names = vec![9];
    assert_eq!(ids(&g.admit(0.0, &elsewhere)), [0]);
    assert_eq!(g.waits(1), Some(Why::Name(7)));
    assert_eq!(g.waits(2), Some(Why::Name(9)));
    g.ended(0, 10.0);
    assert_eq!(ids(&g.admit(10.0, &elsewhere)), [0; 0]);
    assert_eq!(
        ids(&g.admit(11.0, &quiet())),
        [1],
        "jobs with devices first"
    );
    g.ended(1, 12.0);
    assert_eq!(ids(&g.admit(12.0, &quiet())), [2]);
}

#[test]
fn alone_is_alone() {
    let mut jobs = [
        Job::new(0, 10.0),
        Job::new(1, 10.0),
        Job::new(2, 30.0),
        Job::new(3, 10.0),
    ];
    jobs[1].alone = true;
    let mut g = governor(&[], &jobs, Limits::default());
    // Those that would still run when it is its turn wait behind it.
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 3]);
    g.ended(0, 10.0);
    g.ended(3, 10.0);
    assert_eq!(ids(&g.admit(10.0, &quiet())), [1]);
    assert_eq!(g.waits(2), Some(Why::Alone));
    g.ended(1, 20.0);
    assert_eq!(ids(&g.admit(20.0, &quiet())), [2]);
    let mut taken = quiet();
    taken.host_taken = true;
    let mut g = governor(&[], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &taken)), [0; 0]);
    assert_eq!(g.waits(0), Some(Why::HostTaken));
}

#[test]
fn processors_and_host_memory_have_weights() {
    let mut jobs: Vec<Job> = (0..4).map(|id| Job::new(id, 10.0)).collect();
    jobs.iter_mut()
        .for_each(|j| (j.cpus, j.host_memory) = (2, 3 * GIB));
    let limits = Limits {
        cpus: 6,
        host_memory: Some(10 * GIB),
        ..Limits::default()
    };
    let mut g = governor(&[], &jobs, limits);
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1, 2]);
    let mut view = quiet();
    (view.cpus, view.host_memory) = (3, 0);
    let mut g = governor(&[], &jobs, limits);
    assert_eq!(
        ids(&g.admit(0.0, &view)),
        [0],
        "three of six are leased by others"
    );
    (view.cpus, view.host_memory) = (0, 5 * GIB);
    let mut g = governor(&[], &jobs, limits);
    assert_eq!(ids(&g.admit(0.0, &view)), [0]);
    assert_eq!(g.waits(1), Some(Why::HostMemory));
    jobs[0].cpus = 7;
    jobs[1].host_memory = 11 * GIB;
    let (_, impossible) = Governor::new(&[], &jobs, limits).expect("well-formed");
    let said: Vec<String> = impossible.iter().map(|i| i.to_string()).collect();
    assert_eq!(
        said,
        [
            "needs 7 processors; 6 may be used",
            "needs 11 GiB of host memory; 10 GiB may be used"
        ]
    );
}

#[test]
fn starts_of_a_group_keep_apart_on_a_card_and_nobody_else_waits_for_that() {
    let mut jobs: Vec<Job> = (0..5).map(|id| job(id, 100.0, gib(2))).collect();
    for id in [0, 1, 3] {
        jobs[id].start_group = Some(4);
    }
    jobs[3].suits = Some(vec![1]);
    jobs[2].start_group = Some(5);
    [0, 1, 2, 4]
        .iter()
        .for_each(|id| jobs[*id].suits = Some(vec![0]));
    let limits = Limits {
        spacing: 5.0,
        ..Limits::default()
    };
    let mut g = governor(&[24, 24], &jobs, limits);
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 2, 3, 4]);
    assert_eq!(g.waits(1), Some(Why::Spacing { until: 5.0 }));
    assert_eq!(g.next_wake(0.0), Some(5.0));
    assert_eq!(ids(&g.admit(4.9, &quiet())), [0; 0]);
    assert_eq!(ids(&g.admit(5.0, &quiet())), [1]);
    assert_eq!(g.next_wake(5.0), None);
}

#[test]
fn the_wake_is_when_the_whole_gang_may_start() {
    let mut jobs = vec![
        job(0, 100.0, gib(2)),
        job(1, 100.0, gib(2)),
        Job::new(2, 100.0).on(2, gib(2)),
    ];
    jobs.iter_mut().for_each(|j| j.start_group = Some(0));
    jobs[0].suits = Some(vec![0]);
    jobs[1].suits = Some(vec![1]);
    let limits = Limits {
        spacing: 5.0,
        ..Limits::default()
    };
    let mut g = governor(&[24, 24], &jobs, limits);
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1]);
    assert_eq!(g.next_wake(0.0), Some(5.0));
    assert_eq!(ids(&g.admit(5.0, &quiet())), [2]);
}

#[test]
fn a_refused_start_waits_again_and_is_not_offered_at_once() {
    let jobs = [job(0, 10.0, gib(10)), job(1, 5.0, gib(10))];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1]);
    g.refuse(0);
    g.refuse(0);
    assert_eq!(g.given(0), 10 * GIB);
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0; 0]);
    assert_eq!(g.waits(0), Some(Why::Refused));
    assert_eq!(g.next_wake(0.0), Some(REFUSED_PAUSE));
    assert_eq!(ids(&g.admit(REFUSED_PAUSE, &quiet())), [0]);
    // Ends of what does not run, twice or never, change nothing.
    g.ended(0, 3.0);
    g.ended(0, 4.0);
    g.ended(77, 4.0);
    g.refuse(0);
    g.holding_ended(3, 4.0);
    assert_eq!((g.given(0), g.waiting()), (10 * GIB, 0));
}

#[test]
fn a_shared_server_is_paid_once_and_holds_until_it_stops() {
    let mut jobs = vec![
        job(0, 10.0, gib(4)),
        job(1, 20.0, gib(9)),
        Job::new(2, 5.0).on(2, gib(1)),
        job(3, 10.0, gib(12)),
    ];
    jobs[..3].iter_mut().for_each(|j| j.holding = Some(8));
    let mut g = governor(
        &[24, 24],
        &jobs,
        Limits {
            slots: 2,
            ..Limits::default()
        },
    );
    let starts = g.admit(0.0, &quiet());
    // The largest need of all its users, on as many cards as the widest wants.
    assert_eq!(
        starts[0],
        Start {
            job: 0,
            cards: vec![0, 1],
            opens: Some(8)
        }
    );
    assert_eq!(
        starts[1],
        Start {
            job: 1,
            cards: vec![0, 1],
            opens: None
        }
    );
    assert_eq!(
        (g.given(0), g.given(1), g.holding_left(8)),
        (9 * GIB, 9 * GIB, 3)
    );
    g.ended(0, 10.0);
    // A guest goes before everybody else: it costs no memory, and the server can stop sooner.
    assert_eq!(ids(&g.admit(10.0, &quiet())), [2]);
    g.ended(2, 15.0);
    g.ended(1, 20.0);
    assert_eq!((g.given(0), g.holding_left(8)), (9 * GIB, 0));
    assert_eq!(ids(&g.admit(20.0, &quiet())), [0; 0], "21 of 20.4");
    g.holding_ended(8, 21.0);
    g.holding_ended(8, 21.0);
    assert_eq!(ids(&g.admit(21.0, &quiet())), [3]);
}

#[test]
fn a_server_that_stops_early_is_opened_again() {
    let mut jobs = vec![job(0, 10.0, gib(4)), job(1, 20.0, gib(9))];
    jobs.iter_mut().for_each(|j| j.holding = Some(8));
    jobs[1].names = vec![1];
    jobs[0].names = vec![1];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(g.admit(0.0, &quiet())[0].opens, Some(8));
    g.ended(0, 10.0);
    g.holding_ended(8, 10.0);
    assert_eq!(g.given(0), 0);
    assert_eq!(g.admit(10.0, &quiet())[0].opens, Some(8));
    assert_eq!(g.given(0), 9 * GIB);
}

#[test]
fn who_is_withdrawn_is_waited_for_by_nobody() {
    let jobs = [
        job(0, 100.0, gib(4)),
        Job::new(1, 50.0).on(2, gib(20)),
        job(2, 500.0, gib(20)),
    ];
    let mut g = governor(&[24, 24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0]);
    assert_eq!(g.promised(), Some((1, vec![0, 1], 100.0)));
    g.withdraw(1);
    g.withdraw(0);
    assert_eq!(ids(&g.admit(1.0, &quiet())), [2]);
    assert_eq!((g.waiting(), g.waits(1)), (0, None));
}

#[test]
fn jobs_without_devices_do_not_hold_off_those_with() {
    // Two slots, two cards: one job with a device runs and another waits for the name that it holds.
    let mut jobs = vec![
        job(0, 100.0, gib(20)),
        job(1, 100.0, gib(20)),
        Job::new(2, 1000.0),
        Job::new(3, 90.0),
    ];
    jobs[0].names = vec![1];
    jobs[1].names = vec![1];
    let mut g = governor(
        &[24, 24],
        &jobs,
        Limits {
            slots: 2,
            ..Limits::default()
        },
    );
    assert_eq!(
        ids(&g.admit(0.0, &quiet())),
        [0, 3],
        "the long one would still run when the second job could start"
    );
    g.ended(0, 100.0);
    g.ended(3, 100.0);
    assert_eq!(ids(&g.admit(100.0, &quiet())), [1, 2]);
    // They do not lower what a card offers either.
    let jobs = [Job::new(0, 10.0), job(1, 10.0, gib(24))];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [1, 0]);
}

#[test]
fn a_gang_gets_its_turn_however_many_small_ones_come() {
    // The gang needs both cards almost whole; a thousand small jobs could keep them busy for hours.
    let mut jobs = vec![job(0, 60.0, gib(4)), Job::new(1, 60.0).on(2, gib(18))];
    jobs.extend((2..1000).map(|id| job(id, 7.0 + (id % 13) as f64, gib(1 + id as u64 % 5))));
    // Every small one takes four times as long as expected.
    let (started, others) = starvation(&jobs, 4.0, |_| quiet());
    let bound = 60.0 + 4.0 * 60.0;
    assert!(
        started <= bound,
        "started at {started}, the bound is {bound}"
    );
    assert!(others > 0, "the cards are used until then");
}

#[test]
fn a_gang_gets_its_turn_between_outsiders_who_come_and_go() {
    let mut jobs = vec![job(0, 60.0, gib(4)), Job::new(1, 60.0).on(2, gib(18))];
    jobs.extend((2..3000).map(|id| job(id, 7.0 + (id % 13) as f64, gib(1 + id as u64 % 5))));
    // Somebody takes 10 GiB of one card or the other for 8 seconds out of 20, always shorter than patience lasts.
    let view = |now: f64| {
        let on = now % 20.0 < 8.0;
        let first = (now / 20.0) as u64 % 2 == 0;
        let foreign = |mine: bool| Foreign {
            leases: u32::from(on && mine),
            bytes: if on && mine { 10 * GIB } else { 0 },
            whole: false,
        };
        View::of(vec![
            (reading(0, 0).0, foreign(first)),
            (reading(0, 0).0, foreign(!first)),
        ])
    };
    let (started, _) = starvation(&jobs, 1.0, view);
    let bound = 60.0 + 60.0 + 20.0;
    assert!(
        started <= bound,
        "started at {started}, the bound is {bound}"
    );
}

/// When job 1 starts, and how many others started before.
fn starvation(jobs: &[Job], factor: f64, view: impl Fn(f64) -> View) -> (f64, usize) {
    let mut g = governor(&[24, 24], jobs, Limits::default());
    let mut running: Vec<(f64, usize)> = vec![];
    let (mut now, mut others) = (0.0, 0);
    loop {
        for start in g.admit(now, &view(now)) {
            if start.job == 1 {
                return (now, others);
            }
            others += 1;
            running.push((now + factor * jobs[start.job].expected, start.job));
        }
        now += 1.0;
        running.retain(|(end, job)| {
            if *end <= now {
                g.ended(*job, now);
            }
            *end > now
        });
        assert!(now < 1e5, "never started");
    }
}

#[test]
fn nobody_waits_for_a_job_that_outsiders_keep_out() {
    // An outsider has 10 GiB of the only card; the first job needs more than is left, and starts as soon as the outsider has gone.
    let jobs = [job(0, 60.0, gib(20)), job(1, 1000.0, gib(8))];
    let mut g = governor(&[24], &jobs, Limits::default());
    let taken = View::of(vec![reading(10, 0)]);
    assert_eq!(ids(&g.admit(0.0, &taken)), [1]);
    assert_eq!(
        g.waits(0).map(|w| w.to_string()).as_deref(),
        Some("needs 20 GiB on a device; device memory is held outside this run")
    );
    g.ended(1, 1000.0);
    assert_eq!(ids(&g.admit(1000.0, &View::of(vec![reading(0, 0)]))), [0]);
}

#[test]
fn an_outsider_who_sits_down_on_promised_cards_is_waited_for_until_patience_ends() {
    let jobs = [
        job(0, 60.0, gib(10)),
        job(1, 60.0, gib(20)),
        job(2, 1000.0, gib(8)),
    ];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![reading(0, 0)]))), [0]);
    assert_eq!(g.promised(), Some((1, vec![0], 60.0)));
    g.ended(0, 60.0);
    let taken = View::of(vec![reading(10, 0)]);
    assert_eq!(ids(&g.admit(60.0, &taken)), [0; 0]);
    assert_eq!(g.waits(2), Some(Why::Promise(1)));
    assert_eq!(g.next_wake(60.0), Some(60.0 + PATIENCE));
    assert_eq!(ids(&g.admit(60.0 + PATIENCE, &taken)), [2]);
    g.ended(2, 1060.0 + PATIENCE);
    assert_eq!(
        ids(&g.admit(1060.0 + PATIENCE, &View::of(vec![reading(0, 0)]))),
        [1]
    );
}

#[test]
fn patience_looks_for_other_cards_first() {
    // Promised the first card; an outsider sits down on it, and the second card comes free later.
    let jobs = [
        job(0, 50.0, gib(20)),
        job(1, 90.0, gib(20)),
        job(2, 60.0, gib(20)),
        job(3, 500.0, gib(20)),
    ];
    let mut g = governor(&[24, 24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1]);
    assert_eq!(g.promised(), None, "nobody could overtake it yet");
    g.ended(0, 50.0);
    let taken = View::of(vec![reading(10, 0), reading(20, 20)]);
    for now in [50.0, 60.0, 70.0, 80.0] {
        assert_eq!(ids(&g.admit(now, &taken)), [0; 0]);
    }
    g.ended(1, 90.0);
    let taken = View::of(vec![reading(10, 0), reading(0, 0)]);
    let starts = g.admit(90.0, &taken);
    assert_eq!(
        starts,
        [Start {
            job: 2,
            cards: vec![1],
            opens: None
        }]
    );
}

#[test]
fn what_never_fits_is_said_before_anything_runs() {
    let mut jobs = vec![
        Job::new(0, 1.0).on(3, gib(1)),
        Job::new(1, 1.0).on(2, gib(30)),
        job(2, 1.0, gib(100)),
        job(3, 1.0, gib(1)),
        job(4, 1.0, gib(100)),
        job(5, 1.0, gib(1)),
    ];
    jobs[3].suits = Some(vec![]);
    jobs[4].holding = Some(1);
    jobs[5].holding = Some(1);
    let (mut g, impossible) =
        Governor::new(&cards(&[24, 48]), &jobs, Limits::default()).expect("well-formed");
    let said: Vec<(usize, String)> = impossible.iter().map(|i| (i.job, i.to_string())).collect();
    let expected = [
        (0, "needs 3 devices; 2 of 2 suit"),
        (
            1,
            "needs 30 GiB on each of 2 devices; 1 are large enough; the largest that suits has 48 GiB",
        ),
        (
            2,
            "needs 100 GiB on a device; the largest that suits has 48 GiB",
        ),
        (3, "needs 1 devices; 0 of 2 suit"),
        (
            4,
            "the server that it shares needs 100 GiB on a device; the largest that suits has 48 GiB",
        ),
        (
            5,
            "the server that it shares needs 100 GiB on a device; the largest that suits has 48 GiB",
        ),
    ];
    let expected: Vec<(usize, String)> = expected
        .into_iter()
        .map(|(j, s)| (j, s.to_owned()))
        .collect();
    assert_eq!(said, expected);
    assert_eq!(g.admit(0.0, &quiet()), []);
    assert_eq!(g.waits(0), None);
    let (_, impossible) = Governor::new(
        &[],
        &[Job::new(0, 1.0)],
        Limits {
            slots: 0,
            ..Limits::default()
        },
    )
    .expect("well-formed");
    assert_eq!(impossible[0].lack, Lack::Slots);
}

#[test]
fn nonsense_is_an_error_that_names_the_job() {
    let new = |jobs: &[Job], limits| {
        Governor::new(&cards(&[24]), jobs, limits)
            .map(|_| ())
            .expect_err("nonsense")
    };
    assert_eq!(
        new(&[Job::new(3, 1.0), Job::new(3, 1.0)], Limits::default()),
        Malformed::TwiceTheSameId(3)
    );
    let endless = new(&[Job::new(3, f64::INFINITY)], Limits::default());
    assert_eq!(
        endless.to_string(),
        "job 3 is expected to run for inf seconds; that must be a finite number, 0 or more"
    );
    assert!(matches!(
        new(&[Job::new(3, f64::NAN)], Limits::default()),
        Malformed::Length { job: 3, .. }
    ));
    assert!(matches!(
        new(&[Job::new(3, -1.0)], Limits::default()),
        Malformed::Length { job: 3, .. }
    ));
    let mut lost = Job::new(3, 1.0);
    lost.suits = Some(vec![0, 1]);
    assert_eq!(
        new(&[lost], Limits::default()),
        Malformed::NoSuchCard {
            job: 3,
            card: 1,
            cards: 1
        }
    );
    let spacing = Limits {
        spacing: f64::NAN,
        ..Limits::default()
    };
    assert!(matches!(new(&[], spacing), Malformed::Spacing(_)));
}

#[test]
fn time_never_goes_back() {
    let mut g = governor(
        &[24],
        &[job(0, 10.0, gib(20)), job(1, 10.0, gib(20))],
        Limits::default(),
    );
    assert_eq!(ids(&g.admit(100.0, &quiet())), [0]);
    g.ended(0, 90.0);
    assert_eq!(ids(&g.admit(80.0, &quiet())), [1]);
}
