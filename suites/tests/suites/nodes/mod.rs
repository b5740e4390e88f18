//! What files of several nodes ask of their servers: each file of `--deploy FILE.yaml` is a case. Those of the project lie in `fixtures/nodes`.

use tribunal::nightly::{FromNodes, layouts_of};
use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(performance, e2e);

fn layouts() -> Result<Vec<Case<FromNodes>>, String> {
    layouts_of(&tribunal::nightly::files_asked_for())
}

/// Everything that a file asks is done, and one list says what is not as the file wants it.
#[tribunal::test]
#[timeout("6h")]
#[cases(from = layouts)]
async fn layout(#[case] layout: &FromNodes, bench: Bench) -> TestResult {
    layout.only_its_own(bench.deployment())?;
    layout.run(&bench).await
}
