//! Random numbers that a seed repeats everywhere: SplitMix64 (Steele, Lea, Flood 2014).
//!
//! Rejected: the `rand` crate, whose generators may change with a release; an interval that is reported twice must be the same.

/// A generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The one of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any whole number.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not with, 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to, not with, `n`; 0 where `n` is.
    pub fn below(&mut self, n: usize) -> usize {
        // The bias is n in 2^64.
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Of the standard normal distribution (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let far = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        far * (std::f64::consts::TAU * self.share()).cos()
    }
}
