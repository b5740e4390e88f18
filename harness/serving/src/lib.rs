//! Starts model servers, knows when they are ready, and stops them without a trace.
//!
//! A [`Deployment`] says how to start one server (or where one runs already); [`Server::start`] turns it into a
//! running [`Server`]; [`Server::stop`] ends it and says what it left behind. Every server that is started here has
//! a *keeper*: this same program, run again with a hidden verb, in a session of its own, subreaper of everything
//! below it. The keeper watches its harness through a socket and the server through a pidfd; when either ends, it
//! stops and reaps every descendant, also those that called `setsid`, forked twice or cleared their environment.
//! Therefore a program that starts servers must call [`verb`] first thing in `main`:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     let args: Vec<_> = std::env::args_os().skip(1).collect();
//!     if let Some(code) = tribunal_serving::verb(&args) {
//!         return code;
//!     }
//!     // … the program itself
//!     ExitCode::SUCCESS
//! }
//! ```
//!
//! Promises: nothing is ever killed by name, only by pidfd within our own tree; ports are leased across processes
//! and outside the ephemeral range, never guessed; an error names the server, its pid, its URL, its log, the last
//! lines of that log and the likely cause.
//!
//! Rejected: parent-death signals alone (they reach one process, not its workers) and process groups alone
//! (a worker that calls `setsid` leaves them).
//!
//! Servers can be started on Linux. Elsewhere everything compiles, a running server can be reached by URL, and
//! starting one is a clear error.

mod cause;
mod cause_texts;
mod deployment;
mod digest;
mod exit;
#[cfg_attr(not(target_os = "linux"), path = "group_elsewhere.rs")]
mod group;
mod health;
mod known_model;
mod launch;
mod leftover;
mod log;
mod mask;
mod offers;
mod options;
mod prepare;
mod probe;
mod process;
mod progress;
mod readiness;
mod server;
mod share;
mod start_advice;
mod start_error;
mod start_error_kind;
mod stop_error;
mod stop_report;
mod text;
mod url;

#[cfg(target_os = "linux")]
mod arrival;
#[cfg(target_os = "linux")]
mod belt;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod diag;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(target_os = "linux")]
mod holders;
#[cfg(target_os = "linux")]
mod keeper;
#[cfg(target_os = "linux")]
mod lease_file;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod meeting;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod own;
#[cfg(target_os = "linux")]
mod placeholder;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod port;
#[cfg(target_os = "linux")]
mod port_range;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod protocol;
#[cfg(target_os = "linux")]
mod pump;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod spawn;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod teardown;

#[cfg(target_os = "linux")]
pub use belt::cgroup_belt;
pub use cause::Cause;
pub use deployment::Deployment;
pub use health::Unhealthy;
pub use known_model::{KnownModel, Truth};
pub use launch::{Container, Part, Readiness, StartOrder};
pub use leftover::Leftover;
pub use mask::without_secrets;
pub use offers::{Offers, Workers};
pub use options::{LogLimits, StartOptions};
pub use prepare::{PartAddress, Prepare, PrepareFuture, Prepared};
pub use process::{ProcessInfo, ProcessSignal};
pub use server::{RunningPart, Server};
pub use share::{Runner, Share};
pub use start_error::StartError;
pub use start_error_kind::{ReadyStep, StartErrorKind};
pub use stop_error::{StopError, StopErrorKind};
pub use stop_report::{ProcessStop, StopReport};
pub use text::names_secret;
pub use url::UrlError;

use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden verb under which a program that starts servers runs again as the keeper of one.
pub const VERB: &str = "__tribunal-keeper";

/// Runs the keeper if `args` (the command line without the program) starts with [`VERB`], and returns its exit code.
///
/// Call it before anything else in `main`: a keeper must not print, parse options or start threads on the way.
/// `None` means that the program was started for its own purpose.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    if args.first()?.to_str()? != VERB {
        return None;
    }
    #[cfg(target_os = "linux")]
    let code = keeper::run();
    #[cfg(not(target_os = "linux"))]
    let code = {
        eprintln!("{VERB}: servers can only be started on Linux");
        ExitCode::FAILURE
    };
    Some(code)
}

/// Everything that runs below a process (itself not included), parents before their children.
///
/// For a program that has processes of its own beside servers, and is the subreaper of what they start.
#[cfg(target_os = "linux")]
pub fn processes_below(pid: u32) -> Vec<ProcessInfo> {
    process::descendants(pid)
}

/// A process as it is at this moment; `None`: there is none with this pid.
#[cfg(target_os = "linux")]
pub fn process_of(pid: u32) -> Option<ProcessInfo> {
    process::Stat::of(pid).map(|stat| stat.info)
}

/// Sends a signal to exactly this process, and never to another that has its pid by now. `false`: it has ended already.
///
/// # Errors
/// The kernel does not let us.
#[cfg(target_os = "linux")]
pub fn signal_process(process: &ProcessInfo, signal: ProcessSignal) -> std::io::Result<bool> {
    process::signal(process, signal.into())
}

/// Waits until every server that was dropped without a stop is gone, at most for `limit`; `false` if one is not.
///
/// For the end of a program: a start that was given up leaves its server to its keeper, and whoever comes next should find the device free.
pub fn wait_for_dropped(limit: std::time::Duration) -> bool {
    #[cfg(target_os = "linux")]
    let gone = link::wait_for_dropped(limit);
    #[cfg(not(target_os = "linux"))]
    let gone = {
        let _ = limit;
        true
    };
    gone
}
