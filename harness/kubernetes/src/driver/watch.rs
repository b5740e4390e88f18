//! The pods of a run, as they are now.
//!
//! Promise: what is seen is never older than what was seen before; a watch that is closed, silent or too old (410) is opened again, from a new list where it has
//! to be. Rejected: polling lists (a second late, and a burden for the server), and a cache of a framework (it has no end, and hides why it sees nothing).

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cluster::{Cluster, selector};
use super::failure::Failure;
use super::kind::Kind;
use super::lines::{Lines, Next};
use super::patience::pause;
use super::pod::PodSeen;

/// What is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub pods: BTreeMap<String, PodSeen>,
    /// Why nothing more is to be seen.
    pub failure: Option<Failure>,
    /// Whether there was a list at all.
    pub listed: bool,
}

/// A watch over the pods of a run. It ends when this is dropped.
pub(crate) struct Watch {
    pub seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub fn start(cluster: &Cluster, run: &str) -> Watch {
        let (sender, seen) = watch::channel(Seen::default());
        let (cluster, run) = (cluster.clone(), run.to_owned());
        let task = tokio::spawn(async move {
            if let Err(failure) = keep(&cluster, &run, &sender).await {
                sender.send_modify(|seen| seen.failure = Some(failure));
            }
        });
        Watch { seen, task }
    }

    /// What is known now, without what happens to be the same as before.
    pub fn now(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

/// Why a watch came to its end.
enum Closed {
    /// What it was opened at is too old: only a list helps.
    TooOld,
    /// The server closed it, or the way to it did.
    Cut,
}

async fn keep(cluster: &Cluster, run: &str, sender: &watch::Sender<Seen>) -> Result<(), Failure> {
    let mut attempt = 0;
    loop {
        let list = cluster.labelled(Kind::Pod, run).await?;
        let mut version = list["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or("0")
            .to_owned();
        let items = list["items"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let pods = items
            .iter()
            .filter_map(PodSeen::of)
            .map(|pod| (pod.name.clone(), pod))
            .collect();
        sender.send_modify(|seen| {
            seen.pods = pods;
            seen.listed = true;
        });
        let mut since = Instant::now();
        loop {
            let before = version.clone();
            let closed = stream(cluster, run, &mut version, sender).await;
            if before != version {
                attempt = 0;
                since = Instant::now();
            }
            match closed {
                Ok(Closed::TooOld) => break,
                Ok(Closed::Cut) => {}
                Err(failure) if failure.is(410) => break,
                Err(failure) => {
                    let passes = failure
                        .status
                        .is_none_or(|status| status == 429 || status >= 500);
                    if !passes || since.elapsed() >= cluster.patience.call {
                        return Err(failure);
                    }
                }
            }
            tokio::time::sleep(pause(cluster.patience.pause, attempt, None)).await;
            attempt += 1;
        }
        tokio::time::sleep(pause(cluster.patience.pause, attempt, None)).await;
        attempt += 1;
    }
}

async fn stream(
    cluster: &Cluster,
    run: &str,
    version: &mut String,
    sender: &watch::Sender<Seen>,
) -> Result<Closed, Failure> {
    let path = format!(
        "{}?labelSelector={}&watch=true&allowWatchBookmarks=true&resourceVersion={version}",
        Kind::Pod.path(cluster.namespace()),
        selector(run)
    );
    let mut lines = Lines::new(cluster.stream(&path).await?, cluster.patience.silence);
    loop {
        let line = match lines.next().await {
            Next::Line(line) => line,
            Next::End | Next::Silent | Next::Broken(_) => return Ok(Closed::Cut),
        };
        let Ok(event) = serde_json::from_str::<Value>(&line) else {
            // Cut in the middle: what follows comes again.
            return Ok(Closed::Cut);
        };
        let object = &event["object"];
        if event["type"] == "ERROR" {
            let too_old = object["code"] == 410;
            return Ok(if too_old { Closed::TooOld } else { Closed::Cut });
        }
        if let Some(now) = object["metadata"]["resourceVersion"].as_str() {
            now.clone_into(version);
        }
        let Some(pod) = PodSeen::of(object) else {
            continue;
        };
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED") => sender.send_modify(|seen| {
                seen.pods.insert(pod.name.clone(), pod);
            }),
            Some("DELETED") => sender.send_modify(|seen| {
                seen.pods.remove(&pod.name);
            }),
            _ => {}
        }
    }
}
