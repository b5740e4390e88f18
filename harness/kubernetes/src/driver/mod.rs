//! Driving runs on a cluster.

mod check;
mod cluster;
mod collect;
mod delete;
mod failure;
mod follow;
mod kind;
mod lines;
mod patience;
mod pod;
mod result;
mod resume;
mod run;
mod tell;
mod trouble;
mod unpack;
mod verbs;
mod watch;

pub use cluster::Cluster;
pub use failure::Failure;
pub use patience::Patience;
pub use pod::{Ended, PodSeen};
pub use run::{Interrupts, Outcome, Report, run};
pub use tell::{Said, Tell};
pub use verbs::{Status, collect_run, delete_run, logs_of, random_run, random_token, status_of};
