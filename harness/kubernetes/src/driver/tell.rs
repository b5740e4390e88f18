//! What a run on a cluster says while it goes on.

use std::sync::Arc;

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// What is done now.
    Step(String),
    /// A line of the log of a pod.
    Log {
        /// The pod.
        pod: String,
        /// The line.
        line: String,
    },
}

/// Whoever is told.
pub type Tell = Arc<dyn Fn(Said) + Send + Sync>;
