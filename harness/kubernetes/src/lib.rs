//! Runs on a Kubernetes cluster.
//!
//! A [`Manifest`] is rendered from a file of several nodes (a LeaderWorkerSet: a pod for each node) or from a number of shards (an Indexed Job), with the
//! [`Settings`] of a cluster and, where there is one, [`Like`] a manifest that was used until now. With the feature `driver` it is also run: created, watched,
//! followed, its evidence collected, and deleted whatever happened.
//!
//! Promise: rendering is a pure function and the same bytes for the same inputs; no secret is in a manifest; nothing is deleted that does not have the label
//! of its run. No cluster was at hand when this was written: manifests are checked against the published schemas, and the driver against a scripted server.
//!
//! Rejected: calling `kubectl` (its output is for people, and its exit code says little of what happened), and results by a word in a log.

#[cfg(feature = "driver")]
mod driver;
mod render;

pub use render::{
    EVIDENCE_FOLDER, HARNESS, KEEPER, LEADER_WORKER_SET, Like, MANAGED_BY, MANAGED_LABEL,
    MOST_SHARDS, Manifest, Quantity, RUN_LABEL, RunId, Settings, Shape, Subject, TOKEN_KEY, Volume,
    laid_over, object_name,
};

#[cfg(feature = "driver")]
pub use driver::{
    Cluster, Ended, Failure, Interrupts, Outcome, Patience, PodSeen, Report, Said, Status, Tell,
    collect_run, delete_run, logs_of, random_run, random_token, run, status_of,
};
/// The configuration of a client, for whoever has one already.
#[cfg(feature = "driver")]
pub use kube::Config;
