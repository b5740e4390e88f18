//! What the body of an answer becomes in a record, as it comes.
//!
//! Promise: the form of an answer is what its headers say it is; whatever a server sends ends in `Ok` or in a failure in words, never in a
//! panic; a 200 with nothing in it is a failure. Nothing is kept of a body but counts, unless a later turn needs its text. Rejected: decoding
//! answers as `tribunal-client` does for verdicts (load must cost little, verdicts must see everything).

mod base64;
mod events;
mod note;
mod sound;
mod splitter;
mod wave;
mod whole;
mod wire;

use http::HeaderMap;

use crate::record::{Failure, FailureClass, Kind, Record};
use crate::request::Reading;
use events::{Dialect, Events};
use note::Note;
pub(crate) use note::{excerpt, failure};
pub use splitter::{Piece, Splitter, TooLarge};
pub(crate) use whole::video_seconds;
pub(crate) use wire::Job;

/// The largest event.
const MOST_EVENT: usize = 64 << 20;
/// The largest body that must be whole before it can be read.
const MOST_BODY: usize = 512 << 20;
/// More events than this are no answer.
const MOST_EVENTS: usize = 1 << 20;

/// Reads one body.
#[derive(Debug)]
pub(crate) struct Reader {
    form: Form,
    note: Note,
}

#[derive(Debug)]
enum Form {
    Events(Box<Events>),
    /// JSON or text that says nothing before it is whole.
    Whole(Reading, Kind, Vec<u8>),
    /// Samples, or an encoded film: as they come.
    Media(Kind),
    /// Only its length.
    Plain,
}

impl Reader {
    /// For an answer with these headers. `keep`: its text is wanted.
    ///
    /// # Errors
    /// The headers say that it is something that cannot be what was asked for.
    pub(crate) fn new(reading: Reading, headers: &HeaderMap, keep: bool) -> Result<Self, Failure> {
        let kind = media_type(headers);
        let is = |what: &str| kind.as_deref() == Some(what);
        let events = |dialect| Form::Events(Box::new(Events::new(dialect)));
        let form = match reading {
            Reading::Plain => Form::Plain,
            Reading::Speech | Reading::SpeechStream if is("text/event-stream") => {
                events(Dialect::Speech)
            }
            _ if is("text/event-stream") => events(Dialect::Chat),
            // A body that is no stream of events: it is read whole to say what it is instead.
            Reading::ChatStream | Reading::CompletionStream | Reading::SpeechStream
                if is("application/json") =>
            {
                Form::Whole(reading, Kind::Other, Vec::new())
            }
            Reading::ChatStream | Reading::CompletionStream => events(Dialect::Chat),
            Reading::Speech | Reading::SpeechStream => match is("application/json") {
                true => Form::Whole(reading, Kind::Other, Vec::new()),
                false => Form::Media(Kind::Audio),
            },
            Reading::Video if !is("application/json") => Form::Media(Kind::Video),
            Reading::Video => Form::Whole(reading, Kind::Video, Vec::new()),
            Reading::Chat | Reading::Completion | Reading::Transcription => {
                Form::Whole(reading, Kind::Text, Vec::new())
            }
            Reading::Images => Form::Whole(reading, Kind::Image, Vec::new()),
            Reading::Embeddings => Form::Whole(reading, Kind::Other, Vec::new()),
        };
        let text_only = is("text/html");
        if text_only && !matches!(form, Form::Plain) {
            let why = "200 with `text/html`, where an answer of a model was expected";
            return Err(failure(FailureClass::Malformed, why));
        }
        Ok(Self {
            form,
            note: Note::new(headers, keep),
        })
    }

    /// What was read at `at` in the `read`-th read of the connection.
    ///
    /// # Errors
    /// It cannot be read further.
    pub(crate) fn push(
        &mut self,
        at: u64,
        read: u64,
        bytes: &[u8],
        record: &mut Record,
    ) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let note = &mut self.note;
        match &mut self.form {
            Form::Events(events) => events.push(at, read, bytes, note, record)?,
            Form::Whole(_, kind, body) => {
                if body.len() + bytes.len() > MOST_BODY {
                    let why = format!("the body is larger than {MOST_BODY} bytes");
                    return Err(failure(FailureClass::Malformed, why));
                }
                body.extend_from_slice(bytes);
                note.seen_read(at, read, *kind, 0, record);
            }
            Form::Media(kind) => {
                let counted = match kind {
                    Kind::Audio => note.sound.push(bytes),
                    _ => bytes.len() as u32,
                };
                note.seen_read(at, read, *kind, counted, record);
            }
            Form::Plain => note.seen_read(at, read, Kind::Other, bytes.len() as u32, record),
        }
        if record.events.len() > MOST_EVENTS {
            let why = format!("more than {MOST_EVENTS} events");
            return Err(failure(FailureClass::Malformed, why));
        }
        Ok(())
    }

    /// The body ended.
    ///
    /// # Errors
    /// It is not whole, is empty, or cannot be read.
    pub(crate) fn finish(&mut self, record: &mut Record) -> Result<(), Failure> {
        let note = &mut self.note;
        let done = match &mut self.form {
            Form::Events(events) => events.finish(note, record),
            Form::Whole(reading, _, body) => whole::read(*reading, body, note, record),
            Form::Media(Kind::Audio) => match note.sound.is_empty() {
                true => Err(failure(FailureClass::Empty, "200, and no audio in it")),
                false => Ok(()),
            },
            Form::Media(_) if !record.events.iter().any(|seen| seen.kind.is_payload()) => {
                Err(failure(FailureClass::Empty, "200, and nothing in it"))
            }
            Form::Media(_) | Form::Plain => Ok(()),
        };
        self.note.tell(record);
        done
    }

    /// What is known so far of an answer that did not come to its end.
    pub(crate) fn abandon(&mut self, record: &mut Record) {
        self.note.tell(record);
    }

    /// The text of the answer, if it was wanted.
    pub(crate) fn text(&self) -> &str {
        &self.note.text
    }

    /// The job that stands in a body of [`Reading::Video`], if it is one.
    pub(crate) fn job(&self) -> Option<Job> {
        match &self.form {
            Form::Whole(Reading::Video, _, body) => serde_json::from_slice::<Job>(body)
                .ok()
                .filter(|job| job.id.is_some()),
            _ => None,
        }
    }
}

/// The media type, without parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = text.split(';').next()?.trim();
    Some(kind.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
