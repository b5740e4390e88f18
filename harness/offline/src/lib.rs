//! Offline inference behind the requests of an online server: a command that is run once for each request.
//!
//! An [`OfflineJob`] says how one answer is made: a command with holes for the prompt and the parameters, and where its
//! answer lies afterwards. [`deployment`] makes a [`tribunal_serving::Deployment`] of it, so that the same test function
//! runs online and offline by deployment alone, and start, evidence, teardown and residue checks are the same.
//!
//! Between the two stands the *bridge*: this same program, run again with a hidden verb, which answers `/health`,
//! `/v1/models`, `/v1/chat/completions` and `/v1/completions` on loopback. Each request has a folder in the evidence
//! (request, prompt, standard output, standard error, files), and a *supervisor* that is subreaper of the command: when
//! the command ends, runs out of time or is no longer wanted, everything below it is gone before the request is answered.
//!
//! A program that uses such deployments calls [`verb`] first thing in `main`, beside `tribunal_serving::verb`.
//!
//! [`Supervised`] is such a run for other crates: any command, in a folder, with a limit, and nothing of it left afterwards.
//!
//! Promises: no shell; a parameter that the command cannot be told is refused by name and not dropped; a run that timed
//! out, ended with a code, crashed, left no answer, half an answer or an empty one is told apart, each with its own `code`;
//! a number of tokens that nobody counted is left out and not zero.
//!
//! Rejected: a second kind of client in the tests that runs commands. Every test would have to be written twice, and
//! the verdicts would see different things.

mod deployment;
mod ending;
mod job;
mod supervised;
mod template;

#[cfg(target_os = "linux")]
mod answer;
#[cfg(target_os = "linux")]
mod bridge;
#[cfg(target_os = "linux")]
mod failure;
#[cfg(target_os = "linux")]
mod folder;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod prompt;
#[cfg(target_os = "linux")]
mod reply;
#[cfg(target_os = "linux")]
mod request;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(target_os = "linux")]
mod told;
#[cfg(target_os = "linux")]
mod tree;

pub use deployment::deployment;
pub use ending::{Ending, Outlived};
pub use job::{JobError, OfflineJob};
pub use supervised::{Supervised, Work};

use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden verb under which a program runs again as the bridge between requests and a command.
pub const VERB: &str = "__tribunal-offline";

/// The hidden verb of the supervisor of one run. Only a bridge starts these.
pub const SUPERVISOR_VERB: &str = "__tribunal-offline-run";

/// Runs the bridge (or a supervisor) if `args`, the command line without the program, starts with one of the verbs, and
/// returns its exit code: 0 after SIGTERM, 1 if it could not start, 2 for a mistake in `args`.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let (first, rest) = args.split_first()?;
    let first = first.to_str()?;
    if first != VERB && first != SUPERVISOR_VERB {
        return None;
    }
    #[cfg(target_os = "linux")]
    let code = match first {
        VERB => bridge::run(rest),
        _ => supervisor::run(rest),
    };
    #[cfg(not(target_os = "linux"))]
    let code = {
        let _ = rest;
        eprintln!("{first}: commands can only be run on Linux");
        ExitCode::FAILURE
    };
    Some(code)
}
