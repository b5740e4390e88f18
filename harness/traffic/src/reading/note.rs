//! What is kept while a body is read.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::sound::Sound;
use super::wire::Usage;
use crate::record::{Failure, FailureClass, Kind, Record, Seen, TokenSource};

/// As long is a failure's text.
const MOST_TEXT: usize = 500;
/// As much text is kept for the next turn.
const MOST_KEPT: usize = 1 << 20;
/// As many figures of a server.
const MOST_TOLD: usize = 256;

#[derive(Debug)]
pub(crate) struct Note {
    last_read: Option<u64>,
    pub(crate) sound: Sound,
    /// Events that carry something that a user waits for, and of them those with tokens.
    pub(crate) payloads: u64,
    token_events: u64,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    finish: Option<String>,
    pub(crate) images: u32,
    told: Map<String, Value>,
    keep: bool,
    pub(crate) text: String,
}

impl Note {
    pub(crate) fn new(headers: &HeaderMap, keep: bool) -> Self {
        Self {
            last_read: None,
            sound: Sound::new(headers),
            payloads: 0,
            token_events: 0,
            prompt_tokens: None,
            completion_tokens: None,
            finish: None,
            images: 0,
            told: Map::new(),
            keep,
            text: String::new(),
        }
    }

    /// An event, ended by this read.
    pub(crate) fn seen(
        &mut self,
        at: u64,
        read: u64,
        what: Kind,
        bytes: u32,
        tokens: Option<u32>,
        record: &mut Record,
    ) {
        let coalesced = self.last_read == Some(read);
        self.last_read = Some(read);
        if what.is_payload() {
            self.payloads += 1;
        }
        if matches!(what, Kind::Text | Kind::Reasoning | Kind::Tool) {
            self.token_events += 1;
        }
        record.events.push(Seen {
            at,
            kind: what,
            bytes,
            tokens,
            coalesced,
        });
    }

    /// A read of a body that has no events: what the connection hands over in pieces of one read is one.
    pub(crate) fn seen_read(
        &mut self,
        at: u64,
        read: u64,
        what: Kind,
        bytes: u32,
        record: &mut Record,
    ) {
        if self.last_read == Some(read)
            && let Some(last) = record.events.last_mut()
        {
            last.bytes = last.bytes.saturating_add(bytes);
            return;
        }
        self.last_read = Some(read);
        record.events.push(Seen {
            at,
            kind: what,
            bytes,
            tokens: None,
            coalesced: false,
        });
    }

    /// Text for the next turn.
    pub(crate) fn keep(&mut self, text: &str) {
        if self.keep && self.text.len() + text.len() <= MOST_KEPT {
            self.text.push_str(text);
        }
    }

    pub(crate) fn usage(&mut self, usage: Usage) {
        self.prompt_tokens = usage.prompt().or(self.prompt_tokens);
        self.completion_tokens = usage.completion().or(self.completion_tokens);
    }

    pub(crate) fn finished(&mut self, word: &str) {
        if !word.is_empty() {
            self.finish = Some(cut(word, 64).to_owned());
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// A figure of the server, by this name; those of an object called `metrics`, each by its own.
    pub(crate) fn told(&mut self, name: &str, value: Option<Value>) {
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Object(all)) if name == "metrics" => {
                for (name, value) in all {
                    self.tell_one(&name, value);
                }
            }
            Some(value) => self.tell_one(name, value),
        }
    }

    fn tell_one(&mut self, name: &str, value: Value) {
        if self.told.len() < MOST_TOLD || self.told.contains_key(name) {
            self.told.insert(cut(name, 128).to_owned(), value);
        }
    }

    /// Puts what is known into the record.
    pub(crate) fn tell(&mut self, record: &mut Record) {
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        if let Some(tokens) = self.prompt_tokens {
            record.prompt_tokens = Some(number(tokens));
        }
        if let Some(tokens) = self.completion_tokens {
            record.output_tokens = Some(number(tokens));
            record.token_source = Some(TokenSource::Usage);
        } else if let Some(tokens) = record.events.iter().rev().find_map(|seen| seen.tokens) {
            record.output_tokens = Some(tokens);
            record.token_source = Some(TokenSource::Usage);
        } else if self.token_events > 0 {
            record.output_tokens = Some(number(self.token_events));
            record.token_source = Some(TokenSource::Events);
        }
        if self.finish.is_some() {
            record.finish = self.finish.take();
        }
        if self.images > 0 {
            record.images = Some(self.images);
        }
        self.sound.tell(record);
        record.told.append(&mut self.told);
    }
}

pub(crate) fn failure(class: FailureClass, text: impl Into<String>) -> Failure {
    let mut text = text.into();
    text.truncate(cut(&text, MOST_TEXT).len());
    Failure { class, text }
}

/// The beginning of bytes from outside, for a person.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    let mut short: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    short.truncate(cut(&short, 300).len());
    if short.len() < bytes.len() && bytes.len() > 300 {
        short.push('…');
    }
    short
}

/// At most so many bytes of a text, and no character cut.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
