//! What a client that goes away leaves behind.

use std::time::Duration;

use tribunal::prelude::*;

/// A client that goes away in the middle of a stream frees its slot: what comes after it is answered.
#[tribunal::test]
#[timeout("30s")]
async fn aborted_streams_free_their_slots(chat: ChatClient) -> TestResult {
    for _ in 0..16 {
        let endless = chat
            .user("Tell me everything.")
            .max_tokens(400)
            .stream()
            .send();
        // The request is dropped in flight.
        let _ = tokio::time::timeout(Duration::from_millis(5), endless).await;
    }
    let answer = chat
        .user("Are you there?")
        .max_tokens(4)
        .temperature(0.0)
        .send()
        .await?;
    assert!(!answer.text().is_empty());
    Ok(())
}
