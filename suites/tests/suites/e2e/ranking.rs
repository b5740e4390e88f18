//! Rerank, score and classify.

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

const DOCUMENTS: [&str; 3] = [
    "a ship on the sea",
    "the river in early spring",
    "the keeper writes",
];

/// The document that shares the question's words comes first.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "rerank")]
async fn rerank(api: ModelClient) -> TestResult {
    let request = api.rerank("the river in spring", DOCUMENTS);
    request.expect_first(1).send().await?;
    Ok(())
}

/// No more documents than asked for.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "rerank")]
async fn the_best_two(api: ModelClient) -> TestResult {
    let answer = api
        .rerank("the river in spring", DOCUMENTS)
        .top_n(2)
        .send()
        .await?;
    assert_eq!(answer.results.len(), 2);
    Ok(())
}

/// A text is more like itself than like another.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "score")]
async fn score(api: ModelClient) -> TestResult {
    let answer = api
        .score("the river", ["the river", "a ship"])
        .send()
        .await?;
    let scores: Vec<f64> = answer.data.iter().filter_map(|score| score.score).collect();
    assert!(scores.len() == 2 && scores[0] > scores[1], "{scores:?}");
    Ok(())
}

/// Every text gets a label and probabilities that sum to one.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "classify")]
async fn classify(api: ModelClient) -> TestResult {
    let texts = vec!["a good and happy day", "a sad and bad night"];
    let answer = api.classify(texts).send().await?;
    assert_eq!(answer.data.len(), 2);
    Ok(())
}

/// Token numbers, and back.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "tokenize")]
async fn tokens_and_back(api: ModelClient) -> TestResult {
    let text = "The river brings snow.";
    let tokens = api
        .tokenize(text)
        .extra("add_special_tokens", false)
        .send()
        .await?;
    let back = api.detokenize(&tokens.tokens).send().await?;
    assert_eq!(back.text, text);
    Ok(())
}
