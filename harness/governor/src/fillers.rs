//! Jobs without devices: they run in what those with devices leave.
//!
//! Promise: where lengths are as expected, none of them holds off a job with a device. Each either ends before the next device comes free, or leaves
//! slots, processors and host memory for as many jobs with devices as the cards could ever carry at a time, and names that those want alone. Only
//! where outsiders keep all of those out, and nothing with a device runs, does one slot at least go on.
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
        let mut bound = self.first_with_device();
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

    /// Whether a job with a device waits that others have to leave room for; finds it where this pass has not come across it.
    fn first_with_device(&mut self) -> bool {
        let promised = self.g.promise.as_ref().map(|p| p.task);
        if self.head.is_none() && promised.is_none_or(|p| !self.g.state.problem.on_device(p)) {
            for place in 0..self.g.queue.len() {
                if let Some(task) = self.g.queue.at(place)
                    && self.may_head(task)
                {
                    self.head = Some(task);
                    return true;
                }
            }
            return false;
        }
        true
    }

    /// Whether a job without devices leaves room for those with: it ends before the next of them could start, or there is room for both.
    fn harmless(&self, reserve: &Reserve, task: u32) -> bool {
        let s = &self.g.state;
        let t = &s.problem.tasks[task as usize];
        if self.g.now + t.expected <= reserve.until {
            return true;
        }
        let limits = &s.problem.limits;
        let host = if s.tenancy[t.tenant as usize].live {
            0
        } else {
            s.problem.tenants[t.tenant as usize].host
        };
        let wanted = |name: &u32| {
            let mut waiting = self.g.queue.tasks();
            waiting.any(|w| s.problem.tasks[w as usize].names.contains(name))
        };
        s.fillers + 1 + reserve.slots <= limits.slots
            && s.filler_cpus + u64::from(t.cpus) + reserve.cpus <= u64::from(limits.cpus)
            && limits.host_memory.is_none_or(|l| {
                let all = s.filler_host.saturating_add(host);
                host == 0 || all.saturating_add(reserve.host) <= l
            })
            && (reserve.relief || !t.names.iter().any(wanted))
    }

    /// What must stay free of jobs without devices, and until when it is free anyway.
    fn reserve(&self) -> Reserve {
        let s = &self.g.state;
        if self.g.queue.is_empty() && s.guests.is_empty() {
            return Reserve {
                until: f64::INFINITY,
                ..Reserve::default()
            };
        }
        let limits = &s.problem.limits;
        let running = s.running.iter();
        let until = running
            .filter(|r| s.problem.on_device(r.task))
            .map(|r| r.end.max(self.g.now))
            .fold(self.g.wake, f64::min);
        let most = self.most_at_a_time(limits.slots);
        if until == f64::INFINITY {
            return Reserve {
                slots: most.min(limits.slots.saturating_sub(1)),
                relief: true,
                ..Reserve::default()
            };
        }
        let (mut cpus, mut host) = (0, 0);
        for task in self.g.queue.tasks() {
            cpus = cpus.max(u64::from(s.problem.tasks[task as usize].cpus));
            host = host.max(s.problem.tenant(task).host);
        }
        Reserve {
            slots: most,
            cpus: cpus.saturating_mul(most as u64),
            host: host.saturating_mul(most as u64),
            until,
            relief: false,
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

#[derive(Default)]
struct Reserve {
    slots: usize,
    cpus: u64,
    host: u64,
    until: f64,
    /// Nothing with a device runs, and nothing of ours could change that.
    relief: bool,
}
