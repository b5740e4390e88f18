//! Every way in which the embedded engine can be told to go wrong under a fault is caught by the oracle that is meant for it; the honest engine breaks none.
//!
//! The engine is started by the case itself, so these run whatever the run tests. They show what the other cases of this folder can see.

use std::time::Duration;

use tribunal::faults::{
    Account, Experiment, Fault, FaultError, FaultErrorKind, GiveUp, Load, Moment, Oracle, Payload,
    Proven, Report, Scene, Timeline,
};
use tribunal::hardware::Simulated;
use tribunal::prelude::*;
use tribunal::serving::{Offers, Workers};

use super::memory::card;
use super::stage::client;

/// What an honest engine has no trouble to keep, on a busy machine as well.
const SOON: Duration = Duration::from_secs(6);
/// Longer than that: when we give up what hangs.
const LIMIT: Duration = Duration::from_secs(8);
/// Longer than what is late on purpose.
const LATE: Duration = Duration::from_secs(15);

/// What is done to the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    /// Its only worker is killed under streams; more is asked afterwards.
    KillWorker,
    /// The same, with requests for text and for sound.
    KillWorkerTextAndSound,
    /// Its only worker stands still for a while.
    StopWorker,
    /// Every second client goes away.
    Abort,
    /// The same on devices, of which sequences take memory.
    AbortOnDevices,
    /// Its own process is killed.
    KillRoot,
    /// It is asked to end while streams are under way for which there is time.
    Drain,
    /// Nothing: two kinds of requests run side by side.
    Nothing,
    /// Every second client is wrong.
    WrongClients,
    /// More comes than may wait.
    TooMany,
}

#[tribunal::test]
#[timeout("3m")]
#[cases(
    health_stays_200 = ("health-stays-200", Deed::KillWorker, Oracle::HealthTellsWithin(SOON)),
    hang_instead_of_error = ("hang-instead-of-error", Deed::KillWorker, Oracle::NothingHangs),
    slow_to_fail = ("slow-to-fail", Deed::KillWorker, Oracle::FailsFastWithin(SOON)),
    error_not_json = ("error-not-json", Deed::KillWorker, Oracle::ErrorForm),
    stream_ends_as_if_complete = ("stream-ends-as-if-complete", Deed::KillWorker, Oracle::StreamsToldApart),
    text_and_audio_differ = ("text-and-audio-differ", Deed::KillWorkerTextAndSound, Oracle::TextAndAudioFailAlike),
    never_recovers = ("never-recovers", Deed::StopWorker, Oracle::RecoversWithin(SOON)),
    neighbour_disturbed = ("neighbour-disturbed", Deed::Abort, Oracle::NeighboursUnaffected),
    slot_not_freed = ("slot-not-freed", Deed::Abort, Oracle::FreesSlotsWithin(SOON)),
    memory_leaked_on_abort = ("memory-leaked-on-abort", Deed::AbortOnDevices, Oracle::FreesMemoryWithin(SOON)),
    leaked_worker = ("leaked-worker", Deed::KillRoot, Oracle::NoResidue),
    drain_cuts_streams = ("drain-cuts-streams", Deed::Drain, Oracle::NeighboursUnaffected),
    double_answer = ("double-answer", Deed::Nothing, Oracle::NoDoubleAnswer),
    crossed_answers = ("crossed-answers", Deed::Nothing, Oracle::AnsweredAlike),
    breaker_on_client_errors = ("breaker-on-client-errors", Deed::WrongClients, Oracle::NeighboursUnaffected),
    counters_lost = ("counters-lost", Deed::KillWorker, Oracle::Conserved),
    refusal_without_retry_after = ("refusal-without-retry-after", Deed::TooMany, Oracle::RefusalsSayWhen),
)]
async fn caught(#[case] name: &str, #[case] deed: Deed, #[case] oracle: Oracle) -> TestResult {
    let honest = experiment(None, deed).await?;
    honest
        .held()
        .map_err(|broken| Error::msg(format!("the honest engine: {broken}")))?;
    let made = honest.judgements.iter().find(|one| one.oracle == oracle);
    if !made.is_some_and(|one| one.is_made()) {
        fail!("of the honest engine `{oracle}` says nothing, so it would catch nobody\n{honest}");
    }
    let bad = experiment(Some(name), deed).await?;
    let broken: Vec<&str> = bad.broken().map(|one| one.oracle.name()).collect();
    tribunal::log!("{name} breaks: {}", broken.join(", "));
    if !broken.contains(&oracle.name()) {
        fail!("`{oracle}` does not catch {name}\n{bad}");
    }
    Ok(())
}

