//! What is asked of a run that somebody started: its state, its log, its evidence, its end.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::cluster::Cluster;
use super::collect::{collect, events};
use super::delete::{delete, name_of};
use super::failure::Failure;
use super::follow::Follow;
use super::kind::Kind;
use super::pod::PodSeen;
use super::tell::Tell;
use super::trouble::lines;
use super::watch::{Seen, Watch};
use crate::render::{MANAGED_BY, MANAGED_LABEL, RUN_LABEL, RunId};

/// What is known of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The run.
    pub run: String,
    /// The name of its objects.
    pub name: String,
    /// Its pods.
    pub pods: Vec<PodSeen>,
    /// What was told of it that is not normal.
    pub events: Vec<String>,
}

/// A run that nothing else is called like.
///
/// # Errors
/// The system has no random bytes.
pub fn random_run() -> Result<RunId, Failure> {
    Ok(RunId::of(&random()?))
}

/// A token that nobody guesses.
///
/// # Errors
/// The system has no random bytes.
pub fn random_token() -> Result<String, Failure> {
    Ok(random()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|why| Failure::new(format!("/dev/urandom cannot be read: {why}")))?;
    Ok(bytes)
}

/// The state of one run, or of all that Tribunal has made in the namespace.
///
/// # Errors
/// The cluster refuses, or does not answer.
pub async fn status_of(cluster: &Cluster, run: Option<&RunId>) -> Result<Vec<Status>, Failure> {
    let pods = match run {
        Some(run) => cluster.labelled(Kind::Pod, run.as_str()).await?,
        None => {
            let (key, value) = (MANAGED_LABEL.replace('/', "%2F"), MANAGED_BY);
            cluster
                .get(&format!(
                    "{}?labelSelector={key}%3D{value}",
                    Kind::Pod.path(cluster.namespace())
                ))
                .await?
        }
    };
    let mut all: Vec<Status> = Vec::new();
    for pod in pods["items"].as_array().into_iter().flatten() {
        let labels = &pod["metadata"]["labels"];
        let word = |key: &str| labels[key].as_str().unwrap_or_default().to_owned();
        let (id, name) = (word(RUN_LABEL), word("app.kubernetes.io/name"));
        let Some(seen) = PodSeen::of(pod) else {
            continue;
        };
        match all.iter_mut().find(|status| status.run == id) {
            Some(status) => status.pods.push(seen),
            None => all.push(Status {
                run: id,
                name,
                pods: vec![seen],
                events: Vec::new(),
            }),
        }
    }
    // A run whose pods do not come is seen by its first object.
    if all.is_empty()
        && let Some(run) = run
        && let Some(name) = name_of(cluster, run).await?
    {
        all.push(Status {
            run: run.to_string(),
            name,
            pods: Vec::new(),
            events: Vec::new(),
        });
    }
    for status in &mut all {
        status.pods.sort_by_key(|pod| pod.index);
        let events: Vec<Value> = events(cluster, &status.name).await?;
        status.events = lines(&events);
    }
    Ok(all)
}

/// Tells the log of a node, and follows it until its harness has ended.
///
/// # Errors
/// There is no such pod, or the cluster refuses.
pub async fn logs_of(
    cluster: &Cluster,
    run: &RunId,
    index: usize,
    tell: &Tell,
) -> Result<(), Failure> {
    let watch = Watch::start(cluster, run.as_str());
    let mut seen = watch.seen.clone();
    let first = seen
        .wait_for(|seen| seen.listed || seen.failure.is_some())
        .await;
    let first = first.map(|seen| seen.clone()).unwrap_or_default();
    if let Some(failure) = first.failure {
        return Err(failure);
    }
    let pod = first
        .pods
        .values()
        .find(|pod| pod.index == Some(index))
        .ok_or_else(|| {
            let there: Vec<_> = first
                .pods
                .values()
                .filter_map(|pod| pod.index)
                .map(|index| index.to_string())
                .collect();
            let there = if there.is_empty() {
                "none".to_owned()
            } else {
                there.join(", ")
            };
            Failure::new(format!("the run {run} has no pod {index}"))
                .help(format!("there are: {there}"))
        })?;
    let name = pod.name.clone();
    let mut follow = Follow::new(cluster, run, &name, tell);
    let over = async {
        // What it lends is given back at once: whoever holds it keeps the watch from going on.
        let ended = |seen: &Seen| {
            seen.failure.is_some() || seen.pods.get(&name).is_none_or(|pod| pod.ended.is_some())
        };
        drop(seen.wait_for(ended).await);
    };
    tokio::select! {
        () = follow.follow() => {}
        () = over => follow.rest().await,
    }
    Ok(())
}

/// Collects the evidence of a run. What could not be had is named.
///
/// # Errors
/// There is no such run, or the cluster refuses.
pub async fn collect_run(
    cluster: &Cluster,
    run: &RunId,
    folder: &Path,
) -> Result<Vec<String>, Failure> {
    let name = name_of(cluster, run)
        .await?
        .ok_or_else(|| no_run(cluster, run))?;
    Ok(collect(cluster, run, &name, folder).await)
}

/// Deletes a run. What stays is named.
///
/// # Errors
/// There is no such run, or the cluster refuses.
pub async fn delete_run(cluster: &Cluster, run: &RunId) -> Result<Vec<String>, Failure> {
    let name = name_of(cluster, run)
        .await?
        .ok_or_else(|| no_run(cluster, run))?;
    let secret = format!("{name}-token");
    Ok(delete(cluster, run, Some(&secret), cluster.patience.gone).await)
}

fn no_run(cluster: &Cluster, run: &RunId) -> Failure {
    Failure::new(format!(
        "there is nothing of the run {run} in the namespace {}",
        cluster.namespace()
    ))
    .help("`cargo tribunal k8s status` lists those that are there")
}
