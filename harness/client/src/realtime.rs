//! The two kinds of session that servers of speech have: text in and audio out
//! (`/v1/audio/speech/stream`, vLLM-Omni's), and audio in and out (`/v1/realtime`, OpenAI's).
//!
//! Both speak JSON events with a `type`. The helpers only write the events and gather what comes
//! until the event that ends it; anything else a test does with the raw session.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};

use crate::error::{ClientError, Failure, Limit, Phase, seconds};
use crate::frames::SocketMessage;
use crate::speech_answer::AudioPiece;
use crate::websocket::WebSocket;

/// What came until the event that ended it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spoken {
    /// The audio, piece by piece: binary messages, and what events carry in base64.
    pub pieces: Vec<AudioPiece>,
    /// The events, each with its time.
    pub events: Vec<(Duration, Value)>,
}

impl Spoken {
    /// The audio, joined.
    pub fn audio(&self) -> Bytes {
        let mut joined = BytesMut::new();
        self.pieces
            .iter()
            .for_each(|piece| joined.extend_from_slice(&piece.bytes));
        joined.freeze()
    }

    /// What the events with text deltas add up to: the answer's text, or the transcript of what was
    /// said.
    pub fn text(&self) -> String {
        self.events
            .iter()
            .filter(|(_, event)| {
                let kind = event["type"].as_str().unwrap_or_default();
                kind.ends_with("text.delta") || kind.ends_with("transcript.delta")
            })
            .filter_map(|(_, event)| event["delta"].as_str())
            .collect()
    }

    /// The events of this type, in order.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events
            .iter()
            .map(|(_, event)| event)
            .filter(move |event| event["type"] == kind)
    }

    /// When the first audio came, from before the connection was opened.
    pub fn time_to_first_audio(&self) -> Option<Duration> {
        self.pieces.first().map(|piece| piece.at)
    }
}

impl WebSocket {
    /// Send an event: these fields with this `type`.
    ///
    /// # Errors
    /// Where the session is gone.
    pub async fn send_event(&mut self, kind: &str, fields: Value) -> Result<(), ClientError> {
        let mut event = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        event.insert("type".into(), kind.into());
        self.send_json(&Value::Object(event)).await
    }

