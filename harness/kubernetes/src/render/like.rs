//! A manifest that somebody has already: what of it becomes settings.
//!
//! Promise: image, resources, volumes, environment, selectors and tolerations of its LeaderWorkerSet are taken over; whatever is not is said, so that nobody
//! believes it was. Rejected: patching the manifest itself (its command is what this replaces, and every other field would be taken for wanted).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use tribunal_deploy::Problems;
use tribunal_deploy::tree;

use super::quantity::Quantity;
use super::reader::{Reader, json as plain};
use super::settings::{Settings, is_secret};
use super::volume::{OWN, OWN_PATHS, Volume};

/// What a manifest says, as settings, and what of it is not taken over.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Like {
    /// The settings, to be laid under those of a file.
    pub settings: Settings,
    /// What is different from the manifest.
    pub notes: Vec<String>,
}

impl Like {
    /// Reads a file of YAML with a LeaderWorkerSet.
    ///
    /// # Errors
    /// It cannot be read, is no YAML, or has no LeaderWorkerSet.
    pub fn read(path: &Path) -> Result<Like, Problems> {
        let text = tree::text_of(path).map_err(|why| {
            Problems::plain(format!("`{}` cannot be read: {why}", path.display()), None)
        })?;
        Like::parse(&text, &path.display().to_string())
    }

    /// Reads its text; `name` is what messages call it.
    ///
    /// # Errors
    /// It is no YAML, or has no LeaderWorkerSet.
    pub fn parse(text: &str, name: &str) -> Result<Like, Problems> {
        let mut reader = Reader::default();
        let mut objects = Vec::new();
        for document in documents(text) {
            let source = reader.sources.add(name, document, None);
            let mut found = Vec::new();
            if let Some(root) = tree::yaml_all(&reader.sources, source, &mut found) {
                objects.push(plain(&root));
            }
            reader.found.extend(found);
        }
        if !reader.found.is_empty() {
            return Err(reader.sources.problems(reader.found));
        }
        let is_set = |object: &&Value| object["kind"] == "LeaderWorkerSet";
        let Some(set) = objects.iter().find(is_set) else {
            return Err(Problems::plain(
                format!("`{name}` has no LeaderWorkerSet"),
                Some("give the manifest that the nodes were started with until now".to_owned()),
            ));
        };
        let mut like = Like::default();
        if objects.iter().filter(is_set).count() > 1 {
            like.note("only the first LeaderWorkerSet is looked at");
        }
        like.take(set);
        Ok(like)
    }

    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    fn take(&mut self, set: &Value) {
        self.settings.namespace = text(&set["metadata"]["namespace"]);
        let spec = &set["spec"];
        let group = &spec["leaderWorkerTemplate"];
        self.settings.restart_policy = text(&group["restartPolicy"]).or(Some(
            "RecreateGroupOnPodRestart (it is not said, and that is a cluster's default)"
                .to_owned(),
        ));
        if spec["replicas"].as_i64().is_some_and(|count| count != 1) {
            self.note("`replicas` is 1: a run is one group");
        }
        self.note("`size` is the number of nodes in the file");
        for key in ["subGroupPolicy", "volumeClaimTemplates"] {
            if !group[key].is_null() {
                self.note(format!("`{key}` is not taken over"));
            }
        }
        for key in ["rolloutStrategy", "networkConfig"] {
            if !spec[key].is_null() {
                self.note(format!("`{key}` is not taken over"));
            }
        }
        let worker = &group["workerTemplate"];
        let leader = match &group["leaderTemplate"] {
            Value::Null => worker,
            leader => leader,
        };
        self.pod(&leader["spec"]);
        let mut other = Like::default();
        other.pod(&worker["spec"]);
        if worker != leader && other.settings != self.settings {
            let mut own = self.settings.clone();
            own.namespace = None;
            own.restart_policy = None;
            if own != other.settings {
                self.note("leader and workers differ: all nodes are as the leader");
            }
        }
        for note in other.notes {
            self.note(note);
        }
    }

    fn pod(&mut self, spec: &Value) {
        let containers = spec["containers"].as_array().cloned().unwrap_or_default();
        if containers.len() > 1 {
            self.note("only the first container is taken over");
        }
        if !spec["initContainers"].is_null() {
            self.note("`initContainers` are not taken over");
        }
        let container = containers.into_iter().next().unwrap_or_default();
        self.container(&container);
        self.volumes(spec, &container);
        self.settings.node_selector = texts(&spec["nodeSelector"]);
        if let Some(tolerations) = spec["tolerations"].as_array() {
            self.settings.tolerations.clone_from(tolerations);
        }
        self.settings.service_account = text(&spec["serviceAccountName"]);
        let secrets = spec["imagePullSecrets"].as_array().into_iter().flatten();
        self.settings.image_pull_secrets =
            secrets.filter_map(|secret| text(&secret["name"])).collect();
        let known = [
            "containers",
            "volumes",
            "nodeSelector",
            "tolerations",
            "serviceAccountName",
            "imagePullSecrets",
            "initContainers",
        ];
        for key in spec.as_object().into_iter().flat_map(Map::keys) {
            if !known.contains(&&**key) {
                self.note(format!("`{key}` of the pods is not taken over"));
            }
        }
    }

