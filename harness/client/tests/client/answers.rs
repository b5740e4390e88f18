//! Plain answers: everything that came is there, and every other route.

use serde_json::json;
use tribunal_client::{ErrorShape, Failure, HealthAfter, Phase};

use crate::scripted::{Scripted, chat_answer, json, plain};

#[tokio::test]
async fn a_plain_answer_keeps_everything() {
    let server = Scripted::always(vec![json(200, chat_answer("Paris"))]).await;
    let answer = server
        .chat()
        .user("capital?")
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (answer.text(), answer.finish_reason()),
        ("Paris", Some("stop"))
    );
    assert_eq!(
        (
            answer.id.as_deref(),
            answer.object.as_deref(),
            answer.model.as_deref(),
            answer.created
        ),
        (Some("c1"), Some("chat.completion"), Some("m"), Some(1.0))
    );
    assert_eq!(answer.extra["system_fingerprint"], "fp");
    assert_eq!(answer.choices[0].extra["stop_reason"], 7);
    assert_eq!(answer.choices[0].message.extra["reasoning_content"], "hm");
    assert_eq!(answer.choices[0].index, Some(0));
    let usage = answer.usage().expect("counts");
    assert_eq!(
        (
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.total_tokens
        ),
        (3, 2, 5)
    );
    assert_eq!(
        answer
            .usage
            .as_ref()
            .and_then(|usage| usage.cached_tokens()),
        Some(1)
    );
    assert_eq!(
        (answer.raw.status, answer.raw.headers.get("X-Server")),
        (200, Some("scripted"))
    );
    assert_eq!(
        answer.raw.json::<serde_json::Value>().expect("JSON"),
        chat_answer("Paris")
    );
    assert!(answer.stream.is_none() && answer.time_to_first_token().is_none());
    assert!(answer.raw.headers_after <= answer.elapsed());
}

#[tokio::test]
async fn an_absent_count_is_an_error_that_names_it_and_never_zero() {
    let mut body = chat_answer("x");
    body["usage"] = json!({ "prompt_tokens": 3, "total_tokens": 5 });
    let mut without = chat_answer("x");
    without["usage"] = json!(null);
    let server = Scripted::start(vec![vec![json(200, body)], vec![json(200, without)]]).await;
    let error = server
        .chat()
        .user("x")
        .send()
        .await
        .expect("an answer")
        .usage()
        .expect_err("a count is missing");
    assert!(
        error.to_string().contains("lacks `completion_tokens`"),
        "{error}"
    );
    assert_eq!(*error.failure(), Failure::Missing);
    let error = server
        .chat()
        .user("x")
        .send()
        .await
        .expect("an answer")
        .usage()
        .expect_err("no usage");
    assert!(error.to_string().contains("no `usage`"), "{error}");
}

#[tokio::test]
async fn an_error_object_is_read_and_an_error_status_is_an_error() {
    let body = json!({ "error": { "message": "no such model", "type": "not_found_error", "param": "model", "code": 404 } });
    let server = Scripted::always(vec![json(404, body)]).await;
    let error = server.chat().user("x").send().await.expect_err("404");
    let api = error.api_error().expect("an error object");
    assert_eq!(
        (
            api.status,
            api.param.as_deref(),
            api.code.as_deref(),
            api.shape
        ),
        (404, Some("model"), Some("404"), ErrorShape::Nested)
    );
    let text = error.to_string();
    assert!(
        text.contains("no such model") && text.contains("GET /v1/models"),
        "{text}"
    );
}

#[tokio::test]
async fn a_page_of_html_under_500_is_shown_in_part() {
    let server =
        Scripted::always(vec![plain(500, "text/html", "<html><h1>oops</h1></html>")]).await;
    let error = server.chat().user("x").send().await.expect_err("500");
    assert_eq!(
        (error.status(), error.api_error().map(|api| api.shape)),
        (Some(500), Some(ErrorShape::NotJson))
    );
    assert!(error.to_string().contains("<h1>oops</h1>"), "{error}");
}

#[tokio::test]
async fn an_expected_refusal_is_an_answer_and_the_health_is_asked_afterwards() {
    let refusal = json(400, json!({ "error": { "message": "bad" } }));
    let server = Scripted::start(vec![
        vec![refusal.clone()],
        vec![plain(200, "text/plain", "")],
        vec![refusal],
        vec![plain(503, "text/plain", "dying")],
    ])
    .await;
    let chat = server.chat();
    let answer = chat
        .user("x")
        .extra("n", -1)
        .expect_status([400, 422])
        .send()
        .await
        .expect("a refusal");
    assert_eq!(
        (
            answer.status,
            answer.error.message.as_deref(),
            &answer.health_after
        ),
        (400, Some("bad"), &HealthAfter::Healthy)
    );
    assert!(server.requests()[1].starts_with("GET /health HTTP/1.1\r\n"));
    let answer = chat
        .user("x")
        .expect_status(400..500)
        .send()
        .await
        .expect("a refusal");
    assert!(
        matches!(&answer.health_after, HealthAfter::Unhealthy(why) if why.contains("503")),
        "{:?}",
        answer.health_after
    );
}

