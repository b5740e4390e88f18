//! What a server must refuse, and how: a status of the 4xx range, an error object that names the parameter, and good health afterwards.

use serde_json::{Value, json};
use tribunal::client::Client;
use tribunal::prelude::*;

/// A value of the wrong type or range is refused by name; a model that is not served is not found.
#[tribunal::test]
#[timeout("30s")]
#[cases(
    temperature_below_zero = ("temperature", json!(-1)),
    temperature_is_text = ("temperature", json!("hot")),
    top_p_above_one = ("top_p", json!(1.5)),
    n_is_zero = ("n", json!(0)),
    max_tokens_is_zero = ("max_tokens", json!(0)),
    max_tokens_is_negative = ("max_tokens", json!(-5)),
    too_many_top_logprobs = ("top_logprobs", json!(1000)),
    stream_is_a_number = ("stream", json!(7)),
    messages_are_no_list = ("messages", json!("hello")),
    messages_are_empty = ("messages", json!([])),
    model_is_not_served = ("model", json!("no-such-model")),
)]
async fn wrong_parameters(
    #[case] param: &str,
    #[case] value: Value,
    chat: ChatClient,
) -> TestResult {
    let expected = if param == "model" {
        [404, 404]
    } else {
        [400, 422]
    };
    // Without `logprobs`, `top_logprobs` would be wrong whatever its value.
    let refused = chat
        .user("hello")
        .extra("logprobs", param == "top_logprobs")
        .extra(param, value)
        .expect_status(expected)
        .send()
        .await?;
    assert_eq!(
        refused.error.param.as_deref(),
        Some(param),
        "{:?}",
        refused.error.message
    );
    // The server goes on.
    chat.user("hello")
        .max_tokens(2)
        .temperature(0.0)
        .send()
        .await?;
    Ok(())
}

/// A body that is no request gets an error object, not a broken connection.
#[tribunal::test]
#[timeout("30s")]
#[cases(
    cut_off = br#"{"model": "embedded", "messages": [{"ro"#,
    no_json = b"hello",
    a_list = b"[1, 2]",
    empty = b"",
    not_utf8 = b"\xff{"
)]
async fn broken_bodies(#[case] body: &[u8], server: &Server) -> TestResult {
    let client = Client::new(server.base_url())?;
    // The body goes out as it is: no builder could write it.
    let answer = client
        .post_bytes("/v1/chat/completions", "application/json", body.to_vec())
        .await?;
    assert_eq!(answer.status, 400, "{}", body.escape_ascii());
    let error = answer.api_error();
    assert!(error.message.is_some_and(|m| !m.is_empty()));
    assert_eq!(client.health().await?.status, 200);
    Ok(())
}
