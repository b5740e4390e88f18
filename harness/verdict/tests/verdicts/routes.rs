//! Vectors, ranks, refusals, metrics, and two answers compared.

use serde_json::{Value, json};
use tribunal_client::{Headers, Judged, RawAnswer, Statuses};
use tribunal_verdict::{
    Depth, Expect as _, Expectations, MetricsExpectations, Thresholds, Verdict, judge_metrics, same,
};

use crate::literal::{Literal, json, judge};

fn expect() -> Expectations {
    Expectations::default()
}

fn vectors(list: Value, request: Value, expect: Expectations) -> Verdict {
    let data: Vec<Value> = list
        .as_array()
        .expect("vectors")
        .iter()
        .enumerate()
        .map(
            |(index, vector)| json!({ "index": index, "object": "embedding", "embedding": vector }),
        )
        .collect();
    embedded(json!(data), request, expect)
}

fn embedded(data: Value, request: Value, expect: Expectations) -> Verdict {
    let answer = json(
        request,
        json!({ "object": "list", "model": "m", "data": data }),
        expect,
    )
    .embeddings()
    .expect("embeddings");
    judge(Judged::Embeddings(&answer))
}

fn two() -> Value {
    json!({ "input": ["a", "b"] })
}

fn one() -> Value {
    json!({ "input": "a" })
}

fn reranked(results: &[(Value, f64)], request: Value, expect: Expectations) -> Verdict {
    let results: Vec<Value> = results
        .iter()
        .map(|(index, score)| json!({ "index": index, "relevance_score": score }))
        .collect();
    let answer = json(
        request,
        json!({ "id": "r", "model": "m", "results": results }),
        expect,
    )
    .rerank()
    .expect("an order");
    judge(Judged::Rerank(&answer))
}

fn documents() -> Value {
    json!({ "query": "q", "documents": ["a", "b"] })
}

fn scored(score: Value, expect: Expectations) -> Verdict {
    let body =
        json!({ "object": "list", "data": [{ "index": 0, "object": "score", "score": score }] });
    let answer = json(json!({ "text_1": "a", "text_2": "b" }), body, expect)
        .score()
        .expect("scores");
    judge(Judged::Score(&answer))
}

fn classified(label: &str, probs: Value, expect: Expectations) -> Verdict {
    let body = json!({ "object": "list", "data": [{ "index": 0, "label": label, "probs": probs, "num_classes": 2 }] });
    let answer = json(one(), body, expect).classify().expect("classes");
    judge(Judged::Classify(&answer))
}

fn refused(body: Value, expect: Expectations) -> Verdict {
    let mut raw = RawAnswer::recorded(
        json!({}),
        400,
        Headers::from_iter([("content-type", "application/json")]),
        body.to_string(),
    );
    raw.attached.insert(expect);
    let mut answer = raw.error();
    answer.health_after = tribunal_client::HealthAfter::Healthy;
    judge(Judged::Error(&answer, &Statuses::from(400)))
}

fn no_temperature() -> Value {
    json!({ "error": { "message": "temperature must be a number", "param": "temperature", "type": "invalid_request_error" } })
}

const METRICS: &str = "# TYPE requests_total counter\nrequests_total{model=\"a}\"} 3\n# TYPE cache_usage gauge\ncache_usage 0.5\n# TYPE ttft histogram\nttft_bucket{le=\"+Inf\"} 2\nttft_sum 1.5\nttft_count 2\n";

fn metrics(before: &str, now: &str, expect: MetricsExpectations) -> Verdict {
    judge_metrics(Some(before), now, &expect, Depth::Deep)
}

fn wanted() -> MetricsExpectations {
    MetricsExpectations::new()
}

