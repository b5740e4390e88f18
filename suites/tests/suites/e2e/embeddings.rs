//! Embeddings: their number, their length, and that like texts lie near each other.

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

fn nearness(one: &[f64], other: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

/// A vector for each text, all of one length.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "embeddings")]
async fn one_for_each_text(api: ModelClient) -> TestResult {
    let texts = vec!["the river", "the sea", "a ship on the sea"];
    let vectors = api.embeddings(texts).send().await?.vectors()?;
    assert_eq!(vectors.len(), 3);
    Ok(())
}

/// A text has the vector that it has in any other request, beside a shorter text and a longer one.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["embeddings", "embedding_lists"])]
async fn alone_and_together(api: ModelClient) -> TestResult {
    let alone = api.embeddings("the river runs slow").send().await?;
    let texts = vec![
        "the sea",
        "the river runs slow",
        "a ship on the sea in the morning",
    ];
    let together = api.embeddings(texts).send().await?.vectors()?;
    let nearness = nearness(&alone.vectors()?[0], &together[1]);
    assert!(
        nearness > 0.999,
        "another vector in another request: {nearness}"
    );
    Ok(())
}

/// Base64 says the same numbers.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["embeddings", "embedding_lists"])]
async fn as_base64(api: ModelClient) -> TestResult {
    let numbers = api
        .embeddings("the keeper writes")
        .send()
        .await?
        .vectors()?;
    let request = api.embeddings("the keeper writes").base64();
    request.expect_same_vectors(numbers).send().await?;
    Ok(())
}

/// A text is nearer to one that shares its words than to one that shares none.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = ["embeddings", "embedding_lists"])]
async fn like_texts_are_near(api: ModelClient) -> TestResult {
    let mut v = vec![];
    for text in ["the river runs", "the river runs slow", "1 + 1 = 2"] {
        v.extend(api.embeddings(text).send().await?.vectors()?);
    }
    let (near, far) = (nearness(&v[0], &v[1]), nearness(&v[0], &v[2]));
    assert!(near > far, "{near} and {far}");
    Ok(())
}
