//! Pipelines that are written by hand, filtered.

use serde_json::json;
use tribunal_stages::pipeline::{FilterOptions, filter};

use crate::pipelines::{BUILDKITE, read, wrong};

const PIPELINE: &str = "\
x-paths: &omni
  - src/models/omni/
  - src/engine
steps:
  - label: always
    key: build
    command: make
  - wait
  - group: E2E Test
    key: e2e
    steps:
      - label: omni
        key: omni
        command: pytest -m omni
        depends_on: build
        source_file_dependencies: *omni
      - label: tts
        key: tts
        command: pytest -m tts
        timeout_in_minutes: 20
        source_file_dependencies:
          - [src/models/tts/, [src/shared]]
          - src/engine
  - group: Docs
    source_file_dependencies: [docs/]
    steps:
      - label: pages
        key: pages
        command: make pages
  - label: report
    command: make report
    depends_on: [omni, tts, { step: pages, allow_failure: true }, build]
  - label: after pages
    command: make upload
    depends_on: pages
";

fn changed(files: &[&str]) -> FilterOptions {
    FilterOptions {
        changed: Some(Ok(files.iter().map(|file| (*file).to_owned()).collect())),
        ..FilterOptions::default()
    }
}

/// The labels of what stays.
fn labels(text: &str) -> Vec<String> {
    fn walk(steps: &serde_json::Value, out: &mut Vec<String>) {
        for step in steps.as_array().unwrap() {
            if let Some(label) = step["label"].as_str() {
                out.push(label.to_owned());
            }
            if step["steps"].is_array() {
                walk(&step["steps"], out);
            }
        }
    }
    let mut out = vec![];
    walk(&read(text)["steps"], &mut out);
    out
}

#[test]
fn steps_stay_where_their_files_changed() {
    let rest = ["always", "report", "after pages"];
    for (files, expected) in [
        (
            &["src/models/omni/x.py"][..],
            &["always", "omni", "report", "after pages"][..],
        ),
        (
            &["src/engine/core.py"],
            &["always", "omni", "tts", "report", "after pages"],
        ),
        (
            &["src/engine"],
            &["always", "omni", "tts", "report", "after pages"],
        ),
        (
            &["src/shared/y.py"],
            &["always", "tts", "report", "after pages"],
        ),
        (
            &["docs/a.md"],
            &["always", "pages", "report", "after pages"],
        ),
        (&["src/engines/core.py"], &rest),
    ] {
        let made = filter(PIPELINE, &changed(files)).unwrap();
        assert_eq!(labels(&made.text), expected, "{files:?}");
        assert!(made.everything.is_none());
        let value = read(&made.text);
        assert!(
            !made.text.contains("source_file_dependencies"),
            "the key is for this program alone"
        );
        assert_eq!(value["steps"][1], "wait");
        let mut checked = value.clone();
        checked.as_object_mut().unwrap().remove("x-paths");
        assert_eq!(
            wrong(BUILDKITE, &checked),
            Vec::<String>::new(),
            "{}",
            made.text
        );
    }
    let made = filter(PIPELINE, &changed(&["other"])).unwrap();
    let value = read(&made.text);
    assert_eq!(
        value["steps"].as_array().unwrap().len(),
        4,
        "empty groups are gone"
    );
    assert_eq!(
        value["steps"][2]["depends_on"],
        json!(["build"]),
        "nobody waits for what is gone"
    );
    assert_eq!(value["steps"][3].get("depends_on"), None);
    let told: Vec<(&str, bool)> = made
        .omitted
        .iter()
        .map(|one| (one.what.as_str(), one.why.contains("nothing changed below")))
        .collect();
    assert_eq!(
        told,
        [
            ("omni", true),
            ("tts", true),
            ("E2E Test", false),
            ("Docs", true)
        ]
    );
}

