//! A session at the fault console of `embedded`, saved as a test.

use tribunal::faults::{Experiment, Oracle, Script};
use tribunal::prelude::*;
use tribunal::{offers, serving::Offers};

/// What was done by hand is done again: `load 50`, then `stop worker 0 for 300ms`, then `toxic latency 5ms`, then `undo`, then `kill worker 1`.
#[tribunal::test]
#[slow]
#[server(fresh)]
#[timeout("300s")]
async fn console_session(server: Server, offers: Offers) -> TestResult {
    let script = Script::new([
        ("0ms", "load 50"),
        ("30ms", "stop worker 0 for 300ms"),
        ("40ms", "toxic latency 5ms"),
        ("120ms", "undo"),
        ("150ms", "kill worker 1"),
    ])?;
    let scene = Script::scene(&server, &offers)?;
    let model = Script::model(&scene)?;
    // What must hold is yours to say: `Oracle` has all there is.
    let report = Experiment::new(script.to_string(), &server, &model, &scene.timeline)
        .expect(Oracle::Conserved)
        .evidence(tribunal::evidence()?)
        .run(async |moment| script.play(&scene, moment).await)
        .await?;
    report.held()?;
    Ok(())
}
