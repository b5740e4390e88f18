//! What the run needs to know of the command line.

use std::path::PathBuf;
use std::time::Duration;

use tribunal_events::Classes;
use tribunal_vocabulary::Date;

use super::clock::Clock;
use crate::evidence::EvidenceOptions;
use crate::policy::Retrying;

/// What the run needs to know of the options.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Cases side by side.
    pub slots: usize,
    /// Start nothing more after so many failures.
    pub max_fail: Option<usize>,
    /// What makes a skip at run time a failure, if anything.
    pub deny_skips: Option<&'static str>,
    /// A measurement without a baseline is a failure.
    pub require_baseline: bool,
    /// Output of passing cases is wanted too.
    pub show_output: bool,
    /// Removed by filters, for the summary.
    pub filtered_out: usize,
    /// The names of the levels, lowest first.
    pub level_names: Vec<String>,
    /// How long teardown may take once the run is being stopped.
    pub grace: Duration,
    /// Bounds the whole run.
    pub run_limit: Option<Duration>,
    /// The folder in which runs of this host agree on who has what; `None`: they do not.
    pub leases: Option<PathBuf>,
    /// The ledger of simulated devices, if there are such.
    pub simulated: Option<PathBuf>,
    /// Every test has a process of its own: whoever starts a server takes devices for it.
    pub process_per_test: bool,
    /// More device memory than declared is worth a note only.
    pub vram_overuse_warns: bool,
    /// How long devices may take to be back as they were before a server came.
    pub settle: Duration,
    /// The time by which the schedule goes.
    pub clock: Clock,
    /// Which failures are repeated.
    pub retries: Retrying,
    /// The classes of failures, once a case fails.
    pub classes: fn() -> &'static Classes,
    /// The day by which quarantines end.
    pub today: Date,
    /// What to do with evidence.
    pub evidence: EvidenceOptions,
}
