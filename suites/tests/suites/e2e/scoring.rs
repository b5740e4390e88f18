//! Log-probabilities held against themselves: whatever draws the text, a token is as likely as it is.

use std::collections::BTreeMap;

use tribunal::client::CompletionAnswer;
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

/// How far 32-bit arithmetic may be off.
const NEAR: f64 = 1e-3;

/// The log-probabilities of the tokens of the first choice, as far as there are some.
fn logprobs(answer: &CompletionAnswer) -> Result<Vec<Option<f64>>, Error> {
    let listed = answer.choices.first().and_then(|c| c.logprobs.as_ref());
    let listed = listed.ok_or_else(|| Error::msg("no logprobs"))?;
    Ok(listed.token_logprobs.clone())
}

/// A text that was drawn, given back as a prompt, is as likely as when it was drawn.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["completions", "echo", "logprob_lists"])]
async fn as_drawn(chat: ChatClient) -> TestResult {
    let prompt = "The river is ";
    let request = chat.completion(prompt).max_tokens(12).temperature(0.0);
    let drawn = request.logprobs(1).send().await?;
    let whole = format!("{prompt}{}", drawn.text());
    let request = chat.completion(whole).max_tokens(0).echo().logprobs(1);
    let scored = logprobs(&request.send().await?)?;
    // The token that ended the answer is no part of the text.
    let ended = usize::from(drawn.finish_reason() == Some("stop"));
    let mut drawn = logprobs(&drawn)?;
    drawn.truncate(drawn.len() - ended.min(drawn.len()));
    let tail = &scored[scored.len() - drawn.len().min(scored.len())..];
    assert!(
        drawn.len() > 1 && tail.len() == drawn.len(),
        "{drawn:?} {scored:?}"
    );
    for (at, (drawn, scored)) in drawn.iter().zip(tail).enumerate() {
        let (Some(drawn), Some(scored)) = (drawn, scored) else {
            fail!("token {at} has no log-probability");
        };
        assert!(
            (drawn - scored).abs() < NEAR,
            "token {at} was drawn with {drawn} and is scored {scored}"
        );
    }
    Ok(())
}

/// The temperature changes what is drawn, not how likely it was.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "logprobs")]
async fn before_temperature(chat: ChatClient) -> TestResult {
    let mut lists = vec![];
    for temperature in [0.0, 0.5, 1.5] {
        let request = chat
            .user("What does the river bring?")
            .max_tokens(1)
            .logprobs(5);
        let answer = request.temperature(temperature).seed(3).send().await?;
        let content = answer.choices[0]
            .logprobs
            .as_ref()
            .and_then(|l| l.content.as_ref());
        let first = content.and_then(|content| content.first());
        let first = first.ok_or_else(|| Error::msg("no logprobs"))?;
        let list = first.top_logprobs.iter();
        let list: BTreeMap<String, f64> = list
            .filter_map(|top| Some((top.token.clone(), top.logprob?)))
            .collect();
        lists.push(list);
    }
    // By their names: some servers put the token that was drawn first, and one that is none of the likeliest in the place of the last of them.
    for list in &lists[1..] {
        let shared = list
            .iter()
            .filter_map(|(token, p)| Some((p, lists[0].get(token)?)));
        let shared: Vec<_> = shared.collect();
        let near = shared.iter().all(|(a, b)| (*a - *b).abs() < NEAR);
        assert!(
            near && shared.len() + 1 >= list.len() && shared.len() > 1,
            "{lists:?}"
        );
    }
    Ok(())
}

/// All tokens together are certain: the probabilities of the whole vocabulary sum to one.
#[tribunal::test]
#[timeout("2m")]
#[e2e]
async fn sum_to_one() -> TestResult {
    let server = tribunal::embedded()?
        .args(["--max-logprobs", "65536"])
        .start()
        .await?;
    let client = Client::new(server.base_url())?;
    let models: serde_json::Value = client.get("/v1/models").await?.success()?.json()?;
    let size = models["data"][0]["vocab_size"].as_u64();
    let model = client.model(server.model().unwrap_or_default());
    let request = model
        .user("Who is there?")
        .max_tokens(3)
        .temperature(1.0)
        .seed(2);
    let answer = request.logprobs(size.unwrap_or_default()).send().await?;
    server.stop().await?;
    let content = answer.choices[0]
        .logprobs
        .as_ref()
        .and_then(|l| l.content.clone());
    let tokens = content.unwrap_or_default();
    assert!(!tokens.is_empty() && size > Some(100), "{size:?}");
    for token in tokens {
        let sum: f64 = token
            .top_logprobs
            .iter()
            .filter_map(|top| top.logprob)
            .map(f64::exp)
            .sum();
        assert!((sum - 1.0).abs() < NEAR, "{sum} at {:?}", token.token);
    }
    Ok(())
}
