//! The built-in fixtures: a running server, and a client that judges every answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tribunal_client::{ChatClient, Client, ModelClient, Transcript};
use tribunal_deploy::Recipe;
use tribunal_runner::{Error, Grant, SetUp};
use tribunal_serving::{
    Cause, Deployment, Offers, ProcessInfo, Runner, Server, Share, StartOptions, StopReport,
};

use crate::deployments::{all_chosen, identity, located, rendered};
use crate::fixture;
use crate::memory_limit;

/// The server that tests talk to: of the deployment that the case runs against (`--deploy`, or its own parameter `deploy`; else the embedded
/// engine). Cases of equal deployments share it; it is looked at between them, and stopped after the last.
///
/// A `server` fixture of your own takes its place where it is in scope, and [`crate::start`] starts any [`Deployment`] in it.
#[fixture(scope = session, deployment, shared_by = identity, implies(e2e))]
pub async fn server(cx: &SetUp) -> Result<Server, Error> {
    let (deployment, level) = (cx.deployment(), cx.level());
    let (deployment, level) = (deployment.map(str::to_owned), level.map(str::to_owned));
    let tell = cx.awaiting();
    // Set when set-up is given up, so that a copy under way ends too.
    let cancel = SetOnDrop::default();
    let seen = cancel.0.clone();
    let located = tokio::task::spawn_blocking(move || {
        located(deployment.as_deref(), level.as_deref(), &seen, &|text| {
            tell(text)
        })
    })
    .await
    .map_err(Error::of)??;
    let rendered = &located.rendered;
    for note in rendered.recipe.notes.iter().chain(&located.notes) {
        cx.note(note);
    }
    let server = launch(cx, &rendered.deployment, Some(&rendered.recipe)).await?;
    let leases = located.leases;
    cx.on_teardown(move || async move {
        drop(leases);
        Ok::<(), Error>(())
    });
    Ok(server)
}

/// True once it is dropped.
#[derive(Default)]
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A client of `server` whose answers are judged as deeply as the case's level asks.
#[fixture]
pub fn chat(cx: &SetUp, server: &Server) -> Result<ChatClient, Error> {
    judged(cx, server)
}

/// A client of every route of `server` (speech, images, embeddings …), judged like [`chat()`]. The two are the same value under two names: a test
/// that never chats reads better with this one.
#[fixture]
pub fn api(cx: &SetUp, server: &Server) -> Result<ModelClient, Error> {
    judged(cx, server)
}

/// What the deployment that the case runs against says it offers. It is not in the prelude: a test that only needs a capability asks for it by
/// `requires(capability = "…")`.
#[fixture(scope = session, deployment, shared_by = identity)]
pub fn offers(cx: &SetUp) -> Result<Offers, Error> {
    let rendered = rendered(cx.deployment(), cx.level())?;
    Ok(rendered.offers().clone())
}

/// All deployments that the run was told to test (`--deploy a,b`), in that order, for a test that compares them; nothing is started. A test asks for it with
/// `use tribunal::chosen;` and a parameter `chosen: Vec<Deployment>`, and starts what it needs by [`Start`](crate::Start); what is declared of each is in [`Deployment::offered`].
///
/// Where the run shares devices out, its test has those that the most demanding of them needs, and each is told of them as its file says.
///
/// Skips where something that one of them needs is not on this machine.
#[fixture(deployments)]
pub fn chosen(cx: &SetUp) -> Result<Vec<Deployment>, Error> {
    let mut out = vec![];
    for rendered in all_chosen(cx.level())? {
        if !rendered.missing.is_empty() {
            crate::skip!("{}", rendered.missing.join("; "));
        }
        let deployment = rendered.deployment.clone();
        let uses = rendered.recipe.devices.as_ref();
        let granted = cx.devices().granted().cloned();
        // One that uses simulated devices only must not be told of real ones.
        let granted = granted.filter(|grant| {
            uses.is_some_and(|uses| !uses.simulated_only || grant.simulated().is_some())
        });
        out.push(match granted {
            Some(grant) => crate::given::with(deployment, &grant, Some(&rendered.recipe)),
            None => deployment,
        });
    }
    Ok(out)
}

/// The embedded engine as a deployment: this binary, run again. Arguments of the engine can be added with [`Deployment::arg`].
///
/// An error without the feature `engine`.
pub fn embedded() -> Result<Deployment, Error> {
    #[cfg(feature = "engine")]
    {
        let program = std::env::current_exe()?;
        Ok(Deployment::command(program)
            .name("embedded engine")
            .model("embedded")
            .args([
                tribunal_engine::VERB,
                "--host",
                "{host}",
                "--port",
                "{port}",
                "--model",
                "{model}",
                "--workers",
                "2",
            ]))
    }
    #[cfg(not(feature = "engine"))]
    {
        Err(Error::msg(
            "the embedded engine is not built in: enable the feature `engine` of `tribunal`, or bring a fixture `server` of your own",
        ))
    }
}

