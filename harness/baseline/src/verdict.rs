//! What becomes of new runs.

use serde::Serialize;
use tribunal_statistics::compare::{Effect, Rule};
use tribunal_traffic::Direction;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing that decides is worse beyond its limit.
    Passed,
    /// Something that decides is worse beyond its limit.
    Regressed,
    /// Passed, and something that decides is better beyond its limit.
    Improved,
    /// A figure allows no decision: the accepted runs differ too much, or it has too few samples.
    Inconclusive,
    /// The new runs are no good as measurements.
    Invalid,
    /// Too few accepted runs.
    NoBaseline,
}

impl State {
    /// Its name: `no baseline`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Inconclusive => "inconclusive",
            Self::Invalid => "invalid",
            Self::NoBaseline => "no baseline",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a metric that decides came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The metric.
    pub metric: String,
    /// Its unit, where it is known.
    pub unit: &'static str,
    /// Which way it is better.
    pub direction: Direction,
    /// Its own state.
    pub state: State,
    /// By which rule.
    pub rule: Rule,
    /// How large the change is, where there is one to tell.
    pub effect: Option<Effect>,
    /// Why there is no decision, where there is none.
    pub why: Option<String>,
}

/// A metric that does not decide and is worse all the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// The metric.
    pub metric: String,
    /// Its unit, where it is known.
    pub unit: &'static str,
    /// Which way it is better.
    pub direction: Direction,
    /// How large the change is.
    pub effect: Effect,
    /// How likely ranks like these are without one, raised for how many metrics were looked at (Holm).
    pub p: f64,
}

/// What became of the new runs of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// How it ends.
    pub state: State,
    /// What each metric that decides came to.
    pub metrics: Vec<Judged>,
    /// What else is worse.
    pub warnings: Vec<Warning>,
    /// Metrics beside those that decide that were looked at; none with fewer than three new runs.
    pub others: usize,
    /// Accepted runs.
    pub base_runs: usize,
    /// New runs that counted.
    pub new_runs: usize,
    /// Why it is invalid, what was left out, what could not be read.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Whether the new runs propose a new baseline. Nothing accepts it by itself.
    pub fn proposes(&self) -> bool {
        self.state == State::Improved
    }
}
