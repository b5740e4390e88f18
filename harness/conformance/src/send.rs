//! Sends one request of the table, and tells what came of it.
//!
//! Promise: silence, a broken connection and a server that is gone are told apart; none of them is an error of the run.

use std::time::Duration;

use serde_json::Value;
use tribunal_client::{ClientError, Failure, RawAnswer, Timeouts};

use crate::body::{self, Names};
use crate::expect::Reply;
use crate::route::{Payload, Route};
use crate::run::Subject;
use crate::socket;

/// The names that the requests of a route speak of. A voice is asked for, since every server has its own.
pub(crate) async fn names(route: &Route, subject: &Subject<'_>) -> Names {
    let mut names = Names {
        model: subject.model.to_owned(),
        voice: DEFAULT_VOICE.to_owned(),
    };
    // What a file writes is looked for where it stands, in whatever sort of payload.
    let speaks = |payload: &Payload| format!("{payload:?}").contains("{voice}");
    let asked = route
        .valid
        .iter()
        .chain(route.rows.iter().map(|row| &row.payload));
    if asked.into_iter().any(speaks)
        && let Ok(answer) = subject.client.get("/v1/audio/voices").await
        && answer.is_success()
        && let Ok(list) = answer.json::<Value>()
        && let Some(voice) = first_voice(&list)
    {
        names.voice = voice;
    }
    names
}

/// The voice that is asked for where a server has no list: OpenAI's first.
const DEFAULT_VOICE: &str = "alloy";

/// The first voice of a list, in the forms that servers have.
fn first_voice(list: &Value) -> Option<String> {
    let voices = ["voices", "data"]
        .iter()
        .find_map(|key| list[key].as_array());
    let first = voices.or_else(|| list.as_array())?.first()?;
    let name = ["name", "id", "voice"]
        .iter()
        .find_map(|key| first[key].as_str());
    first.as_str().or(name).map(str::to_owned)
}

/// Sends one request.
pub(crate) async fn exchange(
    subject: &Subject<'_>,
    names: &Names,
    method: &str,
    path: &str,
    payload: &Payload,
    limit: Duration,
) -> Result<Reply, Unsent> {
    let path = names.fill(path);
    let client = subject.client;
    if let Payload::Frames(frames) = payload {
        return socket::exchange(client, &path, frames, names, limit).await;
    }
    let timeouts = Timeouts {
        idle: limit,
        total: limit,
        ..Timeouts::default()
    };
    let client = match client.clone().with_timeouts(timeouts) {
        Ok(client) => client,
        Err(error) => return Err(Unsent::Unusable(error.to_string())),
    };
    let body = body::bytes(payload, names);
    let answer = match (method, body) {
        ("GET", _) => client.get(&path).await,
        ("DELETE", _) => client.delete(&path).await,
        (_, Some((kind, bytes))) => client.post_bytes(&path, &kind, bytes).await,
        (_, None) => client.post_bytes(&path, "application/json", "").await,
    };
    reply(answer, limit)
}

/// How to send the last request again.
pub(crate) fn curl(subject: &Subject<'_>) -> Option<String> {
    let exchanges = subject.client.transcript();
    Some(exchanges.last()?.curl())
}

/// Why there is no reply to judge.
pub(crate) enum Unsent {
    /// Nothing listens.
    Refused(String),
    /// The request cannot be made.
    Unusable(String),
}

fn reply(answer: Result<RawAnswer, ClientError>, limit: Duration) -> Result<Reply, Unsent> {
    match answer {
        Ok(answer) => Ok(Reply::Answer(Box::new(answer))),
        Err(error) => unanswered(&error, limit),
    }
}

/// What it means that no answer came.
pub(crate) fn unanswered(error: &ClientError, limit: Duration) -> Result<Reply, Unsent> {
    match error.failure() {
        Failure::TimedOut { .. } => Ok(Reply::Silence(limit)),
        Failure::Refused => Err(Unsent::Refused(first_line(error))),
        Failure::Unusable => Err(Unsent::Unusable(first_line(error))),
        _ => Ok(Reply::Dropped(first_line(error))),
    }
}

/// What went wrong, without the advice.
pub(crate) fn first_line(error: &ClientError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
