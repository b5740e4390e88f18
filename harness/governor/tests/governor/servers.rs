//! Servers that several jobs share.

use crate::support::{GIB, gib, governor, ids, job, quiet};
use tribunal_governor::{Job, Limits, Start};

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
