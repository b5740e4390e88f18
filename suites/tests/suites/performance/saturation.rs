//! The highest rate that a server carries within limits.

use std::time::Duration;

use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(full_model, performance, e2e, cpu);

/// The lowest rate is carried, and the table says which is the highest.
#[tribunal::test]
#[requires(capability = ["chat", "streaming"])]
#[timeout("15m")]
async fn chats(bench: Bench) -> TestResult {
    let found = bench
        .chat(DataSet::random(48, 16))
        .ignore_eos()
        .slo("ttft", 500.0)
        .slo("e2el", 2000.0)
        .load(Load::count(1).seed(21))
        .saturation(2.0..=64.0, Duration::from_secs(6))
        .await?;
    tribunal::log!("{found:?}");
    if found.carried.is_none() {
        if found.beyond_the_client.is_some() {
            Err(tribunal::invalid(
                "this client could not send even the lowest rate as asked",
            ))?;
        }
        tribunal::fail!("not even 2 requests/s are answered within the limits: {found:?}");
    }
    Ok(())
}
