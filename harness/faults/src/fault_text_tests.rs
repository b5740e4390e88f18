//! The text form: read, refused, and read back.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Fault {
    text.parse().unwrap()
}

fn why(text: &str) -> String {
    text.parse::<Fault>().unwrap_err().to_string()
}

#[test]
fn every_form_is_read() {
    let kill = |victim| Fault::Signal {
        victim,
        signal: Signal::Kill,
    };
    assert_eq!(read("kill worker 0"), kill(Victim::Worker(0)));
    assert_eq!(
        read("  kill \t part  router "),
        kill(Victim::Part("router".into()))
    );
    assert_eq!(
        read("stop any-worker for 30s"),
        Fault::Stop {
            victim: Victim::AnyWorker,
            for_: Some(Duration::from_secs(30))
        }
    );
    assert_eq!(
        read("hog devices 0.95 strict on 0,2"),
        Fault::HogDevices {
            ratio: 0.95,
            strict: true,
            devices: vec![0, 2]
        }
    );
    assert_eq!(
        read("hog host leave 256MiB"),
        Fault::HogHost(HostMemory::Leave(256 << 20))
    );
    assert_eq!(
        read("fill disk /a place"),
        Fault::FullDisk {
            place: "/a place".into()
        }
    );
    assert_eq!(read("clock -90s"), Fault::Clock { by_s: -90 });
    for text in [
        "busy cpus leave 0.25",
        "fill shm",
        "descriptors root leave 2",
        "interrupt tree",
    ] {
        assert_eq!(read(text).to_string(), text);
    }
}

#[test]
fn mistakes_are_told_with_what_was_meant() {
    for (text, part) in [
        ("kil root", "did you mean `kill`"),
        ("", "expected `kill`"),
        ("kill", "expected `root`"),
        ("kill wroker 0", "did you mean `worker`"),
        ("kill worker first", "`first` is not the number of a worker"),
        ("kill root now", "`now` is one word too many"),
        ("stop tree during 5s", "expected `for`"),
        ("stop tree for 5", "no span of time"),
        ("hog devices 95%", "a share above 0 and up to 1"),
        ("hog devices 1.1", "a share above 0 and up to 1"),
        ("hog devices 0.9 strct", "did you mean `strict`"),
        ("hog devices 0.9 on 0,0", "twice"),
        ("hog host take 5", "no size"),
        ("busy cpus leave 1", "below 1"),
        ("fill disk", "a path"),
        ("clock 5s", "expected `+TIME`"),
        ("clock +5ms", "whole seconds"),
        ("clock +é", "no span"),
        ("toxic latncy 5ms", "did you mean `latency`"),
        ("toxic", "latency TIME"),
    ] {
        let why = why(text);
        assert!(why.contains(part), "{text}: {why}");
    }
    assert!(why(&"x".repeat(5000)).contains("at most"));
}

fn victims() -> impl Strategy<Value = Victim> {
    prop_oneof![
        Just(Victim::Root),
        Just(Victim::Tree),
        Just(Victim::AnyWorker),
        any::<usize>().prop_map(Victim::Worker),
        "[a-z][a-z0-9_-]{0,20}".prop_map(Victim::Part),
    ]
}

fn faults() -> impl Strategy<Value = Fault> {
    let signal = prop_oneof![
        Just(Signal::Kill),
        Just(Signal::Terminate),
        Just(Signal::Interrupt)
    ];
    let span = (any::<u32>(), 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s.into(), n));
    let devices = prop::collection::btree_set(0..64_u32, 0..4);
    prop_oneof![
        (victims(), signal).prop_map(|(victim, signal)| Fault::Signal { victim, signal }),
        (victims(), prop::option::of(span)).prop_map(|(victim, for_)| Fault::Stop { victim, for_ }),
        (1e-6..=1.0_f64, any::<bool>(), devices).prop_map(|(ratio, strict, devices)| {
            Fault::HogDevices {
                ratio,
                strict,
                devices: devices.into_iter().collect(),
            }
        }),
        any::<u64>().prop_map(|n| Fault::HogHost(HostMemory::Take(n))),
        any::<u64>().prop_map(|n| Fault::HogHost(HostMemory::Leave(n))),
        (1e-6..0.999_f64).prop_map(|leave| Fault::BusyCpus { leave }),
        (victims(), any::<u32>()).prop_map(|(victim, leave)| Fault::Descriptors { victim, leave }),
        "/[a-zA-Z0-9_/.-]{0,30}( [a-z]{1,9})?".prop_map(|p| Fault::FullDisk { place: p.into() }),
        Just(Fault::FullShm),
        prop::sample::select(vec![
            "latency 100ms jitter 20ms share 0.5",
            "reset_peer after 3 events connections 0..4",
            "status 429 retry-after 2s body \"a \\\" b\" path \"/v1/x y\"",
            "bandwidth 1000 to-server window 1s..2s",
        ])
        .prop_map(|rule| Fault::Network(rule.parse().unwrap())),
        (-10_000_000_000..10_000_000_000_i64).prop_map(|by_s| Fault::Clock { by_s }),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same(fault in faults()) {
        prop_assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault.clone()));
        let json = serde_json::to_string(&fault).unwrap();
        prop_assert_eq!(serde_json::from_str::<Fault>(&json).unwrap().to_string(), fault.to_string());
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,60}") {
        let _ = text.parse::<Fault>();
    }

    #[test]
    fn no_words_are_too_odd(words in prop::collection::vec(
        prop::sample::select(vec!["kill", "stop", "hog", "host", "devices", "take", "leave", "for", "worker", "0", "1.5", "5s", "+5s", "on", ",", "é"]), 0..7)
    ) {
        let text = words.join(" ");
        if let Ok(fault) = text.parse::<Fault>() {
            prop_assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault));
        }
    }
}
