//! Data sets: what their requests are.

use proptest::prelude::*;
use serde_json::{Value, json};
use tribunal_traffic::{
    Body, Bucket, DataError, DataSet, Lengths, Lines, MediaLimits, Reading, Request,
    RequestOptions, Route, Slo, Source, UsageOption, known, trace_times,
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
fn the_same_seed_gives_the_same_requests_and_another_others() {
    let options = RequestOptions::default();
    let sets = [
        DataSet::random(Lengths::around(30, 0.5), Lengths::between(1, 9)),
        DataSet::SharedPrefix {
            pool: 3,
            prefix: 40,
            input: 5.into(),
            output: 2.into(),
        },
        DataSet::Conversations {
            turns: Lengths::between(1, 4),
            input: 5.into(),
            output: 2.into(),
            system: 10,
        },
        DataSet::Multimodal {
            input: 3.into(),
            output: 2.into(),
            items: Lengths::between(0, 3),
            limits: MediaLimits::default(),
            buckets: vec![("(16, 24, 1)".parse().unwrap(), 1.0)],
        },
    ];
    for set in sets {
        let all = |seed| {
            let mut source = set.source(Route::Chat, "m", seed, &options).unwrap();
            (0..20).map(|_| source.next().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2), "{set:?}");
    }
}

#[test]
fn a_chat_asks_for_what_the_options_say() {
    let data = DataSet::random(5, 8);
    let request = source(&data, Route::Chat).next().unwrap().remove(0);
    let sent = body(&request);
    assert_eq!(
        (request.path.as_str(), request.reading),
        ("/v1/chat/completions", Reading::ChatStream)
    );
    assert_eq!(
        (request.prompt_tokens, request.asked_tokens),
        (Some(5), Some(8))
    );
    assert_eq!(
        sent["messages"][0]["content"]
            .as_str()
            .unwrap()
            .split(' ')
            .count(),
        5
    );
    assert_eq!(
        (
            &sent["max_tokens"],
            &sent["stream"],
            &sent["stream_options"]
        ),
        (&json!(8), &json!(true), &json!({"include_usage": true}))
    );
    assert_eq!(sent.get("ignore_eos"), None);

    let options = RequestOptions {
        usage: UsageOption::Each,
        ignore_eos: true,
        temperature: Some(0.0),
        salt: Some("run-17".into()),
        extra_body: json!({"min_p": 0.1, "max_tokens": null})
            .as_object()
            .unwrap()
            .clone(),
        tokens_per_word: 2.5,
        ..RequestOptions::default()
    };
    let sent = body(
        &data
            .source(Route::Chat, "m", 7, &options)
            .unwrap()
            .next()
            .unwrap()[0],
    );
    assert_eq!(
        sent["stream_options"]["continuous_usage_stats"],
        json!(true)
    );
    assert_eq!(
        (
            &sent["ignore_eos"],
            &sent["temperature"],
            &sent["min_p"],
            sent.get("max_tokens")
        ),
        (&json!(true), &json!(0.0), &json!(0.1), None)
    );
    let text = sent["messages"][0]["content"].as_str().unwrap();
    assert!(
        text.starts_with("run-17 ") && text.split(' ').count() == 3,
        "{text}"
    );
}

#[test]
fn every_route_gets_its_own_form() {
    let picture = DataSet::Multimodal {
        input: 3.into(),
        output: 2.into(),
        items: 1.into(),
        limits: MediaLimits::default(),
        buckets: vec![("(16, 24, 1)".parse().unwrap(), 1.0)],
    };
    let sound = DataSet::Multimodal {
        input: 3.into(),
        output: 2.into(),
        items: 1.into(),
        limits: MediaLimits::default(),
        buckets: vec![("(0, 1, 1)".parse().unwrap(), 1.0)],
    };
    let text = DataSet::Text {
        texts: vec!["hello".into()],
        output: None,
    };
    let sent = |data: &DataSet, route| source(data, route).next().unwrap().remove(0);

    let speech = sent(&text, Route::Speech);
    assert_eq!(
        body(&speech),
        json!({"model": "m", "input": "hello", "stream": true, "stream_format": "audio", "response_format": "pcm"})
    );
    assert_eq!(speech.reading, Reading::Speech);
    assert_eq!(
        body(&sent(&text, Route::Embeddings)),
        json!({"model": "m", "input": "hello"})
    );
    assert_eq!(body(&sent(&text, Route::Completions))["prompt"], "hello");
    assert_eq!(body(&sent(&text, Route::Images))["prompt"], "hello");

    let form = |request: &Request| match &request.body {
        Body::Other(bytes, kind) if kind.starts_with("multipart/form-data; boundary=") => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        other => panic!("{other:?}"),
    };
    let edit = form(&sent(&picture, Route::ImageEdits));
    assert!(
        edit.contains("name=\"prompt\"")
            && edit.contains("name=\"image\"; filename=")
            && edit.contains("Content-Type: image/png")
    );
    assert!(form(&sent(&text, Route::Videos)).contains("name=\"prompt\"\r\n\r\nhello"));
    let heard = sent(&sound, Route::Transcriptions);
    assert!(form(&heard).contains("name=\"file\"; filename="));
    assert_eq!(heard.input_audio_seconds, Some(1.0));
    let chat = body(&sent(&picture, Route::Chat));
    assert!(
        chat["messages"][0]["content"][1]["image_url"]["url"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );

    assert!(
        error(text.source(Route::Transcriptions, "m", 0, &RequestOptions::default()))
            .contains("need sounds")
    );
    assert!(
        error(picture.source(Route::Transcriptions, "m", 0, &RequestOptions::default()))
            .contains("a sound")
    );
    assert!(
        error(text.source(Route::ImageEdits, "m", 0, &RequestOptions::default()))
            .contains("need pictures")
    );
}

#[test]
fn later_turns_hold_the_answers_however_conversations_interleave() {
    for route in [Route::Chat, Route::Completions] {
        let data = DataSet::Conversations {
            turns: 3.into(),
            input: 2.into(),
            output: 2.into(),
            system: 0,
        };
        let mut source = source(&data, route);
        let (one, two) = (source.next().unwrap(), source.next().unwrap());
        let text = |request: &Request| body(request).to_string();
        assert!(!text(&one[0]).contains("assistant"));
        let one_1 = source.answered(one[1].clone(), "first \"quoted\"\n");
        let two_1 = source.answered(two[1].clone(), "OTHER");
        let one_2 = source.answered(one[2].clone(), "second");
        assert!(
            text(&one_1).contains(r#"first \"quoted\"\n"#),
            "{}",
            text(&one_1)
        );
        assert!(text(&two_1).contains("OTHER") && !text(&two_1).contains("first"));
        assert!(
            text(&one_2).contains(r#"first \"quoted\"\n"#) && text(&one_2).contains("second"),
            "{}",
            text(&one_2)
        );
        if route == Route::Chat {
            let roles: Vec<String> = body(&one_2)["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|message| message["role"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
        }
    }
}

#[test]
fn prompts_of_a_pool_begin_alike() {
    let data = DataSet::SharedPrefix {
        pool: 2,
        prefix: 50,
        input: 5.into(),
        output: 2.into(),
    };
    let mut source = source(&data, Route::Completions);
    let beginnings: std::collections::BTreeSet<String> = (0..40)
        .map(|_| {
            let request = source.next().unwrap().remove(0);
            assert_eq!(request.prompt_tokens, Some(55));
            body(&request)["prompt"]
                .as_str()
                .unwrap()
                .split(' ')
                .take(50)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(beginnings.len(), 2);
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
fn media_keep_their_limits() {
    let limits = MediaLimits {
        images: 2,
        videos: 1,
        sounds: 0,
    };
    let buckets: Vec<(Bucket, f64)> = vec![
        ("(16, 16, 1)".parse().unwrap(), 0.5),
        ("(16, 16, 2)".parse().unwrap(), 0.5),
    ];
    let data = DataSet::Multimodal {
        input: 3.into(),
        output: 2.into(),
        items: 9.into(),
        limits,
        buckets,
    };
    let mut source = source(&data, Route::Chat);
    for _ in 0..10 {
        let sent = body(&source.next().unwrap()[0]).to_string();
        assert_eq!(
            (
                sent.matches("\"image_url\":{").count(),
                sent.matches("\"video_url\":{").count()
            ),
            (2, 1)
        );
    }
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

    #[test]
    fn answers_of_any_text_stay_whole(text in "\\PC{0,60}") {
        let data = DataSet::Conversations { turns: 2.into(), input: 2.into(), output: 2.into(), system: 0 };
        let mut source = source(&data, Route::Chat);
        let turns = source.next().unwrap();
        let second = source.answered(turns[1].clone(), &text);
        let sent = body(&second);
        prop_assert_eq!(sent["messages"][1]["content"].as_str().unwrap(), text);
    }

    #[test]
    fn names_of_any_text_are_known_or_not(text in "\\PC{0,40}") {
        let _ = known(&text);
        let _ = text.parse::<Slo>();
        let _ = text.parse::<Bucket>();
        let _ = text.parse::<tribunal_traffic::Dialect>();
    }
}
