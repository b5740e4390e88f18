//! What is promised to the first job that has to wait: on which cards, and from when, nothing that started later stands in its way.
//!
//! Promise: everything that runs when a promise is made, or starts under it, is either *before* it (expected to have ended by then) or *beside*
//! it (fits next to the job). Once the promised time has come, nothing joins those before; so the job starts at the latest when the last of them
//! has ended, however wrong the expectations were, or when outsiders let go of its cards.
//!
//! Rejected: no promise (a large job waits until everything small has run), a promise to every waiting job (each pass costs the square of the
//! waiting jobs, and the plans are no shorter), and a share of each card that is kept free (it is idle in every run that needs no such care).

use crate::problem::{NO_GROUP, WHOLE};
use crate::rooms::Given;
use crate::state::State;

#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub task: u32,
    /// From when on.
    pub at: f64,
    pub cards: Vec<u32>,
    /// Since when outsiders keep the job from its cards.
    pub outside_since: Option<f64>,
    /// For everyone else, on each card: how much may still be taken beside the job. `u64::MAX`: the card is not promised.
    pub spare: Vec<u64>,
    pub spare_slots: usize,
    pub spare_cpus: u64,
    pub spare_host: u64,
}

impl Promise {
    /// The soonest promise that the expectations allow. Sets who is before and who beside.
    pub fn make(state: &mut State, task: u32, now: f64, outside_cpus: u64) -> Promise {
        let problem = std::sync::Arc::clone(&state.problem);
        let t = &problem.tasks[task as usize];
        let tenant = &problem.tenants[t.tenant as usize];
        let ends: Vec<(f64, u32)> = {
            let mut ends: Vec<(f64, u32)> = state
                .live
                .iter()
                .map(|l| (state.end_of(*l, now), *l))
                .collect();
            ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            ends
        };
        let rest = when_rest(state, task, now, &ends, outside_cpus);
        let needs_cards = tenant.gang > 0 && !state.tenancy[t.tenant as usize].live;
        let mut at = rest;
        let mut cards = vec![];
        if needs_cards {
            let gang = tenant.gang as usize;
            for with_outside in [true, false] {
                let mut when: Vec<(f64, u64, u32)> = (0..state.rooms.len())
                    .filter(|c| tenant.suits(*c))
                    .filter_map(|c| {
                        let (end, left) =
                            when_card(state, c, tenant.need, now, &ends, with_outside)?;
                        let end = end.max(rest).max(state.spaced(tenant.group, c));
                        Some((end, left, c as u32))
                    })
                    .collect();
                if when.len() >= gang {
                    when.sort_by(|a, b| {
                        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
                    });
                    at = when[gang - 1].0;
                    cards = when[..gang].iter().map(|w| w.2).collect();
                    cards.sort_unstable();
                    break;
                }
            }
        }
        for (end, live) in &ends {
            state.tenancy[*live as usize].beside = *end > at;
        }
        for running in &mut state.running {
            running.beside = running.end.max(now) > at;
        }
        Promise {
            task,
            at,
            cards,
            outside_since: None,
            spare: vec![u64::MAX; state.rooms.len()],
            spare_slots: 0,
            spare_cpus: 0,
            spare_host: 0,
        }
    }

    /// Counts anew what may be taken beside the job.
    pub fn count(&mut self, state: &State, outside_cpus: u64, outside_host: u64) {
        let problem = &state.problem;
        let t = &problem.tasks[self.task as usize];
        let tenant = &problem.tenants[t.tenant as usize];
        let (mut slots, mut cpus, mut host) =
            (1usize, u64::from(t.cpus) + outside_cpus, outside_host);
        for running in state.running.iter().filter(|r| r.beside) {
            slots += 1;
            cpus += u64::from(problem.tasks[running.task as usize].cpus);
        }
        if !state.tenancy[t.tenant as usize].live {
            host += tenant.host;
        }
        for card in &self.cards {
            let outside = state.rooms.outside(*card as usize).bytes;
            self.spare[*card as usize] = state
                .rooms
                .beside(*card as usize, Given::default(), tenant.need)
                .saturating_sub(outside);
        }
        for live in &state.live {
            let other = &problem.tenants[*live as usize];
            if state.tenancy[*live as usize].beside {
                host += other.host;
                for card in state.cards(*live) {
                    let spare = &mut self.spare[*card as usize];
                    if *spare != u64::MAX {
                        *spare = spare.saturating_sub(other.need);
                    }
                }
            }
        }
        let nobody = t.alone;
        self.spare_slots = if nobody {
            0
        } else {
            problem.limits.slots.saturating_sub(slots)
        };
        self.spare_cpus = u64::from(problem.limits.cpus).saturating_sub(cpus);
        self.spare_host = problem
            .limits
            .host_memory
            .map_or(u64::MAX, |l| l.saturating_sub(host));
    }

