//! Those who wait for devices, in their order, laid out so that one look at the sizes passes over hundreds of them.
//!
//! Promise: the order never changes; who has left is passed over, and swept out before the gaps outnumber those who wait.
//!
//! Rejected: a tree over the sizes. Two bounds matter at once (what fits now, and what may stay beside what is promised), and at a thousand
//! entries the straight walk is as fast.

use crate::problem::WHOLE;

/// The need of a place that is empty.
const GONE: u64 = u64::MAX;

#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    need: Vec<u64>,
    expected: Vec<f64>,
    task: Vec<u32>,
    gone: usize,
    /// Nobody here needs less on a card; 0 where it has not been looked at.
    smallest: u64,
}

impl Queue {
    pub fn clear(&mut self) {
        self.need.clear();
        self.expected.clear();
        self.task.clear();
        self.gone = 0;
        self.smallest = 0;
    }

    pub fn push(&mut self, need: u64, expected: f64, task: u32) {
        self.need.push(need);
        self.expected.push(expected);
        self.task.push(task);
        self.smallest = 0;
    }

    /// Puts one back before the first that `after` says comes after it.
    pub fn insert(&mut self, need: u64, expected: f64, task: u32, after: impl Fn(u32) -> bool) {
        self.sweep();
        let at = self.task.partition_point(|t| !after(*t));
        self.need.insert(at, need);
        self.expected.insert(at, expected);
        self.task.insert(at, task);
        self.smallest = self.smallest.min(need);
    }

    /// How many places there are, empty ones too.
    pub fn len(&self) -> usize {
        self.task.len()
    }

    pub fn is_empty(&self) -> bool {
        self.gone == self.task.len()
    }

    /// The task at a place; `None` where it has left.
    pub fn at(&self, place: usize) -> Option<u32> {
        (self.need[place] != GONE).then(|| self.task[place])
    }

    pub fn tasks(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).filter_map(|p| self.at(p))
    }

    pub fn remove(&mut self, place: usize) {
        if self.need[place] != GONE {
            self.need[place] = GONE;
            self.expected[place] = f64::INFINITY;
            self.gone += 1;
        }
    }

    /// Takes a task out wherever it stands.
    pub fn withdraw(&mut self, task: u32) {
        if let Some(place) = (0..self.len()).find(|p| self.at(*p) == Some(task)) {
            self.remove(place);
        }
    }

    /// Whether even the smallest need is larger than what fits.
    pub fn nobody_fits(&self, top: u64, any_idle: bool) -> bool {
        top < self.smallest && !any_idle
    }

    /// The first place from `from` on where somebody fits: into `top`, and, expected to last for more than `short`, into `beside`.
    pub fn next(
        &self,
        from: usize,
        top: u64,
        any_idle: bool,
        beside: u64,
        short: f64,
    ) -> Option<usize> {
        let top = if any_idle { WHOLE } else { top };
        let needs = self.need[from..].iter().zip(&self.expected[from..]);
        needs
            .into_iter()
            .position(|(need, expected)| *need <= top && (*need <= beside || *expected <= short))
            .map(|i| from + i)
    }

    /// Closes the gaps where there are many.
    pub fn tidy(&mut self) {
        if self.gone * 4 > self.len() || self.smallest == 0 {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        let mut kept = 0;
        let mut smallest = WHOLE;
        for i in 0..self.len() {
            if self.need[i] == GONE {
                continue;
            }
            smallest = smallest.min(self.need[i]);
            self.need[kept] = self.need[i];
            self.expected[kept] = self.expected[i];
            self.task[kept] = self.task[i];
            kept += 1;
        }
        self.need.truncate(kept);
        self.expected.truncate(kept);
        self.task.truncate(kept);
        self.gone = 0;
        self.smallest = smallest;
    }
}
