//! What fits on a card.

use crate::support::{GIB, cards, gib, governor, ids, job, quiet, reading};
use tribunal_governor::{Card, Foreign, Governor, Job, Limits, Memory, Reading, Start, View, Why};

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
fn outsiders_are_not_forgotten_while_our_jobs_start() {
    let jobs = [job(0, 10.0, gib(8)), job(1, 10.0, gib(9))];
    let read = |used: u64| {
        let reading = Reading {
            used: Some(used * GIB),
            ours: None,
        };
        View::of(vec![(reading, Foreign::default())])
    };
    let mut g = governor(&[24], &jobs, Limits::default());
    // 10 of an outsider, and 8 of ours that are not taken yet: whose the 10 are nobody says, but they were there before.
    assert_eq!(ids(&g.admit(0.0, &read(10))), [0]);
    assert_eq!(ids(&g.admit(1.0, &read(10))), [0; 0]);
    assert_eq!(ids(&g.admit(2.0, &read(18))), [0; 0]);
    // Now there cannot be 10 of theirs.
    assert_eq!(ids(&g.admit(3.0, &read(3))), [1]);
}
