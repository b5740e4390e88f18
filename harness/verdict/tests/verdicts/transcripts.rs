//! Transcripts, broken in one place.

use serde_json::{Value, json};
use tribunal_client::Judged;
use tribunal_verdict::{Expect as _, Expectations, Verdict};

use crate::literal::{Literal, events, json, judge};

const TEXT: &str = "the quick brown fox jumps";

fn expect() -> Expectations {
    Expectations::default()
}

fn transcribed(change: impl FnOnce(&mut Value), expect: Expectations) -> Verdict {
    let mut body = json!({
        "text": TEXT, "language": "english", "duration": 2.0,
        "segments": [{ "id": 0, "start": 0.0, "end": 1.0, "text": "the quick brown" }, { "id": 1, "start": 1.0, "end": 2.0, "text": "fox jumps" }],
    });
    change(&mut body);
    let request = json!({ "model": "m", "language": "en", "response_format": "verbose_json" });
    let answer = json(request, body, expect)
        .transcription()
        .expect("a transcript");
    judge(Judged::Transcription(&answer))
}

pub fn literals() -> Vec<Literal> {
    vec![
        (
            "transcription_text",
            || transcribed(|_| (), expect()),
            || {
                let list = [
                    json!({ "type": "transcript.text.delta", "delta": "the quick" }),
                    json!({ "type": "transcript.text.done", "text": TEXT }),
                ];
                let answer = events(json!({ "model": "m", "stream": true }), &list, "", expect())
                    .transcription()
                    .expect("a stream");
                judge(Judged::Transcription(&answer))
            },
        ),
        (
            "transcription_errors",
            || transcribed(|_| (), expect().expect_transcript(TEXT)),
            || {
                transcribed(
                    |body| body["text"] = json!("the quick brown dog sits"),
                    expect().expect_transcript(TEXT),
                )
            },
        ),
        (
            "transcription_errors",
            || {
                transcribed(
                    |body| body["text"] = json!(""),
                    expect().expect_transcript(""),
                )
            },
            || transcribed(|_| (), expect().expect_transcript("")),
        ),
        (
            "transcription_language",
            || transcribed(|_| (), expect()),
            || transcribed(|body| body["language"] = json!("de"), expect()),
        ),
        (
            "transcription_loops",
            || transcribed(|_| (), expect()),
            || transcribed(|body| body["text"] = json!("so so so so so"), expect()),
        ),
        (
            "transcription_segments",
            || transcribed(|_| (), expect()),
            || transcribed(|body| body["segments"][1]["start"] = json!(0.5), expect()),
        ),
        (
            "transcription_segments",
            || transcribed(|_| (), expect()),
            || transcribed(|body| body["segments"][1]["end"] = json!(9.0), expect()),
        ),
        (
            "transcription_duration",
            || transcribed(|_| (), expect().expect_seconds(2.1)),
            || {
                transcribed(
                    |body| body["duration"] = json!("3.0"),
                    expect().expect_seconds(2.1),
                )
            },
        ),
    ]
}
