//! A body that calls `process::exit` must not look like a finished run.
//!
//! Promise: while a run is in progress, an exit of the process by anybody but the report ends with code 101 and says which cases were running.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use crate::attempt::lock;
use crate::capture::Capture;

struct Guard {
    capture: Arc<Capture>,
    err: File,
}

static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

/// Guards the run against exits until [`guard_exit`] is called with `None`.
pub fn guard_exit(guarded: Option<(Arc<Capture>, File)>) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    if guarded.is_some() {
        ONCE.call_once(|| crate::sys::at_exit(on_exit));
    }
    *lock(&GUARD) = guarded.map(|(capture, err)| Guard { capture, err });
}

extern "C" fn on_exit() {
    // A lock that somebody holds right now means that the report is at work: then it is not our business.
    let Ok(mut guard) = GUARD.try_lock() else {
        return;
    };
    let Some(guard) = guard.take() else { return };
    let running = guard.capture.running();
    let output: Vec<String> = running
        .iter()
        .map(|(index, _)| guard.capture.end(*index, true).text())
        .filter(|t| !t.is_empty())
        .collect();
    let running: Vec<String> = running.into_iter().map(|(_, n)| n).collect();
    let who = match running.as_slice() {
        [] => "something outside of tests".to_owned(),
        [one] => format!("test `{one}`"),
        many => format!("one of the tests {}", many.join(", ")),
    };
    // Standard error may be closed; the exit code says it too.
    let _ = writeln!(
        &guard.err,
        "\nerror: {who} ended the process with `exit` in the middle of the run; what came after it did not run\nhelp: return an error or panic instead"
    );
    if !output.is_empty() {
        let _ = writeln!(
            &guard.err,
            "--- output ---\n{}",
            output.join("\n").trim_end()
        );
    }
    crate::sys::exit_now(crate::outcome::exit::FAILED.into());
}
