//! What a deployment offers: capabilities, typed features, worker processes.
//!
//! Promise: a name that nobody declared is an error with the nearest one, so that a test is never gated by a spelling. A project's own
//! capabilities begin with `x_`. Rejected: free texts.

use std::collections::{BTreeMap, BTreeSet};

use tribunal_serving::Workers;
use tribunal_vocabulary::nearest;

use crate::command;
use crate::node::{Entry, Node, Table, Value};
use crate::reader::{Reader, list};

/// Every capability that a deployment may name, with what it means.
pub const CAPABILITIES: [(&str, &str); 52] = [
    ("chat", "POST /v1/chat/completions"),
    ("completions", "POST /v1/completions"),
    ("responses", "POST /v1/responses"),
    ("embeddings", "POST /v1/embeddings"),
    (
        "embedding_lists",
        "embeddings of several texts of different lengths at once, in one request or in several, each as if it were alone",
    ),
    ("rerank", "POST /v1/rerank"),
    ("score", "POST /v1/score"),
    ("classify", "POST /classify"),
    ("tokenize", "POST /tokenize and /detokenize"),
    ("speech", "POST /v1/audio/speech"),
    (
        "spoken_words",
        "speech that says real words, as a speech recogniser understands them",
    ),
    ("transcription", "POST /v1/audio/transcriptions"),
    ("translation", "POST /v1/audio/translations"),
    ("speech_stream", "WebSocket /v1/audio/speech/stream"),
    ("realtime", "WebSocket /v1/realtime"),
    (
        "audio_generation",
        "POST /v1/audio/generate: sound that is no speech",
    ),
    ("images", "POST /v1/images/generations"),
    ("image_edits", "POST /v1/images/edits"),
    ("videos", "POST /v1/videos"),
    ("image_input", "images as parts of a chat message"),
    ("audio_input", "audio as parts of a chat message"),
    ("video_input", "videos as parts of a chat message"),
    ("audio_output", "answers in chats that are spoken"),
    ("streaming", "answers as server-sent events"),
    (
        "usage_in_stream",
        "token counts at the end of a stream, where asked for",
    ),
    ("tools", "calls of tools in chats"),
    (
        "guided",
        "answers that follow a JSON schema or are some JSON object",
    ),
    (
        "guided_choice",
        "answers that are one of some texts: `guided_choice`, and `choice` in `structured_outputs`",
    ),
    ("reasoning", "thoughts apart from the answer"),
    ("logprobs", "log-probabilities of tokens"),
    (
        "logprob_lists",
        "log-probabilities of completions in four lists, with offsets",
    ),
    ("seed", "the same seed gives the same text"),
    ("several_choices", "`n` above one"),
    (
        "usage_of_choices",
        "one count for all choices of a stream, at its end",
    ),
    ("echo", "completions that repeat the prompt"),
    (
        "prompt_lists",
        "completions of several prompts in one request",
    ),
    ("streamed_prompt_lists", "the same as a stream"),
    (
        "token_prompts",
        "completions of prompts given as token numbers",
    ),
    (
        "lora_loading",
        "adapters that are loaded and unloaded at run time",
    ),
    (
        "prefix_cache",
        "counts of prompt tokens that were cached, and POST /reset_prefix_cache",
    ),
    ("openapi", "GET /openapi.json"),
    (
        "defects",
        "wrong answers on demand: the header x-engine-defect, and GET /debug/defects",
    ),
    (
        "rehearsed_nodes",
        "several nodes on this machine that can be broken; what `--rehearse` makes of a nodes file",
    ),
    ("error_params", "errors that name the wrong parameter"),
    ("strict_validation", "parameters out of range are refused"),
    ("model_names", "a model that is not served is not found"),
    (
        "context",
        "answers depend on the whole conversation, not on its end alone",
    ),
    (
        "known_model",
        "a model is served whose answers are known; it follows from the key `known_model`",
    ),
    (
        "http",
        "the engine reads requests itself; true of everything but a command that is run for each",
    ),
    ("metrics", "GET /metrics in Prometheus's text format"),
    (
        "slots",
        "a fixed number of requests at once, the others wait",
    ),
    (
        "device_memory",
        "GET /debug/memory: what the server holds of which device",
    ),
];

/// What a server is taken to offer of which only the address is known.
pub const ASSUMED: [&str; 3] = ["chat", "completions", "streaming"];

#[derive(Clone, Copy)]
enum Kind {
    Flag,
    Text,
    Texts,
    Count,
    Speculative,
}

/// Every feature that a deployment may state, with the type of its value.
const FEATURES: [(&str, Kind); 16] = [
    ("prefix_caching", Kind::Flag),
    ("chunked_prefill", Kind::Flag),
    ("lora", Kind::Texts),
    ("speculative", Kind::Speculative),
    ("quantization", Kind::Text),
    ("kv_cache_dtype", Kind::Text),
    ("reasoning", Kind::Text),
    ("tool_parser", Kind::Text),
    ("tensor_parallel", Kind::Count),
    ("pipeline_parallel", Kind::Count),
    ("data_parallel", Kind::Count),
    ("expert_parallel", Kind::Flag),
    ("disaggregated_prefill", Kind::Flag),
    ("async_scheduling", Kind::Flag),
    ("graph_capture", Kind::Flag),
    ("sleep_mode", Kind::Flag),
];

/// The names of the features that a deployment may state. One of a project's own begins with `x_`.
pub fn feature_names() -> impl Iterator<Item = &'static str> {
    FEATURES.iter().map(|(name, _)| *name)
}

