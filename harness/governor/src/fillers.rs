//! Jobs without devices: they run in what those with devices leave.
//!
//! Promise: none of them holds off a job with a device for longer than it overran its own expected length. Each either ends before the next device
//! comes free, or leaves slots and processors for as many jobs with devices as the cards could ever carry at a time.
//!
//! Rejected: a fixed number of slots for them (idle in one run, too few in the next), and slots on top of the limit (a limit is a limit).

use crate::admission::Pass;
use crate::problem::WHOLE;

impl Pass<'_, '_> {
    /// Jobs without devices: in what those with devices leave.
    pub fn fillers(&mut self) {
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
            let task = fillers[seen];
            seen += 1;
            let has_promise = self.g.promise.as_ref().is_some_and(|p| p.task == task);
            let harmless = self.harmless(&reserve, task);
            if harmless && self.start_if(task, bound && !has_promise) {
                bound &= !has_promise;
                continue;
            }
            if has_promise {
                bound = true;
            } else if harmless && !bound && self.may_head(task) {
                self.head = Some(task);
                bound = true;
            }
            fillers[kept] = task;
            kept += 1;
        }
        fillers.drain(kept..seen);
        self.g.fillers = fillers;
    }

    /// Whether a job without devices leaves room for those with: it ends before the next of them could start, or there is room for both.
    fn harmless(&self, reserve: &Reserve, task: u32) -> bool {
        let s = &self.g.state;
        let limits = &s.problem.limits;
        let t = &s.problem.tasks[task as usize];
        let cpus = u64::from(t.cpus);
        self.g.now + t.expected <= reserve.until
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
            .tasks()
            .map(|t| u64::from(s.problem.tasks[t as usize].cpus))
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
        for task in self.g.queue.tasks().chain(running) {
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

struct Reserve {
    slots: usize,
    cpus: u64,
    until: f64,
}