    /// Gather what comes until an event of this type.
    ///
    /// # Errors
    /// An event of type `error`; a text message that is no event; the end of the session before
    /// that event; more than the client's limits for a whole answer allow (total time, size of a
    /// body); and whatever [`receive`](Self::receive) fails with.
    pub async fn gather_until(&mut self, last: &str) -> Result<Spoken, ClientError> {
        let mut spoken = Spoken::default();
        let (begun, mut bytes) = (Instant::now(), 0_usize);
        loop {
            let left = self.total.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(self.endless(last, &spoken));
            }
            let received = match self.receive_within(self.idle.min(left)).await {
                Err(error) if error.is_timeout() && left < self.idle => {
                    return Err(self.endless(last, &spoken));
                }
                received => received?,
            };
            let Some(received) = received else {
                return Err(self.ended(last, &spoken, None));
            };
            bytes = bytes.saturating_add(match &received.message {
                SocketMessage::Text(text) => text.len(),
                SocketMessage::Binary(bytes) => bytes.len(),
                SocketMessage::Close { .. } => 0,
            });
            if bytes > self.most {
                let limit = self.most;
                let message = format!("more than {limit} bytes came before the event `{last}`");
                let failure = Failure::TooLarge { limit };
                return Err(self
                    .fail(failure, Phase::Events, message)
                    .advice("raise the limit with `Client::with_sizes` if it should be"));
            }
            let text = match received.message {
                SocketMessage::Binary(bytes) => {
                    spoken.pieces.push(AudioPiece {
                        at: received.at,
                        bytes,
                    });
                    continue;
                }
                SocketMessage::Close { code, reason } => {
                    return Err(self.ended(last, &spoken, Some((code, reason))));
                }
                SocketMessage::Text(text) => text,
            };
            let event: Value = serde_json::from_str(&text).map_err(|error| {
                self.fail(
                    Failure::Undecodable,
                    Phase::Decode,
                    "a message of the session is no JSON event",
                )
                .excerpt(
                    self.secrets
                        .text(&crate::error::excerpt(text.as_bytes(), 0)),
                )
                .caused_by(error)
            })?;
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            if kind == "error" {
                let error = self.api_error(&text);
                let message = format!("the server sent an error event: {error}");
                return Err(self.fail(Failure::ErrorEvent(error), Phase::Events, message));
            }
            if let Some(data) = audio_of(&kind, &event) {
                let bytes = STANDARD.decode(data).map_err(|error| {
                    let message = format!("the audio of an event `{kind}` is no base64");
                    self.fail(Failure::Undecodable, Phase::Decode, message)
                        .caused_by(error)
                })?;
                spoken.pieces.push(AudioPiece {
                    at: received.at,
                    bytes: bytes.into(),
                });
            }
            spoken.events.push((received.at, event));
            if kind == last {
                return Ok(spoken);
            }
        }
    }

    /// Have texts spoken in a session of `/v1/audio/speech/stream`: `session.config` with these
    /// fields, an `input.text` for each text, `input.done`; then gather until `session.done`.
    ///
    /// # Errors
    /// As [`gather_until`](Self::gather_until).
    pub async fn speak<S: Into<String>>(
        &mut self,
        config: Value,
        texts: impl IntoIterator<Item = S>,
    ) -> Result<Spoken, ClientError> {
        self.send_event("session.config", config).await?;
        for text in texts {
            let text: String = text.into();
            self.send_event("input.text", json!({ "text": text }))
                .await?;
        }
        self.send_event("input.done", Value::Null).await?;
        self.gather_until("session.done").await
    }

    /// Send audio into a session of `/v1/realtime` and commit it: 16-bit samples, in events of at
    /// most this many bytes.
    ///
    /// # Errors
    /// Where the session is gone.
    pub async fn say(&mut self, pcm: &[u8], bytes_at_a_time: usize) -> Result<(), ClientError> {
        for piece in pcm.chunks(bytes_at_a_time.max(1)) {
            let audio = STANDARD.encode(piece);
            self.send_event("input_audio_buffer.append", json!({ "audio": audio }))
                .await?;
        }
        self.send_event("input_audio_buffer.commit", Value::Null)
            .await
    }

    /// Ask for a response in a session of `/v1/realtime` and gather it until `response.done`.
    ///
    /// # Errors
    /// As [`gather_until`](Self::gather_until).
    pub async fn respond(&mut self, options: Value) -> Result<Spoken, ClientError> {
        self.send_event("response.create", json!({ "response": options }))
            .await?;
        self.gather_until("response.done").await
    }

    /// The server goes on and on.
    fn endless(&self, last: &str, spoken: &Spoken) -> ClientError {
        let (limit, after) = (Limit::Total, self.total);
        let message = format!(
            "the event `{last}` did not come within {} (the total limit); {} events and {} pieces of audio had come",
            seconds(after),
            spoken.events.len(),
            spoken.pieces.len()
        );
        self.fail(Failure::TimedOut { limit, after }, Phase::Events, message)
            .advice("see in the server's log whether it ends; if it is only slow, raise the limit with `Client::with_timeouts`")
    }

    fn ended(
        &self,
        last: &str,
        spoken: &Spoken,
        close: Option<(Option<u16>, String)>,
    ) -> ClientError {
        let why = match close {
            Some((Some(code), reason)) => format!(" with code {code} {reason}"),
            _ => String::new(),
        };
        let message = format!(
            "the server closed the session{why} before the event `{last}`, after {} events and {} pieces of audio",
            spoken.events.len(),
            spoken.pieces.len()
        );
        self.fail(Failure::Truncated, Phase::Events, message)
    }
}

/// The audio of an event in base64: OpenAI's deltas have it in `delta`, others in `audio`.
fn audio_of<'a>(kind: &str, event: &'a Value) -> Option<&'a str> {
    if kind.ends_with("audio.delta") {
        return event["delta"].as_str().or_else(|| event["audio"].as_str());
    }
    kind.starts_with("audio.")
        .then(|| event["audio"].as_str())
        .flatten()
}
