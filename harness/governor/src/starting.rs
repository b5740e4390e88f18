//! Whether one job can start now, on which cards, and its start.
//!
//! Promise: all that a job needs is there at once, or nothing is taken.

use crate::admission::Pass;
use crate::governor::Governor;
use crate::problem::WHOLE;
use crate::rooms::Given;

impl Pass<'_, '_> {
    /// Starts the task if all it needs is there and, where it is bound, a promise stands.
    pub fn start_if(&mut self, task: u32, bound: bool) -> bool {
        let own = self.g.promise.as_ref().is_some_and(|p| p.task == task);
        let first = self.head == Some(task);
        // Who comes before the one that others wait for is not bound by it, and nobody stands in his own way: that one may have become a guest.
        let position = &self.g.state.position;
        let waits = self.head.or(self.g.promise.as_ref().map(|p| p.task));
        let bound = bound && waits.is_some_and(|w| position[w as usize] < position[task as usize]);
        let g = &mut *self.g;
        let s = &g.state;
        let t = &s.problem.tasks[task as usize];
        let tenant = &s.problem.tenants[t.tenant as usize];
        let limits = &s.problem.limits;
        if s.alone > 0 || (t.alone && !s.running.is_empty()) || s.running.len() >= limits.slots {
            return false;
        }
        if s.cpus + g.outside.cpus + u64::from(t.cpus) > u64::from(limits.cpus) {
            return false;
        }
        let opens = !s.tenancy[t.tenant as usize].live;
        if opens
            && limits.host_memory.is_some_and(|l| {
                s.host
                    .saturating_add(g.outside.host)
                    .saturating_add(tenant.host)
                    > l
            })
        {
            return false;
        }
        if t.names
            .iter()
            .any(|n| s.name_held[*n as usize] || g.outside.names.contains(n))
        {
            return false;
        }
        if g.any_refused && g.refused[task as usize] > g.now {
            g.wake = g.wake.min(g.refused[task as usize]);
            return false;
        }
        if opens && tenant.gang > 0 && !self.choose(task, false, false) {
            return false;
        }
        let mut beside = false;
        if bound {
            self.settle_head();
        }
        if bound && self.g.promise.is_some() {
            if !self.counted {
                let g = &mut *self.g;
                if let Some(promise) = &mut g.promise {
                    promise.count(&g.state, g.outside.cpus, g.outside.host);
                    self.long_top = promise.largest_beside(&g.state);
                    self.at = promise.at;
                }
                self.counted = true;
            }
            let g = &*self.g;
            let Some(promise) = &g.promise else {
                return false;
            };
            let t = &g.state.problem.tasks[task as usize];
            let long = g.now + t.expected > promise.at;
            // A user of a server that what is promised waits for may always start: the sooner it ends.
            let awaited = !opens && !g.state.tenancy[t.tenant as usize].beside;
            beside = long && !awaited;
            if beside && !promise.allows_beside(&g.state, task) {
                return false;
            }
            let tenant = g.state.problem.tenant(task);
            let spacing = promise.spacing_conflict(&g.state, tenant.group, g.now);
            if opens
                && tenant.gang > 0
                && (beside || spacing)
                && !self.choose(task, beside, spacing)
            {
                return false;
            }
        } else if let Some(promise) = &self.g.promise {
            beside = self.g.now + self.g.state.problem.tasks[task as usize].expected > promise.at;
        }
        let g = &mut *self.g;
        if !opens || g.state.problem.tenant(task).gang == 0 {
            self.chosen.clear();
        }
        g.state.start(task, g.now, &self.chosen, beside);
        g.parked[task as usize] = false;
        if own {
            g.promise = None;
        }
        if first {
            self.head = None;
        }
        self.started.push((task, opens));
        self.counted = false;
        true
    }

    /// Chooses cards: those on which the least is left over. False if there are not enough.
    fn choose(&mut self, task: u32, beside: bool, keep_off: bool) -> bool {
        self.g.work += 4 + 2 * self.g.state.rooms.len() as u64;
        let g = &*self.g;
        let s = &g.state;
        let tenant = s.problem.tenant(task);
        let gang = tenant.gang as usize;
        let mut soon = 0usize;
        let mut wake = f64::INFINITY;
        self.fits.clear();
        for card in 0..s.rooms.len() {
            if !s.rooms.room(card).fits(tenant.need) || !tenant.suits(card) {
                continue;
            }
            if let Some(promise) = g.promise.as_ref().filter(|_| beside || keep_off) {
                let spare = promise.spare[card];
                if spare != u64::MAX && (keep_off || tenant.need > spare) {
                    continue;
                }
            }
            let from = s.spaced(tenant.group, card);
            if from > g.now {
                soon += 1;
                wake = wake.min(from);
                continue;
            }
            let left = if tenant.need == WHOLE {
                s.rooms.total(card).unwrap_or(0)
            } else {
                s.rooms.beside(card, s.rooms.given(card), tenant.need)
            };
            self.fits.push((left, card as u32));
        }
        if self.fits.len() < gang {
            if soon > 0 && self.fits.len() + soon >= gang {
                self.g.wake = self.g.wake.min(wake);
            }
            return false;
        }
        self.chosen.clear();
        if gang == 1 {
            if let Some((_, card)) = self.fits.iter().min() {
                self.chosen.push(*card);
            }
        } else {
            self.fits.sort_unstable();
            self.chosen.extend(self.fits[..gang].iter().map(|f| f.1));
        }
        true
    }
}

impl Governor {
    /// Whether anybody may be there but us.
    pub(crate) fn disturbed(&self) -> bool {
        let rest = &self.outside;
        self.state.rooms.disturbed()
            || rest.cpus > 0
            || rest.host > 0
            || rest.host_taken
            || !rest.names.is_empty()
    }

    /// Whether it would fit with outsiders as they are and nothing of ours running.
    pub(crate) fn reachable(&self, task: u32) -> bool {
        let s = &self.state;
        let tenant = s.problem.tenant(task);
        if s.tenancy[s.problem.tasks[task as usize].tenant as usize].live {
            return !self.held_elsewhere(task);
        }
        let cards = (0..s.rooms.len())
            .filter(|c| {
                tenant.suits(*c) && s.rooms.would_fit(*c, Given::default(), tenant.need, true)
            })
            .count();
        cards >= tenant.gang as usize && !self.held_elsewhere(task)
    }

    /// Whether outsiders hold something else that it needs.
    pub(crate) fn held_elsewhere(&self, task: u32) -> bool {
        let t = &self.state.problem.tasks[task as usize];
        let tenant = self.state.problem.tenant(task);
        let limits = &self.state.problem.limits;
        self.outside.host_taken
            || t.names.iter().any(|n| self.outside.names.contains(n))
            || self.outside.cpus + u64::from(t.cpus) > u64::from(limits.cpus)
            || limits
                .host_memory
                .is_some_and(|l| self.outside.host + tenant.host > l)
    }
}
