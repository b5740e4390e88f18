//! What a server must refuse: the table of bad requests (`fixtures/conformance`), a case for each route, and a walk over what the server says of itself.
//!
//! `cargo test -- -m conformance --deploy my-server.toml` ends with the table of what is not as it has to be. A case fails where something that every server
//! must do is not done and is not known of this engine, and where the server is not well afterwards. docs/conformance.md tells how to read it.

mod told;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tribunal::client::{Client, Timeouts};
use tribunal::conformance::{self, Route, RunOptions, SHIPPED, Subject, Walk};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::Offers;

// They break servers, so they stand one after the other. Where a command is run for each request, what is bad is refused before it is run: of that engine
// the table would say nothing, so it is asked of engines that read requests themselves (`http`).
tribunal::markers!(core_model, conformance, e2e, serial("conformance"));

/// Everything that the table asks of one route.
#[tribunal::test]
#[timeout("20m")]
#[requires(capability = "http")]
#[cases(
    #[requires(capability = "chat")] chat = "chat",
    #[requires(capability = "completions")] completions = "completions",
    #[requires(capability = "embeddings")] embeddings = "embeddings",
    #[requires(capability = "responses")] responses = "responses",
    #[requires(capability = "rerank")] rerank = "rerank",
    #[requires(capability = "score")] score = "score",
    #[requires(capability = "classify")] classify = "classify",
    #[requires(capability = "tokenize")] tokenize = "tokenize",
    models = "models",
    #[requires(capability = "lora_loading")] lora = "lora",
    #[requires(capability = "speech")] speech = "speech",
    #[requires(capability = "transcription")] transcriptions = "transcriptions",
    #[requires(capability = "images")] images = "images",
    #[requires(capability = "image_edits")] image_edits = "image_edits",
    #[requires(capability = "videos")] videos = "videos",
    #[requires(capability = "speech_stream")] speech_stream = "speech_stream",
    #[requires(capability = "realtime")] realtime = "realtime",
)]
async fn route(#[case] name: &str, server: &Server, offers: &Offers) -> TestResult {
    hold(&conformance::load(name, &folders())?, server, offers).await
}

/// The routes that a folder `conformance` of one's own adds to the table.
#[tribunal::test]
#[timeout("20m")]
#[requires(capability = "http")]
async fn added(server: &Server, offers: &Offers) -> TestResult {
    let mut failed = vec![];
    // Without such a folder there is nothing to hold; a skip would fail every run with --deny-skips.
    for name in conformance::added(&folders()) {
        let route = conformance::load(&name, &folders())?;
        let lacks = route
            .capability
            .as_ref()
            .filter(|c| !offers.capabilities.contains(*c));
        match lacks {
            Some(capability) => {
                told::not_offered(server.name(), &name, capability, route.rows.len())
            }
            None => failed.extend(hold(&route, server, offers).await.err()),
        }
    }
    match failed.into_iter().next() {
        Some(first) => Err(first),
        None => Ok(()),
    }
}

/// Every operation of which the server's own description says enough answers without a server error.
#[tribunal::test]
#[timeout("20m")]
#[requires(capability = ["http", "openapi"])]
async fn openapi(server: &Server, offers: &Offers) -> TestResult {
    let client = client(server)?;
    let document: Value = client.get("/openapi.json").await?.success()?.json()?;
    let options = RunOptions::default();
    let well = well(server);
    let subject = subject(server, offers, &client, &*well);
    let reports = conformance::walk(&document, &subject, &Walk::default(), &options).await;
    if reports.is_empty() {
        fail!("/openapi.json describes no operation");
    }
    told::told(server.name(), &reports, &known(server)?)
}

