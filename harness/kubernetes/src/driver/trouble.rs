//! What will not become better by waiting.
//!
//! Promise: a pure function of pods, events and the time; the first cause that is found ends the start, with what to do about it. What may pass (a machine that
//! is still taken) has a time of its own. Rejected: only a limit for the start (twenty minutes until a misspelt image is told).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cluster::QUOTA_HELP;
use super::failure::Failure;
use super::pod::{PodSeen, text};
use crate::render::Shape;

/// Whoever looks again and again, and remembers since when.
#[derive(Debug, Default)]
pub(crate) struct Doctor {
    unschedulable: BTreeMap<String, Instant>,
}

impl Doctor {
    /// The cause that ends the start, if there is one.
    pub fn diagnosis(
        &mut self,
        pods: &[PodSeen],
        events: &[Value],
        shape: Shape,
        now: Instant,
        patience: Duration,
    ) -> Option<Failure> {
        let what = word(shape);
        for pod in pods {
            let title = pod.title(what);
            if let Some(failed) = &pod.failed {
                return Some(
                    Failure::new(format!("{title} failed: {failed}"))
                        .help("what its machine says: `kubectl describe node`"),
                );
            }
            if let Some((reason, message)) = &pod.waiting
                && pod.ended.is_none()
                && let Some(help) = hopeless(reason)
            {
                return Some(
                    Failure::new(format!("{title} cannot start: {reason}: {message}")).help(help),
                );
            }
            match &pod.unschedulable {
                None => {
                    self.unschedulable.remove(&pod.name);
                }
                Some(message) => {
                    let since = *self.unschedulable.entry(pod.name.clone()).or_insert(now);
                    if now.duration_since(since) >= patience {
                        return Some(
                            Failure::new(format!("{title} finds no machine since {patience:?}: {message}"))
                                .help("wait until machines are free, or change node_selector, tolerations or what is asked for in [kubernetes]"),
                        );
                    }
                }
            }
        }
        events.iter().find_map(refused)
    }
}

/// What a pod of a run is called.
pub(crate) fn word(shape: Shape) -> &'static str {
    match shape {
        Shape::Nodes(_) => "node",
        Shape::Shards(_) => "shard",
    }
}

/// What to do about a reason that waiting does not help against.
fn hopeless(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => {
            "check `image` in [kubernetes], and whether the registry wants `image_pull_secrets`"
        }
        "CreateContainerConfigError" => {
            "a Secret, a key or a ConfigMap that it names is not there: check `secret_env` in [kubernetes]"
        }
        "CreateContainerError" | "RunContainerError" => {
            "check `command` and `volumes` in [kubernetes], and that the image has /bin/sh"
        }
        "CrashLoopBackOff" => "its logs are in the evidence",
        _ => return None,
    })
}

/// An event that says that a pod was not even created.
fn refused(event: &Value) -> Option<Failure> {
    if event["reason"] != "FailedCreate" {
        return None;
    }
    let object = &event["involvedObject"];
    let (kind, name) = (text(&object["kind"])?, text(&object["name"])?);
    let message = text(&event["message"])?;
    let help = if message.contains("exceeded quota") {
        QUOTA_HELP
    } else if message.contains("forbidden")
        || message.contains("denied")
        || message.contains("is invalid")
    {
        "an admission rule of the cluster refuses the pods: ask whoever runs it, or change [kubernetes]"
    } else {
        return None;
    };
    Some(Failure::new(format!("{kind} {name} cannot create its pods: {message}")).help(help))
}

/// The newest events of objects whose names begin with that of a run, one line each.
pub(crate) fn lines(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .filter(|event| event["type"] != "Normal")
        .map(|event| {
            let object = &event["involvedObject"];
            let word = |value: &Value| text(value).unwrap_or_default();
            format!(
                "{} {}: {}: {}",
                word(&object["kind"]),
                word(&object["name"]),
                word(&event["reason"]),
                word(&event["message"])
            )
        })
        .collect()
}