async fn experiment(misbehaviour: Option<&str>, deed: Deed) -> Result<Report, Error> {
    let mut options: Vec<&str> = match deed {
        Deed::Abort => vec!["--workers", "1", "--slots", "16", "--tpot-ms", "5"],
        Deed::AbortOnDevices => vec![
            "--workers",
            "1",
            "--slots",
            "16",
            "--tpot-ms",
            "5",
            "--kv-cache-gib",
            "1",
            "--activation-mib",
            "100",
        ],
        Deed::Drain => vec!["--tpot-ms", "5", "--drain-ms", "20000"],
        Deed::TooMany => vec![
            "--workers",
            "1",
            "--slots",
            "1",
            "--queue",
            "1",
            "--tpot-ms",
            "2",
        ],
        Deed::KillRoot => vec!["--tpot-ms", "5"],
        _ => vec!["--workers", "1", "--slots", "8", "--tpot-ms", "5"],
    };
    options.extend(
        misbehaviour
            .map(|name| ["--misbehave", name])
            .into_iter()
            .flatten(),
    );
    let mut deployment = tribunal::embedded()?.args(options);
    if deed == Deed::AbortOnDevices {
        let folder = format!("devices-{}", misbehaviour.unwrap_or("honest"));
        let path = tribunal::evidence()?.join(folder);
        let ledger = Simulated::create(&path, &[card()])?;
        deployment = deployment
            .env("TRIBUNAL_SIMULATED_DEVICES", ledger.path())
            .env("TRIBUNAL_DEVICES", "0");
    }
    let server = deployment.start().await?;
    let report = done(&server, deed).await;
    // Whoever broke it knows how it ends.
    let _ = server.shut_down().await;
    report.map_err(Error::of)
}

fn stream(tokens: u64) -> Payload {
    Payload::chat().stream().tokens(tokens)
}

