//! Streams: when their pieces come, and what is at their end.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

const QUESTION: &str = "What does the river bring in spring?";

/// The first token, every token after it and the end come in time.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["streaming", "usage_in_stream"])]
async fn in_time(chat: ChatClient) -> TestResult {
    let answer = chat
        .user(QUESTION)
        .max_tokens(32)
        .stream()
        .include_usage()
        .first_token_within(Duration::from_secs(20))
        .gap_below(Duration::from_secs(20))
        .within(Duration::from_secs(50))
        .send()
        .await?;
    tribunal::log!("first token after {:?}", answer.time_to_first_token());
    Ok(())
}

/// Pieces arrive in order, the first of them before the end.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "streaming")]
async fn pieces_have_times(chat: ChatClient) -> TestResult {
    let request = chat.user(QUESTION).max_tokens(48).ignore_eos();
    let answer = request.stream().send().await?;
    let times: Vec<Duration> = answer.token_times().collect();
    assert!(times.len() > 1, "one piece is no stream");
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.last() <= Some(&answer.elapsed()));
    Ok(())
}

/// A completion streams as a chat does.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["completions", "streaming"])]
async fn completions(chat: ChatClient) -> TestResult {
    let request = chat.completion("The river ").max_tokens(24);
    let answer = request.temperature(0.0).stream().send().await?;
    assert!(!answer.text().is_empty());
    Ok(())
}
