//! What nodes files ask of their servers: each layout of `--deploy FILE.yaml` is a case. Those of the project lie in `fixtures/nodes`.

use std::path::Path;

use tribunal::nightly::{self, FromNodes};
use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(performance, e2e);

fn layouts() -> Result<Vec<Case<FromNodes>>, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.parent().unwrap_or(package);
    nightly::layouts(&root.join("fixtures/nodes"))
}

/// Everything that a file asks is done, and one list says what is not as the file wants it.
#[tribunal::test]
#[timeout("6h")]
#[cases(from = layouts)]
async fn layout(#[case] layout: &FromNodes, bench: Bench) -> TestResult {
    layout.run(&bench).await
}
