//! The template of a pod: the harness, and the container that keeps its evidence within reach.

use serde_json::{Map, Value, json};

use super::script;
use super::settings::{HOLD_SECONDS, RESOURCE, SHARED_MEMORY, Settings};

/// Where evidence is written in a pod.
pub const EVIDENCE_FOLDER: &str = "/tribunal/evidence";
/// Where the file of nodes is.
pub(crate) const FILE_FOLDER: &str = "/tribunal/file";
/// The container that runs the harness.
pub const HARNESS: &str = "tribunal";
/// The container that keeps the evidence.
pub const KEEPER: &str = "evidence";
/// How long a pod may take to end: servers and evidence are taken down in order.
const GRACE_SECONDS: u32 = 60;

/// What one kind of pod is.
pub(crate) struct Pod<'a> {
    pub settings: &'a Settings,
    /// Labels of the pod.
    pub labels: Map<String, Value>,
    /// The harness and its arguments.
    pub command: Vec<String>,
    /// Variables beside those of the settings.
    pub env: Vec<Value>,
    pub accelerators: u32,
    /// The ConfigMap with the file of nodes, and the file's name.
    pub file: Option<(&'a str, &'a str)>,
    /// The name of the run, for a claim that several runs share.
    pub name: &'a str,
    /// The port that is told, where there is one.
    pub port: Option<u16>,
    /// Whether the pod is never restarted: pods of Jobs. Those of a LeaderWorkerSet always are.
    pub once: bool,
}

