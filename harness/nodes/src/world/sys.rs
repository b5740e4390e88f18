//! The system calls for namespaces that are not safe by their nature.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// Gives this thread a network of its own.
pub(super) fn new_network() -> io::Result<()> {
    unshare(UnshareFlags::NEWNET)
}

/// Gives this process, which must have one thread, users of its own, among whom it may do everything, and a network that belongs to them.
pub(super) fn new_users_and_network() -> io::Result<()> {
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET)
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the flags here unshare no descriptors and no memory, so that nothing which another thread or a library holds changes its meaning.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// Brings this thread into a network.
pub(super) fn enter(network: &OwnedFd) -> io::Result<()> {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(io::Error::from)
}

/// Lets a command begin its life in a network.
pub(super) fn start_in(command: &mut Command, network: Arc<OwnedFd>) {
    let enter = move || enter(&network);
    // SAFETY: between fork and exec only `setns` is called, a system call that takes no lock and allocates nothing; the descriptor is held by the closure.
    unsafe {
        command.pre_exec(enter);
    }
}
