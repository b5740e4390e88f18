//! Answers that come as server-sent events.

use super::note::{Note, excerpt, failure};
use super::splitter::{Piece, Splitter};
use super::wire::{Choice, Chunk, Content, Message, SpeechEvent, Text, TextOrData, Usage};
use super::{MOST_EVENT, base64};
use crate::record::{Failure, FailureClass, Kind, Record};

/// What the events are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Of a chat, a completion or a transcription.
    Chat,
    Speech,
}

#[derive(Debug)]
pub(crate) struct Events {
    dialect: Dialect,
    splitter: Splitter,
    /// Whether the end came that says that it is whole.
    done: bool,
    last: (u64, u64),
}

/// What one event is.
struct Read {
    kind: Kind,
    bytes: u32,
    tokens: Option<u32>,
}

impl Events {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            splitter: Splitter::new(MOST_EVENT),
            done: false,
            last: (0, 0),
        }
    }

    pub(crate) fn push(
        &mut self,
        at: u64,
        read: u64,
        bytes: &[u8],
        note: &mut Note,
        record: &mut Record,
    ) -> Result<(), Failure> {
        self.last = (at, read);
        let (dialect, done) = (self.dialect, &mut self.done);
        let mut failed = None;
        let pushed = self.splitter.push(bytes, |piece| {
            if failed.is_none() {
                failed = take(dialect, piece, at, read, done, note, record).err();
            }
        });
        match (failed, pushed) {
            (Some(why), _) => Err(why),
            (None, Ok(())) => Ok(()),
            (None, Err(large)) => {
                let why = format!("one event is larger than {} bytes", large.limit);
                Err(failure(FailureClass::Malformed, why))
            }
        }
    }

    pub(crate) fn finish(&mut self, note: &mut Note, record: &mut Record) -> Result<(), Failure> {
        let (dialect, done, (at, read)) = (self.dialect, &mut self.done, self.last);
        let mut failed = None;
        self.splitter.finish(|piece| {
            if failed.is_none() {
                failed = take(dialect, piece, at, read, done, note, record).err();
            }
        });
        if let Some(why) = failed {
            return Err(why);
        }
        let nothing = match dialect {
            Dialect::Chat => note.payloads == 0,
            Dialect::Speech => note.payloads == 0 || note.sound.is_empty(),
        };
        if nothing {
            let why = match record.events.is_empty() {
                true => "200, and no event in it",
                false => "200, and events without anything in them that a user waits for",
            };
            return Err(failure(FailureClass::Empty, why));
        }
        if !*done && !note.is_finished() {
            let why =
                "the stream ended without a reason to finish and without an end: it may be cut";
            return Err(failure(FailureClass::Empty, why));
        }
        Ok(())
    }
}

fn take(
    dialect: Dialect,
    piece: Piece<'_>,
    at: u64,
    read: u64,
    done: &mut bool,
    note: &mut Note,
    record: &mut Record,
) -> Result<(), Failure> {
    let (name, data) = match piece {
        Piece::Comment => {
            note.seen(at, read, Kind::Other, 0, None, record);
            return Ok(());
        }
        Piece::Event(name, data) => (name, data),
    };
    if data.trim_ascii() == b"[DONE]" {
        *done = true;
        return Ok(());
    }
    if name == b"error" {
        return Err(midstream(data));
    }
    let read_event = match dialect {
        Dialect::Chat => chat(data, done, note)?,
        Dialect::Speech => speech(data, done, note)?,
    };
    note.seen(
        at,
        read,
        read_event.kind,
        read_event.bytes,
        read_event.tokens,
        record,
    );
    Ok(())
}

fn midstream(data: &[u8]) -> Failure {
    failure(
        FailureClass::Midstream,
        format!("an error inside the stream: {}", excerpt(data)),
    )
}

fn malformed(data: &[u8], error: &serde_json::Error) -> Failure {
    failure(
        FailureClass::Malformed,
        format!("an event cannot be read ({error}): {}", excerpt(data)),
    )
}

fn chat(data: &[u8], done: &mut bool, note: &mut Note) -> Result<Read, Failure> {
    let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|error| malformed(data, &error))?;
    let is =
        |field: &Option<Text<'_>>, word: &str| field.as_ref().is_some_and(|text| text.0 == word);
    if chunk.error.is_some() || is(&chunk.object, "error") || is(&chunk.kind, "error") {
        return Err(midstream(data));
    }
    let media = match chunk.modality.as_ref().map(|text| &*text.0) {
        None | Some("text") => None,
        Some("audio") => Some(Kind::Audio),
        Some("image") => Some(Kind::Image),
        Some("video") => Some(Kind::Video),
        Some(_) => Some(Kind::Other),
    };
    let mut sum = Sum::default();
    for choice in chunk.choices.iter() {
        sum.choice(choice, media, note);
    }
    if let Some(text) = &chunk.delta {
        sum.add(Kind::Text, text.0.len());
        note.keep(&text.0);
    }
    if let Some(kind) = &chunk.kind {
        *done |= kind.0.ends_with(".done");
    }
    let tokens = chunk.usage.and_then(|usage: Usage| usage.completion());
    if let Some(usage) = chunk.usage {
        note.usage(usage);
    }
    note.told("metrics", chunk.metrics);
    note.told("timings", chunk.timings);
    let any_choice = chunk.choices.first.is_some();
    let kind = match sum.kind {
        Some(kind) => kind,
        None if any_choice => Kind::Role,
        None if chunk.usage.is_some() => Kind::Usage,
        None => Kind::Other,
    };
    Ok(Read {
        kind,
        bytes: u32::try_from(sum.bytes).unwrap_or(u32::MAX),
        tokens: tokens.map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX)),
    })
}

