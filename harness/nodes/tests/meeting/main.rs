//! Nodes of real processes on loopback addresses: met, conducted, broken and ended.
//!
//! The conductor, the agents and the fake servers are this test binary run again: `main` looks for the hidden verbs first. That is why this target has a
//! `main` of its own instead of libtest's.

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(target_os = "linux")]
mod fake;
#[cfg(target_os = "linux")]
mod joined;
#[cfg(target_os = "linux")]
mod names;
#[cfg(target_os = "linux")]
mod refused;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod support;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = tribunal_nodes::verb(&args).or_else(|| fake::verb(&args)) {
        return code;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        clock::trials(),
        ends::trials(),
        joined::trials(),
        names::trials(),
        refused::trials(),
        rounds::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