fn compared(text: &str, finish: &str, tokens: u64, logprob: f64) -> Verdict {
    let answer = |text: &str, finish: &str, tokens: u64, logprob: f64| {
        let body = json!({
            "id": "c", "object": "chat.completion", "model": "m",
            "choices": [{ "index": 0, "finish_reason": finish, "message": { "role": "assistant", "content": text }, "logprobs": { "content": [{ "token": "a", "logprob": logprob, "top_logprobs": [] }] } }],
            "usage": { "prompt_tokens": 4, "completion_tokens": tokens, "total_tokens": tokens + 4 },
        });
        json(json!({ "model": "m" }), body, expect())
            .chat()
            .expect("a chat")
    };
    let (a, b) = (
        answer("abc", "stop", 3, -0.5),
        answer(text, finish, tokens, logprob),
    );
    same(Judged::Chat(&a), Judged::Chat(&b), &Thresholds::default())
}

pub fn literals() -> Vec<Literal> {
    vec![
        (
            "embedding_count",
            || vectors(json!([[1.0], [2.0]]), two(), expect()),
            || vectors(json!([[1.0]]), two(), expect()),
        ),
        (
            "embedding_count",
            || vectors(json!([[1.0], [2.0]]), two(), expect()),
            || {
                embedded(
                    json!([{ "index": 1, "embedding": [1.0] }, { "index": 0, "embedding": [2.0] }]),
                    two(),
                    expect(),
                )
            },
        ),
        (
            "embedding_numbers",
            || vectors(json!([[1.0, 0.0]]), one(), expect()),
            || vectors(json!([[1.0, null]]), one(), expect()),
        ),
        (
            "embedding_numbers",
            || {
                vectors(
                    json!(["AACAPwAAAAA="]),
                    json!({ "input": "a", "encoding_format": "base64" }),
                    expect(),
                )
            },
            || {
                vectors(
                    json!([[1.0, 0.0]]),
                    json!({ "input": "a", "encoding_format": "base64" }),
                    expect(),
                )
            },
        ),
        (
            "embedding_dimensions",
            || {
                vectors(
                    json!([[1.0, 0.0]]),
                    json!({ "input": "a", "dimensions": 2 }),
                    expect(),
                )
            },
            || {
                vectors(
                    json!([[1.0, 0.0]]),
                    json!({ "input": "a", "dimensions": 3 }),
                    expect(),
                )
            },
        ),
        (
            "embedding_dimensions",
            || vectors(json!([[1.0], [2.0]]), two(), expect().expect_dimensions(1)),
            || vectors(json!([[1.0], [2.0, 3.0]]), two(), expect()),
        ),
        (
            "embedding_zero",
            || vectors(json!([[0.0, 0.1]]), one(), expect()),
            || vectors(json!([[0.0, 0.0]]), one(), expect()),
        ),
        (
            "embedding_norm",
            || vectors(json!([[0.6, 0.8]]), one(), expect().expect_normalised()),
            || vectors(json!([[0.6, 0.9]]), one(), expect().expect_normalised()),
        ),
        (
            "embedding_same",
            || {
                vectors(
                    json!([[0.6, 0.8]]),
                    one(),
                    expect().expect_same_vectors([vec![0.6, 0.8001]]),
                )
            },
            || {
                vectors(
                    json!([[0.6, 0.8]]),
                    one(),
                    expect().expect_same_vectors([vec![0.6, 0.81]]),
                )
            },
        ),
        (
            "rank_indexes",
            || reranked(&[(json!(1), 0.9), (json!(0), 0.1)], documents(), expect()),
            || reranked(&[(json!(1), 0.9), (json!(1), 0.1)], documents(), expect()),
        ),
        (
            "rank_indexes",
            || reranked(&[(json!(1), 0.9), (json!(0), 0.1)], documents(), expect()),
            || reranked(&[(json!(2), 0.9), (json!(0), 0.1)], documents(), expect()),
        ),
        (
            "rank_count",
            || {
                reranked(
                    &[(json!(1), 0.9)],
                    json!({ "query": "q", "documents": ["a", "b"], "top_n": 1 }),
                    expect(),
                )
            },
            || reranked(&[(json!(1), 0.9)], documents(), expect()),
        ),
        (
            "rank_scores",
            || scored(json!(0.3), expect()),
            || scored(json!(null), expect()),
        ),
        (
            "rank_scores",
            || scored(json!(1), expect().expect_scores_within(0.0, 1.0)),
            || scored(json!(1.1), expect().expect_scores_within(0.0, 1.0)),
        ),
        (
            "rank_order",
            || reranked(&[(json!(1), 0.9), (json!(0), 0.1)], documents(), expect()),
            || reranked(&[(json!(1), 0.1), (json!(0), 0.9)], documents(), expect()),
        ),
        (
            "rank_first",
            || {
                reranked(
                    &[(json!(1), 0.9), (json!(0), 0.1)],
                    documents(),
                    expect().expect_first(1),
                )
            },
            || {
                reranked(
                    &[(json!(1), 0.9), (json!(0), 0.1)],
                    documents(),
                    expect().expect_first(0),
                )
            },
        ),
        (
            "probabilities",
            || classified("LABEL_1", json!([0.2, 0.8]), expect()),
            || classified("LABEL_1", json!([0.2, 0.9]), expect()),
        ),
        (
            "labels",
            || {
                classified(
                    "LABEL_1",
                    json!([0.2, 0.8]),
                    expect().expect_labels(["LABEL_1"]),
                )
            },
            || classified("LABEL_0", json!([0.2, 0.8]), expect()),
        ),
        (
            "labels",
            || classified("good", json!([0.2, 0.8]), expect().expect_labels(["good"])),
            || classified("good", json!([0.2, 0.8]), expect().expect_labels(["bad"])),
        ),
        (
            "error_field",
            || refused(no_temperature(), expect().expect_error_field("temperature")),
            || refused(no_temperature(), expect().expect_error_field("temp")),
        ),
        (
            "error_field",
            || {
                refused(
                    json!({ "detail": [{ "loc": ["body", "n"], "msg": "too small" }] }),
                    expect().expect_error_field("n"),
                )
            },
            || {
                refused(
                    json!({ "detail": [{ "loc": ["body", "n"], "msg": "too small" }] }),
                    expect().expect_error_field("top_p"),
                )
            },
        ),
        (
            "error_text",
            || {
                refused(
                    no_temperature(),
                    expect()
                        .expect_error_says(["Temperature", "number"])
                        .expect_error_says_any(["x", "must"]),
                )
            },
            || {
                refused(
                    no_temperature(),
                    expect().expect_error_says(["temperature", "string"]),
                )
            },
        ),
        (
            "metrics_format",
            || metrics("", METRICS, wanted()),
            || metrics("", "requests_total three\n", wanted()),
        ),
        (
            "metrics_format",
            || metrics("", METRICS, wanted()),
            || metrics("", "# TYPE a counter\na -1\n", wanted()),
        ),
        (
            "metrics_families",
            || metrics("", METRICS, wanted().family("ttft").at_least(1, "requests")),
            || metrics("", METRICS, wanted().family("requests")),
        ),
        (
            "metrics_moved",
            || {
                metrics(
                    "requests_total{model=\"a}\"} 2\n",
                    METRICS,
                    wanted().risen("requests_total"),
                )
            },
            || metrics(METRICS, METRICS, wanted().risen("requests_total")),
        ),
        (
            "metrics_moved",
            || metrics(METRICS, METRICS, wanted()),
            || metrics("requests_total{model=\"a}\"} 4\n", METRICS, wanted()),
        ),
        (
            "metrics_ranges",
            || metrics("", METRICS, wanted().range("cache_usage", 0.0..=1.0)),
            || metrics("", METRICS, wanted().range("cache_usage", 0.6..=1.0)),
        ),
        (
            "same_text",
            || compared("abc", "stop", 3, -0.5),
            || compared("abd", "stop", 3, -0.5),
        ),
        (
            "same_finish",
            || compared("abc", "stop", 3, -0.5),
            || compared("abc", "length", 3, -0.5),
        ),
        (
            "same_usage",
            || compared("abc", "stop", 3, -0.5),
            || compared("abc", "stop", 4, -0.5),
        ),
        (
            "same_logprobs",
            || compared("abc", "stop", 3, -0.52),
            || compared("abc", "stop", 3, -0.6),
        ),
    ]
}
