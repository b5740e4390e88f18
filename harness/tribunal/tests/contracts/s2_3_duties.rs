//! The duties of the writer of JSON: (a) to (f) of the contract, and what holds for every line.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::row::rows;
use crate::s2_3_events::{brief, end};
use crate::scaffold::{binary, calm, lab};

rows![
    duty_a_standard_output_is_the_writers_alone,
    duty_a_nocapture_goes_to_standard_error,
    duty_b_started_is_live,
    duty_c_exec_time_always,
    duty_d_reasons_in_messages,
    duty_e_base_name_of_cases_made_at_start,
    duty_f_extension_object,
    lines_end_with_a_newline_and_have_no_control_characters,
];

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
