//! Two other rules, for comparison: first fit in declared order, and the rule of an existing scheduler for tests that share cards.
//!
//! Both have the same cards, the same share for several jobs on a card and the same exclusive names. Neither is held back by slots, processors or pauses between starts.

use tribunal_governor::{Card, Job, Memory};

/// What one card carries.
#[derive(Clone, Copy, Default)]
struct Load {
    bytes: u64,
    jobs: u32,
}

struct Floor<'w> {
    cards: &'w [Card],
    load: Vec<Load>,
    names: Vec<u32>,
}

impl Floor<'_> {
    fn total(&self, card: usize) -> u64 {
        self.cards[card].total.unwrap_or(0)
    }

    fn shared(&self, card: usize) -> u64 {
        Card::shared(self.total(card))
    }

    fn cap(&self, card: usize) -> u64 {
        if self.load[card].jobs == 0 {
            self.total(card)
        } else {
            self.shared(card)
        }
    }

    fn free(&self, card: usize) -> u64 {
        self.cap(card).saturating_sub(self.load[card].bytes)
    }
}

fn need(job: &Job) -> u64 {
    match job.memory {
        Memory::Bytes(bytes) => bytes,
        Memory::None | Memory::Whole => u64::MAX,
    }
}

/// First fit: in declared order, on the first cards that have room. Later jobs may pass one that does not fit, or not (`strict`).
pub fn first_fit(cards: &[Card], jobs: &[Job], strict: bool) -> f64 {
    let order: Vec<usize> = (0..jobs.len()).collect();
    run(cards, jobs, order, strict, |floor, job, _| {
        let chosen: Vec<usize> = (0..floor.cards.len())
            .filter(|c| floor.free(*c) >= need(job))
            .take(job.gang as usize)
            .collect();
        (chosen.len() == job.gang as usize).then_some(chosen)
    })
}

/// Longest first, then largest; on the cards with the most free budget; of a card that is kept for a blocked job only so much as leaves it its
/// need. For a job on one card that holds for one pass and for what is added in it; for a gang it is measured on everything that stands there.
pub fn reference(cards: &[Card], jobs: &[Job]) -> f64 {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by(|a, b| {
        jobs[*b]
            .expected
            .total_cmp(&jobs[*a].expected)
            .then(need(&jobs[*b]).cmp(&need(&jobs[*a])))
    });
    run(cards, jobs, order, false, |floor, job, kept| {
        let need = need(job);
        let gang = job.gang as usize;
        let mut fits: Vec<usize> = (0..floor.cards.len())
            .filter(|c| floor.free(*c) >= need)
            .filter(|c| match kept[*c] {
                Kept::No => true,
                Kept::Added { room } => i128::from(need) <= room,
                Kept::Committed { most } => i128::from(floor.load[*c].bytes + need) <= most,
            })
            .collect();
        fits.sort_by_key(|c| (std::cmp::Reverse(floor.free(*c)), *c));
        if fits.len() >= gang {
            fits.truncate(gang);
            for card in &fits {
                if let Kept::Added { room } = &mut kept[*card] {
                    *room -= i128::from(need);
                }
            }
            return Some(fits);
        }
        let mut open: Vec<usize> = (0..floor.cards.len())
            .filter(|c| matches!(kept[*c], Kept::No) && floor.total(*c) >= need)
            .collect();
        open.sort_by_key(|c| (std::cmp::Reverse(floor.free(*c)), *c));
        if open.len() >= gang {
            for card in &open[..gang] {
                kept[*card] = if gang == 1 {
                    Kept::Added {
                        room: i128::from(floor.cap(*card)) - i128::from(need),
                    }
                } else {
                    Kept::Committed {
                        most: i128::from(floor.shared(*card)) - i128::from(need),
                    }
                };
            }
        }
        None
    })
}

#[derive(Clone, Copy)]
enum Kept {
    No,
    Added { room: i128 },
    Committed { most: i128 },
}

/// Passes over those who wait whenever something ends; the makespan.
fn run(
    cards: &[Card],
    jobs: &[Job],
    mut pending: Vec<usize>,
    strict: bool,
    mut choose: impl FnMut(&Floor<'_>, &Job, &mut [Kept]) -> Option<Vec<usize>>,
) -> f64 {
    let mut floor = Floor {
        cards,
        load: vec![Load::default(); cards.len()],
        names: vec![],
    };
    let mut running: Vec<(f64, usize, Vec<usize>)> = vec![];
    let mut now = 0.0;
    loop {
        let mut kept = vec![Kept::No; cards.len()];
        let mut blocked = false;
        pending.retain(|at| {
            let job = &jobs[*at];
            let named = job.names.iter().any(|n| floor.names.contains(n));
            if named || (blocked && strict) {
                blocked = true;
                return true;
            }
            let Some(chosen) = choose(&floor, job, &mut kept) else {
                blocked = true;
                return true;
            };
            for card in &chosen {
                floor.load[*card].bytes += need(job);
                floor.load[*card].jobs += 1;
            }
            floor.names.extend(&job.names);
            running.push((now + job.expected, *at, chosen));
            false
        });
        let Some(next) = running.iter().map(|r| r.0).min_by(f64::total_cmp) else {
            return now;
        };
        now = next;
        running.retain(|(end, at, chosen)| {
            if *end > now {
                return true;
            }
            let job = &jobs[*at];
            for card in chosen {
                floor.load[*card].bytes -= need(job);
                floor.load[*card].jobs -= 1;
            }
            floor.names.retain(|n| !job.names.contains(n));
            false
        });
    }
}
