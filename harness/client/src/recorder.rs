//! The pen of the transcript: keeps the entry of one exchange, also when the request is dropped
//! midway.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::error::ClientError;
use crate::headers::Headers;
use crate::mask::Secrets;
use crate::raw::{BodyEnd, RawAnswer, TimedEvent};
use crate::transcript::{Exchange, Outcome, Recorded, Transcript};

/// Keeps the transcript's entry of one exchange, also when the request is dropped midway.
pub(crate) struct Recorder {
    entry: Option<(Transcript, usize)>,
    secrets: Secrets,
    start: Instant,
}

impl Recorder {
    pub(crate) fn begin(
        transcript: Option<Transcript>,
        secrets: Secrets,
        start: Instant,
        exchange: impl FnOnce(&Secrets) -> Exchange,
    ) -> Self {
        let entry = transcript.map(|transcript| {
            let number = transcript.begin(exchange(&secrets));
            (transcript, number)
        });
        Self {
            entry,
            secrets,
            start,
        }
    }

    /// The number of the exchange, the first being 1.
    pub(crate) fn number(&self) -> Option<usize> {
        self.entry.as_ref().map(|(_, number)| number + 1)
    }

    fn update(&self, change: impl FnOnce(&mut Exchange)) {
        if let Some((transcript, number)) = &self.entry {
            transcript.update(*number, change);
        }
    }

    pub(crate) fn headers(&self, status: u16, headers: Headers, headers_after: Duration) {
        self.update(|exchange| {
            exchange.status = Some(status);
            exchange.response_headers = headers
                .iter()
                .map(|(name, value)| (name.to_owned(), self.secrets.text(value).into_owned()))
                .collect();
            exchange.headers_after = Some(headers_after);
        });
    }

    pub(crate) fn event(&self, event: &TimedEvent) {
        self.update(|exchange| {
            let data = match self.secrets.text(&event.data) {
                Cow::Borrowed(_) => event.data.clone(),
                Cow::Owned(masked) => masked.into(),
            };
            exchange.events.push(Recorded {
                at: event.at,
                event: event.event.clone(),
                data,
            });
        });
    }

    /// The whole body, or what came of it. Of a stream only where it had no event: the events say
    /// the rest.
    pub(crate) fn body(&self, body: &Bytes, is_stream: bool) {
        self.update(|exchange| {
            if !is_stream || exchange.events.is_empty() {
                exchange.response_body = self.secrets.bytes(body);
            }
        });
    }

    /// The exchange is over; for one that is no request with an answer.
    #[cfg(feature = "websocket")]
    pub(crate) fn close(&mut self, error: Option<&ClientError>) {
        let elapsed = self.start.elapsed();
        self.update(|exchange| {
            exchange.outcome = match error {
                None => Outcome::Complete { elapsed },
                Some(error) => Outcome::Failed {
                    elapsed,
                    error: error.to_string(),
                },
            };
        });
        self.entry = None;
    }

    pub(crate) fn end(&mut self, result: &Result<RawAnswer, ClientError>) {
        let elapsed = self.start.elapsed();
        self.update(|exchange| {
            exchange.outcome = match result {
                Ok(RawAnswer {
                    end: BodyEnd::Truncated(why),
                    ..
                }) => Outcome::Failed {
                    elapsed,
                    error: format!("the connection broke in the middle of the answer: {why}"),
                },
                Ok(answer) => Outcome::Complete {
                    elapsed: answer.elapsed,
                },
                Err(error) => Outcome::Failed {
                    elapsed,
                    error: error.to_string(),
                },
            };
        });
        self.entry = None;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let elapsed = self.start.elapsed();
        self.update(|exchange| exchange.outcome = Outcome::Cancelled { elapsed });
    }
}
