//! Who waits for whom, and for how long.

use crate::support::{GIB, gib, governor, ids, job, quiet, reading};
use tribunal_governor::{Card, Foreign, Governor, Job, Limits, Memory, PATIENCE, Start, View, Why};

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
    // Nor do they take host memory or a name that those will want.
    let mut jobs = vec![
        job(0, 100.0, gib(20)),
        job(1, 100.0, gib(20)),
        Job::new(2, 1000.0),
        Job::new(3, 1000.0),
        Job::new(4, 1000.0),
    ];
    jobs[1].names = vec![1];
    jobs[1].host_memory = 4 * GIB;
    jobs[2].names = vec![1];
    jobs[3].host_memory = 5 * GIB;
    jobs[4].host_memory = GIB;
    let limits = Limits {
        host_memory: Some(8 * GIB),
        ..Limits::default()
    };
    let mut g = governor(&[24], &jobs, limits);
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 4]);
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
        let first = ((now / 20.0) as u64).is_multiple_of(2);
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
fn a_promise_begins_when_the_job_fits_to_the_byte() {
    // 17 of 20 GiB are for several: beside the 7 that stay there is room for exactly 10.
    assert_eq!(Card::shared(20 * GIB), 17 * GIB);
    let mut jobs = [
        job(0, 50.0, gib(10)),
        job(1, 100.0, gib(7)),
        job(2, 10.0, gib(10)),
        job(3, 10.0, gib(1)),
    ];
    jobs[..3].iter_mut().for_each(|j| j.suits = Some(vec![0]));
    let mut g = governor(&[20, 24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1, 3]);
    assert_eq!(g.promised(), Some((2, vec![0], 50.0)));
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
fn whole_cards_that_nobody_was_promised_are_given_out() {
    // Job 1 is promised the first card; job 2 stays beside it; job 3 takes the second card whole, for longer than the promise leaves time.
    let mut jobs = [
        job(0, 50.0, gib(10)),
        job(1, 50.0, gib(11)),
        job(2, 500.0, gib(4)),
        job(3, 500.0, Memory::Whole),
    ];
    jobs[..3].iter_mut().for_each(|j| j.suits = Some(vec![0]));
    let mut g = governor(&[24, 24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 2, 3]);
}

#[test]
fn a_start_of_the_same_kind_does_not_push_the_promised_one_back() {
    let mut jobs = [
        job(0, 10.0, gib(15)),
        job(1, 10.0, gib(15)),
        job(2, 2.0, gib(5)),
        job(3, 1.0, gib(1)),
    ];
    jobs[1].start_group = Some(0);
    jobs[2].start_group = Some(0);
    jobs[2].names = vec![1];
    let limits = Limits {
        spacing: 5.0,
        ..Limits::default()
    };
    let mut g = governor(&[24], &jobs, limits);
    let mut elsewhere = quiet();
    elsewhere.names = vec![1];
    assert_eq!(ids(&g.admit(0.0, &elsewhere)), [0, 3]);
    g.ended(3, 1.0);
    // It would have ended by 10 s, but nothing of its kind could start on the card before 12 s.
    assert_eq!(ids(&g.admit(7.0, &quiet())), [0; 0]);
    assert_eq!(g.waits(2), Some(Why::Promise(1)));
    g.ended(0, 10.0);
    assert_eq!(ids(&g.admit(10.0, &quiet())), [1]);
    assert_eq!(g.waits(2), Some(Why::Spacing { until: 15.0 }));
}

#[test]
fn who_wants_to_be_alone_is_promised_the_end_of_the_last() {
    let mut jobs = [10.0, 50.0, 20.0, 30.0, 60.0].map(|seconds| Job::new(0, seconds));
    (0..5).for_each(|id| (jobs[id].id, jobs[id].rank) = (id, id));
    jobs[2].alone = true;
    let mut g = governor(&[], &jobs, Limits::default());
    // The fourth ends before the second does; the fifth would still be there.
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1, 3]);
    assert_eq!(g.promised(), Some((2, vec![], 50.0)));
}

/// A card of 24 GiB with a server of 12, up for job 0; job 1 would use it for a long time and waits for a name that another run holds; job 2
/// needs nearly the whole card, and job 3 has overtaken it.
fn server_with_a_user_who_waits() -> (Governor, View) {
    let mut jobs = vec![
        job(0, 10.0, gib(12)),
        job(1, 1000.0, gib(12)),
        job(2, 60.0, gib(20)),
        job(3, 500.0, gib(4)),
    ];
    jobs[..2].iter_mut().for_each(|j| j.holding = Some(8));
    jobs[1].names = vec![1];
    let mut g = governor(&[24], &jobs, Limits::default());
    let mut elsewhere = quiet();
    elsewhere.names = vec![1];
    assert_eq!(ids(&g.admit(0.0, &elsewhere)), [0, 3]);
    assert_eq!(g.promised(), Some((2, vec![0], 1000.0)));
    g.ended(0, 10.0);
    assert_eq!(ids(&g.admit(10.0, &elsewhere)), [0; 0]);
    (g, elsewhere)
}

