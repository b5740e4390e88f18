//! The Common Test Report Format: against its schema, and what its words say.

use std::process::Command;

use serde_json::Value;

use crate::sample;

fn made() -> Value {
    serde_json::from_str(&tribunal_render::ctrf(&sample::mixed())).unwrap()
}

fn test<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tests = report["results"]["tests"].as_array().unwrap();
    tests.iter().find(|t| t["name"] == name).unwrap()
}

#[test]
fn it_is_valid_against_the_published_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, tribunal_render::ctrf(&sample::mixed())).unwrap();
    let script = r#"
import json, sys
try:
    import jsonschema
except ImportError:
    print("no jsonschema"); sys.exit(0)
schema, report = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
v = jsonschema.validators.validator_for(schema)(schema)
for e in v.iter_errors(report):
    print(list(e.path), e.message)
report["results"]["tests"][0]["status"] = "good"
print("can fail" if list(v.iter_errors(report)) else "cannot fail")
"#;
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/schemas/ctrf-0.0.schema.json"
    );
    let run = Command::new("python3")
        .args(["-c", script, schema])
        .arg(&path)
        .output();
    let Ok(output) = run else {
        return eprintln!("not checked here: python3 is not installed");
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if said.contains("no jsonschema") {
        return eprintln!("not checked here: jsonschema is not installed (pip install jsonschema)");
    }
    assert_eq!(said, "can fail\n");
}

#[test]
fn words_of_the_log_become_words_of_the_format() {
    let report = made();
    for (name, status, raw) in [
        ("e2e::chat::passes", "passed", "passed"),
        ("e2e::chat::fails", "failed", "failed"),
        ("e2e::chat::is_flaky", "passed", "flaky"),
        ("e2e::speech::is_skipped", "skipped", "skipped"),
        ("e2e::speech::is_ignored", "skipped", "ignored"),
        ("stability::is_waived", "other", "failed"),
        ("performance::regresses", "failed", "regressed"),
        ("e2e::never_ran", "pending", "not run"),
        ("e2e::is_cut_off", "other", "cut off"),
    ] {
        let test = test(&report, name);
        assert_eq!(
            (&test["status"], &test["rawStatus"]),
            (&status.into(), &raw.into()),
            "{name}"
        );
    }
    let summary = &report["results"]["summary"];
    let counts = [
        "tests", "passed", "failed", "skipped", "pending", "other", "flaky",
    ];
    let counts: Vec<u64> = counts
        .iter()
        .map(|k| summary[k].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [11, 2, 4, 2, 1, 2, 1]);
    assert_eq!(summary["duration"], 9000);
}

#[test]
fn attempts_phases_and_figures_are_there() {
    let report = made();
    let flaky = test(&report, "e2e::chat::is_flaky");
    assert_eq!(flaky["retries"], 1);
    assert_eq!(flaky["retryAttempts"][0]["message"], "first time no");
    assert_eq!(flaky["retryAttempts"][1]["status"], "passed");
    let fails = test(&report, "e2e::chat::fails");
    assert_eq!(fails["suite"], serde_json::json!(["e2e", "chat"]));
    assert_eq!(fails["extra"]["class"], "quality");
    assert_eq!(fails["extra"]["phaseSeconds"]["body"], 0.5);
    assert_eq!(fails["device"], "0,1");
    assert_eq!(fails["duration"], 1000);
    let figure = &test(&report, "performance::regresses")["extra"]["figures"][0];
    assert_eq!(figure["value"], 23.7);
}
