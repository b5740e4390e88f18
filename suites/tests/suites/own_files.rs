//! The project's own workload files, beside those of `--workload FILE…`. One of ours is for the deployment whose name it has.

use std::path::{Path, PathBuf};

use tribunal::performance::{FromFile, Purpose, steps_of};
use tribunal::prelude::*;

/// Where the project's own files lie; not there where only the program was taken elsewhere.
fn fixtures() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).join("fixtures")
}

/// The deployment that a file of ours is for.
fn deployment_of(file: &Path) -> Option<&str> {
    file.file_stem().and_then(|stem| stem.to_str())
}

/// The steps of this purpose in the files of `fixtures/FOLDER` that are for a deployment that was asked for, and in those of `--workload`.
pub fn steps(folder: &str, purpose: Purpose) -> Result<Vec<Case<FromFile>>, String> {
    let asked = tribunal::deployments_asked_for();
    let entries = std::fs::read_dir(fixtures().join(folder));
    let meant = |path: &PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        let named = deployment_of(path).is_some_and(|name| asked.iter().any(|a| a == name));
        named && matches!(end, Some("json" | "toml" | "yaml" | "yml"))
    };
    let paths = entries.into_iter().flatten().flatten().map(|e| e.path());
    let mut files: Vec<PathBuf> = paths.filter(meant).collect();
    files.sort();
    files.extend(tribunal::workloads().iter().cloned());
    steps_of(&files, purpose)
}

/// Skips a step of ours on another deployment than the one that it is for: several may be asked for at once.
pub fn only_its_own(step: &FromFile, deployment: &str) -> Result<(), Error> {
    let ours = step.file.starts_with(fixtures());
    match deployment_of(&step.file).filter(|name| ours && *name != deployment) {
        Some(name) => skip!("{} is for {name}", step.file.display()),
        None => Ok(()),
    }
}
