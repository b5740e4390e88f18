//! What a pod is at, as far as it decides anything.
//!
//! Promise: a pure function of what a cluster says; fields that are not there are not guessed.

use serde_json::Value;

use crate::render::{HARNESS, KEEPER};

/// A pod of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// Which node or shard it is.
    pub index: Option<usize>,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: String,
    /// The machine that it is on.
    pub machine: Option<String>,
    /// Whether all its containers run and are ready.
    pub ready: bool,
    /// How the harness ended, the first time.
    pub ended: Option<Ended>,
    /// How often the harness was started again.
    pub restarts: u64,
    /// Whether the container with the evidence runs.
    pub keeper: bool,
    /// Why something in it waits, and what is said about it.
    pub waiting: Option<(String, String)>,
    /// What the scheduler says of it, where it found no machine.
    pub unschedulable: Option<String>,
    /// Why the pod as a whole failed: `Evicted`, and what is said about it.
    pub failed: Option<String>,
    /// Whether somebody deletes it.
    pub deleting: bool,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status.
    pub code: i32,
    /// `OOMKilled`, `Error`, `Completed`.
    pub reason: String,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, &*self.reason) {
            (code, "OOMKilled") => write!(f, "was killed for its memory (exit status {code})"),
            (code, "Completed" | "Error" | "") if code > 128 => {
                write!(f, "was ended by signal {}", code - 128)
            }
            (code, "Completed" | "Error" | "") => write!(f, "ended with exit status {code}"),
            (code, reason) => write!(f, "ended with exit status {code} ({reason})"),
        }
    }
}

impl PodSeen {
    /// What an object says. `None`: it has no name.
    pub fn of(pod: &Value) -> Option<PodSeen> {
        let (metadata, status) = (&pod["metadata"], &pod["status"]);
        let labels = &metadata["labels"];
        let number = |key: &str| labels[key].as_str()?.parse().ok();
        let containers = |name: &str| {
            let all = status["containerStatuses"].as_array()?;
            all.iter().find(|container| container["name"] == name)
        };
        let harness = containers(HARNESS).unwrap_or(&Value::Null);
        let condition = |kind: &str| {
            let all = status["conditions"].as_array()?;
            all.iter().find(|condition| condition["type"] == kind)
        };
        let phase = text(&status["phase"]).unwrap_or_default();
        Some(PodSeen {
            name: text(&metadata["name"])?,
            index: number("leaderworkerset.sigs.k8s.io/worker-index")
                .or_else(|| number("batch.kubernetes.io/job-completion-index")),
            machine: text(&pod["spec"]["nodeName"]),
            ready: condition("Ready").is_some_and(|condition| condition["status"] == "True"),
            // A container that was started again has its first end behind it.
            ended: ended(&harness["lastState"]).or_else(|| ended(&harness["state"])),
            restarts: harness["restartCount"].as_u64().unwrap_or(0),
            keeper: containers(KEEPER).is_some_and(|keeper| !keeper["state"]["running"].is_null()),
            waiting: waiting(status),
            unschedulable: condition("PodScheduled")
                .filter(|condition| {
                    condition["status"] == "False" && condition["reason"] == "Unschedulable"
                })
                .map(|condition| text(&condition["message"]).unwrap_or_default()),
            failed: (phase == "Failed")
                .then(|| text(&status["reason"]))
                .flatten()
                .map(|reason| {
                    let message = text(&status["message"]).unwrap_or_default();
                    format!("{reason}: {message}")
                }),
            deleting: !metadata["deletionTimestamp"].is_null(),
            phase,
        })
    }

    /// `node 1 (pod a-0-1)`.
    pub fn title(&self, what: &str) -> String {
        match self.index {
            Some(index) => format!("{what} {index} (pod {})", self.name),
            None => format!("pod {}", self.name),
        }
    }
}

fn ended(state: &Value) -> Option<Ended> {
    let terminated = state.get("terminated")?;
    Some(Ended {
        code: terminated["exitCode"]
            .as_i64()
            .and_then(|code| i32::try_from(code).ok())?,
        reason: text(&terminated["reason"]).unwrap_or_default(),
    })
}

/// The first container that waits for something.
fn waiting(status: &Value) -> Option<(String, String)> {
    let all = ["initContainerStatuses", "containerStatuses"];
    let containers = all
        .iter()
        .filter_map(|key| status[key].as_array())
        .flatten();
    containers
        .map(|container| &container["state"]["waiting"])
        .find_map(|waiting| {
            let reason = text(&waiting["reason"])?;
            Some((reason, text(&waiting["message"]).unwrap_or_default()))
        })
}

pub(crate) fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
}
