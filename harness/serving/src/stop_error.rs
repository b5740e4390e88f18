//! Why a stop was not clean: what is left of a server, by name.
//!
//! What a server leaves behind is the fault of the test that ran it, so it is an error there and not a warning in a
//! log that the next test would suffer from.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::leftover::Leftover;
use crate::process::ProcessInfo;
use crate::text;

/// What is wrong after a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopErrorKind {
    /// Something of the server is still there.
    Residue {
        /// Processes that even SIGKILL did not end.
        left: Vec<ProcessInfo>,
        /// Who still listens on the server's port, in words.
        port_held: Option<String>,
        /// What its processes made and nobody removed.
        leftovers: Vec<Leftover>,
    },
    /// The keeper was killed, so that nobody knows for certain what is left.
    KeeperLost {
        /// How the keeper ended, in words.
        how: String,
        /// Processes of the server that were found without it and killed.
        killed: Vec<ProcessInfo>,
    },
    /// The keeper did not finish in time.
    KeeperSilent {
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Why a stop was not clean: something of the server is left, or may be.
#[derive(Clone)]
pub struct StopError {
    pub(crate) kind: StopErrorKind,
    pub(crate) server: String,
    pub(crate) pid: Option<u32>,
    pub(crate) port: u16,
    pub(crate) log: Option<PathBuf>,
    /// What is wrong with other processes of the same deployment.
    pub(crate) also: Vec<StopError>,
}

impl StopError {
    /// What is wrong, for programs.
    pub fn kind(&self) -> &StopErrorKind {
        &self.kind
    }

    /// The name of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The processes that are known to be left.
    pub fn left(&self) -> &[ProcessInfo] {
        match &self.kind {
            StopErrorKind::Residue { left, .. } => left,
            _ => &[],
        }
    }

    /// What is wrong with other processes of the same deployment.
    pub fn also(&self) -> &[StopError] {
        &self.also
    }

    /// What its processes made and nobody removed, such as shared memory.
    pub fn leftovers(&self) -> &[Leftover] {
        match &self.kind {
            StopErrorKind::Residue { leftovers, .. } => leftovers,
            _ => &[],
        }
    }

    /// What is left, one part per kind; empty where that is not known.
    #[cfg(target_os = "linux")]
    pub(crate) fn parts(&self) -> Vec<String> {
        match &self.kind {
            StopErrorKind::Residue {
                left,
                port_held,
                leftovers,
            } => residue(left, port_held.as_deref(), leftovers, self.port),
            _ => Vec::new(),
        }
    }
}

impl fmt::Debug for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StopError {}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server `{}`", self.server)?;
        if let Some(pid) = self.pid {
            write!(f, " (pid {pid})")?;
        }
        write!(f, " was not stopped cleanly: ")?;
        match &self.kind {
            StopErrorKind::Residue {
                left,
                port_held,
                leftovers,
            } => {
                let parts = residue(left, port_held.as_deref(), leftovers, self.port);
                let mut parts = parts.into_iter();
                f.write_str(&parts.next().unwrap_or_default())?;
                parts.try_for_each(|part| write!(f, "; {part}"))?;
            }
            StopErrorKind::KeeperLost { how, killed } => {
                write!(
                    f,
                    "its keeper ended with {how}, so what is left of the server is not known"
                )?;
                if !killed.is_empty() {
                    write!(f, "; found and killed: {}", list(killed))?;
                }
            }
            StopErrorKind::KeeperSilent { waited } => {
                write!(
                    f,
                    "its keeper did not finish within {}",
                    text::seconds(*waited)
                )?;
            }
        }
        if let Some(log) = &self.log {
            write!(f, "\n  log      {}", log.display())?;
        }
        self.also.iter().try_for_each(|e| write!(f, "\n{e}"))
    }
}

/// What is left of a server, one part per kind.
pub(crate) fn residue(
    left: &[ProcessInfo],
    port_held: Option<&str>,
    leftovers: &[Leftover],
    port: u16,
) -> Vec<String> {
    let mut parts = Vec::new();
    if !left.is_empty() {
        parts.push(format!("these processes do not end: {}", list(left)));
    }
    if let Some(holder) = port_held {
        parts.push(format!("its port {port} is still listened on by {holder}"));
    }
    for leftover in leftovers {
        let remedy = leftover.remedy();
        parts.push(format!("it left {leftover}, which `{remedy}` removes"));
    }
    parts
}

fn list(processes: &[ProcessInfo]) -> String {
    let shown: Vec<String> = processes
        .iter()
        .map(|p| format!("pid {} ({})", p.pid, p.name))
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named() {
        let process = ProcessInfo {
            pid: 7,
            start_time: 1,
            name: "worker".into(),
            parent: 2,
        };
        let error = StopError {
            kind: StopErrorKind::Residue {
                left: vec![process],
                port_held: Some("pid 8 (x)".into()),
                leftovers: vec![Leftover::SharedMemory {
                    path: "/dev/shm/psm_1".into(),
                    bytes: 3,
                }],
            },
            server: "engine".into(),
            pid: Some(6),
            port: 20_001,
            log: None,
            also: Vec::new(),
        };
        assert_eq!(
            error.to_string(),
            "server `engine` (pid 6) was not stopped cleanly: these processes do not end: pid 7 (worker); \
             its port 20001 is still listened on by pid 8 (x); \
             it left /dev/shm/psm_1 (3 bytes), which `rm /dev/shm/psm_1` removes"
        );
    }
}
