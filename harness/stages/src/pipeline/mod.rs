//! Pipelines for CI: made from the stages of markers.toml, or filtered where they are written by hand.
//!
//! Promise: every job's command is its local equivalent, and runs as it stands on a developer's machine; what is left out is listed with the reason.
//! Rejected: templates (the shell in them is where pipelines go wrong, and no schema sees it).

mod buildkite;
mod filter;
mod github;
mod plan;
mod tree;
mod yaml;

pub use buildkite::buildkite;
pub use filter::{FilterOptions, Filtered, filter};
pub use github::github;
pub use plan::{Ask, Job, Omitted, Plan, PlannedStage, plan};

/// The variable that asks for one stage where a schedule or a person starts a build.
pub const STAGE_VARIABLE: &str = "RUN_STAGE";
