//! Streams: put together, timed, and every way in which they may end.

use tribunal_client::{Failure, Phase, StreamEnd};

use crate::scripted::{Scripted, Step, chunk, delta, end, json, send, stream, stream_head};

fn hello() -> String {
    [
        delta("{\"role\":\"assistant\",\"content\":\"\"}", None),
        delta("{\"content\":\"Hel\"}", None),
        delta("{\"content\":\"lo\"}", None),
        delta("{}", Some("stop")),
    ]
    .concat()
}

const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn a_stream_is_put_together_and_timed() {
    let usage = "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n";
    let server = Scripted::always(stream(format!(": hi\n\n{}{usage}{DONE}", hello()))).await;
    let answer = server
        .chat()
        .user("x")
        .stream()
        .include_usage()
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (
            answer.text(),
            answer.finish_reason(),
            answer.choices[0].message.role.as_deref()
        ),
        ("Hello", Some("stop"), Some("assistant"))
    );
    assert_eq!(answer.usage().expect("counts").completion_tokens, 2);
    assert_eq!(
        (answer.id.as_deref(), answer.model.as_deref()),
        (Some("c1"), Some("m"))
    );
    let stream = answer.stream.as_ref().expect("a stream");
    assert_eq!(
        (
            stream.chunks.len(),
            &stream.end,
            stream.after_done.len(),
            stream.comments
        ),
        (5, &StreamEnd::Done, 0, 1)
    );
    assert!(stream.chunks[1].raw.contains("Hel"));
    let times: Vec<_> = std::iter::once(answer.raw.headers_after)
        .chain(stream.chunks.iter().map(|chunk| chunk.at))
        .chain([answer.elapsed()])
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(
        answer.time_to_first_token(),
        Some(stream.chunks[1].at),
        "the role alone is no output"
    );
    assert_eq!(answer.token_times().count(), 2);
    assert!(server.requests()[0].contains("accept: text/event-stream"));
}

#[tokio::test]
async fn bytes_one_at_a_time_with_every_line_ending_give_the_same_answer() {
    for line_end in ["\n", "\r\n", "\r"] {
        let text = format!("\u{FEFF}{}{DONE}", hello()).replace('\n', line_end);
        let mut steps = vec![stream_head()];
        steps.extend(text.as_bytes().iter().map(|byte| chunk([*byte])));
        steps.push(end());
        let server = Scripted::always(steps).await;
        let answer = server
            .chat()
            .user("x")
            .stream()
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            (
                answer.text(),
                answer.stream.as_ref().map(|stream| stream.end.clone())
            ),
            ("Hello", Some(StreamEnd::Done)),
            "{line_end:?}"
        );
    }
}

#[tokio::test]
async fn several_choices_and_tool_calls_are_told_apart_by_index() {
    let text = r#"data: {"choices":[{"index":1,"delta":{"role":"assistant","content":"b"}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":""}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"","type":null,"function":{"name":"","arguments":"{\"a\""}}]}},{"index":1,"delta":{"content":"c","reasoning_content":"x"}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}, {"index":1,"function":{"name":"g"}}]},"finish_reason":"tool_calls"},{"index":1,"delta":{"reasoning_content":"y"},"finish_reason":"stop"}]}

data: {"choices":[{"index":1,"delta":{"reasoning_content":null}}]}

data: [DONE]

"#;
    let server = Scripted::always(stream(text)).await;
    let answer = server
        .chat()
        .user("x")
        .stream()
        .send()
        .await
        .expect("an answer");
    let [first, second] = answer.choices.as_slice() else {
        panic!("two choices: {:?}", answer.choices)
    };
    let calls = first.message.tool_calls.as_ref().expect("calls");
    assert_eq!(
        (
            calls.len(),
            &calls[0]["function"]["arguments"],
            &calls[0]["id"],
            &calls[1]["function"]["name"]
        ),
        (2, &"{\"a\":1}".into(), &"t".into(), &"g".into())
    );
    assert_eq!(
        (
            second.text(),
            &second.message.extra["reasoning_content"],
            second.finish_reason.as_deref()
        ),
        (Some("bc"), &"xy".into(), Some("stop"))
    );
    assert_eq!(first.text(), None);
}

#[tokio::test]
async fn logprobs_of_a_stream_are_put_together() {
    let piece = |token: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"text\":\"{token}\",\"logprobs\":{{\"tokens\":[\"{token}\"],\"token_logprobs\":[-1],\"top_logprobs\":[{{\"{token}\":-1}}],\"text_offset\":[0]}}}}]}}\n\n"
        )
    };
    let server = Scripted::always(stream(format!("{}{}{DONE}", piece("a"), piece("b")))).await;
    let answer = server
        .chat()
        .completion("x")
        .stream()
        .logprobs(1)
        .send()
        .await
        .expect("an answer");
    let logprobs = answer.choices[0].logprobs.as_ref().expect("logprobs");
    assert_eq!(
        (
            answer.text(),
            logprobs.tokens.as_slice(),
            logprobs.top_logprobs.as_ref().map(Vec::len)
        ),
        ("ab", &["a".to_owned(), "b".into()][..], Some(2))
    );
    let chat = |token: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{token}\"}},\"logprobs\":{{\"content\":[{{\"token\":\"{token}\",\"logprob\":-1}}]}}}}]}}\n\n"
        )
    };
    let server = Scripted::always(stream(format!("{}{}{DONE}", chat("a"), chat("b")))).await;
    let answer = server
        .chat()
        .user("x")
        .stream()
        .logprobs(1)
        .send()
        .await
        .expect("an answer");
    let tokens: Vec<_> = answer.choices[0]
        .logprobs
        .iter()
        .flat_map(|logprobs| logprobs.content.iter().flatten())
        .map(|token| token.token.as_str())
        .collect();
    assert_eq!(tokens, ["a", "b"]);
}

