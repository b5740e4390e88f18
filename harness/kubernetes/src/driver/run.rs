//! A run on a cluster, from its first object to its last.
//!
//! Promise: whatever happens between, evidence is collected and everything is deleted, also after Ctrl-C at any moment; what stays is named. The result is the exit
//! status of the harness and its event log. Rejected: leaving what failed for somebody to look at (it holds accelerators that others wait for; the evidence is
//! what there is to look at).

use std::collections::BTreeMap;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

use super::check;
use super::cluster::Cluster;
use super::collect::{collect, events, write};
use super::delete::delete;
use super::failure::Failure;
use super::follow::Follow;
use super::kind::Kind;
use super::pod::{Ended, PodSeen};
use super::result::{logs, worst};
use super::tell::{Said, Tell};
use super::trouble::{Doctor, lines, word};
use super::watch::{Seen, Watch};
use crate::render::{Manifest, Shape, TOKEN_KEY, metadata};

/// The logs of more shards than that are not followed while they are written; all are collected.
const FOLLOWED: usize = 8;

/// How often somebody asked to stop.
pub type Interrupts = channel::Receiver<u32>;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The harness ended, with this exit status, and its event log says the same.
    Ended(i32),
    /// It did not come to that, or nothing shows that it did.
    Failed(Failure),
    /// Somebody stopped it.
    Interrupted,
}

/// What a run on a cluster leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Where its evidence lies.
    pub evidence: PathBuf,
    /// What evidence could not be had.
    pub missing: Vec<String>,
    /// What could not be deleted.
    pub stays: Vec<String>,
}

impl Report {
    /// The exit code: that of the harness; 1 where it did not come to one; 130 after an interruption. What stays on a cluster is a failure of its own.
    pub fn code(&self) -> i32 {
        match &self.outcome {
            Outcome::Ended(0) if !self.stays.is_empty() => 1,
            Outcome::Ended(code) => *code,
            Outcome::Failed(_) => 1,
            Outcome::Interrupted => 130,
        }
    }
}

/// Runs a manifest.
pub async fn run(
    cluster: &Cluster,
    manifest: &Manifest,
    token: &str,
    folder: &Path,
    tell: &Tell,
    interrupts: Interrupts,
) -> Report {
    let mut work = Work {
        cluster,
        manifest,
        token,
        tell,
        created: false,
    };
    let worked = tokio::select! {
        biased;
        () = reaches(interrupts.clone(), 1) => None,
        result = work.all() => Some(result),
    };
    let created = work.created;
    cluster.close();
    let mut outcome = match worked {
        None => {
            say(
                tell,
                "stopping: evidence is collected, then everything is deleted; once more: only deleted",
            );
            Outcome::Interrupted
        }
        Some(Ok(ends)) => Outcome::Ended(worst(ends.values().map(|ended| ended.code))),
        Some(Err(failure)) => Outcome::Failed(failure),
    };
    // A call that was on its way may have made something.
    cluster.settled().await;
    let mut missing = Vec::new();
    if created {
        say(tell, "collecting evidence");
        let all = collect(cluster, &manifest.run, &manifest.name, folder);
        tokio::select! {
            biased;
            () = reaches(interrupts.clone(), 2) => missing.push("all that had not been collected when it was stopped".to_owned()),
            taken = tokio::time::timeout(cluster.patience.collect, all) => match taken {
                Ok(what) => missing.extend(what),
                Err(_) => missing.push(format!("all that had not been collected after {:?}", cluster.patience.collect)),
            },
        }
        write(
            &mut missing,
            &folder.join("manifest.yaml"),
            &manifest.yaml(),
        );
        outcome = confirmed(outcome, manifest, folder);
    }
    let stays = if created {
        erase(cluster, manifest, tell, interrupts).await
    } else {
        Vec::new()
    };
    Report {
        outcome,
        evidence: folder.to_path_buf(),
        missing,
        stays,
    }
}

