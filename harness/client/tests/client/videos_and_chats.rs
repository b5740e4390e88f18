//! Videos, which take several requests, and media in chats.

use std::time::Duration;

use serde_json::{Value, json};
use tribunal_client::{Failure, Limit, MediaPart};

use crate::scripted::{Scripted, Step, json, plain, stream};

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
