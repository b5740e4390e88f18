//! The system calls that have no safe wrapper in our dependencies.

use std::ffi::c_int;

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
