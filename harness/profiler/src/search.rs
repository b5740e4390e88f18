//! The search for the least memory with which a test passes.
//!
//! Promise: a pure state: asked what to do next it gives a run or the end; told how a run ended it moves on. It ends after a bounded
//! number of runs whatever they say. A failure that does not speak of memory is tried once more before it counts, and the
//! lowest amount that passed must pass again, where it is a boundary.
//!
//! Rejected: a closure that makes the runs (a test of it needs a world; a state needs literals). Taking every failure for want
//! of memory, as a plain bisection does, is what `repeats = 0` still gives.

use std::time::Duration;

use crate::TOLERANCE;
use crate::ended::Ended;
use crate::probe::{Allowed, Kind, Numbers, Probe, Scale, Tried};
use crate::size::MIB;

/// How the search is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often the lowest amount that passed is run again; 0 also counts unclear failures at once.
    pub repeats: usize,
    /// The limit of the first run.
    pub limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            repeats: 1,
            limit: Duration::from_secs(300),
        }
    }
}

/// Later runs get twice the time of the first, but at least this.
const LEAST_LIMIT: Duration = Duration::from_secs(60);
/// A KV cache is halved this often when the first one does not fit.
const HALVINGS: usize = 4;
/// From this many peaks on, and so close together, less KV cache saves nothing.
const EARLY: (usize, u64) = (4, 768 * MIB);

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make this run.
    Try(Probe),
    /// There is nothing more to try.
    Done(Outcome),
}

/// What the search came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The least was found.
    Found(Found),
    /// It does not pass even with the most that it can have.
    Fails(Ended),
    /// The peak does not change with what is allowed: the test does not look at the variable.
    Ignored {
        /// The smallest peak.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// The engine did not tell how many tokens its KV cache holds.
    NoTokenCount,
}

/// The least that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it was allowed.
    pub lowest: Allowed,
    /// Which of the runs, as they were recorded, the answer is read from: the last that passed, or the one with the recommended amount.
    pub run: usize,
    /// Its peak; `None` where nothing was read.
    pub peak: Option<u64>,
    /// The amount to ask for, where it is another than the lowest.
    pub recommended: Option<Allowed>,
    /// Amounts with which the test both passed and failed.
    pub wavering: Vec<Allowed>,
    /// Failures that nothing says were for want of memory, and that counted as such.
    pub unclear: Vec<(Allowed, Ended)>,
    /// Whether less was not tried, since the peak had stopped to fall.
    pub early: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Validation { halved: usize },
    Bisection,
    Again(f64),
    Repeat(usize),
    Final(f64),
    Done(Outcome),
}

/// The state of a search.
#[derive(Clone, Debug)]
pub struct Search {
    scale: Scale,
    settings: Settings,
    numbers: Numbers,
    stage: Stage,
    /// All runs.
    tried: Vec<(Allowed, Tried)>,
    /// The amounts that passed, with the number of their run, in the order of the runs.
    passed: Vec<(f64, usize)>,
    bisections: usize,
    wavering: Vec<Allowed>,
    unclear: Vec<(Allowed, Ended)>,
    early: bool,
}

impl Search {
    /// A search that has not begun.
    pub fn new(scale: Scale, settings: Settings) -> Search {
        Search {
            scale,
            settings,
            numbers: scale.numbers(),
            stage: Stage::Validation { halved: 0 },
            tried: vec![],
            passed: vec![],
            bisections: 0,
            wavering: vec![],
            unclear: vec![],
            early: false,
        }
    }

    /// What to do now.
    pub fn step(&self) -> Step {
        let validation = match self.scale {
            Scale::Tokens => Allowed::Uncapped,
            scale => scale.allowed(self.numbers.high),
        };
        let (kind, allowed) = match &self.stage {
            Stage::Validation { .. } => (Kind::Validation, validation),
            Stage::Bisection => (Kind::Bisection, self.scale.allowed(self.middle())),
            Stage::Again(amount) => (Kind::Again, self.scale.allowed(*amount)),
            Stage::Repeat(_) => (Kind::Repeat, self.scale.allowed(self.numbers.high)),
            Stage::Final(amount) => (Kind::Final, self.scale.allowed(*amount)),
            Stage::Done(outcome) => return Step::Done(outcome.clone()),
        };
        let under_way = usize::from(matches!(kind, Kind::Bisection | Kind::Again));
        let left = self.left();
        let ahead = usize::from(matches!(kind, Kind::Bisection | Kind::Validation));
        Step::Try(Probe {
            number: self.bisections + ahead + usize::from(kind != Kind::Validation),
            of: 1 + self.bisections + left - usize::from(kind == Kind::Again).min(left),
            allowed,
            kind,
            left: left - under_way.min(left),
            limit: self.limit(),
        })
    }