impl Pod<'_> {
    pub fn template(&self) -> Value {
        let settings = self.settings;
        let mut spec = json!({
            "automountServiceAccountToken": false,
            "containers": [self.harness(), self.keeper()],
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "volumes": self.volumes(),
        });
        let mut set = |key: &str, value: Value| {
            spec[key] = value;
        };
        if self.once {
            set("restartPolicy", json!("Never"));
        }
        if !settings.node_selector.is_empty() {
            set("nodeSelector", json!(settings.node_selector));
        }
        if !settings.tolerations.is_empty() {
            set("tolerations", json!(settings.tolerations));
        }
        if let Some(account) = &settings.service_account {
            set("serviceAccountName", json!(account));
        }
        if !settings.image_pull_secrets.is_empty() {
            let secrets = settings.image_pull_secrets.iter();
            set(
                "imagePullSecrets",
                secrets.map(|name| json!({ "name": name })).collect(),
            );
        }
        json!({ "metadata": { "labels": self.labels }, "spec": spec })
    }

    fn harness(&self) -> Value {
        let settings = self.settings;
        let mut mounts = vec![
            json!({ "mountPath": "/dev/shm", "name": "dshm" }),
            self.evidence_mount(),
        ];
        if self.file.is_some() {
            mounts.push(
                json!({ "mountPath": FILE_FOLDER, "name": "tribunal-file", "readOnly": true }),
            );
        }
        for volume in &settings.volumes {
            let mut mount = json!({ "mountPath": volume.path, "name": volume.name });
            if volume.read_only {
                mount["readOnly"] = json!(true);
            }
            mounts.push(mount);
        }
        let mut container = json!({
            "name": HARNESS,
            "image": settings.image,
            "command": ["/bin/sh", "-c", script::HARNESS, HARNESS],
            "args": self.command,
            "env": self.env(),
            "resources": self.resources(),
            "volumeMounts": mounts,
        });
        if let Some(port) = self.port {
            container["ports"] = json!([{ "containerPort": port, "name": "http" }]);
        }
        container
    }

    fn keeper(&self) -> Value {
        let hold = self.settings.hold_seconds.unwrap_or(HOLD_SECONDS);
        let mut env = vec![
            json!({ "name": "TRIBUNAL_EVIDENCE", "value": EVIDENCE_FOLDER }),
            json!({ "name": "TRIBUNAL_HOLD", "value": hold.to_string() }),
        ];
        env.extend(self.pod_name());
        let small = json!({ "cpu": "10m", "memory": "64Mi" });
        json!({
            "name": KEEPER,
            "image": self.settings.image,
            "command": ["/bin/sh", "-c", script::EVIDENCE],
            "env": env,
            "resources": { "limits": { "cpu": "100m", "memory": "256Mi" }, "requests": small },
            "volumeMounts": [self.evidence_mount()],
        })
    }

    /// A claim is shared by the pods of many runs: each has a folder of its own there.
    fn evidence_mount(&self) -> Value {
        let mut mount = json!({ "mountPath": EVIDENCE_FOLDER, "name": "tribunal-evidence" });
        if self.settings.evidence_claim.is_some() {
            mount["subPathExpr"] = json!(format!("{}/$(TRIBUNAL_POD)", self.name));
        }
        mount
    }

    fn pod_name(&self) -> Option<Value> {
        let from = json!({ "fieldRef": { "fieldPath": "metadata.name" } });
        let env = json!({ "name": "TRIBUNAL_POD", "valueFrom": from });
        self.settings.evidence_claim.is_some().then_some(env)
    }

    fn env(&self) -> Vec<Value> {
        let settings = self.settings;
        let mut env = vec![json!({ "name": "TRIBUNAL_EVIDENCE", "value": EVIDENCE_FOLDER })];
        env.extend(self.pod_name());
        env.extend(self.env.iter().cloned());
        for (name, value) in &settings.env {
            env.push(json!({ "name": name, "value": plain(value) }));
        }
        for (name, (secret, key)) in &settings.secret_env {
            env.push(json!({ "name": name, "valueFrom": secret_key(secret, key) }));
        }
        env
    }

    fn resources(&self) -> Value {
        let settings = self.settings;
        let (mut limits, mut requests) = (Map::new(), Map::new());
        if self.accelerators > 0 {
            let resource = settings.resource.as_deref().unwrap_or(RESOURCE);
            let count = json!(self.accelerators.to_string());
            limits.insert(resource.to_owned(), count.clone());
            requests.insert(resource.to_owned(), count);
        }
        if let Some(storage) = &settings.ephemeral_storage {
            limits.insert("ephemeral-storage".to_owned(), json!(storage));
            requests.insert("ephemeral-storage".to_owned(), json!(storage));
        }
        // No limit on CPUs: it would stop a server that starts, for the sake of nobody else on a machine of its own.
        if let Some(cpu) = &settings.cpu {
            requests.insert("cpu".to_owned(), json!(cpu));
        }
        if let Some(memory) = &settings.memory {
            limits.insert("memory".to_owned(), json!(memory));
        }
        json!({ "limits": limits, "requests": requests })
    }

    fn volumes(&self) -> Vec<Value> {
        let settings = self.settings;
        let size = settings.shared_memory.as_deref().unwrap_or(SHARED_MEMORY);
        let evidence = match &settings.evidence_claim {
            Some(claim) => {
                json!({ "name": "tribunal-evidence", "persistentVolumeClaim": { "claimName": claim } })
            }
            None => json!({ "name": "tribunal-evidence", "emptyDir": {} }),
        };
        let mut volumes = vec![
            json!({ "name": "dshm", "emptyDir": { "medium": "Memory", "sizeLimit": size } }),
            evidence,
        ];
        if let Some((map, _)) = self.file {
            volumes.push(json!({ "name": "tribunal-file", "configMap": { "name": map } }));
        }
        for volume in &settings.volumes {
            let mut source = volume.source.clone();
            source["name"] = json!(volume.name);
            volumes.push(source);
        }
        volumes
    }
}

/// A variable's value from a Secret.
pub(crate) fn secret_key(secret: &str, key: &str) -> Value {
    json!({ "secretKeyRef": { "name": secret, "key": key } })
}

/// A text in which a cluster replaces nothing: it reads `$(NAME)` as a variable.
pub(crate) fn plain(text: &str) -> String {
    text.replace("$(", "$$(")
}
