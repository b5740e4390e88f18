//! The metrics of a server: in the format of Prometheus, and moved by what is asked.

use std::time::{Duration, Instant};

use tribunal::prelude::*;
use tribunal::verdict::{Depth, MetricsExpectations, judge_metrics};

tribunal::markers!(core_model, advanced_model, parallel);

/// The exposition can be read; no counter falls while requests are answered, and the tokens are counted.
#[tribunal::test]
#[timeout("60s")]
#[requires(capability = "metrics")]
async fn move_with_requests(chat: ChatClient) -> TestResult {
    let before = chat.client().metrics().await?;
    chat.user("Hello.").max_tokens(4).send().await?;
    let now = chat.client().metrics().await?;
    let expect = MetricsExpectations::new().at_least(3, "");
    judge_metrics(Some(&before), &now, &expect, Depth::Deep).check()?;
    // Engines name their counters as they like, and all of them count tokens; some a moment after the answer.
    let counted = tokens(&before);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let now = tokens(&chat.client().metrics().await?);
        if now > counted {
            return Ok(());
        }
        if Instant::now() > until {
            fail!(
                "tokens were read and written, and no counter of tokens rose: {counted}, then {now}"
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everything that counts tokens, together.
fn tokens(metrics: &str) -> f64 {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let counts = |line: &str| {
        let name = line.split([' ', '{']).next()?;
        let counter = ["_total", "_sum"].iter().any(|end| name.ends_with(end));
        let value = line[name.len()..]
            .rsplit('}')
            .next()?
            .split_whitespace()
            .next()?;
        (counter && name.contains("token")).then(|| value.parse::<f64>().ok())?
    };
    lines.filter_map(counts).sum()
}
