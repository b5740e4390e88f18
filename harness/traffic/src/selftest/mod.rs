//! How exactly this machine sends and reads load, against a server whose delays are known.
//!
//! Promise: the server is a process of its own that stamps the machine's clock into what it writes, so the client's own error is measured, not
//! guessed; the path is the one that every load takes. Rejected: comparing with set delays (the server's timer would be in the error), and a
//! server in the same process (it would share the client's processor time).

mod child;
mod report;
mod server;
mod steps;

use std::process::Command;
use std::time::Duration;

use crate::error::TrafficError;
use child::Child;
pub use report::{Flood, Plain, Schedule, SelfTest, Streams, Trusted};
pub use server::serve;

/// How much is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Streams at once.
    pub streams: u32,
    /// Events for each second, of each stream.
    pub events_per_second: f64,
    /// How long each step takes.
    pub step: Duration,
    /// How often the streams are measured: single runs differ too much to be quoted.
    pub repeats: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            streams: 256,
            events_per_second: 50.0,
            step: Duration::from_secs(5),
            repeats: 3,
        }
    }
}

/// Measures. `server` starts a process that calls [`serve`].
///
/// # Errors
/// The server cannot be started, or a step cannot be sent; in words.
pub fn run(server: Command, options: &Options) -> Result<SelfTest, TrafficError> {
    let machine = |error: std::io::Error| TrafficError::Machine(error.to_string());
    let child = Child::start(server).map_err(machine)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(machine)?;
    let report = runtime.block_on(steps::all(&child.base, options));
    child.end();
    report
}