/// What the choices of one event carry. Where it is several things, the first of audio, image, video, tool, text and reasoning names it.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) kind: Option<Kind>,
    pub(crate) bytes: u64,
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Audio => 7,
        Kind::Image => 6,
        Kind::Video => 5,
        Kind::Tool => 4,
        Kind::Text => 3,
        Kind::Reasoning => 2,
        Kind::Role | Kind::Usage | Kind::Other => 1,
    }
}

impl Sum {
    fn add(&mut self, kind: Kind, bytes: usize) {
        if bytes == 0 {
            return;
        }
        match self.kind {
            Some(known) if rank(known) > rank(kind) => {}
            Some(known) if known == kind => self.bytes += bytes as u64,
            _ => {
                self.kind = Some(kind);
                self.bytes = bytes as u64;
            }
        }
    }

    pub(crate) fn choice(&mut self, choice: &Choice<'_>, media: Option<Kind>, note: &mut Note) {
        if let Some(word) = &choice.finish_reason {
            note.finished(&word.0);
        }
        if let Some(text) = &choice.text {
            self.add(Kind::Text, text.0.len());
            note.keep(&text.0);
        }
        for message in choice.delta.iter().chain(&choice.message) {
            self.message(message, media, note);
        }
    }

    fn message(&mut self, message: &Message<'_>, media: Option<Kind>, note: &mut Note) {
        match (&message.content, media) {
            (Content::None, _) => {}
            (Content::Text(text), None) => {
                self.add(Kind::Text, text.len());
                note.keep(text);
            }
            (Content::Text(text), Some(Kind::Audio)) if !text.is_empty() => {
                let bytes = note.sound.push_file(text);
                self.add(Kind::Audio, bytes as usize);
            }
            (Content::Text(text), Some(kind)) => {
                let bytes =
                    base64::decoded_len(base64::of_data_url(text).map_or(text, |(_, data)| data));
                note.images += u32::from(kind == Kind::Image && !text.is_empty());
                self.add(kind, bytes as usize);
            }
            (Content::Parts(parts), _) => {
                for part in parts.iter() {
                    if let Some(text) = &part.text {
                        self.add(Kind::Text, text.0.len());
                        note.keep(&text.0);
                    }
                    for (url, kind) in [
                        (&part.image_url, Kind::Image),
                        (&part.audio_url, Kind::Audio),
                        (&part.video_url, Kind::Video),
                    ] {
                        let Some(url) = url.as_ref().map(|url| &*url.url.0) else {
                            continue;
                        };
                        note.images += u32::from(kind == Kind::Image);
                        let bytes = match base64::of_data_url(url) {
                            Some((_, data)) if kind == Kind::Audio => {
                                u64::from(note.sound.push_file(data))
                            }
                            Some((_, data)) => base64::decoded_len(data),
                            None => url.len() as u64,
                        };
                        self.add(kind, bytes as usize);
                    }
                }
            }
        }
        for text in [&message.reasoning_content, &message.reasoning]
            .into_iter()
            .flatten()
        {
            self.add(Kind::Reasoning, text.0.len());
        }
        if let Some(text) = &message.refusal {
            self.add(Kind::Text, text.0.len());
        }
        for call in message.tool_calls.iter() {
            let Some(function) = &call.function else {
                continue;
            };
            for text in [&function.name, &function.arguments].into_iter().flatten() {
                self.add(Kind::Tool, text.0.len());
            }
        }
        if let Some(audio) = &message.audio {
            if let Some(text) = &audio.transcript {
                self.add(Kind::Text, text.0.len());
                note.keep(&text.0);
            }
            if let Some(data) = &audio.data {
                let bytes = note.sound.push_base64(&data.0);
                self.add(Kind::Audio, bytes as usize);
            }
        }
    }
}

fn speech(data: &[u8], done: &mut bool, note: &mut Note) -> Result<Read, Failure> {
    let event: SpeechEvent<'_> =
        serde_json::from_slice(data).map_err(|error| malformed(data, &error))?;
    let kind = event.kind.as_ref().map_or("", |kind| &kind.0);
    if event.error.is_some() || kind == "error" || kind.ends_with(".error") {
        return Err(midstream(data));
    }
    *done |= kind.ends_with(".done");
    if let Some(rate) = event.sample_rate {
        note.sound.rate(rate);
    }
    if let Some(usage) = event.usage {
        note.usage(usage);
    }
    note.told("metrics", event.metrics);
    let base64 = match &event.audio {
        Some(TextOrData::Text(text)) => Some(text),
        Some(TextOrData::Data(audio)) => audio.data.as_ref(),
        None => None,
    };
    let bytes = base64.map_or(0, |text| note.sound.push_base64(&text.0));
    let kind = match (bytes, event.usage) {
        (0, Some(_)) => Kind::Usage,
        (0, None) => Kind::Other,
        _ => Kind::Audio,
    };
    Ok(Read {
        kind,
        bytes,
        tokens: None,
    })
}
