//! The metrics of a server: in the format of Prometheus, and moved by what is asked.

use tribunal::prelude::*;
use tribunal::verdict::{Depth, MetricsExpectations, judge_metrics};

tribunal::markers!(core_model, advanced_model, parallel);

/// The exposition can be read; no counter falls while requests are answered.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "metrics")]
async fn move_with_requests(chat: ChatClient) -> TestResult {
    let before = chat.client().metrics().await?;
    chat.user("Hello.").max_tokens(4).send().await?;
    let now = chat.client().metrics().await?;
    let expect = MetricsExpectations::new().at_least(3, "");
    judge_metrics(Some(&before), &now, &expect, Depth::Deep).check()?;
    Ok(())
}