/// Deletes everything; hurries once somebody has asked twice.
async fn erase(
    cluster: &Cluster,
    manifest: &Manifest,
    tell: &Tell,
    interrupts: Interrupts,
) -> Vec<String> {
    say(tell, "deleting");
    let secret = manifest.token_secret.as_deref();
    tokio::select! {
        biased;
        stays = delete(cluster, &manifest.run, secret, cluster.patience.gone) => stays,
        () = async {
            reaches(interrupts, 2).await;
            tokio::time::sleep(cluster.patience.hurry).await;
        } => {
            cluster.settled().await;
            delete(cluster, &manifest.run, secret, Duration::ZERO).await
        }
    }
}

/// Waits until somebody has asked so often.
async fn reaches(mut interrupts: Interrupts, times: u32) {
    if interrupts.wait_for(|asked| *asked >= times).await.is_err() {
        // Nobody can ask any more.
        pending::<()>().await;
    }
}

/// A success needs an event log that says so.
fn confirmed(outcome: Outcome, manifest: &Manifest, folder: &Path) -> Outcome {
    let Outcome::Ended(code) = outcome else {
        return outcome;
    };
    let parts: Vec<PathBuf> = match manifest.shape {
        Shape::Nodes(_) => vec![folder.join("node-0")],
        Shape::Shards(count) => (0..count)
            .map(|index| folder.join(format!("node-{index}")))
            .collect(),
    };
    let help = "the log of the pod is in the evidence; `--evidence-dir` of the harness must stay as it is rendered";
    for (index, part) in parts.iter().enumerate() {
        let logs = logs(&part.join("evidence"));
        let title = format!("{} {index}", word(manifest.shape));
        if code == 0 && logs.codes.is_empty() {
            let what = match logs.logs {
                0 => "there is no event log of it",
                _ => "its event log does not say that the run ended",
            };
            return Outcome::Failed(Failure::new(format!("{title} ended with exit status 0, but {what}: nothing shows that anything was tested")).help(help));
        }
        if code == 0 && logs.codes.iter().any(|own| *own != 0) {
            return Outcome::Failed(
                Failure::new(format!(
                    "{title} ended with exit status 0, and its event log with {:?}",
                    logs.codes
                ))
                .help(help),
            );
        }
    }
    Outcome::Ended(code)
}

struct Work<'a> {
    cluster: &'a Cluster,
    manifest: &'a Manifest,
    token: &'a str,
    tell: &'a Tell,
    /// Whether there may be objects of this run.
    created: bool,
}

