//! `cargo tribunal report`, run as people and scripts run it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .arg("report")
        .args(arguments)
        .current_dir(folder)
        .env_remove("GITHUB_WORKSPACE")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The log of a run of one case, which passed or failed; `None`: it was killed meanwhile.
fn log(run: &str, at: f64, case: &str, passed: Option<bool>) -> String {
    let mut lines = vec![
        json!({"event": "run_started", "schema": 1, "at": at, "run": run, "package": "p", "target": "t", "host": {"name": "h"}}),
        json!({"event": "case", "case": 0, "name": case, "test": case, "place": {"file": "src/a.rs", "line": 7, "column": 1}}),
        json!({"event": "case_started", "at": at, "case": 0, "attempt": 1}),
    ];
    if let Some(passed) = passed {
        let (outcome, text) = match passed {
            true => ("passed", ""),
            false => ("failed", "no"),
        };
        lines.push(json!({"event": "case_ended", "at": at + 500.0, "case": 0, "attempt": 1, "outcome": outcome, "text": text}));
        lines.push(
            json!({"event": "run_ended", "at": at + 600.0, "code": if passed { 0 } else { 101 }}),
        );
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    lines.join("\n") + "\n"
}

/// A folder of evidence with these runs.
fn evidence(runs: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, log) in runs {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("events.jsonl"), log).unwrap();
    }
    folder
}

#[test]
fn every_report_is_made_of_a_run() {
    let folder = evidence(&[("one", log("one", 1e12, "m::a", Some(false)))]);
    let said = run(
        folder.path(),
        &[
            "one",
            "--junit",
            "out/j.xml",
            "--ctrf",
            "c.json",
            "--html",
            "h.html",
            "--markdown",
            "m.md",
            "--trace",
            "t.json",
            "--annotations",
            "github",
        ],
    );
    assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
    assert_eq!(
        text(&said.stdout),
        "::error file=src/a.rs,line=7,col=1,title=failed%3A m%3A%3Aa::no\n"
    );
    for (file, part) in [
        ("out/j.xml", "<failure message=\"no\" type=\"failed\">"),
        ("c.json", "\"rawStatus\": \"failed\""),
        ("h.html", "<html"),
        ("m.md", "### ❌ p: 1 failed"),
        ("t.json", "\"traceEvents\""),
    ] {
        let made = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(made.contains(part), "{file}: {made}");
    }
}

#[test]
fn several_logs_are_one_run_whichever_comes_first() {
    let folder = evidence(&[
        ("one", log("one", 1e12, "m::a", Some(false))),
        ("two", log("two", 1e12 + 5e3, "m::a", Some(true))),
        ("three", log("three", 1e12 + 1e3, "m::b", Some(true))),
    ]);
    let said = run(folder.path(), &["one", "two", "three", "--junit", "-"]);
    let other = run(folder.path(), &["three", "two", "one", "--junit", "-"]);
    assert_eq!(said.stdout, other.stdout);
    let xml = text(&said.stdout);
    assert_eq!(xml.matches("<testcase ").count(), 2, "{xml}");
    assert!(xml.contains("<flakyFailure message=\"no\""), "{xml}");
}

#[test]
fn a_run_that_was_killed_is_reported_up_to_there() {
    let folder = evidence(&[(
        "one",
        log("one", 1e12, "m::a", None) + "{\"event\":\"case_en",
    )]);
    std::os::unix::fs::symlink("one", folder.path().join("latest")).unwrap();
    let said = run(folder.path(), &["latest"]);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
    let summary = text(&said.stdout);
    for part in [
        "### ❌ p: 1 cut off",
        "The log has no end",
        "its writer was killed",
    ] {
        assert!(summary.contains(part), "{part}\n{summary}");
    }
}

#[test]
fn mistakes_say_what_to_do_and_have_their_codes() {
    let folder = evidence(&[("one", log("one", 1e12, "m::a", Some(true)))]);
    for (arguments, code, part) in [
        (&["nowhere"][..], 2, "nowhere: "),
        (&["latest", "--evidence-dir", "."], 2, "latest: "),
        (&["."], 2, "name the folder of a run: "),
        (&["one", "--junit", "one/events.jsonl/x"], 1, "x: "),
        (&["one", "--htlm", "x"], 2, "--html"),
    ] {
        let said = run(folder.path(), arguments);
        assert_eq!(said.status.code(), Some(code), "{arguments:?}");
        let told = text(&said.stderr);
        assert!(
            told.starts_with("error: ") && told.contains(part),
            "{arguments:?}: {told}"
        );
    }
}

/// Two pods of one Indexed Job: they begin in the same second with the same process ids, run a part each, and one case ran in both.
#[test]
fn logs_of_two_nodes_are_one_report() {
    let pod = |name: &str, index: u32, cases: [(&str, bool); 2]| {
        let host = json!({"name": name, "pid": 1});
        let mut lines = vec![
            json!({"event": "run_started", "schema": 1, "at": 1e12, "run": "same", "package": "p", "target": "t", "host": host, "shard": {"index": index, "count": 2}}),
        ];
        for (case, (test, passed)) in cases.into_iter().enumerate() {
            let at = 1e12 + 10.0 * case as f64;
            let outcome = if passed { "passed" } else { "failed" };
            lines.extend([
                json!({"event": "case", "case": case, "name": test, "test": test}),
                json!({"event": "case_started", "at": at, "case": case, "attempt": 1}),
                json!({"event": "case_ended", "at": at + 5.0, "case": case, "attempt": 1, "outcome": outcome, "text": if passed { "" } else { "no" }}),
            ]);
        }
        let failed = cases.iter().any(|(_, passed)| !passed);
        lines.push(
            json!({"event": "run_ended", "at": 1e12 + 90.0, "code": if failed { 101 } else { 0 }}),
        );
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        lines.join("\n") + "\n"
    };
    let folder = evidence(&[
        ("node-0", pod("pod-0", 1, [("m::a", true), ("m::b", true)])),
        ("node-1", pod("pod-1", 2, [("m::c", false), ("m::d", true)])),
    ]);
    for order in [["node-0", "node-1"], ["node-1", "node-0"]] {
        let [one, two] = order;
        let said = run(folder.path(), &[one, two, "--junit", "j.xml"]);
        assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
        let made = std::fs::read_to_string(folder.path().join("j.xml")).unwrap();
        for test in ["m::a", "m::b", "m::c", "m::d"] {
            let times = made.matches(&format!("name=\"{test}\"")).count();
            assert_eq!(times, 1, "{test}: {made}");
        }
        assert!(made.contains("tests=\"4\""), "{made}");
        assert_eq!(made.matches("<failure").count(), 1, "{made}");
    }
}
