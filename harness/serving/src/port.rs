//! Leases of ports across processes: one file, one lock per port, freed by the kernel when the holder dies.
//!
//! A lease is an OFD lock on the byte *number of the port* of one file; behind the 65,536 bytes that stand for the
//! ports the file keeps the holder's pid per port, for messages only. The descriptor is handed to the keeper, so that
//! the lease lasts exactly as long as the server. "Bind, look, close, hope" was rejected: between the close and the
//! server's own bind anybody may take the port; a registry with times was rejected, because time frees ports that
//! are in use and keeps those of the dead.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

pub(crate) use crate::lease_file::default_folder;
pub(crate) use crate::port_range::default_range;

use crate::port_range::{firsts, from_somewhere};
use crate::socket::{self, Holder};
use crate::{lease_file, sys};

/// Where the pids begin in the file; eight bytes each.
const PIDS: u64 = 65_536;

/// The right to use a block of contiguous ports, held by an open file description.
#[derive(Debug)]
pub(crate) struct PortLease {
    /// The first port of the block.
    pub port: u16,
    pub count: u16,
    file: File,
    /// Sockets that are bound and not listened on.
    held: Vec<OwnedFd>,
}

/// Why no port could be leased.
#[derive(Debug)]
pub(crate) enum PortError {
    Folder {
        path: PathBuf,
        error: io::Error,
    },
    /// No block of that many ports is free in the range; up to three holders, in words.
    Exhausted {
        range: RangeInclusive<u16>,
        count: u16,
        holders: Vec<String>,
    },
    Taken {
        port: u16,
        holder: String,
    },
}

impl PortLease {
    /// Leases `count` contiguous free ports of the range, none of them in `avoid`. The search begins at a place that differs from process to
    /// process and from call to call, so that processes that start together do not walk over the same ports.
    pub(crate) fn take(
        folder: &Path,
        range: RangeInclusive<u16>,
        count: u16,
        avoid: &[u16],
    ) -> Result<Self, PortError> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let seed = u64::from(std::process::id()) << 20 | CALLS.fetch_add(1, Ordering::Relaxed);
        let failed = |error| PortError::Folder {
            path: folder.into(),
            error,
        };
        let file = lease_file::open(folder).map_err(failed)?;
        let count = count.max(1);
        let first = firsts(&range, count);
        let mut holders: Vec<String> = Vec::new();
        for rests in [Rests::Refused, Rests::Accepted] {
            holders.clear();
            for port in from_somewhere(&first, seed) {
                if (port..=port + (count - 1)).any(|p| avoid.contains(&p)) {
                    continue;
                }
                match try_block(&file, port, count, rests).map_err(failed)? {
                    None => {
                        return Ok(PortLease {
                            port,
                            count,
                            file,
                            held: Vec::new(),
                        });
                    }
                    // Words cost a look at every process: only where they are shown.
                    Some((port, holder)) if rests == Rests::Accepted && holders.len() < 3 => {
                        let shown = holder.shown(port);
                        if !holders.contains(&shown) {
                            holders.push(shown);
                        }
                    }
                    Some(_) => {}
                }
            }
        }
        Err(PortError::Exhausted {
            range,
            count,
            holders,
        })
    }

    /// Leases exactly this port and the `count - 1` behind it.
    pub(crate) fn take_exactly(folder: &Path, port: u16, count: u16) -> Result<Self, PortError> {
        let failed = |error| PortError::Folder {
            path: folder.into(),
            error,
        };
        let file = lease_file::open(folder).map_err(failed)?;
        let count = count.max(1);
        if port.checked_add(count - 1).is_none() || port == 0 {
            let holder =
                format!("a block of {count} ports from {port} does not lie within 1 to 65535");
            return Err(PortError::Taken { port, holder });
        }
        match try_block(&file, port, count, Rests::Accepted).map_err(failed)? {
            None => Ok(PortLease {
                port,
                count,
                file,
                held: Vec::new(),
            }),
            Some((port, holder)) => Err(PortError::Taken {
                port,
                holder: holder.shown(port),
            }),
        }
    }

    /// Keeps the ports bound until [`PortLease::into_descriptor`], against programs that know nothing of leases, while other processes of the
    /// deployment start. A port that cannot be bound exclusively (closed connections rest on it) is only leased.
    pub(crate) fn hold(&mut self) {
        for port in self.port..=self.port + (self.count - 1) {
            if let Ok(sockets) = bind(port, Rests::Refused) {
                self.held.extend(sockets);
            }
        }
    }

    /// The descriptor that holds the lease; whoever has a copy of it holds the lease too. From here on the ports can be bound.
    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.file.into()
    }
}

