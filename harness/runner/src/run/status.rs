//! What a live view shows: what runs, what waits, and what is given out of the devices.
//!
//! Promise: asked as often as a screen is drawn, it holds nobody up. Rejected: events for it (most changes are never seen).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Run;
use crate::attempt::lock;

impl Run {
    /// The cases that run now, for a live view: name, since when, and how many wait.
    pub fn running(&self) -> (Vec<(String, Duration)>, usize) {
        let now = Instant::now();
        let mut running: Vec<(String, Duration)> = lock(&self.watch.bodies)
            .running
            .iter()
            .filter(|w| !w.attempt.claimed.load(Ordering::SeqCst))
            .map(|w| (w.attempt.name.to_string(), now - w.attempt.started))
            .collect();
        let apart = lock(&self.apart);
        running.extend(apart.iter().map(|(name, at)| (name.to_string(), now - *at)));
        drop(apart);
        running.sort_by_key(|(_, d)| std::cmp::Reverse(*d));
        (running, lock(&self.queue).pending.len())
    }

    /// For a live view: what is given out of each device now, in bytes, and how large it is; none where nothing is shared out.
    pub fn given_out(&self) -> Vec<(String, u64, Option<u64>)> {
        let Some(resources) = &self.plan.resources else {
            return vec![];
        };
        let queue = lock(&self.queue);
        let Some(governed) = &queue.governed else {
            return vec![];
        };
        let cards = resources.cards.iter().enumerate();
        cards
            .map(|(i, card)| (card.shown(), governed.given(i), card.total))
            .collect()
    }
}
