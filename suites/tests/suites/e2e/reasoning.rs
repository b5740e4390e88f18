//! Thoughts: apart from the answer where they are asked for, absent where they are not.

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

/// Thoughts come in a field of their own, and do not leak into the text.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "reasoning")]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn apart(#[case] streamed: bool, chat: ChatClient) -> TestResult {
    let request = chat.user("How many bridges are there?").max_tokens(200);
    let request = request.reasoning_effort("low").expect_reasoning(true);
    let request = if streamed { request.stream() } else { request };
    request.send().await?;
    Ok(())
}

/// Without them there are none.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "reasoning")]
async fn none(chat: ChatClient) -> TestResult {
    let request = chat.user("How many bridges are there?").max_tokens(100);
    request.expect_reasoning(false).send().await?;
    Ok(())
}
