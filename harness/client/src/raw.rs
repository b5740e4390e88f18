//! A response of any route and any status, before anything was made of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api_error::{ApiError, ErrorAnswer};
use crate::error::{ClientError, Failure, Phase, excerpt, position};
use crate::headers::Headers;
use crate::mask::Secrets;
use crate::sse::{SseEvent, SseParser};

/// Whether a body came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEnd {
    /// Everything that HTTP announced came.
    Complete,
    /// The connection broke before; why.
    Truncated(String),
}

/// A server-sent event with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimedEvent {
    pub at: Duration,
    pub event: Option<String>,
    pub data: Arc<str>,
    pub invalid_utf8: bool,
}

impl TimedEvent {
    pub(crate) fn new(at: Duration, event: SseEvent) -> Self {
        Self {
            at,
            event: event.event,
            data: event.data.into(),
            invalid_utf8: event.invalid_utf8,
        }
    }
}

/// How much of a body had come at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub at: Duration,
    pub end: usize,
}

/// A response with any status, complete or broken off.
#[derive(Clone)]
pub struct RawAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The response headers.
    pub headers: Headers,
    /// Every byte of the body that came, of streams as well.
    pub body: Bytes,
    /// Whether the body came to its end.
    pub end: BodyEnd,
    /// From before the connection was opened to the response headers.
    pub headers_after: Duration,
    /// From before the connection was opened to the last byte.
    pub elapsed: Duration,
    /// The JSON body of the request; `Value::Null` where it had none.
    ///
    /// Of a form: its fields by name, and for each file what it is
    /// (`{"file": …, "mime": …, "bytes": …, "sha256": …}`).
    pub request: Arc<Value>,
    /// What the test attached to the request, for whoever judges the answer.
    pub attached: Extensions,
    /// How often the request was sent until this answer came: 1, and more only where
    /// `retry_content` asked for it.
    pub attempts: u32,
    /// What the judge said to the answers before this one.
    pub rejected: Vec<String>,
    /// The number of the exchange in the client's transcript, the first being 1; `None` without a
    /// transcript.
    pub exchange: Option<usize>,
    pub(crate) was_reset: bool,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) events: Vec<TimedEvent>,
    pub(crate) unterminated: Option<String>,
    pub(crate) comments: u64,
    pub(crate) is_stream: bool,
    pub(crate) secrets: Secrets,
}

impl RawAnswer {
    /// An answer that is already at hand (from a file, a transcript, another client), so that it can
    /// be read and judged like one that was sent for. Every time in it is zero. The body counts as
    /// complete.
    pub fn recorded(request: Value, status: u16, headers: Headers, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let is_stream = headers.media_type().as_deref() == Some("text/event-stream");
        let mut parser = SseParser::new(usize::MAX);
        let mut events = Vec::new();
        if is_stream {
            // Without a limit nothing can be too large.
            let _ = parser.push(&body, &mut events);
        }
        Self {
            status,
            headers,
            end: BodyEnd::Complete,
            was_reset: false,
            headers_after: Duration::ZERO,
            elapsed: Duration::ZERO,
            request: Arc::new(request),
            attached: Extensions::new(),
            attempts: 1,
            rejected: Vec::new(),
            exchange: None,
            arrivals: vec![Arrival {
                at: Duration::ZERO,
                end: body.len(),
            }],
            method: "POST".into(),
            url: "(recorded)".into(),
            events: events
                .into_iter()
                .map(|event| TimedEvent::new(Duration::ZERO, event))
                .collect(),
            comments: parser.comments(),
            unterminated: parser.finish().map(|event| event.data),
            is_stream,
            secrets: Secrets::default(),
            body,
        }
    }

    /// Whether the status is a success (200 to 299).
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the response is a stream of server-sent events, by its content type.
    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// Whether the connection was reset in the middle of the body, which is one way to be [`BodyEnd::Truncated`].
    pub fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// The data of an event whose closing blank line never came.
    pub fn unterminated(&self) -> Option<&str> {
        self.unterminated.as_deref()
    }

    /// The events of a stream: time since the request started, and data.
    pub fn events(&self) -> impl Iterator<Item = (Duration, &str)> {
        self.events.iter().map(|event| (event.at, &*event.data))
    }

    /// The pieces of the body as the network brought them, each with the time since the request
    /// started. Where the pieces end says when bytes came, not what the server wrote at a time.
    pub fn pieces(&self) -> impl Iterator<Item = (Duration, Bytes)> {
        let mut start = 0;
        self.arrivals.iter().filter_map(move |arrival| {
            let end = arrival.end.min(self.body.len());
            let piece = self.body.slice(start..end);
            start = end;
            (!piece.is_empty()).then_some((arrival.at, piece))
        })
    }

