//! The processes that stand beside a server while it is under pressure: this program, run again under a hidden verb.
//!
//! Promise: such a process ends when its standard input is closed, and so with the harness that started it, however that ends. It says in one line that
//! it is ready or why not. Rejected: a separate program that would have to be built, found and kept in step, and parent-death signals, which are bound to
//! the thread that starts a process and not to its program.

use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden verb.
pub const VERB: &str = "__tribunal-fault";

/// Runs what stands beside a server if `args` (the command line without the program) starts with [`VERB`], and returns its exit code.
///
/// A program that injects faults calls it first thing in `main`, beside `tribunal_serving::verb`.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let (verb, rest) = args.split_first()?;
    if verb.to_str()? != VERB {
        return None;
    }
    #[cfg(target_os = "linux")]
    let code = here::run(rest);
    #[cfg(not(target_os = "linux"))]
    let code = {
        let _ = rest;
        eprintln!("{VERB}: faults are injected on Linux only");
        ExitCode::FAILURE
    };
    Some(code)
}

#[cfg(target_os = "linux")]
mod here {
    use std::ffi::OsString;
    use std::process::ExitCode;

    use crate::sidecar::{self, Said};
    use crate::{card, clock, confine, pressure};

    /// The words by which the verbs are told apart.
    pub(super) fn run(args: &[OsString]) -> ExitCode {
        let Some((what, rest)) = args.split_first() else {
            return sidecar::say(&Said::Error("nothing to do was named".into()));
        };
        // What replaces itself by a server has neither a watchdog nor a line to say.
        if what == confine::WORD {
            return confine::run(rest);
        }
        if what == confine::TRY {
            return confine::tried();
        }
        sidecar::watch();
        let words: Option<Vec<&str>> = rest.iter().map(|w| w.to_str()).collect();
        let words = words.unwrap_or_default();
        let done = match what.to_str().unwrap_or_default() {
            card::SIMULATED => card::simulated(rest),
            card::CUDA => card::cuda(&words),
            pressure::MEMORY => pressure::hold_memory(&words),
            pressure::SPIN => pressure::spin(&words),
            clock::WORD => clock::tell(),
            other => Err(format!("`{other}` is nothing that is done beside a server")),
        };
        sidecar::say(&match done {
            Ok(()) => return ExitCode::SUCCESS,
            Err(why) => Said::Error(why),
        })
    }
}
