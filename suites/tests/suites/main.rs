//! The shipped suites: one harness target with a module per purpose, so that one plan shares servers among all of them.

mod accuracy;
mod by_hand;
mod conformance;
mod demonstration;
#[cfg(target_os = "linux")]
mod devices;
mod docs;
mod e2e;
mod features;
mod gauntlet;
mod integration;
mod nodes;
mod own_files;
mod performance;
#[cfg(target_os = "linux")]
mod reliability;
mod stability;
mod unit;

tribunal::main!();
