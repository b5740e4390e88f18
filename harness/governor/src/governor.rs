//! The governor: what may start now.
//!
//! Promise: a pure function of what it was told. It reads no clock, no device and no environment, so that the plan, the run and a simulation of
//! a thousand runs are one code. What it gives out and what it takes back are symmetric on every path.
//!
//! Rejected: a queue that stops at the first job that does not fit (cards stand idle behind a gang), and starting whatever fits (a gang waits for
//! the end of the run); see [`crate`] for the bound that lies between.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::admission::Pass;
use crate::impossible::Impossible;
use crate::job::{Card, Job, Limits, PATIENCE, REFUSED_PAUSE};
use crate::problem::{Malformed, Problem};
use crate::promise::Promise;
use crate::queue::Queue;
use crate::state::{Place, State};
use crate::view::View;
use crate::why::Why;

/// One job that may start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The caller's number of the job.
    pub job: usize,
    /// The cards that are its own from now on, ascending; those of its server, where it shares one.
    pub cards: Vec<usize>,
    /// It is the first user of this shared server: the cards are taken with it, and stay taken until [`Governor::holding_ended`].
    pub opens: Option<u32>,
}

/// Decides which jobs start when, and on which cards.
#[derive(Clone, Debug)]
pub struct Governor {
    pub(crate) state: State,
    /// The tasks with devices.
    pub(crate) queue: Queue,
    /// The tasks without, in their order.
    pub(crate) fillers: VecDeque<u32>,
    pub(crate) promise: Option<Promise>,
    /// A task that is not offered before this moment.
    pub(crate) refused: Vec<f64>,
    pub(crate) any_refused: bool,
    /// Outsiders have kept it waiting for too long: it starts when it fits, and nobody waits for it.
    pub(crate) parked: Vec<bool>,
    pub(crate) now: f64,
    pub(crate) wake: f64,
    pub(crate) early: bool,
    /// Steps taken, for the search that must end by work and not by a clock.
    pub(crate) work: u64,
    pub(crate) outside: OutsideRest,
    ids: HashMap<usize, u32>,
    holdings: HashMap<u32, u32>,
    peak: Vec<u64>,
    impossible: Vec<Impossible>,
}

/// What outsiders hold that is no card.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutsideRest {
    pub names: Vec<u32>,
    pub cpus: u64,
    pub host: u64,
    pub host_taken: bool,
}

impl Governor {
    /// A governor of these cards and jobs, and what of the jobs can never run here; the rest waits.
    ///
    /// # Errors
    /// [`Malformed`] where the input makes no sense.
    pub fn new(
        cards: &[Card],
        jobs: &[Job],
        limits: Limits,
    ) -> Result<(Governor, Vec<Impossible>), Malformed> {
        let (problem, impossible) = Problem::new(cards, jobs, limits)?;
        let order = problem.order();
        let mut governor = Governor::of(Arc::new(problem), &order);
        governor.impossible.clone_from(&impossible);
        Ok((governor, impossible))
    }

    pub(crate) fn of(problem: Arc<Problem>, order: &[u32]) -> Governor {
        let tasks = problem.tasks.len();
        let mut governor = Governor {
            queue: Queue::default(),
            fillers: VecDeque::new(),
            promise: None,
            refused: vec![f64::NEG_INFINITY; tasks],
            any_refused: false,
            parked: vec![false; tasks],
            now: f64::NEG_INFINITY,
            wake: f64::INFINITY,
            early: false,
            work: 0,
            outside: OutsideRest::default(),
            ids: problem
                .tasks
                .iter()
                .enumerate()
                .map(|(i, t)| (t.id, i as u32))
                .collect(),
            holdings: problem
                .tenants
                .iter()
                .enumerate()
                .filter_map(|(i, t)| Some((t.holding?, i as u32)))
                .collect(),
            peak: vec![0; problem.cards.len()],
            impossible: vec![],
            state: State::new(problem),
        };
        governor.restart(order);
        governor
    }

    /// From the beginning, in this order (tasks with devices first).
    pub(crate) fn restart(&mut self, order: &[u32]) {
        self.state.clear();
        self.queue.clear();
        self.fillers.clear();
        let problem = &self.state.problem;
        for (position, task) in (0u32..).zip(order) {
            self.state.position[*task as usize] = position;
            let tenant = problem.tenant(*task);
            if tenant.gang > 0 {
                let expected = problem.tasks[*task as usize].expected;
                self.queue.push(tenant.need, expected, *task);
            } else {
                self.fillers.push_back(*task);
            }
        }
        self.promise = None;
        self.refused.fill(f64::NEG_INFINITY);
        self.any_refused = false;
        self.parked.fill(false);
        self.now = f64::NEG_INFINITY;
        self.wake = f64::INFINITY;
        self.early = false;
        self.outside = OutsideRest::default();
        self.peak.fill(0);
    }

    /// What starts now. Each of them counts as running until [`ended`](Self::ended) or [`refuse`](Self::refuse).
    ///
    /// To be called when something ended, when [`next_wake`](Self::next_wake) says so, and, where others share the cards, every second or so with
    /// a fresh view. `now` never goes back; an earlier time counts as the latest one.
    pub fn admit(&mut self, now: f64, view: &View) -> Vec<Start> {
        let mut started = vec![];
        self.pass(now, view, &mut started);
        started
            .into_iter()
            .map(|(task, opens)| {
                let problem = &self.state.problem;
                let t = &problem.tasks[task as usize];
                Start {
                    job: t.id,
                    cards: self
                        .state
                        .cards(t.tenant)
                        .iter()
                        .map(|c| *c as usize)
                        .collect(),
                    opens: problem.tenants[t.tenant as usize].holding.filter(|_| opens),
                }
            })
            .collect()
    }

