//! The transcript: everything that was exchanged, and no secret.

use std::time::Duration;

use serde_json::{Value, json};
use tribunal_client::{Outcome, Transcript};

use crate::scripted::{
    Scripted, Step, chat_answer, chunk, delta, json, plain, send, stream, stream_head,
};

const SECRET: &str = "sk-0123456789";

/// Times and the port differ from run to run.
fn steady(mut json: Value, port: u16) -> Value {
    for key in ["started_unix_ms", "elapsed_ms"] {
        assert!(json[key].is_number(), "{key} is a number");
        json[key] = json!(0);
    }
    assert!(json["response"]["headers_after_ms"].is_number());
    json["response"]["headers_after_ms"] = json!(0);
    for event in json["response"]["events"].as_array_mut().expect("a list") {
        assert!(event["at_ms"].is_number());
        event["at_ms"] = json!(0);
    }
    serde_json::from_str(&json.to_string().replace(&port.to_string(), "PORT")).expect("JSON")
}

#[tokio::test]
async fn a_plain_exchange_is_recorded_whole_and_every_secret_masked() {
    let echo = json!({ "error": { "message": format!("wrong key {SECRET}") } }).to_string();
    let head = format!(
        "HTTP/1.1 401 X\r\ncontent-type: application/json\r\nset-cookie: session=abc\r\nx-echo: {SECRET}\r\ncontent-length: {}\r\n\r\n",
        echo.len()
    );
    let server = Scripted::always(vec![send(head + &echo)]).await;
    let client = server
        .client()
        .with_bearer(SECRET)
        .and_then(|client| client.with_header("X-Api-Key", "another-secret"))
        .expect("a client");
    let answer = client
        .post_json(
            "/v1/x?api_key=third-secret&n=1",
            &json!({ "max_tokens": 3 }),
        )
        .await
        .expect("an answer");
    let error = answer.clone().success().expect_err("401");
    assert!(
        server.requests()[0].contains(&format!("authorization: Bearer {SECRET}")),
        "the server got it"
    );

    let exchanges = client.transcript();
    let [exchange] = exchanges.as_slice() else {
        panic!("one exchange")
    };
    let recorded = steady(exchange.to_json(), server.address.port());
    let user_agent = recorded["request"]["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .any(|pair| pair[0] == "accept");
    assert!(user_agent);
    assert_eq!(
        recorded["curl"],
        "curl -sS -i -N -X 'POST' 'http://127.0.0.1:PORT/v1/x?api_key=***&n=1' -H 'accept: application/json' -H 'authorization: Bearer ***' -H 'x-api-key: ***' -H 'content-type: application/json' --data-raw '{\"max_tokens\":3}'"
    );
    assert_eq!(
        recorded["request"]["body"],
        json!({ "text": "{\"max_tokens\":3}" })
    );
    assert_eq!(recorded["response"]["status"], 401);
    assert_eq!(
        recorded["response"]["headers"],
        json!([
            ["content-type", "application/json"],
            ["set-cookie", "***"],
            ["x-echo", "***"],
            ["content-length", echo.len().to_string()]
        ])
    );
    assert_eq!(
        recorded["response"]["body"],
        json!({ "text": "{\"error\":{\"message\":\"wrong key ***\"}}" })
    );
    assert_eq!(recorded["outcome"], "complete");

    for text in [
        format!("{exchange:?}"),
        exchange.curl(),
        exchange.to_json().to_string(),
        error.to_string(),
        format!("{error:?}"),
        format!("{client:?}"),
        format!("{answer:?}"),
    ] {
        for secret in [SECRET, "another-secret", "third-secret", "session=abc"] {
            // The answer itself is what the test asked for; only its headers came from the server.
            let own_answer =
                text.starts_with("RawAnswer") && ["session=abc", SECRET].contains(&secret);
            assert!(own_answer || !text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_recorded_event_by_event_and_masked() {
    let text = format!(
        "{}event: note\ndata: {SECRET}\n\ndata: [DONE]\n\n",
        delta("{\"content\":\"a\"}", Some("stop"))
    );
    let server = Scripted::always(stream(text)).await;
    let client = server.client().with_bearer(SECRET).expect("a client");
    client
        .chat("m")
        .user("hi")
        .stream()
        .send_raw()
        .await
        .expect("a stream");
    let recorded = steady(client.transcript()[0].to_json(), server.address.port());
    let events = recorded["response"]["events"].as_array().expect("events");
    assert_eq!(
        (events.len(), &events[1]),
        (3, &json!({ "at_ms": 0, "event": "note", "data": "***" }))
    );
    assert!(
        events[0]["data"]
            .as_str()
            .is_some_and(|data| data.contains("\"content\":\"a\""))
    );
    assert_eq!(
        recorded["response"]["body"],
        Value::Null,
        "the events say it"
    );
}

#[tokio::test]
async fn failures_keep_what_had_come_and_the_error() {
    let server = Scripted::always(vec![stream_head(), chunk("data: a\n\n"), Step::Hold]).await;
    let client = server.client();
    client
        .chat("m")
        .user("hi")
        .stream()
        // Long enough for what the server does send to come on a busy machine.
        .idle_timeout(Duration::from_secs(3))
        .send()
        .await
        .expect_err("a stall");
    let [exchange] = client.transcript().try_into().expect("one exchange");
    assert_eq!((exchange.status, exchange.events.len()), (Some(200), 1));
    assert!(
        matches!(&exchange.outcome, Outcome::Failed { error, .. } if error.contains("idle limit")),
        "{:?}",
        exchange.outcome
    );
}

#[tokio::test]
async fn a_request_that_is_dropped_midway_is_in_the_record_as_cancelled() {
    let server = Scripted::always(vec![Step::Hold]).await;
    let client = server.client();
    let mut pending = Box::pin(client.health());
    // One turn is enough to begin; the server never answers.
    assert!(futures_util::poll!(pending.as_mut()).is_pending());
    assert_eq!(client.transcript()[0].outcome, Outcome::InFlight);
    drop(pending);
    assert!(matches!(
        client.transcript()[0].outcome,
        Outcome::Cancelled { .. }
    ));
    assert_eq!(client.transcript()[0].to_json()["outcome"], "cancelled");
}

#[tokio::test]
async fn transcripts_can_be_shared_apart_and_off() {
    let server = Scripted::always(vec![json(200, chat_answer("x"))]).await;
    let shared = server.client();
    let own = Transcript::new();
    shared
        .chat("m")
        .with_transcript(own.clone())
        .user("x")
        .send()
        .await
        .expect("an answer");
    assert_eq!((own.exchanges().len(), shared.transcript().len()), (1, 0));
    shared
        .clone()
        .chat("m")
        .user("x")
        .send()
        .await
        .expect("an answer");
    assert_eq!((own.exchanges().len(), shared.transcript().len()), (1, 1));
    let off = shared.clone().without_transcript();
    off.chat("m").user("x").send().await.expect("an answer");
    assert_eq!((off.transcript().len(), shared.transcript().len()), (0, 1));
    assert_eq!(own.to_json().as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_recorded_as_base64() {
    let server = Scripted::always(vec![plain(200, "audio/wav", b"RIFF\xFF")]).await;
    let client = server.client();
    client
        .post_bytes("/v1/x", "application/octet-stream", &b"\x00\xFF"[..])
        .await
        .expect("an answer");
    let recorded = client.transcript()[0].to_json();
    assert_eq!(
        (&recorded["request"]["body"], &recorded["response"]["body"]),
        (
            &json!({ "base64": "AP8=" }),
            &json!({ "base64": "UklGRv8=" })
        )
    );
    assert!(
        recorded["curl"]
            .as_str()
            .is_some_and(|line| line.starts_with("printf '\\000\\377' | curl ")),
        "{recorded}"
    );
}

/// A text of this many bytes that no compression would find twice.
fn noise(length: usize) -> Vec<u8> {
    (0u32..)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length)
        .collect()
}

#[tokio::test]
async fn on_disk_media_lies_beside_the_transcript_and_the_curl_lines_name_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let wav = [&b"RIFF"[..], &noise(3000)].concat();
    let png = [&b"\x89PNG"[..], &noise(2000)].concat();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &png);
    let event = json!({ "type": "speech.audio.delta", "audio": base64 });
    let server = Scripted::start(vec![
        vec![plain(200, "audio/wav", &wav)],
        vec![json(
            200,
            json!({ "data": [{ "b64_json": base64, "revised_prompt": "a" }] }),
        )],
        stream(format!("data: {event}\n\n")),
        vec![json(200, chat_answer("x"))],
        vec![json(200, json!({ "text": "x" }))],
    ])
    .await;
    let client = server.client().with_bearer(SECRET).expect("a client");
    let api = client.model("m");
    let part = tribunal_client::MediaPart::new("image/png", png.clone());
    api.speech(format!("say {SECRET}"))
        .send()
        .await
        .expect("audio");
    api.images("x").send().await.expect("an image");
    api.speech("x").stream_events().send().await.expect("audio");
    api.user(tribunal_client::text("look").image(part))
        .send()
        .await
        .expect("an answer");
    api.transcription(("audio/wav", wav.clone()))
        .prompt(SECRET)
        .send_raw()
        .await
        .expect("an answer");

    let transcript = client.recorded().expect("a transcript");
    transcript.write(folder.path()).expect("it is written");
    let text = std::fs::read_to_string(folder.path().join("transcript.json")).expect("a file");
    assert!(
        !text.contains(SECRET) && !text.contains(&base64),
        "neither secrets nor base64"
    );
    assert!(text.len() < 20_000, "{} bytes", text.len());
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let read = |path: &str| std::fs::read(folder.path().join(path)).expect(path);

    let media = &list[0]["response"]["body"]["media"];
    assert_eq!(media["file"], "media/0001-response.wav");
    assert_eq!(
        (&media["bytes"], read("media/0001-response.wav")),
        (&json!(wav.len()), wav.clone())
    );
    let shown = list[1]["response"]["body"]["text"].as_str().expect("text");
    assert!(
        shown.contains("@media/0002-response-1.png (image/png, 2004 bytes, sha256 ")
            && shown.contains("\"revised_prompt\":\"a\""),
        "{shown}"
    );
    assert_eq!(read("media/0002-response-1.png"), png);
    let event = list[2]["response"]["events"][0]["data"]
        .as_str()
        .expect("text");
    assert!(event.contains("@media/0003-event-0001-1.png"), "{event}");
    let request = list[3]["request"]["body"]["text"].as_str().expect("text");
    assert!(
        request.contains("data:image/png;base64,@media/0004-request-body-1.png"),
        "{request}"
    );
    let curl = list[3]["curl"].as_str().expect("a line");
    assert!(
        curl.ends_with("--data-binary '@media/0004-request.json'"),
        "{curl}"
    );
    let sent: Value = serde_json::from_slice(&read("media/0004-request.json")).expect("JSON");
    assert_eq!(
        sent["messages"][0]["content"][1]["image_url"]["url"],
        format!("data:image/png;base64,{base64}")
    );
    let form = list[4]["request"]["body"]["form"]
        .as_array()
        .expect("parts");
    assert_eq!(form[1], json!({ "name": "prompt", "value": "***" }));
    assert_eq!(form[2]["media"]["file"], "media/0005-request-part-3.wav");
    assert_eq!(read("media/0005-request-part-3.wav"), wav);
    let curl = list[4]["curl"].as_str().expect("a line");
    assert!(
        curl.contains(
            "-F 'file=@\"media/0005-request-part-3.wav\";type=audio/wav;filename=\"file.wav\"'"
        ) && !curl.contains("content-type"),
        "{curl}"
    );
    assert_eq!(list[4]["number"], 5);
}

#[tokio::test]
async fn a_transcript_that_cannot_be_written_says_which_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("missing");
    let error = Transcript::new().write(&place).expect_err("no such folder");
    assert!(error.to_string().contains("transcript.json"), "{error}");
}
