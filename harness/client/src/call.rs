//! One request and its response: the only file that touches the network.
//!
//! The limits are kept here with timers of our own rather than by the HTTP library, because an
//! error must say *which* limit ran out and what had come until then.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::Extensions;
use reqwest::Url;
use serde_json::Value;
use tokio::time::timeout_at;

use crate::client::Client;
use crate::error::{ClientError, Failure, Limit, Phase, seconds};
use crate::headers::Headers;
use crate::mask::{self, Secrets};
use crate::outgoing::Outgoing;
use crate::raw::{Arrival, BodyEnd, RawAnswer, TimedEvent};
use crate::recorder::Recorder;
use crate::sse::SseParser;
use crate::timeouts::Timeouts;
use crate::transcript::{Exchange, Outcome};
use crate::watcher::{Progress, Watcher};

/// How many turns a connection gets to close. One was enough in every case tried, the second is
/// reserve; on a runtime without other work both together cost less than a microsecond.
const CLOSING_TURNS: usize = 2;

/// Make the request. Any status is an answer; so is one that breaks off.
pub(crate) async fn call(client: &Client, out: Outgoing) -> Result<RawAnswer, ClientError> {
    let url = format!("{}{}", client.base, out.path);
    let shown = mask::url(&url);
    let own = out
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let secrets = client
        .secrets
        .join(&Secrets::of(mask::query_pairs(&url).chain(own)));
    let unusable = |message: &str| {
        ClientError::new(
            Failure::Unusable,
            Phase::Prepare,
            out.method.as_str(),
            &shown,
            message,
        )
    };
    if !out.path.starts_with('/') {
        return Err(unusable("the path must start with `/`")
            .advice("give the path below the server's root, such as `/v1/models`"));
    }
    let address =
        Url::parse(&url).map_err(|error| unusable("this is no address").caused_by(error))?;
    let mut builder = client
        .http
        .request(out.method.clone(), address)
        .header("accept", out.accept)
        .headers((*client.headers).clone());
    for (name, value) in &out.headers {
        builder = builder.header(name, value);
    }
    if let Some(payload) = &out.payload {
        builder = builder
            .header("content-type", &payload.content_type)
            .body(payload.bytes.clone());
    }
    let request = builder
        .build()
        .map_err(|error| unusable("the request cannot be made").caused_by(error.without_url()))?;

    let start = Instant::now();
    let mut recorder = Recorder::begin(
        client.transcript.clone(),
        secrets.clone(),
        start,
        |secrets| Exchange {
            started: SystemTime::now(),
            method: out.method.to_string(),
            url: shown.clone(),
            request_headers: mask::headers(request.headers()),
            request_body: out
                .payload
                .as_ref()
                .map(|payload| secrets.bytes(&payload.bytes)),
            request_form: out
                .payload
                .as_ref()
                .map(|payload| secrets.parts(&payload.parts))
                .unwrap_or_default(),
            attempt: out.attempt,
            rejected: None,
            status: None,
            response_headers: Headers::default(),
            headers_after: None,
            response_body: Bytes::new(),
            events: Vec::new(),
            outcome: Outcome::InFlight,
        },
    );
    let run = Run {
        client,
        timeouts: out.timeouts,
        method: out.method.as_str(),
        url: &shown,
        start,
        secrets: &secrets,
    };
    let sent = out.payload.map(|payload| payload.json).unwrap_or_default();
    let result = run
        .exchange(request, sent, out.attached, &mut recorder)
        .await;
    recorder.end(&result);
    // The connection has a task of its own on this runtime, which ends at its next turn. Without
    // this turn a runner that counts live tasks after a test would see it as a leak.
    for _ in 0..CLOSING_TURNS {
        tokio::task::yield_now().await;
    }
    result
}

struct Run<'a> {
    client: &'a Client,
    timeouts: Timeouts,
    method: &'a str,
    url: &'a str,
    start: Instant,
    secrets: &'a Secrets,
}

