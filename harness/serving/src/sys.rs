//! The system calls that have no safe wrapper: locks of open file descriptions, signals of the keeper, and the
//! parent-death signal of a child.
//!
//! All unsafe code of this crate stands here. POSIX record locks (which rustix wraps) were rejected: they belong to
//! the process, so that a keeper cannot inherit one and any `close` of the file drops them all.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes the write lock on one byte of the file, bound to the open file description. `false`: somebody has it.
pub(crate) fn try_lock_byte(file: BorrowedFd<'_>, at: u32) -> io::Result<bool> {
    match lock_call(file, libc::F_WRLCK, at) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Gives the lock on one byte back.
pub(crate) fn unlock_byte(file: BorrowedFd<'_>, at: u32) -> io::Result<()> {
    lock_call(file, libc::F_UNLCK, at)
}

fn lock_call(file: BorrowedFd<'_>, kind: i32, at: u32) -> io::Result<()> {
    // SAFETY: `flock` is plain data for which all bits zero is a valid value; the pid must be zero for OFD locks.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = libc::off_t::from(at);
    lock.l_len = 1;
    // SAFETY: the descriptor is open for the length of the borrow, and F_OFD_SETLK reads one `flock`, which lives.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

extern "C" fn note_signal(_: libc::c_int) {
    ASKED_TO_END.store(true, Ordering::Relaxed);
}

/// Whether a signal has asked this keeper to end.
pub(crate) fn asked_to_end() -> bool {
    ASKED_TO_END.load(Ordering::Relaxed)
}

/// Makes the keeper's signals those of a fresh program: none blocked, and the polite ones noted instead of deadly.
///
/// A harness may block or ignore signals, and both are inherited across `exec`: the server would then never see the
/// SIGTERM that asks it to end. A handler (unlike "ignore") is reset to the default in the server.
pub(crate) fn prepare_signals() -> io::Result<()> {
    // SAFETY: `sigaction` and `sigset_t` are plain data for which all bits zero is a valid start; `sigemptyset`
    // initialises the set; the handler only stores to an atomic, which is async-signal-safe; no thread but this one
    // exists in a keeper.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        if libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) == -1 {
            return Err(io::Error::last_os_error());
        }
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
            action.sa_mask = none;
            if libc::sigaction(signal, &raw const action, std::ptr::null_mut()) == -1 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// Lets the child die when this thread does: the second belt, for a keeper that is itself killed.
///
/// Must be called on the main thread of a keeper, which lives as long as the keeper: the signal is bound to the
/// *thread* that forks.
pub(crate) fn die_with_keeper(command: &mut Command) {
    let keeper = std::process::id();
    let set = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The keeper may have died between the fork and the line above; then nobody is left to signal us.
        let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().get().unsigned_abs());
        if parent == Some(keeper) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec only two direct system calls are made; nothing is allocated and no lock taken.
    unsafe { command.pre_exec(set) };
}
