//! Calls of tools.

use serde_json::{Value, json};
use tribunal::client::ChatRequest;
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

fn weather() -> Value {
    let city = json!({"type": "string", "description": "a city"});
    json!({"type": "object", "properties": {"city": city}, "required": ["city"]})
}

fn ask(chat: &ChatClient) -> ChatRequest {
    let request = chat.user("What is the weather in Paris?").max_tokens(96);
    request.tool("weather", "The weather of a city, now.", weather())
}

/// A tool that must be called is called, with arguments that fit its schema.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "tools")]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn required(#[case] streamed: bool, chat: ChatClient) -> TestResult {
    let request = ask(&chat).tool_choice("required").expect_tool("weather");
    let request = request.expect_tool_arguments(["city"]);
    let request = if streamed { request.stream() } else { request };
    let answer = request.send().await?;
    assert_eq!(answer.finish_reason(), Some("tool_calls"));
    Ok(())
}

/// Of several tools, the one that is named is called.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "tools")]
async fn by_name(chat: ChatClient) -> TestResult {
    let request = ask(&chat).tool(
        "clock",
        "The time.",
        json!({"type": "object", "properties": {}}),
    );
    request
        .must_call("weather")
        .expect_tool("weather")
        .send()
        .await?;
    Ok(())
}

/// With `none`, no tool is called, and there is text.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "tools")]
async fn none(chat: ChatClient) -> TestResult {
    let answer = ask(&chat).tool_choice("none").send().await?;
    let calls = answer.choices[0].message.tool_calls.as_ref();
    assert!(calls.is_none_or(Vec::is_empty), "{calls:?}");
    assert!(!answer.text().is_empty());
    Ok(())
}
