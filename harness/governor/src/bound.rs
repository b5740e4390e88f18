//! A length below which no schedule can get, and what makes it so.
//!
//! Promise: sound. Whatever order and whichever cards a schedule chooses, it takes at least this long; so that "8 % above the bound" is never less
//! than what could have been saved.
//!
//! Rejected: counting jobs above half of a card as whole cards and adding the small ones' share on top (a small job can stand beside a large one,
//! so that the sum is no bound). Where large jobs count as whole, those that fit beside them count as nothing: a dual feasible function
//! (Fekete and Schepers, 2001), tried at every threshold.

use std::fmt;

use crate::job::Card;
use crate::problem::{Problem, WHOLE};

/// The bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowerBound {
    /// Seconds.
    pub seconds: f64,
    /// What makes it so.
    pub by: Binding,
}

/// What no schedule gets around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// There is nothing to run.
    Nothing,
    /// The longest job.
    Longest,
    /// The jobs that hold one exclusive name, one after the other.
    Name(u32),
    /// Memory times time, over the memory of all cards.
    Devices,
    /// Large jobs that pairwise cannot share a card, over the cards.
    LargeJobs,
    /// Jobs over slots.
    Slots,
    /// Processors times time.
    Cpus,
    /// Host memory times time.
    HostMemory,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Binding::Nothing => f.write_str("nothing to run"),
            Binding::Longest => f.write_str("the longest job"),
            Binding::Name(name) => write!(f, "the jobs that hold the exclusive name {name}"),
            Binding::Devices => f.write_str("device memory times time"),
            Binding::LargeJobs => f.write_str("jobs too large to share a device"),
            Binding::Slots => f.write_str("the slots"),
            Binding::Cpus => f.write_str("the processors"),
            Binding::HostMemory => f.write_str("the host memory"),
        }
    }
}

impl LowerBound {
    pub(crate) fn of(problem: &Problem) -> LowerBound {
        // Jobs that run alone come on top of whatever bounds the others.
        let alone: f64 = problem
            .tasks
            .iter()
            .filter(|t| t.alone)
            .map(|t| t.expected)
            .sum();
        let mut best = LowerBound {
            seconds: 0.0,
            by: Binding::Nothing,
        };
        let mut offer = |seconds: f64, by: Binding| {
            if seconds > best.seconds {
                best = LowerBound { seconds, by };
            }
        };
        let others = || problem.tasks.iter().filter(|t| !t.alone);
        offer(alone, Binding::Longest);
        offer(
            alone + others().map(|t| t.expected).fold(0.0, f64::max),
            Binding::Longest,
        );
        let mut chains = vec![0.0; problem.names.len()];
        for task in others() {
            for name in &task.names {
                chains[*name as usize] += task.expected;
            }
        }
        for (name, chain) in problem.names.iter().zip(chains) {
            offer(alone + chain, Binding::Name(*name));
        }
        let limits = &problem.limits;
        let work: f64 = others().map(|t| t.expected).sum();
        offer(alone + work / limits.slots.max(1) as f64, Binding::Slots);
        let work: f64 = others().map(|t| t.expected * f64::from(t.cpus)).sum();
        offer(alone + work / f64::from(limits.cpus.max(1)), Binding::Cpus);

        // A tenant is there for at least its longest user; a server may stay while somebody else runs alone, so that it counts by the others only.
        let spans: Vec<f64> = problem
            .tenants
            .iter()
            .map(|t| {
                t.users
                    .iter()
                    .map(|u| &problem.tasks[*u as usize])
                    .filter(|t| !t.alone)
                    .map(|t| t.expected)
                    .fold(0.0, f64::max)
            })
            .collect();
        if let Some(limit) = limits.host_memory.filter(|l| *l > 0) {
            let work: f64 = problem
                .tenants
                .iter()
                .zip(&spans)
                .map(|(t, s)| t.host as f64 * s)
                .sum();
            offer(alone + work / limit as f64, Binding::HostMemory);
        }
        let (seconds, large) = devices(problem, &spans);
        offer(
            alone + seconds,
            if large {
                Binding::LargeJobs
            } else {
                Binding::Devices
            },
        );
        // Rounding in the sums must not lift the bound above an exact schedule.
        best.seconds *= 1.0 - 1e-12;
        best
    }
}

/// Cards of one size, and how they count: a threshold (as a share of what may be shared) and a weight.
struct Class {
    count: usize,
    total: Option<u64>,
    shared: u64,
}

impl Class {
    /// A threshold in bytes; at most half, so that the jobs above its complement exclude those that count beside them.
    fn bytes(&self, threshold: f64) -> u64 {
        ((threshold * self.shared as f64).round() as u64).min(self.shared.div_ceil(2))
    }
}

