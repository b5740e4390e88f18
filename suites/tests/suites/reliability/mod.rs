//! Reliability: a server is broken on purpose, and must behave. docs/reliability.md tells what is done and how to read it.
//!
//! `cargo test -- --run-level slow -m fault_tolerance --deploy my-server.toml` ends with the table of what was found.

mod cancelled;
mod ended;
mod failover;
mod malformed;
mod memory;
mod misbehaviours;
mod network;
#[cfg(target_os = "linux")]
mod nodes;
mod scarce;
mod stage;
mod stopped;
mod table;
mod told;

// They break servers, so each has one of its own; and they measure times, so they stand one after the other.
tribunal::markers!(slow, fault_tolerance, e2e, serial("reliability"));
