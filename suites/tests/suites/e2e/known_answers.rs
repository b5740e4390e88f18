//! Answers that are known: an engine that serves the project's bigram model must say exactly these texts, with these probabilities.
//!
//! This is the check that a real engine computes right, and not only answers in the right form. It skips where another model is served.

use std::collections::BTreeMap;

use tribunal::client::{ChatRequest, Client, CompletionRequest, TokenLogprob};
use tribunal::prelude::*;
use tribunal_gguf::{Bigram, END, Model, Token, chat_prompt};

tribunal::markers!(core_model, advanced_model, parallel);

const QUESTION: &str = "What leaves the harbour at seven?";
/// More than the model has tokens: engines differ in the number that means all of them.
const MANY: u64 = 1000;
/// How far a log-probability may lie from the truth: engines compute with 32 bits.
const NEAR: f64 = 1e-3;

/// The table of the model that is served.
#[tribunal::fixture(scope = session)]
fn truth(server: &Server) -> Result<Bigram, Error> {
    let named = server.model().and_then(Model::named);
    if named != Some(Model::Bigram) {
        let model = server.model().unwrap_or("without a name");
        skip!("the answers of the model `{model}` are not known; those of `bigram` are");
    }
    Ok(Bigram::new(Model::SEED))
}

/// At temperature zero an answer is the likeliest way through the table, and tokens are counted as the tokenizer cuts them.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "known_model")]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn greedy_chats(
    #[case] streamed: bool,
    #[values(3, 64)] max_tokens: u64,
    chat: ChatClient,
    truth: &Bigram,
) -> TestResult {
    let request = chat.user(QUESTION).max_tokens(max_tokens).temperature(0.0);
    let answer = if streamed {
        request.stream().include_usage().send().await?
    } else {
        request.send().await?
    };
    let messages = [("user", QUESTION)];
    let known = truth.greedy_chat(&messages, max_tokens as usize);
    assert_eq!(answer.text(), known.text);
    let reason = if known.ended { "stop" } else { "length" };
    assert_eq!(answer.finish_reason(), Some(reason));
    let prompt = truth.tokenizer().encode(&chat_prompt(&messages));
    let usage = answer.usage()?;
    assert_eq!(usage.prompt_tokens, prompt.len() as u64);
    assert_eq!(usage.completion_tokens, known.logprobs.len() as u64);
    Ok(())
}

/// What a completion begins with depends on the last token of its prompt.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["known_model", "completions"])]
#[cases(
    a_space = "Once upon a time ",
    a_word = "We walked along the",
    a_question = "Who is there?",
    an_unknown_word = "Xylophon",
    not_ascii = "Ein Käfer",
    a_line = "One line.\n"
)]
async fn greedy_completions(#[case] prompt: &str, chat: ChatClient, truth: &Bigram) -> TestResult {
    let request = chat.completion(prompt).max_tokens(64).temperature(0.0);
    let answer = request.send().await?;
    let known = truth.greedy(prompt, 64);
    assert_eq!(answer.text(), known.text);
    assert_eq!(answer.finish_reason(), Some("stop"));
    let tokens = truth.tokenizer().encode(prompt);
    assert_eq!(answer.usage()?.prompt_tokens, tokens.len() as u64);
    Ok(())
}

/// Log-probabilities are those of the table, of the token that was drawn and of the likeliest ones.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["known_model", "logprobs"])]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn logprobs(
    #[case] streamed: bool,
    #[values(1, 2, 3)] seed: i64,
    chat: ChatClient,
    truth: &Bigram,
) -> TestResult {
    let request = chat.user(QUESTION).max_tokens(40).seed(seed).logprobs(5);
    let request = whole(request.temperature(1.0));
    let request = if streamed { request.stream() } else { request };
    let answer = request.send().await?;
    let listed = answer.choices.first().and_then(|c| c.logprobs.as_ref());
    let listed = listed.and_then(|l| l.content.as_deref());
    let listed = listed.ok_or_else(|| Error::msg("no logprobs"))?;
    assert!(listed.len() > 1, "{listed:?}");
    let mut last = last_of(truth, &chat_prompt(&[("user", QUESTION)]))?;
    for token in listed {
        let next = number(truth, &token.token)?;
        near(token.logprob, truth.logprob(last, next), &token.token)?;
        likeliest(truth, last, token)?;
        last = next;
    }
    Ok(())
}

