//! Who listens on a port: the kernel's table of sockets, and the processes that hold them.
//!
//! A server that answers is not proof that *our* server answers. The listening socket's inode
//! is looked up among the descriptors of our tree. Asking the server for its identity was rejected: a stale server
//! of an earlier run gives the same answers.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diag;
use crate::process::{self, ProcessInfo};

/// A listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub address: IpAddr,
    pub port: u16,
    pub inode: u64,
    pub uid: u32,
}

impl Listener {
    /// Whether a connection to 127.0.0.1 arrives here.
    fn serves_loopback(&self) -> bool {
        match self.address {
            IpAddr::V4(a) => a.is_unspecified() || a == Ipv4Addr::LOCALHOST,
            IpAddr::V6(a) => {
                a.is_unspecified() || a.to_ipv4_mapped().is_some_and(|a| a == Ipv4Addr::LOCALHOST)
            }
        }
    }

    pub(crate) fn shown(&self) -> String {
        std::net::SocketAddr::new(self.address, self.port).to_string()
    }

    /// The process that holds the socket, in words.
    pub(crate) fn holder(&self) -> Holder {
        let pid = process::pids()
            .find(|pid| sockets_of(*pid).is_ok_and(|sockets| sockets.contains(&self.inode)));
        Holder { pid, uid: self.uid }
    }
}

/// Who holds a port. The pid is unknown where another user's processes cannot be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub pid: Option<u32>,
    pub uid: u32,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => f.write_str(&process::describe(pid)),
            None => write!(
                f,
                "a process of user id {} that this user may not look into",
                self.uid
            ),
        }
    }
}

/// Whose the socket is that answers on 127.0.0.1:port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Nobody listens.
    Nobody,
    /// A process of the tree does.
    Ours,
    /// Somebody else does; the socket as the kernel lists it.
    Foreign(Listener),
    /// Not to be told: descriptors of this process of the tree cannot be read (it changed its user, or forbids it).
    Unreadable(u32),
}

/// Decides whose the listener on `port` is, from the table of listeners and the tree below `root`.
pub(crate) fn whose(port: u16, root: u32) -> io::Result<Ownership> {
    let listeners: Vec<Listener> = listeners_on(port)?
        .into_iter()
        .filter(Listener::serves_loopback)
        .collect();
    if listeners.is_empty() {
        return Ok(Ownership::Nobody);
    }
    let mut ours = HashSet::new();
    let mut unreadable = None;
    for process in process::descendants(root) {
        match sockets_of(process.pid) {
            Ok(sockets) => ours.extend(sockets),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => unreadable = Some(process.pid),
            Err(_) => {} // it ended meanwhile
        }
    }
    // With SO_REUSEPORT two processes can listen side by side; then requests may reach the foreign one.
    Ok(
        match (
            listeners.into_iter().find(|l| !ours.contains(&l.inode)),
            unreadable,
        ) {
            (None, _) => Ownership::Ours,
            (Some(_), Some(pid)) => Ownership::Unreadable(pid),
            (Some(foreign), None) => Ownership::Foreign(foreign),
        },
    )
}

/// The listeners that the tree below `root` has, on any port.
pub(crate) fn listeners_of_tree(root: u32) -> Vec<(Listener, ProcessInfo)> {
    let Ok(all) = listeners(None) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for process in process::descendants(root) {
        let Ok(sockets) = sockets_of(process.pid) else {
            continue;
        };
        for listener in all.iter().filter(|l| sockets.contains(&l.inode)) {
            found.push((listener.clone(), process.clone()));
        }
    }
    found
}

/// All listeners on a port, whatever their address.
pub(crate) fn listeners_on(port: u16) -> io::Result<Vec<Listener>> {
    listeners(Some(port))
}

fn listeners(port: Option<u16>) -> io::Result<Vec<Listener>> {
    // Where netlink does not answer (some sandboxes), the table in text does.
    diag::listeners(port).or_else(|_| listeners_in_proc(port))
}

/// The same from `/proc/net/tcp`.
pub(crate) fn listeners_in_proc(port: Option<u16>) -> io::Result<Vec<Listener>> {
    let mut found = parse(&std::fs::read_to_string("/proc/net/tcp")?, port);
    match std::fs::read_to_string("/proc/net/tcp6") {
        Ok(text) => found.extend(parse(&text, port)),
        // A kernel without IPv6 has no such table.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    Ok(found)
}

/// State 0A is LISTEN. Addresses are printed as 32-bit words in the byte order of this machine.
fn parse(table: &str, wanted: Option<u16>) -> Vec<Listener> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let local = fields.nth(1)?;
            let (address, port) = local.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            if fields.nth(1)? != "0A" || wanted.is_some_and(|w| w != port) {
                return None;
            }
            let uid = fields.nth(3)?.parse().ok()?;
            let inode = fields.nth(1)?.parse().ok()?;
            Some(Listener {
                address: parse_address(address)?,
                port,
                inode,
                uid,
            })
        })
        .collect()
}

fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let part = hex.get(at..at + 8)?;
        Some(u32::from_str_radix(part, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for (i, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(i * 8)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// The inodes of all sockets that a process has open.
fn sockets_of(pid: u32) -> io::Result<HashSet<u64>> {
    let mut found = HashSet::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let Ok(entry) = entry else { continue };
        let Ok(target) = std::fs::read_link(entry.path()) else {
            continue;
        };
        let inode: Option<u64> = target
            .to_str()
            .and_then(|t| t.strip_prefix("socket:["))
            .and_then(|t| t.strip_suffix(']'))
            .and_then(|t| t.parse().ok());
        found.extend(inode);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_kernels_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 x 100 0 0 10 0\n\
            1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 x 100 0 0 10 0\n\
            2: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4713 1\n\
            nonsense\n";
        let all = parse(table, None);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].shown(), "127.0.0.1:8080");
        assert_eq!((all[0].inode, all[0].uid), (4711, 1000));
        assert_eq!(all[1].shown(), "[::1]:8081");
        assert!(all[0].serves_loopback() && !all[1].serves_loopback());
        assert_eq!(parse(table, Some(8081)).len(), 1);
    }

    #[test]
    fn a_listener_of_this_process_is_found_and_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = listeners_on(port).unwrap();
        assert_eq!(found.len(), 1);
        let holder = found[0].holder();
        assert_eq!(holder.pid, Some(std::process::id()));
        // Nothing below a process without children can be it: for that root this process is foreign.
        assert!(matches!(whose(port, u32::MAX).unwrap(), Ownership::Foreign(l) if l == found[0]));
        drop(listener);
        assert_eq!(whose(port, u32::MAX).unwrap(), Ownership::Nobody);
    }
}
