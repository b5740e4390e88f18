//! One pass over those who wait.
//!
//! Promise: users of servers that are up go first (they cost nothing and let the server end), then jobs with devices in their order, then jobs
//! without. The first that does not fit gets a [`Promise`]; who comes later starts only where that stands.

use crate::governor::{Entry, Governor};
use crate::job::PATIENCE;
use crate::problem::WHOLE;
use crate::promise::Promise;
use crate::rooms::Given;
use crate::state::Place;

pub(crate) struct Pass<'g, 's> {
    g: &'g mut Governor,
    started: &'s mut Vec<(u32, bool)>,
    /// Cards of the last choice.
    chosen: Vec<u32>,
    fits: Vec<(u64, u32)>,
    /// What the promise leaves was counted in this pass and nothing started since.
    counted: bool,
    /// The first that waits, met in this pass, to whom nothing was promised yet.
    head: Option<u32>,
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
            head: None,
        };
        pass.keep_promise();
        pass.guests();
        pass.devices();
        if !pass.g.fillers.is_empty() {
            pass.fillers();
        }
    }

    fn full(&self) -> bool {
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
        if g.state.place[task as usize] != Place::Waits {
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
            || g.held_by_names(task);
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
        let mut i = 0;
        while i < self.g.state.guests.len() && !self.full() {
            let task = self.g.state.guests[i];
            if self.g.state.place[task as usize] != Place::Waits {
                self.g.state.guests.remove(i);
            } else if !self.start_if(task, true) {
                i += 1;
            }
        }
    }

    fn devices(&mut self) {
        let queue = std::mem::take(&mut self.g.queue);
        let mut kept = 0;
        let mut queue = queue;
        // Whether the one with the promise stands further down: whoever comes before it is not bound by it.
        let mut bound = false;
        let mut i = 0;
        let mut full = self.full();
        self.g.work += 10 + queue.len() as u64;
        while i < queue.len() {
            let entry = queue[i];
            i += 1;
            if self.g.state.place[entry.task as usize] != Place::Waits {
                continue;
            }
            if full {
                queue[kept] = entry;
                kept += 1;
                continue;
            }
            let started = self.offer(entry, &mut bound);
            if started {
                full = self.full();
                continue;
            }
            queue[kept] = entry;
            kept += 1;
            if self.g.state.rooms.top == 0 && !self.g.state.rooms.any_idle {
                full = true;
            }
        }
        queue.truncate(kept);
        self.g.queue = queue;
    }

    /// Offers the moment to one task of the queue; whether it started.
    fn offer(&mut self, entry: Entry, bound: &mut bool) -> bool {
        let task = entry.task;
        let has_promise = self.g.promise.as_ref().is_some_and(|p| p.task == task);
        let live =
            self.g.state.tenancy[self.g.state.problem.tasks[task as usize].tenant as usize].live;
        if live {
            // Its server came up in this pass, or it could not start as a guest: nobody waits for it.
            return self.start_if(task, *bound);
        }
        let rooms = &self.g.state.rooms;
        let fits = if entry.need == WHOLE {
            rooms.any_idle
        } else {
            entry.need <= rooms.top
        };
        if has_promise && self.head.is_none() {
            if fits && self.start_if(task, false) {
                self.g.promise = None;
                *bound = false;
                return true;
            }
            *bound = true;
            return false;
        }
        if fits && self.start_if(task, *bound || self.head.is_some()) {
            return true;
        }
        if !*bound && self.head.is_none() && self.may_head(task) {
            // Made when somebody below could overtake it: most of the time nobody can.
            self.head = Some(task);
        }
        false
    }

    /// Whether others wait for this one if it is the first that waits.
    fn may_head(&mut self, task: u32) -> bool {
        if !self.g.parked[task as usize] {
            return true;
        }
        let reachable = self.g.refused[task as usize] <= self.g.now && self.g.reachable(task);
        self.g.parked[task as usize] = !reachable;
        reachable
    }

    fn settle_head(&mut self) {
        if let Some(task) = self.head {
            if self.g.promise.as_ref().is_none_or(|p| p.task != task) {
                self.g.work +=
                    40 + 4 * (s_len(&self.g.state.live) + self.g.state.rooms.len() as u64);
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

    /// Starts the task if all it needs is there and, where it is bound, a promise stands.
    fn start_if(&mut self, task: u32, bound: bool) -> bool {
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

    /// Jobs without devices: in what those with devices leave.
    fn fillers(&mut self) {
        if self.full() {
            return;
        }
        let reserve = self.reserve();
        let mut fillers = std::mem::take(&mut self.g.fillers);
        let (mut kept, mut seen) = (0, 0);
        self.g.work += 4;
        let mut bound = self
            .g
            .promise
            .as_ref()
            .is_some_and(|p| self.g.state.problem.on_device(p.task))
            || self.head.is_some();
        while seen < fillers.len() && !self.full() {
            let entry = fillers[seen];
            seen += 1;
            if self.g.state.place[entry.task as usize] != Place::Waits {
                continue;
            }
            let has_promise = self
                .g
                .promise
                .as_ref()
                .is_some_and(|p| p.task == entry.task);
            let harmless = self.harmless(&reserve, entry);
            if harmless && self.start_if(entry.task, bound && !has_promise) {
                if has_promise {
                    self.g.promise = None;
                    bound = false;
                }
                continue;
            }
            if has_promise {
                bound = true;
            } else if harmless && !bound && self.may_head(entry.task) {
                self.head = Some(entry.task);
                bound = true;
            }
            fillers[kept] = entry;
            kept += 1;
        }
        fillers.drain(kept..seen);
        self.g.fillers = fillers;
    }

    /// Whether a job without devices leaves room for those with: it ends before the next of them could start, or there is room for both.
    fn harmless(&self, reserve: &Reserve, entry: Entry) -> bool {
        let s = &self.g.state;
        let limits = &s.problem.limits;
        let cpus = u64::from(s.problem.tasks[entry.task as usize].cpus);
        self.g.now + entry.expected <= reserve.until
            || (s.fillers + 1 + reserve.slots <= limits.slots
                && s.filler_cpus + cpus + reserve.cpus <= u64::from(limits.cpus))
    }

    /// What must stay free of jobs without devices, and until when it is free anyway.
    fn reserve(&self) -> Reserve {
        let s = &self.g.state;
        if self.g.queue.is_empty() && s.guests.is_empty() {
            return Reserve {
                slots: 0,
                cpus: 0,
                until: f64::INFINITY,
            };
        }
        let limits = &s.problem.limits;
        let mut until = f64::INFINITY;
        let mut busy = 0usize;
        for running in &s.running {
            if s.problem.on_device(running.task) {
                until = until.min(running.end.max(self.g.now));
                busy += 1;
            }
        }
        let most = self.most_at_a_time(limits.slots);
        let cpus = self
            .g
            .queue
            .iter()
            .map(|e| u64::from(s.problem.tasks[e.task as usize].cpus))
            .max()
            .unwrap_or(0)
            .saturating_mul(most as u64);
        if busy == 0 {
            // They wait for something that no job with a device will give them; one slot at least goes on.
            return Reserve {
                slots: most.min(limits.slots.saturating_sub(1)),
                cpus: 0,
                until: self.g.now,
            };
        }
        Reserve {
            slots: most,
            cpus,
            until,
        }
    }

    /// How many jobs with devices could ever run at a time: the smallest of them, as far as the cards reach.
    fn most_at_a_time(&self, enough: usize) -> usize {
        let s = &self.g.state;
        let mut capacity: u128 = (0..s.rooms.len())
            .filter_map(|c| s.rooms.total(c))
            .map(u128::from)
            .sum();
        let (mut whole, mut free, mut needs) = (0, 0, vec![]);
        let running = s.running.iter().map(|r| r.task);
        for task in self.g.queue.iter().map(|e| e.task).chain(running) {
            let tenant = s.problem.tenant(task);
            if tenant.gang == 0 {
            } else if tenant.holding.is_some() {
                // The users of one server take its room once.
                free += 1;
            } else if tenant.need == WHOLE {
                whole += 1;
            } else {
                needs.push(u128::from(tenant.need) * u128::from(tenant.gang));
            }
        }
        let mut most = free + whole.min(s.rooms.len());
        needs.sort_unstable();
        for need in needs {
            if need > capacity || most >= enough {
                break;
            }
            capacity -= need;
            most += 1;
        }
        most.min(enough)
    }
}

fn s_len(live: &[u32]) -> u64 {
    live.len() as u64
}

struct Reserve {
    slots: usize,
    cpus: u64,
    until: f64,
}

impl Governor {
    /// Whether it would fit with outsiders as they are and nothing of ours running.
    pub(crate) fn reachable(&self, task: u32) -> bool {
        let s = &self.state;
        let tenant = s.problem.tenant(task);
        let cards = (0..s.rooms.len())
            .filter(|c| {
                tenant.suits(*c) && s.rooms.would_fit(*c, Given::default(), tenant.need, true)
            })
            .count();
        cards >= tenant.gang as usize && !self.held_by_names(task)
    }

    pub(crate) fn held_by_names(&self, task: u32) -> bool {
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
