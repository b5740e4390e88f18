//! libtest's JSON: every kind of event, what its readers need, and the duties of the writer.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::editors::{self, Diff};
use crate::row::rows;
use crate::scaffold::{Workspace, binary, calm, lab};

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
    numbers_are_numbers_and_names_have_no_crate,
    rust_analyzer_reads_every_outcome,
    rust_rover_rules_hold_for_every_outcome,
    rust_rover_diff_viewer_reads_a_failed_comparison,
    rust_rover_tree_navigates_to_the_function,
    no_line_looks_like_an_executable,
    duty_a_standard_output_is_the_writers_alone,
    duty_a_nocapture_goes_to_standard_error,
    duty_b_started_is_live,
    duty_c_exec_time_always,
    duty_d_reasons_in_messages,
    duty_e_base_name_of_cases_made_at_start,
    duty_f_extension_object,
    lines_end_with_a_newline_and_have_no_control_characters;
    with "jq": every_line_is_read_by_another_reader_of_json,
];

/// Names of tests by kind and event, in order.
fn brief(events: &[Value]) -> Vec<String> {
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
fn end<'a>(events: &'a [Value], name: &str) -> &'a Value {
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

/// Counts are numbers, and names carry no crate, so that an editor finds them.
fn numbers_are_numbers_and_names_have_no_crate() {
    let events = lab(["answers", "--format", "json"]).events();
    let last = events.last().expect("an event");
    for key in ["passed", "failed", "ignored", "measured", "filtered_out"] {
        assert!(last[key].is_u64(), "{key} is {}", last[key]);
    }
    assert!(
        events
            .iter()
            .filter_map(|e| e["name"].as_str())
            .all(|n| !n.starts_with("lab::"))
    );
}

/// Every outcome becomes a state of rust-analyzer's, with a text where there is one; nothing is shown as stray text.
fn rust_analyzer_reads_every_outcome() {
    let said = lab(["--format", "json", "-Z", "unstable-options"]).exits(101);
    let explorer = editors::rust_analyzer(&said.out);
    assert!(explorer.console.is_empty(), "{:?}", explorer.console);
    let state = |name: &str| {
        explorer
            .nodes
            .get(name)
            .cloned()
            .unwrap_or_else(|| panic!("{name} has no state"))
    };
    assert_eq!(state("answers::passes"), "ok");
    assert_eq!(state("panics::as_expected"), "ok");
    assert_eq!(state("kept_back::fails_as_expected"), "ok");
    assert_eq!(state("gates::program"), "ignored");
    assert_eq!(state("kept_back::skips_itself"), "ignored");
    for (name, text) in [
        ("answers::fails", "the sum is wrong"),
        ("panics::otherwise", "panic did not contain expected string"),
        ("panics::not_at_all", "test did not panic as expected"),
        ("panics::in_a_task", "in a task"),
        (
            "kept_back::passes_unexpectedly",
            "passed, but is marked xfail: thought to be broken",
        ),
        ("late::sleeps", "timed out in the body"),
    ] {
        assert!(
            state(name).starts_with("failed: ") && state(name).contains(text),
            "{name}: {}",
            state(name)
        );
    }
    assert!(
        !explorer.nodes.values().any(|s| s == "started"),
        "everything that started ended"
    );
}

/// The rules of its converter, on a run with every outcome, as it is started there.
fn rust_rover_rules_hold_for_every_outcome() {
    let said = lab(["-Z", "unstable-options", "--format=json", "--show-output"]).exits(101);
    let tree = editors::rust_rover(&said.out).unwrap_or_else(|e| panic!("{e}\n{}", said.out));
    assert!(tree.len() > 8, "{tree:?}");
}

