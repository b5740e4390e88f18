//! Requests that are none, while others are served: whoever sends them harms nobody else. What a server must refuse in words is in the suite `conformance`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tribunal::faults::{FaultError, FaultErrorKind, Malformed, Oracle, Proven, send_raw};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::stage::{SOME, Stage};

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
            Oracle::NoDoubleAnswer,
            Oracle::FreesSlotsWithin(bounds.release),
            Oracle::RecoversWithin(bounds.recovery),
        ])
        .run(async |moment| {
            let mut sent = 0;
            for request in Malformed::ALL {
                let bytes = request.bytes("/v1/chat/completions", SEED);
                let answer = send_raw(address, &bytes, request.ends(), PATIENCE).await;
                answer.map_err(|error| {
                    FaultError::new(FaultErrorKind::Refused, request.name(), error.to_string())
                })?;
                sent += 1;
            }
            Ok(Proven::new(moment.timeline, format!("{sent} were sent")))
        })
        .await;
    stage.told("malformed/all", report)
}
