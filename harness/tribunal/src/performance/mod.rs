//! Performance tests: a load on the server of the case, figures, thresholds, and a verdict against the baseline.
//!
//! ```no_run
//! # use std::time::Duration;
//! use tribunal::performance::*;
//! use tribunal::prelude::*;
//!
//! /// Ten conversations a second are answered in time.
//! #[tribunal::test]
//! #[full_model]
//! #[performance]
//! async fn ten_a_second(bench: Bench) -> TestResult {
//!     bench
//!         .chat(DataSet::random(64, 32))
//!         .load(Load::rate(10.0, Duration::from_secs(40)))
//!         .require("p99_ttft_ms < 250")
//!         .measure()
//!         .await
//! }
//! ```
//!
//! Promise: answers are judged before they are timed; a measurement that is no good is *invalid* and never slow; what has no baseline says so.
//! Rejected: a client of its own beside `tribunal::traffic` (its cost is what is measured and printed), and figures of a summary alone (the raw events
//! of each run are kept).
mod data;
mod figures;
mod found;
mod held;
mod parts;
mod results;
mod sample;
mod saturation;
mod step;
mod subject;
mod threshold;
mod workload;

pub(crate) use data::data_set;
pub(crate) use found::Found;
pub use saturation::Saturation;
pub use step::{Measured, Step};
pub use subject::{Bench, bench};
pub(crate) use threshold::shown;
pub use tribunal_traffic::{
    Arrivals, DataSet, Dialect, Load, RequestOptions, Route, Until, UsageOption,
};
pub use tribunal_workload::Purpose;
pub use workload::{FromFile, steps_of};
pub(crate) use workload::{data_table, route};
