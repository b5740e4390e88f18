//! The steps of `fixtures/perf` and of `--workload FILE…`, each a case.

use tribunal::performance::*;
use tribunal::prelude::*;

use crate::own_files;

tribunal::markers!(performance, e2e);

fn steps() -> Result<Vec<Case<FromFile>>, String> {
    own_files::steps("perf", Purpose::Performance)
}

/// A step keeps to the limits of its file, and is not worse than its baseline.
#[tribunal::test]
#[timeout("2h")]
#[cases(from = steps)]
async fn step(#[case] step: &FromFile, bench: Bench) -> TestResult {
    own_files::only_its_own(step, bench.deployment())?;
    step.measure(&bench).await
}
