//! What a scripted server holds: objects, what happened to them, and every call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::script::{Answer, Script, Step, status};

/// A call as rights name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub verb: String,
    pub group: String,
    /// With its subresource.
    pub resource: String,
    pub name: String,
}

#[derive(Default)]
pub struct State {
    pub script: Script,
    /// By resource and name.
    pub objects: BTreeMap<(String, String), Value>,
    version: u64,
    /// Watches from before that are told that they are too old.
    oldest: u64,
    /// What a watch tells: version, kind of change, object.
    pub changes: Vec<(u64, &'static str, Value)>,
    pub calls: Vec<Call>,
    pub events: Vec<Value>,
    /// Objects whose deletion was asked for without their own uid.
    pub careless: BTreeSet<String>,
    /// The bodies of all creations, to look for what must not be in them.
    pub created: Vec<Value>,
}

/// The state, and who waits for its changes.
#[derive(Clone)]
pub struct World {
    pub state: Arc<Mutex<State>>,
    pub changed: Arc<Notify>,
    pub interrupts: watch::Sender<u32>,
}

/// The label of a run.
pub const RUN: &str = "tribunal/run";
/// How long a step takes.
const STEP: Duration = Duration::from_millis(15);

impl World {
    pub fn new(script: Script) -> World {
        let mut state = State {
            script,
            ..State::default()
        };
        // Another run in the same namespace, and what belongs to nobody.
        let other = |kind: &str, labels: Value| json!({ "kind": kind, "metadata": { "name": "other", "uid": "0", "labels": labels } });
        for (resource, kind) in [
            ("configmaps", "ConfigMap"),
            ("leaderworkersets", "LeaderWorkerSet"),
            ("services", "Service"),
        ] {
            let object = other(kind, json!({ RUN: "other1" }));
            state
                .objects
                .insert((resource.to_owned(), "other".to_owned()), object);
        }
        let secret = other("Secret", json!({}));
        state
            .objects
            .insert(("secrets".to_owned(), "other".to_owned()), secret);
        World {
            state: Arc::new(Mutex::new(state)),
            changed: Arc::new(Notify::new()),
            interrupts: watch::Sender::new(0),
        }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap())
    }

    /// Notes a call, and says what it is answered with if not the truth.
    pub fn called(&self, call: Call) -> Option<Answer> {
        self.with(|state| {
            state.calls.push(call.clone());
            if let Some((at, times)) = state.script.interrupt
                && state.calls.len() == at
            {
                self.interrupts.send_modify(|asked| *asked += times);
            }
            let before = state
                .calls
                .iter()
                .filter(|other| other.verb == call.verb && other.resource == call.resource)
                .count();
            let fault = state.script.faults.iter().find(|fault| {
                fault.verb == call.verb
                    && fault.resource == call.resource
                    && before >= fault.from
                    && before - fault.from < fault.times
            });
            fault.map(|fault| fault.answer.clone())
        })
    }

    /// Forgets what was: whoever watches has to list again.
    pub fn forget(&self) {
        self.with(|state| {
            state.version += 1;
            state.oldest = state.version;
        });
    }

    /// Whether a watch from this version is too old.
    pub fn is_too_old(&self, version: u64) -> bool {
        self.with(|state| version < state.oldest)
    }

    /// Creates an object. `Err`: there is one already.
    pub fn create(&self, resource: &str, mut object: Value) -> Result<Value, ()> {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let key = (resource.to_owned(), name.clone());
        self.with(|state| {
            state.created.push(object.clone());
            if state.objects.contains_key(&key) {
                return Err(());
            }
            state.version += 1;
            object["metadata"]["uid"] = json!(format!("uid-{}", state.version));
            object["metadata"]["resourceVersion"] = json!(state.version.to_string());
            state.objects.insert(key, object.clone());
            for (reason, kind, message) in state.script.events.clone() {
                if resource == "leaderworkersets" || resource == "jobs" {
                    state.events.push(json!({
                        "type": "Warning", "reason": reason, "message": message,
                        "involvedObject": { "kind": kind, "name": format!("{name}-0") },
                    }));
                }
            }
            Ok(())
        })?;
        if resource == "leaderworkersets" || resource == "jobs" {
            self.bear(resource, &name, &object);
        }
        Ok(object)
    }

