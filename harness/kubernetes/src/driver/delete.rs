//! Deleting a run.
//!
//! Promise: only objects with the label of the run are deleted, each by its uid, so that one that came in its place stays; it is looked until nothing is left, and
//! what stays is named. The ConfigMap goes last: as long as anything is there, the run can be found by it. Secrets are never listed (that would read them): one is
//! deleted by its name, which has the run in it, until the cluster says that there is none. Rejected: deleting by a selector (the right to do that is the right
//! to empty the namespace).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::cluster::Cluster;
use super::failure::Failure;
use super::kind::Kind;
use super::pod::text;
use crate::render::RunId;

/// What is deleted, in this order.
const KINDS: [Kind; 4] = [
    Kind::LeaderWorkerSet,
    Kind::Job,
    Kind::Service,
    Kind::ConfigMap,
];

/// Deletes what a run has made, and waits until it is gone. What stays is named, with what is known of why.
pub(crate) async fn delete(
    cluster: &Cluster,
    run: &RunId,
    secret: Option<&str>,
    limit: Duration,
) -> Vec<String> {
    let start = Instant::now();
    loop {
        let stays = once(cluster, run, secret, limit.saturating_sub(start.elapsed())).await;
        if stays.is_empty() || start.elapsed() + cluster.patience.poll >= limit {
            return stays;
        }
        tokio::time::sleep(cluster.patience.poll).await;
    }
}

/// One round: what is still there after it.
async fn once(
    cluster: &Cluster,
    run: &RunId,
    secret: Option<&str>,
    limit: Duration,
) -> Vec<String> {
    let mut stays = Vec::new();
    for kind in KINDS {
        if kind == Kind::ConfigMap {
            if let Some(secret) = secret {
                stays.extend(of_secret(cluster, secret, limit).await);
            }
            // The anchor of the run: not before all else is gone.
            if !stays.is_empty() {
                continue;
            }
        }
        match cluster.labelled(kind, run.as_str()).await {
            // A kind that the cluster has not.
            Err(failure) if failure.is(404) => {}
            Err(failure) => stays.push(format!("{}: {}", kind.name(), failure.message)),
            Ok(list) => {
                for object in list["items"].as_array().into_iter().flatten() {
                    stays.extend(of_object(cluster, kind, object, limit).await);
                }
            }
        }
    }
    match cluster.labelled(Kind::Pod, run.as_str()).await {
        Err(failure) => stays.push(format!("Pod: {}", failure.message)),
        Ok(list) => {
            let names = list["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|pod| text(&pod["metadata"]["name"]));
            stays.extend(names.map(|name| format!("Pod {name} (it goes with what it belongs to)")));
        }
    }
    stays
}

async fn of_object(
    cluster: &Cluster,
    kind: Kind,
    object: &Value,
    limit: Duration,
) -> Option<String> {
    let metadata = &object["metadata"];
    let name = text(&metadata["name"])?;
    let title = format!("{} {name}", kind.name());
    if !metadata["deletionTimestamp"].is_null() {
        let finalizers: Vec<_> = metadata["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(text)
            .collect();
        return Some(format!(
            "{title} (it is being deleted; it waits for {})",
            finalizers.join(", ")
        ));
    }
    match cluster
        .delete(
            kind,
            &name,
            text(&metadata["uid"]).as_deref(),
            call(cluster, limit),
        )
        .await
    {
        // Gone, or another one by now.
        Err(failure) if failure.is(404) || failure.is(409) => Some(title),
        Err(failure) => Some(format!("{title}: {}", failure.message)),
        Ok(()) => Some(title),
    }
}

/// Deleted until there is none.
async fn of_secret(cluster: &Cluster, name: &str, limit: Duration) -> Option<String> {
    for _ in 0..2 {
        match cluster
            .delete(Kind::Secret, name, None, call(cluster, limit))
            .await
        {
            Err(failure) if failure.is(404) => return None,
            Err(failure) => return Some(format!("Secret {name}: {}", failure.message)),
            Ok(()) => {}
        }
    }
    Some(format!("Secret {name}"))
}

fn call(cluster: &Cluster, limit: Duration) -> Duration {
    cluster.patience.call.min(limit.max(cluster.patience.pause))
}

/// The name of a run's objects, found by its label.
pub(crate) async fn name_of(cluster: &Cluster, run: &RunId) -> Result<Option<String>, Failure> {
    for kind in [Kind::ConfigMap, Kind::LeaderWorkerSet, Kind::Job] {
        let list = match cluster.labelled(kind, run.as_str()).await {
            Err(failure) if failure.is(404) => continue,
            list => list?,
        };
        let mut names = list["items"].as_array().into_iter().flatten();
        if let Some(name) =
            names.find_map(|object| text(&object["metadata"]["labels"]["app.kubernetes.io/name"]))
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
