//! The record of everything that a client exchanged.
//!
//! Promise: an exchange is in the record from the moment it starts, so that one that hangs or is
//! cancelled is there as well; secrets never enter it; it can be repeated with the `curl` line.
//! Bodies are shared with the answers, not copied.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::form::FormPart;
use crate::headers::Headers;
use crate::written::Shelf;

/// A list of exchanges. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Transcript(Arc<Mutex<Vec<Exchange>>>);

/// One request and what came back. Secrets are masked in every field.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When the request started, by the wall clock.
    pub started: SystemTime,
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The request headers that this client set. The HTTP library adds `host` and `content-length`.
    pub request_headers: Headers,
    /// The request body; `None` where there was none.
    pub request_body: Option<Bytes>,
    /// The parts of the request body, where it is a multipart form.
    pub request_form: Vec<FormPart>,
    /// 1 for the first attempt at a request; more where the judge had rejected the answer before.
    pub attempt: u32,
    /// What the judge said, where it rejected the answer.
    pub rejected: Option<String>,
    /// The status, once the response headers came.
    pub status: Option<u16>,
    /// The response headers.
    pub response_headers: Headers,
    /// From the start to the response headers.
    pub headers_after: Option<Duration>,
    /// The response body; empty for a stream, whose text is in `events`.
    pub response_body: Bytes,
    /// The events of a stream.
    pub events: Vec<Recorded>,
    /// How it ended.
    pub outcome: Outcome,
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// From the start of the request to the event's arrival.
    pub at: Duration,
    /// The `event:` field.
    pub event: Option<String>,
    /// The data.
    pub data: Arc<str>,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It still runs.
    InFlight,
    /// The last byte came.
    Complete {
        /// From the start to the last byte.
        elapsed: Duration,
    },
    /// It failed; the text of the error.
    Failed {
        /// From the start to the failure.
        elapsed: Duration,
        /// What happened.
        error: String,
    },
    /// The client gave it up: the test was cancelled or dropped the request.
    Cancelled {
        /// From the start to that moment.
        elapsed: Duration,
    },
}

impl Transcript {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything so far, in the order in which the requests started.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().clone()
    }

    /// Everything so far as a JSON list; media is told by its length and hash.
    pub fn to_json(&self) -> Value {
        self.lock().iter().map(Exchange::to_json).collect()
    }

    /// Write it into this folder: `transcript.json`, and below `media/` what is media or too long
    /// for a command line, such as `media/0003-response.wav`. The `curl` lines are to be run there.
    ///
    /// # Errors
    /// Where a file cannot be written; the others are written all the same.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut failed = None;
        let list: Vec<Value> = self
            .exchanges()
            .iter()
            .enumerate()
            .map(|(place, exchange)| {
                let mut shelf = Shelf::new(Some(folder), place + 1);
                let mut json = exchange.render(&mut shelf);
                json["number"] = json!(place + 1);
                if let Err(error) = shelf.finish() {
                    failed.get_or_insert(error);
                }
                json
            })
            .collect();
        let path = folder.join("transcript.json");
        // A list of plain values always becomes text.
        let text = serde_json::to_string_pretty(&list).unwrap_or_default();
        std::fs::write(&path, text + "\n").map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Whether nothing was exchanged yet.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The judge rejected the answer of this exchange, the first being 1.
    pub(crate) fn rejected(&self, number: usize, why: String) {
        self.update(number - 1, |exchange| exchange.rejected = Some(why));
    }

    pub(crate) fn begin(&self, exchange: Exchange) -> usize {
        let mut list = self.lock();
        list.push(exchange);
        list.len() - 1
    }

    pub(crate) fn update(&self, number: usize, change: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.lock().get_mut(number) {
            change(exchange);
        }
    }

    /// A panic while the lock was held cannot leave the list half changed in a way that matters:
    /// every change is one assignment or one push.
    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// The `curl` command that repeats the request, secrets standing as `***`.
    pub fn curl(&self) -> String {
        self.line(&mut Shelf::new(None, 0))
    }

    fn line(&self, shelf: &mut Shelf<'_>) -> String {
        shelf.curl(
            &self.method,
            &self.url,
            &self.request_headers,
            self.request_body.as_ref(),
            &self.request_form,
        )
    }

    /// The exchange as JSON: times in milliseconds, bodies as `{"text": …}`, `{"base64": …}`,
    /// `{"form": …}` or `{"media": …}`.
    pub fn to_json(&self) -> Value {
        self.render(&mut Shelf::new(None, 0))
    }

    pub(crate) fn render(&self, shelf: &mut Shelf<'_>) -> Value {
        let events: Vec<Value> = self
            .events
            .iter()
            .enumerate()
            .map(|(place, event)| {
                let name = format!("event-{:04}", place + 1);
                json!({
                    "at_ms": millis(event.at),
                    "event": event.event,
                    "data": shelf.text(&name, &event.data),
                })
            })
            .collect();
        let started = self.started.duration_since(UNIX_EPOCH).ok().map(millis);
        let (outcome, elapsed, error) = match &self.outcome {
            Outcome::InFlight => ("in flight", None, None),
            Outcome::Complete { elapsed } => ("complete", Some(*elapsed), None),
            Outcome::Failed { elapsed, error } => ("failed", Some(*elapsed), Some(error)),
            Outcome::Cancelled { elapsed } => ("cancelled", Some(*elapsed), None),
        };
        let sent = match &self.request_body {
            Some(_) if !self.request_form.is_empty() => shelf.form(&self.request_form),
            Some(bytes) => shelf.body("request-body", &self.request_headers, bytes),
            None => Value::Null,
        };
        let came = if self.events.is_empty() {
            shelf.body("response", &self.response_headers, &self.response_body)
        } else {
            Value::Null
        };
        json!({
            "started_unix_ms": started,
            "attempt": self.attempt,
            "rejected": self.rejected,
            "curl": self.line(shelf),
            "request": {
                "method": self.method,
                "url": self.url,
                "headers": self.request_headers,
                "body": sent,
            },
            "response": self.status.map(|status| json!({
                "status": status,
                "headers": self.response_headers,
                "headers_after_ms": self.headers_after.map(millis),
                "body": came,
                "events": events,
            })),
            "outcome": outcome,
            "elapsed_ms": elapsed.map(millis),
            "error": error,
        })
    }
}

fn millis(time: Duration) -> f64 {
    // Microseconds are as fine as a socket can be timed from here.
    (time.as_secs_f64() * 1e6).round() / 1e3
}
