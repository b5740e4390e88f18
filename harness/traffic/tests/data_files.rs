//! Data sets of files: their forms, and what is wrong with them.

use proptest::prelude::*;
use serde_json::{Value, json};
use tribunal_traffic::{
    Body, DataError, DataSet, Lines, Request, RequestOptions, Route, Source, trace_times,
};

fn source(data: &DataSet, route: Route) -> Box<dyn Source> {
    data.source(route, "m", 7, &RequestOptions::default())
        .unwrap()
}

fn body(request: &Request) -> Value {
    let Body::Json(body) = &request.body else {
        panic!("{:?}", request.body)
    };
    serde_json::from_slice(body).unwrap()
}

fn lines(text: &str) -> DataSet {
    DataSet::JsonLines {
        lines: Lines::Text(text.to_owned()),
        output: None,
        every_turn: false,
        shuffle: false,
        repeat: false,
    }
}

fn every_turn(text: &str) -> DataSet {
    DataSet::JsonLines {
        lines: Lines::Text(text.to_owned()),
        output: None,
        every_turn: true,
        shuffle: false,
        repeat: false,
    }
}

fn error(result: Result<Box<dyn Source>, DataError>) -> String {
    result.err().expect("an error is expected").to_string()
}

#[test]
fn files_are_read_in_their_forms() {
    let first = |data: DataSet| {
        let request = source(&data, Route::Chat).next().unwrap().remove(0);
        (body(&request)["messages"].clone(), request.asked_tokens)
    };
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    for (line, text, asked) in [
        (
            r#"{"prompt": "one two", "output_len": 9}"#,
            "one two",
            Some(9),
        ),
        (r#"{"prompt": "one", "output_tokens": 4}"#, "one", Some(4)),
        (r#"{"text": "tell"}"#, "tell", None),
        (r#"{"question": "why"}"#, "why", None),
        (
            r#"{"instruction": "do", "input": "this"}"#,
            "do\n\nthis",
            None,
        ),
        (r#"{"turns": ["a", "b"]}"#, "a", None),
        (
            r#"{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"prompt": "inner", "max_tokens": 3}}"#,
            "inner",
            Some(3),
        ),
        (
            r#"[{"id": "x", "conversations": [{"from": "human", "value": "hi there"}, {"from": "gpt", "value": "one two three"}]}]"#,
            "hi there",
            Some(3),
        ),
        (
            r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a b"}]}"#,
            "q",
            Some(2),
        ),
    ] {
        assert_eq!(first(lines(line)), (user(text), asked), "{line}");
    }
    let talk = r#"{"conversations": [{"from": "system", "value": "be kind"}, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}, {"from": "gpt", "value": "d e"}]}"#;
    assert_eq!(source(&lines(talk), Route::Chat).next().unwrap().len(), 1);
    let turns = source(&every_turn(talk), Route::Chat).next().unwrap();
    assert_eq!((turns.len(), turns[1].asked_tokens), (2, Some(2)));
    assert_eq!(
        body(&turns[0])["messages"][0],
        json!({"role": "system", "content": "be kind"})
    );
    let heard = "{\"audio\": \"data:audio/wav;base64,UklGRg==\", \"duration\": 2.5}";
    assert_eq!(
        source(&lines(heard), Route::Transcriptions).next().unwrap()[0].input_audio_seconds,
        Some(2.5)
    );
}

#[test]
fn a_file_ends_or_begins_again() {
    let text = "{\"prompt\": \"a\"}\n\n{\"prompt\": \"b\"}\n";
    let mut once = source(&lines(text), Route::Completions);
    assert_eq!((0..3).filter(|_| once.next().is_some()).count(), 2);
    let DataSet::JsonLines { lines, .. } = lines(text) else {
        unreachable!()
    };
    let again = DataSet::JsonLines {
        lines,
        output: None,
        every_turn: false,
        shuffle: true,
        repeat: true,
    };
    let mut again = source(&again, Route::Completions);
    let mut seen: Vec<String> = (0..10)
        .map(|_| {
            body(&again.next().unwrap()[0])["prompt"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    seen.sort();
    assert_eq!(seen.concat(), "aaaaabbbbb");
}

#[test]
fn traces_begin_alike_where_their_hashes_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let trace = "{\"timestamp\": 1000, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n{\"timestamp\": 1250, \"input_length\": 700, \"output_length\": 5, \"hash_ids\": [1, 3]}\n";
    std::fs::write(&path, trace).unwrap();
    let mut source = source(&DataSet::file(&path), Route::Completions);
    let mut next = || {
        let request = source.next().unwrap().remove(0);
        (
            request.prompt_tokens,
            body(&request)["prompt"]
                .as_str()
                .unwrap()
                .split(' ')
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    };
    let ((first_tokens, first), (second_tokens, second)) = (next(), next());
    assert_eq!(
        (first_tokens, first.len(), second_tokens, second.len()),
        (Some(600), 600, Some(700), 700)
    );
    assert_eq!(first[..512], second[..512]);
    assert_ne!(first[512..600], second[512..600]);
    assert_eq!(
        trace_times(&path).unwrap(),
        [
            std::time::Duration::ZERO,
            std::time::Duration::from_millis(250)
        ]
    );
}

#[test]
fn mistakes_in_a_file_are_said_with_their_place() {
    let of =
        |text: &str| error(lines(text).source(Route::Chat, "m", 0, &RequestOptions::default()));
    assert!(
        of("{\"prompt\": \"a\"}\n{prompt}\n").starts_with("line 2: it is no JSON object"),
        "{}",
        of("{\"prompt\": \"a\"}\n{prompt}\n")
    );
    assert!(of("{\"promt\": \"a\"}").contains("no prompt is found among its fields (promt)"));
    assert!(of("[1]").contains("item 1: an object is expected"));
    assert!(of("").contains("holds no prompt"));
    assert!(of("{\"audio\": \"no/such.wav\"}").contains("cannot be read"));
    let missing = error(DataSet::file("/no/such/file.jsonl").source(
        Route::Chat,
        "m",
        0,
        &RequestOptions::default(),
    ));
    assert!(
        missing.starts_with("/no/such/file.jsonl: it cannot be read"),
        "{missing}"
    );
}

#[test]
fn a_length_that_is_made_up_is_bounded() {
    let request = source(
        &lines("{\"input_length\": 18446744073709551615}"),
        Route::Completions,
    )
    .next()
    .unwrap()
    .remove(0);
    assert_eq!(request.prompt_tokens, Some(1 << 21));
}

proptest! {
    #[test]
    fn no_line_of_a_file_makes_it_panic(bytes in "[\\[{\"a-z:, \\]}0-9\\n\\\\]{0,120}") {
        if let Ok(mut source) = lines(&bytes).source(Route::Chat, "m", 0, &RequestOptions::default()) {
            let _ = source.next();
        }
    }

    #[test]
    fn objects_of_any_shape_are_read_or_refused(
        field in prop::sample::select(vec!["prompt", "messages", "conversations", "turns", "text", "instruction", "hash_ids", "audio", "image", "output_len", "body"]),
        value in prop::sample::select(vec!["null", "1", "-1", "1e99", "\"x\"", "[]", "[1]", "[\"x\"]", "[{}]", "{}", "[{\"role\":1}]", "[{\"from\":\"human\",\"value\":\"v\"}]", "4294967296"]),
        every in any::<bool>(),
    ) {
        let text = format!("{{\"{field}\": {value}, \"x\": 1}}");
        let data = if every { every_turn(&text) } else { lines(&text) };
        for route in [Route::Chat, Route::Completions, Route::Transcriptions] {
            if let Ok(mut source) = data.source(route, "m", 0, &RequestOptions::default()) {
                let _ = source.next();
            }
        }
    }
}
