//! An answer in the words of the API: an object, or the events of a stream.
//!
//! A command gives its whole answer at once, so a stream has one chunk of text. The files that the command made beside
//! its answer stand in the field `files`; `folder` and `notes` say the rest. None of them is a part of the API.

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::request::{Form, Request};

/// A file that the command made.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct MadeFile {
    /// Below the folder of the outputs.
    pub path: String,
    pub bytes: u64,
}

/// What every reply begins with.
pub(crate) struct Envelope<'a> {
    pub id: &'a str,
    pub created: u64,
    pub model: &'a str,
    pub files: &'a [MadeFile],
    pub notes: &'a [String],
    /// The folder of the run.
    pub folder: &'a str,
}

/// The body of a reply and its media type.
pub(crate) fn body(
    envelope: &Envelope<'_>,
    request: &Request,
    answer: &Answer,
) -> (&'static str, String) {
    if request.stream {
        ("text/event-stream", events(envelope, request, answer))
    } else {
        (
            "application/json",
            plain(envelope, request, answer).to_string(),
        )
    }
}

fn plain(envelope: &Envelope<'_>, request: &Request, answer: &Answer) -> Value {
    let mut choice = match request.form {
        Form::Chat => {
            let mut message = answer.message.clone().unwrap_or_else(|| {
                Map::from_iter([("content".to_owned(), answer.text.clone().into())])
            });
            message.entry("role").or_insert_with(|| "assistant".into());
            json!({"index": 0, "message": message})
        }
        Form::Completion => json!({"index": 0, "text": answer.text}),
    };
    choice["logprobs"] = answer.logprobs.clone().unwrap_or(Value::Null);
    choice["finish_reason"] = finish(request, answer).into();
    let object = match request.form {
        Form::Chat => "chat.completion",
        Form::Completion => "text_completion",
    };
    let mut reply = head(envelope, object);
    reply["choices"] = json!([choice]);
    if let Some(usage) = &answer.usage {
        reply["usage"] = usage.clone().into();
    }
    evidence(&mut reply, envelope);
    reply
}

fn events(envelope: &Envelope<'_>, request: &Request, answer: &Answer) -> String {
    let object = match request.form {
        Form::Chat => "chat.completion.chunk",
        Form::Completion => "text_completion",
    };
    let chunk = |content: Value, finish: Option<&str>| {
        let mut choice = json!({"index": 0, "finish_reason": finish, "logprobs": Value::Null});
        match request.form {
            Form::Chat => choice["delta"] = content,
            Form::Completion => choice["text"] = content,
        }
        let mut chunk = head(envelope, object);
        chunk["choices"] = json!([choice]);
        chunk
    };
    let (first, rest) = match request.form {
        Form::Chat => {
            let mut delta = answer.message.clone().unwrap_or_default();
            delta.insert("role".to_owned(), "assistant".into());
            delta.insert("content".to_owned(), answer.text.clone().into());
            (Value::Object(delta), json!({}))
        }
        Form::Completion => (answer.text.clone().into(), "".into()),
    };
    let mut first = chunk(first, None);
    if let Some(logprobs) = &answer.logprobs {
        first["choices"][0]["logprobs"] = logprobs.clone();
    }
    let mut last = chunk(rest, Some(&finish(request, answer)));
    evidence(&mut last, envelope);
    let mut all = vec![first, last];
    if let Some(usage) = answer.usage.as_ref().filter(|_| request.include_usage) {
        let mut end = head(envelope, object);
        end["choices"] = json!([]);
        end["usage"] = usage.clone().into();
        all.push(end);
    }
    let mut text: String = all
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    text.push_str("data: [DONE]\n\n");
    text
}

/// What the command says; else `length` where it counted as many tokens as were allowed; else `stop`, since it ended by
/// itself.
fn finish(request: &Request, answer: &Answer) -> String {
    let counted = answer
        .usage
        .as_ref()
        .and_then(|u| u.get("completion_tokens")?.as_u64());
    match &answer.finish_reason {
        Some(reason) => reason.clone(),
        None if counted.is_some() && counted == request.max_tokens => "length".to_owned(),
        None => "stop".to_owned(),
    }
}

fn evidence(reply: &mut Value, envelope: &Envelope<'_>) {
    reply["files"] = json!(envelope.files);
    reply["folder"] = envelope.folder.into();
    if !envelope.notes.is_empty() {
        reply["notes"] = json!(envelope.notes);
    }
}

fn head(envelope: &Envelope<'_>, object: &str) -> Value {
    json!({"id": envelope.id, "object": object, "created": envelope.created, "model": envelope.model})
}
