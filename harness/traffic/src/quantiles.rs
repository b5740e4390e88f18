//! Quantiles of times in bounded memory, however long a run is: buckets whose width grows with the value, 32 for each doubling.
//!
//! A quantile is the upper end of its bucket, at most 3.2 % above the truth; the largest value is exact. Rejected: `hdrhistogram` (a dependency
//! for these lines). Metrics are not made of this: they come from the records.

const STEPS: u32 = 5;

/// Counts of nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quantiles {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Quantiles {
    pub(crate) fn add(&mut self, value: u64) {
        let bucket = bucket(value);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    pub(crate) fn merge(&mut self, other: &Quantiles) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *own += theirs;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The value that a share of all do not exceed; `None` where there is none.
    pub(crate) fn at(&self, share: f64) -> Option<u64> {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return Some(upper(bucket).min(self.max));
            }
        }
        None
    }

    pub(crate) fn max(&self) -> Option<u64> {
        (self.total > 0).then_some(self.max)
    }
}

fn bucket(value: u64) -> usize {
    if value < 1 << STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEPS;
    (((shift + 1) << STEPS) as u64 + (value >> shift) - (1 << STEPS)) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 1 << STEPS {
        return bucket;
    }
    let shift = (bucket >> STEPS) - 1;
    let within = (bucket & ((1 << STEPS) - 1)) + (1 << STEPS);
    ((within + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_near_its_upper_end() {
        let mut values: Vec<u64> = (0..100).collect();
        values
            .extend((5..62).flat_map(|shift| [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 7]));
        for value in values {
            let end = upper(bucket(value));
            assert!(
                end >= value && end as f64 <= value as f64 * 1.0323,
                "{value} {end}"
            );
            assert!(bucket(end + 1) == bucket(value) + 1, "{value}");
        }
    }

    #[test]
    fn quantiles_of_known_values() {
        let mut all = Quantiles::default();
        assert_eq!((all.at(0.5), all.max()), (None, None));
        let mut other = Quantiles::default();
        for value in 1..=1000u64 {
            let half = if value % 2 == 0 { &mut all } else { &mut other };
            half.add(value * 1000);
        }
        all.merge(&other);
        let near = |share: f64, truth: f64| {
            let found = all.at(share).unwrap() as f64;
            assert!(found >= truth && found < truth * 1.033, "{share}: {found}");
        };
        near(0.5, 500_000.0);
        near(0.99, 990_000.0);
        assert_eq!((all.at(1.0), all.max()), (Some(1_000_000), Some(1_000_000)));
    }
}
