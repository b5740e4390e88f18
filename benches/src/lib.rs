//! The figures that Tribunal promises, measured as medians of whole processes.
//!
//! ```text
//! cargo bench -p tribunal-benches                      every figure but the clean build
//! cargo bench -p tribunal-benches -- start list        the groups of these names
//! cargo bench -p tribunal-benches -- clean             from an empty target folder to the first result
//! cargo bench -p tribunal-benches -- --runs 21 --json  more runs; for machines
//! ```
//!
//! This library holds what can be told without running anything: the [subjects](subject) (generated projects with
//! thousands of tests), a [`Figure`] with its budget, and the [table](render). The program in `figures/` builds and runs them.
//!
//! Promise: a process that did not do what it was measured for (another exit code, another number of tests) is never
//! a figure. A budget that is missed is shown and fails nothing: what a clock says on a busy machine proves little.
//!
//! Rejected: divan and criterion (they repeat a function within one process; what is promised here is what a user
//! waits for, and that begins with the start of a process), and heavy targets in this package (every build of the
//! workspace would pay for them).

mod figure;
pub mod subject;
mod table;

pub use figure::{Figure, Unit};
pub use table::{json, render};
