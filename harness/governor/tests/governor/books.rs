//! A second set of books, kept beside the governor's: every rule is checked at every start, and both must agree at every moment.

use std::collections::{HashMap, HashSet};

use crate::support::Random;
use crate::world::{Outsider, World};
use tribunal_governor::{Card, Foreign, Governor, Job, Memory, Reading, Start, View};

/// The second books.
pub struct Books<'w> {
    pub world: &'w World,
    /// Card, holder (job or holding), bytes or whole.
    pub held: Vec<(usize, Holder, Option<u64>)>,
    pub running: HashMap<usize, f64>,
    pub stamps: HashMap<(u32, usize), f64>,
    pub open: HashMap<u32, Vec<usize>>,
    /// Servers whose first start was refused.
    pub void: HashSet<u32>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Holder {
    Job(usize),
    Holding(u32),
}

impl Books<'_> {
    /// What a tenant takes: gang, bytes (`None`: whole), host memory.
    pub fn need(&self, job: &Job) -> (u32, Option<u64>, u64) {
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

    pub fn sum(&self, card: usize) -> (u64, usize, bool) {
        let on: Vec<_> = self.held.iter().filter(|h| h.0 == card).collect();
        let total = self.world.cards[card].total.unwrap_or(0);
        (
            on.iter().map(|h| h.2.unwrap_or(total)).sum(),
            on.len(),
            on.iter().any(|h| h.2.is_none()),
        )
    }

    pub fn view(&self, outsiders: &[Outsider], names: &[u32], random: &mut Random) -> View {
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
    pub fn begin(
        &mut self,
        start: &Start,
        now: f64,
        outsiders: &[Outsider],
        names: &[u32],
        disturbed: bool,
    ) {
        let world = self.world;
        let job = &world.jobs[start.job];
        let (gang, bytes, _) = self.need(job);
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
                if let (None, Some(group)) = (job.holding, job.start_group)
                    && let Some(last) = self.stamps.insert((group, *card), now)
                {
                    assert!(
                        now >= last + world.spacing(group),
                        "starts of a group keep apart"
                    );
                }
                let holder = job.holding.map_or(Holder::Job(job.id), Holder::Holding);
                self.held.push((*card, holder, bytes));
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

    pub fn refuse(&mut self, start: &Start) {
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
    pub fn agree(&self, governor: &Governor) {
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
