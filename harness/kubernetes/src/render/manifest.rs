//! Manifests: what is created on a cluster for a run.
//!
//! Promise: a pure function of its inputs, the same bytes for the same inputs; no secret is in it. What is not taken over from an input is said in a note.
//! Rejected: the bindings' own types for objects (what is rendered is read by people and checked against the published schemas, and neither needs them).

use std::path::Path;

use serde_json::{Map, Value, json};
use tribunal_nodes::{Layout, NodesFile, Port};

use super::name::{RunId, object_name};
use super::pod::{EVIDENCE_FOLDER, FILE_FOLDER, Pod, secret_key};
use super::settings::{COMMAND, DEADLINE_SECONDS, Settings, is_secret};
use super::yaml;

/// The label that every object of a run has, with the run as its value.
pub const RUN_LABEL: &str = "tribunal/run";
/// The label that says who made it.
pub const MANAGED_LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub const MANAGED_BY: &str = "tribunal";
/// The version and kind of a LeaderWorkerSet.
pub const LEADER_WORKER_SET: (&str, &str) = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet");
/// The only policy under which a failure stays visible.
const NO_RESTART: &str = "None";
/// The key of the token in its Secret.
pub const TOKEN_KEY: &str = "token";
/// The variable that nodes authenticate each other by.
const TOKEN: &str = "TRIBUNAL_NODES_TOKEN";
/// Where a server is asked when the file fixes no port.
const HTTP_PORT: u16 = 8080;
/// A ConfigMap takes one mebibyte, with its other fields.
const MOST_TEXT: usize = 1_000_000;
/// More shards than that are a mistake.
pub const MOST_SHARDS: u32 = 1000;

/// What is to run.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A file of several nodes: a pod for each node.
    Nodes {
        /// What it says.
        file: &'a NodesFile,
        /// Its text, which goes to the cluster as it is.
        text: &'a str,
    },
    /// A suite, in so many parts: a pod for each.
    Shards {
        /// What its objects are called.
        name: &'a str,
        /// How many.
        count: u32,
    },
}

/// What a run is on a cluster, as far as whoever drives it has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A LeaderWorkerSet of so many pods; the first runs the tests.
    Nodes(usize),
    /// An Indexed Job of so many pods; each runs its part.
    Shards(usize),
}

impl Shape {
    /// How many pods.
    pub fn pods(self) -> usize {
        match self {
            Shape::Nodes(count) | Shape::Shards(count) => count,
        }
    }
}

/// The objects of a run, in the order in which they are created.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The name that all of them have, or begin with.
    pub name: String,
    /// The run.
    pub run: RunId,
    /// The namespace, where the settings say one.
    pub namespace: Option<String>,
    /// How many pods, and what they are.
    pub shape: Shape,
    /// The objects.
    pub objects: Vec<Value>,
    /// The Secret with the token of the nodes, which is made when the run begins and is in no file.
    pub token_secret: Option<String>,
    /// How long the run may take, in seconds.
    pub deadline_seconds: u32,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Manifest {
    /// What is to run, with these settings, as objects.
    ///
    /// # Errors
    /// In words: what is missing, or cannot be on a cluster.
    pub fn render(
        subject: Subject<'_>,
        settings: &Settings,
        run: &RunId,
    ) -> Result<Manifest, String> {
        if settings.image.is_none() {
            return Err("there is no image: the settings say none, and no manifest was given that has one\nhelp: image = \"registry/name:tag\" in [kubernetes]".to_owned());
        }
        let mut manifest = match subject {
            Subject::Nodes { file, text } => nodes(file, text, settings, run)?,
            Subject::Shards { name, count } => shards(name, count, settings, run)?,
        };
        if let Some(policy) = settings.restart_policy.as_deref()
            && policy != NO_RESTART
        {
            manifest.notes.push(format!(
                "the restart policy {policy} is not followed, it is None: what starts again hides that it failed"
            ));
        }
        if settings.memory.is_none() {
            manifest.notes.push("no memory is asked for: a pod without a limit is the first to go when a machine runs short".to_owned());
        }
        Ok(manifest)
    }

    /// The file for a cluster, below lines of comment.
    ///
    /// # Errors
    /// In words: it cannot be written.
    pub fn yaml(&self) -> Result<String, String> {
        let mut out = String::new();
        let mut comment = |line: &str| {
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            out.push_str(&format!("# {line}\n"));
        };
        comment("Made by `cargo tribunal k8s render`: change its inputs, and make it again.");
        for note in &self.notes {
            comment(&format!("note: {note}"));
        }
        if let Some(secret) = &self.token_secret {
            let namespace = self.namespace.as_ref();
            let namespace = namespace.map_or(String::new(), |name| format!(" -n {name}"));
            comment(
                "`cargo tribunal k8s run` makes the Secret that the nodes authenticate each other by. By hand, before this is applied:",
            );
            comment(&format!(
                "  kubectl create secret generic {secret}{namespace} --from-literal={TOKEN_KEY}=\"$(openssl rand -hex 32)\""
            ));
        }
        out.push_str(&yaml::documents(&self.objects)?);
        Ok(out)
    }
}