    /// All runs so far, with what they were allowed.
    pub fn tried(&self) -> &[(Allowed, Tried)] {
        &self.tried
    }

    /// The time of an average run, once there was one.
    pub fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.tried.len()).ok()?;
        let all: Duration = self.tried.iter().map(|(_, tried)| tried.took).sum();
        all.checked_div(count)
    }

    /// The time of the test in an average run that passed.
    pub fn mean_wall(&self) -> Option<Duration> {
        let passed: Vec<Duration> = self
            .tried
            .iter()
            .filter(|(_, tried)| tried.ended.passed())
            .map(|(_, tried)| tried.wall)
            .collect();
        let all: Duration = passed.iter().sum();
        all.checked_div(u32::try_from(passed.len()).ok()?)
    }

    /// How the run that [`Search::step`] asked for ended.
    pub fn record(&mut self, tried: Tried) {
        let Step::Try(probe) = self.step() else {
            return;
        };
        self.tried.push((probe.allowed, tried.clone()));
        let run = self.tried.len() - 1;
        match self.stage.clone() {
            Stage::Validation { halved } => self.validated(&tried, run, halved),
            Stage::Bisection => {
                self.bisections += 1;
                let amount = self.middle();
                if tried.ended.passed() {
                    self.pass(amount, run);
                    self.narrow();
                } else if tried.ended.unclear() && self.settings.repeats > 0 {
                    self.stage = Stage::Again(amount);
                } else {
                    self.fail(amount, tried.ended);
                    self.narrow();
                }
            }
            Stage::Again(amount) => {
                if tried.ended.passed() {
                    self.wavering.push(probe.allowed);
                    self.pass(amount, run);
                } else {
                    self.fail(amount, tried.ended);
                }
                self.narrow();
            }
            Stage::Repeat(left) => {
                if !tried.ended.passed() {
                    // The next amount above it that passed is the least now; the validation always did.
                    self.wavering.push(probe.allowed);
                    if self.passed.len() > 1 {
                        self.passed.pop();
                    }
                    self.numbers.high = self.passed.last().map_or(self.numbers.high, |p| p.0);
                    self.conclude();
                } else if left > 1 {
                    self.stage = Stage::Repeat(left - 1);
                } else {
                    self.conclude();
                }
            }
            Stage::Final(_) => {
                let good = tried.ended.passed();
                if !good {
                    self.unclear.push((probe.allowed, tried.ended.clone()));
                }
                self.found(good.then_some((probe.allowed, run)));
            }
            Stage::Done(_) => {}
        }
    }

    fn validated(&mut self, tried: &Tried, run: usize, halved: usize) {
        let Numbers { high, .. } = self.numbers;
        let smaller = high / 2.0;
        if tried.ended.passed() {
            match (self.scale, tried.tokens) {
                (Scale::Tokens, None) => self.stage = Stage::Done(Outcome::NoTokenCount),
                (Scale::Tokens, Some(tokens)) => self.numbers.high = tokens as f64,
                _ => {}
            }
            if matches!(self.stage, Stage::Validation { .. }) {
                self.pass(self.numbers.high, run);
                self.narrow();
            }
        } else if matches!(self.scale, Scale::Bytes { .. })
            && matches!(tried.ended, Ended::OutOfMemory(_))
            && halved < HALVINGS
            && smaller >= self.numbers.low
        {
            self.numbers.high = smaller.floor();
            self.stage = Stage::Validation { halved: halved + 1 };
        } else {
            self.stage = Stage::Done(Outcome::Fails(tried.ended.clone()));
        }
    }

    fn pass(&mut self, amount: f64, run: usize) {
        self.numbers.high = amount;
        self.passed.push((amount, run));
    }

    fn fail(&mut self, amount: f64, ended: Ended) {
        self.numbers.low = amount;
        if ended.unclear() {
            self.unclear.push((self.scale.allowed(amount), ended));
        }
    }

    /// The middle of what is not known, on the grid.
    fn middle(&self) -> f64 {
        let Numbers {
            low, high, grid, ..
        } = self.numbers;
        let middle = (low + high) / 2.0;
        if grid > 0.0 {
            (middle / grid).floor() * grid
        } else {
            // Halves of 0.05 and 0.95 have few decimals; what binary fractions add to them is noise.
            (middle * 1e7).round() / 1e7
        }
    }

    /// How many bisections are still to come.
    fn left(&self) -> usize {
        let Numbers {
            low,
            high,
            tolerance,
            ..
        } = self.numbers;
        if matches!(
            self.stage,
            Stage::Repeat(_) | Stage::Final(_) | Stage::Done(_)
        ) || high.is_nan()
        {
            return 0;
        }
        ((high - low) / tolerance).log2().ceil().max(0.0) as usize
    }

    fn limit(&self) -> Duration {
        match self.tried.first() {
            None => self.settings.limit,
            // A first run that was stopped tells nothing of how long one takes.
            Some((_, first)) if !first.ended.passed() => self.settings.limit,
            Some((_, first)) => (2 * first.wall).max(LEAST_LIMIT),
        }
    }

    /// What comes after a bisection, or before the first.
    fn narrow(&mut self) {
        let peaks: Vec<u64> = self
            .passed
            .iter()
            .filter_map(|(_, run)| self.tried[*run].1.peak)
            .collect();
        let absolute = !matches!(self.scale, Scale::Fraction { .. });
        if absolute
            && peaks.len() >= EARLY.0
            && spread(&peaks[peaks.len() - 3..])
                .is_some_and(|(least, most)| most - least <= EARLY.1)
            && self.left() > 0
        {
            self.early = true;
        }
        let Numbers {
            low,
            high,
            tolerance,
            ..
        } = self.numbers;
        let middle = self.middle();
        if !self.early && high - low > tolerance && middle > low && middle < high {
            self.stage = Stage::Bisection;
        } else if let Some((least, most)) = self.ignored() {
            self.stage = Stage::Done(Outcome::Ignored { least, most });
        } else if self.settings.repeats > 0 && self.passed.len() > 1 && !self.early {
            self.stage = Stage::Repeat(self.settings.repeats);
        } else {
            self.conclude();
        }
    }

    /// Whether the peak is always the same, although what was allowed is not. A peak below everything that was allowed says nothing
    /// against the test: it never came near the limit. Nor does one where less memory made it fail.
    fn ignored(&self) -> Option<(u64, u64)> {
        let Scale::Fraction { total } = self.scale else {
            return None;
        };
        let peaks: Vec<u64> = self.tried.iter().filter_map(|(_, t)| t.peak).collect();
        let (least, most) = spread(&peaks)?;
        let smallest = self.passed.last()?.0 * total as f64;
        let same = peaks.len() >= 3 && most - least < TOLERANCE;
        (same && most as f64 > smallest).then_some((least, most))
    }

    fn conclude(&mut self) {
        match self.scale.safe(self.numbers.high) {
            Some(amount) => self.stage = Stage::Final(amount),
            None => self.found(None),
        }
    }

    fn found(&mut self, final_run: Option<(Allowed, usize)>) {
        let Some((lowest, last)) = self.passed.last().copied() else {
            return;
        };
        let run = final_run.map_or(last, |(_, run)| run);
        self.stage = Stage::Done(Outcome::Found(Found {
            lowest: self.scale.allowed(lowest),
            run,
            peak: self.tried[run].1.peak,
            recommended: final_run.map(|(allowed, _)| allowed),
            wavering: self.wavering.clone(),
            unclear: self.unclear.clone(),
            early: self.early,
        }));
    }
}

fn spread(values: &[u64]) -> Option<(u64, u64)> {
    Some((*values.iter().min()?, *values.iter().max()?))
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
