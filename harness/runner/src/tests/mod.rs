//! Tests of the steps from registry to plan with literals, and of whole runs with bodies that misbehave.

mod catalog;
mod deployments;
#[cfg(target_os = "linux")]
mod devices;
mod fixtures;
mod gates;
mod matrix;
mod measured;
mod options;
mod plan;
mod retries;
mod reuse;
mod run;
#[cfg(target_os = "linux")]
mod schedule;
mod selection;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod stopped;
mod support;
