//! Numbers drawn by a seed.
//!
//! Promise: the same seed draws the same numbers in every version and on every machine: a soak that failed can be repeated. Rejected: a crate for
//! random numbers (their streams change between versions).

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The numbers of one batch of a run with this seed.
    pub fn of(seed: u64, batch: u64) -> Draw {
        let mut draw = Draw(seed ^ batch.wrapping_mul(0xd134_2543_de82_ef95));
        draw.next();
        draw
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `least` to `most`, both included.
    pub fn within(&mut self, least: u32, most: u32) -> u32 {
        let (least, most) = (least.min(most), least.max(most));
        let width = u64::from(most - least) + 1;
        // The width is far below 2^64: what the high word of the product favours cannot be seen.
        let high = (u128::from(self.next()) * u128::from(width)) >> 64;
        least + u32::try_from(high).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_batch_say_what_is_drawn() {
        let numbers = |seed, batch| -> Vec<u32> {
            let mut draw = Draw::of(seed, batch);
            (0..8).map(|_| draw.within(10, 1000)).collect()
        };
        assert_eq!(numbers(7, 3), numbers(7, 3));
        assert_ne!(numbers(7, 3), numbers(7, 4));
        assert_ne!(numbers(7, 3), numbers(8, 3));
        assert!(numbers(7, 3).iter().all(|n| (10..=1000).contains(n)));
    }

    #[test]
    fn both_ends_are_drawn() {
        let mut draw = Draw::of(0, 0);
        let drawn: std::collections::BTreeSet<u32> = (0..200).map(|_| draw.within(1, 3)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(draw.within(5, 5), 5);
        draw.within(0, u32::MAX);
    }
}