/// `thread '…' panicked at FILE:L:C:`, the message, `left`, `right`, a line that ends it; no thread id.
fn rust_rover_diff_viewer_reads_a_failed_comparison() {
    for backtrace in ["0", "1"] {
        let said = binary(
            "lab",
            ["answers::fails", "--format", "json", "--show-output"],
        )
        .env("RUST_BACKTRACE", backtrace)
        .run()
        .exits(101);
        let events = said.events();
        let stdout = end(&events, "answers::fails")["stdout"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let Some(Diff { place, left, right }) = editors::diff(&stdout) else {
            panic!("with RUST_BACKTRACE={backtrace} it cannot be read:\n{stdout}")
        };
        assert!(place.starts_with("lab/tests/lab.rs:"), "{place}");
        assert_eq!((left.as_str(), right.as_str()), ("1", "2"));
    }
}

/// The suite of `m::f::case` is `m::f`, which is the function.
fn rust_rover_tree_navigates_to_the_function() {
    let said = lab(["cased", "--format=json", "--show-output"]).exits(0);
    let tree = editors::rust_rover(&said.out).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        tree["cased::named"]
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["large", "small"]
    );
    // What is made at start-up has no second identity there: with --show-output the base name is no test.
    assert!(!tree.contains_key("cased") || !tree["cased"].contains("made_at_start"));
    assert_eq!(tree["cased::made_at_start"].len(), 2);
}

/// RustRover takes a line with `/target/` for an executable while it waits for a suite.
fn no_line_looks_like_an_executable() {
    let said = lab(["--format", "json"]).exits(101);
    assert!(
        said.out
            .lines()
            .next()
            .is_some_and(|l| l.starts_with('{') && l.contains("suite")),
        "nothing stands before the suite"
    );
    assert!(!said.out.contains("/target/"));
}

/// Duty (a): what tests print cannot get between the lines, with or without newlines.
fn duty_a_standard_output_is_the_writers_alone() {
    let said = lab([
        "wild::prints_without_newline",
        "answers::prints_and_passes",
        "--include-ignored",
        "--format",
        "json",
    ])
    .exits(0);
    assert_eq!(brief(&said.events()).len(), 6);
    assert!(!said.out.contains("half a line"));
    let said = lab([
        "wild::prints_without_newline",
        "--include-ignored",
        "--format",
        "json",
        "--show-output",
    ])
    .exits(0);
    let events = said.events();
    assert_eq!(
        end(&events, "wild::prints_without_newline")["stdout"],
        "half a line of standard outputhalf a line of standard error"
    );
}

/// Duty (a), second half: under `--nocapture` it goes to standard error, which editors show as text.
fn duty_a_nocapture_goes_to_standard_error() {
    let said = lab([
        "wild::prints_without_newline",
        "--include-ignored",
        "--format",
        "json",
        "--nocapture",
    ])
    .exits(0);
    assert_eq!(said.events().len(), 4);
    said.warns([
        "half a line of standard output",
        "half a line of standard error",
    ]);
}

/// Duty (b): `started` is written when the test starts: it is there while the test still runs.
fn duty_b_started_is_live() {
    let folder = crate::call::folder();
    let diary = folder.path().join("diary");
    let mut started = binary(
        "calm",
        [
            "m::waits",
            "--exact",
            "--include-ignored",
            "--format",
            "json",
        ],
    )
    .env("LAB_DIARY", &diary)
    .start_reading();
    let mut lines = BufReader::new(started.take_out()).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("a line").expect("a line")).expect("an event")
    };
    assert_eq!(next()["event"], "started");
    let event = next();
    assert_eq!(
        (&event["event"], &event["name"]),
        (&json!("started"), &json!("m::waits"))
    );
    // Only now is it told to end.
    assert!(!started.ended());
    started.signal(rustix::process::Signal::INT);
    assert_eq!(next()["event"], "failed");
    assert_eq!(next()["type"], "suite");
    started.wait(130);
}

/// Duty (c): every end has `exec_time`, without any flag.
fn duty_c_exec_time_always() {
    let events = lab(["--format", "json"]).exits(101).events();
    for event in events.iter().filter(|e| e["event"] != "started") {
        assert!(event["exec_time"].is_f64(), "{event}");
    }
    let slept = end(&events, "late::sleeps")["exec_time"]
        .as_f64()
        .expect("a number");
    assert!(
        slept >= 0.05,
        "a limit of 50 ms was reached after {slept} s"
    );
}

