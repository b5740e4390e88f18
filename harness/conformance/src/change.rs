//! How a row differs from the valid request of its route.
//!
//! Promise: what a row changes is there to be changed: a path into the request that leads nowhere is a mistake of the file. Rejected: whole bodies in
//! every row (nobody sees then which one thing is wrong).

use std::ops::Range;

use serde_json::{Map, Value};

use crate::body::{LONGEST, shown};
use crate::frame::Frame;
use crate::read::field;
use crate::route::{Payload, Route};
use tribunal_tables::File;

/// What a row says of its payload.
#[derive(Debug)]
pub(crate) enum Change {
    /// Parts of the valid request are set and removed, or it goes out under another content type.
    Parts {
        set: Map<String, Value>,
        remove: Vec<String>,
        kind: Option<String>,
    },
    /// Other JSON.
    Json(Value),
    /// Bytes, with their content type where it is not JSON's.
    Bytes(Option<String>, Vec<u8>),
    /// No body.
    Nothing,
    /// Other frames.
    Frames(Vec<Frame>),
}

/// What is bad, in a few words.
pub(crate) fn sent(change: &Change, method: Option<&str>, path: Option<&str>) -> String {
    let mut words: Vec<String> = vec![];
    match (method, path) {
        (None, None) => {}
        (method, path) => words.push(
            [method, path]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        ),
    }
    match change {
        Change::Parts { set, remove, kind } => {
            words.extend(
                set.iter()
                    .map(|(name, value)| format!("{name}: {}", shown(value))),
            );
            words.extend(remove.iter().map(|name| format!("without {name}")));
            words.extend(kind.iter().map(|kind| format!("as {kind}")));
        }
        Change::Json(value) => words.push(shown(value)),
        Change::Bytes(kind, bytes) => {
            words.push(excerpt(bytes));
            words.extend(kind.iter().map(|kind| format!("as {kind}")));
        }
        Change::Nothing => words.push("no body".into()),
        Change::Frames(frames) => match frames.last() {
            Some(Frame::Json(value)) => words.push(shown(value)),
            Some(Frame::Text(text)) => words.push(excerpt(text.as_bytes())),
            Some(Frame::Bytes(bytes)) => words.push(format!("{} bytes", bytes.len())),
            None => words.push("no frame".into()),
        },
    }
    words.join(", ")
}

fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    match bytes.len() {
        0 => "an empty body".into(),
        length if length > LONGEST => {
            format!("{}… ({length} bytes)", bytes[..LONGEST].escape_ascii())
        }
        _ => bytes.escape_ascii().to_string(),
    }
}

/// What the row sends.
pub(crate) fn payload(
    file: &mut File<'_>,
    at: Range<usize>,
    route: &Route,
    change: Change,
) -> Option<Payload> {
    let (set, remove, kind) = match change {
        Change::Json(value) => return Some(Payload::Json(value)),
        Change::Bytes(kind, bytes) => {
            return Some(Payload::Bytes(
                kind.unwrap_or_else(|| "application/json".into()),
                bytes,
            ));
        }
        Change::Nothing => return Some(Payload::Nothing),
        Change::Frames(frames) => return Some(Payload::Frames(frames)),
        Change::Parts { set, remove, kind } => (set, remove, kind),
    };
    let made = match &route.valid {
        None => {
            if !set.is_empty() || !remove.is_empty() {
                file.mistake(
                    at,
                    "there is no valid request whose parts could be changed",
                    Some("write [base] or [form], or `json` in the row".into()),
                );
                return None;
            }
            Payload::Nothing
        }
        Some(Payload::Json(value)) => {
            let mut value = value.clone();
            for path in &remove {
                if take(&mut value, path).is_none() {
                    file.mistake(
                        at.clone(),
                        format!("the valid request has no `{path}`"),
                        None,
                    );
                }
            }
            for (path, new) in set {
                if put(&mut value, &path, new).is_none() {
                    file.mistake(
                        at.clone(),
                        format!("there is no place for `{path}` in the valid request"),
                        None,
                    );
                }
            }
            Payload::Json(value)
        }
        Some(Payload::Form(fields)) => {
            let mut fields = fields.clone();
            for name in &remove {
                let before = fields.len();
                fields.retain(|(there, _)| there != name);
                if fields.len() == before {
                    file.mistake(at.clone(), format!("the valid form has no `{name}`"), None);
                }
            }
            for (name, value) in set {
                let value = field(value);
                match fields.iter_mut().find(|(there, _)| *there == name) {
                    Some((_, there)) => *there = value,
                    None => fields.push((name, value)),
                }
            }
            Payload::Form(fields)
        }
        Some(other) => {
            if !set.is_empty() || !remove.is_empty() {
                file.mistake(
                    at,
                    "frames are given whole",
                    Some("write `frames` in the row".into()),
                );
                return None;
            }
            other.clone()
        }
    };
    Some(match kind {
        None => made,
        // The valid bytes under another name.
        Some(kind) => match crate::body::bytes(&made, &crate::body::Names::open()) {
            Some((_, bytes)) => Payload::Bytes(kind, bytes),
            None => made,
        },
    })
}

/// Takes away what stands at a path such as `messages/0/role`.
fn take(value: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(value, path)?;
    match parent {
        Value::Object(fields) => fields.remove(last),
        Value::Array(items) => {
            let at = last.parse().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

/// Puts a value at a path whose last part may be new.
fn put(value: &mut Value, path: &str, new: Value) -> Option<()> {
    let (parent, last) = split(value, path)?;
    match parent {
        Value::Object(fields) => {
            fields.insert(last.to_owned(), new);
        }
        Value::Array(items) => match last.parse::<usize>().ok()? {
            at if at < items.len() => items[at] = new,
            at if at == items.len() => items.push(new),
            _ => return None,
        },
        _ => return None,
    }
    Some(())
}

fn split<'v, 'p>(value: &'v mut Value, path: &'p str) -> Option<(&'v mut Value, &'p str)> {
    match path.rsplit_once('/') {
        None => Some((value, path)),
        Some((parent, last)) => Some((value.pointer_mut(&format!("/{parent}"))?, last)),
    }
}

/// Reports what stands for something else and is not written as it has to be.
pub(crate) fn check(file: &mut File<'_>, at: Range<usize>, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| check(file, at.clone(), item)),
        Value::Object(fields) => {
            let Some((key, of)) = fields.iter().find(|(key, _)| key.starts_with('$')) else {
                fields.values().for_each(|v| check(file, at.clone(), v));
                return;
            };
            let times = fields.get("times").map_or(Some(1), Value::as_u64);
            let good = match (&**key, of, times) {
                ("$null" | "$png", _, _) => true,
                ("$wav", Value::Number(n), _) => {
                    n.as_f64().is_some_and(|s| (0.0..=600.0).contains(&s))
                }
                ("$repeat", Value::String(text), Some(times)) => {
                    text.len().saturating_mul(times as usize) <= LONGEST
                }
                _ => false,
            };
            if !good {
                let help = "{ \"$null\" = true }, { \"$png\" = true }, { \"$wav\" = SECONDS }, { \"$repeat\" = \"TEXT\", times = N }, at most 8 MiB".to_owned();
                file.mistake(
                    at,
                    format!("`{key}` cannot stand for anything here"),
                    Some(help),
                );
            }
        }
        _ => {}
    }
}
