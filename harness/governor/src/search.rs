//! The order of the jobs that gives the shortest plan found.
//!
//! Promise: deterministic, and bounded by steps counted, never by a clock, so that the same jobs have the same plan on a fast machine and on a
//! slow one. The result is never longer than longest-first.
//!
//! Every candidate is an order of ranks, tried by the governor itself in virtual time; so whatever is found here is what the run does. First come
//! simple rules, each run backwards and forwards (who ended last goes first, again and again: the justification of project scheduling, Tormos and
//! Lova 2001), then small changes of the best order, of which those are kept that make nothing longer. It ends where the lower bound is met.
//!
//! Rejected: an exact solver (its time has no bound that a start-up could wait for), and schedules with times of their own (an early end would
//! make them worthless, an order of ranks adapts).

use std::sync::Arc;

use crate::drive::{Course, drive};
use crate::governor::Governor;
use crate::problem::{Problem, WHOLE};

/// The bound on the search, in steps: a look at a waiting job, at a card.
pub(crate) const WORK: u64 = 1_000_000;

/// How often an order is run backwards and forwards.
const JUSTIFICATIONS: usize = 4;

/// A plan this close to the bound is as good as it: rounding in sums of seconds is no reason to search on.
const EQUAL: f64 = 1.0 + 1e-9;

/// The order to plan with.
pub(crate) fn search(problem: &Arc<Problem>, bound: f64, work: u64) -> Vec<u32> {
    let mut search = Search {
        governor: Governor::of(Arc::clone(problem), &[]),
        problem: Arc::clone(problem),
        course: Course::default(),
        bound,
        work,
        best: by(problem, |t| problem.tasks[t as usize].expected),
        makespan: f64::INFINITY,
        random: 0,
    };
    // Who needs no device is started longest first; there is nothing to pack.
    let movable = search
        .best
        .iter()
        .filter(|t| problem.on_device(**t))
        .count();
    if movable > 0 {
        search.rules();
    }
    if movable > 1 {
        search.improve(movable);
    }
    search.best
}

/// All tasks, those with devices first, by a key, largest first.
fn by(problem: &Problem, key: impl Fn(u32) -> f64) -> Vec<u32> {
    let mut order = problem.order();
    order.sort_by(|a, b| {
        let fillers = !problem.on_device(*a);
        fillers
            .cmp(&!problem.on_device(*b))
            .then(key(*b).total_cmp(&key(*a)))
    });
    order
}

struct Search {
    problem: Arc<Problem>,
    governor: Governor,
    course: Course,
    bound: f64,
    work: u64,
    best: Vec<u32>,
    makespan: f64,
    random: u64,
}

impl Search {
    fn done(&self) -> bool {
        self.governor.work >= self.work || self.makespan <= self.bound * EQUAL
    }

    /// Runs an order and keeps it if it is the best so far. Infinite where it takes longer than `limit`.
    fn try_out(&mut self, order: &[u32], limit: f64) -> f64 {
        self.governor.restart(order);
        drive(&mut self.governor, &mut self.course, limit, |_, _| {});
        let makespan = self.course.makespan;
        if makespan < self.makespan {
            self.makespan = makespan;
            self.best.clear();
            self.best.extend_from_slice(order);
        }
        makespan
    }

    fn rules(&mut self) {
        let problem = Arc::clone(&self.problem);
        let seconds = |t: u32| problem.tasks[t as usize].expected;
        let largest = problem
            .cards
            .iter()
            .filter_map(|c| c.total)
            .max()
            .unwrap_or(1);
        let area = |t: u32| {
            let tenant = problem.tenant(t);
            let need = if tenant.need == WHOLE {
                largest
            } else {
                tenant.need
            };
            need as f64 * f64::from(tenant.gang)
        };
        let mut chains = vec![0.0; problem.names.len()];
        for task in &problem.tasks {
            for name in &task.names {
                chains[*name as usize] += task.expected;
            }
        }
        // The chain that a job is part of is as urgent as one job of that length.
        let urgent = |t: u32| {
            let names = problem.tasks[t as usize].names.iter();
            names
                .map(|n| chains[*n as usize])
                .fold(seconds(t), f64::max)
        };
        let orders = [
            by(&problem, seconds),
            by(&problem, urgent),
            by(&problem, |t| {
                f64::from(problem.tenant(t).gang) * 1e9 + seconds(t)
            }),
            by(&problem, |t| seconds(t) * area(t)),
            by(&problem, |t| seconds(t) * area(t).sqrt()),
            by(&problem, area),
        ];
        for order in orders {
            if self.done() {
                return;
            }
            self.try_out(&order, f64::INFINITY);
            for _ in 0..JUSTIFICATIONS {
                if self.done() {
                    return;
                }
                let order = self.turned();
                self.try_out(&order, f64::INFINITY);
            }
        }
    }

    /// The order of the last course turned round: who ended last goes first.
    fn turned(&self) -> Vec<u32> {
        let mut ends = self.course.starts.clone();
        ends.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        let mut order: Vec<u32> = ends.into_iter().map(|s| s.0).collect();
        order.sort_by_key(|t| !self.problem.on_device(*t));
        order
    }

    /// Small changes of the best order among its first `movable` places.
    fn improve(&mut self, movable: usize) {
        let mut current = self.best.clone();
        let mut makespan = self.try_out(&current, f64::INFINITY);
        let mut late = self.late(makespan);
        while !self.done() {
            let mut trial = current.clone();
            match self.below(10) {
                0..6 if !late.is_empty() => {
                    let who = late[self.below(late.len())];
                    let from = trial.iter().position(|t| *t == who).unwrap_or(0);
                    let to = self.below(from + 1);
                    trial[to..=from].rotate_right(1);
                }
                6..9 => {
                    let (a, b) = (self.below(movable), self.below(movable));
                    trial.swap(a, b);
                }
                _ => {
                    let (from, to) = (self.below(movable), self.below(movable));
                    let task = trial.remove(from);
                    trial.insert(to, task);
                }
            }
            // Equally long is good enough: the way down leads over flat ground.
            let tried = self.try_out(&trial, makespan * EQUAL);
            // Counted also where nothing ran, so that the search ends whatever it meets.
            self.governor.work += 100;
            if tried <= makespan {
                makespan = tried;
                current = trial;
                late = self.late(makespan);
            }
        }
    }

    /// The tasks with devices that end last in the last course.
    fn late(&self, makespan: f64) -> Vec<u32> {
        let starts = self.course.starts.iter();
        starts
            .filter(|s| s.2 >= makespan * 0.98 && self.problem.on_device(s.0))
            .map(|s| s.0)
            .collect()
    }

    /// SplitMix64 (Steele, Lea, Flood 2014), below `n`.
    fn below(&mut self, n: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}
