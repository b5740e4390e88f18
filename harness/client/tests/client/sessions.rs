//! WebSocket sessions against a server that answers what a test wrote down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tribunal_client::{
    Client, Failure, Malformed, Outcome, Phase, Received, Sizes, SocketMessage, Timeouts, WebSocket,
};

use crate::scripted::{Scripted, json, plain};

/// What the server says after so many messages of the client.
type Script = Vec<(usize, Message)>;

/// A server that takes one session. Dropping it ends it.
struct Session {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Message>>>,
    error: Arc<Mutex<Option<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Session {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let error = Arc::new(Mutex::new(None));
        let (told, failed) = (Arc::clone(&seen), Arc::clone(&error));
        let task = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.expect("a connection");
            let mut stream = tokio_tungstenite::accept_async(socket)
                .await
                .expect("a handshake");
            let mut script = script.into_iter().peekable();
            let mut count = 0;
            loop {
                while let Some((_, message)) = script.next_if(|(after, _)| *after <= count) {
                    stream.send(message).await.expect("sent");
                }
                match stream.next().await {
                    Some(Ok(message)) => {
                        told.lock().expect("no panic").push(message);
                        count += 1;
                    }
                    Some(Err(error)) => {
                        *failed.lock().expect("no panic") = Some(error.to_string());
                        return;
                    }
                    None => return,
                }
            }
        });
        Self {
            address,
            seen,
            error,
            task,
        }
    }

    fn client(&self) -> Client {
        Client::new(format!("http://{}", self.address)).expect("a client")
    }

    async fn open(&self) -> WebSocket {
        self.client()
            .websocket("/v1/realtime?model=m")
            .await
            .expect("a session")
    }

    fn seen(&self) -> Vec<Value> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter()
            .filter_map(|message| message.to_text().ok())
            .filter_map(|text| serde_json::from_str(text).ok())
            .collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn text(json: Value) -> Message {
    Message::text(json.to_string())
}

fn close(code: u16) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.into(),
        reason: "enough".into(),
    }))
}

#[tokio::test]
async fn messages_of_both_kinds_come_with_their_times_and_the_end_is_told() {
    let server = Session::start(vec![
        (0, text(json!({ "type": "session.created" }))),
        (1, Message::Ping(vec![1].into())),
        (1, Message::binary(vec![1u8, 255])),
        (2, close(4000)),
    ])
    .await;
    let client = server.client().with_bearer("sk-0123456789").expect("a key");
    let mut socket = client.websocket("/v1/x").await.expect("a session");
    let first = socket
        .receive()
        .await
        .expect("a message")
        .expect("a message");
    assert_eq!(
        first.message,
        SocketMessage::Text(json!({ "type": "session.created" }).to_string())
    );
    socket
        .send_text("the key is sk-0123456789")
        .await
        .expect("sent");
    let second = socket
        .receive()
        .await
        .expect("a message")
        .expect("a message");
    assert_eq!(
        second.message,
        SocketMessage::Binary(vec![1u8, 255].into()),
        "a ping is not shown"
    );
    assert!(second.at >= first.at);
    // The answer to the ping counts as the second message; this is another.
    socket.send_binary(vec![7u8]).await.expect("sent");
    let last = loop {
        match socket.receive().await.expect("a message") {
            Some(Received {
                message: SocketMessage::Close { code, reason },
                ..
            }) => break (code, reason),
            other => assert!(other.is_some(), "the close comes first"),
        }
    };
    assert_eq!(last, (Some(4000), "enough".into()));
    assert_eq!(socket.receive().await.expect("the end"), None);

    let [exchange] = client.transcript().try_into().expect("one exchange");
    assert_eq!(exchange.status, Some(101));
    assert!(matches!(exchange.outcome, Outcome::Complete { .. }));
    let events: Vec<(&str, &str)> = exchange
        .events
        .iter()
        .map(|event| (event.event.as_deref().unwrap_or_default(), &*event.data))
        .collect();
    assert_eq!(
        events,
        [
            ("received text", "{\"type\":\"session.created\"}"),
            ("sent text", "the key is ***"),
            ("received binary", "\"Af8=\""),
            ("sent binary", "\"Bw==\""),
            ("received close", "4000 enough"),
        ]
    );
}

#[tokio::test]
async fn a_server_that_opens_no_session_says_why() {
    let server = Scripted::start(vec![
        vec![json(
            404,
            json!({ "error": { "message": "no such route" } }),
        )],
        vec![plain(200, "text/plain", "hello")],
    ])
    .await;
    let error = server
        .client()
        .websocket("/v1/x")
        .await
        .map(drop)
        .expect_err("404");
    assert_eq!(error.status(), Some(404), "{error}");
    let error = server
        .client()
        .websocket("/v1/x")
        .await
        .map(drop)
        .expect_err("200");
    assert_eq!((error.status(), error.phase()), (Some(200), Phase::Headers));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = Client::new(format!("http://{address}"))
        .expect("a client")
        .websocket("/v1/x")
        .await
        .map(drop)
        .expect_err("nobody listens");
    assert_eq!(*error.failure(), Failure::Refused);
}

