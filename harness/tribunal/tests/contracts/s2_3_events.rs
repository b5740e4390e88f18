//! libtest's JSON events: one row for every line of the list, with libtest itself as the oracle.

use serde_json::{Value, json};

use crate::row::rows;
use crate::scaffold::{Workspace, binary, lab};

rows![
    oracle_libtest_run_events,
    oracle_libtest_discovery_events,
    suite_started_has_the_count_and_the_seed,
    test_started_comes_before_every_end,
    test_ok_has_stdout_only_when_it_is_shown,
    test_failed_has_stdout_and_place,
    test_failed_by_its_limit_has_a_reason,
    test_ignored_has_a_message,
    timeout_and_bench_events_are_not_sent,
    suite_ends_with_counts,
    report_event_is_of_doctests_only,
    discovery_events_point_at_the_source,
    ignore_messages_are_escaped,
];

/// Names of tests by kind and event, in order.
pub fn brief(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|e| {
            format!(
                "{} {} {}",
                e["type"].as_str().unwrap_or("?"),
                e["event"].as_str().unwrap_or("?"),
                e["name"].as_str().unwrap_or("")
            )
        })
        .collect()
}

/// The event that ended a test.
#[track_caller]
pub fn end<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events
        .iter()
        .find(|e| e["name"] == name && e["event"] != "started")
        .unwrap_or_else(|| panic!("{name} did not end: {events:?}"))
}

/// The same events in the same order as libtest's, with at least its fields, equal where they are no times and no texts of panics.
fn oracle_libtest_run_events() {
    for extra in [
        &[][..],
        &["--include-ignored"],
        &["--ignored"],
        &["m::a"],
        &["nothing_like_it"],
        &["--exact", "n::a"],
    ] {
        let args = [
            &[
                "-Z",
                "unstable-options",
                "--format=json",
                "--test-threads=1",
            ],
            extra,
        ]
        .concat();
        let run = |target| binary(target, &args).env("RUSTC_BOOTSTRAP", "1").run();
        let (libtest, ours) = (run("plain"), run("twin"));
        assert_eq!(ours.code, libtest.code, "{extra:?}");
        let (theirs, ours) = (libtest.events(), ours.events());
        // Ignored tests are told at the start here and in their turn there.
        let sorted = |events: &[Value]| {
            let mut all = brief(events);
            all.sort();
            all
        };
        assert_eq!(sorted(&ours), sorted(&theirs), "{extra:?}");
        for event in &theirs {
            let same = ours
                .iter()
                .find(|e| {
                    e["type"] == event["type"]
                        && e["event"] == event["event"]
                        && e["name"] == event["name"]
                })
                .expect("compared above");
            for (key, value) in event.as_object().expect("an object") {
                assert!(same.get(key).is_some(), "{key} is missing in {same}");
                if !matches!(key.as_str(), "exec_time" | "stdout") {
                    assert_eq!(&same[key], value, "{key} of {same}");
                }
            }
        }
    }
}

/// `--list --format json`: the same tests with the same fields; only the place in the source is ours to say better.
fn oracle_libtest_discovery_events() {
    let args = ["--list", "--format", "json", "-Z", "unstable-options"];
    let run = |target| {
        binary(target, args)
            .env("RUSTC_BOOTSTRAP", "1")
            .run()
            .exits(0)
            .events()
    };
    let (theirs, ours) = (run("plain"), run("twin"));
    assert_eq!(brief(&ours), brief(&theirs));
    for (their, our) in theirs.iter().zip(&ours) {
        for (key, value) in their.as_object().expect("an object") {
            if key.starts_with("start_col") || key.starts_with("end_") || key == "source_path" {
                assert!(our.get(key).is_some(), "{key} is missing in {our}");
            } else {
                assert_eq!(&our[key], value, "{key} of {our}");
            }
        }
    }
}

/// `{"type":"suite","event":"started","test_count":N [,"shuffle_seed":S]}`.
fn suite_started_has_the_count_and_the_seed() {
    let events = lab(["answers", "--format", "json"]).exits(101).events();
    assert_eq!(
        (&events[0]["type"], &events[0]["event"]),
        (&json!("suite"), &json!("started"))
    );
    let ended = events
        .iter()
        .filter(|e| e["type"] == "test" && e["event"] != "started")
        .count();
    assert_eq!(events[0]["test_count"], ended);
    assert!(events[0].get("shuffle_seed").is_none());
    assert_eq!(
        lab(["answers", "--format", "json", "--shuffle-seed", "9"]).events()[0]["shuffle_seed"],
        9
    );
}

/// `started` before any end, also before `ignored`.
fn test_started_comes_before_every_end() {
    let events = lab(["--format", "json"]).exits(101).events();
    let mut started = vec![];
    for event in events.iter().filter(|e| e["type"] == "test") {
        match event["event"].as_str() {
            Some("started") => started.push(event["name"].clone()),
            _ => assert!(started.contains(&event["name"]), "{event}"),
        }
    }
    assert!(started.len() > 30);
}

