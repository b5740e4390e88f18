//! A chat answer, plain or put together from a stream, with everything that came.
//!
//! Reading is lenient where a verdict is to be strict: a field that is missing is `None` here, so
//! that the judge can say which one and the test still sees the rest. A field of the wrong type is
//! an error at once.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::chat_media::{self, ChatAudio};
use crate::chat_wire::{WireDelta, WireMessage};
use crate::draft::accepted_models;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::logprobs::ChatLogprobs;
use crate::media::MediaPart;
use crate::raw::RawAnswer;
use crate::stream::StreamRecord;
use crate::usage::{ReportedUsage, Usage, required};

/// A chat answer.
#[derive(Debug, Clone)]
pub struct ChatAnswer {
    /// `id`.
    pub id: Option<String>,
    /// `object`: `chat.completion`, or `chat.completion.chunk` of a stream's first chunk.
    pub object: Option<String>,
    /// `created`, in seconds since 1970.
    pub created: Option<f64>,
    /// `model`.
    pub model: Option<String>,
    /// The choices, in the order in which they came; of a stream, by index.
    pub choices: Vec<ChatChoice>,
    /// The audio, by choice; empty where the answer carries none.
    pub audio: Vec<ChatAudio>,
    /// The token counts as reported; a test calculates with [`usage()`](Self::usage).
    pub usage: Option<ReportedUsage>,
    /// Vendor fields of the answer; of a stream, the last value of each.
    pub extra: Map<String, Value>,
    /// The chunks with their times; `None` for a plain answer.
    pub stream: Option<StreamRecord<ChatChunk>>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ChatChoice {
    /// `index`.
    pub index: Option<u64>,
    /// The message.
    #[serde(default)]
    pub message: ChatMessage,
    /// `finish_reason`.
    pub finish_reason: Option<String>,
    /// Log-probabilities, where asked for.
    pub logprobs: Option<ChatLogprobs>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The message of a choice.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "WireMessage")]
pub struct ChatMessage {
    /// `role`.
    pub role: Option<String>,
    /// The text; `None` where it is `null` or missing. Of a list of parts, its text parts, joined.
    pub content: Option<String>,
    /// The parts, where the content is a list of them (pictures, for example).
    pub parts: Vec<Value>,
    /// Tool calls; those of a stream are put together by their index.
    pub tool_calls: Option<Vec<Value>>,
    /// Vendor fields (`reasoning_content`, `refusal` …; `audio` of a plain answer).
    pub extra: Map<String, Value>,
}

