//! A world around the governor: jobs that last as long as they like, outsiders who come and go, readings that fail, leases that are refused; and a
//! second set of books that is kept beside the governor's and must agree with it.
#![allow(dead_code)]

use std::collections::HashMap;

use tribunal_governor::{Card, Foreign, Governor, Job, Limits, Memory, Reading, Start, View};

pub const GIB: u64 = 1 << 30;

pub fn gib(gib: u64) -> Memory {
    Memory::Bytes(gib * GIB)
}

pub fn cards(sizes: &[u64]) -> Vec<Card> {
    sizes
        .iter()
        .map(|s| Card {
            total: (*s > 0).then_some(*s * GIB),
        })
        .collect()
}

pub fn governor(sizes: &[u64], jobs: &[Job], limits: Limits) -> Governor {
    let (governor, impossible) = Governor::new(&cards(sizes), jobs, limits).expect("well-formed");
    assert_eq!(impossible, []);
    governor
}

pub fn ids(starts: &[Start]) -> Vec<usize> {
    starts.iter().map(|s| s.job).collect()
}

/// One card that is read as its books are, with so much more in use by outsiders.
pub fn reading(used: u64, ours: u64) -> (Reading, Foreign) {
    let reading = Reading {
        used: Some(used * GIB),
        ours: Some(ours * GIB),
    };
    (reading, Foreign::default())
}

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (1.0 - self.unit(), self.unit());
        median * (sigma * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
    }
}

/// What a world is like.
#[derive(Clone, Copy)]
pub struct Kind {
    pub outsiders: bool,
    pub wrong_lengths: bool,
    pub refusals: bool,
    pub unmeasured: bool,
    pub holdings: bool,
}

/// Cards, jobs and limits of a random world.
pub struct World {
    pub cards: Vec<Card>,
    pub jobs: Vec<Job>,
    pub limits: Limits,
    pub actual: Vec<f64>,
}

pub fn world(random: &mut Random, kind: Kind) -> World {
    let count = 1 + random.below(16);
    let cards: Vec<Card> = (0..count)
        .map(|_| Card {
            total: (!kind.unmeasured || random.chance(0.85))
                .then(|| [24, 48, 80][random.below(3)] * GIB),
        })
        .collect();
    let limits = Limits {
        slots: if random.chance(0.5) {
            2 + random.below(12)
        } else {
            1000
        },
        cpus: if random.chance(0.5) { 8 } else { u32::MAX },
        host_memory: random.chance(0.5).then_some(64 * GIB),
        spacing: if random.chance(0.5) { 5.0 } else { 0.0 },
    };
    let holdings = if kind.holdings {
        1 + random.below(4) as u32
    } else {
        0
    };
    let jobs: Vec<Job> = (0..10 + random.below(70))
        .map(|id| {
            let mut job = Job::new(id, random.log_normal(60.0, 0.8));
            if random.chance(0.7) {
                job.gang = if random.chance(0.1) {
                    1 + random.below(count.min(4)) as u32
                } else {
                    1
                };
                job.memory = match random.below(20) {
                    0 => Memory::Whole,
                    1 => Memory::None,
                    2 => gib(random.below(81) as u64),
                    _ => Memory::Bytes((20f64.powf(random.unit()) * GIB as f64) as u64),
                };
                if random.chance(0.5) {
                    job.start_group = Some(random.below(2) as u32);
                }
                if random.chance(0.1) {
                    job.suits = Some((0..count).filter(|_| random.chance(0.6)).collect());
                }
            }
            if random.chance(0.05) {
                job.names = vec![10 + random.below(2) as u32];
            }
            job.cpus = random.below(4) as u32;
            job.host_memory = random.below(10) as u64 * GIB;
            job.alone = random.chance(0.02);
            if holdings > 0 && random.chance(0.4) {
                job.holding = Some(random.below(holdings as usize) as u32);
            }
            job.rank = random.below(1000);
            job
        })
        .collect();
    let actual = jobs
        .iter()
        .map(|j| {
            if kind.wrong_lengths {
                j.expected * random.log_normal(1.0, 1.0).min(20.0)
            } else {
                j.expected
            }
        })
        .collect();
    World {
        cards,
        jobs,
        limits,
        actual,
    }
}

/// Who else is there, until `peace`.
#[derive(Clone, Debug, Default)]
pub struct Outsider {
    pub leased: u64,
    pub whole: bool,
    pub loose: u64,
    pub blind: bool,
}

