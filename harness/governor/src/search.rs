//! The order that gives the shortest plan found.

use std::sync::Arc;

use crate::drive::{Course, drive};
use crate::governor::Governor;
use crate::problem::{Problem, WHOLE};

/// The bound on the search.
pub const WORK: u64 = 8_000_000;

pub(crate) fn search(problem: &Arc<Problem>, bound: f64, work: u64) -> Vec<u32> {
    let mut s = Search::new(problem, bound, work);
    s.rules();
    s.improve();
    s.best
}

struct Search {
    problem: Arc<Problem>,
    governor: Governor,
    course: Course,
    bound: f64,
    limit: u64,
    best: Vec<u32>,
    best_makespan: f64,
    random: u64,
    movable: usize,
    pub evals: usize,
}

impl Search {
    fn new(problem: &Arc<Problem>, bound: f64, work: u64) -> Search {
        let order = problem.order();
        let movable = order.iter().filter(|t| problem.on_device(**t)).count();
        Search {
            governor: Governor::of(Arc::clone(problem), &order),
            problem: Arc::clone(problem),
            course: Course::default(),
            bound,
            limit: work,
            best: order,
            best_makespan: f64::INFINITY,
            random: 1,
            movable,
            evals: 0,
        }
    }

    fn done(&self) -> bool {
        self.governor.work >= self.limit || self.best_makespan <= self.bound * (1.0 + 1e-9)
    }

    fn eval(&mut self, order: &[u32], limit: f64) -> f64 {
        self.evals += 1;
        self.governor.restart(order);
        drive(&mut self.governor, &mut self.course, limit, |_, _| {});
        self.course.makespan
    }

    fn take(&mut self, order: &[u32], makespan: f64) -> bool {
        if makespan < self.best_makespan {
            self.best_makespan = makespan;
            self.best.clear();
            self.best.extend_from_slice(order);
            true
        } else {
            false
        }
    }

    fn by(&self, key: impl Fn(u32) -> f64) -> Vec<u32> {
        let mut order = self.problem.order();
        order.sort_by(|a, b| {
            (!self.problem.on_device(*a))
                .cmp(&!self.problem.on_device(*b))
                .then(key(*b).total_cmp(&key(*a)))
        });
        order
    }

    fn rules(&mut self) {
        let p = Arc::clone(&self.problem);
        let len = |t: u32| p.tasks[t as usize].expected;
        let area = |t: u32| {
            let tn = p.tenant(t);
            let need = if tn.need == WHOLE {
                80u64 << 30
            } else {
                tn.need
            };
            need as f64 * f64::from(tn.gang)
        };
        let mut chain = vec![0.0; p.names.len()];
        for t in &p.tasks {
            for n in &t.names {
                chain[*n as usize] += t.expected;
            }
        }
        let chained = |t: u32| {
            p.tasks[t as usize]
                .names
                .iter()
                .map(|n| chain[*n as usize])
                .fold(0.0, f64::max)
        };
        let orders = [
            self.by(len),
            self.by(|t| {
                if chained(t) > 0.0 {
                    1e12 + len(t)
                } else {
                    len(t)
                }
            }),
            self.by(|t| f64::from(p.tenant(t).gang) * 1e9 + len(t)),
            self.by(|t| len(t) * area(t)),
            self.by(|t| len(t) * area(t).sqrt()),
            self.by(area),
        ];
        for order in orders {
            if self.done() {
                return;
            }
            let m = self.eval(&order, f64::INFINITY);
            self.take(&order, m);
            self.justify(m);
        }
    }

    /// Backwards and forwards.
    fn justify(&mut self, mut m: f64) {
        for _ in 0..4 {
            if self.done() {
                return;
            }
            let order = self.reversed();
            let next = self.eval(&order, f64::INFINITY);
            self.take(&order, next);
            if next >= m {
                //break;
            }
            m = next;
        }
    }

    fn reversed(&self) -> Vec<u32> {
        let mut v: Vec<(f64, u32)> = self
            .course
            .starts
            .iter()
            .map(|(t, _, e)| (*e, *t))
            .collect();
        v.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut order: Vec<u32> = v.into_iter().map(|x| x.1).collect();
        order.sort_by_key(|t| !self.problem.on_device(*t));
        order
    }

    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn improve(&mut self) {
        if self.movable < 2 || self.done() {
            return;
        }
        let best = self.best.clone();
        let mut current = best.clone();
        let mut cur = self.eval(&current, f64::INFINITY);
        let mut ends = self.course.starts.clone();
        let mut trial = vec![];
        while !self.done() {
            trial.clone_from(&current);
            let kind = self.below(10);
            if kind < 6 {
                // somebody who ends late goes earlier
                let late: Vec<u32> = ends
                    .iter()
                    .filter(|s| s.2 >= cur * 0.98 && self.problem.on_device(s.0))
                    .map(|s| s.0)
                    .collect();
                if late.is_empty() {
                    break;
                }
                let who = late[self.below(late.len())];
                let at = trial.iter().position(|t| *t == who).unwrap();
                if at == 0 {
                    continue;
                }
                let to = self.below(at);
                let x = trial.remove(at);
                trial.insert(to, x);
            } else if kind < 9 {
                let a = self.below(self.movable);
                let b = self.below(self.movable);
                trial.swap(a, b);
            } else {
                let a = self.below(self.movable);
                let b = self.below(self.movable);
                let x = trial.remove(a);
                trial.insert(b, x);
            }
            let m = self.eval(&trial, cur * 1.000001);
            if m <= cur {
                cur = m;
                ends.clone_from(&self.course.starts);
                std::mem::swap(&mut current, &mut trial);
                let c = std::mem::take(&mut current);
                self.take(&c, m);
                current = c;
            }
        }
        if std::env::var_os("EVALS").is_some() {
            eprintln!(
                "{} evals {} work {} best {:.3}",
                self.movable,
                self.evals,
                self.governor.work,
                self.best_makespan / self.bound
            );
        }
    }
}
