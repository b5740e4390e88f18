//! The jobs as the governor works with them: checked, numbered from 0, the needs of a shared server taken together.
//!
//! Promise: what can never run here is found before anything starts, with the reason; input that makes no sense is an error that names the job.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt;

use crate::impossible::{Impossible, Lack};
use crate::job::{Card, Job, Limits, Memory};

/// The need of somebody who takes whole cards; above the size of any card.
pub(crate) const WHOLE: u64 = u64::MAX - 1;

/// No group.
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// Input that makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub enum Malformed {
    /// Two jobs have this number.
    TwiceTheSameId(usize),
    /// The expected length of this job is no length.
    Length {
        /// The job.
        job: usize,
        /// What was given.
        expected: f64,
    },
    /// A job names a card that is not there.
    NoSuchCard {
        /// The job.
        job: usize,
        /// The index that it names.
        card: usize,
        /// How many cards there are.
        cards: usize,
    },
    /// The spacing of starts is no length.
    Spacing(f64),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::TwiceTheSameId(id) => {
                write!(f, "two jobs have the number {id}; give each its own")
            }
            Malformed::Length { job, expected } => write!(
                f,
                "job {job} is expected to run for {expected} seconds; that must be a finite number, 0 or more"
            ),
            Malformed::NoSuchCard { job, card, cards } => write!(
                f,
                "job {job} suits card {card}, but the {cards} cards are numbered from 0"
            ),
            Malformed::Spacing(spacing) => write!(
                f,
                "starts are to be {spacing} seconds apart; that must be a finite number, 0 or more"
            ),
        }
    }
}

impl Error for Malformed {}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub id: usize,
    pub tenant: u32,
    pub expected: f64,
    pub cpus: u32,
    pub names: Box<[u32]>,
    pub alone: bool,
    pub rank: usize,
}

/// Who takes cards: one job, or the server that several share.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub gang: u32,
    /// Bytes on each card, at least 1, or [`WHOLE`].
    pub need: u64,
    pub suits: Option<Box<[bool]>>,
    pub host: u64,
    pub group: u32,
    /// Where its cards stand in the arena of assignments.
    pub offset: u32,
    pub holding: Option<u32>,
    pub users: Vec<u32>,
}

impl Tenant {
    pub fn suits(&self, card: usize) -> bool {
        self.suits.as_ref().is_none_or(|s| s[card])
    }
}

/// Everything that stays the same during a run.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub cards: Vec<Card>,
    pub limits: Limits,
    pub tasks: Vec<Task>,
    pub tenants: Vec<Tenant>,
    /// The exclusive names, sorted; a task has indexes into it.
    pub names: Vec<u32>,
    /// Seconds between two starts on one card, by group.
    pub spacing: Vec<f64>,
    pub arena: usize,
}

impl Problem {
    pub fn new(
        cards: &[Card],
        jobs: &[Job],
        limits: Limits,
    ) -> Result<(Problem, Vec<Impossible>), Malformed> {
        check(cards, jobs, &limits)?;
        let mut problem = Problem {
            cards: cards.to_vec(),
            limits,
            tasks: vec![],
            tenants: vec![],
            names: jobs.iter().flat_map(|j| j.names.iter().copied()).collect(),
            spacing: vec![],
            arena: 0,
        };
        problem.names.sort_unstable();
        problem.names.dedup();
        let mut groups: BTreeMap<u32, u32> = BTreeMap::new();
        let mut holdings: BTreeMap<u32, u32> = BTreeMap::new();
        let mut tenant_of = Vec::with_capacity(jobs.len());
        for job in jobs {
            let at = match job.holding.and_then(|h| holdings.get(&h)) {
                Some(at) => *at,
                None => {
                    let at = problem.tenants.len() as u32;
                    problem.tenants.push(Tenant {
                        gang: 0,
                        need: 0,
                        suits: None,
                        host: 0,
                        group: NO_GROUP,
                        offset: 0,
                        holding: job.holding,
                        users: vec![],
                    });
                    if let Some(holding) = job.holding {
                        holdings.insert(holding, at);
                    }
                    at
                }
            };
            let next = groups.len() as u32;
            let group = job
                .start_group
                .map_or(NO_GROUP, |g| *groups.entry(g).or_insert(next));
            if group != NO_GROUP {
                let own = job.spacing.unwrap_or(limits.spacing);
                match problem.spacing.get_mut(group as usize) {
                    Some(spacing) => *spacing = spacing.max(own),
                    None => problem.spacing.push(own),
                }
            }
            join(&mut problem.tenants[at as usize], job, group, cards.len());
            tenant_of.push(at);
        }

        let lacks: Vec<Option<Lack>> = problem
            .tenants
            .iter()
            .map(|tenant| lack(cards, &limits, tenant))
            .collect();
        let mut impossible = vec![];
        for (job, tenant) in jobs.iter().zip(&tenant_of) {
            let lack = lacks[*tenant as usize].clone().or_else(|| {
                (limits.slots == 0)
                    .then_some(Lack::Slots)
                    .or((job.cpus > limits.cpus).then_some(Lack::Cpus {
                        wanted: job.cpus,
                        limit: limits.cpus,
                    }))
            });
            match lack {
                Some(lack) => impossible.push(Impossible {
                    job: job.id,
                    holding: job.holding,
                    lack,
                }),
                None => {
                    let index = problem.tasks.len() as u32;
                    problem.tenants[*tenant as usize].users.push(index);
                    let mut names: Vec<u32> = job
                        .names
                        .iter()
                        .filter_map(|n| problem.names.binary_search(n).ok().map(|i| i as u32))
                        .collect();
                    names.sort_unstable();
                    names.dedup();
                    problem.tasks.push(Task {
                        id: job.id,
                        tenant: *tenant,
                        expected: job.expected,
                        cpus: job.cpus,
                        names: names.into(),
                        alone: job.alone,
                        rank: job.rank,
                    });
                }
            }
        }
        let mut offset = 0;
        for tenant in &mut problem.tenants {
            tenant.offset = offset;
            // What has no users never takes a card, and may want more than there are.
            if !tenant.users.is_empty() {
                offset += tenant.gang;
            }
        }
        problem.arena = offset as usize;
        Ok((problem, impossible))
    }