#[tokio::test]
async fn what_breaks_the_protocol_reaches_the_server_as_it_is() {
    for (what, want) in [
        (Malformed::Unmasked, "mask"),
        (Malformed::ReservedBits, "eserved"),
        (Malformed::InvalidUtf8, "UTF-8"),
        (Malformed::LongControl, "ontrol"),
        (Malformed::UnknownKind, "opcode"),
        (Malformed::HugeLength, "too long"),
    ] {
        let server = Session::start(vec![]).await;
        let mut socket = server.open().await;
        socket.send_malformed(&what).await.expect("sent");
        // The server gives the session up; how the end looks from here is its own affair.
        let _ = socket.receive().await;
        drop(socket);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        let told = loop {
            if let Some(told) = server.error.lock().expect("no panic").clone() {
                break told;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{what:?}: the server never complained"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(told.contains(want), "{what:?}: {told}");
    }
}

#[tokio::test]
async fn silence_a_cut_and_too_much_are_told_apart() {
    let server = Session::start(vec![(1, Message::text("x".repeat(2000)))]).await;
    let client = server
        .client()
        .with_sizes(Sizes {
            event: 1000,
            ..Sizes::default()
        })
        .with_timeouts(Timeouts {
            idle: Duration::from_secs(30),
            ..Timeouts::default()
        })
        .expect("a client");
    let mut socket = client.websocket("/v1/x").await.expect("a session");
    let error = socket
        .receive_within(Duration::from_millis(20))
        .await
        .expect_err("nothing was asked for");
    assert!(error.is_timeout(), "{error}");
    socket
        .send_text("go on")
        .await
        .expect("the session still stands");
    let error = socket.receive().await.expect_err("too much");
    assert_eq!(*error.failure(), Failure::TooLarge { limit: 1000 });

    let server = Session::start(vec![]).await;
    let mut socket = server.open().await;
    drop(server);
    let error = socket.receive().await.expect_err("the server is gone");
    assert_eq!(*error.failure(), Failure::Truncated, "{error}");
}

#[tokio::test]
async fn speech_is_gathered_until_the_session_is_done() {
    let server = Session::start(vec![
        (4, text(json!({ "type": "audio.start", "format": "pcm" }))),
        (4, Message::binary(vec![1u8, 2])),
        (4, Message::binary(vec![3u8])),
        (4, text(json!({ "type": "audio.done" }))),
        (4, text(json!({ "type": "session.done" }))),
    ])
    .await;
    let mut socket = server.open().await;
    let spoken = socket
        .speak(json!({ "voice": "alto" }), ["One.", "Two."])
        .await
        .expect("speech");
    assert_eq!(&spoken.audio()[..], [1, 2, 3]);
    assert!(spoken.time_to_first_audio().is_some());
    assert_eq!(spoken.of("audio.start").count(), 1);
    assert_eq!(
        server.seen(),
        [
            json!({ "type": "session.config", "voice": "alto" }),
            json!({ "type": "input.text", "text": "One." }),
            json!({ "type": "input.text", "text": "Two." }),
            json!({ "type": "input.done" }),
        ]
    );
}

#[tokio::test]
async fn a_realtime_session_hears_and_answers_and_an_error_event_is_the_reason() {
    let server = Session::start(vec![
        (4, text(json!({ "type": "response.output_audio.delta", "delta": "AQI=" }))),
        (4, text(json!({ "type": "response.output_audio_transcript.delta", "delta": "he" }))),
        (4, text(json!({ "type": "response.output_audio_transcript.delta", "delta": "llo" }))),
        (4, text(json!({ "type": "response.done" }))),
        (5, text(json!({ "type": "error", "error": { "code": "unknown_event", "message": "what?" } }))),
        (6, close(1011)),
    ])
    .await;
    let mut socket = server.open().await;
    socket.say(&[0, 1, 2], 2).await.expect("sent");
    let spoken = socket
        .respond(json!({ "modalities": ["audio"] }))
        .await
        .expect("an answer");
    assert_eq!(
        (spoken.text().as_str(), &spoken.audio()[..]),
        ("hello", &[1u8, 2][..])
    );
    assert_eq!(
        server.seen()[..2],
        [
            json!({ "type": "input_audio_buffer.append", "audio": "AAE=" }),
            json!({ "type": "input_audio_buffer.append", "audio": "Ag==" }),
        ]
    );
    socket
        .send_event("nonsense", json!({}))
        .await
        .expect("sent");
    let error = socket
        .gather_until("response.done")
        .await
        .expect_err("an error event");
    assert_eq!(
        error.api_error().and_then(|error| error.code.as_deref()),
        Some("unknown_event")
    );
    socket.send_text("{}").await.expect("sent");
    let error = socket
        .gather_until("response.done")
        .await
        .expect_err("the end");
    assert!(
        error
            .to_string()
            .contains("closed the session with code 1011 enough before the event `response.done`"),
        "{error}"
    );
}

/// A server that never ends an answer must not hold a test up, nor fill its memory.
#[tokio::test]
async fn an_answer_without_an_end_is_bounded_in_time_and_size() {
    let delta = || text(json!({ "type": "response.output_text.delta", "delta": "again " }));
    let script = || (0..200).map(|_| (1, delta())).collect::<Script>();
    let server = Session::start(script()).await;
    let limits = Timeouts {
        total: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let client = server.client().with_timeouts(limits).expect("limits");
    let mut socket = client.websocket("/v1/realtime").await.expect("a session");
    let error = socket.respond(json!({})).await.expect_err("no end");
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("the total limit"), "{error}");

    let server = Session::start(script()).await;
    let sizes = Sizes {
        body: 1000,
        ..Sizes::default()
    };
    let client = server.client().with_sizes(sizes);
    let mut socket = client.websocket("/v1/realtime").await.expect("a session");
    let error = socket.respond(json!({})).await.expect_err("too much");
    assert_eq!(*error.failure(), Failure::TooLarge { limit: 1000 });
}
