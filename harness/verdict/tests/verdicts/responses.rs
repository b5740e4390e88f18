//! The responses route, plain and as a story of events.

use serde_json::{Value, json};
use tribunal_client::Judged;
use tribunal_verdict::{Expectations, Verdict};

use crate::literal::{Literal, events, json, judge, merge};

fn expect() -> Expectations {
    Expectations::default()
}

/// A response, plain.
fn response(change: Value) -> Verdict {
    let mut body = json!({
        "id": "r", "object": "response", "model": "m", "status": "completed",
        "output": [{ "type": "message", "id": "o", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello." }] }],
        "usage": { "input_tokens": 3, "output_tokens": 2, "total_tokens": 5 },
    });
    merge(&mut body, &change);
    let answer = json(json!({ "model": "m", "input": "Hi" }), body, expect())
        .responses()
        .expect("a response");
    judge(Judged::Responses(&answer))
}

fn story(change: impl FnOnce(&mut Vec<Value>)) -> Verdict {
    let whole = |status: &str, output: Value| json!({ "id": "r", "object": "response", "model": "m", "status": status, "output": output, "usage": { "input_tokens": 3, "output_tokens": 2, "total_tokens": 5 } });
    let message = json!({ "type": "message", "id": "o", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello." }] });
    let mut list = vec![
        json!({ "type": "response.created", "response": whole("in_progress", json!([])) }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "message" } }),
        json!({ "type": "response.output_text.delta", "output_index": 0, "delta": "Hel" }),
        json!({ "type": "response.output_text.delta", "output_index": 0, "delta": "lo." }),
        json!({ "type": "response.output_text.done", "output_index": 0, "text": "Hello." }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": message }),
        json!({ "type": "response.completed", "response": whole("completed", json!([message])) }),
    ];
    change(&mut list);
    for (number, event) in list.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    let answer = events(
        json!({ "model": "m", "input": "Hi", "stream": true }),
        &list,
        "",
        expect(),
    )
    .responses()
    .expect("a stream");
    judge(Judged::Responses(&answer))
}

pub fn literals() -> Vec<Literal> {
    vec![
        (
            "response_status",
            || response(json!({})),
            || response(json!({ "status": "failed", "error": { "message": "no" } })),
        ),
        (
            "response_events",
            || story(|_| ()),
            || story(|list| list.swap(1, 2)),
        ),
        (
            "response_events",
            || story(|_| ()),
            || story(|list| drop(list.remove(5))),
        ),
        (
            "response_text",
            || story(|_| ()),
            || story(|list| list[3]["delta"] = json!("lo!")),
        ),
        (
            "usage",
            || response(json!({})),
            || {
                response(
                    json!({ "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5 } }),
                )
            },
        ),
        (
            "usage_sum",
            || response(json!({})),
            || {
                response(
                    json!({ "usage": { "input_tokens": 3, "output_tokens": 2, "total_tokens": 6 } }),
                )
            },
        ),
        (
            "object",
            || response(json!({})),
            || response(json!({ "object": "chat.completion" })),
        ),
        (
            "output",
            || response(json!({})),
            || response(json!({ "output": [] })),
        ),
    ]
}
