//! The steps of `fixtures/perf` and of `--workload FILE…`, each a case.

use std::path::{Path, PathBuf};

use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(performance, e2e);

/// Where the project's own files lie; not there where only the program was taken elsewhere.
fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).join("fixtures/perf")
}

/// The deployment that a file of ours is for: it has its name.
fn deployment_of(file: &Path) -> Option<&str> {
    file.file_stem().and_then(|stem| stem.to_str())
}

/// The project's own files for what is tested.
fn own() -> Vec<PathBuf> {
    let folder = folder();
    let asked = tribunal::deployments_asked_for();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let known = |path: &PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        let meant = deployment_of(path).is_some_and(|name| asked.iter().any(|a| a == name));
        meant && matches!(end, Some("json" | "toml" | "yaml" | "yml"))
    };
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(known).collect();
    files.sort();
    files
}

fn steps() -> Result<Vec<Case<FromFile>>, String> {
    let mut files = own();
    files.extend(tribunal::workloads().iter().cloned());
    steps_of(&files, Purpose::Performance)
}

/// A step keeps to the limits of its file, and is not worse than its baseline.
#[tribunal::test]
#[timeout("2h")]
#[cases(from = steps)]
async fn step(#[case] step: &FromFile, bench: Bench) -> TestResult {
    let ours = step.file.parent() == Some(&folder());
    if let Some(name) = deployment_of(&step.file).filter(|_| ours)
        && name != bench.deployment()
    {
        skip!("{} is for {name}", step.file.display());
    }
    step.measure(&bench).await
}
