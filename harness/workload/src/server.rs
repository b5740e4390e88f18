//! The server that a case wants: `server_params`.
//!
//! Promise: what a file says of its server is kept whole: the model, the changes of its stage configuration, and the arguments of its command in their
//! order. Whether a deployment can be started so is that deployment's business. Rejected: starting servers from here (a workload says what is wanted,
//! a deployment how).

use serde_json::Value as Json;
use tribunal_deploy::tree::{Entry, Value};

use crate::fields::Fields;
use crate::reader::{Reader, json};
use crate::stage::StagePatch;

/// A file that a case brings with it.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineFile {
    /// The option that takes its path: `--deploy-config`.
    pub option: String,
    /// The end of its name: `yaml`, `jsonl`.
    pub end: String,
    /// What it says. JSON is YAML, so a table is written as that.
    pub text: String,
}

/// The server that a case wants.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ServerParams {
    /// The model; `None`: whichever the deployment has.
    pub model: Option<String>,
    /// What server it is, where that is said: `vllm-omni`, `sglang-omni`, `diffusers`.
    pub server_type: Option<String>,
    /// The stage configuration, by the name of its file.
    pub stage_config: Option<String>,
    /// What is changed in it.
    pub patch: StagePatch,
    /// Settings of each stage, as JSON.
    pub stage_overrides: Option<Json>,
    /// Options of its command: name without dashes, and value.
    pub serve_args: Vec<(String, Json)>,
    /// Arguments of its command, as they are.
    pub extra_args: Vec<String>,
    /// Files that it needs.
    pub inline: Vec<InlineFile>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// Whether the server has stages of several modalities.
    pub use_omni: Option<bool>,
    /// Where it stands.
    pub line: usize,
}

impl ServerParams {
    /// The arguments of its command: `serve_args`, `stage_overrides`, `extra_cli_args`. `place` says where an inline file was written.
    pub fn arguments(&self, mut place: impl FnMut(&InlineFile) -> String) -> Vec<String> {
        let mut out = Vec::new();
        for (name, value) in &self.serve_args {
            out.extend(option(name, value));
        }
        for file in &self.inline {
            out.push(file.option.clone());
            out.push(place(file));
        }
        if let Some(overrides) = &self.stage_overrides {
            out.push("--stage-overrides".to_owned());
            out.push(overrides.to_string());
        }
        out.extend(self.extra_args.iter().cloned());
        out
    }

    /// Whether two cases can share a server, wherever they stand.
    pub fn same_server(&self, other: &ServerParams) -> bool {
        let placeless = |server: &ServerParams| ServerParams {
            line: 0,
            ..server.clone()
        };
        placeless(self) == placeless(other)
    }
}

/// An option with its value: true is a bare flag, false nothing, a table compact JSON, a list as Python prints one.
pub(crate) fn option(name: &str, value: &Json) -> Vec<String> {
    let flag = format!("--{}", name.replace('_', "-"));
    match value {
        Json::Bool(true) => vec![flag],
        Json::Bool(false) | Json::Null => Vec::new(),
        Json::String(text) => vec![flag, text.clone()],
        Json::Array(_) => vec![flag, python(value)],
        Json::Number(_) | Json::Object(_) => vec![flag, value.to_string()],
    }
}

