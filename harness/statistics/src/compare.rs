//! Whether new runs are worse than the accepted ones.
//!
//! Promise: a decision about *runs*, one number each, that asks for more of them where one is not enough; on the noise that machines have it
//! raises a false alarm in at most one comparison of twenty-five and finds a change of a tenth in more than nine of ten
//! (`examples/simulate.rs` measures both). What it cannot decide, it says. Rejected: a limit that grows with the noise (it hides what it should
//! find), one new run against one old (one false alarm in ten), and pooled requests.

use serde::{Deserialize, Serialize};

use crate::{Alternative, Interval, mad, mann_whitney_exact, median, ratio_of_medians};

/// So many accepted runs are needed.
pub const FEWEST: usize = 5;
/// The last so many are looked at.
pub const KEPT: usize = 10;
/// The limit of [`Rule::Adaptive`] unless told otherwise.
pub const LIMIT: f64 = 0.05;
/// What [`Rule::Quiet`] takes for a difference.
const FLOOR: f64 = 0.03;

/// Up to so many times the limit, the median of three runs is too near to it.
const NEAR: f64 = 1.3;

/// How new runs are judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// One run that is within half of the limit passes; else the median of three is judged by the limit, or of five where three are just beyond it.
    Adaptive {
        /// The largest change for the worse, as a share: 0.05 is five per cent.
        limit: f64,
    },
    /// For machines on which runs differ by about one per cent: changes above three per cent that ranks confirm, with up to five runs.
    Quiet,
}

impl Default for Rule {
    fn default() -> Self {
        Self::Adaptive { limit: LIMIT }
    }
}

impl Rule {
    /// The change that it calls one.
    pub fn limit(&self) -> f64 {
        match self {
            Self::Adaptive { limit } => *limit,
            Self::Quiet => FLOOR,
        }
    }

    /// Where the accepted runs' median distance from their median, as a share of it, is larger, the rule decides nothing.
    pub fn most_noise(&self) -> f64 {
        self.limit() / 1.5
    }
}

/// How large a change is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The median of the accepted runs.
    pub base: f64,
    /// The median of the new runs.
    pub new: f64,
    /// The new over the base.
    pub ratio: f64,
    /// The 95 % interval of the ratio, by a bootstrap over runs.
    pub interval: Option<Interval>,
    /// How many accepted runs.
    pub base_runs: usize,
    /// How many new runs.
    pub new_runs: usize,
}

impl Effect {
    /// How much worse, as a share of the base: negative is better.
    pub fn worse(&self, higher_is_better: bool) -> f64 {
        if higher_is_better {
            1.0 - self.ratio
        } else {
            self.ratio - 1.0
        }
    }
}

/// What is to be done, or known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Too few accepted runs.
    NoBaseline {
        /// So many are there.
        have: usize,
        /// So many are needed.
        need: usize,
    },
    /// The accepted runs differ among each other too much for the limit.
    TooNoisy {
        /// Their median distance from their median, as a share of it.
        mad: f64,
        /// The most that the limit allows.
        most: f64,
    },
    /// There is no ratio: a value is not finite or not above zero, or the limit is not.
    Incomparable,
    /// Undecided: so many more runs.
    MoreRuns(u32),
    /// No change for the worse beyond the limit.
    Pass(Effect),
    /// Worse.
    Regressed(Effect),
    /// Better beyond the limit, confirmed by as many runs as a regression.
    Improved(Effect),
}

/// Judges the new runs. Both sides hold one number for each run, the accepted ones oldest first; of those the last [`KEPT`] count.
pub fn decide(base: &[f64], new: &[f64], higher_is_better: bool, rule: &Rule) -> Decision {
    let base = &base[base.len().saturating_sub(KEPT)..];
    if base.len() < FEWEST {
        let (have, need) = (base.len(), FEWEST);
        return Decision::NoBaseline { have, need };
    }
    let usable = |value: &f64| value.is_finite() && *value > 0.0;
    if !usable(&rule.limit()) || !base.iter().chain(new).all(usable) {
        return Decision::Incomparable;
    }
    let (Some(middle), Some(spread)) = (median(base), mad(base)) else {
        return Decision::Incomparable;
    };
    let (noise, most) = (spread / middle, rule.most_noise());
    if noise > most {
        return Decision::TooNoisy { mad: noise, most };
    }
    let Some(found) = median(new) else {
        return Decision::MoreRuns(1);
    };
    let effect = || Effect {
        base: middle,
        new: found,
        ratio: found / middle,
        interval: ratio_of_medians(base, new, 0.95, 0),
        base_runs: base.len(),
        new_runs: new.len(),
    };
    let change = found / middle - 1.0;
    let worse = if higher_is_better { -change } else { change };
    match new.len() {
        // Only what is better beyond the whole limit is looked at again: the common case must stay cheap.
        1 if worse <= rule.limit() / 2.0 && worse >= -rule.limit() => Decision::Pass(effect()),
        runs @ 1..=2 => Decision::MoreRuns(3 - runs as u32),
        runs => match rule {
            Rule::Adaptive { limit }
                if runs < 5 && worse.abs() > *limit && worse.abs() < NEAR * limit =>
            {
                Decision::MoreRuns(5_u32.saturating_sub(runs as u32))
            }
            Rule::Adaptive { limit } if worse > *limit => Decision::Regressed(effect()),
            Rule::Adaptive { limit } if worse < -limit => Decision::Improved(effect()),
            Rule::Adaptive { .. } => Decision::Pass(effect()),
            Rule::Quiet => match quiet(base, new, worse, higher_is_better) {
                Some(true) if worse > 0.0 => Decision::Regressed(effect()),
                Some(true) => Decision::Improved(effect()),
                Some(false) => Decision::Pass(effect()),
                None => Decision::MoreRuns(5_usize.saturating_sub(runs).max(1) as u32),
            },
        },
    }
}

/// Whether ranks confirm a change beyond the floor; `None` where more runs would tell.
fn quiet(base: &[f64], new: &[f64], worse: f64, higher_is_better: bool) -> Option<bool> {
    let alternative = if (worse > 0.0) == higher_is_better {
        Alternative::Less
    } else {
        Alternative::Greater
    };
    let p = mann_whitney_exact(new, base, alternative);
    let size = worse.abs();
    if new.len() >= 5 {
        return Some(p < 0.02 && size > FLOOR);
    }
    if p < 0.02 && size > FLOOR {
        return Some(true);
    }
    if p < 0.15 && size > 0.8 * FLOOR {
        None
    } else {
        Some(false)
    }
}
