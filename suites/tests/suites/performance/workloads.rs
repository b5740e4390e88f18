//! The steps of `fixtures/perf` and of `--workload FILE…`, each a case.

use std::path::{Path, PathBuf};

use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(performance, e2e);

/// The project's own files; none where only the program was taken elsewhere.
fn own() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.parent().unwrap_or(package).join("fixtures/perf");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let known = |path: &PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        matches!(end, Some("json" | "toml" | "yaml" | "yml"))
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
    step.measure(&bench).await
}