/// `stdout` of a passing test only under `--show-output`.
fn test_ok_has_stdout_only_when_it_is_shown() {
    let events = lab(["answers::prints_and_passes", "--format", "json"])
        .exits(0)
        .events();
    assert!(
        end(&events, "answers::prints_and_passes")
            .get("stdout")
            .is_none()
    );
    let events = lab([
        "answers::prints_and_passes",
        "--format",
        "json",
        "--show-output",
    ])
    .exits(0)
    .events();
    assert_eq!(
        end(&events, "answers::prints_and_passes")["stdout"],
        "a line of the test\n"
    );
}

/// The text of the panic and its place, since nothing else is shown for a failure; the output as well.
fn test_failed_has_stdout_and_place() {
    let events = lab(["answers", "--format", "json"]).exits(101).events();
    let stdout = |name: &str| {
        end(&events, name)["stdout"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        stdout("answers::fails")
            .starts_with("thread 'answers::fails' panicked at lab/tests/lab.rs:"),
        "{}",
        stdout("answers::fails")
    );
    assert!(stdout("answers::returns_an_error").contains("Error: no luck today"));
    let place = stdout("answers::question_mark");
    assert!(
        place.contains("invalid digit found in string") && place.contains("lab/tests/lab.rs:"),
        "{place}"
    );
}

/// `"reason":"time limit exceeded"`.
fn test_failed_by_its_limit_has_a_reason() {
    let events = lab(["late", "--format", "json"]).exits(101).events();
    for name in ["late::sleeps", "late::blocks"] {
        let event = end(&events, name);
        assert_eq!(
            (&event["event"], &event["reason"]),
            (&json!("failed"), &json!("time limit exceeded")),
            "{event}"
        );
        assert_eq!(event["harness"]["outcome"], "timed out");
        assert!(
            event["stdout"]
                .as_str()
                .is_some_and(|s| s.contains("timed out in the body after 0.050s")),
            "{event}"
        );
    }
}

/// `ignored` with its reason, which libtest-mimic leaves out.
fn test_ignored_has_a_message() {
    let events = lab(["kept_back", "--format", "json"]).exits(101).events();
    assert_eq!(
        end(&events, "kept_back::with_a_reason")["message"],
        "takes \"too\" long"
    );
    assert!(
        end(&events, "kept_back::without_a_reason")
            .get("message")
            .is_none()
    );
    assert_eq!(
        end(&events, "kept_back::skips_itself")["message"],
        "no file to read"
    );
}

/// `timeout` is a warning of libtest's after a minute, while the test goes on; here a limit ends it. There are no benchmarks.
fn timeout_and_bench_events_are_not_sent() {
    let events = lab(["--format", "json"]).exits(101).events();
    assert!(
        events
            .iter()
            .all(|e| e["event"] != "timeout" && e["type"] != "bench")
    );
}

/// The suite's last event.
fn suite_ends_with_counts() {
    let events = lab(["kept_back", "gates", "--format", "json"])
        .exits(101)
        .events();
    let last = events.last().expect("an event");
    let count = |event: &str| {
        events
            .iter()
            .filter(|e| e["type"] == "test" && e["event"] == event)
            .count()
    };
    assert_eq!(
        (&last["type"], &last["event"]),
        (&json!("suite"), &json!("failed"))
    );
    assert_eq!(last["passed"], count("ok"));
    assert_eq!(last["failed"], count("failed"));
    assert_eq!(last["ignored"], count("ignored"));
    assert_eq!(last["measured"], 0);
    assert!(last["filtered_out"].as_u64().is_some_and(|n| n > 20));
    assert!(last["exec_time"].is_f64());
    assert_eq!(
        lab(["answers::passes", "--format", "json"])
            .exits(0)
            .events()
            .last()
            .map(|e| e["event"].clone()),
        Some(json!("ok"))
    );
}

/// `{"type":"report",…}` comes with doctests only.
fn report_event_is_of_doctests_only() {
    assert!(
        lab(["answers", "--format", "json"])
            .events()
            .iter()
            .all(|e| e["type"] != "report")
    );
}

/// A click on a discovered test opens its line.
fn discovery_events_point_at_the_source() {
    let events = lab(["--list", "--format", "json"]).exits(0).events();
    let found = events
        .iter()
        .find(|e| e["name"] == "answers::fails")
        .expect("it is discovered");
    let path = Workspace::shared()
        .root()
        .join(found["source_path"].as_str().expect("a path"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let line = found["start_line"].as_u64().expect("a line") as usize;
    assert!(
        text.lines()
            .nth(line - 1)
            .is_some_and(|l| l.contains("fn fails")),
        "line {line} of {}",
        path.display()
    );
    // A case stands where it is written.
    let case = events
        .iter()
        .find(|e| e["name"] == "cased::named::large")
        .expect("it is discovered");
    let line = case["start_line"].as_u64().expect("a line") as usize;
    assert!(
        text.lines()
            .nth(line - 1)
            .is_some_and(|l| l.contains("#[cases(small = 1, large = 2)]")),
        "line {line}"
    );
}

/// libtest prints invalid JSON for a reason with quotes.
fn ignore_messages_are_escaped() {
    let events = lab(["kept_back::with_a_reason", "--list", "--format", "json"])
        .exits(0)
        .events();
    assert_eq!(events[1]["ignore_message"], "takes \"too\" long");
    assert_eq!(events[1]["ignore"], true);
}
