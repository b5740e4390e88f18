//! Misbehaviours of the embedded engine, each caught by the oracle that is meant for it.

use std::time::{Duration, Instant};

use tribunal_faults::{Experiment, GiveUp, Load, Oracle, Payload, Proven, Report};

use crate::engine::Engine;

const LIMIT: Duration = Duration::from_secs(6);
const SOON: Duration = Duration::from_secs(3);
/// Reached only when a test fails.
const DEADLINE: Duration = Duration::from_secs(60);

fn chats(count: u32) -> Load {
    Load::always(Payload::chat().stream().tokens(500), count).limit(LIMIT)
}

/// So many at once, and none after them.
fn streams(count: u32) -> Load {
    Load::at_once(Payload::chat().stream().tokens(1000), count).limit(DEADLINE)
}

/// What is done to the server.
enum Deed {
    KillWorker,
    KillRoot,
    Nothing,
    /// Clients went away, as many.
    Aborts(usize),
}

async fn experiment(engine: &Engine, load: Load, deed: Deed, oracle: &Oracle) -> Report {
    let victim = engine.workers().await[0];
    Experiment::new("bad", &engine.server, &engine.model, &engine.timeline)
        .load(load)
        .expect(oracle.clone())
        .run(async |moment| match deed {
            Deed::KillWorker => engine.kill(victim).await,
            Deed::KillRoot => engine.kill(engine.root()).await,
            Deed::Nothing => Ok(Proven::new(moment.timeline, "nothing is done")),
            Deed::Aborts(count) => {
                let gone = || {
                    let seen = moment.running.seen().0;
                    let aborted = tribunal_faults::Ending::Aborted;
                    seen.iter().filter(|one| one.ending == aborted).count()
                };
                let deadline = Instant::now() + DEADLINE;
                while gone() < count {
                    assert!(Instant::now() < deadline, "only {} went away", gone());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(Proven::new(moment.timeline, "clients went away"))
            }
        })
        .await
        .expect("an experiment")
}

/// The same experiment holds on an honest engine and is broken on the one that behaves so.
async fn caught(name: &str, options: &str, load: fn() -> Load, deed: fn() -> Deed, oracle: Oracle) {
    let honest = Engine::start(options).await;
    let report = experiment(&honest, load(), deed(), &oracle).await;
    report
        .held_all()
        .unwrap_or_else(|broken| panic!("honest, {name}: {broken}"));
    let bad = Engine::start(&format!("{options} --misbehave {name}")).await;
    let report = experiment(&bad, load(), deed(), &oracle).await;
    assert_eq!(report.broken().count(), 1, "{name}: {report}");
}

pub async fn whoever_hides_that_a_worker_is_dead_is_caught() {
    let one = "--workers 1 --tpot-ms 3";
    let kill = || Deed::KillWorker;
    let load = || chats(3);
    caught(
        "health-stays-200",
        one,
        load,
        kill,
        Oracle::HealthTellsWithin(SOON),
    )
    .await;
    caught(
        "health-stays-200",
        one,
        load,
        kill,
        Oracle::HealthTellsTheTruth,
    )
    .await;
    caught(
        "hang-instead-of-error",
        one,
        load,
        kill,
        Oracle::NothingHangs,
    )
    .await;
    caught(
        "slow-to-fail",
        one,
        load,
        kill,
        Oracle::InFlightEndsWithin(SOON),
    )
    .await;
    caught(
        "stream-ends-as-if-complete",
        one,
        load,
        kill,
        Oracle::StreamsToldApart,
    )
    .await;
    caught("error-not-json", one, load, kill, Oracle::ErrorForm).await;
    caught("counters-lost", one, load, kill, Oracle::Conserved).await;
}

pub async fn whoever_keeps_what_is_not_his_is_caught() {
    let two = "--workers 2 --tpot-ms 3";
    let aborts = || streams(4).give_up(GiveUp::Events(3), 2);
    caught(
        "slot-not-freed",
        two,
        aborts,
        || Deed::Aborts(2),
        Oracle::FreesSlotsWithin(SOON),
    )
    .await;
    // One goes away, so that whoever is disturbed is a neighbour: of two that go together one may be taken for a neighbour of the other.
    let aborts = || streams(8).give_up(GiveUp::Events(3), 8);
    caught(
        "neighbour-disturbed",
        "--workers 1 --tpot-ms 3",
        aborts,
        || Deed::Aborts(1),
        Oracle::NeighboursUnaffected,
    )
    .await;
    let root = || Deed::KillRoot;
    caught("leaked-worker", two, || chats(2), root, Oracle::NoResidue).await;
}

pub async fn whoever_gives_wrong_answers_is_caught() {
    let one = "--workers 1 --tpot-ms 3";
    let nothing = || Deed::Nothing;
    let load = || streams(2);
    caught("double-answer", one, load, nothing, Oracle::NoDoubleAnswer).await;
    let alike = || {
        let river = Payload::completion().stream().tokens(400).alike();
        let town = river.clone().prompt("The town");
        Load::at_once(river, 2).and(town).limit(DEADLINE)
    };
    caught(
        "crossed-answers",
        one,
        alike,
        nothing,
        Oracle::AnsweredAlike,
    )
    .await;
}