#[test]
fn a_promise_moves_up_when_a_server_stops() {
    let (mut g, elsewhere) = server_with_a_user_who_waits();
    g.holding_ended(8, 10.0);
    // Only job 3 is in its way now.
    assert_eq!(ids(&g.admit(10.0, &elsewhere)), [0; 0]);
    assert_eq!(g.promised(), Some((2, vec![0], 500.0)));
    g.ended(3, 500.0);
    assert_eq!(ids(&g.admit(500.0, &elsewhere)), [2]);
}

#[test]
fn a_promise_moves_up_when_the_user_of_a_server_is_withdrawn() {
    let (mut g, elsewhere) = server_with_a_user_who_waits();
    g.withdraw(1);
    assert_eq!(ids(&g.admit(20.0, &elsewhere)), [0; 0]);
    assert_eq!(g.promised(), Some((2, vec![0], 500.0)));
}

#[test]
fn nothing_is_promised_for_before_the_end_of_who_is_alone() {
    // The server of job 0 stays while job 2 is alone, which comes before the one that is promised the card.
    let mut jobs = vec![
        job(0, 10.0, gib(12)),
        job(1, 1000.0, gib(12)),
        Job::new(2, 200.0).on(1, gib(1)),
        job(3, 60.0, gib(20)),
        job(4, 5.0, gib(4)),
    ];
    jobs[..2].iter_mut().for_each(|j| j.holding = Some(8));
    jobs[1].names = vec![1];
    jobs[2].names = vec![2];
    jobs[2].alone = true;
    let mut g = governor(&[24], &jobs, Limits::default());
    let mut elsewhere = quiet();
    elsewhere.names = vec![1, 2];
    assert_eq!(ids(&g.admit(0.0, &elsewhere)), [0, 4]);
    assert_eq!(g.promised(), Some((3, vec![0], 1000.0)));
    g.ended(4, 5.0);
    g.ended(0, 10.0);
    elsewhere.names = vec![1];
    assert_eq!(ids(&g.admit(10.0, &elsewhere)), [2]);
    g.holding_ended(8, 50.0);
    assert_eq!(ids(&g.admit(50.0, &elsewhere)), [0; 0]);
    assert_eq!(g.promised(), Some((3, vec![0], 210.0)));
    g.ended(2, 210.0);
    assert_eq!(ids(&g.admit(210.0, &elsewhere)), [3]);
}

/// Two cards, each with a job of 20 GiB, and a gang that wants both; the fourth job has overtaken it.
fn gang_behind_two(more: &[Job]) -> Governor {
    let mut jobs = vec![
        job(0, 100.0, gib(20)),
        job(1, 150.0, gib(20)),
        Job::new(2, 60.0).on(2, gib(20)),
        Job::new(3, 1.0).on(1, Memory::Bytes(GIB / 4)),
    ];
    jobs.extend_from_slice(more);
    let mut g = governor(&[24, 24], &jobs, Limits::default());
    assert_eq!(ids(&g.admit(0.0, &quiet())), [0, 1, 3]);
    assert_eq!(g.promised(), Some((2, vec![0, 1], 150.0)));
    g
}

#[test]
fn a_promise_moves_up_when_a_job_ends_before_its_time() {
    let mut g = gang_behind_two(&[job(4, 120.0, gib(20))]);
    g.ended(1, 20.0);
    // The fifth would have ended before 150 s.
    assert_eq!(ids(&g.admit(20.0, &quiet())), [0; 0]);
    assert_eq!(g.promised(), Some((2, vec![0, 1], 100.0)));
}

#[test]
fn a_promise_moves_up_when_a_start_is_refused() {
    let mut g = gang_behind_two(&[]);
    g.refuse(1);
    assert_eq!(ids(&g.admit(0.1, &quiet())), [0; 0]);
    assert_eq!(g.promised(), Some((2, vec![0, 1], 100.0)));
}

#[test]
fn patience_with_outsiders_begins_anew_when_they_have_left() {
    let jobs = [
        job(0, 100.0, gib(10)),
        job(1, 60.0, gib(20)),
        job(2, 1000.0, gib(4)),
    ];
    let mut g = governor(&[24], &jobs, Limits::default());
    let (alone, visited) = (
        View::of(vec![reading(10, 10)]),
        View::of(vec![reading(15, 10)]),
    );
    assert_eq!(ids(&g.admit(0.0, &View::of(vec![reading(0, 0)]))), [0]);
    for (now, view) in [(1.0, &visited), (20.0, &alone), (40.0, &visited)] {
        assert_eq!(ids(&g.admit(now, view)), [0; 0], "at {now} s");
    }
    assert_eq!(g.next_wake(40.0), Some(40.0 + PATIENCE));
}
