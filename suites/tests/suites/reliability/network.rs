//! A network that is slow, breaks off, or says nothing, between the clients and the server, and between a router and its workers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tribunal::faults::{Between, Fault, Oracle, Proxy, Toxic, ToxicRule};
use tribunal::prelude::*;
use tribunal::serving::{Offers, StartOptions};
use tribunal::{chosen, offers};

use super::stage::{SOME, Stage, client};

/// How long a broken network lasts.
const LASTS: Duration = Duration::from_secs(2);

/// What only slows or cuts differently loses nothing.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[cases(
    latency = ("network/latency", "toxic latency 100ms jitter 20ms"),
    slices = ("network/slices", "toxic slicer inside-event-end"),
    narrow = ("network/narrow", "toxic bandwidth 20000"),
)]
async fn slow(
    #[case] case: &str,
    #[case] fault: &str,
    server: &Server,
    offers: &Offers,
) -> TestResult {
    let stage = proxied(server, offers).await?;
    let report = stage
        .experiment(&parsed(fault)?)
        .look_through(client(server, server.base_url())?.client())
        .load(stage.at_once(SOME).neighbours())
        .hold(LASTS)
        .expect_all([
            Oracle::NeighboursUnaffected,
            Oracle::NothingHangs,
            Oracle::HealthTellsTheTruth,
            Oracle::Conserved,
            Oracle::NoDoubleAnswer,
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .inject()
        .await;
    stage.told(case, report)
}

/// What breaks off is known for what it is, and what it took is free again.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "streaming")]
#[cases(
    reset = ("network/reset", "toxic reset_peer after 3 events"),
    closed = ("network/closed", "toxic limit_data after 3 events"),
    silent = ("network/silent", "toxic stall after 3 events"),
)]
async fn broken(
    #[case] case: &str,
    #[case] fault: &str,
    server: &Server,
    offers: &Offers,
) -> TestResult {
    let stage = proxied(server, offers).await?;
    let bounds = stage.bounds();
    let report = stage
        .experiment(&parsed(fault)?)
        .look_through(client(server, server.base_url())?.client())
        .load(stage.at_once(SOME))
        .hold(LASTS)
        .expect_all([
            Oracle::NothingHangs,
            Oracle::StreamsToldApart,
            Oracle::FreesSlotsWithin(bounds.release),
            Oracle::Conserved,
            Oracle::NoDoubleAnswer,
            Oracle::RecoversWithin(bounds.recovery),
        ])
        .inject()
        .await;
    stage.told(case, report)
}

/// A stage whose requests go through a proxy.
async fn proxied(server: &Server, offers: &Offers) -> Result<Stage, Error> {
    let mut stage = Stage::new(server, offers)?;
    let behind = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), server.port());
    let proxy = Proxy::start(behind).await?;
    stage.model = client(server, &proxy.url())?;
    stage.scene = stage.scene.clone().proxy(Arc::new(proxy));
    Ok(stage)
}

fn parsed(fault: &str) -> Result<Fault, Error> {
    fault.parse().map_err(Error::of)
}

/// One worker is cut off from the router that stands before it; the others go on.
#[tribunal::test]
#[timeout("5m")]
#[cases(
    reset = ("between/reset", "reset_peer after 3 events"),
    silent = ("between/silent", "silence"),
    refused = ("between/refused", "refuse"),
)]
async fn between(#[case] case: &str, #[case] rule: &str, chosen: Vec<Deployment>) -> TestResult {
    let Some(deployment) = chosen.into_iter().next() else {
        skip!("no deployment was chosen (`--deploy`)");
    };
    let between = Between::new(["worker-*"]);
    let options = StartOptions::new(tribunal::evidence()?).part_address(between.part_address());
    let server = Server::start(&deployment, &options)
        .await
        .map_err(Error::of)?;
    let Some(proxy) = between.proxy("worker-0") else {
        server.stop().await.map_err(Error::of)?;
        skip!("the deployment has no parts `worker-*` between which anything could be put");
    };
    let mut stage = Stage::new(&server, deployment.offered())?;
    stage.scene = stage.scene.clone().proxy(proxy.clone());
    let fault = parsed(&format!("toxic {rule}"))?;
    let (fault, scene) = (&fault, &stage.scene);
    let report = stage
        .doing(&format!("between the router and worker-0: {rule}"))
        .load(stage.at_once(SOME))
        .then(stage.steady())
        .hold(LASTS)
        .expect_all([
            Oracle::NothingHangs,
            Oracle::ErrorForm,
            Oracle::StreamsToldApart,
            Oracle::Conserved,
            Oracle::NoDoubleAnswer,
            Oracle::RecoversWithin(stage.bounds().recovery),
        ])
        .run(async |_| {
            // Taken back, it is an error where it never struck.
            let injected = fault.inject(scene).await?;
            if new_connections_only(fault) {
                // A router keeps its connections: on those the rule would be met by nobody.
                proxy.close_all();
            }
            Ok(injected)
        })
        .await;
    let told = stage.told(case, report);
    drop(stage);
    server.stop().await.map_err(Error::of)?;
    told
}

fn new_connections_only(fault: &Fault) -> bool {
    let of = |rule: &ToxicRule| matches!(rule.toxic, Toxic::Refuse | Toxic::Silence);
    matches!(fault, Fault::Network(rule) if of(rule))
}