/// One chunk of a stream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChatChunk {
    /// `id`.
    pub id: Option<String>,
    /// `object`.
    pub object: Option<String>,
    /// `created`, in seconds since 1970.
    pub created: Option<f64>,
    /// `model`.
    pub model: Option<String>,
    /// The choices that this chunk continues; empty in the chunk that carries the usage.
    #[serde(default)]
    pub choices: Vec<DeltaChoice>,
    /// The token counts, in the last chunk where asked for.
    pub usage: Option<ReportedUsage>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a chunk adds to one choice.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DeltaChoice {
    /// `index`.
    pub index: Option<u64>,
    /// The addition.
    #[serde(default)]
    pub delta: ChatDelta,
    /// `finish_reason`, in the choice's last chunk.
    pub finish_reason: Option<String>,
    /// Log-probabilities of the added tokens.
    pub logprobs: Option<ChatLogprobs>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// An addition to a message.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "WireDelta")]
pub struct ChatDelta {
    /// `role`, in the first chunk.
    pub role: Option<String>,
    /// The added text. `None`: no such key; `Some(None)`: an explicit `null`. Where the chunk's
    /// `modality` says so, it is no text but media in base64.
    pub content: Option<Option<String>>,
    /// The added parts, where the content is a list of them.
    pub parts: Vec<Value>,
    /// Pieces of tool calls.
    pub tool_calls: Option<Vec<Value>>,
    /// Vendor fields (`reasoning_content`, `audio` …).
    pub extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Wire {
    id: Option<String>,
    object: Option<String>,
    created: Option<f64>,
    model: Option<String>,
    choices: Option<Vec<ChatChoice>>,
    usage: Option<ReportedUsage>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// Vendor fields of a delta that are text in pieces; of all others the last value holds.
const PIECES: [&str; 3] = ["reasoning_content", "reasoning", "refusal"];

impl ChatAnswer {
    /// The text of the first choice; empty where it has none (`choices[0].message.content` tells
    /// `null` from an empty text).
    pub fn text(&self) -> &str {
        self.choices
            .first()
            .and_then(ChatChoice::text)
            .unwrap_or("")
    }

    /// The pictures that the answer carries in its parts.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn images(&self) -> Result<Vec<MediaPart>, ClientError> {
        let mut images = Vec::new();
        for choice in &self.choices {
            images.extend(chat_media::pictures(&self.raw, &choice.message.parts)?);
        }
        Ok(images)
    }

    /// The finish reason of the first choice.
    pub fn finish_reason(&self) -> Option<&str> {
        self.choices.first()?.finish_reason.as_deref()
    }

    /// The token counts.
    ///
    /// # Errors
    /// Where the server did not report all three; an unknown count is never zero.
    pub fn usage(&self) -> Result<Usage, ClientError> {
        required(self.usage.as_ref(), self.stream.is_some())
            .map_err(|message| self.raw.fail(Failure::Missing, Phase::Decode, message))
    }

    /// Put the chunks of a stream together.
    fn fold(raw: RawAnswer, stream: StreamRecord<ChatChunk>) -> Result<Self, ClientError> {
        let audio = chat_media::of_chunks(&raw, &stream.chunks)?;
        let first = stream.chunks.first().map(|arrived| &arrived.chunk);
        let mut choices: Vec<ChatChoice> = Vec::new();
        let mut extra = Map::new();
        let mut usage = None;
        for arrived in &stream.chunks {
            let chunk = &arrived.chunk;
            extra.extend(chunk.extra.clone());
            usage = chunk.usage.clone().or(usage);
            for delta in &chunk.choices {
                let known = choices
                    .iter()
                    .position(|choice| choice.index == delta.index);
                let position = known.unwrap_or_else(|| {
                    choices.push(ChatChoice {
                        index: delta.index,
                        ..ChatChoice::default()
                    });
                    choices.len() - 1
                });
                choices[position].add(delta, chat_media::is_media(chunk));
            }
        }
        choices.sort_by_key(|choice| choice.index);
        Ok(Self {
            id: first.and_then(|chunk| chunk.id.clone()),
            object: first.and_then(|chunk| chunk.object.clone()),
            created: first.and_then(|chunk| chunk.created),
            model: first.and_then(|chunk| chunk.model.clone()),
            choices,
            audio,
            usage,
            extra,
            accepted_models: accepted_models(&raw.request, &[]),
            stream: Some(stream),
            raw,
        })
    }
}

crate::latency::latency_methods!(
    ChatAnswer,
    "output (text, reasoning, a tool call or media)",
    |answer| {
        let chunks = answer.stream.iter().flat_map(|stream| &stream.chunks);
        chunks
            .filter(|arrived| {
                arrived
                    .chunk
                    .choices
                    .iter()
                    .any(|choice| choice.delta.has_output())
            })
            .map(|arrived| arrived.at)
    }
);

impl Answer for ChatAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        raw.expect_kind()?;
        if raw.is_stream {
            let stream = StreamRecord::read(&raw)?;
            return Self::fold(raw, stream);
        }
        let wire: Wire = raw.json()?;
        let Some(choices) = wire.choices else {
            return Err(raw.no_choices(&wire.extra));
        };
        Ok(Self {
            id: wire.id,
            object: wire.object,
            created: wire.created,
            model: wire.model,
            audio: chat_media::of_choices(&raw, &choices)?,
            choices,
            usage: wire.usage,
            extra: wire.extra,
            stream: None,
            accepted_models: accepted_models(&raw.request, &[]),
            raw,
        })
    }
    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Chat(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }

    fn accept(&mut self, models: Vec<String>) {
        self.accepted_models = models;
    }
}

