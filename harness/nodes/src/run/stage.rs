//! What really is started for what a file says.
//!
//! Promise: the conductor resolves commands as the file means them, and only then asks the stage; a rehearsal differs from a run in nothing else.

use crate::file::{Pool, Process, Proxy};

use super::routes::Routes;

/// A program with its arguments, and what it has in its environment beside what it inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables; later ones win.
    pub env: Vec<(String, String)>,
}

/// What is to be started.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The service that keeps the pool of the key-value cache. It is ready when all its ports take connections.
    Pool(&'a Pool),
    /// A process of a node.
    Process(&'a Process),
    /// What stands in front of the servers. Where the file names no command, the line is that of the proxy of this project already.
    Proxy {
        /// As the file says it.
        proxy: &'a Proxy,
        /// Where it sends requests.
        routes: &'a Routes,
        /// Where it listens.
        port: u16,
    },
}

/// What really is started for a process of the file (rehearsal puts the embedded engine there).
pub trait Stage: Send + Sync {
    /// The command line that is started on the node with this address, instead of the one that the file means.
    fn command(&self, subject: Subject<'_>, line: CommandLine, address: &str) -> CommandLine;
}

/// Everything as the file says.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsWritten;

impl Stage for AsWritten {
    fn command(&self, _: Subject<'_>, line: CommandLine, _: &str) -> CommandLine {
        line
    }
}
