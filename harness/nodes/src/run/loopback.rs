//! Nodes that are addresses of the loopback interface: no right is needed for it, and everything but the network between the nodes is as on machines of their own.
//!
//! Promise: two rehearsals at the same time have different addresses, so that fixed ports of theirs do not meet. Rejected: the same addresses for all (whoever comes second fails, with
//! the other one's servers answering his questions).

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};

use super::world::World;

/// The addresses 127.77.K.1, 127.77.K.2, … of this machine, as nodes.
#[derive(Debug)]
pub struct Loopback {
    nodes: usize,
    block: u8,
    /// Says that the block is taken, for as long as this lives.
    _held: TcpListener,
}

/// The last address of a block says that it is taken.
const HOLDER: u8 = 254;
/// The port at which it says so.
const PORT: u16 = 17_777;

impl Loopback {
    /// A world of so many nodes.
    ///
    /// # Errors
    /// There are more than 253, or no block of addresses is free.
    pub fn new(nodes: usize) -> io::Result<Loopback> {
        if nodes >= usize::from(HOLDER) {
            return Err(io::Error::other(format!(
                "{nodes} nodes are more than the {} addresses of a block",
                HOLDER - 1
            )));
        }
        let mut last = io::Error::other("no block");
        for block in 0..=u8::MAX {
            match TcpListener::bind((Ipv4Addr::new(127, 77, block, HOLDER), PORT)) {
                Ok(held) => {
                    return Ok(Loopback {
                        nodes,
                        block,
                        _held: held,
                    });
                }
                Err(e) => last = e,
            }
        }
        Err(io::Error::other(format!(
            "none of the blocks 127.77.0.0/24 to 127.77.255.0/24 is free: {last}"
        )))
    }
}

impl World for Loopback {
    fn addresses(&self) -> Vec<String> {
        let address = |i| format!("127.77.{}.{i}", self.block);
        (1..=self.nodes).map(address).collect()
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
        format!(
            "{} loopback addresses from 127.77.{}.1 on",
            self.nodes, self.block
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_worlds_have_different_addresses() {
        let one = Loopback::new(2).unwrap();
        let two = Loopback::new(2).unwrap();
        assert_ne!(one.addresses()[0], two.addresses()[0]);
        assert!(one.addresses()[1].ends_with(".2"), "{:?}", one.addresses());
        assert!(Loopback::new(254).is_err());
    }
}
