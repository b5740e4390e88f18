//! How long a case is expected to take.
//!
//! Promise: a pure function of its past: the median of its newest ends that came to something, so that one slow day moves nothing. Rejected: the mean (one
//! run that waited for a download would be expected for weeks).

use tribunal_events::{Outcome, Times};

use crate::past::Past;
use crate::store::sum;

/// So many ends count.
const NEWEST: usize = 10;

/// How long a case is expected to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Each phase, in seconds.
    pub times: Times,
    /// Of how many ends this is the median.
    pub ends: usize,
}

impl Expected {
    /// All phases together, in seconds.
    pub fn seconds(&self) -> f64 {
        sum(&self.times)
    }

    /// What these ends, oldest first, let expect.
    pub(crate) fn of(past: &[Past]) -> Option<Expected> {
        let whole = |p: &&Past| {
            // Those say how long it took until something else happened.
            !matches!(p.outcome, Outcome::TimedOut | Outcome::SetUpFailed)
                && sum(&p.times).is_finite()
        };
        let ends: Vec<&Past> = past.iter().rev().filter(whole).take(NEWEST).collect();
        let median = |of: fn(&Times) -> f64| {
            let mut values: Vec<f64> = ends.iter().map(|p| of(&p.times).max(0.0)).collect();
            values.sort_by(f64::total_cmp);
            let half = values.len() / 2;
            match values.len() % 2 {
                0 => (values[half - 1] + values[half]) / 2.0,
                _ => values[half],
            }
        };
        (!ends.is_empty()).then(|| Expected {
            times: Times {
                set_up: median(|t| t.set_up),
                body: median(|t| t.body),
                teardown: median(|t| t.teardown),
            },
            ends: ends.len(),
        })
    }
}
