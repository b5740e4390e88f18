//! Plans: the same every time, never below the bound, and what a run does whose jobs last as long as expected.

use crate::support::{GIB, Random, cards, gib};
use crate::world::{Kind, world};
use tribunal_governor::{Binding, Card, Governor, Job, Limits, Memory, Schedule, View, plan};

const KIND: Kind = Kind {
    outsiders: false,
    wrong_lengths: false,
    refusals: false,
    unmeasured: true,
    holdings: true,
};

/// Starts of a run in which every job lasts as long as expected and every server stops with its last user.
fn execute(cards: &[Card], jobs: &[Job], limits: Limits) -> Vec<(usize, Vec<usize>, f64)> {
    let (mut g, _) = Governor::new(cards, jobs, limits).expect("well-formed");
    let (mut now, mut running, mut starts) = (0.0, vec![], vec![]);
    loop {
        for start in g.admit(now, &View::undisturbed()) {
            let job = jobs.iter().find(|j| j.id == start.job).expect("known");
            running.push((now + job.expected, job));
            starts.push((start.job, start.cards, now));
        }
        let ends = running.iter().map(|r| r.0);
        let wake = g.next_wake(now).filter(|w| *w > now);
        let Some(next) = ends.chain(wake).min_by(f64::total_cmp) else {
            return starts;
        };
        now = next;
        running.retain(|(end, job)| {
            if *end > now {
                return true;
            }
            g.ended(job.id, now);
            if let Some(holding) = job.holding.filter(|h| g.holding_left(*h) == 0) {
                g.holding_ended(holding, now);
            }
            false
        });
    }
}

#[test]
fn a_run_follows_its_plan_event_by_event() {
    for seed in 0..60 {
        let mut world = world(&mut Random(seed), KIND);
        // Numbers that are neither dense nor in order.
        for job in &mut world.jobs {
            job.id = job.id * 7 % 1009;
        }
        let schedule = plan(&world.cards, &world.jobs, world.limits).expect("well-formed");
        schedule.rank(&mut world.jobs);
        let planned: Vec<_> = schedule
            .starts
            .iter()
            .map(|s| (s.job, s.cards.clone(), s.start))
            .collect();
        let executed = execute(&world.cards, &world.jobs, world.limits);
        assert_eq!(executed, planned, "seed {seed}");
        check(&schedule, &world.cards, &world.jobs);
    }
}

fn check(schedule: &Schedule, cards: &[Card], jobs: &[Job]) {
    assert!(schedule.makespan >= schedule.bound.seconds, "{schedule:?}");
    assert_eq!(
        schedule.starts.len() + schedule.impossible.len(),
        jobs.len()
    );
    assert_eq!(schedule.order.len(), schedule.starts.len());
    for (card, peak) in schedule.peak.iter().enumerate() {
        assert!(*peak <= cards[card].total.unwrap_or(0));
    }
}

#[test]
fn a_plan_is_the_same_every_time() {
    let world = world(&mut Random(5), KIND);
    let one = plan(&world.cards, &world.jobs, world.limits);
    assert_eq!(one, plan(&world.cards, &world.jobs, world.limits));
}

#[test]
fn a_plan_is_not_longer_than_longest_first() {
    for seed in 0..40 {
        let mut world = world(&mut Random(seed), KIND);
        let schedule = plan(&world.cards, &world.jobs, world.limits).expect("well-formed");
        let mut order: Vec<usize> = (0..world.jobs.len()).collect();
        order.sort_by(|a, b| world.jobs[*b].expected.total_cmp(&world.jobs[*a].expected));
        for (rank, job) in order.into_iter().enumerate() {
            world.jobs[job].rank = rank;
        }
        let starts = execute(&world.cards, &world.jobs, world.limits);
        let end = starts
            .iter()
            .map(|s| s.2 + world.jobs[s.0].expected)
            .fold(0.0, f64::max);
        assert!(
            schedule.makespan <= end,
            "seed {seed}: {} > {end}",
            schedule.makespan
        );
    }
}

