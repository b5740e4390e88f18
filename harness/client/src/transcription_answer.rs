//! A transcription or translation, in whichever form it was asked for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::raw::RawAnswer;
use crate::stream::StreamRecord;
use crate::subtitles::{self, Subtitles};

/// An answer of the transcription and translation routes.
#[derive(Debug, Clone)]
pub struct TranscriptionAnswer {
    /// The text. Of subtitles (`srt`, `vtt`) their lines, joined with blanks.
    pub text: String,
    /// The language that was heard, where the server says (`verbose_json`).
    pub language: Option<String>,
    /// The length of the audio in seconds, where the server says.
    pub duration: Option<f64>,
    /// `task`: `transcribe` or `translate`.
    pub task: Option<String>,
    /// The segments (`verbose_json`, `srt`, `vtt`).
    pub segments: Option<Vec<Segment>>,
    /// The words with their times, where asked for.
    pub words: Option<Vec<Word>>,
    /// The token counts or seconds, as reported.
    pub usage: Option<Value>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
    /// The format that the request asked for; `json` where it left it to the server.
    pub asked_format: String,
    /// The chunks with their times; `None` for a plain answer.
    pub stream: Option<StreamRecord<TranscriptionChunk>>,
    /// The response below: status, headers, bytes, times, and the request's fields.
    pub raw: RawAnswer,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Segment {
    /// `id`.
    pub id: Option<u64>,
    /// Where it starts, in seconds.
    pub start: Option<f64>,
    /// Where it ends, in seconds.
    pub end: Option<f64>,
    /// The text.
    pub text: Option<String>,
    /// Everything else (`tokens`, `avg_logprob`, `no_speech_prob` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One word with its time.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Word {
    /// The word.
    pub word: Option<String>,
    /// Where it starts, in seconds.
    pub start: Option<f64>,
    /// Where it ends, in seconds.
    pub end: Option<f64>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One chunk of a stream: an event with a type (OpenAI's), or a chunk with choices (vLLM's).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TranscriptionChunk {
    /// `type`: `transcript.text.delta`, `transcript.text.done`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The added text.
    pub delta: Option<String>,
    /// The whole text, of the last event.
    pub text: Option<String>,
    /// The token counts.
    pub usage: Option<Value>,
    /// Everything else (`choices`, `object`, `model` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl TranscriptionChunk {
    /// The text that it adds, in either form.
    pub fn added(&self) -> Option<&str> {
        self.delta
            .as_deref()
            .or_else(|| self.extra.get("choices")?[0]["delta"]["content"].as_str())
    }

    fn is_last(&self) -> bool {
        self.kind.as_deref() == Some("transcript.text.done")
    }
}

#[derive(Deserialize, Default)]
struct Wire {
    text: Option<String>,
    language: Option<String>,
    duration: Option<Seconds>,
    task: Option<String>,
    segments: Option<Vec<Segment>>,
    words: Option<Vec<Word>>,
    usage: Option<Value>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// vLLM writes the length as text, others as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    fn value(self) -> Option<f64> {
        match self {
            Self::Number(seconds) => Some(seconds),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

impl TranscriptionAnswer {
    /// The text that the deltas of a stream add up to; empty for a plain answer.
    pub fn streamed_text(&self) -> String {
        let chunks = self.stream.iter().flat_map(|stream| &stream.chunks);
        chunks.filter_map(|arrived| arrived.chunk.added()).collect()
    }

    fn new(raw: RawAnswer, wire: Wire, text: String) -> Self {
        Self {
            text,
            language: wire.language,
            duration: wire.duration.and_then(Seconds::value),
            task: wire.task,
            segments: wire.segments,
            words: wire.words,
            usage: wire.usage,
            extra: wire.extra,
            asked_format: raw.request["response_format"]
                .as_str()
                .unwrap_or("json")
                .to_owned(),
            stream: None,
            raw,
        }
    }

    fn from_events(raw: RawAnswer) -> Result<Self, ClientError> {
        let stream: StreamRecord<TranscriptionChunk> =
            StreamRecord::read_until(&raw, TranscriptionChunk::is_last)?;
        let mut wire = Wire::default();
        let mut whole = None;
        for arrived in &stream.chunks {
            wire.usage = arrived.chunk.usage.clone().or(wire.usage);
            whole = arrived.chunk.text.clone().or(whole);
            wire.extra.extend(arrived.chunk.extra.clone());
        }
        let mut answer = Self::new(raw, wire, String::new());
        answer.stream = Some(stream);
        answer.text = whole.unwrap_or_else(|| answer.streamed_text());
        Ok(answer)
    }

    fn from_subtitles(raw: RawAnswer, kind: Subtitles) -> Result<Self, ClientError> {
        let segments = subtitles::read(raw.text()?, kind).map_err(|why| {
            raw.fail(Failure::Undecodable, Phase::Decode, why)
                .excerpt(raw.shown(&String::from_utf8_lossy(&raw.body), 0))
        })?;
        let lines: Vec<&str> = segments
            .iter()
            .filter_map(|segment| segment.text.as_deref())
            .collect();
        let text = lines.join(" ");
        let wire = Wire {
            segments: Some(segments),
            ..Wire::default()
        };
        Ok(Self::new(raw, wire, text))
    }
}

impl Answer for TranscriptionAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        // A field of a form is text, so that `stream` may say "true".
        if raw.is_stream {
            return Self::from_events(raw);
        }
        if raw.request["stream"] == true || raw.request["stream"] == "true" {
            raw.expect_kind()?;
        }
        match raw.request["response_format"].as_str() {
            Some("text") => {
                // Some servers answer with JSON text all the same; a verdict may say so.
                let text = raw.text()?.trim_end_matches(['\r', '\n']).to_owned();
                Ok(Self::new(raw, Wire::default(), text))
            }
            Some("srt") => Self::from_subtitles(raw, Subtitles::Srt),
            Some("vtt") => Self::from_subtitles(raw, Subtitles::Vtt),
            _ => {
                let mut wire: Wire = raw.json()?;
                let Some(text) = wire.text.take() else {
                    return Err(raw.lacks("text", wire.extra.get("error")));
                };
                Ok(Self::new(raw, wire, text))
            }
        }
    }

    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Transcription(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }
}

crate::latency::latency_methods!(TranscriptionAnswer, "text", |answer| {
    answer
        .stream
        .iter()
        .flat_map(|stream| &stream.chunks)
        .filter(|arrived| arrived.chunk.added().is_some_and(|text| !text.is_empty()))
        .map(|arrived: &crate::stream::Arrived<TranscriptionChunk>| -> Duration { arrived.at })
});