    /// The pods of a set come to life, each on its own.
    fn bear(&self, resource: &str, name: &str, object: &Value) {
        let (count, of) = if resource == "jobs" {
            (
                object["spec"]["completions"].as_u64().unwrap(),
                "batch.kubernetes.io/job-completion-index",
            )
        } else {
            let size = object["spec"]["leaderWorkerTemplate"]["size"]
                .as_u64()
                .unwrap();
            (size, "leaderworkerset.sigs.k8s.io/worker-index")
        };
        for index in 0..count {
            let pod = if index == 0 {
                format!("{name}-0")
            } else {
                format!("{name}-0-{index}")
            };
            let mut labels = json!({ RUN: object["metadata"]["labels"][RUN], "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "tribunal" });
            labels[of] = json!(index.to_string());
            let script = self.with(|state| state.script.pods.clone());
            let steps = script
                .get(index as usize)
                .or(script.last())
                .cloned()
                .unwrap_or_default();
            let (world, owner) = (self.clone(), (resource.to_owned(), name.to_owned()));
            tokio::spawn(async move {
                for (at, step) in steps.iter().enumerate() {
                    let metadata = json!({ "name": pod, "labels": labels });
                    let object = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status(step) });
                    // Nothing is born of what is gone.
                    if !world.with(|state| state.objects.contains_key(&owner)) {
                        return;
                    }
                    match step {
                        Step::Vanishes => world.remove("pods", &pod),
                        _ => {
                            world.set_pod(&pod, object, if at == 0 { "ADDED" } else { "MODIFIED" })
                        }
                    }
                    tokio::time::sleep(STEP).await;
                }
            });
        }
    }

    fn set_pod(&self, name: &str, mut object: Value, change: &'static str) {
        self.with(|state| {
            state.version += 1;
            object["metadata"]["resourceVersion"] = json!(state.version.to_string());
            state
                .objects
                .insert(("pods".to_owned(), name.to_owned()), object.clone());
            state.changes.push((state.version, change, object));
        });
        self.changed.notify_waiters();
    }

    fn remove(&self, resource: &str, name: &str) {
        self.with(|state| {
            state.version += 1;
            let gone = state
                .objects
                .remove(&(resource.to_owned(), name.to_owned()));
            if let (Some(mut object), "pods") = (gone, resource) {
                object["metadata"]["resourceVersion"] = json!(state.version.to_string());
                state.changes.push((state.version, "DELETED", object));
            }
        });
        self.changed.notify_waiters();
    }

    /// Deletes an object as a cluster does: a set goes after its pods. `Err`: the status.
    pub fn delete(&self, resource: &str, name: &str, options: &Value) -> Result<(), u16> {
        let key = (resource.to_owned(), name.to_owned());
        let set = self.with(|state| {
            let object = state.objects.get_mut(&key).ok_or(404_u16)?;
            match options["preconditions"]["uid"].as_str() {
                Some(uid) if object["metadata"]["uid"] != uid => return Err(409_u16),
                Some(_) => {}
                None if resource == "secrets" => {}
                None => {
                    state.careless.insert(format!("{resource}/{name}"));
                }
            }
            let set = resource == "leaderworkersets" || resource == "jobs";
            if set {
                object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                object["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
            }
            Ok(set)
        })?;
        if !set {
            self.remove(resource, name);
            return Ok(());
        }
        if self.with(|state| state.script.stuck) {
            return Ok(());
        }
        let (world, prefix) = (self.clone(), name.to_owned());
        let resource = resource.to_owned();
        tokio::spawn(async move {
            tokio::time::sleep(STEP).await;
            let pods: Vec<String> = world.with(|state| {
                let names = state
                    .objects
                    .keys()
                    .filter(|(kind, name)| kind == "pods" && name.starts_with(&prefix));
                names.map(|(_, name)| name.clone()).collect()
            });
            for pod in pods {
                world.remove("pods", &pod);
            }
            world.remove(&resource, &prefix);
        });
        Ok(())
    }

    /// A list, with the version that a watch goes on from.
    pub fn list(&self, resource: &str, selector: Option<(&str, &str)>) -> Value {
        self.with(|state| {
            let items: Vec<Value> = match resource {
                "events" => state.events.clone(),
                "resourcequotas" => state.script.quotas.clone(),
                _ => {
                    let all = state.objects.iter().filter(|((kind, _), _)| kind == resource);
                    all.map(|(_, object)| object.clone())
                        .filter(|object| selector.is_none_or(|(key, value)| object["metadata"]["labels"][key] == value))
                        .collect()
                }
            };
            json!({ "kind": "List", "metadata": { "resourceVersion": state.version.to_string() }, "items": items })
        })
    }

    /// What of a run is left, and what of others is gone.
    pub fn left(&self, run: &str) -> Vec<String> {
        self.with(|state| {
            let mut left: Vec<String> = Vec::new();
            for ((resource, name), object) in &state.objects {
                if object["metadata"]["labels"][RUN] == run {
                    left.push(format!("{resource}/{name}"));
                }
            }
            for resource in ["configmaps", "leaderworkersets", "services", "secrets"] {
                if !state
                    .objects
                    .contains_key(&(resource.to_owned(), "other".to_owned()))
                {
                    left.push(format!("{resource}/other is gone"));
                }
            }
            left.extend(
                state
                    .careless
                    .iter()
                    .map(|name| format!("{name} was deleted without its uid")),
            );
            left
        })
    }
}
