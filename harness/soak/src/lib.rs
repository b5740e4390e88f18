//! Soaks: load for hours, samples of the server beside it, and whether anything drifts; two servers compared in turn.
//!
//! * [`Soak::run`] sends batches until the time is over and looks at a [`Subject`] meanwhile.
//! * Everything goes to a [`Journal`] as JSON lines; [`Report::of`] judges it, also after a run that was killed.
//! * [`Curves::of`] is what a report draws of it.
//! * [`compare`] runs two servers in turn with the same prompts.
//!
//! Promise: what is judged is what stands in the journal, so that a run that ended as planned and one that was cut are judged by the same code; memory
//! does not grow with the length of a run. Rejected: judging while it runs from what is in memory (a killed run would say nothing, and the two ways
//! would part).

mod batch;
mod curves;
mod error;
mod fold;
mod guard;
mod journal;
mod life;
mod line;
mod measured;
mod pairs;
mod progress;
mod report;
mod run;
mod signal;
mod soak;
mod subject;
mod to_server;
#[cfg(target_os = "linux")]
mod tree;
mod watched;

pub use batch::{Batch, BatchPlan, Batches, Sending, Traffic};
pub use curves::{Curve, Curves};
pub use error::SoakError;
pub use guard::{Limits, StopReason};
pub use journal::{Journal, Read};
pub use line::{
    Begin, Counts, DeviceSample, End, Gauges, Identity, Incident, Interval, Line, Probe, Sample,
};
pub use pairs::{Comparison, PairPlan, Same, compare, judge_pairs};
pub use progress::Progress;
pub use report::{Finding, Report, Segment};
pub use signal::{DriftLimits, Signal};
pub use soak::Soak;
pub use subject::{Looked, Probing, Subject};
pub use watched::Watched;