/// The bound on a single kind of limit, and a plan that meets it.
#[test]
fn each_bound_is_met_where_it_can_be() {
    let by = |sizes: &[u64], jobs: &[Job], limits: Limits| {
        let schedule = plan(&cards(sizes), jobs, limits).expect("well-formed");
        assert!(
            (schedule.makespan - schedule.bound.seconds).abs() < 1e-6,
            "{} against {:?}",
            schedule.makespan,
            schedule.bound
        );
        (schedule.bound.by, schedule.makespan.round() as u64)
    };
    let job = |id, seconds, memory| Job::new(id, seconds).on(1, memory);
    let none = Limits::default();
    assert_eq!(by(&[24], &[], none), (Binding::Nothing, 0));
    assert_eq!(
        by(&[24], &[job(0, 7.0, gib(1)), job(1, 5.0, gib(1))], none),
        (Binding::Longest, 7)
    );
    let mut chain = vec![
        job(0, 7.0, gib(1)),
        job(1, 5.0, gib(1)),
        job(2, 9.0, gib(1)),
    ];
    chain[0].names = vec![3];
    chain[1].names = vec![3, 4];
    assert_eq!(by(&[24], &chain, none), (Binding::Name(3), 12));
    // Three of 11 GiB on cards that share 20.4: each is a card's work. The small ones stand beside them and count for nothing.
    let large = [
        job(0, 10.0, gib(11)),
        job(1, 10.0, gib(11)),
        job(2, 10.0, gib(11)),
        job(3, 10.0, gib(9)),
        job(4, 20.0, gib(9)),
    ];
    let (binding, seconds) = by(&[24], &large, none);
    assert_eq!((binding, seconds), (Binding::LargeJobs, 30));
    // Ten of 10.2 GiB: two at a time, to the byte.
    let half: Vec<Job> = (0..10)
        .map(|id| job(id, 10.0, Memory::Bytes(Card::shared(24 * GIB) / 2)))
        .collect();
    assert_eq!(by(&[24], &half, none).1, 50);
    let whole: Vec<Job> = (0..4).map(|id| job(id, 10.0, Memory::Whole)).collect();
    assert_eq!(
        by(&[24, 0], &whole, none).1,
        20,
        "two cards, one of them unmeasured"
    );
    let plain: Vec<Job> = (0..9).map(|id| Job::new(id, 10.0)).collect();
    assert_eq!(
        by(&[], &plain, Limits { slots: 3, ..none }),
        (Binding::Slots, 30)
    );
    let mut heavy = plain.clone();
    heavy
        .iter_mut()
        .for_each(|j| (j.cpus, j.host_memory) = (2, GIB));
    assert_eq!(
        by(&[], &heavy, Limits { cpus: 6, ..none }),
        (Binding::Cpus, 30)
    );
    let limits = Limits {
        host_memory: Some(3 * GIB),
        ..none
    };
    assert_eq!(by(&[], &heavy, limits), (Binding::HostMemory, 30));
    let mut alone = plain.clone();
    alone.iter_mut().take(2).for_each(|j| j.alone = true);
    assert_eq!(
        by(&[], &alone, none),
        (Binding::Longest, 30),
        "two alone, then the rest together"
    );
}

#[test]
fn the_bound_is_never_above_the_best_of_all_orders() {
    let mut random = Random(11);
    for round in 0..40 {
        let sizes: Vec<u64> = (0..1 + random.below(3))
            .map(|_| [24, 48, 80][random.below(3)])
            .collect();
        let jobs: Vec<Job> = (0..5)
            .map(|id| {
                let gang = 1 + random.below(sizes.len()) as u32;
                // Sizes that fill a card to the byte in pairs and triples.
                let shared = Card::shared(24 * GIB);
                let part = [
                    shared,
                    shared / 2,
                    shared / 3,
                    shared - shared / 3,
                    shared / 2 + 1,
                    24 * GIB,
                ][random.below(6)];
                Job::new(id, 1.0 + random.below(9) as f64).on(gang, Memory::Bytes(part))
            })
            .collect();
        let schedule = plan(&cards(&sizes), &jobs, Limits::default()).expect("well-formed");
        let mut best = f64::INFINITY;
        permutations(&mut (0..5).collect(), 0, &mut |order: &[usize]| {
            let mut jobs = jobs.clone();
            for (rank, job) in order.iter().enumerate() {
                jobs[*job].rank = rank;
            }
            let starts = execute(&cards(&sizes), &jobs, Limits::default());
            best = best.min(
                starts
                    .iter()
                    .map(|s| s.2 + jobs[s.0].expected)
                    .fold(0.0, f64::max),
            );
        });
        assert!(
            schedule.bound.seconds <= best,
            "round {round}: {:?} > {best}",
            schedule.bound
        );
        assert!(
            schedule.makespan >= best,
            "round {round}: no order is that short"
        );
        assert!(
            schedule.makespan <= best * 1.1 + 1e-9,
            "round {round}: {} against {best}",
            schedule.makespan
        );
    }
}

fn permutations(items: &mut Vec<usize>, from: usize, each: &mut impl FnMut(&[usize])) {
    if from == items.len() {
        return each(items);
    }
    for i in from..items.len() {
        items.swap(from, i);
        permutations(items, from + 1, each);
        items.swap(from, i);
    }
}

#[test]
fn what_is_not_in_the_plan_comes_after_it() {
    let mut jobs = vec![
        Job::new(4, 1.0),
        Job::new(2, 9.0).on(1, gib(100)),
        Job::new(9, 5.0),
    ];
    let schedule = plan(&cards(&[24]), &jobs, Limits::default()).expect("well-formed");
    assert_eq!(schedule.order, [9, 4]);
    schedule.rank(&mut jobs);
    let ranks: Vec<usize> = jobs.iter().map(|j| j.rank).collect();
    assert_eq!(ranks, [1, 4, 0]);
}
