//! Batches of requests: what one is told, and who sends it.
//!
//! Promise: everything that is drawn for a batch comes from its seed, which stands in the journal with what was drawn. Rejected: a source for the whole
//! soak (what a batch was could not be made again without all before it).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Map, Value};
use tribunal_statistics::Random;
use tribunal_traffic::{Load, Record, Source};

/// What is to be known to make a batch. Draws are written down.
#[derive(Debug)]
pub struct BatchPlan {
    /// Its number; the first is 0.
    pub number: u64,
    /// Of all that is drawn for it: of its load and its data set as well.
    pub seed: u64,
    /// How much of the soak is left.
    pub left: Duration,
    random: Random,
    drawn: Map<String, Value>,
}

impl BatchPlan {
    /// The batch with this number in a soak with this seed.
    pub fn new(soak_seed: u64, number: u64, left: Duration) -> Self {
        // Far apart, however near the seeds of two soaks are.
        let seed = Random::new(soak_seed ^ Random::new(number).bits()).bits();
        // JSON readers keep 53 bits of a number.
        let seed = seed >> 11;
        Self {
            number,
            seed,
            left,
            random: Random::new(seed),
            drawn: Map::new(),
        }
    }

    /// A whole number from `low` to `high`, both included, written down as `name`.
    pub fn between(&mut self, name: &str, low: u64, high: u64) -> u64 {
        let (low, high) = (low.min(high), low.max(high));
        let width = usize::try_from(high - low).unwrap_or(usize::MAX);
        let value = low + self.random.below(width.saturating_add(1)) as u64;
        self.note(name, value);
        value
    }

    /// Writes something down that was drawn elsewhere from [`BatchPlan::seed`].
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.drawn.insert(name.to_owned(), value.into());
    }

    pub(crate) fn into_drawn(self) -> Map<String, Value> {
        self.drawn
    }
}

/// A batch that is to be sent.
pub struct Batch {
    /// When its requests are sent, and how many.
    pub load: Load,
    /// The requests.
    pub source: Box<dyn Source>,
}

/// Makes batches. An error ends the soak.
pub type Batches<'a> = dyn FnMut(&mut BatchPlan) -> Result<Batch, String> + 'a;

/// A batch on its way: ready when its last answer is there, with why its figures are no good (the client was late, or busy); empty: they are.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Vec<String>, String>> + 'a>>;

/// Sends batches.
pub trait Traffic {
    /// Sends it and gives each request's record once it is over, in any order. Dropped before its end, what is under way is given up.
    ///
    /// An error says why nothing could be sent; a request that fails has a record.
    fn send<'a>(&'a self, batch: Batch, sink: &'a mut dyn FnMut(Record)) -> Sending<'a>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_drawn_alike_again_and_unlike_its_neighbours() {
        let draws = |soak, number| {
            let mut plan = BatchPlan::new(soak, number, Duration::ZERO);
            let values: Vec<u64> = (0..8)
                .map(|i| plan.between(&format!("{i}"), 10, 900))
                .collect();
            assert!(values.iter().all(|value| (10..=900).contains(value)));
            (plan.seed, values, plan.into_drawn())
        };
        assert_eq!(draws(7, 3), draws(7, 3));
        assert_ne!(draws(7, 3).1, draws(7, 4).1);
        assert_ne!(draws(7, 3).1, draws(8, 3).1);
        let (seed, values, drawn) = draws(7, 3);
        assert_eq!(drawn["0"], values[0]);
        assert!(seed < 1 << 53);
    }

    #[test]
    fn ends_are_drawn_and_a_range_of_one_is_that_one() {
        let mut plan = BatchPlan::new(1, 0, Duration::ZERO);
        let mut seen: Vec<u64> = (0..100).map(|_| plan.between("x", 2, 4)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [2, 3, 4]);
        assert_eq!(plan.between("x", 5, 5), 5);
        // The wrong way round is the same range.
        assert!((1..=2).contains(&plan.between("x", 2, 1)));
    }
}
