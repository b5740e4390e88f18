//! The routes of speech, transcription and images.

use serde_json::json;
use tribunal_client::{Failure, MediaPart, Phase};

use crate::routes::sse;
use crate::scripted::{Scripted, Step, chunk, end, json, plain, send, stream};

/// The head of a chunked body of this type.
fn chunked(kind: &str) -> Step {
    send(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    ))
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
