//! Chat completions. Every answer is judged by the `chat` client before a test sees it: its format, its finish reason, its stream.
//!
//! What not every engine promises asks for the capability by name, so that it is gated where a deployment does not declare it.

use tribunal::client::{ChatAnswer, ChatRequest, ClientError, TokenLogprob};
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

const QUESTION: &str = "What does the river bring in spring?";

/// Sends a request plainly or as a stream with usage: what comes back has the same shape.
async fn send(request: ChatRequest, streamed: bool) -> Result<ChatAnswer, ClientError> {
    if streamed {
        request.stream().include_usage().send().await
    } else {
        request.send().await
    }
}

/// The tokens of the first choice with their log-probabilities.
fn tokens(answer: &ChatAnswer) -> Result<&[TokenLogprob], Error> {
    let content = answer
        .choices
        .first()
        .and_then(|c| c.logprobs.as_ref())
        .and_then(|l| l.content.as_deref());
    content.ok_or_else(|| Error::msg("the first choice has no logprobs"))
}

/// The log-probability, or an error: a server that says none has not answered.
fn known(logprob: Option<f64>) -> Result<f64, Error> {
    logprob.ok_or_else(|| Error::msg("a token without log-probability"))
}

/// An answer has text, stays within its limit, and counts its tokens.
#[tribunal::test]
#[timeout("30s")]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn answers(
    #[case] streamed: bool,
    #[values(1, 16, 64)] max_tokens: u64,
    chat: ChatClient,
) -> TestResult {
    let answer = send(chat.user(QUESTION).max_tokens(max_tokens), streamed).await?;
    let usage = answer.usage()?;
    assert!(!answer.text().is_empty());
    assert!(
        (1..=max_tokens).contains(&usage.completion_tokens),
        "{} tokens, at most {max_tokens} were asked for",
        usage.completion_tokens
    );
    assert_eq!(
        usage.total_tokens,
        usage.prompt_tokens + usage.completion_tokens
    );
    match answer.finish_reason() {
        Some("length") => assert_eq!(usage.completion_tokens, max_tokens),
        reason => {
            assert_eq!(reason, Some("stop"));
            assert!(max_tokens > 1, "one token of text, and none for an end");
        }
    }
    Ok(())
}

/// A stream says what a plain answer says, in more than one piece.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["streaming", "seed"])]
async fn streams_say_the_same(#[values(3, 4, 5)] seed: i64, chat: ChatClient) -> TestResult {
    let request = chat
        .user(QUESTION)
        .max_tokens(24)
        .temperature(1.0)
        .seed(seed);
    let plain = request.clone().send().await?;
    let stream = request.stream().include_usage().send().await?;
    assert_eq!(stream.text(), plain.text());
    assert_eq!(stream.finish_reason(), plain.finish_reason());
    // A short answer may well come in one piece: its end is a token too.
    assert!(
        stream.token_times().count() > 1 || stream.usage()?.completion_tokens <= 2,
        "one piece is no stream"
    );
    Ok(())
}

/// The same seed gives the same text; other seeds give others.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "seed")]
async fn seeds_reproduce(#[values(0.7, 1.0)] temperature: f64, chat: ChatClient) -> TestResult {
    let ask = |seed| {
        chat.user(QUESTION)
            .max_tokens(24)
            .temperature(temperature)
            .seed(seed)
            .send()
    };
    let first = ask(7).await?.text().to_owned();
    assert_eq!(ask(7).await?.text(), first);
    let mut others = vec![];
    for seed in 8..12 {
        others.push(ask(seed).await?.text().to_owned());
    }
    assert!(
        others.iter().any(|text| *text != first),
        "five seeds, one text: the seed is not used"
    );
    Ok(())
}

/// At temperature zero the likeliest token is taken every time, whatever the seed.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "logprobs")]
async fn greedy_is_greedy(chat: ChatClient) -> TestResult {
    let ask = |seed| {
        chat.user(QUESTION)
            .max_tokens(16)
            .temperature(0.0)
            .seed(seed)
            .logprobs(3)
            .send()
    };
    let first = ask(1).await?;
    assert_eq!(ask(2).await?.text(), first.text());
    for token in tokens(&first)? {
        let best = token
            .top_logprobs
            .iter()
            .filter_map(|t| t.logprob)
            .fold(f64::NEG_INFINITY, f64::max);
        assert!(
            known(token.logprob)? >= best - 1e-9,
            "`{}` was taken, though another token was likelier",
            token.token
        );
    }
    Ok(())
}

