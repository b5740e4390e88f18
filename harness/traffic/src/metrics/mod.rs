//! Metrics of records, in the words of several tools.
//!
//! Promise: the same records give the same figures, whenever they are computed; `docs/metrics.md` has every definition, and
//! `fixtures/golden/traffic_metrics.json` what the tools themselves make of the same events. Rejected: one definition for all (a `tpot` of one tool
//! is not a `tpot` of another, and baselines cross from tool to tool).

mod audio;
mod dialect;
mod figure;
mod known;
mod load;
mod measure;
mod order;
mod slo;
mod table;
mod taken;
mod told;
mod totals;

pub use audio::Pcm;
pub use dialect::Dialect;
pub use figure::{Figure, Metrics};
pub use known::{Direction, Family, Known, Unknown, known, known_keys};
pub use measure::{Measure, measure};
pub use slo::Slo;
