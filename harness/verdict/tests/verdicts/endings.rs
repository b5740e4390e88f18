//! Where a rule neither passes nor fails, and where it must hold its peace.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tribunal_client::{Client, Failure, Judged};
use tribunal_verdict::{Depth, Ending, Expect as _, Expectations, Modality};

use crate::healthy::{Sample, chat, chat_stream, completion};
use crate::literal;

fn ending(mut sample: Sample, change: impl FnOnce(&mut Sample), rule: &str) -> Ending {
    change(&mut sample);
    let verdict = sample.judge(Depth::Deep);
    verdict
        .rule(rule)
        .unwrap_or_else(|| panic!("no rule {rule}"))
        .ending
}

#[test]
fn an_empty_text_before_a_stop_string_is_undecided() {
    let empty = |s: &mut Sample| s.body["choices"][0]["message"]["content"] = json!("");
    let with_stop = |s: &mut Sample| {
        empty(s);
        s.request["stop"] = json!(["\n"]);
    };
    assert_eq!(ending(chat(), with_stop, "output"), Ending::Undecided);
    assert_eq!(ending(chat(), with_stop, "text"), Ending::Undecided);
    assert_eq!(
        ending(
            chat(),
            |s| {
                with_stop(s);
                s.request["stop"] = json!([])
            },
            "output"
        ),
        Ending::Fail
    );
    assert_eq!(
        ending(
            chat(),
            |s| {
                with_stop(s);
                s.body["choices"][0]["finish_reason"] = json!("length")
            },
            "output"
        ),
        Ending::Fail
    );
}

/// The change to a sample, and what becomes of both rules.
type Drawn = (fn(&mut Sample), Ending);

#[test]
fn an_end_that_was_drawn_at_once_is_undecided() {
    const EMPTY: fn(&mut Sample) = |s| {
        s.body["choices"]
            .as_array_mut()
            .expect("a list")
            .truncate(1);
        s.body["choices"][0]["message"]["content"] = json!("");
        s.body["choices"][0]["logprobs"] = json!(null);
        s.body["choices"][0]["finish_reason"] = json!("stop");
        s.body["usage"] = json!({ "prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5 });
        s.request["temperature"] = json!(0.8);
    };
    let table: [Drawn; 8] = [
        (|_| {}, Ending::Undecided),
        (|s| s.body["usage"] = json!(null), Ending::Undecided),
        (|s| s.request["temperature"] = json!(0), Ending::Fail),
        (|s| s.request["temperature"] = json!(null), Ending::Fail),
        (|s| s.request["min_tokens"] = json!(1), Ending::Fail),
        (
            |s| s.request["guided_choice"] = json!(["a", "b"]),
            Ending::Fail,
        ),
        (
            |s| s.body["choices"][0]["finish_reason"] = json!("length"),
            Ending::Fail,
        ),
        (
            |s| s.body["usage"]["completion_tokens"] = json!(2),
            Ending::Fail,
        ),
    ];
    for (at, (change, expected)) in table.iter().enumerate() {
        for rule in ["output", "text"] {
            let both = |s: &mut Sample| {
                EMPTY(s);
                change(s);
            };
            assert_eq!(ending(chat(), both, rule), *expected, "{rule} of row {at}");
        }
    }
}

#[test]
fn an_empty_text_fails_where_something_is_expected_of_it() {
    let answer = |expect: Expectations| {
        let choice = json!({ "index": 0, "message": { "role": "assistant", "content": "" }, "finish_reason": "stop" });
        let body =
            json!({ "id": "c", "object": "chat.completion", "model": "m", "choices": [choice] });
        let raw = literal::json(json!({ "model": "m", "temperature": 1.0 }), body, expect);
        let chat = raw.chat().expect("a chat answer");
        let verdict = literal::judge(Judged::Chat(&chat));
        ["output", "text"].map(|rule| verdict.rule(rule).expect("there").ending)
    };
    let nothing = Expectations::default();
    assert_eq!(answer(nothing.clone()), [Ending::Undecided; 2]);
    let keywords = nothing.clone().expect_keywords(Modality::Text, ["river"]);
    assert_eq!(answer(keywords), [Ending::Fail; 2]);
    assert_eq!(answer(nothing.expect_text("river")), [Ending::Fail; 2]);
}

#[test]
fn reasoning_and_tool_calls_are_output_without_text() {
    let reasoning = |s: &mut Sample| {
        s.body["choices"][0]["message"] =
            json!({ "role": "assistant", "content": null, "reasoning_content": "hm" })
    };
    assert_eq!(
        (
            ending(chat(), reasoning, "output"),
            ending(chat(), reasoning, "text")
        ),
        (Ending::Pass, Ending::Undecided)
    );
    let call = |s: &mut Sample| {
        s.body["choices"][0]["message"] =
            json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "t" }] });
        s.body["choices"][0]["finish_reason"] = json!("tool_calls");
    };
    assert_eq!(
        (ending(chat(), call, "output"), ending(chat(), call, "text")),
        (Ending::Pass, Ending::NotApplicable)
    );
}

