//! The Responses API.

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

/// A response has text and counts; a stream says the same in events.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "responses")]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn answers(#[case] streamed: bool, api: ModelClient) -> TestResult {
    let request = api
        .responses("What does the river bring?")
        .max_output_tokens(24);
    let request = if streamed { request.stream() } else { request };
    let answer = request.send().await?;
    assert!(!answer.text().is_empty());
    if streamed {
        assert_eq!(answer.streamed_text(), answer.text());
    }
    Ok(())
}

/// A later response goes on from an earlier one: its prompt is longer by what was said.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["responses", "context"])]
async fn goes_on(api: ModelClient) -> TestResult {
    let first = api
        .responses("Who are you?")
        .max_output_tokens(16)
        .send()
        .await?;
    let Some(id) = first.response.id.clone() else {
        fail!("a response without an id cannot be gone on from");
    };
    let ask = || api.responses("And then?").max_output_tokens(8);
    let alone = ask().send().await?.usage()?;
    let after = ask().previous_response(id).send().await?.usage()?;
    assert!(
        after.prompt_tokens > alone.prompt_tokens,
        "{after:?} after {alone:?}"
    );
    Ok(())
}
