//! A streamed answer: its chunks with their times, and how the stream ended.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{ClientError, Failure, Phase, excerpt};
use crate::raw::{BodyEnd, RawAnswer};

/// Something that arrived at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived<T> {
    /// From before the connection was opened to the arrival of the event's last byte.
    pub at: Duration,
    /// The data of the event as it came.
    pub raw: Arc<str>,
    /// The chunk that it says.
    pub chunk: T,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// `[DONE]` came, or the event with which a stream of the route ends, and the body was complete.
    Done,
    /// The body was complete, but `[DONE]` never came.
    MissingDone,
    /// The body was complete, but its last event lacks the blank line that ends an event. Clients
    /// that follow the standard drop such an event; its data is here.
    Unterminated(String),
    /// The connection broke before the body was complete; why.
    Truncated(String),
}

/// The chunks of a streamed answer and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRecord<T> {
    /// Every chunk up to the last, in order.
    pub chunks: Vec<Arrived<T>>,
    /// How it ended.
    pub end: StreamEnd,
    /// The data of events after the last. There should be none.
    pub after_done: Vec<Arc<str>>,
    /// Comment lines (keep-alives) in the stream.
    pub comments: u64,
}

/// What marks the last event of a stream of the OpenAI API.
const DONE: &str = "[DONE]";

impl<T: DeserializeOwned> StreamRecord<T> {
    /// Read the events of a stream as chunks.
    ///
    /// # Errors
    /// The first event that is an error object, or is no chunk.
    pub(crate) fn read(raw: &RawAnswer) -> Result<Self, ClientError> {
        Self::read_until(raw, |_| false)
    }

    /// The same for a route whose stream has a last chunk of its own; `[DONE]` may still follow it.
    pub(crate) fn read_until(
        raw: &RawAnswer,
        is_last: fn(&T) -> bool,
    ) -> Result<Self, ClientError> {
        let mut ended = false;
        let mut chunks = Vec::new();
        let mut after_done = Vec::new();
        let mut done = false;
        for (number, event) in raw.events.iter().enumerate() {
            if done {
                after_done.push(event.data.clone());
                continue;
            }
            if event.data.trim() == DONE {
                done = true;
                continue;
            }
            if ended {
                after_done.push(event.data.clone());
                continue;
            }
            if let Some(error) = raw.error_event(event) {
                let message = format!("event {} of the stream is an error: {error}", number + 1);
                return Err(raw
                    .fail(Failure::ErrorEvent(error), Phase::Events, message)
                    .advice("the server's log says why it gave up in the middle of an answer"));
            }
            if event.invalid_utf8 {
                let message = format!(
                    "event {} of the stream holds bytes that are no UTF-8",
                    number + 1
                );
                return Err(raw
                    .fail(Failure::Undecodable, Phase::Decode, message)
                    .excerpt(raw.shown(&event.data, 0)));
            }
            let chunk: T = serde_json::from_str(&event.data).map_err(|error| {
                let message = format!(
                    "event {} of the stream is no chunk of this route",
                    number + 1
                );
                let at = crate::error::position(event.data.as_bytes(), &error);
                raw.fail(Failure::Undecodable, Phase::Decode, message)
                    .excerpt(raw.shown(&event.data, at))
                    .caused_by(error)
            })?;
            ended = is_last(&chunk);
            chunks.push(Arrived {
                at: event.at,
                raw: event.data.clone(),
                chunk,
            });
        }
        let end = match (&raw.end, &raw.unterminated) {
            (BodyEnd::Truncated(why), _) => StreamEnd::Truncated(why.clone()),
            (BodyEnd::Complete, Some(rest)) => StreamEnd::Unterminated(rest.clone()),
            (BodyEnd::Complete, None) if done || ended => StreamEnd::Done,
            (BodyEnd::Complete, None) => StreamEnd::MissingDone,
        };
        Ok(Self {
            chunks,
            end,
            after_done,
            comments: raw.comments,
        })
    }
}

impl RawAnswer {
    /// A piece of the body for an error message, secrets masked.
    pub(crate) fn shown(&self, body: &str, at: usize) -> String {
        self.secrets
            .text(&excerpt(body.as_bytes(), at))
            .into_owned()
    }
}