/// Starts a deployment for a fixture, looks at the server before another case gets it, and stops it when the fixture's last user is done. What it
/// leaves behind, and a shared server that has ended by itself, are errors of the teardown. Under a runner that starts one process per test, all
/// processes that start an equal deployment share one server.
pub async fn start(cx: &SetUp, deployment: &Deployment) -> Result<Server, Error> {
    launch(cx, deployment, None).await
}

async fn launch(
    cx: &SetUp,
    deployment: &Deployment,
    recipe: Option<&Recipe>,
) -> Result<Server, Error> {
    let name = deployment.display_name();
    let folder = cx.evidence(&name);
    if let Some(config) = recipe.and_then(|r| r.config.as_ref()) {
        std::fs::create_dir_all(&folder)
            .and_then(|()| config.write(&folder))
            .map_err(|e| {
                Error::of(format!(
                    "the configuration of {name} cannot be written to {}: {e}",
                    folder.display()
                ))
            })?;
    }
    let limited = match recipe {
        Some(recipe) => {
            let (limited, note) =
                memory_limit::limited(deployment, recipe, &memory_limit::variable)?;
            note.into_iter().for_each(|note| cx.note(note));
            limited
        }
        None => deployment.clone(),
    };
    // Whoever profiles says himself how much the engine may take.
    let profiled = limited != *deployment;
    let deployment = &limited;
    let began = Instant::now();
    let tell = cx.awaiting();
    let mut options = StartOptions::new(&folder).progress(Arc::new(move |text| {
        if began.elapsed() >= PATIENCE {
            tell(text.to_owned());
        }
    }));
    if let Some(limits) = recipe.and_then(|r| r.log) {
        options = options.log_limits(limits);
    }
    if !cx.is_fresh()
        && let Some(share) = share(deployment)
    {
        options = options.share(share);
    }
    let prepared = crate::given::prepare(cx.devices(), recipe, profiled, cx.awaiting());
    if let Some((prepare, _)) = &prepared {
        options = options.prepare(prepare.clone());
    }
    let version = recipe.and_then(|r| r.version.as_ref());
    let asked = version.and_then(crate::version::ask);
    let server = match Server::start(deployment, &options).await {
        // Whoever had the device before may have needed a moment longer than its driver said.
        Err(e) if e.cause() == Some(Cause::DeviceMemory) && prepared.is_some() => {
            cx.note(format!(
                "{name} found too little device memory at its first start, and was started once more: {}",
                e.to_string().lines().next().unwrap_or_default()
            ));
            Server::start(deployment, &options).await
        }
        started => started,
    };
    let server = server.map_err(Error::of)?;
    let grant = prepared.and_then(|(_, given)| given.grant());
    #[cfg(target_os = "linux")]
    let followed = {
        let parts = server.parts().iter().map(|part| part.pid);
        Arc::new(cx.follow(&name, parts.chain(server.pid()).collect()))
    };
    if let Some(grant) = &grant {
        let parts = server.parts().iter().map(|part| part.pid);
        parts.chain(server.pid()).for_each(|pid| grant.follow(pid));
        look(grant.clone()).await;
    }
    if let Some(asked) = asked
        && let Some(note) = asked.note().await
    {
        cx.note(format!("{name}: {note}"));
    }
    for note in server.notes() {
        cx.note(note);
    }
    if let Some(recipe) = recipe {
        crate::judged::of_server(server.base_url(), &recipe.judging);
    }
    if let Some(log) = server.log_path().filter(|log| !log.starts_with(&folder)) {
        // Another process started it, and its log lies in that process's evidence; a folder that is empty is none.
        let _ = std::fs::remove_dir(&folder);
        cx.log_file(log);
    }
    let broken = Arc::new(AtomicBool::new(false));
    let (checked, seen) = (server.clone(), broken.clone());
    cx.on_reuse(move || {
        let (server, seen) = (checked.clone(), seen.clone());
        async move {
            let well = server.check().await;
            seen.store(well.is_err(), Ordering::SeqCst);
            well
        }
    });
    let (handle, fresh, note) = (server.clone(), cx.is_fresh(), cx.notes());
    cx.on_teardown(move || async move {
        #[cfg(target_os = "linux")]
        {
            let look = followed.clone();
            let _ = tokio::task::spawn_blocking(move || look.look()).await;
        }
        let broken = broken.load(Ordering::SeqCst);
        let report = if broken {
            handle.clone().retire().await
        } else {
            handle.shut_down().await
        };
        let report = report.map_err(Error::of)?;
        for text in hard_ends(&name, &report) {
            note(text);
        }
        let told = tell_of_stop(&folder, &report);
        if report.ended_before && !fresh && !broken {
            // Whole only now that its keeper has written the last of it.
            let tail = handle.log_tail(TAIL).unwrap_or_default();
            return Err(Error::of(format!(
                "{name} had ended by itself{} before it was stopped; the last lines of its log:\n{tail}",
                report.exit.map_or(String::new(), |e| format!(" ({e})"))
            )));
        }
        told
    });
    Ok(server)
}

