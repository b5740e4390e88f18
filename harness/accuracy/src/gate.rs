//! Whether a model is as good as it should be: a floor, a baseline, and how sure one can be.
//!
//! Promise: a model that is no worse is called worse at most [`WRONGLY`] of the times, so that twenty nights of the same model are quiet; one that is
//! worse by [`MARGIN`] is found at least 95 times of 100 if the data set has the rows for it, and a data set that has not says how many it takes. What
//! can be told neither way is *inconclusive*, not passed.
//!
//! The floor is judged by the exact binomial test and Clopper's and Pearson's bounds, the baseline by McNemar's exact test of the rows whose outcome
//! changed, which holds whether or not the answers of two runs depend on each other. The interval that is shown is Wilson's.
//! Rejected: a fixed tolerance (`accuracy >= baseline - 0.01`). With 200 rows it fails a third of the nights, with 100,000 it lets a fall pass that is beyond doubt.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::baseline::{Baseline, Pairs};
use crate::binomial::{
    Interval, at_most, lower_bound, normal_quantile, rows_for_floor, rows_for_pairs, upper_bound,
};
use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::results::Results;

/// How often a model that is no worse may be called worse.
pub const WRONGLY: f64 = 0.0005;
/// How often a model that is worse by the margin may be missed.
pub const MISSED: f64 = 0.05;
/// The fall in accuracy that must be found.
pub const MARGIN: f64 = 0.05;
/// How many rows that were lost a ruling names.
const SHOWN: usize = 10;

/// What was found out, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As good as it should be.
    Pass,
    /// There is nothing to compare with.
    NoBaseline,
    /// The rows do not suffice to tell.
    Inconclusive,
    /// Worse than it should be.
    Regressed,
    /// Not measured: the server failed on a row.
    Failed,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Pass => "pass",
            State::NoBaseline => "no baseline",
            State::Inconclusive => "inconclusive",
            State::Regressed => "regressed",
            State::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a model must reach.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    floor: Option<f64>,
    margin: Option<f64>,
    baseline: Option<PathBuf>,
}

/// What a gate found, with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    /// The worst of what was found.
    pub state: State,
    /// One line for each thing that was judged.
    pub reasons: Vec<String>,
    /// The share of right answers; `None` where it is not known.
    pub accuracy: Option<f64>,
}

impl Gate {
    /// Nothing is asked of the model yet.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// The accuracy that the model should have, from 0 to 1.
    pub fn floor(mut self, accuracy: f64) -> Gate {
        self.floor = Some(accuracy);
        self
    }

    /// The file of a baseline. Where there is none, the state is *no baseline*.
    pub fn baseline(mut self, file: impl AsRef<Path>) -> Gate {
        self.baseline = Some(file.as_ref().to_path_buf());
        self
    }

    /// The fall in accuracy that must be found, instead of 0.05.
    pub fn margin(mut self, margin: f64) -> Gate {
        self.margin = Some(margin);
        self
    }

