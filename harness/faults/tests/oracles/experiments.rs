//! Whole experiments on the embedded engine.

use std::time::Duration;

use tribunal_faults::{
    Experiment, Fault, FaultErrorKind, GiveUp, Load, Oracle, Payload, Proven, Ruling, Scene, Step,
};
use tribunal_serving::{Offers, Workers};

use crate::engine::{Engine, Stopped};

const LONG: Duration = Duration::from_secs(20);

fn streams(count: u32) -> Load {
    Load::always(Payload::chat().stream().tokens(400), count).limit(Duration::from_secs(40))
}

pub async fn a_killed_worker_is_felt_told_and_left_nothing() {
    let engine = Engine::start("--workers 1 --tpot-ms 5").await;
    let victim = engine.workers().await[0];
    let report = Experiment::new(
        "kill worker 0",
        &engine.server,
        &engine.model,
        &engine.timeline,
    )
    .load(streams(4))
    .evidence(&engine.folder)
    .expect_all([
        Oracle::InFlightEndsWithin(LONG),
        Oracle::SomeFail(4),
        Oracle::FailsFastWithin(LONG),
        Oracle::NothingHangs,
        Oracle::HealthTellsWithin(LONG),
        Oracle::HealthTellsTheTruth,
        Oracle::ErrorForm,
        Oracle::StreamsToldApart,
        Oracle::FreesSlotsWithin(LONG),
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
        Oracle::NoResidue,
        Oracle::EndsWhenAsked,
    ])
    .run(async |_| engine.kill(victim).await)
    .await
    .expect("an experiment");
    report.held_all().expect("an honest engine");
    let figures = &report.figures;
    assert!(figures.t_first_error >= figures.t_inject && figures.t_detected >= figures.t_inject);
    assert_eq!(
        figures.goodput_after,
        Some(0.0),
        "it has no worker any more"
    );
    let steps: Vec<Step> = report.timeline.iter().map(|entry| entry.step).collect();
    let order = [Step::Announced, Step::Proven, Step::Undone];
    let places = order.map(|step| steps.iter().position(|one| *one == step));
    assert!(places.is_sorted() && places[0].is_some(), "{report}");
    let text = std::fs::read_to_string(engine.folder.join("faults.json")).expect("evidence");
    let read: tribunal_faults::Report = serde_json::from_str(&text).expect("a report");
    // A judgement can be made again from what was written.
    for judgement in &read.judgements {
        let again = judgement.oracle.judge(&read.observed);
        assert_eq!(again.ruling, judgement.ruling, "{judgement}");
    }
}

pub async fn a_killed_server_leaves_nothing() {
    let engine = Engine::start("--workers 2 --tpot-ms 5").await;
    let report = Experiment::new("kill root", &engine.server, &engine.model, &engine.timeline)
        .load(Load::rate(Payload::chat().stream().tokens(200), 20.0).limit(LONG))
        .expect_all([
            Oracle::InFlightEndsWithin(LONG),
            Oracle::FailsFastWithin(LONG),
            Oracle::HealthTellsWithin(LONG),
            Oracle::StaysAliveFor(LONG),
            Oracle::ErrorForm,
            Oracle::StreamsToldApart,
            Oracle::Conserved,
            Oracle::NoResidue,
        ])
        .run(async |_| engine.kill(engine.root()).await)
        .await
        .expect("an experiment");
    let broken: Vec<&Oracle> = report.broken().map(|one| &one.oracle).collect();
    assert_eq!(broken, [&Oracle::StaysAliveFor(LONG)], "{report}");
    // Nobody is left who could answer with an error.
    let form = report
        .judgements
        .iter()
        .find(|one| one.oracle == Oracle::ErrorForm);
    assert!(
        form.is_some_and(|one| matches!(one.ruling, Ruling::NotMade(_))),
        "{report}"
    );
    assert!(
        report
            .held()
            .is_err_and(|broken| broken.to_string().contains("kill root"))
    );
}

pub async fn a_stopped_server_is_noticed_and_comes_back() {
    let engine = Engine::start("--workers 1 --tpot-ms 5").await;
    let report = Experiment::new("stop root", &engine.server, &engine.model, &engine.timeline)
        .load(streams(2))
        .hold(Duration::from_millis(300))
        .expect_all([
            Oracle::RecoversWithin(LONG),
            Oracle::NeighboursUnaffected,
            Oracle::HealthTellsWithin(Duration::from_millis(200)),
            Oracle::Conserved,
        ])
        .run(async |moment| Ok(Stopped::now(engine.root(), moment.timeline).await))
        .await
        .expect("an experiment");
    let of = |oracle: &Oracle| {
        let found = report.judgements.iter().find(|one| one.oracle == *oracle);
        found.expect("a judgement").ruling.clone()
    };
    assert_eq!(of(&Oracle::RecoversWithin(LONG)), Ruling::Held, "{report}");
    assert_eq!(of(&Oracle::Conserved), Ruling::Held, "{report}");
    // A server that stands still says nothing at all, and silence is no word.
    let told = of(&Oracle::HealthTellsWithin(Duration::from_millis(200)));
    assert_eq!(told, Ruling::Broken, "{report}");
    let neighbours = of(&Oracle::NeighboursUnaffected);
    assert!(matches!(neighbours, Ruling::NotMade(_)), "{report}");
    engine.server.stop().await.expect("a clean stop");
}

