//! The prefix cache: what was read before is counted, and forgotten where that is asked for.

use serde_json::json;
use tribunal::client::ChatRequest;
use tribunal::prelude::*;

// Clearing the cache is felt by whoever counts on it.
tribunal::markers!(core_model, advanced_model, serial("prefix cache"));

fn ask(chat: &ChatClient, topic: &str) -> ChatRequest {
    let prompt = format!(
        "{topic} {}",
        "The river runs past the old mill. ".repeat(12)
    );
    chat.user(prompt).max_tokens(4).temperature(0.0)
}

/// A prompt that comes for the second time was read before; after the cache is cleared, it was not.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "prefix_cache")]
async fn repeat_and_clear(chat: ChatClient) -> TestResult {
    let request = ask(&chat, "Of repeats:");
    let first = request.clone().send().await?;
    let again = request.clone().expect_cached_tokens(16).send().await?;
    assert_eq!(
        again.text(),
        first.text(),
        "a cached prompt is answered otherwise"
    );
    let client = chat.client();
    client
        .post_json("/reset_prefix_cache", &json!({}))
        .await?
        .success()?;
    request.expect_nothing_cached().send().await?;
    Ok(())
}

/// Prompts that only begin alike share their beginning.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "prefix_cache")]
async fn a_common_beginning(chat: ChatClient) -> TestResult {
    let long = "The keeper of the lighthouse writes every evening into his book. ".repeat(8);
    let ask = |end: &str| chat.user(format!("{long}{end}")).max_tokens(4);
    ask("What?").send().await?;
    ask("Why?").expect_cached_tokens(16).send().await?;
    Ok(())
}