    /// What those beside have of a card.
    fn staying(&self, state: &State, card: u32) -> Given {
        let mut given = Given::default();
        for live in &state.live {
            if state.tenancy[*live as usize].beside && state.cards(*live).contains(&card) {
                let need = state.problem.tenants[*live as usize].need;
                given.tenants += 1;
                given.whole |= need == WHOLE;
                given.bytes = given.bytes.saturating_add(need);
            }
        }
        given
    }

    /// The largest need that fits somewhere beside what is promised.
    pub fn largest_beside(&self, state: &State) -> u64 {
        (0..state.rooms.len())
            .map(|c| match state.rooms.room(c) {
                room if room.idle && self.spare[c] == u64::MAX => WHOLE,
                room => room.bytes.min(self.spare[c]),
            })
            .max()
            .unwrap_or(0)
    }

    /// Whether only outsiders keep the job from its cards.
    pub fn held_outside(&self, state: &State) -> bool {
        let need = state.problem.tenant(self.task).need;
        self.cards.iter().any(|card| {
            let given = self.staying(state, *card);
            !state.rooms.would_fit(*card as usize, given, need, true)
        })
    }

    /// Whether a task that would run past the promised time leaves it standing, the cards aside.
    pub fn allows_beside(&self, state: &State, task: u32) -> bool {
        let problem = &state.problem;
        let (mine, other) = (
            &problem.tasks[self.task as usize],
            &problem.tasks[task as usize],
        );
        let opens = !state.tenancy[other.tenant as usize].live;
        self.spare_slots > 0
            && !other.alone
            && u64::from(other.cpus) <= self.spare_cpus
            && (!opens || problem.tenants[other.tenant as usize].host <= self.spare_host)
            && !other.names.iter().any(|n| mine.names.contains(n))
    }

    /// Whether a start of this group on a promised card would push the job's own start past the promised time.
    pub fn spacing_conflict(&self, state: &State, group: u32, now: f64) -> bool {
        group != NO_GROUP
            && state.problem.tenant(self.task).group == group
            && now + state.problem.spacing[group as usize] > self.at
    }
}

/// When everything but the cards is there.
fn when_rest(state: &State, task: u32, now: f64, tenants: &[(f64, u32)], outside_cpus: u64) -> f64 {
    let problem = &state.problem;
    let t = &problem.tasks[task as usize];
    let limits = &problem.limits;
    let mut at = now;
    let room = state.running.len() < limits.slots;
    let cpus_limit = u64::from(limits.cpus)
        .saturating_sub(outside_cpus)
        .max(u64::from(t.cpus));
    let cpus = state.cpus + u64::from(t.cpus) <= cpus_limit;
    let names = t.names.iter().all(|n| !state.name_held[*n as usize]);
    if !(room && cpus && names && state.alone == 0 && (!t.alone || state.running.is_empty())) {
        let mut running: Vec<(f64, u32)> = state
            .running
            .iter()
            .map(|r| (r.end.max(now), r.task))
            .collect();
        running.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut left, mut busy) = (running.len(), state.cpus);
        let held = t.names.iter().filter(|n| state.name_held[**n as usize]);
        let mut names_left = held.count();
        for (end, other) in running {
            at = end;
            let other = &problem.tasks[other as usize];
            left -= 1;
            busy -= u64::from(other.cpus);
            names_left -= other.names.iter().filter(|n| t.names.contains(n)).count();
            if left < limits.slots
                && busy + u64::from(t.cpus) <= cpus_limit
                && names_left == 0
                && (!t.alone || left == 0)
            {
                break;
            }
        }
    }
    if let Some(limit) = limits.host_memory
        && !state.tenancy[t.tenant as usize].live
    {
        let host = problem.tenants[t.tenant as usize].host;
        let mut taken = state.host;
        let mut ends = tenants.iter();
        while taken + host > limit {
            let Some((end, live)) = ends.next() else {
                break;
            };
            taken -= problem.tenants[*live as usize].host;
            at = at.max(*end);
        }
    }
    at
}

/// When the need fits on a card, and how much is left beside it then.
fn when_card(
    state: &State,
    card: usize,
    need: u64,
    now: f64,
    ends: &[(f64, u32)],
    with_outside: bool,
) -> Option<(f64, u64)> {
    let mut given = state.rooms.given(card);
    let mut at = now;
    let mut ends = ends.iter();
    while !state.rooms.would_fit(card, given, need, with_outside) {
        let (end, live) = ends.find(|(_, l)| state.cards(*l).contains(&(card as u32)))?;
        at = *end;
        let theirs = state.problem.tenants[*live as usize].need;
        given.tenants -= 1;
        if theirs == WHOLE {
            given.whole = false;
            given.bytes -= state.rooms.total(card).unwrap_or(0);
        } else {
            given.bytes -= theirs;
        }
    }
    Some((at, state.rooms.beside(card, given, need)))
}
