//! The workspace that a command is typed in.
//!
//! Promise: where cargo cannot tell, everything is in the current folder. Rejected: looking for `Cargo.toml` by hand (the target folder may be configured elsewhere).

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where the workspace is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

/// Asks cargo where the workspace is; without one, everything is here.
pub(crate) fn workspace() -> Workspace {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let told: Option<Value> = asked
        .ok()
        .and_then(|output| serde_json::from_slice(&output.stdout).ok());
    let path = |key: &str| told.as_ref()?[key].as_str().map(PathBuf::from);
    let here = || std::env::current_dir().unwrap_or_default();
    Workspace {
        root: path("workspace_root").unwrap_or_else(here),
        target: path("target_directory").unwrap_or_else(|| here().join("target")),
    }
}
