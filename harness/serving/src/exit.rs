//! How a process ended, in words.

use std::process::ExitStatus;

/// "exit code 3", "signal 9 (SIGKILL)": what the standard library prints, with the number and name of the signal.
pub(crate) fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            let name = signal_name(signal).map_or(String::new(), |n| format!(" ({n})"));
            let core = if status.core_dumped() {
                ", core dumped"
            } else {
                ""
            };
            return format!("signal {signal}{name}{core}");
        }
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// The signals that end servers, with the numbers that Linux has on x86-64 and Arm.
#[cfg(unix)]
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn codes_and_signals_are_named() {
        assert_eq!(in_words(ExitStatus::from_raw(3 << 8)), "exit code 3");
        assert_eq!(in_words(ExitStatus::from_raw(9)), "signal 9 (SIGKILL)");
        assert_eq!(
            in_words(ExitStatus::from_raw(11 | 0x80)),
            "signal 11 (SIGSEGV), core dumped"
        );
        assert_eq!(in_words(ExitStatus::from_raw(40)), "signal 40");
    }
}
