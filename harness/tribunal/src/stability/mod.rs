//! Soak tests: load for long on the server of the case, and whether anything of it drifts.
//!
//! ```no_run
//! # use std::time::Duration;
//! use tribunal::prelude::*;
//! use tribunal::stability::*;
//!
//! /// Conversations for a minute (`--soak 12h`: for twelve hours), and nothing grows.
//! #[tribunal::test]
//! #[slow]
//! #[stability]
//! #[timeout("15m")]
//! async fn conversations(steady: Steady) -> TestResult {
//!     let data = |plan: &mut BatchPlan| DataSet::random(plan.between("input_tokens", 16, 256) as u32, 32);
//!     steady.lasting(Duration::from_secs(60)).rate(5.0).soak(Route::Chat, data).await
//! }
//! ```
//!
//! Promise: a soak that is too short to show a drift says so, and is judged by everything else; its journal is kept, whatever came of it. Rejected: an own
//! verdict for tests (a test and `cargo tribunal soak` would differ).

mod from_file;
mod in_turn;
mod place;
mod soaking;

pub use in_turn::{InTurn, conclude_pair};
pub use soaking::{Steady, conclude, steady};
pub use tribunal_soak::{
    Batch, BatchPlan, Comparison, DriftLimits, Finding, Incident, Limits, PairPlan, Report, Same,
    Signal, StopReason, Traffic, compare,
};
pub use tribunal_statistics::drift::Verdict;
pub use tribunal_statistics::paired::Side;
pub use tribunal_traffic::{DataSet, Load, RequestOptions, Route, Target, Until};
