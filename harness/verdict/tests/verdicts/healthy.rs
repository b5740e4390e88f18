//! Answers with nothing wrong, one for each form that they come in.

use serde_json::{Value, json};
use tribunal_client::{Headers, RawAnswer};
use tribunal_verdict::{Depth, Ending, Verdict, judge_chat, judge_completion};

/// A request and its answer, to be broken in one place and judged.
#[derive(Clone)]
pub struct Sample {
    pub chat: bool,
    pub status: u16,
    pub content_type: &'static str,
    pub request: Value,
    /// The body of a plain answer, or the chunks of a stream.
    pub body: Value,
    /// What follows the chunks of a stream.
    pub tail: &'static str,
}

impl Sample {
    pub fn judge(&self, depth: Depth) -> Verdict {
        let body = match &self.body {
            Value::Array(chunks) => {
                chunks
                    .iter()
                    .map(|chunk| format!("data: {chunk}\n\n"))
                    .collect::<String>()
                    + self.tail
            }
            body => body.to_string(),
        };
        let raw = RawAnswer::recorded(
            self.request.clone(),
            self.status,
            Headers::from_iter([("content-type", self.content_type)]),
            body,
        );
        if self.chat {
            judge_chat(&raw.chat().expect("a chat answer"), depth)
        } else {
            judge_completion(&raw.completion().expect("a completion"), depth)
        }
    }
}

pub const DONE: &str = "data: [DONE]\n\n";

/// Two choices, log-probabilities, a limit that one of them reached.
pub fn chat() -> Sample {
    let choice = |index, finish| {
        json!({
            "index": index, "finish_reason": finish, "message": { "role": "assistant", "content": "Hello", "refusal": null },
            "logprobs": { "content": [{ "token": "Hello", "logprob": -0.5, "top_logprobs": [{ "token": "Hello", "logprob": -0.5 }, { "token": "Hi", "logprob": -1.0 }] }] },
        })
    };
    Sample {
        chat: true,
        status: 200,
        content_type: "application/json",
        request: json!({ "model": "m", "n": 2, "max_tokens": 3, "logprobs": true, "top_logprobs": 2, "temperature": 0 }),
        body: json!({
            "id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice(0, "stop"), choice(1, "length")],
            "usage": { "prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9 },
        }),
        tail: "",
    }
}

/// One choice, with the counts at the end.
pub fn chat_stream() -> Sample {
    let chunk = |delta: Value, finish: Option<&str>| json!({ "id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    let usage = json!({ "id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": { "prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6 } });
    Sample {
        chat: true,
        status: 200,
        content_type: "text/event-stream",
        request: json!({ "model": "m", "stream": true, "stream_options": { "include_usage": true }, "max_tokens": 8 }),
        body: json!([
            chunk(json!({ "role": "assistant", "content": null }), None),
            chunk(json!({ "content": "Hel" }), None),
            chunk(json!({ "content": null, "reasoning_content": "hm" }), None),
            chunk(json!({ "content": "lo" }), None),
            chunk(json!({ "content": null }), Some("stop")),
            usage,
        ]),
        tail: DONE,
    }
}

/// Two prompts with two choices each, and the log-probabilities of the older route.
pub fn completion() -> Sample {
    let choice = |index| {
        json!({
            "index": index, "text": "ab", "finish_reason": "length",
            "logprobs": { "tokens": ["a", "b"], "token_logprobs": [-0.1, -3.0], "top_logprobs": [{ "a": -0.1, "x": -4.0 }, { "y": -0.2, "z": -2.0 }], "text_offset": [0, 1] },
        })
    };
    Sample {
        chat: false,
        status: 200,
        content_type: "application/json",
        request: json!({ "model": "m", "prompt": ["p", "q"], "n": 2, "max_tokens": 2, "logprobs": 2 }),
        body: json!({
            "id": "c1", "object": "text_completion", "model": "m", "choices": [choice(0), choice(1), choice(2), choice(3)],
            "usage": { "prompt_tokens": 2, "completion_tokens": 8, "total_tokens": 10 },
        }),
        tail: "",
    }
}

/// One prompt of token ids.
pub fn completion_stream() -> Sample {
    let chunk = |text: &str, finish: Option<&str>| json!({ "id": "c1", "object": "text_completion", "model": "m", "choices": [{ "index": 0, "text": text, "finish_reason": finish }] });
    Sample {
        chat: false,
        status: 200,
        content_type: "text/event-stream",
        request: json!({ "model": "m", "stream": true, "prompt": [1, 2, 3], "max_tokens": 8 }),
        body: json!([chunk("a", None), chunk("b", None), chunk("", Some("stop"))]),
        tail: DONE,
    }
}

pub fn all() -> [Sample; 4] {
    [chat(), chat_stream(), completion(), completion_stream()]
}

#[test]
fn nothing_is_held_against_a_healthy_answer_at_any_depth() {
    for sample in all() {
        for depth in [Depth::Basic, Depth::Deep] {
            let verdict = sample.judge(depth);
            let bad: Vec<_> = verdict
                .rules
                .iter()
                .filter(|rule| !matches!(rule.ending, Ending::Pass | Ending::NotApplicable))
                .collect();
            assert!(bad.is_empty(), "{verdict}");
            assert_eq!(verdict.check_all_made(), Ok(()));
        }
    }
}

#[test]
fn a_deep_judgement_asks_what_a_basic_one_asks_and_more() {
    for sample in all() {
        let (basic, deep) = (sample.judge(Depth::Basic), sample.judge(Depth::Deep));
        assert_eq!(basic.rules, deep.rules[..basic.rules.len()]);
        assert!(deep.rules.len() > basic.rules.len());
    }
}
