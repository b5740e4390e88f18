//! One pass over those who wait.
//!
//! Promise: users of servers that are up go first (they cost nothing and let the server end), then jobs with devices in their order, then jobs
//! without. The first that does not fit gets a [`Promise`]; who comes later starts only where that stands.

use crate::governor::Governor;
use crate::job::PATIENCE;
use crate::problem::WHOLE;
use crate::promise::Promise;
use crate::state::Place;

pub(crate) struct Pass<'g, 's> {
    pub g: &'g mut Governor,
    pub started: &'s mut Vec<(u32, bool)>,
    /// Cards of the last choice.
    pub chosen: Vec<u32>,
    pub fits: Vec<(u64, u32)>,
    /// What the promise leaves was counted in this pass and nothing started since.
    pub counted: bool,
    /// The largest need for which there is room beside what is promised, and from when it is promised; while `counted`.
    pub long_top: u64,
    pub at: f64,
    /// The first that waits, met in this pass, to whom nothing was promised yet.
    pub head: Option<u32>,
}

impl<'g, 's> Pass<'g, 's> {
    pub fn run(g: &'g mut Governor, started: &'s mut Vec<(u32, bool)>) {
        g.wake = f64::INFINITY;
        if g.any_refused {
            let now = g.now;
            g.any_refused = g.refused.iter().any(|r| *r > now);
        }
        let mut pass = Pass {
            g,
            started,
            chosen: vec![],
            fits: vec![],
            counted: false,
            long_top: 0,
            at: 0.0,
            head: None,
        };
        pass.keep_promise();
        pass.guests();
        pass.devices();
        if !pass.g.fillers.is_empty() {
            pass.fillers();
        }
    }

    pub fn full(&self) -> bool {
        let s = &self.g.state;
        s.running.len() >= s.problem.limits.slots || s.alone > 0 || self.g.outside.host_taken
    }

    /// Drops a promise that has been kept, renews one that can be kept sooner, and loses patience with outsiders.
    fn keep_promise(&mut self) {
        let g = &mut *self.g;
        let Some(promise) = &g.promise else {
            g.early = false;
            return;
        };
        let (task, at) = (promise.task, promise.at);
        let tenant = g.state.problem.tasks[task as usize].tenant as usize;
        let cards = g.state.problem.tenants[tenant].gang > 0 && !g.state.tenancy[tenant].live;
        if g.state.place[task as usize] != Place::Waits || (cards && promise.cards.is_empty()) {
            // Kept; or its server has stopped since, so that it needs cards after all.
            g.promise = None;
            return;
        }
        if std::mem::take(&mut g.early) && g.now < at && promise.outside_since.is_none() {
            // Something ended before its time. Only ever sooner: a promise that could move away would be none.
            let (running, tenancy) = (g.state.running.clone(), g.state.tenancy.clone());
            let sooner = Promise::make(&mut g.state, task, g.now, g.outside.cpus);
            if sooner.at < at {
                g.promise = Some(sooner);
            } else {
                // Who is before and who beside stays as the promise in force has it.
                g.state.running = running;
                g.state.tenancy = tenancy;
            }
            return;
        }
        let held = (g.any_refused && g.refused[task as usize] > g.now)
            || (g.state.rooms.disturbed() && promise.held_outside(&g.state))
            || g.held_elsewhere(task);
        let Some(promise) = &mut g.promise else {
            return;
        };
        if !held {
            promise.outside_since = None;
            return;
        }
        let since = *promise.outside_since.get_or_insert(g.now);
        if g.now - since < PATIENCE {
            return;
        }
        if g.reachable(task) {
            let mut next = Promise::make(&mut g.state, task, g.now, g.outside.cpus);
            next.outside_since = None;
            g.promise = Some(next);
        } else {
            g.parked[task as usize] = true;
            g.promise = None;
        }
    }

    /// Users of servers that hold devices.
    fn guests(&mut self) {
        let mut at = 0;
        while at < self.g.state.guests.len() && !self.full() {
            let task = self.g.state.guests[at];
            if self.start_if(task, true) {
                self.g.queue.withdraw(task);
            } else {
                at += 1;
            }
        }
    }

    fn devices(&mut self) {
        let rooms = &self.g.state.rooms;
        if self.g.queue.is_empty()
            || self.full()
            || self.g.queue.nobody_fits(rooms.top, rooms.any_idle)
        {
            return;
        }
        self.g.queue.tidy();
        self.g.work += 10 + self.g.queue.len() as u64 / 2;
        // Whether the one with the promise has been met: whoever comes before it is not bound by it.
        let mut bound = false;
        let mut place = 0;
        while place < self.g.queue.len() {
            if bound || self.head.is_some() {
                // Others wait behind it already, so that the sizes decide who is looked at.
                let rooms = &self.g.state.rooms;
                let (beside, short) = if self.counted {
                    (self.long_top, self.at - self.g.now)
                } else {
                    (WHOLE, 0.0)
                };
                let next = self
                    .g
                    .queue
                    .next(place, rooms.top, rooms.any_idle, beside, short);
                match next {
                    Some(next) => place = next,
                    None => return,
                }
            }
            if let Some(task) = self.g.queue.at(place)
                && self.offer(task, &mut bound)
            {
                self.g.queue.remove(place);
                if !self.g.state.guests.is_empty() {
                    // Its server is up now.
                    self.guests();
                }
                if self.full() {
                    return;
                }
            }
            place += 1;
        }
    }

    /// Offers the moment to one task of the queue; whether it started.
    fn offer(&mut self, task: u32, bound: &mut bool) -> bool {
        let s = &self.g.state;
        // A guest has had its chance; what it still waits for (processors, to be alone) others may have to leave it.
        let guest = s.tenancy[s.problem.tasks[task as usize].tenant as usize].live;
        let has_promise = self.g.promise.as_ref().is_some_and(|p| p.task == task);
        if has_promise && self.head.is_none() {
            if !guest && self.start_if(task, false) {
                return true;
            }
            *bound = true;
            return false;
        }
        if !guest && self.start_if(task, *bound || self.head.is_some()) {
            return true;
        }
        if !*bound && self.head.is_none() && self.may_head(task) {
            // The promise itself is made when somebody below could overtake it: most of the time nobody can.
            self.head = Some(task);
        }
        false
    }

    /// Whether others wait for this one if it is the first that waits: not while outsiders alone keep it out.
    pub fn may_head(&mut self, task: u32) -> bool {
        let parked = self.g.parked[task as usize];
        if !parked && !self.g.disturbed() {
            return true;
        }
        let refused = parked && self.g.refused[task as usize] > self.g.now;
        let reachable = !refused && self.g.reachable(task);
        self.g.parked[task as usize] = !reachable;
        reachable
    }

    pub fn settle_head(&mut self) {
        if let Some(task) = self.head
            && self.g.promise.as_ref().is_none_or(|p| p.task != task)
        {
            self.g.work +=
                40 + 4 * (self.g.state.live.len() as u64 + self.g.state.rooms.len() as u64);
            self.g.promise = Some(Promise::make(
                &mut self.g.state,
                task,
                self.g.now,
                self.g.outside.cpus,
            ));
            self.counted = false;
        }
    }
}
