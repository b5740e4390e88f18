//! Reads out of an answer how its request ended.
//!
//! Promise: an answer counts as whole only where it says so itself (`[DONE]` and a reason to finish in a stream of text, an object of the route in a
//! plain answer), so that a stream that broke is never taken for one that ended. Pure: the same answer gives the same ending.

use std::collections::BTreeSet;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use serde_json::Value;
use tribunal_client::{BodyEnd, ClientError, Failure, Headers, RawAnswer};

use crate::payload::Kind;
use crate::seen::{Answered, Ending, Told, short};

/// How a request ended, with all that came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read {
    pub ending: Ending,
    pub status: Option<u16>,
    pub error: Option<Told>,
    pub answer: Answered,
}

/// What was sent, as far as the reading depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub kind: Kind,
    pub stream: bool,
    /// Its own token.
    pub token: &'a str,
    /// What all tokens of the load begin with.
    pub family: &'a str,
}

const DONE: &str = "[DONE]";
/// Reasons to finish by which a server says that it did not.
const GIVEN_UP: [&str; 3] = ["abort", "error", "cancelled"];

impl Read {
    pub(crate) fn of(sent: Sent<'_>, result: &Result<RawAnswer, ClientError>) -> Self {
        match result {
            Ok(raw) => Self::of_answer(sent, raw),
            Err(error) => Self::of_error(error),
        }
    }

    fn of_error(error: &ClientError) -> Self {
        let told = error.api_error().map(|api| Told::of(api, None));
        let ending = match error.failure() {
            Failure::Refused => Ending::Refused,
            Failure::Closed if is_reset(error) => Ending::Reset,
            Failure::Closed => Ending::Closed,
            Failure::TimedOut { after, .. } => Ending::TimedOut(*after),
            Failure::Status(_) => Ending::Status,
            // A job that failed has told so in the place of its answer.
            Failure::ErrorEvent(_) | Failure::Job(_) => Ending::ErrorEvent,
            Failure::Truncated => Ending::Cut {
                reset: is_reset(error),
            },
            Failure::Undecodable | Failure::Missing | Failure::TooLarge { .. } => {
                Ending::Unreadable(short(&error.to_string()))
            }
            _ => Ending::Other(short(&error.to_string())),
        };
        Self {
            ending,
            status: error.status(),
            error: told,
            answer: Answered::default(),
        }
    }

    fn of_answer(sent: Sent<'_>, raw: &RawAnswer) -> Self {
        let mut read = Self {
            ending: Ending::Whole,
            status: Some(raw.status),
            error: None,
            answer: Answered {
                bytes: raw.body.len() as u64,
                ..Answered::default()
            },
        };
        let cut = match raw.end {
            BodyEnd::Complete => None,
            BodyEnd::Truncated(_) => Some(Ending::Cut {
                reset: raw.was_reset(),
            }),
        };
        if !raw.is_success() {
            read.error = Some(Told::of(&raw.api_error(), raw.headers.get("retry-after")));
            read.ending = cut.unwrap_or(Ending::Status);
            return read;
        }
        let mut text = String::new();
        let said = if raw.is_stream() {
            read.events(sent, raw, &mut text)
        } else {
            read.object(sent, raw, &mut text)
        };
        // Both: a token of somebody else may stand in one event, or be cut over several.
        let body = String::from_utf8_lossy(&raw.body);
        read.answer.foreign = foreign(sent, &body);
        read.answer.foreign.append(&mut foreign(sent, &text));
        if !text.is_empty() {
            read.answer.text = Some(digest(&text));
        }
        read.ending = match (read.error.is_some(), cut) {
            (true, _) => Ending::ErrorEvent,
            (false, Some(cut)) => cut,
            (false, None) => said,
        };
        read
    }