    /// Judges a run.
    ///
    /// # Errors
    /// When nothing was evaluated, the floor or the margin is no share, or the baseline cannot be read or is of something else.
    pub fn judge(&self, results: &Results) -> Result<Ruling, AccuracyError> {
        let margin = self.margin.unwrap_or(MARGIN);
        for (what, value) in [("floor", self.floor), ("margin", Some(margin))] {
            if let Some(value) = value
                && !(value > 0.0 && value <= 1.0)
            {
                let text = format!("the {what} is {value}; expected a share, above 0 and up to 1");
                return Err(AccuracyError::new(AccuracyErrorKind::Argument, text));
            }
        }
        let tally = results.tally();
        if tally.rows() == 0 {
            let text = format!("no row of {} was evaluated", results.subject.data_set);
            return Err(AccuracyError::new(AccuracyErrorKind::Empty, text));
        }
        let mut found: Vec<(State, String)> = vec![];
        let baseline = self.baseline.as_ref().map(Baseline::read).transpose()?;
        if tally.failed() > 0 {
            let first = results
                .records
                .iter()
                .find(|r| r.mark == crate::Mark::Failed);
            let text = format!(
                "the server failed on {} of {} rows, so the accuracy is not known; the first, {}: {}",
                tally.failed(),
                tally.rows(),
                first.map_or("", |r| &r.id),
                first.map_or("", |r| &r.said)
            );
            found.push((State::Failed, text));
        } else {
            if let Some(floor) = self.floor {
                found.push(against_floor(tally.right(), tally.rows(), floor, margin));
            }
            match (&self.baseline, baseline.flatten()) {
                (None, _) => {}
                (Some(path), None) => found.push((
                    State::NoBaseline,
                    format!(
                        "there is no baseline at {}; `Baseline::of` makes one of this run",
                        path.display()
                    ),
                )),
                (Some(_), Some(baseline)) => {
                    let (state, mut text) = against_baseline(&baseline.pairs(results)?, margin);
                    text.push_str(&format!("; the baseline was {}", baseline.made.describe()));
                    if state == State::Regressed {
                        let lost = baseline.lost(results);
                        let some: Vec<&str> = lost.iter().take(SHOWN).copied().collect();
                        let more = if lost.len() > SHOWN { ", …" } else { "" };
                        text.push_str(&format!("; lost: {}{more}", some.join(", ")));
                    }
                    found.push((state, text));
                }
            }
            if found.is_empty() {
                let text = "neither a floor nor a baseline is given, so nothing was judged";
                found.push((State::NoBaseline, text.into()));
            }
        }
        let states = found.iter().map(|(state, _)| *state);
        Ok(Ruling {
            state: states.max().unwrap_or(State::NoBaseline),
            reasons: found
                .into_iter()
                .map(|(state, text)| format!("{state}: {text}"))
                .collect(),
            accuracy: tally.accuracy(),
        })
    }
}

/// Compares a count with the accuracy that should be.
pub fn against_floor(right: usize, rows: usize, floor: f64, margin: f64) -> (State, String) {
    let shown = Interval::wilson(right, rows, 0.95).map_or(String::new(), |i| {
        format!(" (95 % interval {:.4} to {:.4})", i.low, i.high)
    });
    let rate = right as f64 / rows as f64;
    let told = format!("accuracy {rate:.4}, {right} of {rows}{shown}, floor {floor}");
    if at_most(right, rows, floor) < WRONGLY {
        let high = upper_bound(right, rows, WRONGLY);
        return (
            State::Regressed,
            format!("{told}: at most {high:.4} is still possible"),
        );
    }
    let low = lower_bound(right, rows, MISSED);
    if low >= floor - margin {
        return (State::Pass, told);
    }
    let needed = rows_for_floor(floor, margin, WRONGLY, MISSED);
    (
        State::Inconclusive,
        format!(
            "{told}: {low:.4} is still possible{}",
            takes(needed, rows, margin)
        ),
    )
}

/// Compares a run with an earlier one over the same rows.
pub fn against_baseline(pairs: &Pairs, margin: f64) -> (State, String) {
    let rows = pairs.rows();
    let n = rows as f64;
    let rate = |right: usize| right as f64 / n;
    let (then, now) = (pairs.both + pairs.lost, pairs.both + pairs.gained);
    let told = format!(
        "accuracy {:.4}, {now} of {rows}, baseline {:.4}: {} rows lost, {} gained",
        rate(now),
        rate(then),
        pairs.lost,
        pairs.gained
    );
    let changed = pairs.lost + pairs.gained;
    // Of the rows that changed, each is as likely lost as gained where the model is the same.
    let chance = at_most(pairs.gained, changed, 0.5);
    if changed > 0 && chance < WRONGLY {
        return (
            State::Regressed,
            format!(
                "{told}: so many lost, or more, come by chance once in {:.0} runs",
                1.0 / chance.max(1e-12)
            ),
        );
    }
    // The lower bound of the difference (Agresti and Min 2005): half a row more in each field keeps it from having no width.
    let (lost, gained) = (pairs.lost as f64 + 0.5, pairs.gained as f64 + 0.5);
    let n = n + 2.0;
    let difference = (gained - lost) / n;
    let spread = (lost + gained - (gained - lost).powi(2) / n).sqrt() / n;
    let low = difference - normal_quantile(MISSED) * spread;
    if low >= -margin {
        return (State::Pass, told);
    }
    let needed = rows_for_pairs(rate(then), margin, WRONGLY, MISSED);
    (
        State::Inconclusive,
        format!(
            "{told}: a change by {low:.4} is still possible{}",
            takes(needed, rows, margin)
        ),
    )
}

