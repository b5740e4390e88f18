//! What bodies become in a record: the shapes that servers send, and the ways in which load generators are known to misread them.

use super::*;
use crate::record::TokenSource;

#[path = "media_tests.rs"]
mod media;

fn headers(kind: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", kind.parse().unwrap());
    headers
}

/// Reads a body that came in these reads.
fn read_parts(reading: Reading, kind: &str, parts: &[&[u8]]) -> (Result<String, Failure>, Record) {
    let mut record = Record::new(0, 0);
    let done = (|| {
        let mut reader = Reader::new(reading, &headers(kind), true)?;
        for (number, part) in parts.iter().enumerate() {
            let number = number as u64 + 1;
            let pushed = reader.push(number * 10, number, part, &mut record);
            if pushed.is_err() {
                reader.abandon(&mut record);
            }
            pushed?;
        }
        reader.finish(&mut record)?;
        Ok(reader.text().to_owned())
    })();
    (done, record)
}

fn stream(text: &str) -> (Result<String, Failure>, Record) {
    read_parts(
        Reading::ChatStream,
        "text/event-stream; charset=utf-8",
        &[text.as_bytes()],
    )
}

fn class(done: &Result<String, Failure>) -> Option<FailureClass> {
    done.as_ref().err().map(|failure| failure.class)
}

fn event(json: &str) -> String {
    format!("data: {json}\n\n")
}

fn text_event(text: &str, finish: &str) -> String {
    event(&format!(
        r#"{{"choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":{finish}}}]}}"#
    ))
}

fn kinds(record: &Record) -> Vec<(Kind, u32)> {
    record
        .events
        .iter()
        .map(|seen| (seen.kind, seen.bytes))
        .collect()
}

