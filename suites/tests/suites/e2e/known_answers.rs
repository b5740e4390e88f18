//! Answers that are known: an engine that serves the project's bigram model must say exactly these texts, with these probabilities.
//!
//! This is the check that a real engine computes right, and not only answers in the right form. What is true is what the writer of the model knows; the
//! deployment says under which name the model is served (`known_model`).

use std::collections::{BTreeMap, BTreeSet};

use tribunal::client::{ChatRequest, CompletionRequest, TokenLogprob};
use tribunal::offers;
use tribunal::prelude::*;
use tribunal::serving::{Offers, Truth};
use tribunal_gguf::{Bigram, END, Model, Token, chat_prompt};

tribunal::markers!(core_model, advanced_model, parallel);

const QUESTION: &str = "What leaves the harbour at seven?";
/// More than the model has tokens: engines differ in the number that means all of them.
const MANY: u64 = 1000;
/// How far a log-probability may lie from the truth: engines compute with 32 bits.
const NEAR: f64 = 1e-3;

/// The table of the model that is served.
#[tribunal::fixture(scope = session)]
fn truth(offers: &Offers) -> Result<Bigram, Error> {
    let Some(known) = &offers.known_model else {
        skip!("the deployment names no `known_model`");
    };
    let path = match &known.truth {
        Truth::Bigram { seed } => return Ok(Bigram::new(*seed)),
        Truth::File(path) => path,
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::msg(format!("{} cannot be read: {e}", path.display())))?;
    let file: serde_json::Value = serde_json::from_str(&text)?;
    let (model, seed) = (file["model"].as_str(), file["seed"].as_u64());
    let (Some(Model::Bigram), Some(seed)) = (model.and_then(Model::named), seed) else {
        skip!(
            "{} is the truth of {}; only that of the bigram model is compared here",
            path.display(),
            model.unwrap_or("a model without a name")
        );
    };
    let truth = Bigram::new(seed);
    let right = truth.truth().to_string();
    if text.trim_end() != right {
        fail!(
            "{} is not what this version knows of the bigram model {seed}; write model and truth again (fixtures/real/install)",
            path.display()
        );
    }
    Ok(truth)
}

/// A client of the model whose answers are known, which need not be the first that the server lists.
#[tribunal::fixture]
fn known(chat: ChatClient, offers: &Offers) -> Result<ModelClient, Error> {
    match &offers.known_model {
        Some(known) => Ok(chat.with_model(&known.name)),
        None => skip!("the deployment names no `known_model`"),
    }
}

