//! The one system call without a safe wrapper: locks of open file descriptions.
//!
//! All unsafe code of this crate stands here. POSIX record locks (which rustix wraps) were rejected: they belong to the
//! process, so that a server's keeper cannot inherit one, and any `close` of the file drops them all.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Takes the write lock on one byte, bound to the open file description of `file`. `false`: another one has it.
pub(crate) fn try_lock(file: &File, at: u64) -> io::Result<bool> {
    match call(file, libc::F_OFD_SETLK, libc::F_WRLCK, at, 1) {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Gives the lock on one byte back.
pub(crate) fn unlock(file: &File, at: u64) -> io::Result<()> {
    call(file, libc::F_OFD_SETLK, libc::F_UNLCK, at, 1).map(|_| ())
}

/// Whether another open file description than that of `file` holds a lock on a byte from `at` on; `bytes` 0: to the end of
/// the file and beyond. Has no effect on anything.
pub(crate) fn is_locked(file: &File, at: u64, bytes: u64) -> io::Result<bool> {
    let found = call(file, libc::F_OFD_GETLK, libc::F_WRLCK, at, bytes)?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

fn call(file: &File, command: i32, kind: i32, at: u64, bytes: u64) -> io::Result<libc::flock> {
    let place =
        |n: u64| libc::off_t::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    // SAFETY: `flock` is plain data for which all bits zero is a valid value; the pid must be zero for OFD locks.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = place(at)?;
    lock.l_len = place(bytes)?;
    // SAFETY: the descriptor is open as long as `file` is borrowed; both commands read one `flock` and F_OFD_GETLK writes
    // one back, and `lock` lives and is not shared.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_belongs_to_the_open_file_description() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .unwrap()
        };
        let (one, other) = (open(), open());
        assert!(try_lock(&one, 7).unwrap());
        assert!(!try_lock(&other, 7).unwrap());
        assert!(try_lock(&other, 8).unwrap());
        assert!(is_locked(&other, 7, 1).unwrap());
        // One's own lock is not in one's way.
        assert!(!is_locked(&one, 7, 1).unwrap());
        assert!(is_locked(&one, 1, 0).unwrap());
        // A copy of the descriptor is the same description: closing the original keeps the lock.
        let copy = one.try_clone().unwrap();
        drop(one);
        assert!(is_locked(&other, 7, 1).unwrap());
        drop(copy);
        assert!(!is_locked(&other, 7, 1).unwrap());
        unlock(&other, 8).unwrap();
        assert!(!is_locked(&open(), 0, 0).unwrap());
    }
}
