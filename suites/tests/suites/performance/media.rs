//! Speech, images, videos: few requests, each long. What is gated is a share of real time or the whole answer, never a p99.

use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(full_model, performance, e2e, cpu);

fn texts(texts: &[&str]) -> DataSet {
    DataSet::Text {
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        output: None,
    }
}

/// Speech comes faster than it is spoken.
#[tribunal::test]
#[tts]
#[requires(capability = "speech")]
#[timeout("10m")]
async fn speech(bench: Bench) -> TestResult {
    bench
        .speech(texts(&[
            "The court will rise when the judge comes in.",
            "A witness says what was seen, and nothing else.",
            "Ten jurors agreed before noon.",
        ]))
        .load(Load::count(30).at_most(2).warmups(2).seed(11))
        .require("mean_audio_rtf < 1")
        .measure()
        .await
}

/// Images, two at a time.
#[tribunal::test]
#[diffusion]
#[requires(capability = "images")]
#[timeout("15m")]
async fn images(bench: Bench) -> TestResult {
    bench
        .images(texts(&[
            "a red circle",
            "a blue square on white",
            "a green triangle",
        ]))
        .extra("size", "256x256")
        .load(Load::count(24).at_most(2).warmups(2).seed(12))
        .require("request_throughput > 0.05")
        .measure()
        .await
}

/// Videos, one at a time.
#[tribunal::test]
#[diffusion]
#[requires(capability = "videos")]
#[timeout("15m")]
async fn videos(bench: Bench) -> TestResult {
    bench
        .videos(texts(&[
            "a red circle moves to the right",
            "a blue square turns",
        ]))
        .load(Load::count(8).at_most(1).warmups(1).seed(13))
        .require("request_throughput > 0.01")
        .measure()
        .await
}
