use super::*;
use proptest::prelude::*;

#[test]
fn what_people_type_is_read() {
    let ms = Duration::from_millis;
    for (text, expected) in [
        (
            "latency 100ms jitter 20ms",
            Toxic::Latency {
                by: ms(100),
                jitter: ms(20),
            },
        ),
        (
            "delay 2s",
            Toxic::Latency {
                by: ms(2000),
                jitter: Duration::ZERO,
            },
        ),
        (
            "slicer inside-characters gap 5ms",
            Toxic::Slice {
                bytes: 0,
                gap: ms(5),
                cut: Cut::InsideCharacters,
            },
        ),
        (
            "slice 1",
            Toxic::Slice {
                bytes: 1,
                gap: Duration::ZERO,
                cut: Cut::Fixed,
            },
        ),
        (
            "close after 3 events",
            Toxic::Close {
                after: After::Events(3),
            },
        ),
        (
            "reset_peer after 1 event",
            Toxic::Reset {
                after: After::Events(1),
            },
        ),
        (
            "corrupt 4 after 100 bytes",
            Toxic::Corrupt {
                after: After::Bytes(100),
                bytes: 4,
            },
        ),
        (
            r#"status 429 retry-after 2s body "{\"a\": 1}""#,
            Toxic::Status {
                code: 429,
                retry_after: Some(ms(2000)),
                body: Some(r#"{"a": 1}"#.into()),
            },
        ),
    ] {
        assert_eq!(text.parse::<Toxic>().as_ref(), Ok(&expected), "{text}");
    }
    let rule: ToxicRule =
        "stall after 0 bytes to-server share 0.5 connections 1..4 window 1s..1500ms path /v1/chat"
            .parse()
            .unwrap();
    let expected = ToxicRule::new(Toxic::Stall {
        after: After::Bytes(0),
    })
    .to_server()
    .share(0.5)
    .connections(1..4)
    .window(ms(1000), ms(1500))
    .path("/v1/chat");
    assert_eq!(rule, expected);
}

#[test]
fn mistakes_say_what_is_right() {
    for (text, expected) in [
        (
            "",
            "no toxic is named; there are: latency TIME [jitter TIME]; ",
        ),
        (
            "latnecy 1s",
            "no toxic is called `latnecy`; there are latency, bandwidth, ",
        ),
        ("latnecy 1s", "; did you mean `latency`?"),
        (
            "latency",
            "`latency` ends behind `latency`; the form is `latency TIME [jitter TIME]`",
        ),
        (
            "latency 5",
            "`latency 5`: `5` is not a time such as `250ms`, `30s` or `2m`",
        ),
        (
            "latency 1s jiter 2ms",
            "`jiter` means nothing here; the form is `latency TIME [jitter TIME]`",
        ),
        ("latency 1s jiter 2ms", "did you mean `jitter`?"),
        (
            "stall 3 events",
            "`after` is expected where `3` stands; the form is `stall after N bytes|events`",
        ),
        (
            "stall after 3 chunks",
            "`chunks` is not `bytes` or `events`",
        ),
        (
            "stall after 99999999999 events",
            "is not a number of events",
        ),
        ("stall after 3 events to-server", "requests have no events"),
        (
            "status 100",
            "a final status lies between 200 and 599, not at 100",
        ),
        (
            "status 70000",
            "`70000` is not a number that `status` can have",
        ),
        ("bandwidth 0", "passes nothing"),
        ("slicer", "slices of 0 bytes have no end"),
        ("refuse share 2", "a share lies between 0 and 1, not at 2"),
        ("refuse connections 3", "`3` is not a range such as"),
        (
            "refuse connections 3..3",
            "the range of connections is empty",
        ),
        ("refuse window 2s..1s", "the window ends before it begins"),
        ("status 500 body \"x", "must end with one"),
    ] {
        let error = text.parse::<ToxicRule>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let error = "refuse share 0.5".parse::<Toxic>().unwrap_err().to_string();
    assert!(error.contains("says more than what goes wrong"), "{error}");
}

fn times() -> impl Strategy<Value = Duration> {
    (
        0u64..5,
        prop::sample::select(vec![1u64, 1_000, 1_000_000, 1_000_000_000, 123]),
    )
        .prop_map(|(n, unit)| Duration::from_nanos(n * unit))
}

fn points() -> impl Strategy<Value = After> {
    prop_oneof![
        any::<u64>().prop_map(After::Bytes),
        any::<u32>().prop_map(After::Events)
    ]
}

fn toxics() -> impl Strategy<Value = Toxic> {
    let cut = prop::sample::select(vec![Cut::Fixed, Cut::InsideCharacters, Cut::InsideEventEnd]);
    prop_oneof![
        (times(), times()).prop_map(|(by, jitter)| Toxic::Latency { by, jitter }),
        (1..u64::MAX).prop_map(|bytes_per_second| Toxic::Bandwidth { bytes_per_second }),
        (1..u64::MAX, times(), cut).prop_map(|(bytes, gap, cut)| Toxic::Slice { bytes, gap, cut }),
        points().prop_map(|after| Toxic::Stall { after }),
        points().prop_map(|after| Toxic::Close { after }),
        points().prop_map(|after| Toxic::Reset { after }),
        points().prop_map(|after| Toxic::HalfClose { after }),
        Just(Toxic::Refuse),
        Just(Toxic::Silence),
        times().prop_map(|gap| Toxic::SlowHeaders { gap }),
        (points(), 1..u32::MAX).prop_map(|(after, bytes)| Toxic::Corrupt { after, bytes }),
        points().prop_map(|after| Toxic::Duplicate { after }),
        (
            200u16..600,
            prop::option::of(times()),
            prop::option::of("\\PC{0,12}|\"\n\\\\")
        )
            .prop_map(|(code, retry_after, body)| Toxic::Status {
                code,
                retry_after,
                body
            }),
        times().prop_map(|by| Toxic::SlowClose { by }),
    ]
}

proptest! {
    #[test]
    fn what_is_shown_is_read_back(toxic in toxics(), share in 0.0..=1.0f64, number in prop::option::of(0u64..9), path in prop::option::of("/\\PC{0,8}"), to_server: bool) {
        let mut rule = ToxicRule::new(toxic.clone()).share(share);
        rule.connections = number.map(|n| n..n + 2);
        rule.window = number.map(|n| (Duration::from_millis(n), Duration::from_secs(20)));
        rule.path = path;
        if to_server && !matches!(toxic.after(), Some(After::Events(_))) {
            rule = rule.to_server();
        }
        prop_assert_eq!(toxic.to_string().parse::<Toxic>(), Ok(toxic));
        prop_assert_eq!(rule.to_string().parse::<ToxicRule>(), Ok(rule));
    }

    #[test]
    fn nonsense_is_refused_without_a_panic(text in "\\PC{0,40}", name in prop::sample::select(NAMES.to_vec())) {
        let _ = text.parse::<ToxicRule>();
        let _ = format!("{} {text}", name.0).parse::<ToxicRule>();
    }
}