/// The best bound from memory times time, and whether a threshold made it.
fn devices(problem: &Problem, spans: &[f64]) -> (f64, bool) {
    let mut classes: Vec<Class> = vec![];
    let mut class_of = vec![0; problem.cards.len()];
    for (i, card) in problem.cards.iter().enumerate() {
        let at = classes
            .iter()
            .position(|c| c.total == card.total)
            .unwrap_or_else(|| {
                classes.push(Class {
                    count: 0,
                    total: card.total,
                    shared: card.total.map_or(1, |t| Card::shared(t).max(1)),
                });
                classes.len() - 1
            });
        classes[at].count += 1;
        class_of[i] = at;
    }
    // Jobs by need: (need, gang, seconds, allowed classes)
    let jobs: Vec<Work> = problem
        .tenants
        .iter()
        .zip(spans)
        .filter(|(t, s)| t.gang > 0 && !t.users.is_empty() && **s > 0.0)
        .map(|(t, s)| Work {
            need: t.need,
            gang: t.gang as usize,
            seconds: *s,
            cards: (0..classes.len())
                .map(|class| {
                    (0..problem.cards.len())
                        .filter(|c| class_of[*c] == class && t.suits(*c))
                        .filter(|c| {
                            t.need == WHOLE
                                || problem.cards[*c].total.is_some_and(|total| total >= t.need)
                        })
                        .count()
                })
                .collect(),
        })
        .collect();
    if jobs.is_empty() {
        return (0.0, false);
    }
    // A glance at every threshold, a long look at the best of them.
    let mut best = (0.0, 0.0);
    for threshold in thresholds(&jobs, &classes) {
        let bound = weighted(&jobs, &classes, threshold, 2);
        if bound > best.0 * (1.0 + 1e-9) {
            best = (bound, threshold);
        }
    }
    let bound = best.0.max(weighted(&jobs, &classes, best.1, 24));
    (bound, best.1 > 0.0)
}

struct Work {
    need: u64,
    gang: usize,
    seconds: f64,
    /// How many cards of each class it can stand on.
    cards: Vec<usize>,
}

fn thresholds(jobs: &[Work], classes: &[Class]) -> Vec<f64> {
    let mut thresholds = vec![];
    for class in classes {
        for job in jobs.iter().filter(|j| j.need != WHOLE) {
            let share = job.need as f64 / class.shared as f64;
            let share = share.min(1.0 - share);
            if share > 0.0 {
                thresholds.push(share);
            }
        }
    }
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    let step = thresholds.len().div_ceil(16).max(1);
    // None first: what a threshold does not lift is memory times time.
    let mut thinned = vec![0.0, 0.5];
    thinned.extend(thresholds.into_iter().step_by(step));
    thinned
}

/// The dual feasible function: of any jobs that may stand on a card together, the sum is at most 1.
fn share(need: u64, class: &Class, threshold: f64) -> f64 {
    if need == WHOLE {
        return 1.0;
    }
    // In bytes: a rounded share could make two jobs exclude each other that fit to the byte.
    let threshold = class.bytes(threshold);
    if need > class.shared - threshold || need >= class.shared {
        1.0
    } else if need < threshold {
        0.0
    } else {
        need as f64 / class.shared as f64
    }
}

/// Any weights of the classes that sum up to 1 over the cards give a bound: each job goes where it counts least. They begin by memory and by cards,
/// and are improved by moving them towards the classes that have too much.
fn weighted(jobs: &[Work], classes: &[Class], threshold: f64, rounds: usize) -> f64 {
    let shares: Vec<Vec<f64>> = jobs
        .iter()
        .map(|j| {
            classes
                .iter()
                .map(|c| share(j.need, c, threshold))
                .collect()
        })
        .collect();
    if classes.len() == 1 {
        return improved(jobs, classes, &shares, vec![1.0], 1);
    }
    let by_memory = classes.iter().map(|c| c.shared as f64).collect();
    let by_cards = vec![1.0; classes.len()];
    improved(jobs, classes, &shares, by_memory, rounds)
        .max(improved(jobs, classes, &shares, by_cards, rounds))
}

fn improved(
    jobs: &[Work],
    classes: &[Class],
    shares: &[Vec<f64>],
    mut weights: Vec<f64>,
    rounds: usize,
) -> f64 {
    let mut best = 0.0f64;
    let mut cheapest: Vec<usize> = (0..classes.len()).collect();
    let mut load = vec![0.0; classes.len()];
    for round in 0..rounds {
        let sum: f64 = weights
            .iter()
            .zip(classes)
            .map(|(w, c)| w * c.count as f64)
            .sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        load.fill(0.0);
        let mut bound = 0.0;
        for (job, shares) in jobs.iter().zip(shares) {
            let cost = |class: usize| weights[class] * shares[class];
            let mut take = |class: usize, cards: usize| {
                let work = cards as f64 * shares[class] * job.seconds;
                load[class] += work;
                bound += work * weights[class];
            };
            let least = (0..classes.len())
                .filter(|c| job.cards[*c] >= job.gang)
                .min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
            if job.gang == 1
                && let Some(class) = least
            {
                take(class, 1);
                continue;
            }
            cheapest.sort_by(|a, b| cost(*a).total_cmp(&cost(*b)).then(a.cmp(b)));
            let mut left = job.gang;
            for class in &cheapest {
                let here = left.min(job.cards[*class]);
                left -= here;
                take(*class, here);
            }
        }
        best = best.max(bound);
        if bound <= 0.0 {
            break;
        }
        let step = 0.6 / (1.0 + round as f64 * 0.3);
        for ((weight, load), class) in weights.iter_mut().zip(&load).zip(classes) {
            let mean = load / class.count as f64;
            *weight *= (step * (mean / bound - 1.0)).clamp(-1.0, 1.0).exp();
        }
    }
    best
}
