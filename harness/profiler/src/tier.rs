//! Sizes that cards are sold in: on which of them a test fits.

use crate::size::GIB;

/// A size, and which cards have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The memory of a card, in GiB.
    pub gib: u64,
    /// What such cards are called.
    pub cards: &'static str,
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} GiB)", self.cards, self.gib)
    }
}

const fn tier(gib: u64, cards: &'static str) -> Tier {
    Tier { gib, cards }
}

/// Smallest first.
pub const TIERS: [Tier; 7] = [
    tier(4, "edge/embedded"),
    tier(8, "RTX 3060/4060"),
    tier(16, "T4"),
    tier(24, "L4"),
    tier(32, "V100-32GB"),
    tier(48, "A6000/A40"),
    tier(80, "A100/H100"),
];

/// What a test must be given whose peak is this: a tenth more, in whole GiB.
pub(crate) fn needed_gib(peak: u64) -> u64 {
    let safe = (u128::from(peak) * 11 / 10).min(u128::from(u64::MAX)) as u64;
    safe.div_ceil(GIB)
}

/// The tiers that have this much, and those that have not.
pub(crate) fn split(gib: u64) -> (Vec<Tier>, Vec<Tier>) {
    TIERS.iter().partition(|tier| tier.gib >= gib)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::MIB;

    #[test]
    fn a_tenth_more_in_whole_gib() {
        assert_eq!(needed_gib(18944 * MIB), 21);
        assert_eq!(needed_gib(60 * MIB), 1);
        assert_eq!(needed_gib(4096 * MIB), 5);
        assert_eq!(needed_gib(0), 0);
        // 931 MiB and a tenth are 1024.1 MiB.
        assert_eq!(needed_gib(930 * MIB), 1);
        assert_eq!(needed_gib(931 * MIB), 2);
        assert!(needed_gib(u64::MAX) > 0);
    }

    #[test]
    fn where_21_gib_fit() {
        let (fits, not) = split(21);
        let names = |tiers: Vec<Tier>| tiers.iter().map(|t| t.cards).collect::<Vec<_>>();
        assert_eq!(names(fits), ["L4", "V100-32GB", "A6000/A40", "A100/H100"]);
        assert_eq!(names(not), ["edge/embedded", "RTX 3060/4060", "T4"]);
        assert_eq!(split(81).0, []);
        assert_eq!(split(24).0.len(), 4);
    }
}
