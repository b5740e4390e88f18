//! Answers as literals, and how their requests ended.

use super::*;

const FAMILY: &str = "t0000beef-";

fn sent(kind: Kind, stream: bool) -> Sent<'static> {
    Sent {
        kind,
        stream,
        token: "t0000beef-000001",
        family: FAMILY,
    }
}

fn answer(status: u16, kind: &str, body: &str) -> Result<RawAnswer, ClientError> {
    let headers: Headers = [("content-type".to_owned(), kind.to_owned())]
        .into_iter()
        .collect();
    Ok(RawAnswer::recorded(
        Value::Null,
        status,
        headers,
        body.to_owned(),
    ))
}

fn stream(events: &[&str]) -> Read {
    let body: String = events.iter().map(|e| format!("data: {e}\n\n")).collect();
    Read::of(
        sent(Kind::Chat, true),
        &answer(200, "text/event-stream", &body),
    )
}

const HELLO: &str =
    r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#;
const END: &str = r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;

#[test]
fn only_a_stream_that_says_so_is_whole() {
    let whole = stream(&[HELLO, END, DONE]);
    assert_eq!(whole.ending, Ending::Whole);
    assert_eq!(whole.answer.finish.as_deref(), Some("length"));
    assert_eq!((whole.answer.dones, whole.answer.after_done), (1, 0));
    for (events, what) in [
        (&[HELLO, END][..], "[DONE] never came"),
        (&[HELLO, DONE], "without a reason"),
        (&[HELLO], "neither"),
        (
            &[
                HELLO,
                r#"{"choices":[{"index":0,"finish_reason":"abort"}]}"#,
                DONE,
            ],
            "`abort`",
        ),
    ] {
        match stream(events).ending {
            Ending::EndedEarly(why) => assert!(why.contains(what), "{why}"),
            other => panic!("{events:?}: {other:?}"),
        }
    }
}

#[test]
fn an_error_in_a_stream_is_told_with_its_form() {
    let broken = stream(&[
        HELLO,
        r#"{"error":{"message":"the worker died","type":"server_error","code":500}}"#,
        DONE,
    ]);
    assert_eq!(broken.ending, Ending::ErrorEvent);
    let told = broken.error.expect("an error");
    assert!(told.is_object());
    let plain = stream(&[HELLO, "Internal Server Error"]);
    assert_eq!(plain.ending, Ending::ErrorEvent);
    assert!(plain.error.is_some_and(|error| !error.is_object()));
    assert_eq!(told.code.as_deref(), Some("500"));
}

#[test]
fn answers_of_others_and_second_answers_are_seen() {
    let cut = [
        r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"(t0000be"}}]}"#,
        r#"{"id":"c2","choices":[{"index":0,"delta":{"content":"ef-000002) x"}}]}"#,
    ];
    let read = stream(&[cut[0], cut[1], END, DONE, HELLO, END, DONE]);
    assert_eq!(read.answer.foreign, ["t0000beef-000002".to_owned()].into());
    assert_eq!(read.answer.ids.len(), 2);
    assert_eq!(read.answer.finishes[&0], 2);
    assert_eq!((read.answer.dones, read.answer.after_done), (2, 2));
    let own = r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"t0000beef-000001 and t0000beef-a"},"finish_reason":"stop"}]}"#;
    assert!(stream(&[own, DONE]).answer.foreign.is_empty());
}

#[test]
fn plain_answers_are_read_by_their_route() {
    let json = "application/json";
    let chat = r#"{"id":"c","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}"#;
    let of = |kind, body: &str, mime: &str| Read::of(sent(kind, false), &answer(200, mime, body));
    let whole = of(Kind::Chat, chat, json);
    assert_eq!(
        (whole.ending, whole.answer.tokens),
        (Ending::Whole, Some(3))
    );
    assert_eq!(of(Kind::Speech, "RIFF", "audio/wav").ending, Ending::Whole);
    assert_eq!(
        of(Kind::Images, r#"{"data":[{"b64_json":"x"}]}"#, json).ending,
        Ending::Whole
    );
    for (kind, body) in [
        (Kind::Chat, "{}"),
        (Kind::Completion, "<html>"),
        (Kind::Speech, ""),
        (Kind::Images, r#"{"data":[]}"#),
    ] {
        let ending = of(kind, body, json).ending;
        assert!(
            matches!(ending, Ending::Unreadable(_)),
            "{body}: {ending:?}"
        );
    }
    let error = of(Kind::Chat, r#"{"error":{"message":"no"}}"#, json);
    assert_eq!(error.ending, Ending::ErrorEvent);
}

#[test]
fn an_error_status_keeps_its_form_and_its_hint() {
    let headers: Headers = [
        ("content-type".to_owned(), "text/html".to_owned()),
        ("retry-after".to_owned(), "2".to_owned()),
    ]
    .into_iter()
    .collect();
    let raw = RawAnswer::recorded(Value::Null, 503, headers, "<html>busy</html>");
    let read = Read::of(sent(Kind::Chat, true), &Ok(raw));
    assert_eq!((read.ending, read.status), (Ending::Status, Some(503)));
    let told = read.error.expect("an error");
    assert!(!told.is_object());
    assert_eq!(told.retry_after.as_deref(), Some("2"));
}