impl Work<'_> {
    /// How each part of the run ended.
    async fn all(&mut self) -> Result<BTreeMap<usize, Ended>, Failure> {
        let (cluster, manifest) = (self.cluster, self.manifest);
        self.say(format!(
            "checking rights and quotas in the namespace {}",
            cluster.namespace()
        ));
        check::rights(cluster, manifest.shape).await?;
        check::quotas(cluster, manifest).await?;
        self.created = true;
        self.create().await?;
        let watch = Watch::start(cluster, manifest.run.as_str());
        self.ready(&watch).await?;
        self.ended(&watch).await
    }

    fn say(&self, text: impl Into<String>) {
        say(self.tell, text);
    }

    async fn create(&self) -> Result<(), Failure> {
        let (cluster, manifest) = (self.cluster, self.manifest);
        let namespace = Some(cluster.namespace());
        let mut secret = manifest.token_secret.as_ref().map(|name| {
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata(name, &manifest.name, namespace, &manifest.run),
                "stringData": { TOKEN_KEY: self.token },
                "type": "Opaque",
            })
        });
        for object in &manifest.objects {
            let mut object = object.clone();
            object["metadata"]["namespace"] = json!(cluster.namespace());
            self.one(object).await?;
            // The ConfigMap comes first: a run is found by it, whatever else there is.
            if let Some(secret) = secret.take() {
                self.one(secret).await?;
            }
        }
        Ok(())
    }

    async fn one(&self, object: Value) -> Result<(), Failure> {
        let kind = Kind::of(&object).ok_or_else(|| Failure::new("an object of an unknown kind"))?;
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.say(format!("creating {} {name}", kind.name()));
        self.cluster.create(kind, object).await
    }

    /// Waits until all pods are ready, or have ended already.
    async fn ready(&self, watch: &Watch) -> Result<(), Failure> {
        let (manifest, patience) = (self.manifest, self.cluster.patience);
        let (start, wanted) = (Instant::now(), manifest.shape.pods());
        let mut doctor = Doctor::default();
        let mut told = String::new();
        loop {
            let seen = self.look(watch, patience.poll).await?;
            let pods: Vec<PodSeen> = seen.pods.values().cloned().collect();
            let good = pods
                .iter()
                .filter(|pod| pod.ready || pod.ended.is_some())
                .count();
            let line = summary(&pods, wanted, word(manifest.shape));
            if line != told {
                self.say(line.clone());
                told = line;
            }
            if good >= wanted || pods.iter().any(|pod| pod.ended.is_some()) {
                return Ok(());
            }
            let events = events(self.cluster, &manifest.name)
                .await
                .unwrap_or_default();
            if let Some(failure) = doctor.diagnosis(
                &pods,
                &events,
                manifest.shape,
                Instant::now(),
                patience.unschedulable,
            ) {
                return Err(failure);
            }
            if start.elapsed() >= patience.start {
                let mut message = format!(
                    "not all pods were ready within {:?}: {told}",
                    patience.start
                );
                for line in lines(&events) {
                    message.push_str("\n  ");
                    message.push_str(&line);
                }
                return Err(Failure::new(message)
                    .help("pods and events as the cluster has them are in the evidence"));
            }
        }
    }

    /// Waits until the run has ended, and tells its log meanwhile.
    async fn ended(&self, watch: &Watch) -> Result<BTreeMap<usize, Ended>, Failure> {
        let (manifest, patience) = (self.manifest, self.cluster.patience);
        let limit = Duration::from_secs(u64::from(manifest.deadline_seconds));
        let start = Instant::now();
        let mut logs = Logs::default();
        let mut lost: Option<(Instant, String)> = None;
        loop {
            let seen = self.look(watch, patience.poll).await?;
            let index = |pod: &PodSeen| pod.index.unwrap_or(usize::MAX);
            let by_index: BTreeMap<usize, &PodSeen> =
                seen.pods.values().map(|pod| (index(pod), pod)).collect();
            let leads = |index: usize| match manifest.shape {
                Shape::Nodes(_) => index == 0,
                Shape::Shards(_) => true,
            };
            logs.follow(
                self,
                by_index
                    .iter()
                    .filter(|(index, _)| leads(**index))
                    .map(|(_, pod)| *pod),
            )
            .await;
            let ends: BTreeMap<usize, Ended> = by_index
                .iter()
                .filter(|(index, _)| leads(**index))
                .filter_map(|(index, pod)| Some((*index, pod.ended.clone()?)))
                .collect();
            let parts = match manifest.shape {
                Shape::Nodes(_) => 1,
                Shape::Shards(count) => count,
            };
            if ends.len() >= parts {
                logs.end().await;
                return Ok(ends);
            }
            // What happens to a pod beside its harness ends the run; the first node is given time to tell why by itself.
            match (broken(&by_index, manifest.shape, seen.listed), &lost) {
                (Some(why), None) => lost = Some((Instant::now(), why)),
                (Some(_), Some((since, why))) if since.elapsed() >= patience.leader => {
                    logs.end().await;
                    return Err(Failure::new(why.clone())
                        .help("its log, its pod and the events are in the evidence"));
                }
                (None, Some(_)) => lost = None,
                _ => {}
            }
            if start.elapsed() >= limit {
                logs.end().await;
                return Err(
                    Failure::new(format!("the run did not end within {limit:?}"))
                        .help("`deadline_seconds` in [kubernetes] is its limit"),
                );
            }
        }
    }

    /// What is known, as soon as something changes or a while has passed.
    async fn look(&self, watch: &Watch, wait: Duration) -> Result<Seen, Failure> {
        let mut seen = watch.seen.clone();
        if watch.now().listed {
            seen.mark_unchanged();
        }
        let _ = tokio::time::timeout(wait, seen.changed()).await;
        let now = watch.now();
        match now.failure {
            Some(failure) => Err(failure),
            None => Ok(now),
        }
    }
}

