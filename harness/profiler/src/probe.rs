//! One run of the search: what it may use, and how it ended.

use std::time::Duration;

use crate::ended::Ended;
use crate::size::{GIB, MIB};

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// A share of the device's whole memory.
    Fraction {
        /// The memory of one device, in bytes.
        total: u64,
    },
    /// The KV cache in bytes.
    Bytes {
        /// What is free on the device before the test, in bytes.
        free: u64,
    },
    /// The KV cache in tokens: the most that fits is read from the first run.
    Tokens,
}

/// What a run may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// This share of the device's whole memory.
    Fraction(f64),
    /// A KV cache of this many bytes.
    Bytes(u64),
    /// A KV cache of this many tokens.
    Tokens(u64),
    /// Whatever the engine takes by itself.
    Uncapped,
}

impl Allowed {
    /// As it is handed to the test by its variable; `None` where the variable is not set.
    pub fn value(self) -> Option<String> {
        match self {
            Allowed::Fraction(fraction) => Some(format!("{fraction:.2}")),
            Allowed::Bytes(amount) | Allowed::Tokens(amount) => Some(amount.to_string()),
            Allowed::Uncapped => None,
        }
    }
}

/// Why a run is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first: whether the test passes with the most that it can have.
    Validation,
    /// Halves what is not known yet.
    Bisection,
    /// The same once more, since it failed and nothing says that memory was the reason.
    Again,
    /// The lowest that passed, once more: a boundary is only one if it holds.
    Repeat,
    /// The recommended amount, to see its peak.
    Final,
}

/// A run to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// Counted from 1; runs that are made again have the number of the first.
    pub number: usize,
    /// How many there are, as far as it is known: the validation and the bisections.
    pub of: usize,
    /// What it may use.
    pub allowed: Allowed,
    /// Why it is made.
    pub kind: Kind,
    /// How many bisections come after it.
    pub left: usize,
    /// When it is to be stopped.
    pub limit: Duration,
}

/// A run that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// How it ended.
    pub ended: Ended,
    /// The largest peak of a device; `None` where nothing was read.
    pub peak: Option<u64>,
    /// How long the test took.
    pub wall: Duration,
    /// How long all of it took, with the sampling before and after.
    pub took: Duration,
    /// The tokens of the KV cache that the engine told, where they are looked for.
    pub tokens: Option<u64>,
}

/// The numbers of a scale: bounds, tolerance, grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Numbers {
    pub low: f64,
    pub high: f64,
    pub tolerance: f64,
    /// Amounts are multiples of this; 0: any.
    pub grid: f64,
}

impl Scale {
    /// The least KV cache that is tried.
    pub(crate) const FLOOR: u64 = 64 * MIB;

    pub(crate) fn numbers(self) -> Numbers {
        let numbers = |low, high, tolerance, grid| Numbers {
            low,
            high,
            tolerance,
            grid,
        };
        match self {
            Scale::Fraction { .. } => numbers(0.05, 0.95, 0.05, 0.0),
            Scale::Bytes { free } => {
                let first = (free / 2).max(GIB) as f64;
                numbers(Self::FLOOR as f64, first, (16 * MIB) as f64, 1.0)
            }
            Scale::Tokens => numbers(16.0, f64::NAN, 32.0, 16.0),
        }
    }

    /// What an amount of this scale allows.
    pub(crate) fn allowed(self, amount: f64) -> Allowed {
        match self {
            Scale::Fraction { .. } => Allowed::Fraction(amount),
            Scale::Bytes { .. } => Allowed::Bytes(amount as u64),
            Scale::Tokens => Allowed::Tokens(amount as u64),
        }
    }

    /// The amount that leaves room above the least one that passed; `None` where the least is itself the answer.
    pub(crate) fn safe(self, least: f64) -> Option<f64> {
        let up = |to: f64| (2.0 * least / to).ceil() * to;
        match self {
            Scale::Fraction { .. } => None,
            Scale::Bytes { .. } => Some(up(1000.0)),
            Scale::Tokens => Some(up(16.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_they_are_handed_over() {
        for (allowed, expected) in [
            (Allowed::Fraction(0.359375), Some("0.36")),
            (Allowed::Fraction(0.95), Some("0.95")),
            (Allowed::Bytes(67_108_864), Some("67108864")),
            (Allowed::Tokens(128), Some("128")),
            (Allowed::Uncapped, None),
        ] {
            assert_eq!(allowed.value().as_deref(), expected);
        }
    }

    #[test]
    fn the_safe_amount_is_twice_the_least_rounded_up() {
        let bytes = Scale::Bytes { free: GIB };
        assert_eq!(bytes.safe(67_108_864.0), Some(134_218_000.0));
        assert_eq!(Scale::Tokens.safe(40.0), Some(80.0));
        assert_eq!(Scale::Tokens.safe(41.0), Some(96.0));
        assert_eq!(Scale::Fraction { total: GIB }.safe(0.5), None);
    }

    #[test]
    fn the_first_cache_is_half_of_what_is_free_and_at_least_a_gib() {
        assert_eq!(
            Scale::Bytes { free: 10 * GIB }.numbers().high,
            (5 * GIB) as f64
        );
        assert_eq!(Scale::Bytes { free: GIB }.numbers().high, GIB as f64);
    }
}
