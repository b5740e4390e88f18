//! What is left of a server when it has been stopped.
//!
//! The figures are those of the stop itself, which knows the tree; here they are only made into data that an oracle can judge. A process that
//! its keeper had to end counts as left: without us it would be there.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tribunal_serving::{ProcessInfo, StopError, StopErrorKind, StopReport};

use crate::observed::Known;

/// What was left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remains {
    /// When everything that could be waited for was over.
    pub at: Duration,
    /// Processes that outlived the server's own process and had to be stopped.
    pub outlived: Vec<String>,
    /// Processes that did not end when asked, and were killed.
    pub killed: Vec<String>,
    /// Processes that even SIGKILL did not end.
    pub left: Vec<String>,
    /// Who still listens on the port.
    pub port_held: Option<String>,
    /// Shared memory and the like.
    pub leftovers: Vec<String>,
    /// What is left on devices, in words; an empty list: nothing.
    pub devices: Known<Vec<String>>,
    /// What could not be checked.
    pub notes: Vec<String>,
}

impl Remains {
    /// What a stop found.
    ///
    /// # Errors
    /// In words: where the server was not stopped, or nobody knows what is left of it.
    pub fn of_stop(
        at: Duration,
        stopped: &Result<StopReport, StopError>,
        devices: Known<Vec<String>>,
    ) -> Known<Self> {
        let mut remains = Self {
            at,
            outlived: Vec::new(),
            killed: Vec::new(),
            left: Vec::new(),
            port_held: None,
            leftovers: Vec::new(),
            devices,
            notes: Vec::new(),
        };
        match stopped {
            Ok(report) if report.processes.is_empty() => {
                return Err("the server is somebody else's, and was not stopped".into());
            }
            Ok(report) if report.shared => {
                return Err("the server is shared, and was not stopped".into());
            }
            Ok(report) => {
                remains.outlived = named(&report.outlived);
                remains.killed = named(&report.killed);
                remains.notes.clone_from(&report.notes);
            }
            Err(error) => {
                for error in std::iter::once(error).chain(error.also()) {
                    remains.take(error)?;
                }
            }
        }
        Ok(remains)
    }

    fn take(&mut self, error: &StopError) -> Known<()> {
        match error.kind() {
            StopErrorKind::Residue {
                left,
                port_held,
                leftovers,
            } => {
                self.left.extend(named(left));
                self.port_held = self.port_held.take().or_else(|| port_held.clone());
                self.leftovers
                    .extend(leftovers.iter().map(ToString::to_string));
                Ok(())
            }
            _ => Err(error.to_string()),
        }
    }

    /// Everything that should not be there on the host, one entry each.
    pub fn all(&self) -> Vec<String> {
        let of = |what: &str, list: &[String]| {
            (!list.is_empty()).then(|| format!("{what} {}", list.join(", ")))
        };
        [
            of("outlived the server and had to be stopped:", &self.outlived),
            of("survived SIGKILL:", &self.left),
            self.port_held
                .as_ref()
                .map(|who| format!("the port is still held: {who}")),
            of("nobody removed:", &self.leftovers),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn named(list: &[ProcessInfo]) -> Vec<String> {
    list.iter()
        .map(|p| format!("pid {} ({})", p.pid, p.name))
        .collect()
}
