//! What a text says and how it came to be: chats.

use std::time::Duration;

use serde_json::{Value, json};
use tribunal_client::Judged;
use tribunal_verdict::{Expect as _, Expectations, Modality, Verdict};

use crate::literal::{Literal, events, json, judge, merge};

fn expect() -> Expectations {
    Expectations::default()
}

/// A chat with this message and these changes of the answer.
fn chat(request: Value, message: Value, more: Value, expect: Expectations) -> Verdict {
    let finish = if message.get("tool_calls").is_some() {
        "tool_calls"
    } else {
        "stop"
    };
    let mut whole = json!({ "role": "assistant" });
    merge(&mut whole, &message);
    let mut body = json!({
        "id": "c", "object": "chat.completion", "model": "m", "choices": [{ "index": 0, "finish_reason": finish, "message": whole }],
        "usage": { "prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26 },
    });
    merge(&mut body, &more);
    let mut asked = json!({ "model": "m" });
    merge(&mut asked, &request);
    let answer = json(asked, body, expect).chat().expect("a chat");
    judge(Judged::Chat(&answer))
}

fn says(text: &str, expect: Expectations) -> Verdict {
    chat(json!({}), json!({ "content": text }), json!({}), expect)
}

fn guided(text: &str) -> Verdict {
    let schema = json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } });
    let request = json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } });
    chat(request, json!({ "content": text }), json!({}), expect())
}

