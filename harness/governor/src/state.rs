//! Who runs and who waits: the books of one run, kept in step by opening and closing entries only.
//!
//! Promise: whatever a start takes, its end gives back, once, on whichever path it ends; an end of something that does not run changes nothing.

use std::sync::Arc;

use crate::problem::{NO_GROUP, Problem};
use crate::rooms::Rooms;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Waits,
    Runs,
    Ended,
}

/// One running task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub task: u32,
    /// When it is expected to end.
    pub end: f64,
    /// It may still run when what is promised begins.
    pub beside: bool,
}

/// What a tenant does at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tenancy {
    pub live: bool,
    pub beside: bool,
    /// How many of its users have not ended.
    pub left: u32,
    /// How many of its users run.
    pub busy: u32,
    /// Whose start took its cards, until one of its users has ended: a refusal of that start is a refusal of the server.
    opener: Option<u32>,
    /// That start was refused: nothing is up that its users could use.
    void: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub problem: Arc<Problem>,
    pub rooms: Rooms,
    pub place: Vec<Place>,
    pub running: Vec<Running>,
    /// Where a running task stands in `running`.
    slot: Vec<u32>,
    pub tenancy: Vec<Tenancy>,
    /// The tenants that hold something.
    pub live: Vec<u32>,
    assigned: Vec<u32>,
    pub name_held: Vec<bool>,
    pub cpus: u64,
    pub host: u64,
    /// Running tasks that want nobody beside them: none or one.
    pub alone: u32,
    /// Running tasks that need no device.
    pub fillers: usize,
    pub filler_cpus: u64,
    pub filler_host: u64,
    /// When a group last started on a card, by group and card.
    stamps: Vec<f64>,
    /// Where each task stands in the order.
    pub position: Vec<u32>,
    /// Waiting users of live servers with devices.
    pub guests: Vec<u32>,
}

impl State {
    pub fn new(problem: Arc<Problem>) -> State {
        let cards = problem.cards.len();
        let mut state = State {
            rooms: Rooms::new(&problem.cards),
            place: vec![Place::Waits; problem.tasks.len()],
            running: vec![],
            slot: vec![0; problem.tasks.len()],
            tenancy: vec![Tenancy::default(); problem.tenants.len()],
            live: vec![],
            assigned: vec![0; problem.arena],
            name_held: vec![false; problem.names.len()],
            cpus: 0,
            host: 0,
            alone: 0,
            fillers: 0,
            filler_cpus: 0,
            filler_host: 0,
            stamps: vec![f64::NEG_INFINITY; problem.spacing.len() * cards],
            position: vec![u32::MAX; problem.tasks.len()],
            guests: vec![],
            problem,
        };
        state.clear();
        state
    }

    /// As if nothing had ever run.
    pub fn clear(&mut self) {
        self.rooms.clear();
        self.place.fill(Place::Waits);
        self.running.clear();
        for (tenancy, tenant) in self.tenancy.iter_mut().zip(&self.problem.tenants) {
            *tenancy = Tenancy {
                left: tenant.users.len() as u32,
                ..Tenancy::default()
            };
        }
        self.live.clear();
        self.name_held.fill(false);
        self.cpus = 0;
        self.host = 0;
        self.alone = 0;
        self.fillers = 0;
        self.filler_cpus = 0;
        self.filler_host = 0;
        self.stamps.fill(f64::NEG_INFINITY);
        self.guests.clear();
    }

    /// The cards of a live tenant, or of one that is about to become live.
    pub fn cards(&self, tenant: u32) -> &[u32] {
        let t = &self.problem.tenants[tenant as usize];
        if t.users.is_empty() {
            return &[];
        }
        &self.assigned[t.offset as usize..(t.offset + t.gang) as usize]
    }

    /// When this group may start on this card.
    pub fn spaced(&self, group: u32, card: usize) -> f64 {
        if group == NO_GROUP {
            return f64::NEG_INFINITY;
        }
        self.stamps[group as usize * self.rooms.len() + card] + self.problem.spacing[group as usize]
    }

