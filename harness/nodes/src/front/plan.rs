//! Where a request goes, decided from its method and path, and what the first of two servers is asked.
//!
//! Promise: pure functions. What a server remembers (stored answers, videos, metrics) is always asked of the same one; what changes servers goes to all of them.

use serde_json::{Map, Value, json};

use crate::run::Routes;

/// Routes whose requests depend on nothing before them, and that any server of a group may answer.
const FREE: [&str; 16] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/rerank",
    "/rerank",
    "/v1/score",
    "/score",
    "/classify",
    "/pooling",
    "/tokenize",
    "/detokenize",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/messages",
    "/generate",
];

/// Routes that change a server.
const FOR_ALL: [&str; 8] = [
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/reset_prefix_cache",
    "/reset_mm_cache",
    "/sleep",
    "/wake_up",
    "/start_profile",
    "/stop_profile",
];

/// Routes that are split between two servers.
const SPLIT: [&str; 2] = ["/v1/chat/completions", "/v1/completions"];

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The proxy answers whether all servers are well.
    Health,
    /// The same server whenever it is asked.
    Same,
    /// The next server in turn.
    Next,
    /// All servers; the first refusal is the answer.
    All,
    /// A server of the first group, then one of the second.
    Split,
}

impl Plan {
    /// What becomes of a request.
    pub fn of(method: &str, path: &str, routes: &Routes) -> Plan {
        let read = matches!(method, "GET" | "HEAD");
        if read && matches!(path, "/health" | "/healthcheck") {
            return Plan::Health;
        }
        if method != "POST" {
            return Plan::Same;
        }
        if FOR_ALL.contains(&path) {
            return Plan::All;
        }
        let apart = !matches!(routes, Routes::Any(_));
        match FREE.contains(&path) {
            true if apart && SPLIT.contains(&path) => Plan::Split,
            true => Plan::Next,
            false => Plan::Same,
        }
    }
}

/// What a prefiller is asked for a request: one token, and where what it knows lies.
pub(super) fn prefill(request: &Map<String, Value>) -> Map<String, Value> {
    let mut asked = shortened(request);
    asked.insert(
        "kv_transfer_params".to_owned(),
        json!({
            "do_remote_decode": true,
            "do_remote_prefill": false,
            "remote_engine_id": null,
            "remote_block_ids": null,
            "remote_host": null,
            "remote_port": null,
        }),
    );
    asked
}

/// What a decoder is asked: the whole request, and what the prefiller answered.
pub(super) fn decode(request: &Map<String, Value>, prefilled: &Value) -> Map<String, Value> {
    let mut asked = request.clone();
    if let Some(params) = prefilled.get("kv_transfer_params").filter(|p| !p.is_null()) {
        asked.insert("kv_transfer_params".to_owned(), params.clone());
    }
    asked
}

/// What an encoder is asked; `None` where the request has nothing that it could encode.
pub(super) fn encode(request: &Map<String, Value>) -> Option<Map<String, Value>> {
    let media = |message: &Value| {
        let parts = message.get("content").and_then(Value::as_array);
        let kind = |part: &Value| part.get("type").and_then(Value::as_str).map(str::to_owned);
        parts.is_some_and(|parts| {
            parts
                .iter()
                .any(|part| kind(part).is_some_and(|kind| kind != "text"))
        })
    };
    let messages = request.get("messages")?.as_array()?;
    messages.iter().any(media).then(|| shortened(request))
}

/// The same for one token, as a whole, and once.
fn shortened(request: &Map<String, Value>) -> Map<String, Value> {
    let mut asked = request.clone();
    for name in ["stream_options", "min_tokens", "n", "best_of"] {
        asked.remove(name);
    }
    asked.insert("stream".to_owned(), json!(false));
    asked.insert("max_tokens".to_owned(), json!(1));
    if let Some(most) = asked.get_mut("max_completion_tokens") {
        *most = json!(1);
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn requests_go_where_they_can_be_answered() {
        let any = Routes::Any(vec!["a:1".into(), "b:1".into()]);
        let pair = Routes::Pair {
            prefill: vec!["a:1".into()],
            decode: vec!["b:1".into()],
        };
        for (method, path, of_any, of_pair) in [
            ("GET", "/health", Plan::Health, Plan::Health),
            ("GET", "/healthcheck", Plan::Health, Plan::Health),
            ("POST", "/v1/chat/completions", Plan::Next, Plan::Split),
            ("POST", "/v1/completions", Plan::Next, Plan::Split),
            ("GET", "/v1/completions", Plan::Same, Plan::Same),
            ("POST", "/v1/embeddings", Plan::Next, Plan::Next),
            ("POST", "/v1/responses", Plan::Same, Plan::Same),
            ("GET", "/v1/models", Plan::Same, Plan::Same),
            ("GET", "/metrics", Plan::Same, Plan::Same),
            ("POST", "/v1/load_lora_adapter", Plan::All, Plan::All),
            ("POST", "/unheard/of", Plan::Same, Plan::Same),
        ] {
            assert_eq!(Plan::of(method, path, &any), of_any, "{method} {path}");
            assert_eq!(Plan::of(method, path, &pair), of_pair, "{method} {path}");
        }
    }

    #[test]
    fn a_prefiller_is_asked_for_one_token_and_a_decoder_for_all() {
        let request = object(
            json!({"model": "m", "prompt": "p", "max_tokens": 8, "min_tokens": 4, "n": 2,
            "stream": true, "stream_options": {"include_usage": true}, "seed": 3}),
        );
        let asked = Value::Object(prefill(&request));
        assert_eq!(
            asked,
            json!({"model": "m", "prompt": "p", "max_tokens": 1, "stream": false, "seed": 3,
                "kv_transfer_params": {"do_remote_decode": true, "do_remote_prefill": false, "remote_engine_id": null,
                    "remote_block_ids": null, "remote_host": null, "remote_port": null}})
        );
        let answer = json!({"choices": [], "kv_transfer_params": {"do_remote_prefill": true}});
        let mut expected = request.clone();
        expected.insert(
            "kv_transfer_params".into(),
            json!({"do_remote_prefill": true}),
        );
        assert_eq!(decode(&request, &answer), expected);
        assert_eq!(
            decode(&request, &json!({"kv_transfer_params": null})),
            request
        );
        let newer = prefill(&object(json!({"max_completion_tokens": 9})));
        assert_eq!(newer["max_completion_tokens"], 1);
    }

    #[test]
    fn only_media_are_encoded() {
        let with =
            |content: Value| object(json!({"messages": [{"role": "user", "content": content}]}));
        assert!(encode(&with(json!("text"))).is_none());
        assert!(encode(&with(json!([{"type": "text", "text": "t"}]))).is_none());
        assert!(encode(&with(json!([{"type": "image_url"}]))).is_some());
        assert!(encode(&object(json!({"prompt": "p"}))).is_none());
        assert!(encode(&object(json!({"messages": 3}))).is_none());
    }
}
