//! How a supervised command ended. Plain data, written by the supervisor and read by whoever started it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A process that outlived the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlived {
    /// Its number, which may mean another process by now.
    pub pid: i32,
    /// Its name, as the kernel keeps it.
    pub name: String,
}

impl fmt::Display for Outlived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.pid)
    }
}

/// How it ended; in `result.json`, and one line on the supervisor's standard output.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ending {
    /// It could not be started, and why.
    pub not_started: Option<String>,
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its time was up.
    pub timed_out: bool,
    /// Whoever started it went away, or stopped it.
    pub abandoned: bool,
    /// How long it took, with its end.
    pub seconds: f64,
    /// What still ran after the command had ended, and was ended.
    pub outlived: Vec<Outlived>,
    /// What could not be ended.
    pub stuck: Vec<Outlived>,
    /// Bytes of standard output and error that were not kept.
    pub dropped: BTreeMap<String, u64>,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.not_started, self.timed_out, self.signal, self.code) {
            (Some(why), ..) => write!(f, "could not be started: {why}"),
            (None, true, ..) => f.write_str("its time was up"),
            (None, false, Some(signal), _) => write!(f, "ended by {}", signal_name(signal)),
            (None, false, None, Some(code)) => write!(f, "ended with exit code {code}"),
            (None, false, None, None) => f.write_str("how it ended is not known"),
        }
    }
}

pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
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
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}