    fn container(&mut self, container: &Value) {
        self.settings.image = text(&container["image"]);
        if !container["command"].is_null() || !container["args"].is_null() {
            self.note("its command is replaced by the harness");
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            let Some(name) = text(&variable["name"]) else {
                continue;
            };
            let from = &variable["valueFrom"]["secretKeyRef"];
            if let (Some(secret), Some(key)) = (text(&from["name"]), text(&from["key"])) {
                self.settings.secret_env.insert(name, (secret, key));
            } else if let Some(value) = text(&variable["value"]) {
                if is_secret(&name, &value) {
                    self.note(format!("`{name}` is a secret by its name and not taken over: name a Secret of the cluster in [kubernetes.secret_env]"));
                } else {
                    self.settings.env.insert(name, value);
                }
            } else {
                self.note(format!("the variable `{name}` is not taken over"));
            }
        }
        let (limits, requests) = (
            texts(&container["resources"]["limits"]),
            texts(&container["resources"]["requests"]),
        );
        let either = |key: &str| requests.get(key).or_else(|| limits.get(key)).cloned();
        self.settings.memory = limits
            .get("memory")
            .or_else(|| requests.get("memory"))
            .cloned();
        self.settings.cpu = either("cpu");
        self.settings.ephemeral_storage = either("ephemeral-storage");
        if limits.contains_key("cpu") {
            self.note("the limit on CPUs is not taken over: it slows down a server that starts");
        }
        let extended: BTreeMap<_, _> = limits
            .iter()
            .chain(&requests)
            .filter(|(key, _)| key.contains('/'))
            .collect();
        for (at, (resource, count)) in extended.into_iter().enumerate() {
            let count = Quantity::parse(count)
                .map(|count| count.0 / 1000)
                .and_then(|count| u32::try_from(count).ok());
            match count {
                Some(count) if at == 0 => {
                    self.settings.resource = Some(resource.clone());
                    self.settings.before = Some(count);
                }
                _ => self.note(format!("the resource `{resource}` is not taken over")),
            }
        }
        let known = [
            "name",
            "image",
            "command",
            "args",
            "env",
            "resources",
            "ports",
            "volumeMounts",
        ];
        for key in container.as_object().into_iter().flat_map(Map::keys) {
            if !known.contains(&&**key) {
                self.note(format!("`{key}` of the container is not taken over"));
            }
        }
    }

    fn volumes(&mut self, spec: &Value, container: &Value) {
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            let Some(name) = text(&volume["name"]) else {
                continue;
            };
            let mount = container["volumeMounts"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|mount| mount["name"] == volume["name"]);
            let Some(path) = mount.and_then(|mount| text(&mount["mountPath"])) else {
                self.note(format!("the volume `{name}` is mounted nowhere"));
                continue;
            };
            if path == "/dev/shm" {
                self.settings.shared_memory = text(&volume["emptyDir"]["sizeLimit"]);
                continue;
            }
            if OWN.contains(&&*name)
                || OWN_PATHS.contains(&&*path)
                || path.starts_with("/tribunal/")
            {
                self.note(format!("the volume `{name}` is not taken over: its name or its path is that of a volume of Tribunal"));
                continue;
            }
            let mut source = Map::new();
            for kind in [
                "persistentVolumeClaim",
                "hostPath",
                "secret",
                "configMap",
                "emptyDir",
                "nfs",
            ] {
                if !volume[kind].is_null() {
                    source.insert(kind.to_owned(), volume[kind].clone());
                }
            }
            if source.len() != 1 {
                self.note(format!(
                    "the volume `{name}` is not taken over: its kind is not known"
                ));
                continue;
            }
            if mount.is_some_and(|mount| {
                mount.as_object().is_some_and(|mount| {
                    mount
                        .keys()
                        .any(|key| !["name", "mountPath", "readOnly"].contains(&&**key))
                })
            }) {
                self.note(format!(
                    "the volume `{name}` is mounted whole: its other settings are not taken over"
                ));
            }
            self.settings.volumes.push(Volume {
                name,
                path,
                source: Value::Object(source),
                read_only: mount.is_some_and(|mount| mount["readOnly"] == json!(true)),
            });
        }
    }
}

/// The documents of a file, each on the lines where it stands.
fn documents(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    for (at, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            out.push("\n".repeat(at + 1));
        } else if let Some(last) = out.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    let says = |document: &String| {
        let mut lines = document.lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with('#'))
    };
    out.retain(says);
    out
}

/// A text; numbers and bools as they are written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let map = value.as_object().into_iter().flatten();
    map.filter_map(|(key, value)| Some((key.clone(), text(value)?)))
        .collect()
}
