//! Sockets of the file system on which a shared server is met: made for one user, found by a path of any length.
//!
//! A socket's address holds 108 bytes, and the folders of a build are easily longer. Such a path is reached through the
//! descriptor of its folder. Abstract addresses, which have no file, were rejected: every user could connect.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Longer paths do not fit; the address ends with a zero byte.
const LONGEST: usize = 107;

/// Listens at the path, for this user alone, and does not wait in `accept`. A socket that is there and that nobody listens
/// on is replaced.
pub(crate) fn listen(path: &Path) -> io::Result<UnixListener> {
    let (_folder, address) = address(path)?;
    let listener = match UnixListener::bind(&address) {
        Err(e)
            if e.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(&address).is_err() =>
        {
            std::fs::remove_file(path)?;
            UnixListener::bind(&address)?
        }
        other => other?,
    };
    // The folder is private; this is the second bolt.
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to whoever of this user listens at the path.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let (_folder, address) = address(path)?;
    let socket = UnixStream::connect(address)?;
    if same_user(&socket) {
        Ok(socket)
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user listens there",
        ))
    }
}

/// Whether the other end belongs to this user.
pub(crate) fn same_user(socket: &UnixStream) -> bool {
    rustix::net::sockopt::socket_peercred(socket)
        .is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// An address that fits, and what must live while it is used.
fn address(path: &Path) -> io::Result<(Option<File>, PathBuf)> {
    if path.as_os_str().len() <= LONGEST {
        return Ok((None, path.into()));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no path of a file",
        ));
    };
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC)
        .open(folder)?;
    let address = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok((Some(folder), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_length_are_met_and_an_abandoned_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120)).join("y".repeat(120));
        std::fs::create_dir_all(&deep).unwrap();
        for path in [folder.path().join("s"), deep.join("s")] {
            assert!(connect(&path).is_err());
            let first = listen(&path).unwrap();
            assert!(listen(&path).is_err(), "two cannot listen");
            drop(first);
            assert!(path.exists() && connect(&path).is_err());
            let second = listen(&path).unwrap();
            let client = connect(&path).unwrap();
            // The probe above left a connection in neither queue.
            let (server, _) = second.accept().unwrap();
            assert!(same_user(&client) && same_user(&server));
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