#[tokio::test]
async fn a_complete_body_without_done_or_with_an_open_last_event_or_with_more_is_told() {
    let cases = [
        (hello(), StreamEnd::MissingDone, 0),
        (
            format!("{}data: [DONE]", hello()),
            StreamEnd::Unterminated("[DONE]".into()),
            0,
        ),
        (
            format!("{}data: [DONE]\n", hello()),
            StreamEnd::Unterminated("[DONE]".into()),
            0,
        ),
        (
            format!("{}{DONE}{}", hello(), delta("{\"content\":\"late\"}", None)),
            StreamEnd::Done,
            1,
        ),
    ];
    for (text, want, after) in cases {
        let server = Scripted::always(stream(&text)).await;
        let answer = server
            .chat()
            .user("x")
            .stream()
            .send()
            .await
            .expect("an answer");
        let stream = answer.stream.as_ref().expect("a stream");
        assert_eq!(
            (answer.text(), &stream.end, stream.after_done.len()),
            ("Hello", &want, after),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_broken_connection_is_an_error_and_raw_gives_what_came() {
    for rest in [vec![], vec![Step::Reset]] {
        let steps = [vec![stream_head(), chunk(hello())], rest].concat();
        let server = Scripted::always(steps).await;
        let raw = server.chat().user("x").stream().send_raw().await;
        // A reset may overtake the bytes before it, even the headers.
        if let Ok(raw) = raw {
            let answer = raw.chat().expect("what came");
            assert!(
                matches!(
                    answer.stream.as_ref().map(|stream| &stream.end),
                    Some(StreamEnd::Truncated(_))
                ),
                "{answer:?}"
            );
        }
        let error = server
            .chat()
            .user("x")
            .stream()
            .send()
            .await
            .expect_err("it broke");
        assert!(
            matches!(error.failure(), Failure::Truncated | Failure::Closed),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_cut_between_chunks_of_the_encoding_is_a_truncation_with_its_count() {
    let server = Scripted::always(vec![stream_head(), chunk(hello()), chunk(DONE)]).await;
    let error = server
        .chat()
        .user("x")
        .stream()
        .send()
        .await
        .expect_err("no last chunk");
    assert_eq!(
        (error.failure(), error.phase()),
        (&Failure::Truncated, Phase::Events)
    );
    assert!(error.to_string().contains("after 5 events"), "{error}");
}

#[tokio::test]
async fn an_error_inside_the_stream_is_an_error_of_its_own() {
    let object = "data: {\"error\":{\"message\":\"worker died\",\"type\":\"server_error\",\"code\":500}}\n\n";
    let named = "event: error\ndata: worker died\n\n";
    for (event, message) in [(object, Some("worker died")), (named, None)] {
        let server = Scripted::always(stream(format!(
            "{}{event}{DONE}",
            delta("{\"content\":\"a\"}", None)
        )))
        .await;
        let error = server
            .chat()
            .user("x")
            .stream()
            .send()
            .await
            .expect_err("an error event");
        let Failure::ErrorEvent(api) = error.failure() else {
            panic!("{error}")
        };
        assert_eq!(
            (api.message.as_deref(), api.body.contains("worker died")),
            (message, true)
        );
        assert!(
            error.to_string().contains("event 2 of the stream"),
            "{error}"
        );
    }
    // The connection breaking after it does not hide it.
    let server = Scripted::always(vec![stream_head(), chunk(object)]).await;
    let error = server
        .chat()
        .user("x")
        .stream()
        .send()
        .await
        .expect_err("an error event");
    assert!(matches!(error.failure(), Failure::ErrorEvent(_)), "{error}");
    // Text that only speaks of errors is no error.
    let server = Scripted::always(stream(format!(
        "{}{DONE}",
        delta("{\"content\":\"\\\"error\\\"\"}", None)
    )))
    .await;
    assert_eq!(
        server
            .chat()
            .user("x")
            .stream()
            .send()
            .await
            .expect("an answer")
            .text(),
        "\"error\""
    );
}

#[tokio::test]
async fn an_event_that_is_no_chunk_is_shown() {
    for (event, want) in [
        (&b"data: {\"choices\": nonsense}\n\n"[..], "nonsense"),
        (
            b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xFF\"}}]}\n\n",
            "no UTF-8",
        ),
        (b"data: \n\n", "(empty)"),
    ] {
        let server = Scripted::always(stream(event)).await;
        let error = server
            .chat()
            .user("x")
            .stream()
            .send()
            .await
            .expect_err(want);
        assert_eq!(
            (error.failure(), error.phase()),
            (&Failure::Undecodable, Phase::Decode)
        );
        assert!(
            error.to_string().contains("event 1") && error.to_string().contains(want),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_plain_answer_to_a_streamed_request_is_told() {
    let server = Scripted::always(vec![json(200, crate::scripted::chat_answer("x"))]).await;
    let error = server
        .chat()
        .user("x")
        .stream()
        .send()
        .await
        .expect_err("plain");
    assert!(error.to_string().contains("asked for a stream"), "{error}");
}

#[tokio::test]
async fn a_stream_that_ends_with_the_connection_is_complete() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let server = Scripted::always(vec![send(head), send(hello()), send(DONE)]).await;
    let answer = server
        .chat()
        .user("x")
        .stream()
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        answer.stream.map(|stream| stream.end),
        Some(StreamEnd::Done)
    );
}
