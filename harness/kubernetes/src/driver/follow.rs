//! The log of a container, as it is written.
//!
//! Promise: a lost or silent stream is opened again where it was left; whatever happens to the log decides nothing about the run. Rejected: waiting for the end of
//! the stream (a stream that never ends keeps a finished run until the limit of the job).

use super::cluster::Cluster;
use super::kind::Kind;
use super::lines::{Lines, Next};
use super::patience::pause;
use super::resume::Resume;
use super::tell::{Said, Tell};
use crate::render::HARNESS;

/// The log of the harness in a pod.
pub(crate) struct Follow {
    cluster: Cluster,
    pod: String,
    resume: Resume,
    tell: Tell,
}

impl Follow {
    pub fn new(cluster: &Cluster, pod: &str, tell: &Tell) -> Follow {
        Follow {
            cluster: cluster.clone(),
            pod: pod.to_owned(),
            resume: Resume::default(),
            tell: tell.clone(),
        }
    }

    /// Tells every line until nobody wants to know any more.
    pub async fn follow(&mut self) {
        let mut attempt = 0;
        loop {
            if self.once(&self.path(true, false)).await > 0 {
                attempt = 0;
            }
            tokio::time::sleep(pause(self.cluster.patience.pause, attempt, None)).await;
            attempt += 1;
        }
    }

    /// Tells what is left of a container that has ended; `previous`: it was started again since.
    pub async fn rest(&mut self, previous: bool) {
        let path = self.path(false, previous);
        let _ = tokio::time::timeout(self.cluster.patience.call, self.once(&path)).await;
    }

    fn path(&self, follow: bool, previous: bool) -> String {
        let mut path = format!(
            "{}/{}/log?container={HARNESS}&timestamps=true",
            Kind::Pod.path(self.cluster.namespace()),
            self.pod
        );
        if follow {
            path.push_str("&follow=true");
        }
        if previous {
            path.push_str("&previous=true");
        }
        if let Some(since) = self.resume.since() {
            path.push_str("&sinceTime=");
            path.push_str(&since.replace(':', "%3A"));
        }
        path
    }

    /// Reads one stream, and says how many lines of it were new.
    async fn once(&mut self, path: &str) -> usize {
        let mut new = 0;
        let Ok(body) = self.cluster.stream(path).await else {
            return new;
        };
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