    /// Takes what the task needs; `cards` are for its tenant, unless that is live already.
    pub fn start(&mut self, task: u32, now: f64, cards: &[u32], beside: bool) {
        let problem = Arc::clone(&self.problem);
        let t = &problem.tasks[task as usize];
        let tenant = &problem.tenants[t.tenant as usize];
        if !self.tenancy[t.tenant as usize].live {
            let offset = tenant.offset as usize;
            self.assigned[offset..offset + cards.len()].copy_from_slice(cards);
            self.assigned[offset..offset + cards.len()].sort_unstable();
            for card in cards {
                self.rooms.reserve(*card as usize, tenant.need);
                if tenant.group != NO_GROUP {
                    self.stamps[tenant.group as usize * self.rooms.len() + *card as usize] = now;
                }
            }
            self.host += tenant.host;
            if tenant.gang == 0 {
                self.filler_host += tenant.host;
            }
            let tenancy = &mut self.tenancy[t.tenant as usize];
            tenancy.live = true;
            tenancy.beside = beside;
            tenancy.opener = Some(task);
            tenancy.void = false;
            self.live.push(t.tenant);
            if tenant.holding.is_some() && tenant.gang > 0 {
                let place = &self.place;
                self.guests.extend(
                    tenant
                        .users
                        .iter()
                        .filter(|u| **u != task && place[**u as usize] == Place::Waits),
                );
                let position = &self.position;
                self.guests.sort_by_key(|u| position[*u as usize]);
            }
        } else if let Some(at) = self.guests.iter().position(|g| *g == task) {
            self.guests.remove(at);
        }
        self.tenancy[t.tenant as usize].busy += 1;
        for name in &t.names {
            self.name_held[*name as usize] = true;
        }
        self.cpus += u64::from(t.cpus);
        self.alone += u32::from(t.alone);
        if tenant.gang == 0 {
            self.fillers += 1;
            self.filler_cpus += u64::from(t.cpus);
        }
        self.place[task as usize] = Place::Runs;
        self.slot[task as usize] = self.running.len() as u32;
        self.running.push(Running {
            task,
            end: now + t.expected,
            beside,
        });
    }

    /// Gives back what the task itself held. `again`: it will run once more. False where it did not run.
    pub fn stop(&mut self, task: u32, again: bool) -> bool {
        if self.place[task as usize] != Place::Runs {
            return false;
        }
        let problem = Arc::clone(&self.problem);
        let t = &problem.tasks[task as usize];
        let tenant = &problem.tenants[t.tenant as usize];
        let at = self.slot[task as usize] as usize;
        self.running.swap_remove(at);
        if let Some(moved) = self.running.get(at) {
            self.slot[moved.task as usize] = at as u32;
        }
        for name in &t.names {
            self.name_held[*name as usize] = false;
        }
        self.cpus -= u64::from(t.cpus);
        self.alone -= u32::from(t.alone);
        if tenant.gang == 0 {
            self.fillers -= 1;
            self.filler_cpus -= u64::from(t.cpus);
        }
        self.place[task as usize] = if again { Place::Waits } else { Place::Ended };
        let tenancy = &mut self.tenancy[t.tenant as usize];
        tenancy.busy -= 1;
        tenancy.left -= u32::from(!again);
        if again {
            tenancy.void |= tenancy.opener == Some(task);
        } else {
            // It was up, then.
            tenancy.opener = None;
            tenancy.void = false;
        }
        if tenant.holding.is_none() || (tenancy.void && tenancy.busy == 0) {
            self.close(t.tenant);
        } else if again && tenant.gang > 0 {
            let position = &self.position;
            let at = self
                .guests
                .partition_point(|g| position[*g as usize] < position[task as usize]);
            self.guests.insert(at, task);
        }
        true
    }

    /// A waiting task will never run. False where it did not wait.
    pub fn forget(&mut self, task: u32) -> bool {
        if self.place[task as usize] != Place::Waits {
            return false;
        }
        self.place[task as usize] = Place::Ended;
        self.guests.retain(|g| *g != task);
        let tenant = self.problem.tasks[task as usize].tenant;
        self.tenancy[tenant as usize].left -= 1;
        true
    }

    /// Gives back what a tenant holds. False where it held nothing.
    pub fn close(&mut self, tenant: u32) -> bool {
        if !self.tenancy[tenant as usize].live {
            return false;
        }
        let problem = Arc::clone(&self.problem);
        let t = &problem.tenants[tenant as usize];
        for i in 0..t.gang as usize {
            let card = self.assigned[t.offset as usize + i];
            self.rooms.release(card as usize, t.need);
        }
        self.host -= t.host;
        if t.gang == 0 {
            self.filler_host -= t.host;
        }
        self.tenancy[tenant as usize].live = false;
        self.tenancy[tenant as usize].beside = false;
        self.live.retain(|l| *l != tenant);
        self.guests
            .retain(|g| problem.tasks[*g as usize].tenant != tenant);
        true
    }

    /// When a running task is expected to end.
    pub fn end_expected(&self, task: u32) -> f64 {
        self.running[self.slot[task as usize] as usize].end
    }

    /// When a live tenant is expected to give back what it holds.
    pub fn end_of(&self, tenant: u32, now: f64) -> f64 {
        let t = &self.problem.tenants[tenant as usize];
        if t.holding.is_none() {
            let task = t.users[0] as usize;
            return self.running[self.slot[task] as usize].end.max(now);
        }
        // Its users share it: the longest of them, and no sooner than the slots let them all through.
        let (mut longest, mut work) = (0.0f64, 0.0);
        for user in &t.users {
            let left = match self.place[*user as usize] {
                Place::Waits => self.problem.tasks[*user as usize].expected,
                Place::Runs => {
                    (self.running[self.slot[*user as usize] as usize].end - now).max(0.0)
                }
                Place::Ended => 0.0,
            };
            longest = longest.max(left);
            work += left;
        }
        now + longest.max(work / self.problem.limits.slots.max(1) as f64)
    }
}