#[test]
fn a_text_that_ends_with_exactly_the_last_token_is_undecided() {
    let full = |s: &mut Sample| {
        s.body["usage"] = json!({ "prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10 })
    };
    assert_eq!(ending(chat(), full, "finish_length"), Ending::Undecided);
    assert_eq!(
        ending(
            chat(),
            |s| s.request["max_tokens"] = json!(null),
            "finish_length"
        ),
        Ending::NotApplicable
    );
    assert_eq!(
        ending(
            completion(),
            |s| s.request["best_of"] = json!(5),
            "finish_length"
        ),
        Ending::NotApplicable
    );
}

#[test]
fn a_stream_need_not_count_unless_asked() {
    let unasked = |s: &mut Sample| {
        s.body.as_array_mut().expect("list").pop();
        s.request["stream_options"] = json!(null);
    };
    for rule in [
        "usage",
        "usage_sum",
        "usage_limit",
        "finish_length",
        "stream_usage_last",
    ] {
        assert_eq!(
            ending(chat_stream(), unasked, rule),
            Ending::NotApplicable,
            "{rule}"
        );
    }
}

#[test]
fn logprobs_are_judged_only_where_asked_and_as_far_as_asked() {
    let unasked = |s: &mut Sample| s.request["logprobs"] = json!(false);
    for rule in [
        "logprobs",
        "logprobs_sign",
        "logprobs_chosen",
        "logprobs_order",
        "logprobs_mass",
    ] {
        assert_eq!(
            ending(chat(), unasked, rule),
            Ending::NotApplicable,
            "{rule}"
        );
    }
    let alone = |s: &mut Sample| s.request["top_logprobs"] = json!(0);
    assert_eq!(
        (
            ending(chat(), alone, "logprobs_sign"),
            ending(chat(), alone, "logprobs_order")
        ),
        (Ending::Pass, Ending::NotApplicable)
    );
}

#[test]
fn a_sampled_token_beyond_the_list_may_be_missing_or_stand_at_either_end() {
    let sampled = |list: serde_json::Value| {
        move |s: &mut Sample| {
            s.request["temperature"] = json!(1);
            s.body["choices"][0]["logprobs"]["content"][0] =
                json!({ "token": "Yo", "logprob": -3.0, "top_logprobs": list });
        }
    };
    let (a, b, own) = (
        json!({ "token": "A", "logprob": -0.5 }),
        json!({ "token": "B", "logprob": -2.0 }),
        json!({ "token": "Yo", "logprob": -3.0 }),
    );
    for list in [json!([a, b]), json!([a, b, own]), json!([own, a, b])] {
        for rule in [
            "logprobs",
            "logprobs_chosen",
            "logprobs_order",
            "logprobs_mass",
        ] {
            assert_eq!(
                ending(chat(), sampled(list.clone()), rule),
                Ending::Pass,
                "{rule} {list}"
            );
        }
    }
    assert_eq!(
        ending(chat(), sampled(json!([b, a])), "logprobs_order"),
        Ending::Fail
    );
    assert_eq!(
        ending(chat(), sampled(json!([b, own, a])), "logprobs_order"),
        Ending::Fail
    );
}

#[test]
fn the_echo_of_a_prompt_is_not_counted_and_its_first_token_has_no_probability() {
    let echo = |s: &mut Sample| {
        s.request["echo"] = json!(true);
        s.request["max_tokens"] = json!(0);
        s.body["usage"] = json!({ "prompt_tokens": 2, "completion_tokens": 0, "total_tokens": 2 });
        for choice in s.body["choices"].as_array_mut().expect("list") {
            choice["logprobs"]["token_logprobs"][0] = json!(null);
            choice["logprobs"]["top_logprobs"][0] = json!(null);
        }
    };
    for rule in [
        "usage_counts",
        "usage_limit",
        "logprobs",
        "logprobs_sign",
        "logprobs_chosen",
    ] {
        assert_eq!(ending(completion(), echo, rule), Ending::Pass, "{rule}");
    }
    assert_eq!(ending(completion(), echo, "output"), Ending::NotApplicable);
}

#[test]
fn a_request_without_a_model_has_none_to_compare() {
    assert_eq!(
        ending(chat(), |s| s.request["model"] = json!(null), "model"),
        Ending::NotApplicable
    );
}

/// A server on a real socket that says this and closes.
async fn serve(response: String) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let client = Client::new(format!(
        "http://{}",
        listener.local_addr().expect("an address")
    ))
    .expect("a client");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The requests of this test end with the brace of their body, or with their head.
            while !request.ends_with(b"}") && !request.ends_with(b"\r\n\r\n")
                || request.ends_with(b"json\r\n\r\n")
            {
                if socket
                    .read_buf(&mut request)
                    .await
                    .is_ok_and(|read| read == 0)
                {
                    return;
                }
            }
            let _ = socket.write_all(response.as_bytes()).await;
        }
    });
    client
}

