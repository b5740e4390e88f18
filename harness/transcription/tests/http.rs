//! A server as a transcriber, played by a thread.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use tribunal_transcription::{Audio, Http, Transcriber};

fn beep() -> Audio {
    let samples = (0..1600).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
    Audio::mono(16_000, samples).expect("audio")
}

/// Answers one request; gives back what was sent.
fn serve(status: &'static str, body: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let served = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let read = connection.read(&mut piece).expect("a request");
            seen.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&seen).into_owned();
            let length = text.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length:")?
                    .trim()
                    .parse::<usize>()
                    .ok()
            });
            let head = seen.windows(4).position(|four| four == b"\r\n\r\n");
            let whole = length
                .zip(head)
                .is_some_and(|(length, head)| seen.len() >= head + 4 + length);
            if whole || read == 0 {
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                connection.write_all(answer.as_bytes()).expect("answered");
                return text;
            }
        }
    });
    (url, served)
}

#[tokio::test]
async fn the_language_is_pinned_and_nothing_is_left_to_chance() {
    let (url, served) = serve("200 OK", r#"{"text": " Guten Tag. "}"#);
    let http = Http::new(&url, "whisper").expect("an address");
    let transcript = http
        .transcribe(&beep(), Some("de-AT"))
        .await
        .expect("a text");
    assert_eq!(transcript.text, "Guten Tag.");
    let seen = served.join().expect("served");
    assert!(seen.starts_with("POST /v1/audio/transcriptions "), "{seen}");
    let field =
        |name: &str, value: &str| seen.contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n"));
    assert!(
        field("language", "de") && field("model", "whisper") && seen.contains("RIFF"),
        "{seen}"
    );
    assert!(
        field("temperature", "0") || field("temperature", "0.0"),
        "{seen}"
    );
}

#[tokio::test]
async fn one_that_is_not_there_is_missing_and_one_that_breaks_is_not() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let missing = Http::new(&url, "whisper")
        .expect("an address")
        .transcribe(&beep(), None)
        .await
        .expect_err("nobody");
    assert!(
        missing.is_missing() && missing.help().contains("start whisper at"),
        "{missing}"
    );
    let (url, served) = serve("500 Broken", r#"{"error": {"message": "no"}}"#);
    let broken = Http::new(&url, "whisper")
        .expect("an address")
        .transcribe(&beep(), None)
        .await
        .expect_err("broken");
    assert!(!broken.is_missing(), "{broken}");
    served.join().expect("served");
    assert!(Http::new("no address", "m").is_err());
}
