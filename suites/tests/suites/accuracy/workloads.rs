//! The accuracy benchmarks of `fixtures/accuracy` and of `--workload FILE…`, each a case.

use tribunal::performance::{FromFile, Purpose};
use tribunal::prelude::*;

use crate::own_files;

fn steps() -> Result<Vec<Case<FromFile>>, String> {
    own_files::steps("accuracy", Purpose::Accuracy)
}

/// As many answers are right as the file says, no fewer and no more.
#[tribunal::test]
#[timeout("6h")]
#[cases(from = steps)]
async fn benchmark(#[case] step: &FromFile, server: &Server, api: ModelClient) -> TestResult {
    own_files::only_its_own(step, server.name())?;
    step.examine(&api).await
}
