//! The system call that has no safe wrapper in our dependencies.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use std::os::unix::process::ExitStatusExt as _;

/// What an ended process used, with all its descendants that were waited for.
pub struct Used {
    /// How it ended.
    pub status: ExitStatus,
    /// Time on processors.
    pub processor: Duration,
    /// The largest resident size of any single one of them, in bytes.
    pub peak: u64,
}

/// Waits for a child and says what it used.
pub fn wait(child: Child) -> io::Result<Used> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: all fields of `rusage` are integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to locals that outlive the call; the child was not waited for, because that takes it by value.
        let waited = unsafe { libc::wait4(pid, &mut status, 0, &mut usage) };
        if waited == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let time = |t: libc::timeval| {
        Duration::new(
            u64::try_from(t.tv_sec).unwrap_or(0),
            u32::try_from(t.tv_usec).unwrap_or(0) * 1_000,
        )
    };
    // Linux counts in kibibytes, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ok(Used {
        status: ExitStatus::from_raw(status),
        processor: time(usage.ru_utime) + time(usage.ru_stime),
        peak: u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit,
    })
}
