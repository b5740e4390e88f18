//! One defect for each line: the rule that must catch it, and the answer that it is put into.

use std::collections::BTreeSet;

use serde_json::json;
use tribunal_verdict::{Depth, Ending};

use crate::healthy::{Sample, all, chat, chat_stream, completion, completion_stream};

type Defect = (&'static str, fn() -> Sample, fn(&mut Sample));

#[rustfmt::skip]
const BASIC: &[Defect] = &[
    ("success", chat, |s| s.status = 500),
    ("content_type", chat, |s| s.content_type = "text/plain"),
    ("object", chat, |s| s.body["object"] = json!("chat.completion.chunk")),
    ("object", chat, |s| s.body["object"] = json!(null)),
    ("object", completion, |s| s.body["object"] = json!("chat.completion")),
    ("object", chat_stream, |s| s.body[3]["object"] = json!("chat.completion")),
    ("object", completion_stream, |s| s.body[2]["object"] = json!("text_completion.chunk")),
    ("id", chat, |s| s.body["id"] = json!("")),
    ("id", chat, |s| drop(s.body.as_object_mut().expect("fields").remove("id"))),
    ("id", chat_stream, |s| s.body[2]["id"] = json!("c2")),
    ("id", completion_stream, |s| s.body[1]["id"] = json!(null)),
    ("model", chat, |s| s.body["model"] = json!("another")),
    ("model", chat, |s| s.body["model"] = json!(null)),
    ("model", chat_stream, |s| s.body[4]["model"] = json!("another")),
    ("choices", chat, |s| drop(s.body["choices"].as_array_mut().expect("list").pop())),
    ("choices", chat, |s| s.body["choices"] = json!([])),
    ("choices", chat, |s| s.body["choices"][1]["index"] = json!(0)),
    ("choices", chat, |s| s.body["choices"][1]["index"] = json!(2)),
    ("choices", chat, |s| s.body["choices"][1]["index"] = json!(null)),
    ("choices", completion, |s| s.request["n"] = json!(1)),
    ("choices", completion, |s| s.request["prompt"] = json!("p")),
    ("choices", completion, |s| { s.request["n"] = json!("two"); s.body["choices"][3]["index"] = json!(7) }),
    ("choices", completion_stream, |s| s.request["n"] = json!(2)),
    ("role", chat, |s| s.body["choices"][1]["message"]["role"] = json!("user")),
    ("role", chat, |s| s.body["choices"][0]["message"]["role"] = json!(null)),
    ("finish_reason", chat, |s| s.body["choices"][1]["finish_reason"] = json!("abort")),
    ("finish_reason", completion, |s| s.body["choices"][1]["finish_reason"] = json!("tool_calls")),
    ("finish_reason", completion_stream, |s| s.body[2]["choices"][0]["finish_reason"] = json!(null)),
    ("output", chat, |s| s.body["choices"][1]["message"]["content"] = json!("")),
    ("output", chat, |s| s.body["choices"][1]["message"] = json!({ "role": "assistant", "content": null, "modality": "text", "tool_calls": [], "audio": null })),
    ("output", completion, |s| s.body["choices"][3]["text"] = json!(null)),
    ("stream_end", chat_stream, |s| s.tail = ""),
    ("stream_end", chat_stream, |s| s.tail = "data: [DONE]\n"),
    ("stream_end", chat_stream, |s| s.tail = "data: [DONE]\n\ndata: {}\n\n"),
    ("stream_role_first", chat_stream, |s| s.body[0]["choices"][0]["delta"] = json!({ "content": "x" })),
    ("stream_one_finish", chat_stream, |s| s.body[3]["choices"][0]["finish_reason"] = json!("stop")),
    ("stream_one_finish", completion_stream, |s| s.body[2]["choices"][0]["finish_reason"] = json!(null)),
    ("stream_one_finish", completion_stream, |s| s.body = json!([])),
    ("stream_after_finish", completion_stream, |s| s.body.as_array_mut().expect("list").swap(1, 2)),
    ("stream_text", chat_stream, |s| s.body[1]["choices"][0]["delta"] = json!({ "content": null })),
    ("stream_text", completion_stream, |s| s.body[1]["choices"][0]["text"] = json!(null)),
    ("stream_usage_last", chat_stream, |s| s.body.as_array_mut().expect("list").swap(4, 5)),
];

#[rustfmt::skip]
const DEEP: &[Defect] = &[
    ("text", chat, |s| s.body["choices"][0]["message"]["content"] = json!(" \n")),
    ("stream_pieces", chat_stream, |s| { s.body[1]["choices"][0]["delta"]["content"] = json!("so ".repeat(50)); s.body[3]["choices"][0]["delta"]["content"] = json!("") }),
    ("stream_pieces", completion_stream, |s| { s.body[0]["choices"][0]["text"] = json!("so ".repeat(50)); s.body[1]["choices"][0]["text"] = json!("") }),
    ("text", completion, |s| s.body["choices"][2]["text"] = json!("\t")),
    ("usage", chat, |s| s.body["usage"] = json!(null)),
    ("usage", chat, |s| s.body["usage"] = json!({ "prompt_tokens": 4, "total_tokens": 9 })),
    ("usage", chat_stream, |s| drop(s.body.as_array_mut().expect("list").pop())),
    ("usage_sum", chat, |s| s.body["usage"]["total_tokens"] = json!(10)),
    ("usage_sum", chat, |s| s.body["usage"]["prompt_tokens"] = json!(u64::MAX)),
    ("usage_counts", chat_stream, |s| s.body[5]["usage"] = json!({ "prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4 })),
    ("usage_counts", chat, |s| s.body["usage"] = json!({ "prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5 })),
    ("usage_limit", chat, |s| s.body["usage"]["completion_tokens"] = json!(7)),
    ("usage_limit", completion, |s| s.body["usage"]["completion_tokens"] = json!(9)),
    ("usage_limit", chat_stream, |s| s.request["max_completion_tokens"] = json!(1)),
    ("finish_length", completion, |s| s.body["usage"]["completion_tokens"] = json!(7)),
    ("finish_length", chat, |s| s.body["usage"]["completion_tokens"] = json!(2)),
    ("logprobs", chat, |s| s.body["choices"][0]["logprobs"] = json!(null)),
    ("logprobs", chat, |s| s.body["choices"][0]["logprobs"] = json!({ "content": [] })),
    ("logprobs", chat, |s| s.body["choices"][0]["logprobs"]["content"][0]["top_logprobs"] = json!([])),
    ("logprobs", completion, |s| s.body["choices"][0]["logprobs"]["top_logprobs"][0] = json!({ "a": -0.1, "b": -5, "c": -6, "d": -7 })),
    ("logprobs_sign", chat, |s| s.body["choices"][0]["logprobs"]["content"][0]["logprob"] = json!(0.1)),
    ("logprobs_sign", chat, |s| s.body["choices"][0]["logprobs"]["content"][0]["logprob"] = json!(null)),
    ("logprobs_sign", chat, |s| s.body["choices"][1]["logprobs"]["content"][0]["top_logprobs"][1]["logprob"] = json!(1)),
    ("logprobs_sign", completion, |s| s.body["choices"][0]["logprobs"]["token_logprobs"][1] = json!(0.5)),
    ("logprobs_chosen", chat, |s| s.body["choices"][0]["logprobs"]["content"][0]["token"] = json!("Bye")),
    ("logprobs_chosen", chat, |s| for (key, value) in [("token", json!("Bye")), ("logprob", json!(-9))] { s.body["choices"][0]["logprobs"]["content"][0][key] = value }),
    ("logprobs_chosen", completion, |s| s.body["choices"][0]["logprobs"]["token_logprobs"][1] = json!(-1.0)),
    ("logprobs_chosen", completion, |s| s.body["choices"][0]["logprobs"]["top_logprobs"][1] = json!({ "y": -0.2 })),
    ("logprobs_order", chat, |s| s.body["choices"][0]["logprobs"]["content"][0]["top_logprobs"].as_array_mut().expect("list").reverse()),
    ("logprobs_mass", chat, |s| s.body["choices"][0]["logprobs"]["content"][0]["top_logprobs"][1]["logprob"] = json!(-0.55)),
    ("logprobs_mass", completion, |s| s.body["choices"][0]["logprobs"]["top_logprobs"][0]["x"] = json!(-0.2)),
];

#[test]
fn every_defect_is_caught_by_the_rule_meant_for_it() {
    for (depth, defects) in [(Depth::Basic, BASIC), (Depth::Deep, DEEP)] {
        for (number, (rule, healthy, defect)) in defects.iter().enumerate() {
            let mut sample = healthy();
            defect(&mut sample);
            let verdict = sample.judge(depth);
            let result = verdict
                .rule(rule)
                .unwrap_or_else(|| panic!("no rule `{rule}`"));
            assert_eq!(
                result.ending,
                Ending::Fail,
                "{depth:?} defect {number}\n{verdict}"
            );
            assert!(
                result.figure.is_some() || !result.message.is_empty(),
                "a failure says what is wrong: {result}"
            );
            let error = verdict.check().expect_err("fails").to_string();
            assert!(error.contains(&format!("fail: {rule}")), "{error}");
        }
    }
}

#[test]
fn a_deep_defect_is_none_at_the_basic_depth() {
    for (number, (rule, healthy, defect)) in DEEP.iter().enumerate() {
        let mut sample = healthy();
        defect(&mut sample);
        assert_eq!(
            sample.judge(Depth::Basic).check(),
            Ok(()),
            "{rule}, defect {number}"
        );
    }
}

/// The rules that are proven here.
pub fn rules() -> impl Iterator<Item = &'static str> {
    BASIC.iter().chain(DEEP).map(|(rule, ..)| *rule)
}

/// A rule that no healthy answer passes says nothing.
#[test]
fn every_rule_that_catches_a_defect_passes_a_healthy_answer() {
    let passed: BTreeSet<&str> = all()
        .iter()
        .flat_map(|sample| sample.judge(Depth::Deep).rules)
        .filter(|rule| rule.ending == Ending::Pass)
        .map(|rule| rule.rule)
        .collect();
    let missing: Vec<_> = rules().filter(|rule| !passed.contains(rule)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