/// What was seen.
#[derive(Debug, Default, PartialEq, Clone)]
pub struct Log {
    pub starts: Vec<(usize, Vec<usize>, f64)>,
    pub ends: HashMap<usize, f64>,
    pub finished: f64,
    /// For each job with a device: when it became the first of those that wait.
    pub first: HashMap<usize, f64>,
    /// How often an outsider came or a lease was refused.
    pub disturbances: usize,
}

struct Books<'w> {
    world: &'w World,
    /// Card, holder (job or holding), bytes or whole.
    held: Vec<(usize, Holder, Option<u64>)>,
    running: HashMap<usize, f64>,
    stamps: HashMap<(u32, usize), f64>,
    open: HashMap<u32, Vec<usize>>,
    /// Servers whose first start was refused.
    void: std::collections::HashSet<u32>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Holder {
    Job(usize),
    Holding(u32),
}

/// Runs a world to its end and checks every rule at every moment.
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
        .filter(|j| on_device(world, j, &impossible))
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
    let mut now = 0.0;
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(
            steps < 20_000,
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
            assert_eq!(
                governor.clone().admit(now, &view),
                [],
                "all that could start has started"
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
            next = next.min(now + 5.0);
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
    log.finished = now;
    log
}

/// Whether a job queues for devices: its own, or those of the server that it shares.
pub fn on_device(world: &World, job: &Job, impossible: &[tribunal_governor::Impossible]) -> bool {
    let _ = impossible;
    job.gang > 0
        || (job.holding.is_some()
            && world
                .jobs
                .iter()
                .any(|j| j.holding == job.holding && j.gang > 0))
}

impl Books<'_> {
    /// What a tenant takes: gang, bytes (`None`: whole), host memory.
    fn need(&self, job: &Job) -> (u32, Option<u64>, u64) {
        let users: Vec<&Job> = match job.holding {
            Some(_) => self
                .world
                .jobs
                .iter()
                .filter(|j| j.holding == job.holding)
                .collect(),
            None => vec![job],
        };
        let gang = users.iter().map(|j| j.gang).max().unwrap_or(0);
        let host = users.iter().map(|j| j.host_memory).max().unwrap_or(0);
        let whole = users
            .iter()
            .any(|j| j.gang > 0 && !matches!(j.memory, Memory::Bytes(_)));
        let bytes = users
            .iter()
            .filter(|j| j.gang > 0)
            .map(|j| match j.memory {
                Memory::Bytes(b) => b.max(1),
                _ => 0,
            })
            .max()
            .unwrap_or(0);
        (gang, (!whole).then_some(bytes), host)
    }

    fn sum(&self, card: usize) -> (u64, usize, bool) {
        let on: Vec<_> = self.held.iter().filter(|h| h.0 == card).collect();
        let total = self.world.cards[card].total.unwrap_or(0);
        (
            on.iter().map(|h| h.2.unwrap_or(total)).sum(),
            on.len(),
            on.iter().any(|h| h.2.is_none()),
        )
    }

    fn view(&self, outsiders: &[Outsider], names: &[u32], random: &mut Random) -> View {
        let seen = outsiders
            .iter()
            .enumerate()
            .map(|(card, o)| {
                // Ours have allocated anything up to what they declared.
                let ours = (self.sum(card).0 as f64 * random.unit()) as u64;
                let used = (!o.blind).then_some(ours + o.loose + o.leased / 2);
                let reading = Reading {
                    used,
                    ours: random.chance(0.7).then_some(ours),
                };
                let foreign = Foreign {
                    leases: u32::from(o.leased > 0) + u32::from(o.whole),
                    bytes: o.leased,
                    whole: o.whole,
                };
                (reading, foreign)
            })
            .collect();
        let mut view = View::of(seen);
        view.names = names.to_vec();
        view
    }

    /// One start, with every rule checked as it was at that moment.
    fn begin(
        &mut self,
        start: &Start,
        now: f64,
        outsiders: &[Outsider],
        names: &[u32],
        disturbed: bool,
    ) {
        let world = self.world;
        let job = &world.jobs[start.job];
        let (gang, bytes, host) = self.need(job);
        let opens = job.holding.is_none_or(|h| !self.open.contains_key(&h));
        assert_eq!(start.opens.is_some(), job.holding.is_some() && opens);
        assert_eq!(
            start.cards.len(),
            gang as usize,
            "all of the gang or nothing"
        );
        assert!(
            start.cards.is_sorted_by(|a, b| a < b),
            "ascending, none twice"
        );
        assert!(!self.running.contains_key(&job.id), "started once");
        if opens {
            for card in &start.cards {
                let (sum, count, whole) = self.sum(*card);
                let outsider = &outsiders[*card];
                let leases = outsider.leased > 0 || outsider.whole;
                let alone = count == 0 && !leases;
                assert!(!whole && !outsider.whole, "nobody beside a whole card");
                if disturbed && outsider.blind {
                    assert!(alone, "nobody beside anybody on a card that cannot be read");
                }
                match bytes {
                    None => assert!(alone, "whole cards are empty"),
                    Some(bytes) => {
                        let total = world.cards[*card]
                            .total
                            .expect("sized jobs go to measured cards");
                        let cap = if alone { total } else { Card::shared(total) };
                        assert!(
                            sum + outsider.leased + bytes <= cap,
                            "{sum} + {} + {bytes} > {cap}",
                            outsider.leased
                        );
                        if !outsider.blind {
                            assert!(outsider.loose + outsider.leased / 2 + bytes <= cap);
                        }
                    }
                }
                if let Some(suits) = &job.suits {
                    assert!(suits.contains(card));
                }
                if let (None, Some(group)) = (job.holding, job.start_group) {
                    if let Some(last) = self.stamps.insert((group, *card), now) {
                        assert!(
                            now >= last + world.limits.spacing,
                            "starts of a group keep apart"
                        );
                    }
                }
                let holder = job.holding.map_or(Holder::Job(job.id), Holder::Holding);
                self.held.push((*card, holder, bytes));
            }
            if gang == 0 || host > 0 {
                // Host memory is checked below, by tenant.
            }
        } else if let Some(holding) = job.holding {
            assert_eq!(self.open[&holding], start.cards, "the cards of the server");
        }
        if let Some(holding) = job.holding {
            if opens {
                self.void.remove(&holding);
            }
            self.open.insert(holding, start.cards.clone());
        }
        self.running.insert(job.id, now + world.actual[job.id]);
        assert!(self.running.len() <= world.limits.slots);
        let all: Vec<&Job> = self.running.keys().map(|j| &world.jobs[*j]).collect();
        assert!(all.iter().map(|j| u64::from(j.cpus)).sum::<u64>() <= u64::from(world.limits.cpus));
        assert!(
            all.len() == 1 || all.iter().all(|j| !j.alone),
            "alone is alone"
        );
        for name in &job.names {
            assert!(!names.contains(name), "outsiders hold it");
            assert_eq!(
                all.iter().filter(|j| j.names.contains(name)).count(),
                1,
                "held once"
            );
        }
        if let Some(limit) = world.limits.host_memory {
            let own: u64 = all
                .iter()
                .filter(|j| j.holding.is_none())
                .map(|j| j.host_memory)
                .sum();
            let servers: u64 = self
                .open
                .keys()
                .filter_map(|h| world.jobs.iter().find(|j| j.holding == Some(*h)))
                .map(|j| self.need(j).2)
                .sum();
            assert!(own + servers <= limit, "host memory");
        }
    }

    fn refuse(&mut self, start: &Start) {
        let job = &self.world.jobs[start.job];
        self.running.remove(&job.id);
        self.held.retain(|h| h.1 != Holder::Job(job.id));
        if let Some(holding) = job.holding {
            if start.opens.is_some() {
                self.void.insert(holding);
            }
            let used = self
                .running
                .keys()
                .any(|j| self.world.jobs[*j].holding == Some(holding));
            if !used && self.void.contains(&holding) {
                self.open.remove(&holding);
                self.held.retain(|h| h.1 != Holder::Holding(holding));
            }
        }
    }

    /// The governor's books are these books.
    fn agree(&self, governor: &Governor) {
        for card in 0..self.world.cards.len() {
            assert_eq!(governor.given(card), self.sum(card).0, "card {card}");
        }
        let mut theirs: Vec<usize> = governor.running().collect();
        theirs.sort_unstable();
        let mut ours: Vec<usize> = self.running.keys().copied().collect();
        ours.sort_unstable();
        assert_eq!(theirs, ours);
    }
}