/// What the table asks of routes that the deployment does not offer is in the table as well, as not made.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "http")]
fn routes_that_are_not_offered(server: &Server, offers: &Offers) -> TestResult {
    let offered = |capability: &str| offers.capabilities.contains(capability);
    for shipped in SHIPPED {
        if let Some(capability) = shipped.capability.filter(|c| !offered(c)) {
            let rows = conformance::load(shipped.name, &folders())?.rows.len();
            told::not_offered(server.name(), shipped.name, capability, rows);
        }
    }
    if !offered("openapi") {
        told::not_offered(server.name(), "openapi", "openapi", 1);
    }
    let rows: BTreeSet<(String, String)> = known(server)?
        .list
        .into_iter()
        .map(|k| (k.route, k.row))
        .collect();
    for (route, row) in rows {
        let there = route == "openapi"
            || conformance::load(&route, &folders())
                .is_ok_and(|r| r.rows.iter().any(|there| there.id == row));
        if !there && row != conformance::Report::VALID {
            fail!("a deviation is known of the row `{route}/{row}`, which is not in the table");
        }
    }
    Ok(())
}

async fn hold(route: &Route, server: &Server, offers: &Offers) -> TestResult {
    let reports = sent(route, server, offers).await?;
    told::told(server.name(), &reports, &known(server)?)
}

async fn sent(
    route: &Route,
    server: &Server,
    offers: &Offers,
) -> Result<Vec<conformance::Report>, Error> {
    let client = client(server)?;
    let well = well(server);
    let subject = subject(server, offers, &client, &*well);
    Ok(conformance::run(route, &subject, &RunOptions::default()).await)
}

/// Sends the table of a route beside whatever else goes on: how many rows were sent, and those that must be answered otherwise and are not known.
/// They stand in no table of ours.
#[cfg(target_os = "linux")]
pub async fn beside(
    name: &str,
    server: &Server,
    offers: &Offers,
) -> Result<(usize, Vec<String>), Error> {
    use conformance::{Ending, Group, entries};

    let route = conformance::load(name, &folders())?;
    let reports = sent(&route, server, offers).await?;
    let made = |report: &&conformance::Report| !matches!(report.ending, Ending::NotMade(_));
    let count = reports.iter().filter(made).count();
    let entries = entries(&reports, &known(server)?);
    let new = entries.iter().filter(|e| e.group == Group::MustNew);
    let told = new.map(|e| format!("{}/{}: {}; {}", e.route, e.row, e.expected, e.found));
    Ok((count, told.collect()))
}

fn subject<'a>(
    server: &'a Server,
    offers: &'a Offers,
    client: &'a Client,
    well: &'a conformance::Well,
) -> Subject<'a> {
    Subject {
        client,
        model: server.model().unwrap_or_default(),
        capabilities: &offers.capabilities,
        well,
    }
}

/// A client of its own: what is sent on purpose does not belong among the exchanges of other tests.
fn client(server: &Server) -> Result<Client, Error> {
    let timeouts = Timeouts {
        total: Duration::from_secs(60),
        ..Timeouts::default()
    };
    let client = Client::new(server.base_url())?.with_timeouts(timeouts)?;
    let key = server.key_env().and_then(|name| std::env::var(name).ok());
    Ok(match key {
        Some(key) => client.with_bearer(&key)?,
        None => client,
    })
}

/// Asks the server's processes, its health and its list of models.
fn well(server: &Server) -> Box<conformance::Well> {
    let server = server.clone();
    Box::new(move || {
        let server = server.clone();
        Box::pin(async move {
            let checked = server.check().await;
            checked.map_err(|why| {
                why.to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
        })
    })
}

fn known(server: &Server) -> Result<conformance::Known, Error> {
    Ok(conformance::known_of(server.name(), &folders())?)
}

/// Where files of one's own lie: `conformance` in the current folder, in the package and in the workspace, and where this project has its own.
fn folders() -> Vec<PathBuf> {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().map(PathBuf::from).unwrap_or_default();
    let roots = [PathBuf::from("."), package, workspace];
    roots
        .iter()
        .flat_map(|root| ["conformance", "fixtures/conformance"].map(|folder| root.join(folder)))
        .collect()
}
