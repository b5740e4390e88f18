//! Two servers of one model answer the same: texts, ends, counts, and log-probabilities that are near.

use tribunal::client::Judged;
use tribunal::prelude::*;
use tribunal::verdict::{Thresholds, same};

tribunal::markers!(advanced_model, parallel);

const QUESTIONS: [&str; 3] = [
    "What leaves the harbour at seven?",
    "Who keeps the lighthouse?",
    "What does the river bring in spring?",
];

/// The deployment of the run against the reference: a second server of the embedded engine.
#[tribunal::test]
#[timeout("3m")]
#[requires(capability = ["seed", "logprobs"])]
async fn as_the_reference(server: &Server) -> TestResult {
    if server.model() != Some("embedded") {
        skip!(
            "the reference serves another model than `{}`",
            server.model().unwrap_or_default()
        );
    }
    let reference = tribunal::embedded()?.start().await?;
    let mut verdicts = vec![];
    for (seed, question) in QUESTIONS.iter().enumerate() {
        let mut answers = vec![];
        for one in [server, &reference] {
            let model = Client::new(one.base_url())?.model("embedded");
            let request = model.user(*question).max_tokens(32).logprobs(3);
            answers.push(request.temperature(1.0).seed(seed as i64).send().await?);
        }
        let pair = (Judged::Chat(&answers[0]), Judged::Chat(&answers[1]));
        verdicts.push(same(pair.0, pair.1, &Thresholds::default()));
    }
    reference.stop().await?;
    for verdict in verdicts {
        verdict.check()?;
    }
    Ok(())
}