/// At temperature zero an answer is the likeliest way through the table, and tokens are counted as the tokenizer cuts them.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "known_model")]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn greedy_chats(
    #[case] streamed: bool,
    #[values(3, 64)] max_tokens: u64,
    known: ModelClient,
    truth: &Bigram,
) -> TestResult {
    let request = known.user(QUESTION).max_tokens(max_tokens).temperature(0.0);
    let answer = if streamed {
        request.stream().include_usage().send().await?
    } else {
        request.send().await?
    };
    let messages = [("user", QUESTION)];
    let right = truth.greedy_chat(&messages, max_tokens as usize);
    assert_eq!(answer.text(), right.text);
    let reason = if right.ended { "stop" } else { "length" };
    assert_eq!(answer.finish_reason(), Some(reason));
    let prompt = truth.tokenizer().encode(&chat_prompt(&messages));
    let usage = answer.usage()?;
    assert_eq!(usage.prompt_tokens, prompt.len() as u64);
    assert_eq!(usage.completion_tokens, right.logprobs.len() as u64);
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
async fn greedy_completions(
    #[case] prompt: &str,
    known: ModelClient,
    truth: &Bigram,
) -> TestResult {
    let request = known.completion(prompt).max_tokens(64).temperature(0.0);
    let answer = request.send().await?;
    let right = truth.greedy(prompt, 64);
    assert_eq!(answer.text(), right.text);
    assert_eq!(answer.finish_reason(), Some("stop"));
    let tokens = truth.tokenizer().encode(prompt);
    assert_eq!(answer.usage()?.prompt_tokens, tokens.len() as u64);
    Ok(())
}

/// Log-probabilities are those of the table, of the token that was drawn and of the likeliest ones, whatever the temperature it was drawn with.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["known_model", "logprobs"])]
#[cases(plain = false, #[requires(capability = ["streaming", "usage_in_stream"])] streamed = true)]
async fn logprobs(
    #[case] streamed: bool,
    #[values(1, 2)] seed: i64,
    #[values(0.6, 1.0, 1.4)] temperature: f64,
    known: ModelClient,
    truth: &Bigram,
) -> TestResult {
    let request = known.user(QUESTION).max_tokens(40).seed(seed).logprobs(5);
    let request = whole(request.temperature(temperature));
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

/// The list of the likeliest tokens is the beginning of the row. The token that was drawn may stand before the others, however likely it is, as vLLM has it.
fn likeliest(truth: &Bigram, last: Token, token: &TokenLogprob) -> TestResult {
    let listed = &token.top_logprobs;
    let drawn_first =
        listed.len() > 1 && listed[0].token == token.token && listed[0].logprob < listed[1].logprob;
    let drawn = number(truth, &token.token)?;
    let others = truth.next(last).iter();
    let mut row = others.filter(|(next, _)| !drawn_first || *next != drawn);
    for (at, top) in listed.iter().enumerate() {
        if at > 0 || !drawn_first {
            let expected = row.next().map_or(truth.floor(), |(_, p)| *p).ln();
            near(top.logprob, expected, &top.token)?;
        }
        // Tokens of one probability may come in any order: what counts is that this one has it. Both marks are listed without a text, so that one tells nothing.
        if !top.token.is_empty() {
            let own = truth.logprob(last, number(truth, &top.token)?);
            near(top.logprob, own, &top.token)?;
        }
    }
    Ok(())
}

/// Drawn often enough, first words come as often as the table says; with a temperature, as often as its powers say.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["known_model", "completions", "seed"])]
async fn samples(
    #[values(0.5, 1.0, 1.2)] temperature: f64,
    known: ModelClient,
    truth: &Bigram,
) -> TestResult {
    const DRAWS: usize = 400;
    let prompt = "And then?\n";
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..DRAWS as i64 {
        let request = known.completion(prompt).max_tokens(1).seed(seed);
        let answer = everything(request.temperature(temperature)).send().await?;
        *counts.entry(answer.text().to_owned()).or_default() += 1;
    }
    let row = truth.next(last_of(truth, prompt)?);
    // What the table does not list stays improbable at these temperatures: at 1.2 it is drawn about once in 25,000 times.
    let powers = |p: f64| p.powf(1.0 / temperature);
    let sum: f64 = row.iter().map(|(_, p)| powers(*p)).sum();
    let mut distance = 0.0;
    for &(token, probability) in row {
        let drawn = counts
            .remove(&truth.tokenizer().decode(&[token]))
            .unwrap_or(0);
        let expected = powers(probability) / sum * DRAWS as f64;
        distance += (drawn as f64 - expected).powi(2) / expected;
    }
    assert!(counts.is_empty(), "what the table has not: {counts:?}");
    // Chi-squared with one degree less than there are words: its mean plus six deviations is not reached by chance, and half the words missing exceeds it.
    let degrees = row.len() as f64 - 1.0;
    let limit = degrees + 6.0 * (2.0 * degrees).sqrt();
    assert!(distance < limit, "{distance:.1} of at most {limit:.1}");
    Ok(())
}

/// The same seed draws the same text, and other seeds draw others.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["known_model", "seed"])]
async fn seeds(known: ModelClient) -> TestResult {
    let mut texts = BTreeSet::new();
    for seed in 0..6 {
        let ask = || {
            whole(
                known
                    .user(QUESTION)
                    .max_tokens(40)
                    .seed(seed)
                    .temperature(1.0),
            )
        };
        let (one, other) = (ask().send().await?, ask().send().await?);
        assert_eq!(one.text(), other.text(), "seed {seed}");
        texts.insert(one.text().to_owned());
    }
    assert!(texts.len() > 1, "six seeds, one text: {texts:?}");
    Ok(())
}

/// A greedy text ends before a stop string that occurs in it, and goes on past one that does not.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "known_model")]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn stops(#[case] streamed: bool, known: ModelClient, truth: &Bigram) -> TestResult {
    let right = truth.greedy_chat(&[("user", QUESTION)], 64);
    let tokens = &right.tokens;
    assert!(tokens.len() > 4, "{right:?}");
    // Two characters on both sides of a border of tokens, so that the stop string is seen in no token alone.
    let border = truth.tokenizer().decode(&tokens[..tokens.len() / 2]).len();
    let stop = &right.text[border - 2..border + 2];
    let ask = |stop: &str| {
        let request = known
            .user(QUESTION)
            .max_tokens(64)
            .temperature(0.0)
            .stop([stop]);
        if streamed { request.stream() } else { request }
    };
    let stopped = ask(stop).send().await?;
    let at = right.text.find(stop).unwrap_or_default();
    assert_eq!(stopped.text(), &right.text[..at], "stopped at {stop:?}");
    assert_eq!(stopped.finish_reason(), Some("stop"));
    assert_eq!(ask("no such words").send().await?.text(), right.text);
    Ok(())
}

/// The embedding of a text is the mean of one-hot rows: how often each token occurs, brought to length one.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["known_model", "embeddings"])]
async fn embeddings(known: ModelClient, truth: &Bigram) -> TestResult {
    let text = "the wall and the tide and the wall";
    let answer = known.embeddings(text).send().await?;
    let vector = answer.vectors()?.into_iter().next().unwrap_or_default();
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for token in truth.tokenizer().encode(text) {
        *counts.entry(token as usize).or_default() += 1.0;
    }
    let length = counts.values().map(|n| n * n).sum::<f64>().sqrt();
    assert!(vector.len() >= truth.tokenizer().size());
    for (at, found) in vector.iter().enumerate() {
        let expected = counts.get(&at).copied().unwrap_or(0.0) / length;
        near(Some(*found), expected, &format!("component {at}"))?;
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
