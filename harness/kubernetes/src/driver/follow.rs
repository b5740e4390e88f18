//! The log of a container, as it is written.
//!
//! Promise: a lost or silent stream is opened again where it was left; only the first run of the harness is told, whenever its container is started again; whatever
//! happens to the log decides nothing about the run. Rejected: waiting for the end of the stream (a stream that never ends keeps a finished run until the limit of
//! the job).

use kube::client::Body;

use super::cluster::Cluster;
use super::failure::Failure;
use super::kind::Kind;
use super::lines::{Lines, Next};
use super::patience::pause;
use super::pod::PodSeen;
use super::resume::Resume;
use super::tell::{Said, Tell};
use crate::render::{HARNESS, RunId};

/// The log of the harness in a pod.
pub(crate) struct Follow {
    cluster: Cluster,
    run: RunId,
    pod: String,
    resume: Resume,
    tell: Tell,
}

/// A stream, and whose it is.
enum Opened {
    /// Of the first run of the harness.
    First(Body),
    /// Of a container that was started again.
    Again,
}

impl Follow {
    pub fn new(cluster: &Cluster, run: &RunId, pod: &str, tell: &Tell) -> Follow {
        Follow {
            cluster: cluster.clone(),
            run: run.clone(),
            pod: pod.to_owned(),
            resume: Resume::default(),
            tell: tell.clone(),
        }
    }

    /// Tells every line until nobody wants to know any more.
    pub async fn follow(&mut self) {
        let mut attempt = 0;
        loop {
            if let Ok(Opened::First(body)) = self.open(true).await
                && self.told(body).await > 0
            {
                attempt = 0;
            }
            tokio::time::sleep(pause(self.cluster.patience.pause, attempt, None)).await;
            attempt += 1;
        }
    }

    /// Tells what is left of the first run of the harness, which has ended.
    pub async fn rest(&mut self) {
        let limit = self.cluster.patience.call;
        let rest = async {
            let body = match self.open(false).await? {
                Opened::First(body) => body,
                Opened::Again => self.cluster.stream(&self.path("&previous=true")).await?,
            };
            self.told(body).await;
            Ok::<(), Failure>(())
        };
        let _ = tokio::time::timeout(limit, rest).await;
    }

    /// Opens the log. Only then it is asked whether the container was started again: a stream belongs to the container that there was when it was opened.
    async fn open(&self, follow: bool) -> Result<Opened, Failure> {
        let path = self.path(if follow { "&follow=true" } else { "" });
        let body = self.cluster.stream(&path).await?;
        Ok(
            match restarted(&self.cluster, &self.run, &self.pod).await? {
                false => Opened::First(body),
                true => Opened::Again,
            },
        )
    }

    fn path(&self, more: &str) -> String {
        let mut path = format!(
            "{}/{}/log?container={HARNESS}&timestamps=true{more}",
            Kind::Pod.path(self.cluster.namespace()),
            self.pod
        );
        if let Some(since) = self.resume.since() {
            path.push_str("&sinceTime=");
            path.push_str(&since.replace(':', "%3A"));
        }
        path
    }

    /// Tells the lines of a stream, and says how many were new.
    async fn told(&mut self, body: Body) -> usize {
        let mut new = 0;
        self.resume.reopened();
        let mut lines = Lines::new(body, self.cluster.patience.silence);
        while let Next::Line(line) = lines.next().await {
            if let Some(text) = self.resume.line(&line) {
                new += 1;
                (self.tell)(Said::Log {
                    pod: self.pod.clone(),
                    line: text.to_owned(),
                });
            }
        }
        new
    }
}

/// Whether the harness of a pod was started again.
pub(crate) async fn restarted(cluster: &Cluster, run: &RunId, pod: &str) -> Result<bool, Failure> {
    let list = cluster.labelled(Kind::Pod, run.as_str()).await?;
    let mut pods = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(PodSeen::of);
    Ok(pods.any(|seen| seen.name == pod && seen.restarts > 0))
}
