//! Requests that are none, and those with parameters that are wrong, while others are served: whoever sends them harms nobody else. What a server must
//! refuse in words is in the suite `conformance`; here its rows are sent to a server that is at work.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tribunal::faults::{FaultError, FaultErrorKind, Malformed, Oracle, Proven, Step, send_raw};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::{SOME, Stage};
use crate::conformance;

/// By what bytes of chance are drawn.
const SEED: u64 = 6;
/// How long an answer to such a request may take; none is an answer as well.
const PATIENCE: Duration = Duration::from_secs(2);

#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
async fn all(server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let bounds = stage.bounds();
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), server.port());
    let report = stage
        .doing("requests that are none")
        .load(stage.at_once(SOME).neighbours())
        .expect_all([
            Oracle::NeighboursUnaffected,
            Oracle::NothingHangs,
            Oracle::HealthTellsTheTruth,
            // Not that no answer came twice: the server counts those that are none as well, and they are in no books.
            Oracle::RecoversWithin(bounds.recovery),
        ])
        .run(async |moment| {
            let began = moment.timeline.since_start();
            let mut sent = 0;
            for request in Malformed::ALL {
                let bytes = request.bytes("/v1/chat/completions", SEED);
                let answer = send_raw(address, &bytes, request.ends(), PATIENCE).await;
                answer.map_err(|error| {
                    FaultError::new(FaultErrorKind::Refused, request.name(), error.to_string())
                })?;
                sent += 1;
            }
            Ok(Proven::new(moment.timeline, format!("{sent} were sent")).at_once(began))
        })
        .await;
    stage.told("malformed/all", report)
}

/// The table of wrong parameters of an interface of high priority, while others are always under way: each is refused as it is by an idle server, and
/// nobody else notices.
#[tribunal::test]
#[timeout("20m")]
#[server(fresh)]
#[requires(capability = "http")]
#[cases(
    #[requires(capability = "chat")] chat = "chat",
    #[requires(capability = "completions")] completions = "completions",
    #[requires(capability = "speech")] speech = "speech",
    #[requires(capability = "transcription")] transcriptions = "transcriptions",
    #[requires(capability = "images")] images = "images",
    #[requires(capability = "videos")] videos = "videos",
)]
async fn parameters(#[case] interface: &str, server: &Server, offers: &Offers) -> TestResult {
    let stage = Stage::new(server, offers)?;
    let mut wrong = Vec::new();
    let report = stage
        .doing(&format!("wrong parameters of {interface}"))
        .load(stage.always(SOME).neighbours())
        .expect_all([
            Oracle::NeighboursUnaffected,
            Oracle::NothingHangs,
            Oracle::HealthTellsTheTruth,
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .run(async |moment| {
            let refused =
                |why: String| FaultError::new(FaultErrorKind::Refused, interface.to_owned(), why);
            // From the first row on, not once the last is answered: by then every request that was under way is over.
            let began = moment.timeline.since_start();
            let proven = Proven::new(moment.timeline, "the first row is sent").at_once(began);
            let (sent, deviate) = conformance::beside(interface, server, offers)
                .await
                .map_err(|why| refused(why.to_string()))?;
            if sent == 0 {
                return Err(refused("no row of the table could be sent".into()));
            }
            wrong = deviate;
            moment
                .timeline
                .note(Step::Observed, format!("{sent} rows were sent"));
            Ok(proven)
        })
        .await;
    stage.told(&format!("parameters/{interface}"), report)?;
    if !wrong.is_empty() {
        fail!(
            "{} of the rows are not answered as they have to be while others are under way (row: what is allowed; what came):\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
    Ok(())
}
