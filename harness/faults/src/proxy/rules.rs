//! The rules of one proxy while they hold, and the chance by which a share is drawn.
//!
//! Promise: the same seed, rule and connection always give the same draw. Rejected: one generator for all connections, whose draws would depend on which of them comes
//! first.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::stats::{ToxicId, ToxicStats};
use super::toxic::{Toxic, ToxicRule};

/// A rule that was added.
#[derive(Debug)]
pub(crate) struct Live {
    pub id: ToxicId,
    pub rule: ToxicRule,
    added: Instant,
    struck: AtomicU64,
    first: OnceLock<Duration>,
}

/// All rules that are there, in the order in which they were added.
pub(crate) type Rules = Arc<Vec<Arc<Live>>>;

impl Live {
    pub(crate) fn new(id: ToxicId, rule: ToxicRule) -> Self {
        Self {
            id,
            rule,
            added: Instant::now(),
            struck: AtomicU64::new(0),
            first: OnceLock::new(),
        }
    }

    /// Whether it is about this connection: its number, and the share that is drawn by `draw`.
    pub(crate) fn selects(&self, seed: u64, connection: u64) -> bool {
        let numbered = self
            .rule
            .connections
            .as_ref()
            .is_none_or(|r| r.contains(&connection));
        // The share of a status is one of requests.
        let whole = matches!(self.rule.toxic, Toxic::Status { .. });
        numbered && (whole || self.draw(seed, connection))
    }

    /// Whether the share falls on this one.
    pub(crate) fn draw(&self, seed: u64, of: u64) -> bool {
        let mut random = Random(seed ^ self.id.0.rotate_left(40) ^ of.rotate_left(20));
        random.unit() < self.rule.share
    }

    /// Whether it is about requests for this target.
    pub(crate) fn is_for(&self, target: &str) -> bool {
        self.rule
            .path
            .as_ref()
            .is_none_or(|p| target.starts_with(p))
    }

    /// Whether it holds now.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.added);
        self.rule
            .window
            .is_none_or(|(from, until)| from <= age && age < until)
    }

    /// When it begins or ceases to hold next.
    pub(crate) fn changes(&self, now: Instant) -> Option<Instant> {
        let (from, until) = self.rule.window?;
        [from, until]
            .into_iter()
            .filter_map(|at| self.added.checked_add(at))
            .find(|at| *at > now)
    }

    pub(crate) fn strike(&self, at: Duration) {
        self.struck.fetch_add(1, Ordering::Relaxed);
        let _ = self.first.set(at);
    }

    /// When it struck first.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.first.get().copied()
    }

    pub(crate) fn stats(&self, there: bool) -> ToxicStats {
        ToxicStats {
            id: self.id,
            rule: self.rule.to_string(),
            there,
            struck: self.struck.load(Ordering::Relaxed),
            first: self.first(),
        }
    }
}

/// Numbers that depend on the seed alone.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(rule: ToxicRule) -> Live {
        Live::new(ToxicId(3), rule)
    }

    #[test]
    fn a_share_is_drawn_by_the_seed() {
        let half = live(ToxicRule::new(Toxic::Refuse).share(0.5));
        let drawn = |seed: u64| {
            (0..1000)
                .filter(|n| half.selects(seed, *n))
                .collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!((400..600).contains(&drawn(7).len()), "{}", drawn(7).len());
        let (all, none) = (
            live(Toxic::Refuse.into()),
            live(ToxicRule::new(Toxic::Refuse).share(0.0)),
        );
        assert!((0..1000).all(|n| all.selects(1, n) && !none.selects(1, n)));
    }

    #[test]
    fn numbers_and_windows_bound_a_rule() {
        let some = live(ToxicRule::new(Toxic::Refuse).connections(2..4));
        let chosen: Vec<u64> = (0..6).filter(|n| some.selects(0, *n)).collect();
        assert_eq!(chosen, [2, 3]);
        let (second, three) = (Duration::from_secs(1), Duration::from_secs(3));
        let timed = live(ToxicRule::new(Toxic::Refuse).window(second, three));
        let at = |n: u64| timed.added + Duration::from_millis(n);
        let held: Vec<u64> = [0, 999, 1000, 2999, 3000]
            .into_iter()
            .filter(|n| timed.holds(at(*n)))
            .collect();
        assert_eq!(held, [1000, 2999]);
        assert_eq!(timed.changes(at(0)), Some(at(1000)));
        assert_eq!(timed.changes(at(1000)), Some(at(3000)));
        assert_eq!(timed.changes(at(3000)), None);
        assert!(live(Toxic::Refuse.into()).holds(Instant::now()));
    }
}
