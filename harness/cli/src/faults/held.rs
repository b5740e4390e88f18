//! The deployments that are held open in this workspace.
//!
//! Promise: a deployment counts only where its console can be connected to: what a harness that was killed has left is no deployment.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::talk::Line;

/// What a harness tells of a console; it may tell more.
#[derive(Debug, Deserialize)]
pub(super) struct Held {
    socket: PathBuf,
    pid: u32,
    server: String,
    url: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held {
            socket,
            pid,
            server,
            url,
        } = self;
        write!(f, "{server} at {url} (pid {pid}): {}", socket.display())
    }
}

/// Where runs of this workspace keep their evidence.
pub(super) fn root() -> PathBuf {
    match std::env::var_os("TRIBUNAL_EVIDENCE_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => dir.into(),
        None => crate::workspace::workspace().target.join("tribunal"),
    }
}

/// Those whose console is open, each with a line to it; the newest first.
pub(super) fn all(root: &Path) -> Vec<(Held, Line)> {
    let mut runs: Vec<PathBuf> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        // `latest` is a link to one of the others.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    runs.sort();
    let open = |run: PathBuf| {
        let text = std::fs::read_to_string(run.join("console/held.json")).ok()?;
        let held: Held = serde_json::from_str(&text).ok()?;
        let line = Line::open(&held.socket).ok()?;
        Some((held, line))
    };
    runs.into_iter().rev().filter_map(open).collect()
}
