//! The one system call of an agent that has no safe wrapper: what a child does between fork and exec.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Lets the child die with the thread that starts it: the belt for an agent that is itself killed.
///
/// Must be called on a thread that lives as long as the agent.
pub(crate) fn die_with_agent(command: &mut Command) {
    let agent = std::process::id();
    let set = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The agent may have died between the fork and the line above; then nobody is left to signal us.
        let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().get().unsigned_abs());
        if parent == Some(agent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec only two direct system calls are made; nothing is allocated and no lock taken.
    unsafe { command.pre_exec(set) };
}