impl Run<'_> {
    async fn exchange(
        &self,
        request: reqwest::Request,
        sent: Arc<Value>,
        attached: Extensions,
        recorder: &mut Recorder,
    ) -> Result<RawAnswer, ClientError> {
        let deadline = after(self.start, self.timeouts.total);
        let mut response =
            match timeout_at(deadline.into(), self.client.http.execute(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(self.not_answered(error.without_url())),
                Err(_) => {
                    return Err(self.timed_out(
                        Phase::Headers,
                        Limit::Total,
                        "no response headers came",
                    ));
                }
            };
        let headers_after = self.start.elapsed();
        let headers = Headers::from_map(response.headers());
        let status = response.status().as_u16();
        recorder.headers(status, mask::headers(response.headers()), headers_after);
        let watcher = attached.get::<Watcher>().cloned();
        if let Some(watcher) = &watcher {
            watcher.tell(headers_after, Progress::Headers(status));
        }
        let is_stream = headers.media_type().as_deref() == Some("text/event-stream");
        let mut answer = RawAnswer {
            status,
            headers,
            body: Bytes::new(),
            end: BodyEnd::Complete,
            was_reset: false,
            headers_after,
            elapsed: headers_after,
            request: sent,
            attached,
            attempts: 1,
            rejected: Vec::new(),
            exchange: recorder.number(),
            arrivals: Vec::new(),
            method: self.method.to_owned(),
            url: self.url.to_owned(),
            events: Vec::new(),
            unterminated: None,
            comments: 0,
            is_stream,
            secrets: self.secrets.clone(),
        };
        let phase = if is_stream {
            Phase::Events
        } else {
            Phase::Body
        };
        let sizes = self.client.sizes;
        if response
            .content_length()
            .is_some_and(|length| length > sizes.body as u64)
        {
            return Err(self.too_large(phase, "the body", sizes.body));
        }
        let mut body = BytesMut::new();
        let mut parser = SseParser::new(sizes.event);
        let mut parsed = Vec::new();
        loop {
            let idle = after(Instant::now(), self.timeouts.idle);
            let chunk = match timeout_at(idle.min(deadline).into(), response.chunk()).await {
                Err(_) => {
                    let limit = if deadline <= idle {
                        Limit::Total
                    } else {
                        Limit::Idle
                    };
                    let so_far = if is_stream {
                        format!("{} events had come", answer.events.len())
                    } else {
                        format!("{} bytes had come", body.len())
                    };
                    recorder.body(&body.split().freeze(), is_stream);
                    return Err(self.timed_out(phase, limit, &so_far));
                }
                Ok(Err(error)) => {
                    answer.was_reset = io_kind(&error) == Some(io::ErrorKind::ConnectionReset);
                    answer.end = BodyEnd::Truncated(
                        self.secrets.text(&chain(&error.without_url())).into_owned(),
                    );
                    break;
                }
                Ok(Ok(None)) => break,
                Ok(Ok(Some(chunk))) => chunk,
            };
            let at = self.start.elapsed();
            if body.len() + chunk.len() > sizes.body {
                return Err(self.too_large(phase, "the body", sizes.body));
            }
            body.extend_from_slice(&chunk);
            answer.arrivals.push(Arrival {
                at,
                end: body.len(),
            });
            if let Some(watcher) = &watcher {
                watcher.tell(at, Progress::Bytes(chunk.len()));
            }
            if is_stream {
                let fed = parser.push(&chunk, &mut parsed);
                for event in parsed.drain(..) {
                    let event = TimedEvent::new(at, event);
                    recorder.event(&event);
                    if let Some(watcher) = &watcher {
                        watcher.tell(at, Progress::Event(&event.data));
                    }
                    answer.events.push(event);
                }
                fed.map_err(|error| {
                    self.too_large(phase, "one event", error.limit)
                        .caused_by(error)
                })?;
            }
        }
        answer.elapsed = self.start.elapsed();
        answer.body = body.freeze();
        recorder.body(&answer.body, is_stream);
        answer.comments = parser.comments();
        answer.unterminated = parser.finish().map(|event| event.data);
        Ok(answer)
    }

    /// The request ended before any response header.
    fn not_answered(&self, error: reqwest::Error) -> ClientError {
        let at = self.at();
        let kind = io_kind(&error);
        if error.is_connect() {
            if error.is_timeout() || kind == Some(io::ErrorKind::TimedOut) {
                let after = self.timeouts.connect;
                let message = format!(
                    "nothing accepted the connection at {at} within {}",
                    seconds(after)
                );
                return self
                    .fail(
                        Failure::TimedOut {
                            limit: Limit::Connect,
                            after,
                        },
                        Phase::Connect,
                        message,
                    )
                    .advice(
                        "see whether the server is overloaded or the address is behind a firewall",
                    )
                    .caused_by(error);
            }
            if kind == Some(io::ErrorKind::ConnectionRefused) {
                return self
                    .fail(
                        Failure::Refused,
                        Phase::Connect,
                        format!("nothing listens on {at}; is the server running?"),
                    )
                    .advice("start the server, or check the port in the address")
                    .caused_by(error);
            }
            return self
                .fail(
                    Failure::Other,
                    Phase::Connect,
                    format!("no connection to {at} could be opened"),
                )
                .advice("check the host name and the port")
                .caused_by(error);
        }
        if error.is_builder() || error.is_request() && kind.is_none() && error.source().is_none() {
            return self
                .fail(
                    Failure::Unusable,
                    Phase::Prepare,
                    "the request cannot be made",
                )
                .caused_by(error);
        }
        let phase = if kind == Some(io::ErrorKind::BrokenPipe) {
            Phase::Send
        } else {
            Phase::Headers
        };
        self.fail(Failure::Closed, phase, format!("{at} accepted the connection and closed it without an answer"))
            .advice("see whether the server's process still lives, what its log says last, and whether it speaks HTTP/1.1")
            .caused_by(error)
    }

    fn timed_out(&self, phase: Phase, limit: Limit, so_far: &str) -> ClientError {
        let after = match limit {
            Limit::Connect => self.timeouts.connect,
            Limit::Idle => self.timeouts.idle,
            Limit::Total | Limit::Job => self.timeouts.total,
        };
        let what = if limit == Limit::Idle {
            "nothing came for"
        } else {
            "the request did not end within"
        };
        self.fail(Failure::TimedOut { limit, after }, phase, format!("{what} {} (the {limit} limit); {so_far}", seconds(after)))
            .advice(format!("see in the server's log whether it hangs; if it is only slow, raise the limit with `.{limit}_timeout(...)`"))
    }

    fn too_large(&self, phase: Phase, what: &str, limit: usize) -> ClientError {
        self.fail(
            Failure::TooLarge { limit },
            phase,
            format!("{what} is larger than {limit} bytes"),
        )
        .advice("raise the limit with `Client::with_sizes` if the answer should be that large")
    }

    fn fail(&self, failure: Failure, phase: Phase, message: impl Into<String>) -> ClientError {
        ClientError::new(failure, phase, self.method, self.url, message).after(self.start.elapsed())
    }

    /// `host:port` of the server.
    fn at(&self) -> &str {
        let rest = self
            .client
            .base
            .split_once("://")
            .map_or(&*self.client.base, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or(rest);
        authority.rsplit('@').next().unwrap_or(authority)
    }
}

/// `start + time`; a time without end is far away instead of an overflow.
fn after(start: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    start.checked_add(time.min(FAR)).unwrap_or(start)
}

/// An error and all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The first I/O error among the causes.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        next = cause.source();
    }
    None
}