impl ChatChoice {
    /// The text, where there is one.
    pub fn text(&self) -> Option<&str> {
        self.message.content.as_deref()
    }

    fn add(&mut self, delta: &DeltaChoice, is_media: bool) {
        let message = &mut self.message;
        message.role = message.role.take().or_else(|| delta.delta.role.clone());
        message.parts.extend(delta.delta.parts.iter().cloned());
        if let Some(Some(text)) = &delta.delta.content
            && !is_media
        {
            message.content.get_or_insert_default().push_str(text);
        }
        for piece in delta.delta.tool_calls.iter().flatten() {
            add_tool_call(message.tool_calls.get_or_insert_default(), piece);
        }
        for (key, value) in &delta.delta.extra {
            if key == "audio" {
                // Pieces of a whole that `ChatAnswer::audio` holds.
                continue;
            }
            match (message.extra.get_mut(key), value) {
                (Some(Value::String(text)), Value::String(more))
                    if PIECES.contains(&key.as_str()) =>
                {
                    text.push_str(more)
                }
                // The `null` of a later chunk takes nothing back.
                (Some(_), Value::Null) => {}
                _ => drop(message.extra.insert(key.clone(), value.clone())),
            }
        }
        self.finish_reason = delta.finish_reason.clone().or(self.finish_reason.take());
        if let Some(logprobs) = &delta.logprobs {
            let own = self.logprobs.get_or_insert_default();
            own.extra.extend(logprobs.extra.clone());
            if let Some(tokens) = &logprobs.content {
                own.content
                    .get_or_insert_default()
                    .extend(tokens.iter().cloned());
            }
        }
        self.extra.extend(delta.extra.clone());
    }
}

/// Add a piece to the call of its index: arguments are text in pieces, the rest comes once.
fn add_tool_call(calls: &mut Vec<Value>, piece: &Value) {
    let Some(call) = calls
        .iter_mut()
        .find(|call| call["index"] == piece["index"])
    else {
        calls.push(piece.clone());
        return;
    };
    let (Some(call), Some(piece)) = (call.as_object_mut(), piece.as_object()) else {
        return;
    };
    for (key, value) in piece {
        let (Some(own), Some(more)) = (
            call.entry(key.clone())
                .or_insert_with(|| json!({}))
                .as_object_mut(),
            value.as_object(),
        ) else {
            if !says_nothing(value) {
                call.insert(key.clone(), value.clone());
            }
            continue;
        };
        for (name, part) in more {
            match (own.get_mut(name), part) {
                (Some(Value::String(text)), Value::String(more)) if name == "arguments" => {
                    text.push_str(more)
                }
                (_, part) if says_nothing(part) => {}
                _ => drop(own.insert(name.clone(), part.clone())),
            }
        }
    }
}

/// `null` or an empty text in the place of an id, a type or a name takes nothing back.
fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

impl ChatDelta {
    /// Whether it carries output: text, a part, a tool call, audio, or a non-empty vendor text.
    pub fn has_output(&self) -> bool {
        let text = self
            .content
            .as_ref()
            .is_some_and(|content| content.as_ref().is_some_and(|text| !text.is_empty()));
        let calls = self
            .tool_calls
            .as_ref()
            .is_some_and(|calls| !calls.is_empty());
        let audio = self
            .extra
            .get("audio")
            .is_some_and(|audio| audio["data"].as_str().is_some_and(|data| !data.is_empty()));
        text || calls
            || audio
            || !self.parts.is_empty()
            || PIECES.iter().any(|key| {
                self.extra
                    .get(*key)
                    .and_then(Value::as_str)
                    .is_some_and(|text| !text.is_empty())
            })
    }
}