    pub fn tenant(&self, task: u32) -> &Tenant {
        &self.tenants[self.tasks[task as usize].tenant as usize]
    }

    /// Whether it needs a device.
    pub fn on_device(&self, task: u32) -> bool {
        self.tenant(task).gang > 0
    }

    /// The tasks in their order: those with devices first, then by rank, then as they were given.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.tasks.len() as u32).collect();
        order.sort_by_key(|t| (!self.on_device(*t), self.tasks[*t as usize].rank));
        order
    }
}

fn check(cards: &[Card], jobs: &[Job], limits: &Limits) -> Result<(), Malformed> {
    let length = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
    if !length(limits.spacing) {
        return Err(Malformed::Spacing(limits.spacing));
    }
    let mut seen = HashSet::with_capacity(jobs.len());
    for job in jobs {
        if let Some(spacing) = job.spacing.filter(|spacing| !length(*spacing)) {
            return Err(Malformed::Spacing(spacing));
        }
        if !seen.insert(job.id) {
            return Err(Malformed::TwiceTheSameId(job.id));
        }
        if !length(job.expected) {
            return Err(Malformed::Length {
                job: job.id,
                expected: job.expected,
            });
        }
        if let Some(card) = job.suits.iter().flatten().find(|c| **c >= cards.len()) {
            return Err(Malformed::NoSuchCard {
                job: job.id,
                card: *card,
                cards: cards.len(),
            });
        }
    }
    Ok(())
}

/// One more user: the tenant needs what the most demanding of its users needs.
fn join(tenant: &mut Tenant, job: &Job, group: u32, cards: usize) {
    tenant.host = tenant.host.max(job.host_memory);
    if tenant.group == NO_GROUP {
        tenant.group = group;
    }
    if job.gang == 0 {
        return;
    }
    tenant.gang = tenant.gang.max(job.gang);
    tenant.need = tenant.need.max(match job.memory {
        Memory::None | Memory::Whole => WHOLE,
        // A job without memory still stands on a card: what nobody may be beside, it may not be beside either.
        Memory::Bytes(bytes) => bytes.clamp(1, WHOLE - 1),
    });
    if let Some(suits) = &job.suits {
        let all = tenant
            .suits
            .get_or_insert_with(|| vec![true; cards].into_boxed_slice());
        let mut of_job = vec![false; cards];
        for card in suits {
            of_job[*card] = true;
        }
        for (a, b) in all.iter_mut().zip(of_job) {
            *a &= b;
        }
    }
}

/// What no moment of the run can give it.
fn lack(cards: &[Card], limits: &Limits, tenant: &Tenant) -> Option<Lack> {
    if let Some(limit) = limits.host_memory.filter(|limit| tenant.host > *limit) {
        return Some(Lack::HostMemory {
            wanted: tenant.host,
            limit,
        });
    }
    let gang = tenant.gang as usize;
    let suitable: Vec<Card> = (0..cards.len())
        .filter(|c| tenant.suits(*c))
        .map(|c| cards[c])
        .collect();
    if suitable.len() < gang {
        return Some(Lack::Cards {
            wanted: tenant.gang,
            suitable: suitable.len(),
            cards: cards.len(),
        });
    }
    let large = suitable
        .iter()
        .filter(|c| tenant.need == WHOLE || c.total.is_some_and(|t| t >= tenant.need))
        .count();
    (large < gang).then(|| Lack::Memory {
        wanted: tenant.need,
        gang: tenant.gang,
        large,
        largest: suitable.iter().filter_map(|c| c.total).max(),
        unmeasured: suitable.iter().filter(|c| c.total.is_none()).count(),
    })
}
