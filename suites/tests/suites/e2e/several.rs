//! Several answers to one request: choices, and lists of prompts.
//!
//! Form alone is judged here: engines differ in whose tokens they count together, and the capability `usage_of_choices` is asked about in a test of its own.

use tribunal::prelude::*;

tribunal::markers!(core_model, parallel);

const QUESTION: &str = "What does the river bring in spring?";

/// `n` answers come back, each with its index, and not all the same.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "several_choices")]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn several_choices(
    #[case] streamed: bool,
    #[values(2, 4)] n: u64,
    chat: ChatClient,
) -> TestResult {
    let request = chat
        .user(QUESTION)
        .n(n)
        .max_tokens(16)
        .temperature(1.0)
        .seed(3);
    let request = if streamed { request.stream() } else { request };
    let answer = request.send().await?;
    let mut indexes: Vec<u64> = answer.choices.iter().filter_map(|c| c.index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..n).collect::<Vec<_>>());
    let first = answer.choices[0].text();
    assert!(
        answer.choices.iter().any(|c| c.text() != first),
        "{n} choices, one text"
    );
    Ok(())
}

/// A list of prompts gets one answer each, in order, as if each were asked alone.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["completions", "prompt_lists", "seed"])]
#[cases(
    plain = false,
    #[requires(capability = "streamed_prompt_lists")]
    streamed = true,
)]
async fn prompt_lists(#[case] streamed: bool, chat: ChatClient) -> TestResult {
    let prompts = ["The river ", "In the morning the ", "Nobody "];
    let ask = |prompt: &str| {
        chat.completion(prompt)
            .max_tokens(12)
            .temperature(1.0)
            .seed(21)
    };
    let request = chat.completion(prompts.to_vec()).max_tokens(12);
    let request = request.temperature(1.0).seed(21);
    let request = match streamed {
        true => request.stream().include_usage(),
        false => request,
    };
    let together = request.send().await?;
    assert_eq!(together.choices.len(), prompts.len());
    for (index, prompt) in prompts.iter().enumerate() {
        let alone = ask(prompt).send().await?;
        let choice = together
            .choices
            .iter()
            .find(|c| c.index == Some(index as u64))
            .ok_or_else(|| Error::msg(format!("no choice {index}")))?;
        assert_eq!(
            choice.text.as_deref(),
            Some(alone.text()),
            "prompt {prompt:?}"
        );
    }
    Ok(())
}
