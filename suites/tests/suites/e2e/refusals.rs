//! What a server must refuse, and how: a status of the 4xx range, an error object that says why, and good health afterwards. Whether it also looks at ranges, at the
//! name of the model, and names the parameter, engines differ: those cases ask for the capability.

use serde_json::{Value, json};
use tribunal::client::{ApiError, Client};
use tribunal::prelude::*;

/// A value of the wrong type is refused, one out of range by a server that looks, and a model that is not served is not found.
#[tribunal::test]
#[timeout("30s")]
#[cases(
    temperature_is_text = ("temperature", json!("hot")),
    n_is_zero = ("n", json!(0)),
    max_tokens_is_negative = ("max_tokens", json!(-5)),
    stream_is_a_number = ("stream", json!(7)),
    messages_are_no_list = ("messages", json!("hello")),
    #[requires(capability = "strict_validation")]
    temperature_below_zero = ("temperature", json!(-1)),
    #[requires(capability = "strict_validation")]
    top_p_above_one = ("top_p", json!(1.5)),
    #[requires(capability = "strict_validation")]
    max_tokens_is_zero = ("max_tokens", json!(0)),
    #[requires(capability = "strict_validation")]
    too_many_top_logprobs = ("top_logprobs", json!(1000)),
    #[requires(capability = "strict_validation")]
    messages_are_empty = ("messages", json!([])),
    #[requires(capability = "model_names")]
    model_is_not_served = ("model", json!("no-such-model")),
)]
async fn wrong_parameters(
    #[case] param: &str,
    #[case] value: Value,
    chat: ChatClient,
) -> TestResult {
    let message = refusal(&chat, param, value).await?.message;
    assert!(message.is_some_and(|m| !m.is_empty()));
    // The server goes on.
    chat.user("hello")
        .max_tokens(2)
        .temperature(0.0)
        .send()
        .await?;
    Ok(())
}

/// The error says which parameter is wrong, in the field that is there for it.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "error_params")]
#[cases(
    temperature_is_text = ("temperature", json!("hot")),
    n_is_zero = ("n", json!(0)),
    max_tokens_is_negative = ("max_tokens", json!(-5)),
    stream_is_a_number = ("stream", json!(7)),
    messages_are_no_list = ("messages", json!("hello")),
    #[requires(capability = "strict_validation")]
    temperature_below_zero = ("temperature", json!(-1)),
    #[requires(capability = "strict_validation")]
    top_p_above_one = ("top_p", json!(1.5)),
    #[requires(capability = "strict_validation")]
    max_tokens_is_zero = ("max_tokens", json!(0)),
    #[requires(capability = "strict_validation")]
    too_many_top_logprobs = ("top_logprobs", json!(1000)),
    #[requires(capability = "strict_validation")]
    messages_are_empty = ("messages", json!([])),
    #[requires(capability = "model_names")]
    model_is_not_served = ("model", json!("no-such-model")),
)]
async fn wrong_parameters_are_named(
    #[case] param: &str,
    #[case] value: Value,
    chat: ChatClient,
) -> TestResult {
    let error = refusal(&chat, param, value).await?;
    assert_eq!(error.param.as_deref(), Some(param), "{:?}", error.message);
    Ok(())
}

/// The error of a request with this value for this parameter.
async fn refusal(chat: &ChatClient, param: &str, value: Value) -> Result<ApiError, Error> {
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
    Ok(refused.error)
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
