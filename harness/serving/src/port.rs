//! Leases of ports across processes: one file, one lock per port, freed by the kernel when the holder dies.
//!
//! A lease is an OFD lock on the byte *number of the port* of one file; behind the 65,536 bytes that stand for the
//! ports the file keeps the holder's pid per port, for messages only. The descriptor is handed to the keeper, so that
//! the lease lasts exactly as long as the server. "Bind, look, close, hope" was rejected: between the close and the
//! server's own bind anybody may take the port; a registry with times was rejected, because time frees ports that
//! are in use and keeps those of the dead.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::socket::{self, Holder};
use crate::sys;

/// Where the pids begin in the file; eight bytes each.
const PIDS: u64 = 65_536;
/// The preferred ports: below the ephemeral range that Linux has by default (32768–60999), below 30000, where
/// Kubernetes puts node ports, and above the ports that well-known services use.
const PREFERRED: RangeInclusive<u16> = 20_000..=29_999;

/// The right to use one port, held by an open file description.
#[derive(Debug)]
pub(crate) struct PortLease {
    pub port: u16,
    file: File,
}

/// Why no port could be leased.
#[derive(Debug)]
pub(crate) enum PortError {
    Folder {
        path: PathBuf,
        error: io::Error,
    },
    /// Every port of the range is taken; up to three holders, in words.
    Exhausted {
        range: RangeInclusive<u16>,
        holders: Vec<String>,
    },
    Taken {
        port: u16,
        holder: String,
    },
}

impl PortLease {
    /// Leases a free port of the range. The search begins at a place that differs from process to process and from
    /// call to call, so that processes that start together do not walk over the same ports.
    pub(crate) fn take(folder: &Path, range: RangeInclusive<u16>) -> Result<Self, PortError> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let seed = u64::from(std::process::id()) << 20 | CALLS.fetch_add(1, Ordering::Relaxed);
        let file = open(folder)?;
        let failed = |error| PortError::Folder {
            path: folder.into(),
            error,
        };
        for port in from_somewhere(&range, seed) {
            if try_take(&file, port, Rests::Refused)
                .map_err(failed)?
                .is_none()
            {
                return Ok(PortLease { port, file });
            }
        }
        let mut holders = Vec::new();
        for port in from_somewhere(&range, seed) {
            match try_take(&file, port, Rests::Accepted).map_err(failed)? {
                None => return Ok(PortLease { port, file }),
                Some(holder) if holders.len() < 3 => holders.push(holder.shown(port)),
                Some(_) => {}
            }
        }
        Err(PortError::Exhausted { range, holders })
    }

    /// Leases exactly this port.
    pub(crate) fn take_exactly(folder: &Path, port: u16) -> Result<Self, PortError> {
        let file = open(folder)?;
        match try_take(&file, port, Rests::Accepted) {
            Ok(None) => Ok(PortLease { port, file }),
            Ok(Some(holder)) => Err(PortError::Taken {
                port,
                holder: holder.shown(port),
            }),
            Err(error) => Err(PortError::Folder {
                path: folder.into(),
                error,
            }),
        }
    }

    /// The descriptor that holds the lease; whoever has a copy of it holds the lease too.
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

/// Binds the port and lets it go. It is never listened on: nobody can mistake this for a server.
fn bind(port: u16, rests: Rests) -> io::Result<()> {
    let kind = (AddressFamily::INET, SocketType::STREAM);
    let socket = rustix::net::socket_with(kind.0, kind.1, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, rests == Rests::Accepted)?;
    Ok(rustix::net::bind(
        &socket,
        &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
    )?)
}

fn read_pid(file: &File, port: u16) -> Option<u32> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, PIDS + 8 * u64::from(port))
        .ok()?;
    u32::try_from(u64::from_le_bytes(bytes))
        .ok()
        .filter(|pid| *pid != 0)
}

fn open(folder: &Path) -> Result<File, PortError> {
    open_file(folder).map_err(|error| PortError::Folder {
        path: folder.into(),
        error,
    })
}

/// Opens the file of leases, making folder and file on first use so that several users can share them.
///
/// The folder may lie in a directory where everybody may write: links are not followed, and the file is opened
/// without O_CREAT first, because the kernel refuses O_CREAT on another user's file there (fs.protected_regular).
fn open_file(folder: &Path) -> io::Result<File> {
    match std::fs::DirBuilder::new().mode(0o1777).create(folder) {
        // The mode given is cut by the umask.
        Ok(()) => std::fs::set_permissions(folder, PermissionsExt::from_mode(0o1777))?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(e),
    }
    if !std::fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is no directory (a link is refused)",
        ));
    }
    let path = folder.join("ports");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    loop {
        match options.open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        match options.clone().create_new(true).mode(0o666).open(&path) {
            Ok(file) => {
                file.set_permissions(PermissionsExt::from_mode(0o666))?;
                return Ok(file);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
    }
}

/// Where leases of this machine lie: `$XDG_RUNTIME_DIR/tribunal`, else `tribunal-HOST` in the temporary folder.
pub(crate) fn default_folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|r| r.is_dir());
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    folder(runtime, &std::env::temp_dir(), &host)
}

fn folder(runtime: Option<PathBuf>, temporary: &Path, host: &str) -> PathBuf {
    if let Some(runtime) = runtime.filter(|r| r.is_absolute()) {
        return runtime.join("tribunal");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let host: String = host
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    temporary.join(format!("tribunal-{host}"))
}

/// The ports that are leased on this machine: outside the range from which the kernel takes ports for connections.
pub(crate) fn default_range() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    outside(text.ok().and_then(|t| parse_range(&t)))
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<u16>);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

