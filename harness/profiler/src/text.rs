//! What is printed: the blocks of a search, of a report, and of the advice.
//!
//! Promise: the same blocks, order and figures in both styles; [`Style::Pytest`] is, letter by letter, what the profiler of NVIDIA Dynamo's
//! tests documents, so that scripts that read it go on working. Estimates of the time left go to standard error ([`progress()`]),
//! but for the last run, where nothing is left to estimate.

mod advice;
mod frame;
mod progress;
mod report;
mod search;

pub use advice::advice;
pub use progress::progress;
pub use report::report;
pub use search::{Heading, ended, found, heading, probe, unresolved, words};

/// For whom the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Attributes of Rust tests, and the names of this project.
    Rust,
    /// Marks of pytest, in the words of the profiler that printed them first.
    Pytest,
}

impl Style {
    /// The variable that says which share of a device's memory a test may use.
    pub fn variable(self) -> &'static str {
        match self {
            Style::Rust => FRACTION,
            Style::Pytest => FRACTION_OF_DYNAMO,
        }
    }
}

/// Says to a test which share of a device's whole memory it may use: above 0, below 1.
pub const FRACTION: &str = "TRIBUNAL_GPU_MEMORY_FRACTION";
/// The same, by the name that Dynamo's launch scripts read.
pub const FRACTION_OF_DYNAMO: &str = "DYN_GPU_MEMORY_FRACTION_OVERRIDE";
