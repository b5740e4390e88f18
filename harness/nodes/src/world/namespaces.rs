//! Each node a network namespace, with a cable to a bridge.
//!
//! Promise: the process that makes it is in a network of its own afterwards, with the address 10.77.0.254 on the bridge, and reaches every node; sockets that it had
//! before stay where they were. Node `i` has 10.77.0.(i+1) on `eth0`, and its own loopback interface. Rejected: a namespace for the processes as well (their ids
//! would differ from those that keepers, logs and people see).

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::Arc;

use crate::run::World;

use super::links::Links;
use super::{network, sys};

/// The most nodes: addresses from 10.77.0.1 to 10.77.0.253.
const MOST: usize = 253;

/// Where a node is.
pub(super) fn address(node: usize) -> Ipv4Addr {
    // At most 253, by the check of the constructor.
    Ipv4Addr::new(10, 77, 0, u8::try_from(node + 1).unwrap_or(u8::MAX))
}

/// Where whoever conducts is.
pub(super) const LEADER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);

/// Nodes that are network namespaces.
#[derive(Debug)]
pub struct Namespaces {
    nodes: Vec<Arc<OwnedFd>>,
    bridge: Arc<OwnedFd>,
    users: bool,
}

impl Namespaces {
    /// Makes the network, and brings this process into it. The process must have one thread.
    ///
    /// # Errors
    /// Namespaces or links are refused here; the text says which. The process is where it was, as far as it could be brought back.
    pub fn new(nodes: usize) -> io::Result<Namespaces> {
        if nodes > MOST {
            return Err(io::Error::other(format!(
                "{nodes} nodes are more than {MOST}"
            )));
        }
        let before = here()?;
        let users = enter_own()?;
        Namespaces::lay(nodes, users).inspect_err(|_| {
            // Who may not go back still has a loopback interface.
            if sys::enter(&before).is_err() {
                let _ = network::talk(network::loopback_up);
            }
        })
    }

    fn lay(nodes: usize, users: bool) -> io::Result<Namespaces> {
        let said = |what: &str| {
            let what = what.to_owned();
            move |e: io::Error| io::Error::new(e.kind(), format!("{what}: {e}"))
        };
        let bridge = Arc::new(here()?);
        network::talk(network::loopback_up).map_err(said("the loopback interface"))?;
        network::talk(|handle| network::bridge(handle, LEADER)).map_err(said("a bridge"))?;
        ask_again_soon(network::BRIDGE);
        let mut made = Vec::new();
        for node in 0..nodes {
            let own = (|| {
                sys::new_network()?;
                let own = here()?;
                sys::enter(&bridge)?;
                Ok(own)
            })();
            let own = own.map_err(said("the namespace of a node"))?;
            network::talk(|handle| network::cable(handle, node, &own)).map_err(said("a cable"))?;
            let settled = (|| {
                sys::enter(&own)?;
                let settled = network::talk(network::loopback_up)
                    .and_then(|()| network::talk(|handle| network::settle(handle, address(node))));
                ask_again_soon(network::INTERFACE);
                sys::enter(&bridge)?;
                settled
            })();
            settled.map_err(said("the address of a node"))?;
            made.push(Arc::new(own));
        }
        Ok(Namespaces {
            nodes: made,
            bridge,
            users,
        })
    }

    /// What can be broken between the nodes.
    pub fn breakable(&self) -> Links {
        Links::new(self.nodes.clone(), self.bridge.clone())
    }
}

/// A descriptor of the network that this thread is in.
fn here() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Who has an address is asked again after a tenth of a second, and not after a whole one: on a link that has just come up the first question may be lost. Where this cannot be set it is
/// as it was.
fn ask_again_soon(interface: &str) {
    let path = format!("/proc/sys/net/ipv4/neigh/{interface}/retrans_time_ms");
    let _ = std::fs::write(path, "100");
}

/// Leaves the machine's network; whether users of its own were needed for it.
fn enter_own() -> io::Result<bool> {
    match sys::new_network() {
        Ok(()) => return Ok(false),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
        Err(e) => return Err(e),
    }
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    sys::new_users_and_network()?;
    // Everybody stays who they are; processes that are started here have no more rights than before.
    std::fs::write("/proc/self/setgroups", "deny")?;
    for (file, id) in [("uid_map", user.as_raw()), ("gid_map", group.as_raw())] {
        std::fs::write(format!("/proc/self/{file}"), format!("{id} {id} 1"))?;
    }
    Ok(true)
}

impl World for Namespaces {
    fn addresses(&self) -> Vec<String> {
        (0..self.nodes.len())
            .map(|node| address(node).to_string())
            .collect()
    }

    fn leader(&self) -> String {
        LEADER.to_string()
    }

    fn interface(&self, _: usize) -> String {
        network::INTERFACE.to_owned()
    }

    fn spawn(&mut self, node: usize, mut command: Command) -> io::Result<Child> {
        let network = self.nodes.get(node).ok_or_else(|| {
            io::Error::other(format!("there is no node {node} of {}", self.nodes.len()))
        })?;
        sys::start_in(&mut command, network.clone());
        command.spawn()
    }

    fn about(&self) -> String {
        let whose = match self.users {
            true => " of a user without rights",
            false => "",
        };
        let last = self.nodes.len().saturating_sub(1);
        format!(
            "{} network namespaces{whose}, {} to {}",
            self.nodes.len(),
            address(0),
            address(last)
        )
    }

    fn links(&self) -> Option<Links> {
        Some(self.breakable())
    }
}
