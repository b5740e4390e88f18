//! Random numbers that are the same for a seed for ever.
//!
//! Promise: a schedule that stands in a baseline's key can be made again years later. Rejected: `rand` and `rand_distr`, whose generators
//! promise the same values only within one version.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A stream of its own for a purpose, so that one that draws more does not shift the others.
    pub(crate) fn of(seed: u64, purpose: u64) -> Self {
        Self(mixed(seed ^ mixed(purpose)))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// Above 0 and below 1: its logarithm is finite.
    pub(crate) fn open_unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    /// Of the exponential distribution with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -self.open_unit().ln()
    }

    /// Of the standard normal distribution (Box and Muller 1958; the second value is dropped, so that there is no state to keep).
    fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * (std::f64::consts::TAU * self.open_unit()).cos()
    }

    /// Of the gamma distribution with this shape and mean 1 (Marsaglia and Tsang 2000).
    pub(crate) fn gamma_of_mean_one(&mut self, shape: f64) -> f64 {
        self.gamma(shape) / shape
    }

    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // Their section 6: one of shape + 1, made smaller.
            let larger = self.gamma(shape + 1.0);
            return larger * self.open_unit().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.open_unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = Random(0);
        assert_eq!(random.bits(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.bits(), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn gamma_has_its_mean_and_its_spread() {
        for shape in [0.25, 0.5, 1.0, 4.0, 100.0] {
            let mut random = Random(7);
            let n = 40_000;
            let all: Vec<f64> = (0..n).map(|_| random.gamma_of_mean_one(shape)).collect();
            let mean = all.iter().sum::<f64>() / n as f64;
            let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
            assert!((mean - 1.0).abs() < 0.05, "{shape}: mean {mean}");
            assert!(
                (variance * shape - 1.0).abs() < 0.12,
                "{shape}: variance {variance}"
            );
            assert!(all.iter().all(|x| *x >= 0.0 && x.is_finite()));
        }
    }
}