fn takes(needed: Option<usize>, rows: usize, margin: f64) -> String {
    let point = format!("{:.1} points", margin * 100.0);
    match needed {
        Some(needed) if needed > rows => {
            format!("; to find a fall of {point}, the data set needs about {needed} rows")
        }
        _ => format!("; it lies too near to a fall of {point} to be told from one"),
    }
}

impl Ruling {
    /// An error where the model is worse than it should be, or was not measured. What is inconclusive, or has no baseline, is no error; it is shown.
    ///
    /// # Errors
    /// In the states *regressed* and *failed*.
    pub fn check(&self) -> Result<&Ruling, AccuracyError> {
        self.up_to(State::Inconclusive)
    }

    /// An error unless it was found that the model is as good as it should be.
    ///
    /// # Errors
    /// In any state but *pass*.
    pub fn check_passed(&self) -> Result<&Ruling, AccuracyError> {
        self.up_to(State::Pass)
    }

    fn up_to(&self, most: State) -> Result<&Ruling, AccuracyError> {
        if self.state <= most {
            return Ok(self);
        }
        Err(AccuracyError::new(
            AccuracyErrorKind::Verdict,
            self.to_string(),
        ))
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_judged_three_ways() {
        for (right, rows, floor, state) in [
            (2800, 3500, 0.8, State::Pass),
            (2625, 3500, 0.8, State::Regressed),
            (40, 40, 0.9, State::Pass),
            (10, 10, 0.9, State::Inconclusive),
            (37, 40, 0.9, State::Inconclusive),
            (20, 40, 0.9, State::Regressed),
            (1, 1, 1.0, State::Inconclusive),
            (0, 1, 1.0, State::Regressed),
        ] {
            let (found, why) = against_floor(right, rows, floor, MARGIN);
            assert_eq!(found, state, "{why}");
        }
        let (_, why) = against_floor(75, 100, 0.8, MARGIN);
        assert!(why.ends_with("the data set needs about 1687 rows"), "{why}");
    }

    #[test]
    fn a_baseline_is_judged_by_the_rows_that_changed() {
        let pairs = |both, lost, gained, neither| Pairs {
            both,
            lost,
            gained,
            neither,
        };
        for (pairs, state) in [
            // The same answers again: little data suffices.
            (pairs(32, 0, 0, 8), State::Pass),
            (pairs(8, 0, 0, 2), State::Inconclusive),
            (pairs(2240, 560, 560, 140), State::Pass),
            (pairs(2100, 700, 525, 175), State::Regressed),
            // The same rates, and far fewer rows changed: the rates alone could not tell.
            (pairs(75, 20, 0, 5), State::Regressed),
            (pairs(60, 25, 20, 15), State::Inconclusive),
            (pairs(50, 0, 30, 0), State::Pass),
        ] {
            let (found, why) = against_baseline(&pairs, MARGIN);
            assert_eq!(found, state, "{why}");
        }
    }

    /// One rule for what chance may do: with eleven rows lost and none gained it is ruled out, with ten it is not (2^-11 < 0.0005 < 2^-10).
    #[test]
    fn the_limit_is_where_the_formula_has_it() {
        for (lost, state) in [(10, State::Inconclusive), (11, State::Regressed)] {
            let pairs = Pairs {
                both: 100,
                lost,
                ..Pairs::default()
            };
            assert_eq!(against_baseline(&pairs, MARGIN).0, state);
        }
    }
}