/// Sees what a server uses of its devices now.
pub(crate) async fn look(grant: Arc<Grant>) {
    // A look that is cut short is one sample less.
    let _ = tokio::task::spawn_blocking(move || grant.look()).await;
}

/// How long a server may take before people are told what is awaited.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many lines of the log of a server that ended by itself are shown.
const TAIL: usize = 10;

/// Where processes of one run meet to share a server; `None` where this process runs all cases itself.
fn share(deployment: &Deployment) -> Option<Share> {
    let runner = Runner::detect().or_else(|| {
        let (pid, start_time) = tribunal_runner::sharing_harness()?;
        Some(Runner { pid, start_time })
    })?;
    // Without a folder to meet in, each process has a server of its own: slower, and as right.
    let folder = Share::folder_for_run(&runner).ok()?;
    Some(Share::new(folder, deployment.digest()).runner(runner))
}

/// What did not end as a server should: worth a note, since on a device it would have held memory.
fn hard_ends(name: &str, report: &StopReport) -> Vec<String> {
    let listed = |list: &[ProcessInfo]| -> String {
        let shown: Vec<String> = list
            .iter()
            .map(|p| format!("pid {} ({})", p.pid, p.name))
            .collect();
        shown.join(", ")
    };
    let mut notes = vec![];
    if !report.outlived.is_empty() {
        let list = listed(&report.outlived);
        notes.push(format!(
            "{name} ended and left processes behind, which were stopped: {list}"
        ));
    }
    if !report.killed.is_empty() {
        let list = listed(&report.killed);
        notes.push(format!(
            "{name} did not end when asked, and was killed: {list}"
        ));
    }
    notes.extend(report.notes.iter().map(|n| format!("{name}: {n}")));
    notes
}

/// Writes what the stop found beside the log: which processes ended how, which outlived their parents, which had to be killed.
fn tell_of_stop(folder: &Path, report: &StopReport) -> Result<(), Error> {
    if report.shared || report.processes.is_empty() {
        return Ok(());
    }
    let mut text = format!("stopped in {:.3} s\n", report.took.as_secs_f64());
    for process in &report.processes {
        let exit = process.exit.map_or("unknown".to_owned(), |e| e.to_string());
        text.push_str(&format!(
            "{}: {exit}{}, {:.3} s\n",
            process.name,
            if process.ended_before {
                ", had ended before"
            } else {
                ""
            },
            process.took.as_secs_f64()
        ));
        for (what, list) in [
            ("outlived it, and was stopped", &process.outlived),
            ("did not end when asked, and was killed", &process.killed),
        ] {
            for p in list {
                text.push_str(&format!("  pid {} ({}) {what}\n", p.pid, p.name));
            }
        }
        if let Some((bytes, why)) = &process.log_lost {
            text.push_str(&format!("  {bytes} bytes of its log are lost: {why}\n"));
        }
    }
    if folder.is_dir() {
        let path = folder.join("stop.txt");
        std::fs::write(&path, text)
            .map_err(|e| Error::of(format!("{} cannot be written: {e}", path.display())))?;
    }
    Ok(())
}

/// The folder for a transcript: the attempt's own, or below it where another client's lies there already.
fn vacant(folder: &Path) -> PathBuf {
    let mut place = folder.to_owned();
    for number in 2.. {
        if !place.join("transcript.json").exists() {
            break;
        }
        place = folder.join(format!("client-{number}"));
    }
    // What cannot be made is told when it is written to.
    let _ = std::fs::create_dir_all(&place);
    place
}

/// A client of a server's model, with the verdict that the level of the asking case calls for: format, finish reason and a well-formed stream at the
/// lowest level; usage, log-probabilities and the rest above.
pub fn judged(cx: &SetUp, server: &Server) -> Result<ModelClient, Error> {
    let client = Client::new(server.base_url())?;
    let Some(model) = server.model() else {
        crate::fail!(
            "the server at {} lists no model, so a client has none to ask for; give its deployment a .model(…)",
            server.base_url()
        );
    };
    let judge = crate::judged::judge(cx.depth(), &crate::judged::facts(server.base_url()))?;
    let transcript = Transcript::new();
    let record = transcript.clone();
    cx.on_evidence(move |folder| {
        if record.is_empty() {
            return Ok(());
        }
        record.write(&vacant(folder))
    });
    let client = client.with_transcript(transcript);
    Ok(client.model(model).with_judge(judge))
}