#[test]
fn a_chat_is_the_same_wherever_it_is_cut() {
    let text = [
        ": ping\n\n".to_owned(),
        event(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#),
        event(r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#),
        text_event(r#""你好""#, "null"),
        text_event(r#""\u00fc\n""#, "null"),
        text_event("null", r#""stop""#),
        event(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11}}"#),
        event("[DONE]"),
    ]
    .concat();
    let bytes = text.as_bytes();
    let expected = [
        (Kind::Other, 0),
        (Kind::Role, 0),
        (Kind::Reasoning, 2),
        (Kind::Text, 6),
        (Kind::Text, 3),
        (Kind::Role, 0),
        (Kind::Usage, 0),
    ];
    for cut in 0..=bytes.len() {
        let (done, record) = read_parts(
            Reading::ChatStream,
            "text/event-stream",
            &[&bytes[..cut], &bytes[cut..]],
        );
        assert_eq!(done.as_deref(), Ok("你好ü\n"), "{cut}");
        assert_eq!(kinds(&record), expected, "{cut}");
        assert_eq!(
            (record.prompt_tokens, record.output_tokens),
            (Some(7), Some(4))
        );
        assert_eq!(record.token_source, Some(TokenSource::Usage));
        assert_eq!(record.finish.as_deref(), Some("stop"));
    }
}

#[test]
fn events_that_share_a_read_are_marked() {
    let (one, two, end) = (
        text_event(r#""a""#, "null"),
        text_event(r#""b""#, "null"),
        text_event(r#""c""#, r#""stop""#),
    );
    let both = format!("{one}{two}");
    let (done, record) = read_parts(
        Reading::ChatStream,
        "text/event-stream",
        &[both.as_bytes(), end.as_bytes()],
    );
    assert!(done.is_ok());
    let seen: Vec<(u64, bool)> = record
        .events
        .iter()
        .map(|seen| (seen.at, seen.coalesced))
        .collect();
    assert_eq!(seen, [(10, false), (10, true), (20, false)]);
}

#[test]
fn usage_is_read_wherever_it_stands() {
    // On the last event that has a choice.
    let last = event(
        r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":9}}"#,
    );
    let (done, record) = stream(&last);
    assert!(done.is_ok());
    assert_eq!(kinds(&record), [(Kind::Text, 1)]);
    assert_eq!(
        (record.output_tokens, record.events[0].tokens),
        (Some(9), Some(9))
    );
    // With every event; both words for the same count.
    let each = event(
        r#"{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"input_tokens":1,"completion_tokens":3}}"#,
    );
    let (_, record) = stream(&format!("{each}{}", event("[DONE]")));
    assert_eq!(
        (record.output_tokens, record.events[0].tokens),
        (Some(3), Some(3))
    );
    // Nowhere: counted events are a lower bound, and say so. A null is nowhere.
    let none =
        event(r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}"#);
    let (_, record) = stream(&none);
    assert_eq!(
        (record.output_tokens, record.token_source),
        (Some(1), Some(TokenSource::Events))
    );
    assert_eq!(record.events[0].tokens, None);
}

#[test]
fn a_200_that_holds_nothing_is_a_failure() {
    let role = event(r#"{"choices":[{"delta":{"role":"assistant"},"finish_reason":"stop"}]}"#);
    for (text, expected) in [
        (String::new(), FailureClass::Empty),
        (event("[DONE]"), FailureClass::Empty),
        (format!("{role}{}", event("[DONE]")), FailureClass::Empty),
        (text_event(r#""""#, r#""stop""#), FailureClass::Empty),
        (text_event(r#""cut""#, "null"), FailureClass::Empty),
        (event("{not json"), FailureClass::Malformed),
        (event(r#"{"choices":3}"#), FailureClass::Malformed),
        (event("\u{1}"), FailureClass::Malformed),
    ] {
        let (done, _) = stream(&text);
        assert_eq!(class(&done), Some(expected), "{text:?}");
    }
    let (done, _) = read_parts(
        Reading::ChatStream,
        "text/event-stream",
        &[b"data: {\"choices\":[{\"delta\":{\"content\":\"\xFF\"}}]}\n\n"],
    );
    assert_eq!(class(&done), Some(FailureClass::Malformed), "no UTF-8");
}

#[test]
fn an_error_inside_a_stream_is_a_failure_and_what_came_before_is_kept() {
    for error in [
        event(r#"{"error":{"message":"out of memory","code":500}}"#),
        event(r#"{"object":"error","message":"out of memory"}"#),
        "event: error\ndata: out of memory\n\n".to_owned(),
    ] {
        let (done, record) = stream(&format!("{}{error}", text_event(r#""a""#, "null")));
        assert_eq!(class(&done), Some(FailureClass::Midstream), "{error}");
        assert!(done.unwrap_err().text.contains("out of memory"));
        assert_eq!(kinds(&record), [(Kind::Text, 1)]);
        assert_eq!(record.output_tokens, Some(1));
    }
    let (done, _) = stream(&format!(
        r#"data: {{"error":null,"choices":[{{"delta":{{"content":"x"}},"finish_reason":"stop"}}]}}{}"#,
        "\n\n"
    ));
    assert!(done.is_ok(), "null is no error");
}

#[test]
fn a_last_event_without_its_blank_line_counts() {
    let whole = text_event(r#""a""#, r#""stop""#);
    let (done, record) = stream(whole.trim_end());
    assert!(done.is_ok());
    assert_eq!(kinds(&record), [(Kind::Text, 1)]);
}

#[test]
fn tools_completions_parts_and_media_in_a_stream() {
    let tool = event(
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\""}}]}}]}"#,
    );
    let completion = event(r#"{"choices":[{"text":"abc","finish_reason":"stop"}]}"#);
    let image = event(
        r#"{"choices":[{"delta":{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,TWFu"}}]}}],"modality":"image"}"#,
    );
    let (done, record) = stream(&format!("{tool}{image}{completion}"));
    assert!(done.is_ok());
    assert_eq!(
        kinds(&record),
        [(Kind::Tool, 5), (Kind::Image, 3), (Kind::Text, 3)]
    );
    assert_eq!(record.images, Some(1));
}

#[test]
fn answers_that_come_whole() {
    let json = "application/json";
    let one = |reading, text: &str| read_parts(reading, json, &[text.as_bytes()]);
    let (done, record) = one(
        Reading::Chat,
        r#"{"choices":[{"message":{"content":"hi","reasoning":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1}}"#,
    );
    assert_eq!(
        (done.as_deref(), kinds(&record)),
        (Ok("hi"), vec![(Kind::Text, 2)])
    );
    let (done, _) = one(Reading::Chat, r#"{"choices":[{"message":{"content":""}}]}"#);
    assert_eq!(class(&done), Some(FailureClass::Empty));
    let (done, _) = one(Reading::Completion, r#"{"choices":[{"text":"ab"}]}"#);
    assert_eq!(done.as_deref(), Ok("ab"));
    let (done, record) = one(Reading::Transcription, r#"{"text":"hello"}"#);
    assert_eq!(
        (done.as_deref(), kinds(&record)),
        (Ok("hello"), vec![(Kind::Text, 5)])
    );
    let (done, record) = one(
        Reading::Images,
        r#"{"created":1,"data":[{"b64_json":"TWFu"},{"url":"data:image/png;base64,TQ=="}],"metrics":{"peak_memory_mb":12.5}}"#,
    );
    assert!(done.is_ok());
    assert_eq!(
        (record.images, kinds(&record)),
        (Some(2), vec![(Kind::Image, 4)])
    );
    assert_eq!(record.told["peak_memory_mb"], 12.5);
    let (done, record) = one(
        Reading::Embeddings,
        r#"{"data":[{"embedding":[0.1,0.2]}],"usage":{"prompt_tokens":2,"total_tokens":2}}"#,
    );
    assert!(done.is_ok());
    assert_eq!(record.prompt_tokens, Some(2));
    for (reading, text, expected) in [
        (Reading::Images, r#"{"data":[]}"#, FailureClass::Empty),
        (
            Reading::Embeddings,
            r#"{"data":[{"embedding":[]}]}"#,
            FailureClass::Empty,
        ),
        (
            Reading::Transcription,
            r#"{"text":" "}"#,
            FailureClass::Empty,
        ),
        (
            Reading::Chat,
            r#"{"error":{"message":"no"}}"#,
            FailureClass::Malformed,
        ),
        (Reading::Chat, "<html>", FailureClass::Malformed),
        (
            Reading::ChatStream,
            r#"{"choices":[]}"#,
            FailureClass::Malformed,
        ),
        (Reading::Video, r#"{"data":[]}"#, FailureClass::Empty),
    ] {
        let (done, _) = one(reading, text);
        assert_eq!(class(&done), Some(expected), "{reading:?} {text}");
    }
    let (done, _) = read_parts(Reading::Chat, "text/html", &[b"<html>"]);
    assert_eq!(class(&done), Some(FailureClass::Malformed));
    let (done, record) = read_parts(Reading::Plain, "text/html", &[b"<html>"]);
    assert!(done.is_ok());
    assert_eq!(kinds(&record), [(Kind::Other, 6)]);
}

#[test]
fn reads_of_a_body_that_the_connection_hands_over_in_pieces_are_one() {
    let mut record = Record::new(0, 0);
    let mut reader = Reader::new(Reading::Speech, &headers("audio/mpeg"), false).unwrap();
    for (read, bytes) in [(1, &b"abc"[..]), (1, b"de"), (2, b"f")] {
        reader.push(read * 10, read, bytes, &mut record).unwrap();
    }
    reader.finish(&mut record).unwrap();
    assert_eq!(kinds(&record), [(Kind::Audio, 5), (Kind::Audio, 1)]);
    assert_eq!(
        record.audio_seconds, None,
        "of an encoded format nothing is known"
    );
}