pub(crate) fn capabilities(reader: &mut Reader<'_>, table: &Table) -> BTreeSet<String> {
    let Some(node) = reader.set(table, "capabilities") else {
        return BTreeSet::new();
    };
    let mut out = BTreeSet::new();
    for node in command::grouped(reader, &node, "capabilities") {
        let Some(name) = reader.verbatim("capabilities", &node) else {
            continue;
        };
        let known = || CAPABILITIES.iter().map(|(name, _)| *name);
        let own = name.strip_prefix("x_").is_some_and(|rest| !rest.is_empty());
        if !own && !known().any(|there| there == name) {
            let help = match nearest(&name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}; one of your own begins with `x_`", list(known())),
            };
            reader.mistake(node.at, format!("`{name}` is no capability"), Some(help));
        } else if !out.insert(name.clone()) {
            reader.mistake(node.at, format!("capability `{name}` is there twice"), None);
        }
    }
    out
}

/// The features that are on, with their values as text.
pub(crate) fn features(reader: &mut Reader<'_>, table: &Table) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let Some(node) = reader.set(table, "features") else {
        return out;
    };
    let Some(features) = reader
        .table("features", &node, "a table of features")
        .cloned()
    else {
        return out;
    };
    for entry in &features.0 {
        let Some((name, kind)) = FEATURES.iter().find(|(name, _)| *name == entry.key) else {
            if entry
                .key
                .strip_prefix("x_")
                .is_some_and(|rest| !rest.is_empty())
            {
                if let Some(node) = reader.set(&features, &entry.key) {
                    let text = match node.value {
                        Value::Bool(true) => Some("true".to_owned()),
                        _ => reader.text(&entry.key, &node),
                    };
                    out.extend(text.map(|text| (entry.key.clone(), text)));
                }
                continue;
            }
            let names: Vec<&str> = feature_names().collect();
            let help = match nearest(&entry.key, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "known: {}; one of your own begins with `x_`",
                    list(names.iter().copied())
                ),
            };
            reader.mistake(
                entry.key_at,
                format!("`{}` is no feature", entry.key),
                Some(help),
            );
            continue;
        };
        let Some(node) = reader.set(&features, name) else {
            continue;
        };
        if let Some(text) = feature(reader, entry, &node, *kind, &features) {
            out.insert(entry.key.clone(), text);
        }
    }
    out
}

fn feature(
    reader: &mut Reader<'_>,
    entry: &Entry,
    node: &Node,
    kind: Kind,
    features: &Table,
) -> Option<String> {
    let key = &*entry.key;
    match kind {
        Kind::Flag => reader.bool_of(features, key).map(|on| on.to_string()),
        Kind::Text => reader.text(key, node),
        Kind::Count => reader
            .int_of(features, key, 1..=65_536)
            .map(|count| count.to_string()),
        Kind::Texts => match node.value {
            Value::List(_) => {
                let texts = reader.texts_of(features, key);
                (!texts.is_empty()).then(|| texts.join(","))
            }
            // A parameter that is a list may have been joined already.
            Value::Text(_) => reader.text(key, node),
            _ => {
                reader.mistake(
                    node.at,
                    format!("`{key}` must be a list of texts, not {}", node.sort()),
                    None,
                );
                None
            }
        },
        Kind::Speculative => {
            let table = reader
                .table(key, node, "a table with `method` and `tokens`")?
                .clone();
            reader.known(&table, "`speculative`", &["method", "tokens"]);
            let method = reader.text_of(&table, "method");
            let tokens = reader.int_of(&table, "tokens", 1..=1024);
            if table.get("method").is_none() {
                reader.mistake(
                    entry.key_at,
                    "`speculative` has no `method`",
                    Some("for example { method = \"eagle\", tokens = 4 }".to_owned()),
                );
            }
            let method = method?;
            Some(match tokens {
                Some(tokens) => format!("{method},{tokens}"),
                None => method,
            })
        }
    }
}

pub(crate) fn workers(reader: &mut Reader<'_>, table: &Table) -> Option<Workers> {
    let node = reader.set(table, "workers")?;
    let table = reader
        .table("workers", &node, "a table with `pattern` and `count`")?
        .clone();
    reader.known(&table, "`workers`", &["pattern", "count"]);
    let count = reader.int_of(&table, "count", 0..=4096);
    let Some(pattern_node) = table.get("pattern") else {
        reader.mistake(
            node.at,
            "`workers` has no `pattern`",
            Some(
                "an expression that is searched in the name and the command line of processes"
                    .to_owned(),
            ),
        );
        return None;
    };
    let pattern = reader.verbatim("pattern", pattern_node)?;
    expression(reader, pattern_node, &pattern)?;
    Some(Workers {
        pattern,
        count: count.and_then(|count| u32::try_from(count).ok()),
    })
}

/// Reports an expression that does not parse.
pub(crate) fn expression(reader: &mut Reader<'_>, node: &Node, pattern: &str) -> Option<()> {
    match regex::Regex::new(pattern) {
        Ok(expression) if !expression.is_match("") => Some(()),
        Ok(_) => {
            reader.mistake(
                node.at,
                format!("`{pattern}` is found in everything, also in an empty line"),
                Some("make it more particular".to_owned()),
            );
            None
        }
        Err(error) => {
            let words = error.to_string();
            let why = words
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            reader.mistake(
                node.at,
                format!("`{pattern}` is no regular expression: {why}"),
                None,
            );
            None
        }
    }
}
