//! What a cluster has to be told beside a file of several nodes: image, resources, volumes, where.
//!
//! Promise: every mistake at once, with its line; values of secrets have no place here, only the names of a cluster's Secrets. Rejected: a template language
//! over manifests (what differs between clusters is these few fields, and a wrong one is found here, not by a cluster in the night).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;
use tribunal_deploy::tree::{self, Node, Table};
use tribunal_deploy::{Problems, names_secret};

use super::name::{is_label, is_subdomain};
use super::quantity::Quantity;
use super::reader::{Reader, json};
use super::volume::{self, Volume};

/// The settings for a cluster, as a file says them. What is not said has a default, or comes from a manifest that was given.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The namespace; without it that of the context.
    pub namespace: Option<String>,
    /// The image of every node: the harness and the servers are in it.
    pub image: Option<String>,
    /// How the harness is started in the image.
    pub command: Vec<String>,
    /// What stands behind the options that Tribunal adds.
    pub args: Vec<String>,
    /// The resource that accelerators are asked by.
    pub resource: Option<String>,
    /// How many of a node; without it what the file of nodes says.
    pub accelerators: Option<u32>,
    /// The memory of a node.
    pub memory: Option<String>,
    /// The CPUs of a node.
    pub cpu: Option<String>,
    /// Its disk for what is not kept.
    pub ephemeral_storage: Option<String>,
    /// `/dev/shm`.
    pub shared_memory: Option<String>,
    /// What is mounted beside it.
    pub volumes: Vec<Volume>,
    /// Labels that a machine must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated.
    pub tolerations: Vec<Json>,
    /// The environment of every node.
    pub env: BTreeMap<String, String>,
    /// Variables from Secrets of the cluster: the Secret and its key.
    pub secret_env: BTreeMap<String, (String, String)>,
    /// The account of the pods; they get no token of it.
    pub service_account: Option<String>,
    /// Secrets of registries.
    pub image_pull_secrets: Vec<String>,
    /// The claim that evidence is written to; without it a folder of the pod, which is read before the pod goes.
    pub evidence_claim: Option<String>,
    /// How long what has ended is held for whoever collects, in seconds.
    pub hold_seconds: Option<u32>,
    /// How long a run may take, in seconds.
    pub deadline_seconds: Option<u32>,
    /// The accelerators of the manifest that was given, which count where neither these settings nor the file say any.
    pub(crate) before: Option<u32>,
    /// A restart policy, which is not followed.
    pub restart_policy: Option<String>,
}

const FIELDS: [&str; 21] = [
    "namespace",
    "image",
    "command",
    "args",
    "resource",
    "accelerators",
    "memory",
    "cpu",
    "ephemeral_storage",
    "shared_memory",
    "volumes",
    "node_selector",
    "tolerations",
    "env",
    "secret_env",
    "service_account",
    "image_pull_secrets",
    "evidence_claim",
    "hold_seconds",
    "deadline_seconds",
    "restart_policy",
];

/// Where accelerators of Ascend are asked for, without another name.
pub const RESOURCE: &str = "huawei.com/ascend-1980";
/// `/dev/shm` without another size: vLLM's workers hand tensors to each other through it.
pub const SHARED_MEMORY: &str = "512Gi";
/// The harness in an image that does not say where it is.
pub const COMMAND: &str = "/opt/tribunal/suites";
/// How long a run may take, in seconds.
pub const DEADLINE_SECONDS: u32 = 6 * 3600;
/// How long what has ended is held, in seconds.
pub const HOLD_SECONDS: u32 = 1800;

