//! What a nodes file asks of its servers: the phases of its `test_content`, then its benchmarks, then its comparisons.
//!
//! Promise: everything that the file asks is done, whatever fails on the way, and one list says what failed and why; the file's own limits decide, exactly as they
//! are meant, and what this project finds in the same runs stands beside and decides nothing. The results are in the evidence in the form of the files' own
//! program, written after each benchmark, so that a run that fails or is cut short has them too. In a rehearsal requests have to succeed, and figures are shown
//! and held against nothing: they are the embedded engine's.
//!
//! Rejected: a case for each benchmark (comparisons need two of them, and the file is the test; `--workload FILE` does that, and there our verdicts decide).

mod benchmark;
mod compare;
mod facts;
mod list;
mod phases;
mod picture;
mod provide;
mod result;
mod run;

pub use provide::{FromNodes, layouts};
