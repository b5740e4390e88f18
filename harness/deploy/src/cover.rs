//! The fewest of some sets that cover all that they cover together.
//!
//! Promise: deterministic, and exact unless the search takes too long, which is then said. Rejected: the greedy choice alone. It is a case or two too many
//! just where a case costs most, on several devices.

/// How many steps the search may take. It ends far sooner for every matrix that a person writes.
const MOST_STEPS: usize = 400_000;

/// The fewest rows that cover all, and whether that is proved.
pub(crate) fn fewest(rows: &[u128], all: u128) -> (Vec<usize>, bool) {
    let greedy = greedy(rows, all);
    let mut search = Search {
        rows,
        largest: rows.iter().map(|row| row.count_ones()).max().unwrap_or(0),
        steps: 0,
        chosen: vec![],
    };
    for size in 0..greedy.len() {
        search.chosen.clear();
        if search.covers(all, size) {
            return (search.chosen, true);
        }
        if search.steps >= MOST_STEPS {
            return (greedy, false);
        }
    }
    (greedy, true)
}

struct Search<'a> {
    rows: &'a [u128],
    largest: u32,
    steps: usize,
    chosen: Vec<usize>,
}

impl Search<'_> {
    /// Whether `left` can be covered by so many more rows; these are then in `chosen`.
    fn covers(&mut self, left: u128, size: usize) -> bool {
        if left == 0 {
            return true;
        }
        self.steps += 1;
        if self.steps >= MOST_STEPS || left.count_ones() as usize > size * self.largest as usize {
            return false;
        }
        // The target that the fewest rows have decides soonest.
        let of = |target: u128| self.rows.iter().filter(|row| *row & target != 0).count();
        let open = (0..128)
            .map(|at| 1_u128 << at)
            .filter(|target| left & target != 0);
        let Some(hardest) = open.min_by_key(|target| of(*target)) else {
            return false;
        };
        let mut with: Vec<usize> = (0..self.rows.len())
            .filter(|at| self.rows[*at] & hardest != 0)
            .collect();
        with.sort_by_key(|at| std::cmp::Reverse((self.rows[*at] & left).count_ones()));
        for at in with {
            self.chosen.push(at);
            if self.covers(left & !self.rows[at], size - 1) {
                return true;
            }
            self.chosen.pop();
        }
        false
    }
}

/// The row that covers most of what is left, again and again: at most a few rows too many.
fn greedy(rows: &[u128], all: u128) -> Vec<usize> {
    let (mut left, mut chosen) = (all, vec![]);
    while left != 0 {
        let covers = |at: &usize| (rows[*at] & left).count_ones();
        // Of equals the first.
        let Some(best) = (0..rows.len()).rev().max_by_key(covers) else {
            break;
        };
        left &= !rows[best];
        chosen.push(best);
    }
    chosen
}

/// The one or two rows that cover most; one, where a second adds nothing.
pub(crate) fn most_of_two(rows: &[u128]) -> Vec<usize> {
    let mut best: (u32, Vec<usize>) = (0, vec![]);
    let singles = (0..rows.len()).map(|a| vec![a]);
    let doubles = (0..rows.len()).flat_map(|a| (a + 1..rows.len()).map(move |b| vec![a, b]));
    for some in singles.chain(doubles) {
        let covered = some.iter().fold(0, |all, at| all | rows[*at]).count_ones();
        if covered > best.0 {
            best = (covered, some);
        }
    }
    best.1
}