impl Settings {
    /// Reads a file of TOML with a table `kubernetes`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Settings, Problems> {
        let text = tree::text_of(path).map_err(|why| {
            Problems::plain(
                format!("`{}` cannot be read: {why}", path.display()),
                Some(
                    "it is a file of TOML with a table [kubernetes]: docs/kubernetes.md".to_owned(),
                ),
            )
        })?;
        Settings::parse(&text, &path.display().to_string())
    }

    /// Reads its text; `name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, name: &str) -> Result<Settings, Problems> {
        let mut reader = Reader::default();
        let source = reader.sources.add(name, text, None);
        let mut settings = Settings::default();
        if let Some(root) = tree::toml(&reader.sources, source, false, &mut reader.found) {
            reader.known(&root, "this file", &["kubernetes"]);
            match root.get("kubernetes") {
                None => reader.mistake(
                    reader.sources.whole(source),
                    "this file has no table [kubernetes]",
                    "docs/kubernetes.md has an example",
                ),
                Some(node) => {
                    if let Some(table) = node.table() {
                        reader.known(table, "[kubernetes]", &FIELDS);
                        settings = fields(&mut reader, table);
                    } else {
                        reader.wrong("kubernetes", node, "a table");
                    }
                }
            }
        }
        if reader.found.is_empty() {
            Ok(settings)
        } else {
            Err(reader.sources.problems(reader.found))
        }
    }

    /// These, and where they say nothing, those.
    pub(crate) fn over(mut self, below: Settings) -> Settings {
        fn first<T>(own: &mut Option<T>, below: Option<T>) {
            if own.is_none() {
                *own = below;
            }
        }
        first(&mut self.namespace, below.namespace);
        first(&mut self.image, below.image);
        first(&mut self.resource, below.resource);
        first(&mut self.accelerators, below.accelerators);
        first(&mut self.memory, below.memory);
        first(&mut self.cpu, below.cpu);
        first(&mut self.ephemeral_storage, below.ephemeral_storage);
        first(&mut self.shared_memory, below.shared_memory);
        first(&mut self.service_account, below.service_account);
        first(&mut self.evidence_claim, below.evidence_claim);
        first(&mut self.hold_seconds, below.hold_seconds);
        first(&mut self.deadline_seconds, below.deadline_seconds);
        first(&mut self.before, below.before);
        first(&mut self.restart_policy, below.restart_policy);
        if self.command.is_empty() {
            self.command = below.command;
        }
        if self.args.is_empty() {
            self.args = below.args;
        }
        if self.tolerations.is_empty() {
            self.tolerations = below.tolerations;
        }
        if self.image_pull_secrets.is_empty() {
            self.image_pull_secrets = below.image_pull_secrets;
        }
        for volume in below.volumes {
            let taken = |own: &Volume| own.name == volume.name || own.path == volume.path;
            if !self.volumes.iter().any(taken) {
                self.volumes.push(volume);
            }
        }
        for (key, value) in below.node_selector {
            self.node_selector.entry(key).or_insert(value);
        }
        for (key, value) in below.env {
            if !self.secret_env.contains_key(&key) {
                self.env.entry(key).or_insert(value);
            }
        }
        for (key, value) in below.secret_env {
            if !self.env.contains_key(&key) {
                self.secret_env.entry(key).or_insert(value);
            }
        }
        self
    }
}

