//! Answers in a form: the verdict holds them to the form that the request asks for.

use serde_json::{Value, json};
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 120}},
        "required": ["name", "age"],
        "additionalProperties": false,
    })
}

/// JSON of a schema, with all its keys.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "guided")]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn json_schema(#[case] streamed: bool, chat: ChatClient) -> TestResult {
    let request = chat
        .user("Ada is 36 years old.")
        .max_tokens(200)
        .temperature(0.0);
    let request = request
        .json_schema("person", person())
        .expect_json_keys(["name", "age"]);
    let request = if streamed { request.stream() } else { request };
    let answer = request.send().await?;
    tribunal::log!("{}", answer.text());
    Ok(())
}

/// Some JSON object, whichever. A model without a memory may never close it.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = ["guided", "context"])]
async fn json_object(chat: ChatClient) -> TestResult {
    let request = chat.user("Ada is 36 years old. Answer in JSON.");
    let answer = request
        .max_tokens(200)
        .temperature(0.0)
        .json_object()
        .send()
        .await?;
    tribunal::log!("{}", answer.text());
    Ok(())
}

/// One of a few texts, in the two ways of asking that there are: a key of its own, and one of `structured_outputs`.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "guided_choice")]
#[cases(key = "guided_choice", structured = "structured_outputs")]
async fn choice(
    #[case] key: &str,
    #[values("harbour", "bridge")] wanted: &str,
    chat: ChatClient,
) -> TestResult {
    let choices = json!(["harbour", "bridge", "mill"]);
    let form = match key {
        "structured_outputs" => json!({"choice": choices}),
        _ => choices,
    };
    let request = chat.user(format!("Say which it is: the {wanted}."));
    let request = request.max_tokens(16).temperature(0.0).extra(key, form);
    request
        .expect_keywords(Modality::Text, [wanted])
        .send()
        .await?;
    Ok(())
}
