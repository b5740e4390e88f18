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