fn fields(reader: &mut Reader, table: &Table) -> Settings {
    let mut out = Settings::default();
    let name_of = "it has lower-case letters, digits and hyphens";
    for entry in &table.0 {
        let (key, node) = (&*entry.key, &entry.node);
        match key {
            "namespace" => out.namespace = reader.checked(key, node, is_label, name_of),
            "image" => {
                out.image = reader.checked(
                    key,
                    node,
                    is_image,
                    "it is the name of an image, without blanks",
                )
            }
            "command" => out.command = reader.texts(key, node),
            "args" => out.args = reader.texts(key, node),
            "resource" => {
                out.resource = reader.checked(
                    key,
                    node,
                    is_resource,
                    "it is as in huawei.com/ascend-1980 or nvidia.com/gpu",
                );
            }
            "accelerators" => out.accelerators = reader.whole(key, node, 0, 1024),
            "memory" => out.memory = amount(reader, key, node),
            "cpu" => out.cpu = amount(reader, key, node),
            "ephemeral_storage" => out.ephemeral_storage = amount(reader, key, node),
            "shared_memory" => out.shared_memory = amount(reader, key, node),
            "volumes" => {
                for node in reader.list(key, node) {
                    if let Some(volume) = volume::read(reader, node) {
                        volume::add(reader, node.at, &mut out.volumes, volume);
                    }
                }
            }
            "node_selector" => out.node_selector = reader.words(key, node),
            "tolerations" => {
                for node in reader.list(key, node) {
                    if let Some(toleration) = toleration(reader, node) {
                        out.tolerations.push(toleration);
                    }
                }
            }
            "env" => out.env = env(reader, node),
            "secret_env" => out.secret_env = secret_env(reader, node),
            "service_account" => {
                out.service_account = reader.checked(key, node, is_subdomain, name_of)
            }
            "image_pull_secrets" => out.image_pull_secrets = reader.texts(key, node),
            "evidence_claim" => {
                out.evidence_claim = reader.checked(key, node, is_subdomain, name_of)
            }
            "hold_seconds" => out.hold_seconds = reader.whole(key, node, 0, 86_400),
            "deadline_seconds" => out.deadline_seconds = reader.whole(key, node, 60, 604_800),
            "restart_policy" => out.restart_policy = reader.text(key, node),
            _ => {}
        }
    }
    out
}

/// An amount; a number is one too.
fn amount(reader: &mut Reader, key: &str, node: &Node) -> Option<String> {
    let written = node.scalar().unwrap_or_default();
    if Quantity::parse(&written).is_some_and(|amount| amount > Quantity::ZERO) {
        return Some(written);
    }
    reader.mistake(
        node.at,
        format!("`{key}` is no amount"),
        "as in 512Gi, 16 or 500m",
    );
    None
}

fn toleration(reader: &mut Reader, node: &Node) -> Option<Json> {
    let table = reader.table("tolerations", node)?;
    let known = ["key", "operator", "value", "effect", "tolerationSeconds"];
    reader.known(table, "a toleration", &known);
    Some(json(node))
}

fn env(reader: &mut Reader, node: &Node) -> BTreeMap<String, String> {
    let words = reader.words("env", node);
    for entry in node.table().map(|table| &*table.0).unwrap_or(&[]) {
        let (key, value) = (&entry.key, words.get(&entry.key));
        if !is_variable(key) {
            reader.mistake(
                entry.key_at,
                format!("`{key}` is no name of a variable"),
                "",
            );
        } else if value.is_some_and(|value| is_secret(key, value)) {
            reader.mistake(
                entry.key_at,
                format!("`{key}` is a secret by its name, and manifests hold none"),
                "put it into a Secret of the cluster, and name that in [kubernetes.secret_env]",
            );
        }
    }
    words
}

fn secret_env(reader: &mut Reader, node: &Node) -> BTreeMap<String, (String, String)> {
    let words = reader.words("secret_env", node);
    let mut out = BTreeMap::new();
    for (key, value) in words {
        match value.split_once('/') {
            Some((secret, field))
                if is_subdomain(secret) && !field.is_empty() && is_variable(&key) =>
            {
                out.insert(key, (secret.to_owned(), field.to_owned()));
            }
            _ => reader.mistake(
                node.at,
                format!("`{key}` is not `SECRET/KEY`"),
                "the name of a Secret of the cluster, and a key in it; never the value",
            ),
        }
    }
    out
}

/// Whether this is a secret that somebody wrote down. Numbers and bools are none: `MAX_TOKEN = 5`.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    names_secret(name)
        && !value.is_empty()
        && value.parse::<f64>().is_err()
        && !["true", "false"].contains(&value)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_image(image: &str) -> bool {
    image.len() <= 1024 && image.chars().all(|c| c.is_ascii_graphic())
}

fn is_resource(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, rest)| {
        is_subdomain(domain)
            && !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    })
}