/// Duty (d): why something did not run.
fn duty_d_reasons_in_messages() {
    let events = lab(["gates", "--format", "json"]).exits(0).events();
    for (name, part) in [
        (
            "gates::environment",
            "needs the environment variable LAB_GATE",
        ),
        (
            "gates::program",
            "needs the program `no-such-program-anywhere` on PATH",
        ),
        ("gates::system", "needs windows; this is linux"),
        (
            "gates::feature",
            "needs the cargo feature `deep`: run with --features deep",
        ),
        ("gates::device", "needs 16 x Trn2 (neuron)"),
        ("gates::marked", "kept back by its author"),
    ] {
        let event = end(&events, name);
        assert!(
            event["message"].as_str().is_some_and(|m| m.contains(part)),
            "{event}"
        );
        assert_eq!(event["harness"]["outcome"], "skipped");
    }
}

/// Duty (e): rust-analyzer has a node only for the function, so the base name starts with the first case and ends once, with all of them.
fn duty_e_base_name_of_cases_made_at_start() {
    let events = lab([
        "cased::made_at_start",
        "--format=json",
        "--nocapture",
        "--test-threads=1",
    ])
    .exits(0)
    .events();
    let of_base: Vec<&Value> = events
        .iter()
        .filter(|e| e["name"] == "cased::made_at_start")
        .collect();
    assert_eq!(
        of_base
            .iter()
            .map(|e| e["event"].as_str().unwrap_or("?"))
            .collect::<Vec<_>>(),
        ["started", "ok"]
    );
    assert!(of_base[1]["exec_time"].is_f64());
    let names: Vec<&str> = events.iter().filter_map(|e| e["name"].as_str()).collect();
    assert_eq!(
        (names.first(), names.last()),
        (Some(&"cased::made_at_start"), Some(&"cased::made_at_start"))
    );
    // Cases that are known at compile time have nodes of their own.
    assert!(
        lab(["cased::named", "--format=json", "--nocapture"])
            .events()
            .iter()
            .all(|e| e["name"] != "cased::named")
    );
}

/// Duty (f): what is ours stands in one additional object.
fn duty_f_extension_object() {
    let events = lab(["levels::first", "answers::fails", "--format", "json"])
        .exits(101)
        .events();
    let first = end(&events, "levels::first");
    assert_eq!(
        (&first["harness"]["outcome"], &first["harness"]["level"]),
        (&json!("passed"), &json!("core_model"))
    );
    for key in ["set_up", "body", "teardown"] {
        assert!(first["harness"][key].is_f64(), "{first}");
    }
    let known = [
        "type",
        "event",
        "name",
        "exec_time",
        "stdout",
        "message",
        "reason",
        "harness",
        "test_count",
        "shuffle_seed",
        "passed",
        "failed",
        "ignored",
        "measured",
        "filtered_out",
    ];
    for event in &events {
        for key in event.as_object().expect("an object").keys() {
            assert!(
                known.contains(&key.as_str()),
                "{key} is neither libtest's nor in `harness`: {event}"
            );
        }
    }
    let removed = &events.last().expect("the suite")["harness"]["removed"];
    assert!(
        removed["name"].as_u64().is_some_and(|n| n > 30),
        "{removed}"
    );
}

/// One object per line, control characters escaped.
fn lines_end_with_a_newline_and_have_no_control_characters() {
    let out = calm(["--format", "json"]).exits(0).out;
    assert!(out.ends_with("}\n"));
    let out = lab(["--format", "json"]).out;
    assert!(
        out.chars().all(|c| c == '\n' || !c.is_control()),
        "a control character in a line"
    );
}

/// A second opinion: `jq` reads the whole stream.
fn every_line_is_read_by_another_reader_of_json() {
    use std::io::Write as _;
    let said = lab(["--format", "json"]).exits(101);
    let mut jq = Command::new("jq")
        .args(["-r", ".event"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("jq");
    let mut input = jq.stdin.take().expect("its input");
    let text = said.out.clone();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let read = jq.wait_with_output().expect("jq");
    writer
        .join()
        .expect("no panic")
        .expect("jq reads everything");
    assert!(read.status.success());
    assert_eq!(
        String::from_utf8_lossy(&read.stdout).lines().count(),
        said.out.lines().count()
    );
}
