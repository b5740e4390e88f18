//! What a data set draws by its seed.
//!
//! Promise: the same for ever, so that a data set that stands in a baseline's key can be made again.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// The generator of the crate, with what data sets draw.
#[derive(Clone, Debug)]
pub(super) struct Draw(Random);

impl Draw {
    /// A stream of its own for each purpose, so that one that draws more does not shift the others.
    pub fn of(seed: u64, purpose: u64) -> Self {
        Self(Random::of(seed, purpose))
    }

    pub fn bits(&mut self) -> u64 {
        self.0.bits()
    }

    /// From 0 up to, and not including, `n`; 0 for none.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// From 0 up to, and not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// Which of these weights; `None` where all are 0.
    pub fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> Option<usize> {
        let all: f64 = weights.clone().sum();
        let mut left = self.unit() * all;
        let mut last = None;
        for (index, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
            last = Some(index);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

/// A number, or a range of which each request draws one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// The least.
    pub low: u32,
    /// The most, itself included.
    pub high: u32,
}

impl Lengths {
    /// Always so many.
    pub const fn exactly(length: u32) -> Self {
        Self {
            low: length,
            high: length,
        }
    }

    /// From `low` to `high`, both included; the other way round if they are so.
    pub fn between(low: u32, high: u32) -> Self {
        Self {
            low: low.min(high),
            high: low.max(high),
        }
    }

    /// `length` and up to this share of it less or more, as the range ratio of `vllm bench serve` has it. A share that is none is 0.
    pub fn around(length: u32, ratio: f64) -> Self {
        let ratio = if ratio.is_finite() {
            ratio.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let length = f64::from(length);
        Self {
            low: (length * (1.0 - ratio)).floor() as u32,
            high: (length * (1.0 + ratio)).ceil() as u32,
        }
    }

    pub(super) fn draw(self, draw: &mut Draw) -> u32 {
        let (low, high) = (self.low.min(self.high), self.low.max(self.high));
        low + draw.below((high - low) as usize + 1) as u32
    }
}

impl From<u32> for Lengths {
    fn from(length: u32) -> Self {
        Self::exactly(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_ratio_and_all_of_them_are_drawn() {
        assert_eq!(Lengths::around(100, 0.25), Lengths { low: 75, high: 125 });
        assert_eq!(Lengths::around(10, 0.15), Lengths { low: 8, high: 12 });
        assert_eq!(Lengths::around(10, f64::NAN), Lengths::exactly(10));
        let mut draw = Draw::of(1, 2);
        let mut seen: Vec<u32> = (0..200)
            .map(|_| Lengths::between(5, 3).draw(&mut draw))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [3, 4, 5]);
        assert_eq!(
            Lengths {
                low: 0,
                high: u32::MAX
            }
            .draw(&mut Draw::of(0, 0)),
            Lengths {
                low: u32::MAX,
                high: 0
            }
            .draw(&mut Draw::of(0, 0))
        );
    }

    #[test]
    fn weights_are_shares() {
        let mut draw = Draw::of(3, 0);
        let mut seen = [0; 3];
        for _ in 0..10_000 {
            seen[draw.weighted([1.0, 0.0, 3.0].into_iter()).unwrap()] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((2_200..2_800).contains(&seen[0]), "{seen:?}");
        assert_eq!(draw.weighted([0.0, 0.0].into_iter()), None);
        assert_eq!(draw.weighted(std::iter::empty()), None);
    }
}
