//! `cargo tribunal traffic selftest`, for a moment: that it measures, not what.

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .args(arguments)
        .output()
        .unwrap()
}

const SHORT: [&str; 10] = [
    "traffic",
    "selftest",
    "--streams",
    "4",
    "--rate",
    "100",
    "--seconds",
    "0.2",
    "--repeats",
    "2",
];

#[test]
fn the_selftest_measures_itself() {
    let output = run(&[&SHORT[..], &["--format", "json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["streams"].as_array().unwrap().len(), 2);
    for one in report["streams"].as_array().unwrap() {
        // 20 events and the last, of 4 streams, none lost.
        assert_eq!(
            (&one["events"], &one["failed"]),
            (&Value::from(84), &Value::from(0))
        );
        let [p50, p99, max] =
            ["delay_p50_us", "delay_p99_us", "delay_max_us"].map(|key| one[key].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{one}");
    }
    for path in [
        "/flood/events_per_second",
        "/flood/cpu_per_event_us",
        "/schedule/error_p99_us",
        "/plain/requests_per_second",
        "/trusted/events_per_second",
    ] {
        assert!(
            report
                .pointer(path)
                .and_then(Value::as_f64)
                .is_some_and(|figure| figure > 0.0),
            "{path}: {report}"
        );
    }
    assert_eq!(report["schedule"]["requests"], 100);
}

#[test]
fn the_text_says_what_can_be_trusted() {
    let output = run(&SHORT);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "own delay",
        "CPU per event",
        "flood:",
        "schedule at 500",
        "plain:",
        "trusted with:",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(run(&["traffic", "selftset"]).status.code(), Some(2));
}