/// Whether a port counts as free on which only closed connections of an earlier server rest (TIME_WAIT, a minute).
/// Most servers do not mind (SO_REUSEADDR); those that do would fail to bind.
#[derive(Clone, Copy, PartialEq)]
enum Rests {
    Refused,
    Accepted,
}

enum InTheWay {
    Lease(Option<u32>),
    Listener(Holder),
    /// Not leased and not listened on, but the bind failed.
    Bind(io::Error),
}

impl InTheWay {
    fn shown(&self, port: u16) -> String {
        match self {
            InTheWay::Lease(Some(pid)) => {
                format!(
                    "port {port} is leased by {}",
                    crate::process::describe(*pid)
                )
            }
            InTheWay::Lease(None) => {
                format!("port {port} is leased by a process that did not name itself")
            }
            InTheWay::Listener(holder) => format!("port {port} is used by {holder}"),
            InTheWay::Bind(error) => format!("port {port} cannot be bound: {error}"),
        }
    }
}

/// `None`: all ports of the block are locked now. Otherwise none is, and this one is in use.
fn try_block(
    file: &File,
    first: u16,
    count: u16,
    rests: Rests,
) -> io::Result<Option<(u16, InTheWay)>> {
    for port in first..=first + (count - 1) {
        if let Some(holder) = try_take(file, port, rests)? {
            for taken in first..port {
                sys::unlock_byte(file.as_fd(), u32::from(taken))?;
            }
            return Ok(Some((port, holder)));
        }
    }
    Ok(None)
}

/// `None`: the lock is taken now, and nobody uses the port.
fn try_take(file: &File, port: u16, rests: Rests) -> io::Result<Option<InTheWay>> {
    if !sys::try_lock_byte(file.as_fd(), u32::from(port))? {
        return Ok(Some(InTheWay::Lease(read_pid(file, port))));
    }
    // Programs that know nothing of leases: listeners on whatever address, and sockets that are bound only.
    let in_the_way = match socket::listeners_on(port)?.first() {
        Some(listener) => Some(InTheWay::Listener(listener.holder())),
        None => bind(port, rests).err().map(InTheWay::Bind),
    };
    if in_the_way.is_some() {
        sys::unlock_byte(file.as_fd(), u32::from(port))?;
    } else {
        let pid = u64::from(std::process::id()).to_le_bytes();
        // Only messages read it: a full disk must not keep a server from starting.
        let _ = file.write_all_at(&pid, PIDS + 8 * u64::from(port));
    }
    Ok(in_the_way)
}

/// Binds the port on both loopback addresses, which fails as well where somebody holds it on all addresses. It is never
/// listened on: nobody can mistake this for a server.
fn bind(port: u16, rests: Rests) -> io::Result<Vec<OwnedFd>> {
    let bind_to = |family, address: SocketAddr| -> rustix::io::Result<OwnedFd> {
        let socket =
            rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, rests == Rests::Accepted)?;
        if family == AddressFamily::INET6 {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        rustix::net::bind(&socket, &address)?;
        Ok(socket)
    };
    let v4 = bind_to(AddressFamily::INET, (Ipv4Addr::LOCALHOST, port).into())?;
    match bind_to(AddressFamily::INET6, (Ipv6Addr::LOCALHOST, port).into()) {
        Ok(v6) => Ok(vec![v4, v6]),
        // Only what is in use is in the way: many machines and most containers have no IPv6.
        Err(Errno::ADDRINUSE) => Err(Errno::ADDRINUSE.into()),
        Err(_) => Ok(vec![v4]),
    }
}

