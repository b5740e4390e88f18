//! What the literals of every kind are made with.

use std::sync::Arc;

use serde_json::Value;
use tribunal_client::{Headers, Judged, RawAnswer};
use tribunal_verdict::transcribers::{
    Audio, Transcriber, TranscriberError, Transcribing, Transcript,
};
use tribunal_verdict::{Depth, Expectations, Judging, Verdict};

/// A rule, a verdict in which it passes, and one in which it fails.
pub type Literal = (&'static str, fn() -> Verdict, fn() -> Verdict);

/// An answer with what the test expects of it.
pub fn raw(
    request: Value,
    content_type: &str,
    body: impl Into<Vec<u8>>,
    expect: Expectations,
) -> RawAnswer {
    let headers = Headers::from_iter([("content-type", content_type)]);
    let mut raw = RawAnswer::recorded(request, 200, headers, body.into());
    raw.attached.insert(expect);
    raw
}

pub fn json(request: Value, body: Value, expect: Expectations) -> RawAnswer {
    raw(request, "application/json", body.to_string(), expect)
}

/// Events, each a JSON value.
pub fn events(request: Value, list: &[Value], tail: &str, expect: Expectations) -> RawAnswer {
    let body: String = list
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    raw(request, "text/event-stream", body + tail, expect)
}

/// Sets these fields.
pub fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

/// The deep verdict by the defaults, with somebody who listens where `heard` is.
pub fn judge_with(answer: Judged<'_>, change: impl FnOnce(Judging) -> Judging) -> Verdict {
    let judging = change(Judging::new(Depth::Deep));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(judging.verdict(answer))
}

pub fn judge(answer: Judged<'_>) -> Verdict {
    judge_with(answer, |judging| judging)
}

/// A transcriber that always hears the same.
pub struct Hears(pub &'static str);

impl Transcriber for Hears {
    fn name(&self) -> String {
        "a stub".into()
    }

    fn transcribe<'a>(&'a self, _audio: &'a Audio, language: Option<&'a str>) -> Transcribing<'a> {
        let text = self.0.to_owned();
        let language = language.map(str::to_owned);
        Box::pin(async move { Ok(Transcript { text, language }) })
    }
}

/// A transcriber that is not there.
pub struct Absent;

impl Transcriber for Absent {
    fn name(&self) -> String {
        "absent".into()
    }

    fn transcribe<'a>(&'a self, _audio: &'a Audio, _language: Option<&'a str>) -> Transcribing<'a> {
        Box::pin(async {
            Err(TranscriberError::missing(
                "it is not installed",
                "install it",
            ))
        })
    }
}

pub fn hearing(text: &'static str) -> impl FnOnce(Judging) -> Judging {
    move |judging| judging.transcriber(Arc::new(Hears(text)))
}

/// Cut off in the middle.
pub fn half(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}