/// A stop string ends the answer and is not part of it, also where it spans several tokens.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "seed")]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn stop_ends_the_answer(
    #[case] streamed: bool,
    #[values(4, 9)] length: usize,
    chat: ChatClient,
) -> TestResult {
    let request = chat.user(QUESTION).max_tokens(48).temperature(1.0).seed(5);
    let whole = request.clone().send().await?.text().to_owned();
    let start = whole
        .char_indices()
        .nth(whole.chars().count() / 3)
        .map_or(0, |(i, _)| i);
    let stop: String = whole[start..].chars().take(length).collect();
    let cut = send(request.stop([stop.clone()]), streamed).await?;
    let expected = whole.find(&stop).map_or("", |at| &whole[..at]);
    assert_eq!(cut.text(), expected, "stop {stop:?}");
    assert_eq!(cut.finish_reason(), Some("stop"));
    Ok(())
}

/// A stream of several choices counts the tokens of all of them, once, when the last has ended.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["several_choices", "usage_of_choices", "seed"])]
async fn several_choices_are_counted_together(chat: ChatClient) -> TestResult {
    let request = chat
        .user(QUESTION)
        .n(3)
        .max_tokens(16)
        .temperature(1.0)
        .seed(3);
    let plain = send(request.clone(), false).await?.usage()?;
    let stream = send(request, true).await?.usage()?;
    assert_eq!(stream.completion_tokens, plain.completion_tokens);
    assert_eq!(stream.prompt_tokens, plain.prompt_tokens);
    Ok(())
}

/// Log-probabilities are those of a distribution: none above zero, the top list in order, its sum at most one.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "logprobs")]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn logprobs_are_probabilities(
    #[case] streamed: bool,
    #[values(1, 5)] top: u64,
    chat: ChatClient,
) -> TestResult {
    let answer = send(
        chat.user(QUESTION)
            .max_tokens(12)
            .temperature(1.0)
            .seed(4)
            .logprobs(top),
        streamed,
    )
    .await?;
    let tokens = tokens(&answer)?;
    // Every engine counts the token that ends an answer by itself; not every one lists it.
    let ended = u64::from(answer.finish_reason() == Some("stop"));
    let drawn = answer.usage()?.completion_tokens;
    assert!(
        (drawn - ended..=drawn).contains(&(tokens.len() as u64)),
        "{} tokens are listed, {drawn} are counted",
        tokens.len()
    );
    for token in tokens {
        assert!(known(token.logprob)? <= 0.0);
        assert_eq!(token.top_logprobs.len() as u64, top);
        let list = token
            .top_logprobs
            .iter()
            .map(|t| known(t.logprob))
            .collect::<Result<Vec<f64>, Error>>()?;
        let sorted = |list: &[f64]| list.windows(2).all(|w| w[0] >= w[1]);
        // Some servers put the token that was drawn first, and the others in order after it.
        let drawn_first = token
            .top_logprobs
            .first()
            .is_some_and(|first| first.token == token.token);
        assert!(
            sorted(&list) || drawn_first && sorted(&list[1..]),
            "the top list is out of order: {list:?}"
        );
        let sum: f64 = list.iter().map(|p| p.exp()).sum();
        assert!(sum <= 1.0 + 1e-6, "the top {top} have probability {sum}");
    }
    let text: String = tokens.iter().map(|t| t.token.as_str()).collect();
    assert!(
        text.starts_with(answer.text()),
        "tokens {text:?}, text {:?}",
        answer.text()
    );
    Ok(())
}

/// What was said before is part of the prompt, and is counted.
#[tribunal::test]
#[timeout("30s")]
async fn conversations_grow(chat: ChatClient) -> TestResult {
    let [short, long] = conversations(&chat).map(|request| request.max_tokens(4));
    let [short, long] = [short.send().await?.usage()?, long.send().await?.usage()?];
    assert!(long.prompt_tokens > short.prompt_tokens);
    Ok(())
}

/// What was said before is read: the answer begins with other probabilities. (A model without a memory may not show it.)
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["context", "logprobs"])]
async fn conversations_are_read(chat: ChatClient) -> TestResult {
    let mut firsts = vec![];
    for request in conversations(&chat) {
        let answer = request.max_tokens(4).temperature(0.0).logprobs(1).send();
        let answer = answer.await?;
        firsts.push(known(tokens(&answer)?.first().and_then(|t| t.logprob))?);
    }
    assert_ne!(firsts[0], firsts[1], "the conversation was not read");
    Ok(())
}

/// A question alone, and the same after a conversation.
fn conversations(chat: &ChatClient) -> [ChatRequest; 2] {
    let long = chat
        .system("Answer in one sentence.")
        .user("Who are you?")
        .assistant("A river.");
    [chat.user(QUESTION), long.user(QUESTION)]
}

/// Requests side by side are answered as each would be alone.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "seed")]
async fn several_at_once(#[values(8, 32)] clients: usize, chat: ChatClient) -> TestResult {
    // Long enough that they meet.
    let request = chat.user(QUESTION).max_tokens(96).temperature(1.0).seed(4);
    let alone = request.clone().send().await?.text().to_owned();
    for answer in request.send_many(clients).await.all()? {
        assert_eq!(answer.text(), alone);
    }
    Ok(())
}
