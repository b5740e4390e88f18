//! What can be broken between the nodes of a rehearsal: a direction of a link, and how fast a node sends and receives.
//!
//! Promise: what is lost is lost without a word, as where a switch or a cable breaks (a permanent neighbour at an address that nobody has), and healing is complete;
//! no module of the kernel is needed for it. A rate is a token bucket on both ends of a node's cable; where the kernel has none, the fault cannot be injected and says
//! so. Rejected: dropping packets by a filter (`nftables` is another program and module), and taking the interface down (both sides are told at once).

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::namespaces::{LEADER, address};
use super::{network, sys};

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A node.
    Node(usize),
    /// Whoever conducts.
    Leader,
}

/// The links of a rehearsal.
#[derive(Clone, Debug)]
pub struct Links {
    nodes: Vec<Arc<OwnedFd>>,
    bridge: Arc<OwnedFd>,
}

impl Links {
    pub(super) fn new(nodes: Vec<Arc<OwnedFd>>, bridge: Arc<OwnedFd>) -> Links {
        Links { nodes, bridge }
    }

    /// What one party sends to the other is lost from now on.
    ///
    /// # Errors
    /// There is no such party, or the kernel refuses.
    pub fn cut(&self, from: Party, to: Party) -> io::Result<()> {
        let (network, interface) = self.of(from)?;
        let to = self.address(to)?;
        within(network, move || {
            network::talk(|handle| network::lose(handle, interface, to))
        })
    }

    /// What one party sends to the other arrives again.
    ///
    /// # Errors
    /// As of [`cut`](Links::cut).
    pub fn mend(&self, from: Party, to: Party) -> io::Result<()> {
        let (network, interface) = self.of(from)?;
        let to = self.address(to)?;
        within(network, move || {
            network::talk(|handle| network::find(handle, interface, to))
        })
    }

    /// A node sends and receives so many bytes in a second, and no more; `None`: as many as it can.
    ///
    /// # Errors
    /// There is no such node, or the kernel has no means for it.
    pub fn rate(&self, node: usize, bytes_per_second: Option<u64>) -> io::Result<()> {
        if let Some(rate) = bytes_per_second.filter(|rate| *rate < network::SLOWEST) {
            return Err(io::Error::other(format!(
                "{rate} bytes in a second are fewer than {}: cut the link instead",
                network::SLOWEST
            )));
        }
        let (own, interface) = self.of(Party::Node(node))?;
        let port = network::port(node);
        let ends = [(own, interface.to_owned()), (self.bridge.clone(), port)];
        for (network, interface) in ends {
            within(network, move || {
                network::talk(async |handle| match bytes_per_second {
                    Some(rate) => network::slow(handle, &interface, rate).await,
                    None => network::quick(handle, &interface).await,
                })
            })
            .map_err(|e| io::Error::new(e.kind(), format!("cannot inject: a rate: {e}")))?;
        }
        Ok(())
    }

    /// Everything arrives again, at every rate.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn mend_all(&self) -> io::Result<()> {
        let mut nodes = 0..self.nodes.len();
        let parties: Vec<Party> = nodes
            .clone()
            .map(Party::Node)
            .chain([Party::Leader])
            .collect();
        for from in &parties {
            for to in parties.iter().filter(|to| *to != from) {
                self.mend(*from, *to)?;
            }
        }
        nodes.try_for_each(|node| self.rate(node, None))
    }

    fn of(&self, party: Party) -> io::Result<(Arc<OwnedFd>, &'static str)> {
        match party {
            Party::Leader => Ok((self.bridge.clone(), network::BRIDGE)),
            Party::Node(node) => {
                let network = self.nodes.get(node);
                let network = network.ok_or_else(|| self.nobody(node))?;
                Ok((network.clone(), network::INTERFACE))
            }
        }
    }

    fn address(&self, party: Party) -> io::Result<Ipv4Addr> {
        match party {
            Party::Leader => Ok(LEADER),
            Party::Node(node) if node < self.nodes.len() => Ok(address(node)),
            Party::Node(node) => Err(self.nobody(node)),
        }
    }

    fn nobody(&self, node: usize) -> io::Error {
        let last = self.nodes.len().saturating_sub(1);
        io::Error::other(format!("there is no node {node}: there are 0 to {last}"))
    }
}

/// Does something on a thread that is in another network, and ends there.
fn within<T: Send + 'static>(
    network: Arc<OwnedFd>,
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let thread = std::thread::Builder::new().name("in-network".to_owned());
    let acting = thread.spawn(move || {
        sys::enter(&network)?;
        act()
    })?;
    acting
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread in the network panicked")))
}
