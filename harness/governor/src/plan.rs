//! The plan: what starts when and on which cards if every job lasts as long as it is expected to.
//!
//! Promise: deterministic, and carried out by the same governor as the run. A plan that nothing can shorten (it meets the lower bound) is found
//! without any search.

use std::sync::Arc;

use crate::bound::LowerBound;
use crate::drive::{Course, drive};
use crate::governor::Governor;
use crate::impossible::Impossible;
use crate::job::{Card, Job, Limits};
use crate::problem::{Malformed, Problem};
use crate::search::{WORK, search};

/// One planned start.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The caller's number of the job.
    pub job: usize,
    /// Its cards, ascending.
    pub cards: Vec<usize>,
    /// When it starts, in seconds from the beginning.
    pub start: f64,
    /// When it ends.
    pub end: f64,
}

/// What would run when and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The jobs in the order of their starts.
    pub starts: Vec<Planned>,
    /// The jobs in their order for [`Job::rank`]: a governor that is given these ranks follows the plan. Not the order of the starts: who comes
    /// later here may fit earlier.
    pub order: Vec<usize>,
    /// When the last job ends.
    pub makespan: f64,
    /// What no schedule gets below.
    pub bound: LowerBound,
    /// The most that is given out at a time, by card, in bytes.
    pub peak: Vec<u64>,
    /// What can never run here.
    pub impossible: Vec<Impossible>,
}

impl Schedule {
    /// Gives the jobs the ranks of the plan; those that are not in it come last, in the order they had.
    pub fn rank(&self, jobs: &mut [Job]) {
        let ranks: std::collections::HashMap<usize, usize> = self
            .order
            .iter()
            .enumerate()
            .map(|(rank, job)| (*job, rank))
            .collect();
        for job in jobs {
            job.rank = ranks
                .get(&job.id)
                .copied()
                .unwrap_or_else(|| job.rank.saturating_add(ranks.len()));
        }
    }
}

/// Plans these jobs on these cards. The ranks of the jobs decide only where nothing else does.
///
/// # Errors
/// [`Malformed`] where the input makes no sense.
pub fn plan(cards: &[Card], jobs: &[Job], limits: Limits) -> Result<Schedule, Malformed> {
    let (problem, impossible) = Problem::new(cards, jobs, limits)?;
    let problem = Arc::new(problem);
    let bound = LowerBound::of(&problem);
    let order = search(&problem, bound.seconds, WORK);
    let mut governor = Governor::of(Arc::clone(&problem), &order);
    let mut course = Course::default();
    let mut taken = vec![];
    drive(
        &mut governor,
        &mut course,
        f64::INFINITY,
        |governor, task| {
            let tenant = governor.state.problem.tasks[task as usize].tenant;
            taken.push(
                governor
                    .state
                    .cards(tenant)
                    .iter()
                    .map(|c| *c as usize)
                    .collect(),
            );
        },
    );
    Ok(Schedule {
        starts: course
            .starts
            .iter()
            .zip(taken)
            .map(|((task, start, end), cards)| Planned {
                job: problem.tasks[*task as usize].id,
                cards,
                start: *start,
                end: *end,
            })
            .collect(),
        order: order
            .iter()
            .map(|t| problem.tasks[*t as usize].id)
            .collect(),
        makespan: course.makespan,
        bound,
        peak: governor.peak().to_vec(),
        impossible,
    })
}
