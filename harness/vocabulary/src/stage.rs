//! Stages: points of the lifecycle, and the steps in which a CI runs them.
//!
//! Promise: a stage is data; what it selects is an [`crate::Expression`] that anyone can print
//! ([`crate::Vocabulary::selection`]). Rejected: a language of its own for pipelines.

use std::time::Duration;

use crate::marker::MarkerId;
use crate::pipeline::Triggers;

/// A stage.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stage {
    /// The declared name.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// The level at which it runs.
    pub level: Option<String>,
    /// What it admits of the tests that it covers; everything, if absent.
    pub select: Option<String>,
    /// The lifecycle markers that it covers: its own and those before it. Empty if it is named after none.
    pub covers: Vec<MarkerId>,
    /// Its steps, in the order of the file. Together they should select every test of the stage, each test once.
    pub steps: Vec<Step>,
    /// What starts it in CI.
    pub triggers: Triggers,
    /// How long each of its steps may take, unless the step says otherwise.
    pub limit: Option<Duration>,
}

/// A step of a stage.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The declared name; on the command line `STAGE.STEP`.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// What it selects of the stage's tests.
    pub select: String,
    /// The kind of machine that runs it.
    pub queue: Option<String>,
    /// The deployments against which it runs, one job for each; the default one, if empty.
    pub deployments: Vec<String>,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// How many parts it is cut into, each a job.
    pub shards: Option<u32>,
}
