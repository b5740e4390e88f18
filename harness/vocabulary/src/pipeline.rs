//! What a CI needs to know besides the tests: queues, triggers, which paths say what, and what must be covered.
//!
//! Promise: plain data without a CI system in it, but for the names under which two of them know a queue. Rejected: a pipeline template in each
//! system's own language (each would say again what the stages say, and nothing would notice where they differ).

use std::collections::BTreeMap;

/// A kind of machine.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Queue {
    /// The declared name; steps name it.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// The device that its machines have: a declared one.
    pub device: Option<String>,
    /// How many devices each of its machines has; `None` where nothing is said of it.
    pub count: Option<u32>,
    /// The labels of GitHub's `runs-on`; empty: `self-hosted` and the queue's name.
    pub github: Vec<String>,
    /// Buildkite's `agents`; empty: `queue` with the queue's name.
    pub buildkite: BTreeMap<String, String>,
    /// The image in which its steps run: `{deployment}` and `{version}` are filled in.
    pub image: Option<String>,
    /// How many of its steps may run at once.
    pub concurrency: Option<u32>,
}

/// What starts a stage. With none of them it starts only where somebody asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triggers {
    /// Every pull request.
    pub pull_request: bool,
    /// A pull request with one of these labels.
    pub labels: Vec<String>,
    /// A push to one of these branches.
    pub branches: Vec<String>,
    /// These times, five fields each, in UTC.
    pub cron: Vec<String>,
    /// This variable has the value 1.
    pub variable: Option<String>,
}

impl Triggers {
    /// Whether nothing starts it by itself.
    pub fn is_empty(&self) -> bool {
        *self == Triggers::default()
    }
}

/// How `--changed-since` reads paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeRules {
    /// Tests that stay whatever changed: an expression over markers.
    pub always: Option<String>,
    /// Where one of these paths changed every test stays.
    pub fallback: Vec<String>,
    /// Paths of documentation: where nothing else changed, only tests that declare a changed path stay.
    pub docs: Vec<String>,
}

/// How important a model, a feature or a deployment can be, and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Priority {
    /// The declared name.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// The levels at which there must be a test.
    pub levels: Vec<String>,
}

/// What a declared subject of coverage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A model.
    Model,
    /// A feature or a capability of a server.
    Feature,
    /// A deployment.
    Deployment,
}

impl SubjectKind {
    /// The section that declares it.
    pub fn section(self) -> &'static str {
        match self {
            SubjectKind::Model => "models",
            SubjectKind::Feature => "features",
            SubjectKind::Deployment => "deployments",
        }
    }

    /// One of it, as messages name it.
    pub fn word(self) -> &'static str {
        match self {
            SubjectKind::Model => "model",
            SubjectKind::Feature => "feature",
            SubjectKind::Deployment => "deployment",
        }
    }
}

/// A model, a feature or a deployment that must be covered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// The declared name.
    pub name: String,
    /// What it is, in words.
    pub doc: String,
    /// How important: a declared priority.
    pub priority: String,
    /// Other names under which tests know it: ids of a model, deployments that serve it.
    pub also: Vec<String>,
}
