//! Where the nodes of a rehearsal live.
//!
//! Promise: whoever conducts knows nothing of namespaces. Rejected: one kind of world for all machines (namespaces are refused in many containers).

use std::io;
use std::process::{Child, Command};

/// Where nodes live: makes their addresses and starts agents there.
///
/// It is made while the process has one thread, since a namespace is entered by a thread. Dropping it takes away what it made.
pub trait World: Send {
    /// The address of every node, in the order of their indices.
    fn addresses(&self) -> Vec<String>;

    /// An address of this process at which every node reaches it.
    fn leader(&self) -> String;

    /// The network interface that has the node's address.
    fn interface(&self, node: usize) -> String;

    /// Starts a program on the node.
    ///
    /// # Errors
    /// It cannot be started there.
    fn spawn(&mut self, node: usize, command: Command) -> io::Result<Child>;

    /// What can be broken between the nodes; `None`: nothing.
    #[cfg(target_os = "linux")]
    fn links(&self) -> Option<crate::world::Links> {
        None
    }

    /// What a person should know of it, in a line: `4 network namespaces, 10.77.0.1 to 10.77.0.4`.
    fn about(&self) -> String;
}
