//! A run in virtual time: every job lasts as long as it is expected to, and nobody else is there.
//!
//! Promise: the governor that a real run asks is the one that is asked here, so that a run in which every job lasts as long as expected follows
//! the plan event by event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::governor::Governor;
use crate::view::View;

/// When something ends, in an order that knows no ties.
#[derive(Clone, Copy, Debug, PartialEq)]
struct End(f64, u32);

impl Eq for End {}

impl PartialOrd for End {
    fn partial_cmp(&self, other: &End) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for End {
    fn cmp(&self, other: &End) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    /// Task, start and end, in the order of their starts.
    pub starts: Vec<(u32, f64, f64)>,
    pub makespan: f64,
}

/// Runs it to the end, or until it is clear that it takes `limit` or longer. `cards` is told of every start, with the books as they are then.
pub(crate) fn drive(
    governor: &mut Governor,
    course: &mut Course,
    limit: f64,
    mut cards: impl FnMut(&Governor, u32),
) {
    let view = View::undisturbed();
    let mut ends: BinaryHeap<Reverse<End>> = BinaryHeap::new();
    let mut started = vec![];
    let mut now = 0.0;
    course.starts.clear();
    course.makespan = 0.0;
    loop {
        started.clear();
        governor.pass(now, &view, &mut started);
        for (task, _) in &started {
            let end = now + governor.state.problem.tasks[*task as usize].expected;
            course.makespan = course.makespan.max(end);
            course.starts.push((*task, now, end));
            ends.push(Reverse(End(end, *task)));
            cards(governor, *task);
        }
        if course.makespan >= limit {
            course.makespan = f64::INFINITY;
            return;
        }
        let wake = governor
            .next_wake(now)
            .filter(|w| *w > now)
            .unwrap_or(f64::INFINITY);
        let next = ends
            .peek()
            .map_or(f64::INFINITY, |Reverse(End(at, _))| *at)
            .min(wake);
        if next == f64::INFINITY {
            return;
        }
        now = next;
        while let Some(Reverse(End(at, task))) = ends.peek().copied() {
            if at > now {
                break;
            }
            ends.pop();
            governor.end_task(task, now);
            let tenant = governor.state.problem.tasks[task as usize].tenant;
            if governor.state.tenancy[tenant as usize].left == 0 {
                governor.close(tenant);
            }
        }
    }
}
