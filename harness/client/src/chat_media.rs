//! Audio and pictures in a chat answer.
//!
//! Two dialects are read. OpenAI's puts audio into `message.audio` (`data`, `transcript`), of a
//! stream in pieces that continue each other. vLLM-Omni's streams chunks with `modality: "audio"`
//! whose `content` is base64 of a complete encoded file each; joined, their bytes would be no file,
//! so they are kept apart. Pictures are `image_url` parts with `data:` addresses in both.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::Value;

use crate::chat_answer::{ChatChoice, ChatChunk, DeltaChoice};
use crate::error::{ClientError, Failure, Phase};
use crate::media::{MediaPart, from_data_url};
use crate::raw::RawAnswer;
use crate::speech_answer::AudioPiece;
use crate::stream::Arrived;

/// The audio of one choice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatAudio {
    /// The choice's index.
    pub choice: Option<u64>,
    /// `audio.id`, to refer to it in a later message.
    pub id: Option<String>,
    /// What is said, as the server says; `None` where it does not.
    pub transcript: Option<String>,
    /// The audio, piece by piece; a single one for a plain answer.
    pub pieces: Vec<AudioPiece>,
    /// Whether each piece is a complete file of its own.
    pub pieces_are_files: bool,
}

impl ChatAudio {
    /// The pieces joined; `None` where each is a file of its own and there are several: joined,
    /// they would be no file.
    pub fn bytes(&self) -> Option<Bytes> {
        match self.pieces.as_slice() {
            [only] => Some(only.bytes.clone()),
            _ if self.pieces_are_files => None,
            pieces => {
                let mut joined = BytesMut::new();
                pieces
                    .iter()
                    .for_each(|piece| joined.extend_from_slice(&piece.bytes));
                Some(joined.freeze())
            }
        }
    }
}

/// Whether the text of this chunk is not text but media in base64.
pub(crate) fn is_media(chunk: &ChatChunk) -> bool {
    chunk
        .extra
        .get("modality")
        .and_then(Value::as_str)
        .is_some_and(|modality| modality != "text")
}

/// The audio of a plain answer.
pub(crate) fn of_choices(
    raw: &RawAnswer,
    choices: &[ChatChoice],
) -> Result<Vec<ChatAudio>, ClientError> {
    let mut all = Vec::new();
    for choice in choices {
        let Some(audio) = choice
            .message
            .extra
            .get("audio")
            .filter(|audio| !audio.is_null())
        else {
            continue;
        };
        let mut own = ChatAudio {
            choice: choice.index,
            ..ChatAudio::default()
        };
        own.add(raw, raw.elapsed, audio)?;
        all.push(own);
    }
    Ok(all)
}

/// The audio of a stream, in either dialect.
pub(crate) fn of_chunks(
    raw: &RawAnswer,
    chunks: &[Arrived<ChatChunk>],
) -> Result<Vec<ChatAudio>, ClientError> {
    let mut all: Vec<ChatAudio> = Vec::new();
    for arrived in chunks {
        let modality = arrived.chunk.extra.get("modality");
        let whole_files = modality.is_some_and(|modality| modality == "audio");
        for choice in &arrived.chunk.choices {
            let audio = choice
                .delta
                .extra
                .get("audio")
                .filter(|audio| !audio.is_null());
            let file = text_of(choice).filter(|text| whole_files && !text.is_empty());
            if audio.is_none() && file.is_none() {
                continue;
            }
            let known = all.iter().position(|own| own.choice == choice.index);
            let position = known.unwrap_or_else(|| {
                all.push(ChatAudio {
                    choice: choice.index,
                    ..ChatAudio::default()
                });
                all.len() - 1
            });
            let own = &mut all[position];
            if let Some(audio) = audio {
                own.add(raw, arrived.at, audio)?;
            }
            if let Some(text) = file {
                own.pieces_are_files = true;
                own.pieces.push(piece(raw, arrived.at, text)?);
            }
        }
    }
    all.sort_by_key(|audio| audio.choice);
    Ok(all)
}

fn text_of(choice: &DeltaChoice) -> Option<&str> {
    choice.delta.content.as_ref()?.as_deref()
}

impl ChatAudio {
    /// Add an `audio` object, whole or a piece.
    fn add(&mut self, raw: &RawAnswer, at: Duration, audio: &Value) -> Result<(), ClientError> {
        if let Some(id) = audio["id"].as_str() {
            self.id.get_or_insert_with(|| id.to_owned());
        }
        if let Some(text) = audio["transcript"].as_str() {
            self.transcript.get_or_insert_default().push_str(text);
        }
        if let Some(data) = audio["data"].as_str().filter(|data| !data.is_empty()) {
            self.pieces.push(piece(raw, at, data)?);
        }
        Ok(())
    }
}

fn piece(raw: &RawAnswer, at: Duration, base64: &str) -> Result<AudioPiece, ClientError> {
    let bytes = STANDARD.decode(base64).map_err(|error| {
        raw.fail(
            Failure::Undecodable,
            Phase::Decode,
            "the audio of the answer is no base64",
        )
        .excerpt(raw.shown(base64, 0))
        .caused_by(error)
    })?;
    Ok(AudioPiece {
        at,
        bytes: bytes.into(),
    })
}

/// The pictures among the parts of a message.
pub(crate) fn pictures(raw: &RawAnswer, parts: &[Value]) -> Result<Vec<MediaPart>, ClientError> {
    parts
        .iter()
        .filter_map(|part| part["image_url"]["url"].as_str())
        .filter(|url| url.starts_with("data:"))
        .map(|url| {
            from_data_url(url).map_err(|why| {
                let message = format!("a picture of the answer cannot be read: {why}");
                raw.fail(Failure::Undecodable, Phase::Decode, message)
            })
        })
        .collect()
}