    pub(crate) fn pass(&mut self, now: f64, view: &View, started: &mut Vec<(u32, bool)>) {
        self.now = self.now.max(now);
        self.state.rooms.look(view);
        self.outside = OutsideRest {
            names: view
                .names
                .iter()
                .filter_map(|n| self.state.problem.names.binary_search(n).ok())
                .map(|n| n as u32)
                .collect(),
            cpus: u64::from(view.cpus),
            host: view.host_memory,
            host_taken: view.host_taken,
        };
        Pass::run(self, started);
        for (card, peak) in self.peak.iter_mut().enumerate() {
            *peak = (*peak).max(self.state.rooms.given(card).bytes);
        }
    }

    /// The job has ended, whatever its outcome. What it held alone is free; what it holds with others stays until
    /// [`holding_ended`](Self::holding_ended). A job that does not run is left as it is.
    pub fn ended(&mut self, job: usize, now: f64) {
        if let Some(task) = self.ids.get(&job) {
            self.end_task(*task, now);
        }
    }

    pub(crate) fn end_task(&mut self, task: u32, now: f64) {
        self.now = self.now.max(now);
        if self.state.place[task as usize] == Place::Runs {
            let expected = self.state.end_expected(task);
            self.early |= expected > self.now;
            self.state.stop(task, false);
        }
    }

    /// The shared server has stopped: its cards and its host memory are free. If users of it still wait, the next of them opens it again.
    pub fn holding_ended(&mut self, holding: u32, now: f64) {
        self.now = self.now.max(now);
        if let Some(tenant) = self.holdings.get(&holding).copied() {
            self.close(tenant);
        }
    }

    pub(crate) fn close(&mut self, tenant: u32) {
        self.early |= self.state.close(tenant);
    }

    /// The lease of a job that was to start was not to be had after all: it waits again, in its place, and is not offered for [`REFUSED_PAUSE`].
    pub fn refuse(&mut self, job: usize) {
        if let Some(task) = self.ids.get(&job).copied()
            && self.state.stop(task, true)
        {
            self.refused[task as usize] = self.now + REFUSED_PAUSE;
            self.any_refused = true;
            self.early = true;
            self.requeue(task);
        }
    }

    /// The job will not run any more: nobody waits for it. One that runs is left as it is.
    pub fn withdraw(&mut self, job: usize) {
        let Some(task) = self.ids.get(&job).copied() else {
            return;
        };
        if !self.state.forget(task) {
            return;
        }
        if self.state.problem.on_device(task) {
            self.queue.withdraw(task);
        } else {
            self.fillers.retain(|t| *t != task);
        }
        if self.promise.as_ref().is_some_and(|p| p.task == task) {
            self.promise = None;
        }
        self.early = true;
    }

    /// How many users of a shared server have not ended: at 0 it can stop.
    pub fn holding_left(&self, holding: u32) -> usize {
        self.holdings
            .get(&holding)
            .map_or(0, |t| self.state.tenancy[*t as usize].left as usize)
    }

    /// Puts a task back to its place in the order.
    fn requeue(&mut self, task: u32) {
        let problem = Arc::clone(&self.state.problem);
        let position = &self.state.position;
        let key = |t: u32| position[t as usize];
        if problem.on_device(task) {
            let expected = problem.tasks[task as usize].expected;
            let need = problem.tenant(task).need;
            self.queue
                .insert(need, expected, task, |other| key(other) > key(task));
        } else {
            let at = self.fillers.partition_point(|t| key(*t) < key(task));
            self.fillers.insert(at, task);
        }
    }

    /// Why this job waits; `None` if it does not (it runs, has ended, can never run, or is unknown).
    pub fn waits(&self, job: usize) -> Option<Why> {
        let task = *self.ids.get(&job)?;
        (self.state.place[task as usize] == Place::Waits).then(|| Why::of(self, task))
    }

    /// When something may start although nothing ends: the end of a spacing, of a refusal, of patience with outsiders.
    pub fn next_wake(&self, now: f64) -> Option<f64> {
        let mut wake = self.wake;
        if let Some(since) = self.promise.as_ref().and_then(|p| p.outside_since) {
            wake = wake.min(since + PATIENCE);
        }
        (wake < f64::INFINITY).then(|| wake.max(now))
    }

    /// What can never run here.
    pub fn impossible(&self) -> &[Impossible] {
        &self.impossible
    }

    /// The jobs that run.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.state
            .running
            .iter()
            .map(|r| self.state.problem.tasks[r.task as usize].id)
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.state
            .place
            .iter()
            .filter(|p| **p == Place::Waits)
            .count()
    }

    /// What this run has given out on a card, in bytes; a whole card counts with its size, and with nothing where that is unmeasured.
    pub fn given(&self, card: usize) -> u64 {
        self.state.rooms.given(card).bytes
    }

    /// The most that was given out at a time, by card.
    pub fn peak(&self) -> &[u64] {
        &self.peak
    }

    /// To which job the next room is promised, on which cards, and from when at the latest as far as expectations hold.
    pub fn promised(&self) -> Option<(usize, Vec<usize>, f64)> {
        let promise = self.promise.as_ref()?;
        Some((
            self.state.problem.tasks[promise.task as usize].id,
            promise.cards.iter().map(|c| *c as usize).collect(),
            promise.at,
        ))
    }
}
