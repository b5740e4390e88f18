//! The soaks of `fixtures/stability` and of `--workload FILE…`, each a case.

use tribunal::performance::{FromFile, Purpose};
use tribunal::prelude::*;
use tribunal::stability::*;

use crate::own_files;

fn steps() -> Result<Vec<Case<FromFile>>, String> {
    own_files::steps("stability", Purpose::Stability)
}

/// A soak as its file says: nothing fails, hangs or dies, and what was long enough to be judged does not drift.
#[tribunal::test]
#[timeout("30m")]
#[cases(from = steps)]
async fn step(#[case] step: &FromFile, steady: Steady) -> TestResult {
    own_files::only_its_own(step, steady.server().name())?;
    step.soak(steady).await
}
