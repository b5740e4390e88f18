//! Servers of real processes, started, broken and stopped by the real keeper.
//!
//! The keeper is this test binary run again, and so are the fake servers and the fake harnesses: `main` looks for the
//! hidden verbs first. That is why this target has a `main` of its own instead of libtest's.

#[cfg(target_os = "linux")]
mod chaos;
#[cfg(target_os = "linux")]
mod containers;
#[cfg(target_os = "linux")]
mod death;
#[cfg(target_os = "linux")]
mod fake;
#[cfg(target_os = "linux")]
mod fake_users;
#[cfg(target_os = "linux")]
mod moves;
#[cfg(target_os = "linux")]
mod parts;
#[cfg(target_os = "linux")]
mod readiness;
#[cfg(target_os = "linux")]
mod refusals;
#[cfg(target_os = "linux")]
mod residue;
#[cfg(target_os = "linux")]
mod sharing;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
mod stop;
#[cfg(target_os = "linux")]
mod support;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = tribunal_serving::verb(&args).or_else(|| fake::verb(&args)) {
        return code;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        start::trials(),
        refusals::trials(),
        stop::trials(),
        death::trials(),
        chaos::trials(),
        sharing::trials(),
        residue::trials(),
        parts::trials(),
        moves::trials(),
        readiness::trials(),
        containers::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // Nothing can be started here; the unit tests cover what is left.
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), Vec::new()).exit_code()
}