#[tokio::test]
async fn a_success_where_a_refusal_was_expected_is_an_error() {
    let server = Scripted::start(vec![
        vec![json(200, chat_answer("sure"))],
        vec![plain(200, "text/plain", "")],
    ])
    .await;
    let error = server
        .chat()
        .user("x")
        .expect_status(400)
        .send()
        .await
        .expect_err("200");
    assert_eq!(error.status(), Some(200));
    assert!(
        error.to_string().contains("expected was 400") && error.to_string().contains("sure"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_answer_of_the_route_says_where_it_is_wrong() {
    let cases = [
        (
            plain(
                200,
                "application/json",
                "{\"choices\": [{\"index\": \"zero\"}]}",
            ),
            "zero",
        ),
        (
            plain(200, "application/json", "{\"id\": \"c1\"}"),
            "no `choices`",
        ),
        (plain(200, "application/json", "{\"choi"), "EOF"),
        (plain(200, "text/html", "<html>hello"), "but text/html"),
        (plain(200, "application/json", ""), "(empty)"),
        (
            plain(200, "text/event-stream", "data: [DONE]\n\n"),
            "asked for a plain body",
        ),
    ];
    for (step, want) in cases {
        let server = Scripted::always(vec![step]).await;
        let error = server.chat().user("x").send().await.expect_err(want);
        assert_eq!(
            (error.failure(), error.phase()),
            (&Failure::Undecodable, Phase::Decode),
            "{error}"
        );
        assert!(error.to_string().contains(want), "{want}: {error}");
        assert!(error.body_excerpt().is_some(), "{error}");
    }
}

#[tokio::test]
async fn an_error_object_under_200_is_an_error() {
    for stream in [false, true] {
        let server = Scripted::always(vec![json(
            200,
            json!({ "error": { "message": "out of memory" } }),
        )])
        .await;
        let request = server.chat().user("x");
        let error = if stream { request.stream() } else { request }
            .send()
            .await
            .expect_err("an error object");
        assert_eq!(
            error.api_error().and_then(|api| api.message.as_deref()),
            Some("out of memory"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn completions_give_every_choice_with_its_logprobs() {
    let body = json!({
        "id": "c", "object": "text_completion", "created": 2.5, "model": "m",
        "choices": [
            { "index": 0, "text": "ab", "finish_reason": "length", "logprobs": { "tokens": ["a", "b"], "token_logprobs": [null, -0.5], "top_logprobs": [null, { "b": -0.5, "c": -2 }], "text_offset": [0, 1] } },
            { "index": 1, "text": "c", "finish_reason": "stop", "logprobs": null },
        ],
    });
    let server = Scripted::always(vec![json(200, body)]).await;
    let answer = server
        .chat()
        .completion(["p", "q"])
        .logprobs(2)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (
            answer.text(),
            answer.choices[1].text.as_deref(),
            answer.finish_reason()
        ),
        ("ab", Some("c"), Some("length"))
    );
    let logprobs = answer.choices[0].logprobs.as_ref().expect("logprobs");
    assert_eq!(logprobs.token_logprobs, [None, Some(-0.5)]);
    assert_eq!(
        logprobs.top_logprobs.as_ref().expect("top")[1]
            .as_ref()
            .expect("a map")["c"],
        -2
    );
    assert_eq!(answer.created, Some(2.5));
}

#[tokio::test]
async fn health_models_and_metrics_are_errors_unless_they_succeed() {
    let models = json!({ "object": "list", "data": [{ "id": "m", "object": "model", "owned_by": "us", "max_model_len": 128 }] });
    let server = Scripted::start(vec![
        vec![plain(200, "text/plain", "ok")],
        vec![json(200, models)],
        vec![plain(200, "text/plain", "up 1\n")],
        vec![plain(503, "text/plain", "loading")],
    ])
    .await;
    let client = server.client();
    assert_eq!(client.health().await.expect("healthy").body, "ok");
    let models = client.models().await.expect("models");
    assert_eq!(
        (
            models.ids().collect::<Vec<_>>(),
            &models.data[0].extra["max_model_len"]
        ),
        (vec!["m"], &json!(128))
    );
    assert_eq!(client.metrics().await.expect("metrics"), "up 1\n");
    assert_eq!(
        client.health().await.expect_err("loading").status(),
        Some(503)
    );
    assert_eq!(client.models().await.expect_err("503").status(), Some(503));
    assert_eq!(client.metrics().await.expect_err("503").status(), Some(503));
}

#[tokio::test]
async fn raw_calls_take_any_status_and_send_any_bytes() {
    let server = Scripted::always(vec![plain(418, "text/plain", "teapot")]).await;
    let client = server.client();
    let answer = client.get("/brew?n=1").await.expect("any status");
    assert_eq!(
        (
            answer.status,
            answer.text().expect("text"),
            answer.is_success()
        ),
        (418, "teapot", false)
    );
    client
        .post_bytes("/v1/x", "application/json", &b"{\"broken\": "[..])
        .await
        .expect("any status");
    client
        .post_json("/v1/y", &json!({ "a": [1] }))
        .await
        .expect("any status");
    let requests = server.requests();
    assert!(
        requests[0].starts_with("GET /brew?n=1 HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].starts_with("POST /v1/x ") && requests[1].ends_with("\r\n\r\n{\"broken\": "),
        "{}",
        requests[1]
    );
    assert!(
        requests[2].ends_with("\r\n\r\n{\"a\":[1]}"),
        "{}",
        requests[2]
    );
    let error = client.get("no-slash").await.expect_err("a bad path");
    assert_eq!(
        (error.failure(), error.phase()),
        (&Failure::Unusable, Phase::Prepare)
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = Scripted::always(vec![crate::scripted::send(
        "HTTP/1.1 307 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
    )])
    .await;
    let answer = server.client().get("/x").await.expect("an answer");
    assert_eq!(
        (
            answer.status,
            answer.headers.get("location"),
            server.requests().len()
        ),
        (307, Some("/elsewhere"), 1)
    );
}
