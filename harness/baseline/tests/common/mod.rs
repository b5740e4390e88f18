//! Runs that are written out.

use tribunal_baseline::{Checks, Key, RunRecord};
use tribunal_traffic::Direction;

pub const TTFT: &str = "median_ttft_ms";
pub const THROUGHPUT: &str = "request_throughput";

pub fn key() -> Key {
    Key {
        step: "performance::chat::ten_a_second".into(),
        hardware: "NVIDIA H100".into(),
        count: 1,
        driver: "580.1".into(),
        server: "vllm main".into(),
        model: "Qwen/Qwen3-0.6B".into(),
        config: "0011aabb".into(),
        data: "64 in, 32 out, 10/s".into(),
        seed: 1,
        harness: "strict 0".into(),
        ..Key::default()
    }
}

/// A run that counts, with these figures.
pub fn run(ttft: f64, throughput: f64) -> RunRecord {
    let mut run = RunRecord::new(key());
    run.checks = Checks::Passed(20);
    run.figure(TTFT, ttft, 200, Direction::LowerIsBetter);
    run.figure(THROUGHPUT, throughput, 200, Direction::HigherIsBetter);
    run
}
