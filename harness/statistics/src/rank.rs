//! Tests of ranks.
//!
//! Promise: exact p-values, with equal values given their middle rank and the distribution made of the ranks at hand (SciPy's exact ones where
//! no values are equal; it ignores ties). Only beyond [`MOST`] values the normal approximation, corrected for continuity and ties. Rejected:
//! approximations at the sizes that decisions are made of, three runs against ten.

use crate::distribution::normal_tail;

/// Up to so many values a p-value is exact.
const MOST: usize = 120;

/// What a test looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// The first is smaller.
    Less,
    /// The first is larger.
    Greater,
    /// They differ.
    TwoSided,
}

/// How likely ranks this far apart are, were `new` and `base` draws of the same (Mann and Whitney's U). 1 where either is empty or a number is
/// not a number: nothing speaks for a difference.
pub fn mann_whitney_exact(new: &[f64], base: &[f64], alternative: Alternative) -> f64 {
    let all: Vec<f64> = new.iter().chain(base).copied().collect();
    if new.is_empty() || base.is_empty() || all.iter().any(|value| value.is_nan()) {
        return 1.0;
    }
    let ranks = doubled_ranks(&all);
    let sum: usize = ranks[..new.len()].iter().sum();
    if all.len() > MOST {
        return approximate_sum(&ranks, new.len(), sum, alternative);
    }
    // ways[k][s]: how many sets of k ranks add up to s.
    let total: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0_f64; total + 1]; new.len() + 1];
    ways[0][0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for k in (0..new.len()).rev() {
            let (fewer, more) = ways.split_at_mut(k + 1);
            for s in rank..=reached {
                more[0][s] += fewer[k][s - rank];
            }
        }
    }
    tails(&ways[new.len()], sum, alternative)
}

/// How likely differences this one-sided are, were each as likely to have the other sign (Wilcoxon's signed ranks). Zeros are left out; 1 where
/// nothing is left or a number is not a number.
pub fn signed_rank_exact(differences: &[f64], alternative: Alternative) -> f64 {
    let signed: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if signed.is_empty() || signed.iter().any(|value| value.is_nan()) {
        return 1.0;
    }
    let sizes: Vec<f64> = signed.iter().map(|value| value.abs()).collect();
    let ranks = doubled_ranks(&sizes);
    let positive = signed.iter().zip(&ranks).filter(|(value, _)| **value > 0.0);
    let sum: usize = positive.map(|(_, rank)| rank).sum();
    let total: usize = ranks.iter().sum();
    if signed.len() > MOST {
        let squares: f64 = ranks.iter().map(|rank| (*rank as f64).powi(2)).sum();
        return approximate(sum as f64, total as f64 / 2.0, squares / 4.0, alternative);
    }
    let mut ways = vec![0.0_f64; total + 1];
    ways[0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for s in (rank..=reached).rev() {
            ways[s] += ways[s - rank];
        }
    }
    tails(&ways, sum, alternative)
}

/// Twice the rank of each value among all; doubled, a middle rank is a whole number.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        for index in equal {
            ranks[*index] = 2 * before + equal.len() + 1;
        }
        before += equal.len();
    }
    ranks
}

/// The share of the ways that lie at `sum` or beyond it.
fn tails(ways: &[f64], sum: usize, alternative: Alternative) -> f64 {
    let all: f64 = ways.iter().sum();
    let less = ways[..=sum].iter().sum::<f64>() / all;
    let greater = ways[sum..].iter().sum::<f64>() / all;
    match alternative {
        Alternative::Less => less.min(1.0),
        Alternative::Greater => greater.min(1.0),
        Alternative::TwoSided => (2.0 * less.min(greater)).min(1.0),
    }
}

/// The same from the normal approximation of a sum of `k` of the ranks.
fn approximate_sum(ranks: &[usize], k: usize, sum: usize, alternative: Alternative) -> f64 {
    let (n, k) = (ranks.len() as f64, k as f64);
    let mean = ranks.iter().sum::<usize>() as f64 / n;
    let squares: f64 = ranks.iter().map(|r| (*r as f64 - mean).powi(2)).sum();
    let variance = k * (n - k) / (n * (n - 1.0)) * squares;
    approximate(sum as f64, k * mean, variance, alternative)
}

fn approximate(sum: f64, mean: f64, variance: f64, alternative: Alternative) -> f64 {
    if variance <= 0.0 {
        return 1.0;
    }
    // Doubled ranks move in steps of two: one is half a step.
    let above = normal_tail((sum - mean - 1.0) / variance.sqrt());
    let below = normal_tail((mean - sum - 1.0) / variance.sqrt());
    match alternative {
        Alternative::Less => below,
        Alternative::Greater => above,
        Alternative::TwoSided => (2.0 * below.min(above)).min(1.0),
    }
}