fn read_pid(file: &File, port: u16) -> Option<u32> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, PIDS + 8 * u64::from(port))
        .ok()?;
    u32::try_from(u64::from_le_bytes(bytes))
        .ok()
        .filter(|pid| *pid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_lease_excludes_others_until_its_last_copy_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (range, _reserved) = free_block(2);
        let a = PortLease::take(folder.path(), range.clone(), 1, &[]).unwrap();
        let b = PortLease::take(folder.path(), range.clone(), 1, &[]).unwrap();
        assert_ne!(a.port, b.port);
        let Err(PortError::Exhausted { holders, .. }) =
            PortLease::take(folder.path(), range.clone(), 1, &[])
        else {
            panic!("a third lease of two ports");
        };
        let me = format!("pid {}", std::process::id());
        assert!(holders.iter().all(|h| h.contains(&me)), "{holders:?}");
        let port = a.port;
        let first = a.into_descriptor();
        let copy = first.try_clone().unwrap();
        drop(first);
        let taken = PortLease::take_exactly(folder.path(), port, 1);
        assert!(matches!(taken, Err(PortError::Taken { .. })));
        drop(copy);
        let again = PortLease::take_exactly(folder.path(), port, 1).unwrap();
        assert_eq!(again.port, port);
    }

    #[test]
    fn a_block_is_taken_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (range, _reserved) = free_block(5);
        let first = *range.start();
        let middle = PortLease::take_exactly(folder.path(), first + 2, 1).unwrap();
        let refused = PortLease::take(folder.path(), range.clone(), 3, &[]);
        assert!(matches!(
            refused,
            Err(PortError::Exhausted { count: 3, .. })
        ));
        // What the failed attempts had locked on the way is free again.
        let pair = PortLease::take(folder.path(), range.clone(), 2, &[first, first + 1]).unwrap();
        assert_eq!((pair.port, pair.count), (first + 3, 2));
        let other = PortLease::take(folder.path(), range.clone(), 2, &[]).unwrap();
        assert_eq!(other.port, first);
        drop((middle, pair, other));
        let all = PortLease::take(folder.path(), range.clone(), 5, &[]).unwrap();
        assert_eq!((all.port, all.count), (first, 5));
        let more = PortLease::take(folder.path(), range, 6, &[]);
        assert!(matches!(more, Err(PortError::Exhausted { .. })));
        let beyond = PortLease::take_exactly(folder.path(), 65_535, 2);
        assert!(matches!(beyond, Err(PortError::Taken { .. })));
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_leased() {
        let folder = tempfile::tempdir().unwrap();
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                assert!(address.starts_with('['), "only IPv6 may be missing");
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let Err(PortError::Taken { holder, .. }) =
                PortLease::take_exactly(folder.path(), port, 1)
            else {
                panic!("leased a port in use on {address}");
            };
            let me = format!("pid {}", std::process::id());
            assert!(holder.contains(&me), "{address}: {holder}");
        }
    }

    #[test]
    fn a_port_that_is_bound_only_is_not_leased_and_a_held_one_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let (range, _reserved) = free_block(2);
        let port = *range.start();
        for address in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ] {
            let family = if address.is_ipv4() {
                AddressFamily::INET
            } else {
                AddressFamily::INET6
            };
            let socket =
                rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
            let Ok(socket) = socket else { continue };
            if rustix::net::bind(&socket, &address).is_err() {
                continue;
            }
            let refused = PortLease::take_exactly(folder.path(), port, 1);
            assert!(matches!(refused, Err(PortError::Taken { .. })), "{address}");
        }
        let mut lease = PortLease::take(folder.path(), range, 2, &[]).unwrap();
        lease.hold();
        for port in [lease.port, lease.port + 1] {
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err());
        }
    }

    #[test]
    fn a_port_where_closed_connections_rest_is_the_last_choice() {
        let folder = tempfile::tempdir().unwrap();
        let (range, _reserved) = free_block(2);
        let rested = *range.end();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, rested)).unwrap();
        let mut client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, rested)).unwrap();
        // Who closes first keeps the port in TIME_WAIT.
        drop(listener.accept().unwrap());
        std::io::Read::read(&mut client, &mut [0]).unwrap();
        drop((client, listener));
        let first = PortLease::take(folder.path(), range.clone(), 1, &[]).unwrap();
        let second = PortLease::take(folder.path(), range.clone(), 1, &[]).unwrap();
        assert_eq!((first.port, second.port), (*range.start(), rested));
    }

    /// Neighbouring ports that nobody uses, leased in the default folder as well for as long as the test lasts.
    fn free_block(count: u16) -> (RangeInclusive<u16>, PortLease) {
        let lease = PortLease::take(&default_folder(), default_range(), count, &[]).unwrap();
        (lease.port..=lease.port + (count - 1), lease)
    }
}
