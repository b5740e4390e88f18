//! The one system call of this program that needs `unsafe`.
//!
//! Promise: it is made by a process that exists for nothing else. Rejected: the `unshare` program, which is not everywhere and
//! says in words of its own what failed.

#[cfg(target_os = "linux")]
pub(crate) use rustix::thread::UnshareFlags;

/// Moves the calling process into new namespaces.
#[cfg(target_os = "linux")]
pub(crate) fn unshare(namespaces: UnshareFlags) -> std::io::Result<()> {
    // SAFETY: the call is unsound only where threads of one process come to differ in what they share (file descriptors
    // above all). The flags passed here are namespaces alone, and the caller is the single thread of a process that does
    // nothing but try them.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }.map_err(Into::into)
}