fn tool(name: &str, arguments: &str, expect: Expectations) -> Verdict {
    let schema = json!({ "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } });
    let request = json!({ "tools": [{ "type": "function", "function": { "name": "weather", "parameters": schema } }], "tool_choice": "required" });
    let call = json!({ "id": "t1", "type": "function", "function": { "name": name, "arguments": arguments } });
    chat(
        request,
        json!({ "content": null, "tool_calls": [call] }),
        json!({}),
        expect,
    )
}

fn cached(tokens: Option<u64>, expect: Expectations) -> Verdict {
    let details = tokens.map(|tokens| json!({ "cached_tokens": tokens }));
    let usage = json!({ "prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26, "prompt_tokens_details": details });
    chat(
        json!({}),
        json!({ "content": "x y" }),
        json!({ "usage": usage }),
        expect,
    )
}

fn thinks(reasoning: &str, text: &str) -> Verdict {
    chat(
        json!({}),
        json!({ "content": text, "reasoning_content": reasoning }),
        json!({}),
        expect().expect_reasoning(true),
    )
}

fn workers(prefill: u64, decode: u64) -> Verdict {
    let more = json!({ "nvext": { "worker_id": { "prefill_worker_id": prefill, "decode_worker_id": decode } } });
    chat(
        json!({}),
        json!({ "content": "x y" }),
        more,
        expect().expect_disaggregated(),
    )
}

fn speculates(steps: u64) -> Verdict {
    chat(
        json!({}),
        json!({ "content": "x y" }),
        json!({ "meta_info": { "spec_verify_ct": steps } }),
        expect().expect_accepted_per_step(1.2),
    )
}

/// A stream whose pieces came at these times.
fn timed(milliseconds: [u64; 3], expect: Expectations) -> Verdict {
    let chunk = |delta: Value, finish: Option<&str>| json!({ "id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    let list = [
        chunk(json!({ "role": "assistant", "content": "a" }), None),
        chunk(json!({ "content": "b" }), None),
        chunk(json!({ "content": "c" }), Some("stop")),
    ];
    let mut answer = events(
        json!({ "model": "m", "stream": true }),
        &list,
        "data: [DONE]\n\n",
        expect,
    )
    .chat()
    .expect("a stream");
    let stream = answer.stream.as_mut().expect("a stream");
    for (chunk, at) in stream.chunks.iter_mut().zip(milliseconds) {
        chunk.at = Duration::from_millis(at);
    }
    answer.raw.elapsed = Duration::from_millis(milliseconds[2]);
    judge(Judged::Chat(&answer))
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn literals() -> Vec<Literal> {
    vec![
        (
            "expectations",
            || says("red", expect().threshold("wer", 0.5)),
            || says("red", expect().threshold("wre", 0.5)),
        ),
        (
            "expectations",
            || says("red", expect().expect_text("red")),
            || says("red", expect().expect_size(3, 4)),
        ),
        (
            "first_token_within",
            || timed([10, 20, 30], expect().first_token_within(ms(10))),
            || timed([11, 20, 30], expect().first_token_within(ms(10))),
        ),
        (
            "within",
            || timed([10, 20, 30], expect().within(ms(30))),
            || timed([10, 20, 31], expect().within(ms(30))),
        ),
        (
            "gap_below",
            || timed([10, 20, 30], expect().gap_below(ms(10))),
            || timed([10, 20, 31], expect().gap_below(ms(10))),
        ),
        (
            "gap_below",
            || timed([10, 20, 30], expect().gap_below(ms(10))),
            || says("no stream", expect().gap_below(ms(10))),
        ),
        (
            "keywords",
            || {
                says(
                    "A Red square.",
                    expect()
                        .expect_keywords(Modality::Image, ["circle", "square"])
                        .expect_keywords(Modality::Text, ["red"]),
                )
            },
            || {
                says(
                    "A red square.",
                    expect()
                        .expect_keywords(Modality::Image, ["circle", "triangle"])
                        .expect_keywords(Modality::Text, ["red"]),
                )
            },
        ),
        (
            "expected_text",
            || says(" Paris\n", expect().expect_text("Paris")),
            || says("paris", expect().expect_text("Paris")),
        ),
        (
            "guided",
            || guided(r#"{"a": 1}"#),
            || guided(r#"{"a": "1"}"#),
        ),
        (
            "guided",
            || guided(r#"{"a": 1}"#),
            || guided("Sure! {\"a\": 1}"),
        ),
        (
            "guided",
            || {
                chat(
                    json!({ "guided_choice": ["yes", "no"] }),
                    json!({ "content": "yes" }),
                    json!({}),
                    expect(),
                )
            },
            || {
                chat(
                    json!({ "guided_choice": ["yes", "no"] }),
                    json!({ "content": "yes!" }),
                    json!({}),
                    expect(),
                )
            },
        ),
        (
            "guided",
            || {
                chat(
                    json!({ "structured_outputs": { "regex": "[0-9]+" } }),
                    json!({ "content": "42" }),
                    json!({}),
                    expect(),
                )
            },
            || {
                chat(
                    json!({ "guided_regex": "[0-9]+" }),
                    json!({ "content": "42a" }),
                    json!({}),
                    expect(),
                )
            },
        ),
        (
            "json_keys",
            || says(r#"{"a": 1, "b": 2}"#, expect().expect_json_keys(["a", "b"])),
            || says(r#"{"a": 1}"#, expect().expect_json_keys(["a", "b"])),
        ),
        (
            "tool_calls",
            || tool("weather", r#"{"city": "Oslo"}"#, expect()),
            || tool("whether", r#"{"city": "Oslo"}"#, expect()),
        ),
        (
            "tool_calls",
            || tool("weather", r#"{"city": "Oslo"}"#, expect()),
            || tool("weather", r#"{"city": "Oslo""#, expect()),
        ),
        (
            "tool_calls",
            || tool("weather", r#"{"city": "Oslo"}"#, expect()),
            || {
                chat(
                    json!({ "tools": [], "tool_choice": "required" }),
                    json!({ "content": "No." }),
                    json!({}),
                    expect(),
                )
            },
        ),
        (
            "tool_name",
            || {
                tool(
                    "weather",
                    r#"{"city": "Oslo"}"#,
                    expect().expect_tool("weather"),
                )
            },
            || {
                tool(
                    "weather",
                    r#"{"city": "Oslo"}"#,
                    expect().expect_tool("news"),
                )
            },
        ),
        (
            "tool_arguments",
            || tool("weather", r#"{"city": "Oslo"}"#, expect()),
            || tool("weather", r#"{"city": 7}"#, expect()),
        ),
        (
            "tool_arguments",
            || {
                tool(
                    "weather",
                    r#"{"city": "Oslo", "day": 1}"#,
                    expect().expect_tool_arguments(["day"]),
                )
            },
            || {
                tool(
                    "weather",
                    r#"{"city": "Oslo"}"#,
                    expect().expect_tool_arguments(["day"]),
                )
            },
        ),
        (
            "cached_tokens",
            || cached(Some(16), expect().expect_cached_tokens(16)),
            || cached(Some(15), expect().expect_cached_tokens(16)),
        ),
        (
            "cached_tokens",
            || cached(Some(0), expect().expect_nothing_cached()),
            || cached(None, expect().expect_nothing_cached()),
        ),
        (
            "cached_tokens",
            || cached(Some(20), expect().expect_cached_tokens(1)),
            || cached(Some(21), expect()),
        ),
        (
            "reasoning",
            || thinks("Let me think about it.", "Four."),
            || thinks("", "Four."),
        ),
        (
            "reasoning",
            || thinks("Let me think about it.", "Four."),
            || thinks("Let me think about it.", "</think>Four."),
        ),
        (
            "reasoning",
            || thinks("Let me think about it.", "Four."),
            || thinks("Let me think about it.", "Let me think about it. Four."),
        ),
        (
            "refusal",
            || {
                says(
                    "I'm sorry, but I can't help with that.",
                    expect().expect_refusal(),
                )
            },
            || says("Of course!", expect().expect_refusal()),
        ),
        ("workers", || workers(1, 2), || workers(1, 1)),
        ("speculative", || speculates(3), || speculates(6)),
    ]
}
