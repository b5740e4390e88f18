//! One world run to its end: jobs that last as long as they like, outsiders who come and go, readings that fail, leases that are refused.

use std::collections::HashMap;

use crate::books::{Books, Holder};
use crate::support::{GIB, Random};
use crate::world::{Kind, Outsider, World};
use tribunal_governor::{Governor, Job, View};

/// How often the surroundings are looked at, in seconds.
pub const LOOK: f64 = 5.0;

/// What was seen.
#[derive(Debug, Default, PartialEq, Clone)]
pub struct Log {
    pub starts: Vec<(usize, Vec<usize>, f64)>,
    pub ends: HashMap<usize, f64>,
    /// For each job with a device: when it became the first of those that wait.
    pub first: HashMap<usize, f64>,
    /// The longest time from the start of a server to its stop.
    pub server: f64,
    /// How often an outsider came or a lease was refused.
    pub disturbances: usize,
}

/// Runs a world to its end and checks every rule at every moment. Outsiders come and leases are refused until `peace`.
pub fn run(world: &World, kind: Kind, random: &mut Random, peace: f64) -> Log {
    let (mut governor, impossible) =
        Governor::new(&world.cards, &world.jobs, world.limits).expect("well-formed");
    let possible: Vec<&Job> = world
        .jobs
        .iter()
        .filter(|j| impossible.iter().all(|i| i.job != j.id))
        .collect();
    let mut left: HashMap<u32, usize> = HashMap::new();
    for job in &possible {
        if let Some(holding) = job.holding {
            *left.entry(holding).or_default() += 1;
        }
    }
    let mut queue: Vec<&Job> = possible
        .iter()
        .copied()
        .filter(|j| on_device(world, j))
        .collect();
    queue.sort_by_key(|j| (j.rank, j.id));
    let mut books = Books {
        world,
        held: vec![],
        running: HashMap::new(),
        stamps: HashMap::new(),
        open: HashMap::new(),
        void: Default::default(),
    };
    let mut log = Log::default();
    let mut outsiders = vec![Outsider::default(); world.cards.len()];
    let mut names: Vec<u32> = vec![];
    let mut opened: HashMap<u32, f64> = HashMap::new();
    let mut now = 0.0;
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(
            steps < 50_000,
            "no end in sight at {now} s: {:?} run, {:?} is promised, {:?}",
            governor.running().collect::<Vec<_>>(),
            governor.promised(),
            world
                .jobs
                .iter()
                .filter_map(|j| Some((j, governor.waits(j.id)?)))
                .collect::<Vec<_>>(),
        );
        if kind.outsiders {
            if now >= peace {
                outsiders.fill(Outsider::default());
                names.clear();
            } else {
                for outsider in &mut outsiders {
                    if random.chance(0.03) {
                        log.disturbances += 1;
                        *outsider = Outsider {
                            leased: if random.chance(0.3) {
                                random.below(20) as u64 * GIB
                            } else {
                                0
                            },
                            whole: random.chance(0.05),
                            loose: if random.chance(0.3) {
                                random.below(30) as u64 * GIB
                            } else {
                                0
                            },
                            blind: random.chance(0.2),
                        };
                    }
                }
                if random.chance(0.02) {
                    log.disturbances += 1;
                    names = if random.chance(0.5) { vec![10] } else { vec![] };
                }
            }
        }
        let view = if kind.outsiders {
            books.view(&outsiders, &names, random)
        } else {
            View::undisturbed()
        };
        let again = governor.clone();
        let starts = governor.admit(now, &view);
        if steps % 16 == 0 {
            let mut again = again;
            assert_eq!(
                again.admit(now, &view),
                starts,
                "admission is a function of what it was told"
            );
            // With pauses between starts, a job whose pause was about to end may have kept others from the slots.
            let more = governor.clone().admit(now, &view);
            assert!(
                more.is_empty() || world.longest_spacing() > 0.0,
                "all that could start has started, but {more:?}"
            );
        }
        for start in &starts {
            books.begin(start, now, &outsiders, &names, kind.outsiders);
        }
        for start in starts {
            if kind.refusals && now < peace && random.chance(0.05) {
                log.disturbances += 1;
                books.refuse(&start);
                governor.refuse(start.job);
                governor.refuse(start.job);
                if governor.running().any(|j| j == start.job) {
                    panic!("job {} was refused and runs", start.job);
                }
                continue;
            }
            queue.retain(|j| j.id != start.job);
            if let Some(holding) = start.opens {
                opened.insert(holding, now);
            }
            log.starts.push((start.job, start.cards, now));
        }
        if let Some(first) = queue.first() {
            log.first.entry(first.id).or_insert(now);
        }
        books.agree(&governor);
        let mut next = books
            .running
            .values()
            .copied()
            .fold(f64::INFINITY, f64::min);
        if let Some(wake) = governor.next_wake(now) {
            next = next.min(wake.max(now + 1e-3));
        }
        if (kind.outsiders || kind.refusals) && governor.waiting() > 0 {
            next = next.min(now + LOOK);
        }
        if next == f64::INFINITY {
            break;
        }
        now = next;
        let mut ended: Vec<usize> = books
            .running
            .iter()
            .filter(|r| *r.1 <= now)
            .map(|r| *r.0)
            .collect();
        ended.sort_unstable();
        for job in ended {
            books.running.remove(&job);
            governor.ended(job, now);
            governor.ended(job, now);
            log.ends.insert(job, now);
            books.held.retain(|h| h.1 != Holder::Job(job));
            if let Some(holding) = world.jobs[job].holding {
                books.void.remove(&holding);
                let left = left.get_mut(&holding).expect("counted");
                *left -= 1;
                assert_eq!(governor.holding_left(holding), *left);
                if *left == 0 {
                    governor.holding_ended(holding, now);
                    governor.holding_ended(holding, now);
                    books.open.remove(&holding);
                    let since = opened.get(&holding).copied().unwrap_or(now);
                    log.server = log.server.max(now - since);
                    books.held.retain(|h| h.1 != Holder::Holding(holding));
                }
            }
        }
        books.agree(&governor);
    }
    assert_eq!(governor.waiting(), 0, "everybody has had a turn");
    assert_eq!(log.ends.len(), possible.len());
    for card in 0..world.cards.len() {
        assert_eq!(governor.given(card), 0, "all is given back");
    }
    log
}

/// Whether a job queues for devices: its own, or those of the server that it shares.
pub fn on_device(world: &World, job: &Job) -> bool {
    job.gang > 0
        || (job.holding.is_some()
            && world
                .jobs
                .iter()
                .any(|j| j.holding == job.holding && j.gang > 0))
}