#[tokio::test]
async fn a_depth_is_a_judge_and_an_alias_is_the_same_model() {
    let body = chat_stream()
        .body
        .as_array()
        .expect("chunks")
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect::<String>();
    let response = |tail: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}{tail}"
        )
    };
    let good = serve(response("data: [DONE]\n\n"))
        .await
        .chat("m")
        .with_judge(Arc::new(Depth::Deep));
    assert_eq!(
        good.user("x")
            .stream()
            .include_usage()
            .send()
            .await
            .expect("passes")
            .text(),
        "Hello"
    );
    let renamed = good
        .user("x")
        .model("other")
        .stream()
        .include_usage()
        .send()
        .await
        .expect_err("another model");
    assert!(
        renamed
            .to_string()
            .contains("fail: model: found \"m\", wanted \"other\""),
        "{renamed}"
    );
    let alias = good
        .clone()
        .also_served_as(["m"])
        .user("x")
        .model("other")
        .stream()
        .include_usage();
    assert!(alias.send().await.is_ok());
    let bad = serve(response(""))
        .await
        .chat("m")
        .with_judge(Arc::new(Depth::Basic));
    let error = bad.user("x").stream().send().await.expect_err("no [DONE]");
    assert_eq!(*error.failure(), Failure::Judged);
    assert!(
        error
            .to_string()
            .contains("fail: stream_end: found no [DONE]"),
        "{error}"
    );
    assert_eq!(
        bad.user("x")
            .stream()
            .unjudged()
            .send()
            .await
            .expect("unjudged")
            .text(),
        "Hello"
    );
}

#[tokio::test]
async fn a_stream_that_broke_off_is_judged_as_broken() {
    let client = serve("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 1000\r\n\r\ndata: [DONE]\n\n".into()).await;
    let answer = client
        .chat("m")
        .user("x")
        .stream()
        .send_raw()
        .await
        .expect("what came")
        .chat()
        .expect("a stream");
    let verdict = tribunal_verdict::judge_chat(&answer, Depth::Basic);
    let end = verdict.rule("stream_end").expect("the rule");
    assert_eq!(
        (end.ending, end.figure.as_deref()),
        (Ending::Fail, Some("a broken connection"))
    );
}