/// A value as Python prints it.
fn python(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        Json::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Json::Array(list) => format!(
            "[{}]",
            list.iter().map(python).collect::<Vec<_>>().join(", ")
        ),
        Json::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("'{key}': {}", python(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

const KEYS: [&str; 14] = [
    "model",
    "server_type",
    "stage_config_name",
    "update",
    "delete",
    "stage_overrides",
    "serve_args",
    "server_args",
    "extra_cli_args",
    "use_omni",
    "trust_remote_code",
    "env",
    "env_dict",
    "cuda_visible_devices",
];

/// What the native form calls some of them.
const NATIVE: [(&str, &str); 3] = [
    ("type", "server_type"),
    ("args", "extra_cli_args"),
    ("stage_config", "stage_config_name"),
];

impl Reader<'_> {
    /// `server_params`.
    pub fn server(&mut self, entry: &Entry) -> ServerParams {
        let mut server = ServerParams {
            line: self.line(entry.key_at),
            ..ServerParams::default()
        };
        let Some(table) = entry.node.table() else {
            self.wrong_node(&entry.key, &entry.node, "a table");
            return server;
        };
        let fields = Fields::of(self, table, entry.node.at, &NATIVE);
        for (name, entry) in fields.iter() {
            if entry.node.value == Value::Null || name.starts_with('_') {
                continue;
            }
            match name {
                "model" => server.model = self.text(entry),
                "server_type" => server.server_type = self.text(entry),
                "stage_config_name" => server.stage_config = self.text(entry),
                "update" => server.patch.updates(self, entry),
                "delete" => server.patch.deletes(self, entry),
                "stage_overrides" => server.stage_overrides = self.object(entry).map(Json::Object),
                "serve_args" | "server_args" => self.serve_args(entry, &mut server),
                "extra_cli_args" => server
                    .extra_args
                    .extend(self.texts(entry).unwrap_or_default()),
                "use_omni" => server.use_omni = self.bool(entry),
                "trust_remote_code" => {
                    if let Some(value) = self.bool(entry) {
                        server
                            .serve_args
                            .push(("trust-remote-code".to_owned(), Json::Bool(value)));
                    }
                }
                "env" | "env_dict" => server.env.extend(self.env(entry)),
                "cuda_visible_devices" => {
                    if let Some(devices) = entry.node.scalar() {
                        server
                            .env
                            .push(("CUDA_VISIBLE_DEVICES".to_owned(), devices));
                    }
                }
                name if name.ends_with("_inline") => self.inline(name, entry, &mut server.inline),
                _ => self.unknown_key(
                    entry,
                    "`server_params`",
                    &KEYS,
                    "an option of the engine stands below `serve_args`",
                ),
            }
        }
        if !server.patch.is_empty() && server.stage_config.is_none() {
            let word = if fields.get("update").is_some() {
                "update"
            } else {
                "delete"
            };
            let at = fields.entry(word).map_or(fields.at, |entry| entry.key_at);
            self.mistake(
                at,
                format!("`{word}` changes a stage configuration, and none is named"),
                Some("name its file as `stage_config_name`, or write `stage_overrides`".to_owned()),
            );
        }
        server
    }

    /// Variables of an environment.
    pub fn env(&mut self, entry: &Entry) -> Vec<(String, String)> {
        let Some(table) = entry.node.table() else {
            self.wrong_node(&entry.key, &entry.node, "a table of variables");
            return Vec::new();
        };
        let mut env = Vec::new();
        for entry in &table.0 {
            match entry.node.scalar() {
                Some(value) => env.push((entry.key.clone(), value)),
                None if entry.node.value == Value::Null => {}
                None => self.wrong_node(&entry.key, &entry.node, "text"),
            }
        }
        env
    }

    fn serve_args(&mut self, entry: &Entry, server: &mut ServerParams) {
        match &entry.node.value {
            Value::List(_) | Value::Text(_) => {
                server
                    .extra_args
                    .extend(self.texts(entry).unwrap_or_default());
            }
            Value::Table(table) => {
                let fields = Fields::of(self, table, entry.node.at, &[]);
                for (name, entry) in fields.iter() {
                    if name.ends_with("_inline") {
                        self.inline(name, entry, &mut server.inline);
                    } else if let Some(value) = self.json(&entry.key, &entry.node) {
                        server.serve_args.push((entry.key.replace('_', "-"), value));
                    }
                }
            }
            _ => self.wrong_node(
                &entry.key,
                &entry.node,
                "a table of options or a list of arguments",
            ),
        }
    }

    /// `{"type": "yaml", "content": …}`.
    pub fn inline(&mut self, name: &str, entry: &Entry, into: &mut Vec<InlineFile>) {
        let option = format!("--{}", name.trim_end_matches("_inline").replace('_', "-"));
        let Some(table) = entry.node.table() else {
            self.wrong_node(&entry.key, &entry.node, "a table with `type` and `content`");
            return;
        };
        for there in &table.0 {
            if !["type", "content"].contains(&&*there.key) {
                self.unknown_key(
                    there,
                    &format!("`{}`", entry.key),
                    &["type", "content"],
                    "it has `type` and `content`",
                );
            }
        }
        let end = table.get("type").and_then(|node| node.text());
        let Some(content) = table.get("content") else {
            self.mistake(
                entry.node.at,
                format!("`{}` has no `content`", entry.key),
                None,
            );
            return;
        };
        let line = |node| json(node).map(|value| value.to_string());
        let text = match (end, &content.value) {
            (Some("yaml" | "yml" | "json" | "txt"), Value::Text(text)) => Ok(text.clone()),
            (Some("yaml" | "yml" | "json"), _) => line(content).map(|text| text + "\n"),
            (Some("jsonl"), Value::Text(text)) => Ok(text.clone()),
            (Some("jsonl"), Value::List(list)) => list
                .iter()
                .map(|node| line(node).map(|text| text + "\n"))
                .collect(),
            (Some("jsonl"), _) => {
                self.wrong_node("content", content, "a list: one value for each line");
                return;
            }
            _ => {
                let at = table
                    .entry("type")
                    .map_or(entry.node.at, |entry| entry.node.at);
                self.mistake(
                    at,
                    format!("`{}` needs a `type`: yaml, json, jsonl or txt", entry.key),
                    None,
                );
                return;
            }
        };
        match text {
            Ok(text) => into.push(InlineFile {
                option,
                end: end.unwrap_or("txt").to_owned(),
                text,
            }),
            Err(at) => self.mistake(at, "JSON has no such number", None),
        }
    }
}
