//! `cargo tribunal baseline` as people and scripts run it, on stores of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tribunal_baseline::{Checks, Key, RunRecord};
use tribunal_traffic::Direction;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
            .arg("baseline")
            .args(arguments)
            .env("TRIBUNAL_BASELINES", self.path().join("baselines"))
            .current_dir(self.path())
            .output()
            .expect("the program starts")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }

    /// Writes a result with this record.
    fn result(&self, index: u32, ttft: f64) -> PathBuf {
        let path = self.path().join(format!("result-{index:02}.json"));
        let run = record(index, ttft);
        std::fs::write(
            &path,
            serde_json::json!({"completed": 200, "run_record": run.to_json()}).to_string(),
        )
        .expect("written");
        path
    }
}

fn record(index: u32, ttft: f64) -> RunRecord {
    let key = Key {
        step: "performance::chat".into(),
        hardware: "H100".into(),
        count: 1,
        driver: "580".into(),
        ..Key::default()
    };
    let mut run = RunRecord::new(key);
    run.id = format!("{index:04}");
    run.at_ms = 1_735_689_600_000 + u64::from(index) * 3_600_000;
    run.checks = Checks::Passed(10);
    run.figure("median_ttft_ms", ttft, 200, Direction::LowerIsBetter);
    run.figure("p99_ttft_ms", None, 0, Direction::LowerIsBetter);
    run.provenance.insert("commit".into(), format!("c{index}"));
    run
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn runs_are_accepted_shown_and_pruned() {
    let place = Place::new();
    let output = place.run(&["show"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stdout).starts_with("No baselines in "),
        "{}",
        text(&output.stdout)
    );
    let files: Vec<PathBuf> = (0..12)
        .map(|index| place.result(index, 100.0 + f64::from(index % 3)))
        .collect();
    let first = place.run(&["accept", files[0].to_str().expect("text")]);
    assert_eq!(first.status.code(), Some(0));
    assert!(
        text(&first.stdout)
            .ends_with("accepted: performance::chat, 1 run; 4 more until they are a baseline\n"),
        "{}",
        text(&first.stdout)
    );
    let names: Vec<&str> = files
        .iter()
        .map(|file| file.to_str().expect("text"))
        .collect();
    let told = place.json(&[&["accept"], &*names].concat());
    let new = told["accepted"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["new"] == true)
        .count();
    assert_eq!(
        (new, &told["schema"], &told["refused"]),
        (11, &Value::from(1), &serde_json::json!([]))
    );

    let shown = text(&place.run(&["show"]).stdout);
    for part in [
        "performance::chat\n",
        "hardware H100",
        "12 accepted, 10 looked at, the last of 2025-01-01 11:00 UTC",
        "median_ttft_ms       101.0 ms",
        "10 runs, lower is better",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = place.json(&["show", "chat"]);
    let baseline = &shown["baselines"][0];
    assert_eq!(
        (&baseline["runs"], &baseline["key"]["driver"]),
        (&Value::from(12), &Value::from("580"))
    );
    assert_eq!(baseline["figures"]["median_ttft_ms"]["median"], 101.0);
    assert_eq!(baseline["figures"]["p99_ttft_ms"], Value::Null);

    let pruned = place.json(&["prune", "--keep", "10"]);
    assert_eq!(
        (&pruned["removed"], &pruned["kept"]),
        (&Value::from(2), &Value::from(10))
    );
}

#[test]
fn a_long_history_tells_where_it_changed() {
    let place = Place::new();
    let accept = |from: u32, to: u32| {
        let files: Vec<PathBuf> = (from..to)
            .map(|index| {
                place.result(
                    index,
                    if index < 20 { 100.0 } else { 110.0 } + f64::from(index % 3),
                )
            })
            .collect();
        let names: Vec<&str> = files
            .iter()
            .map(|file| file.to_str().expect("text"))
            .collect();
        assert_eq!(
            place.run(&[&["accept"], &*names].concat()).status.code(),
            Some(0)
        );
    };
    accept(0, 29);
    let short = text(&place.run(&["history", "chat"]).stdout);
    assert!(
        short.contains("29 runs: changes are looked for from 30 on"),
        "{short}"
    );
    assert_eq!(
        place.json(&["history", "chat"])["histories"][0]["changes"],
        Value::Null
    );
    accept(29, 40);
    let long = text(&place.run(&["history", "performance::chat"]).stdout);
    assert!(
        long.contains("2025-01-01 20:00           112.0  c20  <"),
        "{long}"
    );
    assert!(
        long.contains(
            "changed with the run of 2025-01-01 20:00 UTC: median_ttft_ms 101.0 → 111.0 ms, +10.0 %"
        ),
        "{long}"
    );
    let told = place.json(&["history", "chat", "--metric", "median_ttft_ms"]);
    let history = &told["histories"][0];
    assert_eq!(history["runs"].as_array().map(Vec::len), Some(40));
    assert_eq!(
        (
            &history["changes"][0]["run"],
            history["changes"].as_array().map(Vec::len)
        ),
        (&Value::from("0020"), Some(1))
    );
}

#[test]
fn what_is_refused_is_told_and_the_rest_is_accepted() {
    let place = Place::new();
    let good = place.result(1, 100.0);
    let bad = place.path().join("bad.json");
    let mut wrong = record(2, 100.0);
    wrong.checks = Checks::Failed(vec!["an empty answer".into()]);
    std::fs::write(&bad, wrong.to_json().to_string()).expect("written");
    let output = place.run(&[
        "accept",
        "bad.json",
        "none.json",
        good.to_str().expect("text"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("bad.json: a run of `performance::chat` cannot be a baseline")
            && error.contains("an empty answer"),
        "{error}"
    );
    assert!(error.contains("none.json"), "{error}");
    assert!(text(&output.stdout).contains("result-01.json: accepted"));
    let output = place.run(&["show", "performance::chta"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("did you mean `performance::chat`?"),
        "{}",
        text(&output.stderr)
    );
    let output = place.run(&["accept"]);
    assert_eq!(output.status.code(), Some(2));
}