/// The preferred ports without the ephemeral ones; if nothing is left of them, the wider side beside the ephemeral
/// range; if there is none either, the preferred ports all the same (the check by bind remains).
fn outside(ephemeral: Option<RangeInclusive<u16>>) -> RangeInclusive<u16> {
    let Some(ephemeral) = ephemeral.filter(|r| r.start() <= r.end()) else {
        return PREFERRED;
    };
    let sides = |all: RangeInclusive<u16>| {
        let below = *all.start()..=(*all.end()).min(ephemeral.start().saturating_sub(1));
        let above = (*all.start()).max(ephemeral.end().saturating_add(1))..=*all.end();
        if below.len() >= above.len() {
            below
        } else {
            above
        }
    };
    [
        sides(PREFERRED),
        sides(10_000..=65_535),
        sides(1_024..=65_535),
    ]
    .into_iter()
    .find(|range| range.len() >= 100 && !ephemeral.contains(range.start()))
    .unwrap_or(PREFERRED)
}

/// All ports of the range once, beginning at a place that depends on the seed.
fn from_somewhere(range: &RangeInclusive<u16>, seed: u64) -> impl Iterator<Item = u16> {
    let length = range.len() as u64;
    // Fibonacci hashing: neighbouring seeds land far apart.
    let start = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16) % length.max(1);
    let first = u64::from(*range.start());
    (0..length).filter_map(move |i| u16::try_from(first + (start + i) % length).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_range_avoids_the_ephemeral_ports() {
        for (text, expected) in [
            ("32768\t60999\n", 20_000..=29_999),
            ("16000 65000", 10_000..=15_999),
            ("10000 65535", 1_024..=9_999),
            ("10000 30000", 30_001..=65_535),
            ("25000 60000", 20_000..=24_999),
            ("1024 65535", 20_000..=29_999),
            ("nonsense", 20_000..=29_999),
            ("9 3", 20_000..=29_999),
        ] {
            assert_eq!(outside(parse_range(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_folder_is_one_per_user_or_one_per_machine() {
        let folder = |runtime: Option<&str>, host| {
            folder(runtime.map(PathBuf::from), Path::new("/tmp"), host)
                .display()
                .to_string()
        };
        assert_eq!(folder(Some("/run/user/1"), "h"), "/run/user/1/tribunal");
        assert_eq!(folder(None, "gpu-3.lab"), "/tmp/tribunal-gpu-3.lab");
        assert_eq!(folder(Some("relative"), "../x"), "/tmp/tribunal-.._x");
    }

    #[test]
    fn every_port_comes_once_from_wherever() {
        for seed in 0..50 {
            let mut ports: Vec<u16> = from_somewhere(&(65_530..=65_535), seed).collect();
            ports.sort_unstable();
            assert_eq!(ports, [65_530, 65_531, 65_532, 65_533, 65_534, 65_535]);
        }
        #[expect(
            clippy::reversed_empty_ranges,
            reason = "an empty range is what is tested"
        )]
        let empty = 5..=4;
        assert_eq!(from_somewhere(&empty, 1).count(), 0);
    }

    #[test]
    fn a_lease_excludes_others_until_its_last_copy_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (range, _reserved) = free_pair();
        let a = PortLease::take(folder.path(), range.clone()).unwrap();
        let b = PortLease::take(folder.path(), range.clone()).unwrap();
        assert_ne!(a.port, b.port);
        let Err(PortError::Exhausted { holders, .. }) =
            PortLease::take(folder.path(), range.clone())
        else {
            panic!("a third lease of two ports");
        };
        let me = format!("pid {}", std::process::id());
        assert!(holders.iter().all(|h| h.contains(&me)), "{holders:?}");
        let port = a.port;
        let first = a.into_descriptor();
        let copy = first.try_clone().unwrap();
        drop(first);
        let taken = PortLease::take_exactly(folder.path(), port);
        assert!(matches!(taken, Err(PortError::Taken { .. })));
        drop(copy);
        assert_eq!(
            PortLease::take_exactly(folder.path(), port).unwrap().port,
            port
        );
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_leased() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let Err(PortError::Taken { holder, .. }) = PortLease::take_exactly(folder.path(), port)
        else {
            panic!("leased a port in use");
        };
        assert!(
            holder.contains(&format!("pid {}", std::process::id())),
            "{holder}"
        );
        drop(listener);
        PortLease::take_exactly(folder.path(), port).unwrap();
    }

    #[test]
    fn a_port_where_closed_connections_rest_is_the_last_choice() {
        let folder = tempfile::tempdir().unwrap();
        let (range, _reserved) = free_pair();
        let rested = *range.end();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, rested)).unwrap();
        let mut client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, rested)).unwrap();
        // Who closes first keeps the port in TIME_WAIT.
        drop(listener.accept().unwrap());
        std::io::Read::read(&mut client, &mut [0]).unwrap();
        drop((client, listener));
        let first = PortLease::take(folder.path(), range.clone()).unwrap();
        let second = PortLease::take(folder.path(), range.clone()).unwrap();
        assert_eq!((first.port, second.port), (*range.start(), rested));
    }

    #[test]
    fn a_link_instead_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let error = PortLease::take_exactly(&link, 20_000).unwrap_err();
        assert!(matches!(error, PortError::Folder { .. }), "{error:?}");
    }

    /// Two neighbouring ports that nobody uses, leased in the default folder as well for as long as the test lasts.
    fn free_pair() -> (RangeInclusive<u16>, [PortLease; 2]) {
        loop {
            let lease = PortLease::take(&default_folder(), default_range()).unwrap();
            if lease.port < 65_535
                && let Ok(next) = PortLease::take_exactly(&default_folder(), lease.port + 1)
            {
                return (lease.port..=lease.port + 1, [lease, next]);
            }
        }
    }
}
