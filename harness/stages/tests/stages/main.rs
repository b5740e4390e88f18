//! The stages of small vocabularies, and those of the shipped one over a list of the shipped suites.

mod audited;
mod changed;
mod covered;
mod filtered;
mod pipelines;

use serde_json::{Value, json};
use tribunal_stages::Suite;
use tribunal_vocabulary::Vocabulary;

/// A list of the shipped suites as it once was, one case for each test: `--run-level slow --list --format json`, without what nothing here reads.
const SUITES: &str = include_str!("../files/suites.jsonl");

fn shipped() -> Suite {
    Suite::parse(SUITES, Vocabulary::shipped()).expect("a list of this vocabulary")
}

fn project(text: &str) -> Vocabulary {
    Vocabulary::parse(text, "markers.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A line of a list: the name, the markers, and the rest as JSON.
fn line(name: &str, markers: &[&str], levels: &[&str], more: &Value) -> String {
    let mut ours = json!({
        "test": name, "markers": markers, "levels": levels, "arguments": {}, "needs": {"devices": [], "max_vram_gib": null}, "params": {},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        ours[key] = value.clone();
    }
    json!({"type": "test", "event": "discovered", "name": name, "source_path": "tests/a.rs", "start_line": 1, "harness": ours}).to_string()
}

fn suite(lines: &[String], v: &Vocabulary) -> Suite {
    Suite::parse(&lines.join("\n"), v).expect("a list")
}

#[test]
fn a_list_of_another_vocabulary_is_refused() {
    let v = Vocabulary::shipped();
    let strange = line("a", &["no_such_marker"], &[], &json!({}));
    let error = Suite::parse(&strange, v).unwrap_err();
    assert!(
        error.contains("`no_such_marker`") && error.contains("another vocabulary"),
        "{error}"
    );
    let strange = line("a", &[], &["deepest"], &json!({}));
    assert!(Suite::parse(&strange, v).unwrap_err().contains("`deepest`"));
    for nonsense in ["", "no list\n", "{\"a\": 1}\n", "[1]\n{"] {
        let error = Suite::parse(nonsense, v).unwrap_err();
        assert!(error.contains("--list --format json"), "{error}");
    }
    let empty = "{\"type\":\"suite\",\"event\":\"discovery\"}\n";
    assert!(Suite::parse(empty, v).unwrap().cases.is_empty());
}
