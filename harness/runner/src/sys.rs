//! The system calls that have no safe wrapper in our dependencies.

use std::ffi::c_int;
#[cfg(target_os = "linux")]
use std::process::Command;

unsafe extern "C" {
    fn atexit(callback: extern "C" fn()) -> c_int;
    fn _exit(code: c_int) -> !;
}

/// Runs `callback` when the process ends by `exit`, also by a call in a test's body.
pub(crate) fn at_exit(callback: extern "C" fn()) {
    // SAFETY: `callback` is a function without captures that lives as long as the process; registration has no other precondition.
    unsafe {
        atexit(callback);
    }
}

/// Ends the process at once, without running exit handlers again.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: always sound; nothing of the process runs afterwards.
    unsafe { _exit(code) }
}

/// Lets the child die when this process does. Must be called on the main thread of a process that has no other: the signal is bound to the thread
/// that forks.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let own = std::process::id();
    let set = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The parent may have died between the fork and the line above; then nobody is left to signal us.
        let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().get().unsigned_abs());
        if parent == Some(own) {
            Ok(())
        } else {
            Err(std::io::ErrorKind::NotFound.into())
        }
    };
    // SAFETY: between fork and exec only two direct system calls are made; nothing is allocated and no lock taken.
    unsafe { command.pre_exec(set) };
}