    /// The body as text.
    ///
    /// # Errors
    /// Where it is no UTF-8.
    pub fn text(&self) -> Result<&str, ClientError> {
        std::str::from_utf8(&self.body).map_err(|error| {
            self.fail(
                Failure::Undecodable,
                Phase::Decode,
                "the body is no UTF-8 text",
            )
            .excerpt(self.piece(error.valid_up_to()))
            .caused_by(error)
        })
    }

    /// The body as JSON of this type.
    ///
    /// # Errors
    /// Where it is not; with an excerpt of the body at the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = match self.headers.media_type() {
                Some(kind) if kind != "application/json" => {
                    format!("the body is not the JSON that this route answers, but {kind}")
                }
                _ => "the body is not the JSON that this route answers".into(),
            };
            self.fail(Failure::Undecodable, Phase::Decode, message)
                .excerpt(self.piece(position(&self.body, &error)))
                .caused_by(error)
        })
    }

    /// The same answer, where its status is a success.
    ///
    /// # Errors
    /// [`Failure::Status`] with what the server says otherwise.
    pub fn success(self) -> Result<Self, ClientError> {
        if self.is_success() {
            return Ok(self);
        }
        let error = self.api_error();
        let failure = self.fail(
            Failure::Status(error.clone()),
            Phase::Headers,
            format!("the server answered {error}"),
        );
        let failure = if error.message.is_none() {
            failure.excerpt(self.piece(0))
        } else {
            failure
        };
        Err(match self.status {
            404 => failure.advice(
                "check the route and the model's name; `GET /v1/models` lists what is served",
            ),
            401 | 403 => {
                failure.advice("give the client the server's key with `Client::with_bearer`")
            }
            500.. => failure.advice("the server's log says what broke"),
            _ => failure.advice("if the test expects this status, say `.expect_status(...)`"),
        })
    }

    /// The same answer, where its body came to its end.
    ///
    /// # Errors
    /// [`Failure::Truncated`] otherwise.
    pub fn complete(self) -> Result<Self, ClientError> {
        match &self.end {
            BodyEnd::Complete => Ok(self),
            BodyEnd::Truncated(why) => {
                let phase = if self.is_stream {
                    Phase::Events
                } else {
                    Phase::Body
                };
                let so_far = if self.is_stream {
                    format!("{} events", self.events.len())
                } else {
                    format!("{} bytes", self.body.len())
                };
                let message = format!(
                    "the connection broke in the middle of the answer, after {so_far}: {why}"
                );
                Err(self.fail(Failure::Truncated, phase, message).advice(
                    "see whether the server's process still lives and what its log says last",
                ))
            }
        }
    }

    /// Read it as an error answer; nobody asked for the server's health.
    pub fn error(&self) -> ErrorAnswer {
        ErrorAnswer::of(self)
    }

    /// What the body says, read as an error object.
    pub fn api_error(&self) -> ApiError {
        ApiError::read(self.status, &self.body, &self.secrets)
    }

    /// The error that an event of the stream carries, if it does: an object with an `error`, or an
    /// event of that name.
    pub(crate) fn error_event(&self, event: &TimedEvent) -> Option<ApiError> {
        let named = event.event.as_deref() == Some("error");
        // Cheap first: chunks are many and error objects few.
        if !named && !event.data.contains("\"error\"") {
            return None;
        }
        let json: Option<Value> = serde_json::from_str(&event.data).ok();
        let carries =
            json.is_some_and(|json| json.get("error").is_some_and(|error| !error.is_null()));
        (named || carries)
            .then(|| ApiError::read(self.status, event.data.as_bytes(), &self.secrets))
    }

    pub(crate) fn fail(
        &self,
        failure: Failure,
        phase: Phase,
        message: impl Into<String>,
    ) -> ClientError {
        ClientError::new(
            failure,
            phase,
            &self.method,
            &self.url,
            self.secrets.text(&message.into()),
        )
        .after(self.elapsed)
    }

    /// A text with the secrets masked that this client sent, for whatever is written down about the answer: a server may quote them.
    pub fn masked(&self, text: &str) -> String {
        self.secrets.text(text).into_owned()
    }

    fn piece(&self, at: usize) -> String {
        self.secrets.text(&excerpt(&self.body, at)).into_owned()
    }
}

impl std::fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawAnswer")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.piece(0))
            .field("events", &self.events.len())
            .field("end", &self.end)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}
