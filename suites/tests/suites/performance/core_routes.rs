//! Chats and completions: the short set. Each sends enough requests for a p99 that can be trusted.

use std::time::Duration;

use tribunal::performance::*;
use tribunal::prelude::*;

tribunal::markers!(performance, e2e, cpu);

/// Requests of a step: with fewer, a p99 has no interval and decides nothing.
const ENOUGH: u64 = 400;

/// Twenty conversations a second, whatever becomes of those before.
#[tribunal::test]
#[advanced_model]
#[requires(capability = ["chat", "streaming"])]
#[timeout("5m")]
async fn chats_arrive(bench: Bench) -> TestResult {
    let arrivals = Arrivals::Gamma {
        rate: 20.0,
        burstiness: 1.0,
    };
    bench
        .chat(DataSet::random(48, 16))
        .ignore_eos()
        .load(Load::new(arrivals, Until::Count(ENOUGH)).warmups(4).seed(1))
        .require("p99_ttft_ms < 1000")
        .require("p99_e2el_ms < 3000")
        .require("request_throughput > 15")
        .measure()
        .await
}

/// Eight completions under way at once.
#[tribunal::test]
#[advanced_model]
#[requires(capability = ["completions", "streaming"])]
#[timeout("5m")]
async fn completions_in_turn(bench: Bench) -> TestResult {
    bench
        .completions(DataSet::random(48, 16))
        .ignore_eos()
        .load(Load::count(ENOUGH).at_most(8).warmups(8).seed(2))
        .require("p99_ttft_ms < 2000")
        .require("p99_e2el_ms < 5000")
        .require("request_throughput > 5")
        .measure()
        .await
}

/// Four embeddings under way at once; there is no stream, so only whole answers are timed.
#[tribunal::test]
#[advanced_model]
#[requires(capability = "embeddings")]
#[timeout("5m")]
async fn embeddings_in_turn(bench: Bench) -> TestResult {
    bench
        .embeddings(DataSet::random(48, 1))
        .load(Load::count(ENOUGH).at_most(4).warmups(4).seed(3))
        .require("p99_e2el_ms < 2000")
        .require("request_throughput > 10")
        .measure()
        .await
}

/// Conversations of three turns, each holding what was said before.
#[tribunal::test]
#[full_model]
#[requires(capability = ["chat", "streaming"])]
#[timeout("10m")]
async fn conversations(bench: Bench) -> TestResult {
    let talks = DataSet::Conversations {
        turns: 3.into(),
        input: 24.into(),
        output: 12.into(),
        system: 32,
    };
    bench
        .chat(talks)
        .ignore_eos()
        .load(Load::count(150).at_most(4).warmups(4).seed(4))
        .require("p90_ttft_ms < 2000")
        .require("request_throughput > 2")
        .measure()
        .await
}

/// Prompts that begin alike: what a server remembers of them, it should not compute again.
#[tribunal::test]
#[full_model]
#[requires(capability = ["completions", "streaming", "prefix_cache"])]
#[timeout("10m")]
async fn shared_beginnings(bench: Bench) -> TestResult {
    let data = DataSet::SharedPrefix {
        pool: 4,
        prefix: 256,
        input: 16.into(),
        output: 8.into(),
    };
    bench
        .completions(data)
        .ignore_eos()
        .load(Load::count(150).at_most(4).warmups(8).seed(5))
        .require("p90_ttft_ms < 2000")
        .measure()
        .await
}

/// One after the other: what a user sees of an idle server.
#[tribunal::test]
#[full_model]
#[requires(capability = ["chat", "streaming"])]
#[timeout("10m")]
async fn one_at_a_time(bench: Bench) -> TestResult {
    bench
        .chat(DataSet::random(128, 64))
        .ignore_eos()
        .load(Load::count(100).at_most(1).warmups(4).seed(6))
        .require("p90_ttft_ms < 1000")
        .measure()
        .await
}

/// Every fifth request is given up on the way; those that are not are answered as ever.
#[tribunal::test]
#[full_model]
#[requires(capability = ["chat", "streaming"])]
#[timeout("10m")]
async fn some_are_given_up(bench: Bench) -> TestResult {
    bench
        .chat(DataSet::random(64, 48))
        .ignore_eos()
        .load(
            Load::count(150)
                .at_most(6)
                .warmups(6)
                .seed(7)
                .cancel(0.2, Duration::from_millis(30)),
        )
        .require("p90_ttft_ms < 2000")
        .without_baseline()
        .measure()
        .await
}
