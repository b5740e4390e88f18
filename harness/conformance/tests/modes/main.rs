//! The table against the embedded engine: nothing is red while it behaves, and almost everything is once it does not.
//!
//! In the mode in which it dies later every single row has a server of its own, several at a time: most of it is waiting for an end.

mod engine;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::Engine;
use futures_util::future::join_all;
use libtest_mimic::{Arguments, Failed, Trial};
use tribunal_client::Client;
use tribunal_conformance::{
    BadRequest, Ending, Fault, Known, Payload, Report, Route, RunOptions, SHIPPED, Severity,
    Subject, entries, run,
};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = tribunal_engine::verb(&args) {
        return code;
    }
    let trials = vec![
        Trial::test("a_healthy_engine_has_no_red_row", || wrap(healthy)),
        Trial::test("accepts_everything", || {
            wrap(|| {
                mode("accepts-everything", &|f| {
                    matches!(f, Fault::Status(200..300))
                })
            })
        }),
        Trial::test("server_errors_for_bad_requests", || {
            wrap(|| mode("500-for-400", &|f| *f == Fault::Status(500)))
        }),
        Trial::test("hangs", || wrap(|| mode("hangs", &|f| *f == Fault::Hang))),
        Trial::test("dies_later", || wrap(dies_later)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn wrap(test: impl FnOnce() -> Result<(), String>) -> Result<(), Failed> {
    test().map_err(Failed::from)
}

/// What the embedded engine says that it offers.
fn capabilities() -> BTreeSet<String> {
    let spec = tribunal_deploy::Catalogue::new(&[])
        .resolve("embedded")
        .expect("it is built in");
    let rendered = spec
        .render(&tribunal_deploy::Context::default())
        .expect("it can be rendered");
    let mut capabilities = rendered.offers().capabilities.clone();
    // The sockets are a feature of the engine, which this binary has.
    capabilities.extend(["speech_stream".to_owned(), "realtime".to_owned()]);
    capabilities
}

/// The routes that it has.
fn routes(capabilities: &BTreeSet<String>) -> Vec<Route> {
    let offered = |c: Option<&str>| c.is_none_or(|c| capabilities.contains(c));
    let shipped = SHIPPED.iter().filter(|route| offered(route.capability));
    shipped
        .map(|route| route.read().expect("it can be read"))
        .collect()
}

/// Runs routes side by side against one engine.
fn reports(engine: &Engine, routes: &[Route], options: &RunOptions) -> Vec<Report> {
    let capabilities = capabilities();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let url = engine.url.clone();
    let well = move || -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>>>> {
        let url = url.clone();
        Box::pin(async move {
            let client = Client::new(&url).map_err(|e| e.to_string())?;
            client.health().await.map(drop).map_err(|e| e.to_string())
        })
    };
    runtime.block_on(async {
        let runs = routes.iter().map(|route| {
            let (capabilities, well) = (&capabilities, &well);
            async move {
                let client = Client::new(&engine.url).expect("an address");
                let subject = Subject {
                    client: &client,
                    model: "engine",
                    capabilities,
                    well,
                };
                run(route, &subject, options).await
            }
        });
        join_all(runs).await.into_iter().flatten().collect()
    })
}

fn healthy() -> Result<(), String> {
    let engine = Engine::start("normal");
    let routes = routes(&capabilities());
    let reports = reports(&engine, &routes, &RunOptions::default());
    let rows: usize = routes.iter().map(|r| r.rows.len()).sum();
    // Every row is accounted for, and the valid request of every route.
    assert_eq!(reports.len(), rows + routes.len());
    let wrong: Vec<String> = entries(&reports, &Known::default())
        .iter()
        .filter(|e| e.group <= tribunal_conformance::Group::Should)
        .map(|e| {
            format!(
                "{}: {}/{}: {} -> {}",
                e.group.heading(),
                e.route,
                e.row,
                e.sent,
                e.found
            )
        })
        .collect();
    let made = reports
        .iter()
        .filter(|r| !matches!(r.ending, Ending::NotMade(_)))
        .count();
    println!(
        "normal: {made} rows made on {} routes, {} red",
        routes.len(),
        wrong.len()
    );
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

/// Whether a mode of the engine changes what becomes of a row: it must be refused, and over HTTP (the modes leave sockets alone).
fn concerned_by_modes(row: &&BadRequest) -> bool {
    !row.expected.allows_success() && !matches!(row.payload, Payload::Frames(_))
}

/// At least nine in ten of the rows that must be refused turn red, and for the reason that the mode gives.
fn mode(mode: &str, meant: &dyn Fn(&Fault) -> bool) -> Result<(), String> {
    let engine = Engine::start(mode);
    let routes = routes(&capabilities());
    let options = RunOptions {
        // In the mode that hangs a limit of any length is reached; in the others an answer is there at once or, on a busy machine, late.
        limit: (mode == "hangs").then_some(Duration::from_millis(150)),
        hangs: usize::MAX,
        ..RunOptions::default()
    };
    let reports = reports(&engine, &routes, &options);
    let (mut concerned, mut red, mut green) = (0, 0, vec![]);
    for route in &routes {
        for row in route.rows.iter().filter(concerned_by_modes) {
            let report = reports
                .iter()
                .find(|r| r.route == route.name && r.row == row.id)
                .expect("a report");
            let found = match &report.ending {
                Ending::NotMade(why) if row.gate(&capabilities()).is_some() => {
                    assert!(!why.is_empty());
                    continue;
                }
                Ending::Deviates(list) => list.iter().any(|d| meant(&d.fault)),
                _ => false,
            };
            concerned += 1;
            red += usize::from(found);
            if !found {
                green.push(format!("{}/{}: {:?}", route.name, row.id, report.ending));
            }
        }
    }
    println!("{mode}: {red} of {concerned} rows red");
    enough(mode, concerned, red, &green)
}

/// One server for each row: it is refused rightly, and a moment later nobody is there.
fn dies_later() -> Result<(), String> {
    const AT_ONCE: usize = 8;
    let capabilities = capabilities();
    let mut single: Vec<Route> = vec![];
    for route in routes(&capabilities) {
        let rows = route
            .rows
            .iter()
            .filter(|r| concerned_by_modes(r) && r.gate(&capabilities).is_none());
        single.extend(rows.map(|row| Route {
            rows: vec![row.clone()],
            ..route.clone()
        }));
    }
    // It is watched until it dies; the limit is for a server that does not.
    let options = RunOptions {
        watch: Duration::from_secs(20),
        ..RunOptions::default()
    };
    let broke = |d: &tribunal_conformance::Deviation| {
        d.fault == Fault::Broken && d.severity == Severity::Must
    };
    // What a row ended with, if it is not red.
    let alone = |route: &Route| -> Option<String> {
        let engine = Engine::start("dies-later");
        let reports = reports(&engine, std::slice::from_ref(route), &options);
        match &reports[1].ending {
            Ending::Deviates(list) if list.iter().any(broke) => None,
            other => Some(format!("{}/{}: {other:?}", route.name, route.rows[0].id)),
        }
    };
    let next = AtomicUsize::new(0);
    let green: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let rows = std::iter::from_fn(|| single.get(next.fetch_add(1, Ordering::Relaxed)));
            rows.filter_map(alone).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("no panic"))
            .collect()
    });
    let red = single.len() - green.len();
    println!("dies-later: {red} of {} rows red", single.len());
    enough("dies-later", single.len(), red, &green)
}

fn enough(mode: &str, concerned: usize, red: usize, green: &[String]) -> Result<(), String> {
    if red * 10 >= concerned * 9 && concerned > 0 {
        return Ok(());
    }
    Err(format!(
        "{mode}: only {red} of {concerned} rows are red; these are not:\n{}",
        green.join("\n")
    ))
}
