//! `--stress` before anything else is read: whether this process runs the rounds, or is one of them.
//!
//! Promise: only a run is repeated; a list or a question is answered once. Rejected: reading vocabulary and tests here too (the first round does, and
//! says what is wrong with them).

use std::ffi::OsString;

use tribunal_runner::{Options, Task, UsageError};

/// The exit code of the stress that was asked for, once its rounds have ended; `None`: this process runs what it was asked for itself.
pub(crate) fn asked(
    args: &[OsString],
    options: &mut Options,
    round: bool,
) -> Result<Option<u8>, UsageError> {
    if options.stress.is_none() && options.stress_duration.is_none() {
        return Ok(None);
    }
    if options.hold {
        return Err(UsageError(
            "--hold and --stress exclude one another: the first runs no test".into(),
        ));
    }
    if round {
        // What is repeated here would hide what is looked for.
        options.retries = Some(0);
        return Ok(None);
    }
    match options.task {
        Task::Run => tribunal_runner::stress(args, options).map(Some),
        _ => Ok(None),
    }
}