    /// What the events of a stream say of its end.
    fn events(&mut self, sent: Sent<'_>, raw: &RawAnswer, text: &mut String) -> Ending {
        let mut ended = false;
        for (_, data) in raw.events() {
            if data.trim() == DONE {
                self.answer.dones += 1;
                continue;
            }
            if self.answer.dones > 0 {
                self.answer.after_done += 1;
            }
            let event = serde_json::from_str::<Value>(data).unwrap_or(Value::Null);
            if event.is_null() || !event["error"].is_null() || event["object"] == "error" {
                // An event that is no JSON is an error too, in a form that no client reads.
                let body = raw.masked(data).into_bytes();
                let alone = RawAnswer::recorded(Value::Null, raw.status, Headers::default(), body);
                self.error
                    .get_or_insert_with(|| Told::of(&alone.api_error(), None));
                continue;
            }
            self.object_of(&event, text);
            ended |= event["type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with(".done") || kind.ends_with(".completed"));
        }
        if let Some(rest) = raw.unterminated() {
            return Ending::EndedEarly(format!("its last event has no end: {}", short(rest)));
        }
        let is_text = matches!(sent.kind, Kind::Chat | Kind::AudioChat | Kind::Completion);
        match (self.answer.dones > 0, &self.answer.finish) {
            (_, Some(reason)) if GIVEN_UP.contains(&reason.as_str()) => {
                Ending::EndedEarly(format!("its reason to finish is `{reason}`"))
            }
            (true, Some(_)) => Ending::Whole,
            (_, None) if !is_text && (ended || self.answer.dones > 0) => Ending::Whole,
            (true, None) => Ending::EndedEarly("[DONE] came without a reason to finish".into()),
            (false, Some(_)) => Ending::EndedEarly("[DONE] never came".into()),
            (false, None) => {
                Ending::EndedEarly("neither a reason to finish nor [DONE] came".into())
            }
        }
    }

    /// What a plain answer says.
    fn object(&mut self, sent: Sent<'_>, raw: &RawAnswer, text: &mut String) -> Ending {
        let unreadable = |what: &str| Ending::Unreadable(what.into());
        match sent.kind {
            Kind::Chat | Kind::AudioChat | Kind::Completion if sent.stream => {
                unreadable("a stream was asked for, and a plain answer came")
            }
            Kind::Speech | Kind::Videos if raw.body.is_empty() => unreadable("no byte of media"),
            Kind::Speech | Kind::Videos => Ending::Whole,
            Kind::Chat | Kind::AudioChat | Kind::Completion | Kind::Images => {
                let Ok(object) = serde_json::from_slice::<Value>(&raw.body) else {
                    let body = String::from_utf8_lossy(&raw.body);
                    return Ending::Unreadable(format!("no JSON: {}", short(&raw.masked(&body))));
                };
                if !object["error"].is_null() {
                    self.error = Some(Told::of(&raw.api_error(), None));
                    return Ending::ErrorEvent;
                }
                if sent.kind == Kind::Images {
                    return match object["data"].as_array() {
                        Some(list) if !list.is_empty() => Ending::Whole,
                        _ => unreadable("no picture in `data`"),
                    };
                }
                self.object_of(&object, text);
                match &self.answer.finish {
                    Some(reason) if GIVEN_UP.contains(&reason.as_str()) => {
                        Ending::EndedEarly(format!("its reason to finish is `{reason}`"))
                    }
                    Some(_) => Ending::Whole,
                    None => unreadable("no choice with a reason to finish"),
                }
            }
        }
    }

    /// One object of an answer, whole or a piece of a stream.
    fn object_of(&mut self, object: &Value, text: &mut String) {
        let answer = &mut self.answer;
        if let Some(id) = object["id"].as_str() {
            answer.ids.insert(short(id));
        }
        if let Some(tokens) = object["usage"]["completion_tokens"].as_u64() {
            answer.tokens = Some(tokens);
        }
        for choice in object["choices"].as_array().into_iter().flatten() {
            let index = choice["index"].as_u64().unwrap_or_default();
            let said = [
                &choice["delta"]["content"],
                &choice["message"]["content"],
                &choice["text"],
            ];
            for piece in said.into_iter().filter_map(Value::as_str) {
                text.push_str(piece);
            }
            if let Some(reason) = choice["finish_reason"].as_str() {
                *answer.finishes.entry(index).or_default() += 1;
                answer.finish.get_or_insert_with(|| reason.to_owned());
            }
        }
    }
}

/// The tokens of other requests in a text.
fn foreign(sent: Sent<'_>, text: &str) -> BTreeSet<String> {
    let length = sent.token.len();
    text.match_indices(sent.family)
        .filter_map(|(at, _)| text.get(at..at + length))
        .filter(|found| *found != sent.token)
        .filter(|found| {
            found[sent.family.len()..]
                .bytes()
                .all(|b| b.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Whether a reset is among the causes.
pub(crate) fn is_reset(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::ConnectionReset
        {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
