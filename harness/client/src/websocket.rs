//! A WebSocket session: everything that goes over it, with times, limits and a transcript.
//!
//! The session is raw: a test sends what it likes, also what breaks the protocol, and receives
//! message by message. Nothing runs beside the test: a ping is answered when the test receives.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::api_error::ApiError;
use crate::error::{ClientError, Failure, Limit, Phase, seconds};
use crate::frames::{Malformed, Received, SocketMessage};
use crate::headers::Headers;
use crate::mask::Secrets;
use crate::raw::TimedEvent;
use crate::recorder::Recorder;
use crate::sse::SseEvent;

/// An open session. Dropping it closes the connection without a word; [`close`](Self::close) says
/// goodbye.
pub struct WebSocket {
    pub(crate) stream: WebSocketStream<TcpStream>,
    pub(crate) recorder: Recorder,
    pub(crate) secrets: Secrets,
    pub(crate) start: Instant,
    pub(crate) url: String,
    pub(crate) idle: Duration,
    /// How long a gathering may take, and how many bytes it may hold.
    pub(crate) total: Duration,
    pub(crate) most: usize,
    pub(crate) headers: Headers,
    pub(crate) over: bool,
}

impl WebSocket {
    /// The headers of the server's answer to the opening.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Time since before the connection was opened.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Send text.
    ///
    /// # Errors
    /// Where the connection is gone, or does not take it within the idle limit.
    pub async fn send_text(&mut self, text: impl Into<String>) -> Result<(), ClientError> {
        let text = text.into();
        self.note("sent text", text.clone());
        self.send(Message::text(text)).await
    }

    /// Send JSON as text.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub async fn send_json(&mut self, json: &Value) -> Result<(), ClientError> {
        self.send_text(json.to_string()).await
    }

    /// Send bytes.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub async fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), ClientError> {
        let bytes = bytes.into();
        self.note("sent binary", quoted_base64(&bytes));
        self.send(Message::binary(bytes)).await
    }

    /// Send something that breaks the rules of the protocol.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub async fn send_malformed(&mut self, what: &Malformed) -> Result<(), ClientError> {
        let bytes = what.bytes();
        self.note("sent malformed", quoted_base64(&bytes));
        let limit = self.idle;
        let socket = self.stream.get_mut();
        let written = timeout(limit, async {
            socket.write_all(&bytes).await?;
            socket.flush().await
        })
        .await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(Phase::Send, "sending").caused_by(error)),
            Err(_) => Err(self.late(Phase::Send, limit)),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), ClientError> {
        match timeout(self.idle, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(Phase::Send, "sending").caused_by(error)),
            Err(_) => Err(self.late(Phase::Send, self.idle)),
        }
    }

    /// The next message, within the client's idle limit; `None` once the session is over. Pings
    /// are answered and not shown.
    ///
    /// # Errors
    /// Where nothing comes in time, the message is too large or breaks the protocol, or the
    /// connection is cut.
    pub async fn receive(&mut self) -> Result<Option<Received>, ClientError> {
        self.receive_within(self.idle).await
    }

    /// The next message, within this time.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub async fn receive_within(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Received>, ClientError> {
        let result = self.next(limit).await;
        if let Err(error) = &result
            && !error.is_timeout()
        {
            self.over = true;
            self.recorder.close(Some(error));
        }
        result
    }

    async fn next(&mut self, limit: Duration) -> Result<Option<Received>, ClientError> {
        let deadline = Instant::now() + limit.min(Duration::from_secs(1 << 28));
        while !self.over {
            let message = match tokio::time::timeout_at(deadline.into(), self.stream.next()).await {
                Err(_) => return Err(self.late(Phase::Events, limit)),
                Ok(None) => {
                    self.finish();
                    break;
                }
                Ok(Some(Err(Error::ConnectionClosed))) => {
                    self.finish();
                    break;
                }
                Ok(Some(Err(Error::Capacity(error)))) => {
                    let limit = self.stream.get_config().max_message_size.unwrap_or(0);
                    return Err(self
                        .fail(
                            Failure::TooLarge { limit },
                            Phase::Events,
                            format!("one message is larger than {limit} bytes"),
                        )
                        .advice("raise the limit with `Client::with_sizes` if it should be")
                        .caused_by(error));
                }
                Ok(Some(Err(error))) => {
                    return Err(self.lost(Phase::Events, "receiving").caused_by(error));
                }
                Ok(Some(Ok(message))) => message,
            };
            let at = self.start.elapsed();
            let message = match message {
                Message::Text(text) => {
                    self.note("received text", text.to_string());
                    SocketMessage::Text(text.to_string())
                }
                Message::Binary(bytes) => {
                    self.note("received binary", quoted_base64(&bytes));
                    SocketMessage::Binary(bytes)
                }
                Message::Close(frame) => {
                    let code = frame.as_ref().map(|frame| u16::from(frame.code));
                    let reason = frame
                        .map(|frame| frame.reason.to_string())
                        .unwrap_or_default();
                    let number = code.map_or("no code".into(), |code| code.to_string());
                    self.note("received close", format!("{number} {reason}"));
                    self.finish();
                    SocketMessage::Close { code, reason }
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            return Ok(Some(Received { at, message }));
        }
        Ok(None)
    }

    /// Say goodbye and take what still comes until the server has answered.
    ///
    /// # Errors
    /// Where the connection breaks, or the server does not answer within the idle limit.
    pub async fn close(mut self) -> Result<Vec<Received>, ClientError> {
        let mut rest = Vec::new();
        if self.over {
            return Ok(rest);
        }
        self.note("sent close", String::new());
        if let Err(error) = timeout(self.idle, self.stream.close(None)).await {
            return Err(self.late(Phase::Send, self.idle).caused_by(error));
        }
        while let Some(received) = self.receive().await? {
            rest.push(received);
        }
        Ok(rest)
    }

    fn finish(&mut self) {
        self.over = true;
        self.recorder.close(None);
    }

    fn note(&self, event: &str, data: String) {
        let event = SseEvent {
            event: Some(event.into()),
            data,
            ..SseEvent::default()
        };
        self.recorder
            .event(&TimedEvent::new(self.start.elapsed(), event));
    }

    pub(crate) fn fail(
        &self,
        failure: Failure,
        phase: Phase,
        message: impl Into<String>,
    ) -> ClientError {
        let message: String = message.into();
        ClientError::new(
            failure,
            phase,
            "GET",
            &self.url,
            self.secrets.text(&message),
        )
        .after(self.start.elapsed())
    }

    pub(crate) fn api_error(&self, body: &str) -> ApiError {
        ApiError::read(101, body.as_bytes(), &self.secrets)
    }

    fn lost(&self, phase: Phase, doing: &str) -> ClientError {
        self.fail(
            Failure::Truncated,
            phase,
            format!("the session broke while {doing}"),
        )
        .advice("see whether the server's process still lives and what its log says last")
    }

    fn late(&self, phase: Phase, limit: Duration) -> ClientError {
        self.fail(
            Failure::TimedOut {
                limit: Limit::Idle,
                after: limit,
            },
            phase,
            format!("nothing moved for {} (the idle limit)", seconds(limit)),
        )
        .advice("see in the server's log whether it hangs; `receive_within` takes another limit")
    }
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket")
            .field("url", &self.url)
            .field("elapsed", &self.elapsed())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

/// Bytes as a JSON text, so that the transcript on disk puts long ones into a file.
fn quoted_base64(bytes: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(bytes))
}
