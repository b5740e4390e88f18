//! Speculative decoding: guessing ahead changes the pace, never the text.

use tribunal::prelude::*;

tribunal::markers!(advanced_model, e2e, parallel);

/// The number of a family without labels, summed over its lines.
fn sum(metrics: &str, ending: &str) -> f64 {
    let of = |line: &str| {
        let (name, value) = line.split_once([' ', '{'])?;
        let value = value.rsplit(' ').next()?;
        name.ends_with(ending)
            .then(|| value.parse::<f64>().ok())
            .flatten()
    };
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(of).sum::<f64>()
}

/// The same text as without it, and some guesses were right.
#[tribunal::test]
#[timeout("3m")]
async fn changes_no_text() -> TestResult {
    let deployment = tribunal::embedded()?.args(["--speculative", "3"]);
    let plain = tribunal::embedded()?.start().await?;
    let guessing = deployment.name("an engine that guesses").start().await?;
    let mut texts = vec![];
    for server in [&plain, &guessing] {
        let model = Client::new(server.base_url())?.model(server.model().unwrap_or_default());
        let mut said = vec![];
        for seed in 0..4 {
            let request = model
                .user("Tell me of the river and the sea.")
                .max_tokens(48);
            said.push(
                request
                    .temperature(1.0)
                    .seed(seed)
                    .send()
                    .await?
                    .text()
                    .to_owned(),
            );
        }
        texts.push(said);
    }
    let metrics = Client::new(guessing.base_url())?.metrics().await?;
    let drafted = sum(&metrics, "spec_decode_num_draft_tokens_total");
    let accepted = sum(&metrics, "spec_decode_num_accepted_tokens_total");
    for server in [plain, guessing] {
        server.stop().await?;
    }
    assert_eq!(texts[0], texts[1]);
    assert!(
        accepted > 0.0 && accepted <= drafted,
        "{accepted} of {drafted}"
    );
    Ok(())
}
