//! Text completions. Few engines offer all of this route, so that most cases ask for a capability.

use tribunal::client::{ClientError, CompletionAnswer, CompletionRequest};
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

async fn send(request: CompletionRequest, streamed: bool) -> Result<CompletionAnswer, ClientError> {
    if streamed {
        request.stream().include_usage().send().await
    } else {
        request.send().await
    }
}

/// `echo` puts the prompt in front of the answer.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["completions", "echo"])]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn echo_repeats_the_prompt(#[case] streamed: bool, chat: ChatClient) -> TestResult {
    let prompt = "The river is ";
    let plain = chat
        .completion(prompt)
        .max_tokens(8)
        .temperature(0.0)
        .send()
        .await?;
    let echoed = send(
        chat.completion(prompt)
            .max_tokens(8)
            .temperature(0.0)
            .echo(),
        streamed,
    )
    .await?;
    assert_eq!(echoed.text(), format!("{prompt}{}", plain.text()));
    Ok(())
}

/// Log-probabilities come in the form of this route: four lists of one length, offsets that find each token in the text.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["completions", "logprob_lists"])]
async fn logprobs_in_lists(chat: ChatClient) -> TestResult {
    let answer = chat
        .completion("The ")
        .max_tokens(8)
        .temperature(0.0)
        .logprobs(2)
        .send()
        .await?;
    let l = answer.choices[0]
        .logprobs
        .as_ref()
        .ok_or_else(|| Error::msg("no logprobs"))?;
    assert_eq!(l.tokens.len() as u64, answer.usage()?.completion_tokens);
    let tops = l
        .top_logprobs
        .as_ref()
        .ok_or_else(|| Error::msg("no lists of the likeliest tokens"))?;
    let lengths = [l.token_logprobs.len(), tops.len(), l.text_offset.len()];
    assert_eq!(lengths, [l.tokens.len(); 3]);
    assert!(
        l.token_logprobs.iter().all(|p| p.is_some_and(|p| p <= 0.0)),
        "{:?}",
        l.token_logprobs
    );
    assert!(l.tokens.concat().starts_with(answer.text()));
    // Some servers count from the beginning of the prompt.
    let mut expected = l.text_offset.first().copied().unwrap_or(0);
    for (at, token) in l.tokens.iter().enumerate() {
        assert_eq!(l.text_offset[at], expected, "the offset of token {at}");
        expected += token.chars().count() as u64;
        let listed = tops[at].as_ref().and_then(|top| top.get(token)?.as_f64());
        assert_eq!(listed, l.token_logprobs[at], "{token:?} in its own list");
    }
    Ok(())
}
