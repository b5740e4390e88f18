//! The text routes beside chat and completions: what is sent, and what is made of the answer.

use serde_json::{Value, json};
use tribunal_client::{Failure, SentVector};

use crate::scripted::{Scripted, Step, json, stream};

pub fn sse(events: &[Value]) -> Vec<Step> {
    let text: String = events
        .iter()
        .map(|event| {
            let kind = event["type"].as_str().unwrap_or("message");
            format!("event: {kind}\ndata: {event}\n\n")
        })
        .collect();
    stream(text)
}

#[tokio::test]
async fn responses_plain() {
    let server = Scripted::always(vec![json(
        200,
        json!({
            "id": "r1", "object": "response", "created_at": 3, "status": "completed", "model": "m",
            "output": [
                { "type": "reasoning", "id": "i0", "summary": [], "content": [{ "type": "reasoning_text", "text": "hm" }] },
                { "type": "message", "id": "i1", "role": "assistant", "status": "completed",
                  "content": [{ "type": "output_text", "text": "two ", "annotations": [] }, { "type": "output_text", "text": "words" }] },
                { "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" },
            ],
            "usage": { "input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": { "cached_tokens": 1 } },
            "service_tier": "x",
        }),
    )])
    .await;
    let answer = server
        .chat()
        .responses("hi")
        .instructions("be brief")
        .max_output_tokens(9)
        .reasoning_effort("low")
        .tool("f", "does", json!({ "type": "object" }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        server.body(),
        json!({
            "model": "m", "input": "hi", "instructions": "be brief", "max_output_tokens": 9,
            "reasoning": { "effort": "low" },
            "tools": [{ "type": "function", "name": "f", "description": "does", "parameters": { "type": "object" } }],
        })
    );
    assert_eq!(answer.text(), "two words");
    assert_eq!(
        answer
            .calls()
            .next()
            .and_then(|call| call.arguments.as_deref()),
        Some("{}")
    );
    let usage = answer.usage().expect("counts");
    assert_eq!((usage.prompt_tokens, usage.total_tokens), (3, 5));
    assert_eq!(
        answer
            .response
            .usage
            .as_ref()
            .and_then(|usage| usage.cached_tokens()),
        Some(1)
    );
    assert_eq!(answer.response.extra["service_tier"], "x");
    assert_eq!(answer.time_to_first_token(), None);
}

#[tokio::test]
async fn responses_streamed() {
    let response = |status: &str, output: Value| json!({ "id": "r1", "status": status, "error": null, "output": output });
    let done = json!([{ "type": "message", "content": [{ "type": "output_text", "text": "ab" }] }]);
    let events = [
        json!({ "type": "response.created", "sequence_number": 0, "response": response("in_progress", json!([])) }),
        json!({ "type": "response.output_text.delta", "sequence_number": 1, "delta": "a" }),
        json!({ "type": "response.output_text.delta", "sequence_number": 2, "delta": "b" }),
        json!({ "type": "response.output_text.done", "sequence_number": 3, "text": "ab" }),
        json!({ "type": "response.completed", "sequence_number": 4, "response": response("completed", done) }),
    ];
    let server = Scripted::start(vec![sse(&events), sse(&events[..3])]).await;
    let chat = server.chat();
    let whole = chat.responses("x").stream().send().await.expect("a stream");
    let record = whole.stream.as_ref().expect("a stream");
    assert_eq!(record.end, tribunal_client::StreamEnd::Done);
    assert_eq!(
        (whole.text().as_str(), whole.streamed_text().as_str()),
        ("ab", "ab")
    );
    assert_eq!(whole.response.status.as_deref(), Some("completed"));
    assert_eq!(
        (whole.token_times().count(), whole.gaps().len()),
        (2, 1),
        "only deltas are output"
    );
    assert_eq!(whole.events("response.output_text.done").count(), 1);

    let cut = chat.responses("x").stream().send().await.expect("a stream");
    assert_eq!(
        cut.stream.as_ref().map(|stream| stream.end.clone()),
        Some(tribunal_client::StreamEnd::MissingDone)
    );
    assert_eq!(cut.text(), "ab", "what the deltas say");
    assert_eq!(cut.response.status.as_deref(), Some("in_progress"));
}

#[tokio::test]
async fn an_error_event_of_the_responses_route_is_the_reason() {
    let server = Scripted::always(sse(&[
        json!({ "type": "error", "message": "out of memory" }),
    ]))
    .await;
    let error = server
        .chat()
        .responses("x")
        .stream()
        .send()
        .await
        .expect_err("an error");
    assert!(matches!(error.failure(), Failure::ErrorEvent(_)), "{error}");
}

#[tokio::test]
async fn embeddings_as_numbers_and_as_base64_are_the_same_vectors() {
    let item = |index: u64, embedding: Value| json!({ "object": "embedding", "index": index, "embedding": embedding });
    let list = |data: Vec<Value>| {
        vec![json(
            200,
            json!({ "object": "list", "model": "m", "data": data, "usage": { "prompt_tokens": 2, "total_tokens": 2 } }),
        )]
    };
    let server = Scripted::start(vec![
        list(vec![item(1, json!([0.5, null])), item(0, json!([1, -2.0]))]),
        list(vec![item(0, json!("AACAPwAAAMA="))]),
        list(vec![item(0, json!("AACA")), item(1, json!({ "a": 1 }))]),
        vec![json(
            200,
            json!({ "error": { "message": "no such model" } }),
        )],
    ])
    .await;
    let api = server.chat();
    let floats = api
        .embeddings(["a", "b"])
        .dimensions(2)
        .send()
        .await
        .expect("numbers");
    let vectors = floats.vectors().expect("vectors");
    assert_eq!(vectors[0], [1.0, -2.0], "by index");
    assert!(
        vectors[1][0] == 0.5 && vectors[1][1].is_nan(),
        "{vectors:?}"
    );
    let base64 = api.embeddings("a").base64().send().await.expect("base64");
    assert_eq!(base64.vectors().expect("vectors"), [[1.0, -2.0]]);
    assert!(matches!(base64.data[0].sent, SentVector::Base64(_)));
    assert_eq!(base64.raw.request["encoding_format"], "base64");
    let broken = api.embeddings("a").send().await.expect("an answer");
    let error = broken.vectors().expect_err("3 bytes");
    assert!(error.to_string().contains("not a multiple of 4"), "{error}");
    assert!(matches!(broken.data[1].sent, SentVector::Other(_)));
    let error = api.embeddings("a").send().await.expect_err("an error");
    assert_eq!(error.status(), Some(200));
}

#[tokio::test]
async fn rankings_and_tokens() {
    let server = Scripted::start(vec![
        vec![json(200, json!({ "id": "k", "model": "m", "results": [{ "index": 1, "relevance_score": 0.9, "document": { "text": "b" } }, { "index": 0, "relevance_score": 0.1 }] }))],
        vec![json(200, json!({ "data": [{ "index": 0, "object": "score", "score": 0.25 }] }))],
        vec![json(200, json!({ "data": [{ "index": 0, "label": "good", "probs": [0.75, 0.25], "num_classes": 2 }] }))],
        vec![json(200, json!({ "tokens": [1, { "id": 2, "piece": "x" }], "count": 2, "max_model_len": 9 }))],
        vec![json(200, json!({ "content": "ab" }))],
        vec![json(200, json!({ "results_of": 1 }))],
    ])
    .await;
    let api = server.chat();
    let ranked = api
        .rerank("q", ["a", "b"])
        .top_n(2)
        .send()
        .await
        .expect("a ranking");
    assert_eq!(
        (ranked.results[0].index, ranked.results[1].relevance_score),
        (Some(1), Some(0.1))
    );
    let scored = api.score("a", ["b"]).send().await.expect("a score");
    assert_eq!(scored.data[0].score, Some(0.25));
    let sorted = api.classify("a").send().await.expect("a class");
    assert_eq!(sorted.data[0].probs.as_deref(), Some(&[0.75, 0.25][..]));
    let tokens = api.tokenize("ab").send().await.expect("tokens");
    assert_eq!((tokens.tokens, tokens.count), (vec![1, 2], Some(2)));
    let text = api.detokenize([1, 2]).send().await.expect("a text");
    assert_eq!(text.text, "ab");
    let error = api
        .rerank("q", ["a"])
        .path("/rerank")
        .send()
        .await
        .expect_err("no results");
    assert!(error.to_string().contains("no `results`"), "{error}");
    let requests = server.requests();
    for (request, path) in requests.iter().zip([
        "/v1/rerank",
        "/v1/score",
        "/classify",
        "/tokenize",
        "/detokenize",
        "/rerank",
    ]) {
        assert!(request.starts_with(&format!("POST {path} ")), "{request}");
    }
    assert!(requests[1].contains("\"text_2\":\"b\""));
}

/// A list alone, a score under another name, scores by place and by label: what SGLang answers.
#[tokio::test]
async fn rankings_without_an_object_around_them() {
    let server = Scripted::start(vec![
        vec![json(200, json!([{ "score": 0.9, "document": "b", "index": 1, "meta_info": { "prompt_tokens": 7 } }, { "score": 0.1, "index": 0 }]))],
        vec![json(200, json!([{ "relevance_score": 0.5, "score": 3, "index": 0 }]))],
        vec![json(200, json!({ "scores": [[0.25], 0.5, [0.75, 0.125]], "model": "m", "object": "scoring" }))],
        vec![json(200, json!(["no", "objects"]))],
        vec![json(200, json!({ "scores": "none" }))],
        vec![json(200, json!({ "object": "scoring" }))],
    ])
    .await;
    let api = server.chat();
    let ask = || api.rerank("q", ["a", "b"]).send();
    let ranked = ask().await.expect("a ranking").results;
    assert_eq!(
        (ranked[0].index, ranked[0].relevance_score),
        (Some(1), Some(0.9))
    );
    assert_eq!(ranked[0].extra["meta_info"]["prompt_tokens"], 7);
    assert_eq!(ranked[1].relevance_score, Some(0.1));
    let both = &ask().await.expect("a ranking").results[0];
    assert_eq!(both.relevance_score, Some(0.5));
    assert_eq!(both.extra["score"], 3);

    let scored = api.score("a", ["b", "c", "d"]).send().await;
    let scored = scored.expect("scores");
    assert_eq!(scored.object.as_deref(), Some("scoring"));
    assert_eq!(
        (scored.data[0].score, scored.data[1].score),
        (Some(0.25), Some(0.5))
    );
    let last = &scored.data[2];
    assert_eq!((last.index, last.score), (Some(2), None));
    assert_eq!(last.labels, [0.75, 0.125]);

    assert!(ask().await.is_err(), "a list of texts is no ranking");
    assert!(api.score("a", ["b"]).send().await.is_err());
    let error = api.score("a", ["b"]).send().await.expect_err("no data");
    assert!(error.to_string().contains("no `data`"), "{error}");
}