/// What every object begins with.
pub(crate) fn metadata(name: &str, namespace: Option<&str>, run: &RunId) -> Value {
    let mut metadata = json!({ "name": name, "labels": labels(name, run) });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

fn labels(name: &str, run: &RunId) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert(MANAGED_LABEL.to_owned(), json!(MANAGED_BY));
    labels.insert("app.kubernetes.io/name".to_owned(), json!(name));
    labels.insert(RUN_LABEL.to_owned(), json!(run.as_str()));
    labels
}

fn harness(settings: &Settings) -> Vec<String> {
    if settings.command.is_empty() {
        vec![COMMAND.to_owned()]
    } else {
        settings.command.clone()
    }
}

fn nodes(
    file: &NodesFile,
    text: &str,
    settings: &Settings,
    run: &RunId,
) -> Result<Manifest, String> {
    if text.len() > MOST_TEXT {
        return Err(format!(
            "`{}` has {} bytes, and a ConfigMap takes {MOST_TEXT}",
            file.path.display(),
            text.len()
        ));
    }
    for layout in &file.layouts {
        no_secrets(layout)?;
    }
    let mut notes = Vec::new();
    let size = file.layouts.iter().map(|layout| layout.nodes.len()).max();
    let size = size
        .filter(|size| *size > 0)
        .ok_or("the file has no nodes")?;
    let named = file
        .layouts
        .iter()
        .filter_map(|layout| layout.npus_per_node)
        .max();
    let accelerators = accelerators(settings, named, &mut notes);
    let name = object_name(&stem(&file.path), run);
    let file_name = format!(
        "{}.yaml",
        object_name(&stem(&file.path), run).trim_end_matches(&format!("-{run}"))
    );
    let namespace = settings.namespace.as_deref();
    let secret = format!("{name}-token");
    let port = file.layouts.iter().find_map(asked_at).unwrap_or(HTTP_PORT);
    let mut command = harness(settings);
    command.extend([
        "--deploy".to_owned(),
        format!("{FILE_FOLDER}/{file_name}"),
        "--node".to_owned(),
        // A cluster puts these in before anything starts: they are those of the LeaderWorkerSet.
        "$(LWS_WORKER_INDEX)/$(LWS_GROUP_SIZE)".to_owned(),
        "--leader".to_owned(),
        "$(LWS_LEADER_ADDRESS)".to_owned(),
        "--evidence-dir".to_owned(),
        EVIDENCE_FOLDER.to_owned(),
    ]);
    command.extend(settings.args.iter().cloned());
    let template = |role: &str| {
        let mut labels = labels(&name, run);
        labels.insert("role".to_owned(), json!(role));
        Pod {
            settings,
            labels,
            command: command.clone(),
            env: vec![json!({ "name": TOKEN, "valueFrom": secret_key(&secret, TOKEN_KEY) })],
            accelerators,
            file: Some((&name, &file_name)),
            name: &name,
            port: (role == "leader").then_some(port),
            once: false,
        }
        .template()
    };
    let mut map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "metadata": metadata(&name, namespace, run) });
    map["data"][&file_name] = json!(text);
    let set = json!({
        "apiVersion": LEADER_WORKER_SET.0,
        "kind": LEADER_WORKER_SET.1,
        "metadata": metadata(&name, namespace, run),
        "spec": {
            "replicas": 1,
            "startupPolicy": "LeaderCreated",
            "leaderWorkerTemplate": {
                "size": size,
                "restartPolicy": NO_RESTART,
                "leaderTemplate": template("leader"),
                "workerTemplate": template("worker"),
            },
        },
    });
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        // The set itself has a headless Service of its own name.
        "metadata": metadata(&format!("{name}-leader"), namespace, run),
        "spec": {
            "ports": [{ "name": "http", "port": port, "protocol": "TCP", "targetPort": port }],
            "selector": { "leaderworkerset.sigs.k8s.io/name": name, "role": "leader" },
            "type": "ClusterIP",
        },
    });
    Ok(Manifest {
        name,
        run: run.clone(),
        namespace: settings.namespace.clone(),
        shape: Shape::Nodes(size),
        objects: vec![map, service, set],
        token_secret: Some(secret),
        deadline_seconds: settings.deadline_seconds.unwrap_or(DEADLINE_SECONDS),
        notes,
    })
}

