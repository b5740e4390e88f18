//! The soaks of `fixtures/stability` and of `--workload FILE…`, each a case.

use std::path::{Path, PathBuf};

use tribunal::performance::{FromFile, Purpose, steps_of};
use tribunal::prelude::*;
use tribunal::stability::*;

/// The project's own files; none where only the program was taken elsewhere.
fn own() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package
        .parent()
        .unwrap_or(package)
        .join("fixtures/stability");
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
    steps_of(&files, Purpose::Stability)
}

/// A soak as its file says: nothing fails, hangs or dies, and what was long enough to be judged does not drift.
#[tribunal::test]
#[timeout("30m")]
#[cases(from = steps)]
async fn step(#[case] step: &FromFile, steady: Steady) -> TestResult {
    step.soak(steady).await
}
