//! The verbs that talk to a cluster.
//!
//! Promise: SIGINT and SIGTERM stop a run in order, a second one hurries, and no other is needed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tribunal_kubernetes::{
    Cluster, Failure, Outcome, Patience, Report, RunId, Said, Tell, collect_run, delete_run,
    logs_of, random_run, random_token, status_of,
};

use super::K8sOptions;
use super::given::Given;
use crate::command::clean;

pub(super) fn drive(options: &K8sOptions) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(why) => return super::complain(&format!("no runtime: {why}")),
    };
    runtime.block_on(async {
        let done = match (&*options.word, &options.run) {
            ("run", _) => run(options).await,
            ("status", id) => status(options, id.as_ref()).await,
            ("logs", Some(id)) => logs(options, id).await,
            ("collect", Some(id)) => collect(options, id).await,
            ("delete", Some(id)) => delete(options, id).await,
            _ => Err(Failed::Usage("--run ID is missing".to_owned())),
        };
        match done {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Err(Failed::Usage(why)) => super::complain(&why),
            Err(Failed::Cluster(failure)) => {
                tell_error(&failure.to_string());
                ExitCode::FAILURE
            }
        }
    })
}

enum Failed {
    Usage(String),
    Cluster(Failure),
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Failed {
        Failed::Cluster(failure)
    }
}

async fn cluster(options: &K8sOptions, namespace: Option<&str>) -> Result<Cluster, Failure> {
    let mut patience = Patience::default();
    if let Some(seconds) = options.start_limit {
        patience.start = Duration::from_secs(seconds);
    }
    if let Some(seconds) = options.schedule_limit {
        patience.unschedulable = Duration::from_secs(seconds);
    }
    let namespace = options.namespace.as_deref().or(namespace);
    Cluster::connect(options.context.as_deref(), namespace, patience).await
}

async fn run(options: &K8sOptions) -> Result<i32, Failed> {
    let given = Given::read(options).map_err(Failed::Usage)?;
    let id = match &options.run {
        Some(id) => id.clone(),
        None => random_run()?,
    };
    let manifest = given.manifest(Some(id.clone())).map_err(Failed::Usage)?;
    for note in &manifest.notes {
        say(&format!("note: {note}"));
    }
    let interrupts = interrupts()
        .map_err(|why| Failed::Usage(format!("signals cannot be listened to: {why}")))?;
    let cluster = cluster(options, manifest.namespace.as_deref()).await?;
    let folder = folder(options, &manifest.name);
    say(&format!(
        "run {id}: {} in the namespace {}; evidence: {}",
        manifest.name,
        cluster.namespace(),
        folder.display()
    ));
    let report = tribunal_kubernetes::run(
        &cluster,
        &manifest,
        &random_token()?,
        &folder,
        &teller(true),
        interrupts,
    )
    .await;
    conclude(&report, &id);
    Ok(report.code())
}

fn conclude(report: &Report, id: &RunId) {
    for missing in &report.missing {
        say(&format!("not collected: {missing}"));
    }
    for stays in &report.stays {
        say(&format!("not deleted: {stays}"));
    }
    if !report.stays.is_empty() {
        say(&format!("help: `cargo tribunal k8s delete --run {id}`"));
    }
    match &report.outcome {
        Outcome::Ended(0) => say("the run ended with exit code 0"),
        Outcome::Ended(code) => say(&format!(
            "the run ended with exit code {code}; `cargo tribunal report` makes reports of its event log"
        )),
        Outcome::Failed(failure) => tell_error(&failure.to_string()),
        Outcome::Interrupted => say("the run was stopped"),
        _ => {}
    }
    say(&format!("evidence: {}", report.evidence.display()));
}

async fn status(options: &K8sOptions, id: Option<&RunId>) -> Result<i32, Failed> {
    let cluster = cluster(options, None).await?;
    let all = status_of(&cluster, id).await?;
    let mut out = String::new();
    for status in &all {
        out.push_str(&format!("run {}: {}\n", status.run, status.name));
        for pod in &status.pods {
            let state = match (&pod.ended, &pod.waiting, &pod.unschedulable) {
                (Some(ended), ..) => ended.to_string(),
                (None, Some((reason, message)), _) => format!("{reason} {message}"),
                (None, None, Some(message)) => format!("no machine: {message}"),
                (None, None, None) if pod.ready => "ready".to_owned(),
                (None, None, None) => pod.phase.clone(),
            };
            let machine = pod.machine.as_deref().unwrap_or("-");
            out.push_str(&format!(
                "  {} on {machine}: {}\n",
                pod.title("node"),
                clean(&state)
            ));
        }
        for event in status.events.iter().rev().take(10).rev() {
            out.push_str(&format!(
                "  {}\n",
                event
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(300)
                    .collect::<String>()
            ));
        }
    }
    if all.is_empty() {
        out = format!("there is no run in the namespace {}\n", cluster.namespace());
    }
    let _ = std::io::stdout().write_all(out.as_bytes());
    Ok(if all.is_empty() && id.is_some() { 1 } else { 0 })
}

async fn logs(options: &K8sOptions, id: &RunId) -> Result<i32, Failed> {
    let cluster = cluster(options, None).await?;
    logs_of(&cluster, id, options.node.unwrap_or(0), &teller(false)).await?;
    Ok(0)
}

async fn collect(options: &K8sOptions, id: &RunId) -> Result<i32, Failed> {
    let cluster = cluster(options, None).await?;
    let folder = folder(options, id.as_str());
    let missing = collect_run(&cluster, id, &folder).await?;
    for missing in &missing {
        say(&format!("not collected: {missing}"));
    }
    say(&format!("evidence: {}", folder.display()));
    Ok(i32::from(!missing.is_empty()))
}

async fn delete(options: &K8sOptions, id: &RunId) -> Result<i32, Failed> {
    let cluster = cluster(options, None).await?;
    let stays = delete_run(&cluster, id).await?;
    for stays in &stays {
        say(&format!("not deleted: {stays}"));
    }
    if stays.is_empty() {
        say(&format!("nothing of the run {id} is left"));
    }
    Ok(i32::from(!stays.is_empty()))
}

fn folder(options: &K8sOptions, name: &str) -> PathBuf {
    let own = || Path::new("target/tribunal/k8s").join(name);
    options.out.clone().unwrap_or_else(own)
}

/// How often somebody asked to stop, counted from now on.
fn interrupts() -> std::io::Result<watch::Receiver<u32>> {
    let (sender, receiver) = watch::channel(0);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                sender.send_modify(|asked| *asked += 1);
            }
        });
    }
    Ok(receiver)
}

/// Steps go to standard error, logs to standard output. What a pod prints cannot steer the terminal.
fn teller(named: bool) -> Tell {
    Arc::new(move |said| match said {
        Said::Step(text) => say(&text),
        Said::Log { pod, line } => {
            let line: String = line
                .chars()
                .filter(|c| !c.is_control() || *c == '\t')
                .collect();
            let line = if named {
                format!("{pod}: {line}\n")
            } else {
                format!("{line}\n")
            };
            let _ = std::io::stdout().write_all(line.as_bytes());
        }
        _ => {}
    })
}

fn say(text: &str) {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn tell_error(text: &str) {
    say(&format!("error: {text}"));
}