fn shards(stem: &str, count: u32, settings: &Settings, run: &RunId) -> Result<Manifest, String> {
    if !(1..=MOST_SHARDS).contains(&count) {
        return Err(format!("{count} shards: from 1 to {MOST_SHARDS}"));
    }
    let name = object_name(stem, run);
    let namespace = settings.namespace.as_deref();
    let mut command = harness(settings);
    command.extend([
        "--evidence-dir".to_owned(),
        EVIDENCE_FOLDER.to_owned(),
        "--shard".to_owned(),
        "auto".to_owned(),
    ]);
    command.extend(settings.args.iter().cloned());
    let deadline = settings.deadline_seconds.unwrap_or(DEADLINE_SECONDS);
    let template = Pod {
        settings,
        labels: labels(&name, run),
        command,
        // The index comes from the cluster (JOB_COMPLETION_INDEX), the count does not.
        env: vec![json!({ "name": "TRIBUNAL_SHARD_COUNT", "value": count.to_string() })],
        accelerators: settings.accelerators.or(settings.before).unwrap_or(0),
        file: None,
        name: &name,
        port: None,
        once: true,
    }
    .template();
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(&name, namespace, run),
        "spec": {
            "activeDeadlineSeconds": deadline,
            // A part that fails is not repeated, and ends no other.
            "backoffLimitPerIndex": 0,
            "maxFailedIndexes": count,
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": count,
            "template": template,
            "ttlSecondsAfterFinished": 86_400,
        },
    });
    Ok(Manifest {
        name,
        run: run.clone(),
        namespace: settings.namespace.clone(),
        shape: Shape::Shards(count as usize),
        objects: vec![job],
        token_secret: None,
        deadline_seconds: deadline,
        notes: Vec::new(),
    })
}

/// The accelerators of a node: those of the settings, of the file, of the manifest that was given.
fn accelerators(settings: &Settings, file: Option<u32>, notes: &mut Vec<String>) -> u32 {
    match (settings.accelerators, file, settings.before) {
        (Some(own), Some(file), _) if own != file => {
            notes.push(format!(
                "{own} accelerators of a node are asked for, as the settings say; the file says {file}"
            ));
            own
        }
        (Some(own), ..) => own,
        (None, Some(file), before) => {
            if let Some(before) = before.filter(|before| *before != file) {
                notes.push(format!(
                    "{file} accelerators of a node are asked for, as the file says; the manifest asked for {before}"
                ));
            }
            file
        }
        (None, None, Some(before)) => before,
        (None, None, None) => {
            notes.push(
                "no accelerators are asked for: neither the file nor the settings say how many a node has"
                    .to_owned(),
            );
            0
        }
    }
}

/// Where the first of a layout's servers, or what stands in front of them, is asked on node 0.
fn asked_at(layout: &Layout) -> Option<u16> {
    let fixed = |port: &Port| match port {
        Port::Fixed(port) => Some(*port),
        Port::Free(_) => None,
    };
    let proxy = layout.proxy.as_ref().filter(|proxy| proxy.node == 0);
    let server = || {
        layout
            .nodes
            .first()?
            .processes
            .iter()
            .find_map(|process| process.port.as_ref().and_then(fixed))
    };
    proxy.and_then(|proxy| fixed(&proxy.port)).or_else(server)
}

/// A ConfigMap is read by whoever may look at the namespace.
fn no_secrets(layout: &Layout) -> Result<(), String> {
    for process in layout.nodes.iter().flat_map(|node| &node.processes) {
        for (name, value) in &process.env {
            if is_secret(name, &value.to_string()) && !value.to_string().starts_with("${") {
                return Err(format!(
                    "`{name}` in the environment of `{}` (line {}) is a secret by its name, and manifests hold none\nhelp: take it out of the file; put it into a Secret of the cluster, and name that in [kubernetes.secret_env]",
                    process.name, process.line
                ));
            }
        }
        let words: Vec<String> = process.command.iter().map(ToString::to_string).collect();
        for (at, word) in words.iter().enumerate() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word.as_str(), words.get(at + 1).map(String::as_str)),
            };
            let value = value.filter(|value| !value.starts_with(['-', '$']));
            if option.starts_with("--") && value.is_some_and(|value| is_secret(option, value)) {
                return Err(format!(
                    "`{option}` in the command of `{}` (line {}) is given a secret, and manifests hold none\nhelp: drop it; most servers read it from a variable as well, which [kubernetes.secret_env] sets",
                    process.name, process.line
                ));
            }
        }
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