/// The list of the likeliest tokens is the beginning of the row.
fn likeliest(truth: &Bigram, last: Token, token: &TokenLogprob) -> TestResult {
    let row = truth.next(last);
    for (at, top) in token.top_logprobs.iter().enumerate() {
        let expected = row.get(at).map_or(truth.floor(), |(_, p)| *p).ln();
        near(top.logprob, expected, &top.token)?;
        // Tokens of one probability may come in any order: what counts is that this one has it. Both marks are listed without a text, so that one tells nothing.
        if !top.token.is_empty() {
            let own = truth.logprob(last, number(truth, &top.token)?);
            near(top.logprob, own, &top.token)?;
        }
    }
    Ok(())
}

/// Drawn often enough, first words come as often as the table says.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["known_model", "completions", "seed"])]
async fn samples(chat: ChatClient, truth: &Bigram) -> TestResult {
    const DRAWS: usize = 400;
    let prompt = "And then?\n";
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..DRAWS as i64 {
        let request = chat.completion(prompt).max_tokens(1).seed(seed);
        let answer = everything(request.temperature(1.0)).send().await?;
        *counts.entry(answer.text().to_owned()).or_default() += 1;
    }
    let row = truth.next(last_of(truth, prompt)?);
    let mut distance = 0.0;
    for &(token, probability) in row {
        let drawn = counts
            .remove(&truth.tokenizer().decode(&[token]))
            .unwrap_or(0);
        let expected = probability * DRAWS as f64;
        distance += (drawn as f64 - expected).powi(2) / expected;
    }
    assert!(counts.is_empty(), "what the table has not: {counts:?}");
    // Chi-squared with one degree less than there are words: its mean plus six deviations is not reached by chance, and half the words missing exceeds it.
    let degrees = row.len() as f64 - 1.0;
    let limit = degrees + 6.0 * (2.0 * degrees).sqrt();
    assert!(distance < limit, "{distance:.1} of at most {limit:.1}");
    Ok(())
}

/// The embedding of a text is the mean of one-hot rows: how often each token occurs, brought to length one.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["known_model", "embeddings"])]
async fn embeddings(server: &Server, truth: &Bigram) -> TestResult {
    let text = "the wall and the tide and the wall";
    let body = serde_json::json!({"model": server.model(), "input": text});
    let client = Client::new(server.base_url())?;
    let answer = client.post_json("/v1/embeddings", &body).await?.success()?;
    let answer: serde_json::Value = answer.json()?;
    let vector = answer["data"][0]["embedding"].as_array();
    let vector = vector.ok_or_else(|| Error::msg("no embedding"))?;
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for token in truth.tokenizer().encode(text) {
        *counts.entry(token as usize).or_default() += 1.0;
    }
    let length = counts.values().map(|n| n * n).sum::<f64>().sqrt();
    assert!(vector.len() >= truth.tokenizer().size());
    for (at, found) in vector.iter().enumerate() {
        let expected = counts.get(&at).copied().unwrap_or(0.0) / length;
        near(found.as_f64(), expected, &format!("component {at}"))?;
    }
    Ok(())
}

/// Draws from the whole table: what engines leave out by default is left in.
fn whole(request: ChatRequest) -> ChatRequest {
    request.top_p(1.0).extra("top_k", MANY).extra("min_p", 0.0)
}

/// The same for a completion.
fn everything(request: CompletionRequest) -> CompletionRequest {
    request.top_p(1.0).extra("top_k", MANY).extra("min_p", 0.0)
}

fn last_of(truth: &Bigram, prompt: &str) -> Result<Token, Error> {
    let last = truth.tokenizer().encode(prompt).last().copied();
    last.ok_or_else(|| Error::msg("a prompt without tokens"))
}

/// The number of a token by its text. An engine draws no mark but the end, which has no text, or that of its mark.
fn number(truth: &Bigram, text: &str) -> Result<Token, Error> {
    match text {
        "" => Ok(END),
        text => truth
            .tokenizer()
            .token(text.as_bytes())
            .ok_or_else(|| Error::msg(format!("{text:?} is no token of the model"))),
    }
}

fn near(found: Option<f64>, expected: f64, what: &str) -> TestResult {
    match found {
        Some(found) if (found - expected).abs() < NEAR => Ok(()),
        Some(found) => fail!("{what:?}: {found} was found, {expected} is the truth"),
        None => fail!("{what:?}: nothing was said, {expected} is the truth"),
    }
}
