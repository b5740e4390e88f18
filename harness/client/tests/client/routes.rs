//! The routes beside chat and completions: what is sent, and what is made of the answer.

use std::time::Duration;

use serde_json::{Value, json};
use tribunal_client::{Failure, Limit, MediaPart, Phase, SentVector};

use crate::scripted::{Scripted, Step, chunk, end, json, plain, send, stream};

/// The head of a chunked body of this type.
fn chunked(kind: &str) -> Step {
    send(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    ))
}

fn sse(events: &[Value]) -> Vec<Step> {
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

#[tokio::test]
async fn speech_plain_in_pieces_and_as_events() {
    let server = Scripted::start(vec![
        vec![plain(200, "audio/wav", b"RIFF\xFFabc")],
        vec![chunked("audio/pcm"), chunk(b"\x01\x02"), chunk(b"\x03"), end()],
        sse(&[
            json!({ "type": "speech.audio.delta", "audio": "AQI=" }),
            json!({ "type": "speech.audio.delta", "audio": { "data": "Aw==" } }),
            json!({ "type": "speech.audio.done", "usage": { "total_tokens": 7 }, "word_timestamps": [1] }),
        ]),
        sse(&[json!({ "type": "speech.audio.delta", "audio": "***" })]),
        vec![json(200, json!({ "error": { "message": "no voice" } }))],
    ])
    .await;
    let api = server.chat();
    let whole = api
        .speech("hello")
        .voice("alto")
        .format("wav")
        .speed(1.5)
        .send()
        .await
        .expect("audio");
    assert_eq!(&whole.audio[..], b"RIFF\xFFabc");
    assert_eq!(
        (
            whole.pieces.len(),
            whole.content_type.as_deref(),
            whole.asked_format.as_deref(),
            whole.streamed
        ),
        (1, Some("audio/wav"), Some("wav"), false)
    );
    assert_eq!(whole.time_to_first_token(), None);
    assert!(server.requests()[0].contains(
        r#"{"input":"hello","model":"m","response_format":"wav","speed":1.5,"voice":"alto"}"#
    ));

    let pieces = api
        .speech("x")
        .format("pcm")
        .stream()
        .send()
        .await
        .expect("audio");
    assert_eq!(&pieces.audio[..], [1, 2, 3]);
    // The network may join what the server wrote apart.
    let joined: Vec<u8> = pieces
        .pieces
        .iter()
        .flat_map(|piece| piece.bytes.to_vec())
        .collect();
    assert_eq!(joined, [1, 2, 3]);
    assert!(pieces.time_to_first_token().is_some() && pieces.streamed);

    let events = api.speech("x").stream_events().send().await.expect("audio");
    assert_eq!(&events.audio[..], [1, 2, 3]);
    assert_eq!((events.pieces.len(), events.gaps().len()), (2, 1));
    assert_eq!(
        (events.usage.as_ref(), events.word_timestamps()),
        (Some(&json!({ "total_tokens": 7 })), Some(&json!([1])))
    );
    assert_eq!(
        events.stream.as_ref().map(|stream| &stream.end),
        Some(&tribunal_client::StreamEnd::Done)
    );

    let error = api
        .speech("x")
        .stream_events()
        .send()
        .await
        .expect_err("no base64");
    assert!(
        error.to_string().contains("audio of event 1 is no base64"),
        "{error}"
    );
    let error = api.speech("x").send().await.expect_err("an object");
    assert_eq!(error.status(), Some(200), "{error}");
}

#[tokio::test]
async fn transcriptions_in_every_form() {
    let verbose = json!({
        "task": "transcribe", "language": "en", "duration": "1.5", "text": "one two",
        "segments": [{ "id": 0, "start": 0.0, "end": 1.5, "text": "one two", "avg_logprob": -0.1 }],
        "words": [{ "word": "one", "start": 0.0, "end": 0.5 }],
    });
    let server = Scripted::start(vec![
        vec![json(200, json!({ "text": "one two", "usage": { "seconds": 2 } }))],
        vec![json(200, verbose)],
        vec![plain(200, "text/plain", "one two\n")],
        vec![plain(200, "text/plain", "1\n00:00:00,000 --> 00:00:00,500\none\n\n2\n00:00:00,500 --> 00:00:01,500\ntwo\n")],
        vec![plain(200, "text/vtt", "WEBVTT\n\n00:00.000 --> 00:01.500\none two\n")],
        sse(&[
            json!({ "type": "transcript.text.delta", "delta": "one " }),
            json!({ "type": "transcript.text.delta", "delta": "two" }),
            json!({ "type": "transcript.text.done", "text": "one two" }),
        ]),
        stream("data: {\"object\":\"transcription.chunk\",\"choices\":[{\"delta\":{\"content\":\"one two\"}}]}\n\ndata: [DONE]\n\n"),
        vec![plain(200, "text/plain", "nonsense")],
    ])
    .await;
    let api = server.chat();
    let wav = MediaPart::new("audio/wav", b"RIFF\x00".to_vec());
    for (number, request) in [
        api.transcription(wav.clone())
            .language("en")
            .temperature(0.0),
        api.translation(wav.clone()).words(),
        api.transcription(wav.clone()).format("text"),
        api.transcription(wav.clone()).format("srt"),
        api.transcription(wav.clone()).format("vtt"),
        api.transcription(wav.clone()).stream(),
        api.transcription(wav.clone()).stream(),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = request.send().await.expect("a text");
        assert_eq!(answer.text, "one two", "request {number}");
        match number {
            1 => {
                assert_eq!(
                    (answer.duration, answer.language.as_deref()),
                    (Some(1.5), Some("en"))
                );
                assert_eq!(answer.words.as_ref().map(Vec::len), Some(1));
            }
            3 => assert_eq!(answer.segments.as_ref().map(Vec::len), Some(2)),
            5 | 6 => assert!(answer.time_to_first_token().is_some()),
            _ => {}
        }
    }
    let requests = server.requests();
    assert!(
        requests[0].starts_with("POST /v1/audio/transcriptions ")
            && requests[0].contains("content-type: multipart/form-data; boundary=tribunal-")
            && requests[0].contains("content-disposition: form-data; name=\"file\"; filename=\"file.wav\"\r\ncontent-type: audio/wav\r\n\r\nRIFF\0\r\n")
            && requests[0].contains("name=\"temperature\"\r\n\r\n0.0\r\n"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].starts_with("POST /v1/audio/translations ")
            && requests[1]
                .matches("name=\"timestamp_granularities[]\"")
                .count()
                == 2,
        "{}",
        requests[1]
    );
    let error = api
        .transcription(wav)
        .format("srt")
        .send()
        .await
        .expect_err("no subtitles");
    assert_eq!(error.phase(), Phase::Decode);
}

#[tokio::test]
async fn what_cannot_go_into_a_form_is_refused_before_anything_is_sent() {
    let server = Scripted::always(vec![json(200, json!({}))]).await;
    let api = server.chat();
    let missing = std::path::Path::new("/no/such/file.wav");
    for (error, want) in [
        (
            api.transcription(missing)
                .send()
                .await
                .expect_err("no file"),
            "/no/such/file.wav",
        ),
        (
            api.transcription("http://h/a.wav")
                .send()
                .await
                .expect_err("an address"),
            "is an address",
        ),
        (
            api.videos("x")
                .input_reference(("image/png", vec![0u8]))
                .json()
                .send()
                .await
                .expect_err("a file in JSON"),
            "carries no file",
        ),
        (
            api.user(tribunal_client::text("x").image(missing))
                .send()
                .await
                .map(drop)
                .expect_err("no file"),
            "/no/such/file.wav",
        ),
    ] {
        assert_eq!(
            (error.failure(), error.phase()),
            (&Failure::Unusable, Phase::Prepare)
        );
        assert!(error.to_string().contains(want), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn images_made_and_edited() {
    let server = Scripted::start(vec![
        vec![json(
            200,
            json!({ "created": 1, "size": "8x8", "data": [
            { "b64_json": "AQI=", "revised_prompt": "p" },
            { "url": "data:image/png;base64,Aw==" },
            { "url": "http://h/x.png", "seed": 3 },
        ] }),
        )],
        vec![json(200, json!({ "data": [] }))],
        vec![json(200, json!({ "data": [] }))],
        vec![json(200, json!({ "data": [{ "b64_json": "?" }] }))],
    ])
    .await;
    let api = server.chat();
    let made = api
        .images("a circle")
        .n(3)
        .size(8, 8)
        .seed(1)
        .response_format("b64_json")
        .send()
        .await
        .expect("images");
    let bytes: Vec<_> = made
        .images
        .iter()
        .map(|image| image.bytes.as_deref())
        .collect();
    assert_eq!(bytes, [Some(&[1u8, 2][..]), Some(&[3][..]), None]);
    assert_eq!(made.images[2].url.as_deref(), Some("http://h/x.png"));
    assert_eq!(
        (&made.images[2].extra["seed"], &made.extra["size"]),
        (&json!(3), &json!("8x8"))
    );
    let png = MediaPart::new("image/png", vec![9u8]);
    api.image_edits("more", [png.clone()])
        .mask(png.clone())
        .send()
        .await
        .expect("an edit");
    api.image_edits("more", [png.clone(), png])
        .send()
        .await
        .expect("an edit");
    let requests = server.requests();
    assert!(
        requests[1].contains("name=\"image\"; filename=\"image.png\"")
            && requests[1].contains("name=\"mask\"")
    );
    assert_eq!(requests[2].matches("name=\"image[]\"").count(), 2);
    let error = api.images("x").send().await.expect_err("no base64");
    assert!(
        error.to_string().contains("`b64_json` of image 1"),
        "{error}"
    );
}

fn job(status: &str) -> Vec<Step> {
    vec![json(
        200,
        json!({ "id": "video_1", "object": "video", "status": status, "progress": 50, "seconds": "2" }),
    )]
}

#[tokio::test]
async fn a_video_is_created_watched_fetched_and_deleted() {
    let server = Scripted::start(vec![
        job("queued"),
        job("in_progress"),
        job("completed"),
        vec![plain(200, "video/mp4", b"\0\0\0\x18ftyp")],
        vec![json(200, json!({ "deleted": true }))],
    ])
    .await;
    let answer = server
        .chat()
        .videos("a ball")
        .seconds(2)
        .size(16, 8)
        .num_frames(9)
        .input_reference(("image/png", vec![1u8]))
        .poll_every(Duration::from_millis(1))
        .delete_afterwards()
        .attach(String::from("kept"))
        .send()
        .await
        .expect("a video");
    assert_eq!(&answer.video[..], b"\0\0\0\x18ftyp");
    assert_eq!(answer.content_type.as_deref(), Some("video/mp4"));
    let seen: Vec<_> = answer
        .states
        .iter()
        .map(|(_, job)| job.status.as_deref().unwrap_or_default())
        .collect();
    assert_eq!(seen, ["in_progress", "completed"]);
    assert_eq!(
        answer.job.as_ref().map(|job| &job.extra["seconds"]),
        Some(&json!("2"))
    );
    assert_eq!(answer.raw.request["size"], "16x8", "the first request's");
    assert_eq!(answer.raw.request["input_reference"]["bytes"], 1);
    assert_eq!(
        answer.raw.attached.get::<String>().map(String::as_str),
        Some("kept")
    );
    assert!(
        Some(answer.elapsed) >= answer.finished_after && answer.elapsed > answer.raw.elapsed,
        "the clock starts before the first request"
    );
    let requests: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.lines().next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        requests,
        [
            "POST /v1/videos HTTP/1.1",
            "GET /v1/videos/video_1 HTTP/1.1",
            "GET /v1/videos/video_1 HTTP/1.1",
            "GET /v1/videos/video_1/content HTTP/1.1",
            "DELETE /v1/videos/video_1 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn a_video_that_fails_or_is_late_or_has_a_nasty_id_is_told() {
    let failed = vec![json(
        200,
        json!({ "id": "v", "status": "failed", "error": { "message": "no memory" } }),
    )];
    let nasty = vec![json(200, json!({ "id": "../x", "status": "queued" }))];
    let server = Scripted::start(vec![
        failed,
        nasty,
        vec![plain(200, "video/mp4", "bytes")],
        job("queued"),
    ])
    .await;
    let api = server.chat();
    let error = api.videos("x").send().await.expect_err("it failed");
    assert!(
        matches!(error.failure(), Failure::Job(why) if why.message.as_deref() == Some("no memory")),
        "{error}"
    );
    let error = api.videos("x").send().await.expect_err("an id");
    assert!(
        error.to_string().contains("cannot stand in an address"),
        "{error}"
    );
    let sync = api
        .videos("x")
        .json()
        .path("/v1/videos/sync")
        .send()
        .await
        .expect("a video at once");
    assert_eq!((&sync.video[..], sync.job), (&b"bytes"[..], None));
    let error = api
        .videos("x")
        .poll_every(Duration::from_millis(1))
        .finished_within(Duration::from_millis(20))
        .send()
        .await
        .expect_err("it is late");
    assert!(
        matches!(
            error.failure(),
            Failure::TimedOut {
                limit: Limit::Job,
                ..
            }
        ) && error.to_string().contains("queued, 50 %"),
        "{error}"
    );
}

#[tokio::test]
async fn audio_and_pictures_in_chats() {
    let chunked_text = |delta: Value, modality: Value| {
        format!(
            "data: {}\n\n",
            json!({ "choices": [{ "index": 0, "delta": delta }], "modality": modality })
        )
    };
    let openai = [
        chunked_text(
            json!({ "audio": { "id": "a", "transcript": "hel" } }),
            Value::Null,
        ),
        chunked_text(
            json!({ "audio": { "data": "AQI=", "transcript": "lo" } }),
            Value::Null,
        ),
        chunked_text(json!({ "audio": { "data": "Aw==" } }), Value::Null),
    ]
    .concat();
    let omni = [
        chunked_text(json!({ "content": "hello" }), json!("text")),
        chunked_text(json!({ "content": "AQI=" }), json!("audio")),
        chunked_text(json!({ "content": "Aw==" }), json!("audio")),
    ]
    .concat();
    let message = |message: Value| json!({ "choices": [{ "index": 0, "message": message }] });
    let server = Scripted::start(vec![
        vec![json(200, message(json!({ "content": null, "audio": { "id": "a", "data": "AQI=", "transcript": "hi" } })))],
        stream(openai + "data: [DONE]\n\n"),
        stream(omni + "data: [DONE]\n\n"),
        vec![json(200, message(json!({ "content": [{ "type": "text", "text": "here" }, { "type": "image_url", "image_url": { "url": "data:image/png;base64,Aw==" } }] })))],
        vec![json(200, message(json!({ "content": 7 })))],
    ])
    .await;
    let chat = server.chat();
    let plain = chat
        .user("say hi")
        .modalities(["text", "audio"])
        .spoken("alto", "wav")
        .send()
        .await
        .expect("audio");
    assert_eq!(plain.audio[0].bytes().as_deref(), Some(&[1u8, 2][..]));
    assert_eq!(plain.audio[0].transcript.as_deref(), Some("hi"));
    let pieces = chat.user("x").stream().send().await.expect("audio");
    assert_eq!(pieces.audio[0].bytes().as_deref(), Some(&[1u8, 2, 3][..]));
    assert_eq!(pieces.audio[0].transcript.as_deref(), Some("hello"));
    assert_eq!(pieces.token_times().count(), 2, "chunks with data");
    let files = chat.user("x").stream().send().await.expect("audio");
    assert_eq!(files.text(), "hello", "audio is no text");
    assert!(files.audio[0].pieces_are_files && files.audio[0].bytes().is_none());
    assert_eq!(files.audio[0].pieces.len(), 2);
    let picture = chat.user("x").send().await.expect("a picture");
    assert_eq!(picture.text(), "here");
    assert_eq!(
        picture.images().expect("readable"),
        [MediaPart::new("image/png", vec![3u8])]
    );
    let error = chat.user("x").send().await.expect_err("a number");
    assert!(
        error.to_string().contains("`content` is neither"),
        "{error}"
    );
}
