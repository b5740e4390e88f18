//! Which parameters of a request a command is told, and what becomes of the others.

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::job::OfflineJob;

/// Parameters that change nothing for a command.
const HARMLESS: [&str; 9] = [
    "model",
    "messages",
    "prompt",
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
];

/// Every parameter must be one that the command is told, that is harmless, neutral, or declared to be dropped.
pub(crate) fn refuse_the_untold(
    fields: &Map<String, Value>,
    job: &OfflineJob,
) -> Result<(), Failure> {
    for (name, value) in fields {
        let hole = match name.as_str() {
            "max_completion_tokens" => "max_tokens",
            name => name,
        };
        let told = ["max_tokens", "temperature", "seed"].contains(&hole) && job.tells(hole);
        let streaming = matches!(name.as_str(), "stream" | "stream_options");
        if value.is_null()
            || told
            || streaming
            || HARMLESS.contains(&name.as_str())
            || neutral(name, value)
            || job.ignore.contains(name)
        {
            continue;
        }
        let remedy = if ["max_tokens", "temperature", "seed"].contains(&hole) {
            format!("its deployment can pass it on as {{{hole}}}")
        } else {
            "its deployment can pass the whole request on as {request}".to_owned()
        };
        let message = format!(
            "The command of this deployment is not told `{name}`; {remedy}, or name it in `ignore`."
        );
        return Err(Failure::invalid("unsupported_parameter", name, message));
    }
    Ok(())
}

/// Values that ask for nothing.
fn neutral(name: &str, value: &Value) -> bool {
    let number = |expected: f64| value.as_f64() == Some(expected);
    match name {
        "n" | "top_p" | "repetition_penalty" | "best_of" => number(1.0),
        "presence_penalty" | "frequency_penalty" | "min_p" | "min_tokens" => number(0.0),
        "top_k" => number(0.0) || number(-1.0),
        "logprobs" | "ignore_eos" | "echo" => value == &Value::Bool(false),
        "stop" | "tools" => value == &json!([]),
        "tool_choice" => value == "none" || value == "auto",
        "response_format" => value == &json!({"type": "text"}),
        "modalities" => value == &json!(["text"]),
        "logit_bias" => value == &json!({}),
        "suffix" => value == "",
        _ => false,
    }
}
