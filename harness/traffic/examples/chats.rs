//! Streamed chats for a server that no suite judges first: the load engine alone, to be held beside other tools.
//!
//!     cargo run --release -p tribunal-traffic --example chats -- http://127.0.0.1:8000 MODEL STREAMS REQUESTS TOKENS
//!
//! Promise: one line of JSON with the figures of the dialect `strict`, what the client cost, and whether the run is valid. Rejected: a verb of
//! `cargo tribunal` (a server whose answers nobody looked at has no figures worth keeping).

use std::process::ExitCode;

use serde_json::json;
use tribunal_traffic::{
    Body, Dialect, Load, Measure, Reading, Request, Source, Target, measure, run,
};

const USAGE: &str = "usage: chats URL MODEL STREAMS REQUESTS TOKENS";

/// Prompts that differ, each a few dozen words long.
struct Chats {
    model: String,
    tokens: u32,
    number: u64,
}

impl Source for Chats {
    fn next(&mut self) -> Option<Vec<Request>> {
        self.number += 1;
        let words = "one of these is not like the others, and the others are many ".repeat(4);
        let body = json!({
            "model": self.model,
            "messages": [{"role": "user", "content": format!("{} {words}", self.number)}],
            "max_tokens": self.tokens,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        Some(vec![Request {
            path: "/v1/chat/completions".to_owned(),
            body: Body::Json(body.to_string().into_bytes().into()),
            headers: Vec::new(),
            reading: Reading::ChatStream,
            prompt_tokens: None,
            asked_tokens: Some(self.tokens),
            input_audio_seconds: None,
        }])
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, model, streams, requests, tokens] = words.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let numbers = (streams.parse(), requests.parse(), tokens.parse());
    let (Ok(streams), Ok(requests), Ok(tokens)) = numbers else {
        eprintln!("STREAMS, REQUESTS and TOKENS are numbers\n{USAGE}");
        return ExitCode::from(2);
    };
    let load = Load::count(requests).at_most(streams).warmups(streams);
    let chats = Chats {
        model: model.clone(),
        tokens,
        number: 0,
    };
    let run = match run(&Target::new(url, model), &load, Box::new(chats)).await {
        Ok(run) => run,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::FAILURE;
        }
    };
    let metrics = measure(&run.records, &Measure::new(Dialect::Strict).of_load(&load));
    let figures = [
        "completed",
        "request_throughput",
        "mean_ttft_ms",
        "median_ttft_ms",
        "mean_itl_ms",
        "median_itl_ms",
        "mean_tpot_ms",
        "median_tpot_ms",
    ];
    let figures: serde_json::Map<String, serde_json::Value> = figures
        .iter()
        .map(|key| ((*key).to_owned(), json!(metrics.value(key))))
        .collect();
    let line = json!({
        "figures": figures,
        "client_cpu_s": run.cost.cpu.as_secs_f64(),
        "events": run.cost.events,
        "valid": run.validity().is_valid(),
    });
    println!("{line}");
    ExitCode::SUCCESS
}
