//! Nodes that are addresses of the loopback interface: no right is needed for it, and everything but the network between the nodes is as on machines of their own.

use std::io;
use std::process::{Child, Command};

use super::world::World;

/// The addresses 127.77.0.1, 127.77.0.2, … of this machine, as nodes.
#[derive(Clone, Debug)]
pub struct Loopback {
    nodes: usize,
}

/// The addresses end before 127.77.0.255.
const MOST: usize = 254;

impl Loopback {
    /// A world of so many nodes.
    ///
    /// # Errors
    /// There are more than 254.
    pub fn new(nodes: usize) -> io::Result<Loopback> {
        if nodes > MOST {
            return Err(io::Error::other(format!(
                "{nodes} nodes are more than the {MOST} addresses of 127.77.0.0/24"
            )));
        }
        Ok(Loopback { nodes })
    }
}

impl World for Loopback {
    fn addresses(&self) -> Vec<String> {
        (1..=self.nodes).map(|i| format!("127.77.0.{i}")).collect()
    }

    fn leader(&self) -> String {
        "127.0.0.1".to_owned()
    }

    fn interface(&self, _: usize) -> String {
        "lo".to_owned()
    }

    fn spawn(&mut self, _: usize, mut command: Command) -> io::Result<Child> {
        command.spawn()
    }

    fn about(&self) -> String {
        format!("{} loopback addresses from 127.77.0.1 on", self.nodes)
    }
}
