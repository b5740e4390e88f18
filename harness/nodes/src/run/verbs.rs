//! The hidden verbs under which a harness runs again: the conductor of a layout, and the agent of a node.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::front::{self, POOL_VERB};

use super::routes::PROXY_VERB;

/// The conductor of a layout: see [`conduct`](super::conduct).
pub const CONDUCT_VERB: &str = "__nodes-conduct";

/// The agent of one node: `__nodes-agent --node I/N --leader HOST:PORT [--address ADDRESS] [--interface NAME] [--evidence FOLDER]`.
pub const AGENT_VERB: &str = "__nodes-agent";

/// Before the cause, in the one line of a conductor's log that says why a layout failed.
pub const FATAL: &str = "tribunal-nodes: fatal: ";

/// Runs a verb of this crate if `args` (the command line without the program) starts with one, and returns its exit code.
///
/// Call it before any thread is started: a rehearsal enters namespaces.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match name.to_str()? {
        PROXY_VERB => return Some(front::run_proxy(rest)),
        POOL_VERB => return Some(front::run_pool(rest)),
        _ => {}
    }
    let run: fn(&[OsString]) -> Result<u8, String> = match name.to_str()? {
        #[cfg(target_os = "linux")]
        CONDUCT_VERB => super::conduct::run,
        #[cfg(target_os = "linux")]
        AGENT_VERB => super::agent::run,
        #[cfg(not(target_os = "linux"))]
        CONDUCT_VERB | AGENT_VERB => |_| Err("nodes are conducted on Linux only".to_owned()),
        _ => return None,
    };
    Some(match run(rest) {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            println!("{}{why}", FATAL);
            ExitCode::from(2)
        }
    })
}
