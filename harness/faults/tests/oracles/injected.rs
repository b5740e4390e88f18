//! Faults by their names in experiments.

use std::time::Duration;

use tribunal_faults::{Experiment, Fault, Load, Oracle, Payload, Scene, Step};
use tribunal_serving::{Offers, Workers};

use crate::engine::Engine;

const LONG: Duration = Duration::from_secs(20);

pub async fn a_fault_is_injected_into_streams_and_taken_back_once() {
    let engine = Engine::start("--workers 1 --tpot-ms 5").await;
    let offers = Offers {
        workers: Some(Workers {
            pattern: "engine-worker".into(),
            count: None,
        }),
        ..Offers::default()
    };
    let scene = Scene::new(engine.server.clone(), &offers);
    let fault: Fault = "kill worker 0".parse().expect("a fault");
    let payload = Payload::chat().stream().tokens(400);
    let report = Experiment::new(
        fault.to_string(),
        &engine.server,
        &engine.model,
        &engine.timeline,
    )
    .load(Load::always(payload, 4).limit(Duration::from_secs(40)))
    .expect_all([
        Oracle::InFlightEndsWithin(LONG),
        Oracle::SomeFail(4),
        Oracle::Conserved,
    ])
    .run(async |moment| fault.inject_at(&scene, moment).await)
    .await
    .expect("an experiment");
    report.held_all().expect("an honest engine");
    // One story: what the fault notes and what the experiment notes is not said twice.
    let steps: Vec<Step> = report.timeline.iter().map(|entry| entry.step).collect();
    for step in [Step::Announced, Step::Injected, Step::Proven, Step::Undone] {
        assert_eq!(steps.iter().filter(|s| **s == step).count(), 1, "{report}");
    }
}