async fn done(server: &Server, deed: Deed) -> Result<Report, FaultError> {
    let offers = Offers {
        workers: Some(Workers {
            pattern: "engine-worker".into(),
            count: None,
        }),
        ..Offers::default()
    };
    let scene = Scene::new(server.clone(), &offers);
    let model = client(server, server.base_url()).map_err(|error| {
        FaultError::new(FaultErrorKind::NotReached, "a client", error.to_string())
    })?;
    let fault = |text: &str| {
        text.parse::<Fault>()
            .map_err(|error| FaultError::new(FaultErrorKind::NotReached, text, error.to_string()))
    };
    let doing = |what: &str| Experiment::new(what, server, &model, &scene.timeline);
    match deed {
        Deed::KillWorker => {
            let new = Load::at_once(stream(8), 2)
                .and(Payload::chat().tokens(8))
                .limit(LATE);
            Experiment::of(&fault("kill worker 0")?, &scene, &model)
                .load(Load::at_once(stream(400), 4).limit(LATE))
                .then(new)
                .expect_all(killed())
                .inject()
                .await
        }
        Deed::KillWorkerTextAndSound => {
            // In one piece: a stream that was let in before the death was known would fail in another way, and by right.
            let new = Load::at_once(Payload::chat().tokens(8), 4)
                .and(Payload::speech().voice("alto"))
                .limit(LATE);
            Experiment::of(&fault("kill worker 0")?, &scene, &model)
                .load(Load::at_once(stream(400), 4).limit(LATE))
                .then(new)
                .expect_all(killed())
                .expect(Oracle::TextAndAudioFailAlike)
                .inject()
                .await
        }
        Deed::StopWorker => {
            Experiment::of(&fault("stop worker 0")?, &scene, &model)
                .load(Load::at_once(stream(400), 4).limit(LATE))
                .hold(Duration::from_secs(2))
                .expect_all([
                    Oracle::RecoversWithin(SOON),
                    Oracle::HealthTellsWithin(SOON),
                ])
                .inject()
                .await
        }
        Deed::Abort | Deed::AbortOnDevices => {
            let frees = match deed {
                Deed::Abort => Oracle::FreesSlotsWithin(SOON),
                _ => Oracle::FreesMemoryWithin(SOON),
            };
            doing("every second client goes away")
                .load(
                    Load::at_once(stream(400), 8)
                        .give_up(GiveUp::Events(3), 2)
                        .limit(LATE),
                )
                .expect_all([
                    Oracle::NeighboursUnaffected,
                    frees,
                    Oracle::NothingHangs,
                    Oracle::Conserved,
                ])
                .run(aborted)
                .await
        }
        Deed::KillRoot => {
            Experiment::of(&fault("kill root")?, &scene, &model)
                .load(Load::at_once(stream(400), 4).limit(LATE))
                .expect_all([
                    Oracle::NoResidue,
                    Oracle::NothingHangs,
                    Oracle::StreamsToldApart,
                ])
                .inject()
                .await
        }
        Deed::Drain => {
            Experiment::of(&fault("terminate root")?, &scene, &model)
                .load(Load::at_once(stream(200), 4).neighbours().limit(LATE))
                .expect_all([
                    Oracle::NeighboursUnaffected,
                    Oracle::InFlightEndsWithin(LATE),
                    Oracle::HealthTellsWithin(SOON),
                    Oracle::StreamsToldApart,
                ])
                .inject()
                .await
        }
        Deed::Nothing => {
            let other = Payload::completion().stream().tokens(120).alike();
            doing("nothing")
                .load(Load::at_once(stream(120).alike(), 8).and(other).limit(LATE))
                .expect_all([
                    Oracle::NoDoubleAnswer,
                    Oracle::AnsweredAlike,
                    Oracle::Conserved,
                ])
                .run(nothing)
                .await
        }
        Deed::WrongClients => {
            let wrong = Payload::chat()
                .extra("temperature", -1)
                .extra("max_tokens", -1);
            let right = Load::rate(stream(20), 10.0).neighbours().limit(LATE);
            doing("clients that are wrong")
                .load(right)
                .then(Load::at_once(wrong, 5).faulty().limit(LATE))
                .hold(Duration::from_secs(1))
                .expect_all([
                    Oracle::NeighboursUnaffected,
                    Oracle::ErrorForm,
                    Oracle::Conserved,
                ])
                .run(nothing)
                .await
        }
        Deed::TooMany => {
            doing("more than may wait")
                .load(Load::at_once(stream(400), 1).limit(LATE))
                .then(Load::at_once(stream(20), 8).limit(LATE))
                .expect_all([
                    Oracle::RefusalsSayWhen,
                    Oracle::ErrorForm,
                    Oracle::Conserved,
                ])
                .run(nothing)
                .await
        }
    }
}

fn killed() -> Vec<Oracle> {
    vec![
        Oracle::SomeFail(1),
        Oracle::InFlightEndsWithin(LIMIT),
        Oracle::FailsFastWithin(SOON),
        Oracle::NothingHangs,
        Oracle::HealthTellsWithin(SOON),
        Oracle::ErrorForm,
        Oracle::StreamsToldApart,
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
    ]
}

/// The deed is in the load.
async fn nothing(moment: &Moment<'_>) -> Result<Proven, FaultError> {
    Ok(Proven::new(moment.timeline, "the requests are under way"))
}

/// Waits until clients have gone.
async fn aborted(moment: &Moment<'_>) -> Result<Proven, FaultError> {
    let timeline: &Timeline = moment.timeline;
    let deadline = timeline.since_start() + LATE;
    loop {
        let (over, _) = moment.running.seen();
        let gone = over
            .iter()
            .filter(|seen| seen.account() == Account::Aborted)
            .count();
        if gone >= 4 {
            return Ok(Proven::new(timeline, format!("{gone} clients have gone")));
        }
        if timeline.since_start() >= deadline {
            let why = format!("only {gone} of 4 have gone");
            return Err(FaultError::new(
                FaultErrorKind::Unproven,
                "clients go away",
                why,
            ));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
