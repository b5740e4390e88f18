//! The accepted runs that new ones are compared with.

use crate::RunRecord;

/// Accepted runs of one key, oldest first, and what is worth knowing of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Base {
    /// At most the last ten.
    pub runs: Vec<RunRecord>,
    /// What could not be read, and where there are too few runs, what is there instead.
    pub notes: Vec<String>,
}

impl Base {
    /// The values of a metric that may decide something, oldest first.
    pub(crate) fn values(&self, metric: &str) -> Vec<f64> {
        self.runs
            .iter()
            .filter_map(|run| run.gate_value(metric))
            .collect()
    }
}
