//! Faults in real processes: injected, proven, undone, and gone with a harness that is killed.
//!
//! The servers, the harnesses that are killed and everything that stands beside a server are this test binary run again: `main` looks for the hidden
//! verbs first. That is why this target has a `main` of its own instead of libtest's.

#[cfg(target_os = "linux")]
mod fake;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod networked;
#[cfg(target_os = "linux")]
mod places;
#[cfg(target_os = "linux")]
mod pressed;
#[cfg(target_os = "linux")]
mod signalled;
#[cfg(target_os = "linux")]
mod support;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let hidden = tribunal_serving::verb(&args).or_else(|| tribunal_faults::verb(&args));
    if let Some(code) = hidden.or_else(|| fake::verb(&args)) {
        return code;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        signalled::trials(),
        pressed::trials(),
        places::trials(),
        networked::trials(),
        killed::trials(),
    ];
    let trials = trials.into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // Nothing can be started here; the unit tests cover what is left.
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), Vec::new()).exit_code()
}
