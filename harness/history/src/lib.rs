//! What earlier runs say of a case.
//!
//! Promise: what is told of a case is a function of its past runs and of nothing else. Rejected: figures that are kept beside the runs (they would have
//! to be mended whenever a run is added late).

mod balance;
mod expected;
mod flaky;
mod past;
mod store;

pub use balance::balanced;
pub use expected::Expected;
pub use flaky::{Evidence, Group, Judged, Judgement, Window, groups, judge};
pub use past::Past;
pub use store::History;