pub async fn the_fault_always_falls_into_a_stream() {
    let engine = Engine::start("--workers 2 --tpot-ms 2").await;
    for run in 0..crate::loads::runs() {
        let load = Load::at_once(Payload::chat().stream().tokens(600), 1 + run % 4);
        let report = Experiment::new("nothing", &engine.server, &engine.model, &engine.timeline)
            .load(load.limit(LONG))
            .after(Duration::ZERO)
            .expect(Oracle::Conserved)
            .run(async |moment| {
                let one = &moment.in_flight[0];
                assert!(one.events > 0 && one.asked.is_some_and(|all| u64::from(one.events) < all));
                Ok(Proven::new(moment.timeline, "in time"))
            })
            .await
            .expect("in flight");
        report.held_all().expect("accounts");
        let proven = report.observed.in_flight.expect("proof");
        assert!(!proven.is_empty());
    }
    engine.server.stop().await.expect("a clean stop");
}

pub async fn what_was_given_up_is_freed_and_harms_nobody() {
    let engine = Engine::start("--workers 2 --tpot-ms 3").await;
    let load = Load::at_once(Payload::completion().stream().tokens(150).alike(), 8);
    let report = Experiment::new("abort", &engine.server, &engine.model, &engine.timeline)
        .load(load.give_up(GiveUp::Events(4), 2).limit(LONG))
        .expect_all([
            Oracle::FreesSlotsWithin(Duration::from_secs(10)),
            Oracle::HostMemoryGrowsAtMost(64 << 20),
            Oracle::NeighboursUnaffected,
            Oracle::AnsweredAlike,
            Oracle::NoDoubleAnswer,
            Oracle::HealthTellsTheTruth,
            Oracle::RecoversWithin(LONG),
            Oracle::Conserved,
            Oracle::NoResidue,
        ])
        .run(async |moment| {
            // The clients are the fault.
            let aborted =
                |one: &tribunal_faults::Seen| one.ending == tribunal_faults::Ending::Aborted;
            while moment
                .running
                .seen()
                .0
                .iter()
                .filter(|one| aborted(one))
                .count()
                < 4
            {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(Proven::new(moment.timeline, "four went away"))
        })
        .await
        .expect("an experiment");
    report.held_all().expect("an honest engine");
    assert_eq!(report.figures.accounts.aborted, 4);
}

pub async fn a_named_fault_is_injected_into_a_scene() {
    let engine = Engine::start("--workers 2 --tpot-ms 5").await;
    let workers = Workers {
        pattern: "engine-worker".into(),
        count: Some(2),
    };
    let offers = Offers {
        workers: Some(workers),
        ..Offers::default()
    };
    let scene = Scene::new(engine.server.clone(), &offers);
    let fault: Fault = "stop worker 0".parse().expect("a fault");
    let report = Experiment::of(&fault, &scene, &engine.model)
        .load(streams(4))
        .hold(Duration::from_millis(300))
        .expect_all([
            Oracle::RecoversWithin(LONG),
            Oracle::NothingHangs,
            Oracle::Conserved,
        ])
        .inject()
        .await
        .expect("an experiment");
    report.held_all().expect("it goes on");
    let steps = report.timeline.iter().map(|entry| entry.step);
    let steps: Vec<Step> = steps.filter(|step| *step != Step::Observed).collect();
    assert_eq!(
        steps,
        [Step::Announced, Step::Injected, Step::Proven, Step::Undone],
        "{report}"
    );
    engine.server.stop().await.expect("a clean stop");
}

pub async fn a_fault_beside_the_requests_is_no_result() {
    let engine = Engine::start("--workers 1 --tpot-ms 2").await;
    let run = Experiment::new("nothing", &engine.server, &engine.model, &engine.timeline)
        .load(Load::at_once(Payload::chat().stream().tokens(50), 1))
        .run(async |moment| {
            // The streams end before anything is done.
            while !moment.running.in_flight().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(Proven::new(moment.timeline, "too late"))
        })
        .await;
    let error = run.expect_err("no result");
    assert_eq!(error.kind(), FaultErrorKind::NotReached, "{error}");
    let idle = Experiment::new("nothing", &engine.server, &engine.model, &engine.timeline)
        .load(Load::at_once(Payload::chat(), 0))
        .begun_within(Duration::from_millis(100))
        .run(async |moment| Ok(Proven::new(moment.timeline, "never called")))
        .await;
    assert!(idle.is_err_and(|error| error.to_string().contains("no request was under way")));
    engine.server.stop().await.expect("a clean stop");
}
