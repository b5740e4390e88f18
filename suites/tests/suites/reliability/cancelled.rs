//! Clients that go away: what they took is free again, and nobody else notices.

use std::time::Duration;

use tribunal::faults::{Account, FaultError, FaultErrorKind, GiveUp, Load, Moment, Oracle, Proven};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::Stage;

/// How many go away, and as many stay.
const GONE: u32 = 4;

/// Every second of eight clients goes away.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "streaming")]
#[cases(
    before_the_first_byte = ("cancelled/before_the_first_byte", GiveUp::After(Duration::ZERO)),
    in_the_prefill = ("cancelled/in_the_prefill", GiveUp::After(Duration::from_millis(20))),
    after_events = ("cancelled/after_events", GiveUp::Events(3)),
)]
async fn clients(
    #[case] case: &str,
    #[case] when: GiveUp,
    server: &Server,
    offers: &Offers,
) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let bounds = stage.bounds();
    let load: Load = stage.at_once(GONE * 2).give_up(when, 2);
    let report = stage
        .doing("every second client goes away")
        .load(load)
        .expect_all([
            Oracle::FreesSlotsWithin(bounds.release),
            Oracle::FreesMemoryWithin(bounds.release),
            Oracle::NeighboursUnaffected,
            Oracle::NothingHangs,
            Oracle::NoDoubleAnswer,
            Oracle::Conserved,
            Oracle::HealthTellsTheTruth,
            Oracle::RecoversWithin(bounds.recovery),
        ])
        .run(gone)
        .await;
    stage.told(case, report)
}

/// Waits until all of them have gone, and some before their end.
async fn gone(moment: &Moment<'_>) -> Result<Proven, FaultError> {
    let deadline = moment.timeline.since_start() + Duration::from_secs(30);
    loop {
        let (over, _) = moment.running.seen();
        let aborted = over
            .iter()
            .filter(|seen| seen.account() == Account::Aborted);
        let early = aborted.clone().filter(|seen| seen.events == 0).count();
        let aborted = aborted.count();
        if aborted >= GONE as usize {
            // How long a prefill lasts is the server's: by the time alone nobody knows what a client has interrupted.
            let what = format!("{aborted} clients have gone, {early} before their first event");
            return Ok(Proven::new(moment.timeline, what));
        }
        if moment.timeline.since_start() >= deadline {
            return Err(FaultError::new(
                FaultErrorKind::Unproven,
                "every second client goes away",
                format!("only {aborted} of {GONE} went before they were answered"),
            ));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
