//! Statistics of measurements: percentiles with intervals, comparisons of runs, drifts, change points.
//!
//! * [`median`], [`mad`], [`percentile`] and [`percentile_interval`] describe a sample.
//! * [`compare::decide`] says whether new runs are worse than accepted ones, or how many more it needs; [`paired::compare`] does so for two
//!   servers that are measured in turn.
//! * [`drift::drift`] says whether a series of a long run grows; [`change::change_points`] where a history of runs changed.
//!
//! Promise: pure functions of numbers, the same result for the same input everywhere; a figure that the sample does not support is `None` or a
//! refusal with its reason, never zero. The unit of a comparison is the *run*: requests of one run share its luck, and a test that counts each of
//! them as a measurement of its own raises more false alarms the more requests there are. Rejected: a statistics crate, which would bring matrices
//! and distributions for a few hundred lines that are checked against SciPy here.

pub mod change;
pub mod compare;
mod distribution;
pub mod drift;
mod holm;
mod order;
pub mod paired;
mod random;
mod rank;
mod resample;
mod slope;
mod step;

pub use holm::holm;
pub use order::{mad, median, percentile, percentile_interval};
pub use random::Random;
pub use rank::{Alternative, mann_whitney_exact, signed_rank_exact};
pub use resample::ratio_of_medians;
pub use slope::{TheilSen, theil_sen, theil_sen_interval};

/// Two ends that hold a value with a stated confidence.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}
