//! The rows of WebSocket routes.
//!
//! Promise: what comes back is told as one of: an error event, a close, a refused upgrade (an answer of HTTP, judged as one), nothing at all, or other events
//! and no error. A server that greets first is not mistaken for one that accepts.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::{self, Error, Message, protocol::WebSocketConfig};
use tribunal_client::{Client, Headers, RawAnswer};

use crate::expect::Reply;
use crate::frame::Frame;
use crate::run::Unsent;

/// How long a socket is listened to after an event that is no error: one may still follow.
const QUIET: Duration = Duration::from_secs(3);
/// The largest message that is received.
const LARGEST: usize = 16 << 20;

/// Opens the route, sends the frames, and listens until an error comes, the socket is closed, or nothing more comes.
pub(crate) async fn exchange(
    client: &Client,
    path: &str,
    frames: &[Frame],
    model: &str,
    limit: Duration,
) -> Result<Reply, Unsent> {
    let base = client.base_url();
    let Some(host) = base.strip_prefix("http://") else {
        let why = format!("sockets are opened on `http://` addresses only, not on {base}");
        return Err(Unsent::Unusable(why));
    };
    let host = host.split('/').next().unwrap_or(host);
    let until = Instant::now() + limit;
    let stream = match timeout_at(until, TcpStream::connect(host)).await {
        Err(_) => return Ok(Reply::Silence(limit)),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            return Err(Unsent::Refused(format!("{host}: {error}")));
        }
        Ok(Err(error)) => return Ok(Reply::Dropped(error.to_string())),
        Ok(Ok(stream)) => stream,
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let url = format!("ws://{host}{path}");
    let opened = tokio_tungstenite::client_async_with_config(url, stream, Some(config));
    let mut socket = match timeout_at(until, opened).await {
        Err(_) => return Ok(Reply::Silence(limit)),
        Ok(Ok((socket, _))) => socket,
        Ok(Err(Error::Http(response))) => {
            let status = response.status().as_u16();
            let pairs = response.headers().iter();
            let headers = pairs.map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            });
            let body = response.body().clone().unwrap_or_default();
            let answer =
                RawAnswer::recorded(json!(null), status, headers.collect::<Headers>(), body);
            return Ok(Reply::Answer(Box::new(answer)));
        }
        Ok(Err(error)) => return Ok(Reply::Dropped(error.to_string())),
    };
    for frame in frames {
        let message = match frame.content(model) {
            Ok(text) => Message::text(text),
            Err(bytes) => Message::binary(bytes.to_vec()),
        };
        match timeout_at(until, socket.send(message)).await {
            Err(_) => return Ok(Reply::Silence(limit)),
            // It may have closed with a reason, which is still to be read.
            Ok(Err(_)) => break,
            Ok(Ok(())) => {}
        }
    }
    let mut others: Vec<String> = vec![];
    loop {
        let quiet = Instant::now() + QUIET;
        let patience = match others.iter().any(|kind| !greets(kind)) {
            true => quiet.min(until),
            false => until,
        };
        let message = match timeout_at(patience, socket.next()).await {
            Err(_) if others.iter().any(|kind| !greets(kind)) => {
                return Ok(Reply::Quiet(listed(&others)));
            }
            Err(_) => return Ok(Reply::Silence(limit)),
            Ok(message) => message,
        };
        match message {
            Some(Ok(Message::Text(text))) => match event(&text) {
                Event::Error => return Ok(Reply::Event(text.to_string())),
                Event::Other(kind) => others.push(kind),
            },
            Some(Ok(Message::Binary(bytes))) => others.push(format!("{} bytes", bytes.len())),
            Some(Ok(Message::Close(frame))) => return Ok(closed(frame, &others)),
            Some(Ok(_)) => {}
            Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                return Ok(closed(None, &others));
            }
            Some(Err(error)) => return Ok(Reply::Dropped(error.to_string())),
        }
    }
}

/// What a close means.
fn closed(frame: Option<tungstenite::protocol::CloseFrame>, others: &[String]) -> Reply {
    let Some(frame) = frame else {
        return Reply::Quiet(format!("closed without a code{}", after(others)));
    };
    let (code, reason) = (u16::from(frame.code), frame.reason.as_str());
    let text = format!("closed with {code} {reason}");
    match code {
        1000 | 1001 | 1005 => Reply::Quiet(format!("{text}{}", after(others))),
        1011 => Reply::Failed(text),
        _ => Reply::Event(text),
    }
}

fn after(others: &[String]) -> String {
    match others {
        [] => String::new(),
        _ => format!(" after {}", listed(others)),
    }
}

/// What came, without repeating itself.
fn listed(kinds: &[String]) -> String {
    let mut all: Vec<&str> = kinds.iter().map(String::as_str).collect();
    all.dedup();
    let more = all.len().saturating_sub(4);
    all.truncate(4);
    match more {
        0 => all.join(", "),
        more => format!("{} and {more} more", all.join(", ")),
    }
}

/// Whether an event is what a server says before it heard anything.
fn greets(kind: &str) -> bool {
    [
        "session.created",
        "conversation.created",
        "ready",
        "connected",
    ]
    .contains(&kind)
}

enum Event {
    Error,
    Other(String),
}

/// Whether a text is an error, in the forms that servers have.
fn event(text: &str) -> Event {
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        return Event::Other("text that is no JSON".into());
    };
    let kind = json["type"].as_str().unwrap_or_default();
    let error = kind == "error"
        || kind.ends_with(".error")
        || kind.ends_with(".failed")
        || json.get("error").is_some_and(|e| !e.is_null());
    match error {
        true => Event::Error,
        false => Event::Other(if kind.is_empty() {
            "JSON without a type".into()
        } else {
            kind.to_owned()
        }),
    }
}
