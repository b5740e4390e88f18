//! The rows of WebSocket routes.
//!
//! Promise: what comes back is told as one of: an error event, a close, a refused upgrade (an answer of HTTP, judged as one), nothing at all, or other events
//! and no error. A server that greets first is not mistaken for one that accepts.

use std::time::Duration;

use tribunal_client::Client;

use crate::body::Names;
use crate::expect::Reply;
use crate::frame::Frame;
use crate::send::Unsent;

/// Opens the route, sends the frames, and listens until an error comes, the socket is closed, or nothing more comes.
#[cfg(not(feature = "websocket"))]
pub(crate) async fn exchange(
    _: &Client,
    _: &str,
    _: &[Frame],
    _: &Names,
    _: Duration,
) -> Result<Reply, Unsent> {
    let why = "this build opens no WebSockets: enable the feature `websocket`";
    Err(Unsent::Unusable(why.to_owned()))
}

#[cfg(feature = "websocket")]
pub(crate) use open::exchange;

#[cfg(feature = "websocket")]
mod open {
    use serde_json::{Value, json};
    use tokio::time::Instant;
    use tribunal_client::{Failure, Headers, RawAnswer, SocketMessage, Timeouts, WebSocket};

    use super::{Client, Duration, Frame, Names, Reply, Unsent};
    use crate::send::{first_line, unanswered};

    /// How long a socket is listened to after an event that is no error: one may still follow.
    const QUIET: Duration = Duration::from_secs(3);

    pub(crate) async fn exchange(
        client: &Client,
        path: &str,
        frames: &[Frame],
        names: &Names,
        limit: Duration,
    ) -> Result<Reply, Unsent> {
        let until = Instant::now() + limit;
        let timeouts = Timeouts {
            idle: limit,
            total: limit,
            ..Timeouts::default()
        };
        let client = client.clone().with_timeouts(timeouts);
        let client = client.map_err(|e| Unsent::Unusable(first_line(&e)))?;
        let mut socket = match client.websocket(path).await {
            Ok(socket) => socket,
            Err(error) => match error.failure() {
                Failure::Status(refused) => {
                    let body = refused.body.clone();
                    let answer =
                        RawAnswer::recorded(json!(null), refused.status, Headers::default(), body);
                    return Ok(Reply::Answer(Box::new(answer)));
                }
                _ => return unanswered(&error, limit),
            },
        };
        for frame in frames {
            let sent = match frame.content(names) {
                Ok(text) => socket.send_text(text).await,
                Err(bytes) => socket.send_binary(bytes.to_vec()).await,
            };
            // It may have closed with a reason, which is still to be read.
            if sent.is_err() {
                break;
            }
        }
        listen(&mut socket, until, limit).await
    }

    async fn listen(
        socket: &mut WebSocket,
        until: Instant,
        limit: Duration,
    ) -> Result<Reply, Unsent> {
        let mut others: Vec<String> = vec![];
        loop {
            let spoke = others.iter().any(|kind| !greets(kind));
            let left = until.saturating_duration_since(Instant::now());
            let patience = if spoke { QUIET.min(left) } else { left };
            let message = match socket.receive_within(patience).await {
                Err(error) if error.is_timeout() && spoke => {
                    return Ok(Reply::Quiet(listed(&others)));
                }
                Err(error) => return unanswered(&error, limit),
                Ok(None) => {
                    let text = format!("closed without a code{}", after(&others));
                    return Ok(Reply::Quiet(text));
                }
                Ok(Some(received)) => received.message,
            };
            match message {
                SocketMessage::Text(text) => match kind(&text) {
                    None => return Ok(Reply::Event(text)),
                    Some(kind) => others.push(kind),
                },
                SocketMessage::Binary(bytes) => others.push(format!("{} bytes", bytes.len())),
                SocketMessage::Close { code, reason } => return Ok(closed(code, &reason, &others)),
            }
        }
    }

    /// What a close means.
    fn closed(code: Option<u16>, reason: &str, others: &[String]) -> Reply {
        let number = code.map_or("no code".to_owned(), |code| code.to_string());
        let text = format!("closed with {number} {reason}");
        match code {
            None | Some(1000 | 1001 | 1005) => Reply::Quiet(format!("{text}{}", after(others))),
            Some(1011) => Reply::Failed(text),
            Some(_) => Reply::Event(text),
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
        const SHOWN: usize = 4;
        let mut all: Vec<&str> = kinds.iter().map(String::as_str).collect();
        all.dedup();
        let more = all.len().saturating_sub(SHOWN);
        all.truncate(SHOWN);
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

    /// The type of an event; `None` where it is an error, in any of the forms that servers have.
    fn kind(text: &str) -> Option<String> {
        let Ok(json) = serde_json::from_str::<Value>(text) else {
            return Some("text that is no JSON".into());
        };
        let kind = json["type"].as_str().unwrap_or_default();
        let named = kind == "error" || kind.ends_with(".error") || kind.ends_with(".failed");
        let holds = json.get("error").is_some_and(|e| !e.is_null());
        match (named || holds, kind) {
            (true, _) => None,
            (false, "") => Some("JSON without a type".into()),
            (false, kind) => Some(kind.to_owned()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn errors_are_told_from_events_and_closes_from_failures() {
            for (text, error) in [
                (r#"{"type":"error","error":{"code":"x"}}"#, true),
                (r#"{"error":"no"}"#, true),
                (r#"{"type":"response.failed"}"#, true),
                (r#"{"type":"session.created"}"#, false),
                (r#"{"type":"audio","error":null}"#, false),
                ("hello", false),
            ] {
                assert_eq!(kind(text).is_none(), error, "{text}");
            }
            assert!(matches!(closed(Some(1008), "no", &[]), Reply::Event(_)));
            assert!(matches!(closed(Some(1011), "", &[]), Reply::Failed(_)));
            let quiet = closed(Some(1000), "", &["a".into(), "a".into()]);
            assert!(matches!(quiet, Reply::Quiet(t) if t == "closed with 1000  after a"));
        }
    }
}
