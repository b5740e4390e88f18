//! Figures of servers: how soon they are up, how soon that is noticed, and a whole run that uses them.

use std::path::Path;
use std::time::Instant;

use tribunal::serving::{Deployment, Server, StartOptions};
use tribunal_benches::{Figure, Unit};

use crate::options::Options;
use crate::process::Job;
use crate::project::{repository, root};
use crate::{late, process};

/// Starts of the embedded engine, and of a server that can answer after a known time.
pub fn servers(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    let evidence = root().join(format!("servers-{}", std::process::id()));
    let mut engine = Figure::new(
        "server",
        "embedded engine, from the call to the first token",
        Unit::Milliseconds,
        Some(150.0),
    );
    // A fiftieth of the start, and never less than what a busy machine makes of the shortest pause.
    let mut soon = Figure::new(
        "server",
        "ready noticed, a server that needs 0.3 s",
        Unit::Milliseconds,
        Some(10.0),
    );
    let mut later = Figure::new(
        "server",
        "ready noticed, a server that needs 1.5 s",
        Unit::Milliseconds,
        Some(30.0),
    );
    let measured = (|| -> Result<(), String> {
        let embedded = tribunal::embedded().map_err(|e| e.to_string())?;
        for round in 0..=options.runs() {
            let begin = Instant::now();
            let took = runtime.block_on(async {
                let server = Server::start(&embedded, &StartOptions::new(&evidence))
                    .await
                    .map_err(|e| e.to_string())?;
                let took = begin.elapsed();
                server.stop().await.map_err(|e| e.to_string())?;
                Ok::<_, String>(took)
            })?;
            // The first start reads the program from the disk.
            if round > 0 {
                engine.samples.push(took.as_secs_f64() * 1e3);
            }
        }
        for round in 0..options.runs() {
            // Not the same phase of the polling every time.
            let shift = round as u64 * 7 % 50;
            soon.samples
                .push(noticed(&runtime, &evidence, 300 + shift)?);
            later
                .samples
                .push(noticed(&runtime, &evidence, 1_500 + shift)?);
        }
        Ok(())
    })();
    figures.extend([engine, soon, later]);
    // Nothing is there if nothing was started.
    let _ = std::fs::remove_dir_all(&evidence);
    measured
}

/// Milliseconds from the moment at which the server could answer until its start was reported.
fn noticed(runtime: &tokio::runtime::Runtime, evidence: &Path, after: u64) -> Result<f64, String> {
    let stamp = evidence.join("stamp");
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let after = after.to_string();
    let deployment = Deployment::command(program)
        .name("late server")
        .model(late::MODEL)
        .args([late::VERB, "{port}", &after])
        .arg(&stamp);
    runtime.block_on(async {
        let server = Server::start(&deployment, &StartOptions::new(evidence))
            .await
            .map_err(|e| e.to_string())?;
        let noticed = process::now();
        server.stop().await.map_err(|e| e.to_string())?;
        let text =
            std::fs::read_to_string(&stamp).map_err(|e| format!("{}: {e}", stamp.display()))?;
        let could: i128 = text
            .trim()
            .parse()
            .map_err(|e| format!("the stamp is `{text}`: {e}"))?;
        Ok((noticed - could) as f64 / 1e6)
    })
}

/// `cargo test -- --run-level core_model` in this repository, everything built.
pub fn lowest(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let (folder, target) = (repository(), root().join("repository-target"));
    let mut figure = Figure::new(
        "lowest",
        "cargo test -- --run-level core_model, warm build",
        Unit::Seconds,
        Some(10.0),
    );
    Job::cargo(&["test", "--no-run", "--quiet"], &folder, &target).succeed()?;
    let job = Job::cargo(
        &["test", "--", "--run-level", "core_model"],
        &folder,
        &target,
    );
    let measured = (|| -> Result<(), String> {
        for round in 0..=options.runs() {
            let done = job.succeed()?;
            if !done.out.contains("test result: ok. ") || done.first_result.is_none() {
                return Err(format!("no result was shown\n{}", done.tail()));
            }
            if round > 0 {
                figure.samples.push(done.wall.as_secs_f64());
                figure.processor.push(done.processor.as_secs_f64());
            }
        }
        Ok(())
    })();
    figures.push(figure);
    measured
}