/// A pod that is lost to the run, in words.
fn broken(pods: &BTreeMap<usize, &PodSeen>, shape: Shape, listed: bool) -> Option<String> {
    let what = word(shape);
    for index in 0..shape.pods() {
        let Some(pod) = pods.get(&index) else {
            if listed {
                return Some(format!(
                    "{what} {index} is gone: its pod was deleted, or its machine was lost"
                ));
            }
            continue;
        };
        let title = pod.title(what);
        if let Some(failed) = &pod.failed {
            return Some(format!("{title} failed: {failed}"));
        }
        if pod.deleting {
            return Some(format!("{title} is being deleted by somebody else"));
        }
        match &pod.ended {
            // One that ended well was told that the run is over.
            Some(ended) if matches!(shape, Shape::Nodes(_)) && index > 0 && ended.code != 0 => {
                return Some(format!("{title} {ended}, and node 0 did not end"));
            }
            _ => {}
        }
    }
    None
}

fn summary(pods: &[PodSeen], wanted: usize, what: &str) -> String {
    let ready = pods.iter().filter(|pod| pod.ready).count();
    let mut line = format!("{ready} of {wanted} pods are ready");
    for pod in pods.iter().filter(|pod| !pod.ready).take(8) {
        let state = match (&pod.waiting, &pod.unschedulable) {
            (_, Some(_)) => "no machine yet".to_owned(),
            (Some((reason, _)), None) => reason.clone(),
            (None, None) => pod.phase.clone(),
        };
        line.push_str(&format!("; {}: {state}", pod.title(what)));
    }
    line
}

fn say(tell: &Tell, text: impl Into<String>) {
    tell(Said::Step(text.into()));
}

/// The logs that are being followed, by pod.
#[derive(Default)]
struct Logs(BTreeMap<String, Followed>);

struct Followed {
    task: JoinHandle<()>,
    follow: std::sync::Arc<tokio::sync::Mutex<Follow>>,
    done: bool,
}

impl Drop for Logs {
    fn drop(&mut self) {
        for followed in self.0.values() {
            followed.task.abort();
        }
    }
}

impl Logs {
    async fn follow(&mut self, work: &Work<'_>, pods: impl Iterator<Item = &PodSeen>) {
        for pod in pods.take(FOLLOWED) {
            let followed = self.0.entry(pod.name.clone()).or_insert_with(|| {
                let follow = Follow::new(work.cluster, &work.manifest.run, &pod.name, work.tell);
                let follow = std::sync::Arc::new(tokio::sync::Mutex::new(follow));
                let own = std::sync::Arc::clone(&follow);
                let task = tokio::spawn(async move { own.lock().await.follow().await });
                Followed {
                    task,
                    follow,
                    done: false,
                }
            });
            if pod.ended.is_some() && !followed.done {
                followed.done = true;
                followed.task.abort();
                followed.follow.lock().await.rest().await;
            }
        }
    }

    /// Tells what has not been told.
    async fn end(&mut self) {
        for followed in self.0.values_mut().filter(|followed| !followed.done) {
            followed.done = true;
            followed.task.abort();
            followed.follow.lock().await.rest().await;
        }
    }
}
