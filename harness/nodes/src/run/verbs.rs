//! The hidden verbs under which a harness runs again: the conductor of a layout, and the agent of a node.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::front::{self, POOL_VERB};

use super::routes::PROXY_VERB;

/// The conductor: `__nodes-conduct --file FILE --layout NAME --host HOST --port PORT [--evidence FOLDER] [--rehearse | --hub ADDRESS:PORT]`.
pub const CONDUCT_VERB: &str = "__nodes-conduct";

/// The agent of one node: `__nodes-agent --node I/N --leader HOST:PORT [--address ADDRESS] [--interface NAME] [--evidence FOLDER]`.
pub const AGENT_VERB: &str = "__nodes-agent";

/// Runs a verb of this crate if `args` (the command line without the program) starts with one, and returns its exit code.
///
/// Call it before any thread is started: a rehearsal enters namespaces.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    match args.first()?.to_str()? {
        CONDUCT_VERB | AGENT_VERB => {
            eprintln!("not yet");
            Some(ExitCode::FAILURE)
        }
        PROXY_VERB => Some(front::run_proxy(&args[1..])),
        POOL_VERB => Some(front::run_pool(&args[1..])),
        _ => None,
    }
}
