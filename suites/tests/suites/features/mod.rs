//! Features of a model, tested together in the fewest cases that have them all. What there is to test stands in `[matrix]` of the deployment.

use tribunal::prelude::*;

tribunal::markers!(full_model, parallel);

const QUESTION: &str = "What does the miller count in the evening?";

/// With any of its features a model says something, and the same again.
#[tribunal::test]
#[timeout("60s")]
#[features(cache, parallelism, offload, quantization, scheduling)]
async fn answers(chat: ChatClient) -> TestResult {
    let ask = || chat.user(QUESTION).max_tokens(32).temperature(0.0).send();
    let (first, again) = (ask().await?, ask().await?);
    assert!(!first.text().is_empty());
    assert_eq!(first.text(), again.text());
    Ok(())
}
