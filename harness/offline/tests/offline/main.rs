//! Commands behind a server, with the real keeper, bridge and supervisor.
//!
//! All of them, the commands too, are this test binary run again; that is why this target has a `main` of its own.

#[cfg(target_os = "linux")]
mod answers;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(target_os = "linux")]
mod failures;
#[cfg(target_os = "linux")]
mod stub;
#[cfg(target_os = "linux")]
mod support;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let verb = tribunal_serving::verb(&args)
        .or_else(|| tribunal_offline::verb(&args))
        .or_else(|| tribunal_engine::verb(&args))
        .or_else(|| stub::verb(&args));
    if let Some(code) = verb {
        return code;
    }
    let trials = [answers::trials(), failures::trials(), ends::trials()]
        .into_iter()
        .flatten()
        .collect();
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // Nothing can be started here; the unit tests cover what is left.
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), Vec::new()).exit_code()
}
