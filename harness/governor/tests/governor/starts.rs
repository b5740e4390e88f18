//! What a start needs beside memory, and what is no start.

use crate::support::{GIB, cards, gib, governor, ids, job, quiet};
use tribunal_governor::{Governor, Job, Lack, Limits, Malformed, REFUSED_PAUSE, Why};

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
fn a_group_keeps_its_own_pause_and_not_the_longest_of_all() {
    let mut jobs: Vec<Job> = (0..6).map(|id| job(id, 100.0, gib(2))).collect();
    for (id, group, spacing) in [
        (0, 1, Some(30.0)),
        (1, 1, Some(20.0)),
        (2, 2, Some(3.0)),
        (3, 2, Some(3.0)),
        (4, 3, None),
        (5, 3, None),
    ] {
        jobs[id].start_group = Some(group);
        jobs[id].spacing = spacing;
    }
    let limits = Limits {
        spacing: 7.0,
        ..Limits::default()
    };
    let mut g = governor(&[24], &jobs, limits);
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 2, 4]);
    // The longest that its own users say; nobody else's.
    assert_eq!(g.waits(1), Some(Why::Spacing { until: 30.0 }));
    assert_eq!(g.waits(3), Some(Why::Spacing { until: 3.0 }));
    assert_eq!(g.waits(5), Some(Why::Spacing { until: 7.0 }));
    assert_eq!(g.next_wake(0.0), Some(3.0));
    assert_eq!(ids(&g.admit(3.0, &quiet())), [3]);
    assert_eq!(g.next_wake(3.0), Some(7.0));
    assert_eq!(ids(&g.admit(7.0, &quiet())), [5]);
    assert_eq!(g.next_wake(7.0), Some(30.0));
    assert_eq!(ids(&g.admit(29.9, &quiet())), [0; 0]);
    assert_eq!(ids(&g.admit(30.0, &quiet())), [1]);
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
fn time_never_goes_back() {
    let jobs = [
        job(0, 10.0, gib(15)),
        job(1, 10.0, gib(15)),
        job(2, 10.0, gib(15)),
        job(3, 1.0, gib(5)),
    ];
    let mut g = governor(&[24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(100.0, &quiet())), [0, 3]);
    g.ended(3, 90.0);
    g.ended(0, 90.0);
    assert_eq!(ids(&g.admit(80.0, &quiet())), [1]);
    g.withdraw(0);
    assert_eq!(g.promised(), None, "nobody is left who could overtake");
    let mut g = governor(&[24], &jobs, Limits::default());
    g.admit(100.0, &quiet());
    assert_eq!(g.promised(), Some((1, vec![0], 110.0)));
    g.ended(0, 50.0);
    assert_eq!(ids(&g.admit(50.0, &quiet())), [1]);
    g.ended(3, 50.0);
    assert_eq!(ids(&g.admit(50.0, &quiet())), [0; 0]);
    assert_eq!(
        g.waits(2).map(|w| w.to_string()).as_deref(),
        Some("needs 15 GiB on a device")
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
    let mut backwards = Job::new(4, 1.0);
    backwards.spacing = Some(-1.0);
    assert_eq!(
        new(&[backwards], Limits::default()),
        Malformed::Spacing(-1.0)
    );
}