#[test]
fn what_cannot_be_told_keeps_every_step_and_strips_the_key() {
    for options in [
        FilterOptions::default(),
        FilterOptions {
            changed: Some(Err("is the clone shallow?".into())),
            ..FilterOptions::default()
        },
        changed(&[]),
    ] {
        let made = filter(PIPELINE, &options).unwrap();
        assert_eq!(
            labels(&made.text),
            ["always", "omni", "tts", "pages", "report", "after pages"]
        );
        assert!(made.everything.is_some() && made.omitted.is_empty());
        assert!(!made.text.contains("source_file_dependencies"));
        assert_eq!(
            read(&made.text)["steps"][2]["steps"][1]["timeout_in_minutes"],
            20
        );
    }
    let groups = FilterOptions {
        group: Some("E2E".into()),
        ..FilterOptions::default()
    };
    assert_eq!(
        labels(&filter(PIPELINE, &groups).unwrap().text),
        ["omni", "tts"]
    );
}

#[test]
fn a_registry_names_lists_and_what_concerns_every_step() {
    let registry = "\
x: &omni [src/omni/, src/shared.py]
source_file_dependencies:
  source_filter_fallback: [tests/helpers/]
  omni_function: [*omni, tests/test_omni.py]
  tts: [src/tts/]
";
    let pipeline = "steps:\n- {label: omni, command: a, source_file_dependencies: omni_function}\n- {label: both, command: b, source_file_dependencies: [omni_function, tts]}\n- {label: plain, command: c}\n";
    let with = |files: &[&str]| FilterOptions {
        registry: Some(registry.into()),
        ..changed(files)
    };
    for (files, expected) in [
        (&["src/omni/a.py"][..], &["omni", "both", "plain"][..]),
        (&["tests/test_omni.py"], &["omni", "both", "plain"]),
        (&["src/tts/a.py"], &["both", "plain"]),
        (&["README.md"], &["plain"]),
        (
            &["README.md", "tests/helpers/x.py"],
            &["omni", "both", "plain"],
        ),
    ] {
        assert_eq!(
            labels(&filter(pipeline, &with(files)).unwrap().text),
            expected,
            "{files:?}"
        );
    }
    let misspelt = pipeline.replace("omni_function}", "omni_functoin}");
    let error = filter(&misspelt, &with(&["x"])).unwrap_err();
    assert!(
        error.contains("of omni names `omni_functoin`")
            && error.contains("did you mean `omni_function`?"),
        "{error}"
    );
}

#[test]
fn jobs_of_a_workflow_are_filtered_too() {
    let workflow = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    source_file_dependencies: [src/a]\n    steps: [{run: a}]\n  b:\n    runs-on: ubuntu-latest\n    needs: [a]\n    steps: [{run: b}]\n";
    let made = filter(workflow, &changed(&["src/b.rs"])).unwrap();
    let value = read(&made.text);
    assert_eq!(
        value["jobs"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["b"]
    );
    assert_eq!(value["jobs"]["b"].get("needs"), None);
    assert_eq!(value["on"], "push");
}

#[test]
fn nonsense_is_told_and_nothing_panics() {
    for (text, said) in [
        ("", "empty"),
        ("a: [", "no YAML"),
        ("[1]", "no table"),
        ("a: 1", "neither `steps` nor `jobs`"),
        ("steps: 1", "must be a list"),
        ("a: 1\n---\nb: 2", "several documents"),
        (
            "steps: [{label: x, source_file_dependencies: 3}]",
            "of x must be a path",
        ),
        (
            "steps: [{label: x, source_file_dependencies: {a: b}}]",
            "of x must be a path",
        ),
    ] {
        let error = filter(text, &changed(&["x"])).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
    // Anchors within anchors, each ten times the one before.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let one = format!("*a{}", n - 1);
        bomb.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            [one.as_str(); 10].join(", ")
        ));
    }
    assert!(filter(&(bomb + "steps: []\n"), &changed(&["x"])).is_err());
    // As deep as nobody nests.
    let deep = format!("steps: {}{}", "[".repeat(5000), "]".repeat(5000));
    let _ = filter(&deep, &changed(&["x"]));
}
