//! Data sets: what their requests are.

use proptest::prelude::*;
use serde_json::{Value, json};
use tribunal_traffic::{
    Body, Bucket, DataError, DataSet, Lengths, MediaLimits, Reading, Request, RequestOptions,
    Route, Slo, Source, UsageOption, known,
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

proptest! {
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
