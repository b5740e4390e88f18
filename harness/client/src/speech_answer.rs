//! Speech: a body of audio, plain or in pieces, or events that carry audio.
//!
//! Nothing here looks into the audio. What came is kept byte by byte and piece by piece; whoever
//! measures it decides what a piece is worth.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::raw::RawAnswer;
use crate::stream::StreamRecord;

/// An answer of the speech route.
#[derive(Debug, Clone)]
pub struct SpeechAnswer {
    /// The audio: the body, or what the events carry, joined in order.
    pub audio: Bytes,
    /// The audio in the pieces in which it came; a single one for a plain answer. Pieces of a
    /// chunked body are cut where the network cut them, those of events where the server did.
    pub pieces: Vec<AudioPiece>,
    /// The media type that the server names (`audio/wav`), without parameters. Of events it is
    /// `text/event-stream` and says nothing about the audio.
    pub content_type: Option<String>,
    /// The format that the request asked for (`response_format`); `None` where it left it to the
    /// server.
    pub asked_format: Option<String>,
    /// The events with their times, where the answer came as server-sent events.
    pub stream: Option<StreamRecord<SpeechEvent>>,
    /// The token counts, where the last event has them.
    pub usage: Option<Value>,
    /// Whether the audio came in pieces because the request asked for a stream.
    pub streamed: bool,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// A piece of audio with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPiece {
    /// From before the connection was opened to its arrival.
    pub at: Duration,
    /// The bytes.
    pub bytes: Bytes,
}

/// One server-sent event of the speech route.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SpeechEvent {
    /// `type`: `speech.audio.delta`, `speech.audio.done`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The audio in base64, of a delta.
    pub audio: Option<Value>,
    /// The token counts, of the last event.
    pub usage: Option<Value>,
    /// Everything else (`word_timestamps`, `sample_rate` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SpeechEvent {
    /// The text in base64, which stands in `audio` or in `audio.data`.
    fn base64(&self) -> Option<&str> {
        let audio = self.audio.as_ref()?;
        audio.as_str().or_else(|| audio["data"].as_str())
    }

    fn is_last(&self) -> bool {
        self.kind.as_deref() == Some("speech.audio.done")
    }
}

impl SpeechAnswer {
    fn from_events(raw: RawAnswer) -> Result<Self, ClientError> {
        let stream: StreamRecord<SpeechEvent> =
            StreamRecord::read_until(&raw, SpeechEvent::is_last)?;
        let mut pieces = Vec::new();
        let mut audio = BytesMut::new();
        let mut usage = None;
        for (number, arrived) in stream.chunks.iter().enumerate() {
            usage = arrived.chunk.usage.clone().or(usage);
            let Some(text) = arrived.chunk.base64() else {
                continue;
            };
            let bytes = STANDARD.decode(text).map_err(|error| {
                let message = format!("the audio of event {} is no base64", number + 1);
                raw.fail(Failure::Undecodable, Phase::Decode, message)
                    .excerpt(raw.shown(text, 0))
                    .caused_by(error)
            })?;
            audio.extend_from_slice(&bytes);
            pieces.push(AudioPiece {
                at: arrived.at,
                bytes: bytes.into(),
            });
        }
        Ok(Self {
            audio: audio.freeze(),
            pieces,
            content_type: raw.headers.media_type(),
            asked_format: asked_format(&raw),
            stream: Some(stream),
            usage,
            streamed: true,
            raw,
        })
    }

    /// Where the word timestamps stand, if the server sends them: in an event, as
    /// `word_timestamps`.
    pub fn word_timestamps(&self) -> Option<&Value> {
        let chunks = &self.stream.as_ref()?.chunks;
        chunks
            .iter()
            .rev()
            .find_map(|arrived| arrived.chunk.extra.get("word_timestamps"))
    }
}

fn asked_format(raw: &RawAnswer) -> Option<String> {
    raw.request["response_format"].as_str().map(str::to_owned)
}

impl Answer for SpeechAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        if raw.is_stream {
            return Self::from_events(raw);
        }
        // An object where audio should be: most servers say so by the status, some do not.
        if raw.headers.media_type().as_deref() == Some("application/json") {
            let json: Option<Value> = serde_json::from_slice(&raw.body).ok();
            return Err(raw.lacks("audio", json.as_ref().and_then(|json| json.get("error"))));
        }
        let streamed = raw.request["stream"] == true
            || raw
                .request
                .get("stream_format")
                .is_some_and(|format| format != "sse");
        let pieces = if streamed {
            raw.pieces()
                .map(|(at, bytes)| AudioPiece { at, bytes })
                .collect()
        } else {
            vec![AudioPiece {
                at: raw.elapsed,
                bytes: raw.body.clone(),
            }]
        };
        Ok(Self {
            audio: raw.body.clone(),
            pieces,
            content_type: raw.headers.media_type(),
            asked_format: asked_format(&raw),
            stream: None,
            usage: None,
            streamed,
            raw,
        })
    }

    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Speech(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }
}

crate::latency::latency_methods!(SpeechAnswer, "audio", |answer| {
    answer
        .pieces
        .iter()
        .filter(|piece| answer.streamed && !piece.bytes.is_empty())
        .map(|piece| piece.at)
});
