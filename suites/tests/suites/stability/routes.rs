//! A soak of each route that a deployment offers. A minute shows what hangs, dies or fails; half an hour or more (`--soak`) also what drifts.

use std::time::Duration;

use serde_json::json;
use tribunal::prelude::*;
use tribunal::stability::*;

const MINUTE: Duration = Duration::from_secs(60);

fn random(plan: &mut BatchPlan, most: u64, output: u32) -> DataSet {
    let tokens = plan.between("input_tokens", 8, most);
    DataSet::random(u32::try_from(tokens).unwrap_or(8), output)
}

/// Answers of the length that is asked for: a model may end a text before its first word, and such an answer would count as empty.
fn whole() -> RequestOptions {
    RequestOptions {
        ignore_eos: true,
        ..RequestOptions::default()
    }
}

/// Fields of each request.
fn asking(fields: serde_json::Value) -> RequestOptions {
    let mut options = RequestOptions::default();
    if let serde_json::Value::Object(fields) = fields {
        options.extra_body = fields;
    }
    options
}

/// Streamed chats of lengths that change with each batch.
#[tribunal::test]
#[timeout("15m")]
#[requires(capability = "streaming")]
async fn chat(steady: Steady) -> TestResult {
    let data = |plan: &mut BatchPlan| random(plan, 128, 16);
    steady
        .lasting(MINUTE)
        .rate(4.0)
        .options(whole())
        .soak(Route::Chat, data)
        .await
}

/// Completions.
#[tribunal::test]
#[timeout("15m")]
#[requires(capability = ["completions", "streaming"])]
async fn completions(steady: Steady) -> TestResult {
    let data = |plan: &mut BatchPlan| random(plan, 128, 16);
    steady
        .lasting(MINUTE)
        .rate(4.0)
        .options(whole())
        .soak(Route::Completions, data)
        .await
}

/// Vectors, a few at once: a slow server shows in the throughput.
#[tribunal::test]
#[timeout("15m")]
#[requires(capability = "embeddings")]
async fn embeddings(steady: Steady) -> TestResult {
    let data = |plan: &mut BatchPlan| random(plan, 64, 1);
    steady
        .lasting(MINUTE)
        .at_most(2)
        .soak(Route::Embeddings, data)
        .await
}

/// Sound.
#[tribunal::test]
#[timeout("15m")]
#[requires(capability = "speech")]
async fn speech(steady: Steady) -> TestResult {
    let data = |plan: &mut BatchPlan| random(plan, 16, 1);
    steady
        .lasting(MINUTE)
        .rate(1.0)
        .batch(10)
        .soak(Route::Speech, data)
        .await
}

/// Pictures of sizes that change with each batch.
#[tribunal::test]
#[timeout("15m")]
#[requires(capability = "images")]
async fn images(steady: Steady) -> TestResult {
    let data = |plan: &mut BatchPlan| {
        let edge = 64 * plan.between("edge_in_64_pixels", 4, 8);
        let size = asking(json!({ "size": format!("{edge}x{edge}") }));
        DataSet::Shapes {
            shapes: vec![(size.extra_body, 1.0)],
            words: 6.into(),
            pictures: 0,
        }
    };
    steady
        .lasting(MINUTE)
        .rate(1.0)
        .batch(10)
        .soak(Route::Images, data)
        .await
}

/// Videos: jobs that are watched until they are done.
#[tribunal::test]
#[timeout("15m")]
#[requires(capability = "videos")]
async fn videos(steady: Steady) -> TestResult {
    let data = |_: &mut BatchPlan| DataSet::Text {
        texts: vec!["a red circle moves to the right".to_owned()],
        output: None,
    };
    let small = asking(json!({ "size": "256x256", "seconds": "1" }));
    steady
        .lasting(MINUTE)
        .at_most(1)
        .batch(5)
        .options(small)
        .soak(Route::Videos, data)
        .await
}
