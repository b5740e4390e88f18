//! What is covered, and what is no longer.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tribunal_stages::{Suite, coverage, lost, undeclared};
use tribunal_vocabulary::Vocabulary;

use crate::{SUITES, line, project, suite};

const DECLARED: &str = "[models.qwen3_omni]\npriority = \"high\"\nalso = [\"Qwen/Qwen3-Omni\", \"qwen3_omni_async_chunk\"]\n\
                        [models.tiny]\npriority = \"low\"\n[features.tools]\npriority = \"medium\"\n[deployments.vllm]\npriority = \"low\"\n";

#[test]
fn priorities_require_levels() {
    let v = project(DECLARED);
    let args = |arguments: Value, params: Value| json!({"arguments": arguments, "params": params});
    let cases = [
        line(
            "by_id",
            &["model", "tts"],
            &["core_model", "advanced_model"],
            &args(json!({"model": [{"id": "Qwen/Qwen3-Omni"}]}), json!({})),
        ),
        line(
            "by_deployment",
            &[],
            &["full_model"],
            &args(json!({}), json!({"deploy": "qwen3_omni_async_chunk"})),
        ),
        line(
            "tools",
            &["requires"],
            &[],
            &args(
                json!({"requires": [{"capability": ["tools", "logprobs"]}]}),
                json!({"deploy": "vllm"}),
            ),
        ),
        line(
            "drawn",
            &["features"],
            &["full_model"],
            &args(
                json!({"features": [{"cache": true, "offload": false}]}),
                json!({"deploy": "vllm"}),
            ),
        ),
    ];
    let matrix = coverage(&suite(&cases, &v), &v);
    let gaps: Vec<String> = matrix.gaps.iter().map(|gap| gap.text()).collect();
    assert_eq!(
        gaps,
        [
            "model `qwen3_omni` has priority high and no test at `slow`",
            "model `tiny` has priority low and no test at `full_model`",
            "feature `tools` has priority medium and no test at `full_model`",
        ]
    );
    let row = |name: &str| matrix.rows.iter().find(|row| row.name == name);
    let counts: Vec<usize> = row("qwen3_omni")
        .unwrap()
        .tests
        .iter()
        .map(BTreeSet::len)
        .collect();
    assert_eq!(counts, [1, 1, 1, 0]);
    assert!(
        row("cache").is_some() && row("offload").is_none(),
        "a feature that is switched off is none"
    );
    assert_eq!(row("tts").unwrap().kind, "domain");
    assert_eq!(row("tiny").unwrap().priority.as_deref(), Some("low"));
    let text = matrix.text();
    assert!(
        text.contains("priority high") && text.contains("gap: model `tiny`"),
        "{text}"
    );
    assert_eq!(matrix.json()["gaps"][0]["levels"], json!(["slow"]));
}

#[test]
fn a_priority_that_is_not_declared_is_a_mistake() {
    for (text, said) in [
        ("[models.a]\npriority = \"hihg\"", "did you mean `high`?"),
        ("[models.a]\ndoc = \"x\"", "has no `priority`"),
        (
            "[priorities.high]\nlevels = [\"core\"]",
            "`core` is no level",
        ),
        (
            "[features.a]\npriority = \"low\"\nlevel = 1",
            "feature has no key `level`",
        ),
        ("[changes]\nalways = \"e2e and\"", "always"),
        ("[changes]\nalways = \"no_such\"", "no_such"),
        ("[queues.a]\ndevice = \"H10\"", "did you mean `H100`?"),
        ("[queues.a]\ncount = 0", "from 1 up"),
        (
            "[stages.weekly.triggers]\ncron = [\"hourly\"]",
            "no line of cron",
        ),
        (
            "[stages.weekly.triggers]\nbranch = [\"x\"]",
            "did you mean `branches`?",
        ),
        ("[stages.weekly.steps.cpu]\nshards = 1000", "at most 256"),
    ] {
        let mistakes = Vocabulary::parse(text, "markers.toml")
            .unwrap_err()
            .to_string();
        assert!(mistakes.contains(said), "{text}\n{mistakes}");
    }
}

/// Kind, name and level of everything that the lines of a list say they test: what the lists' own text says, by none of the code under test.
fn cells(lines: &[&Value]) -> BTreeSet<(String, String, String)> {
    let v = Vocabulary::shipped();
    let topics = ["component", "infrastructure", "domain"];
    let mut out = BTreeSet::new();
    for event in lines {
        let ours = &event["harness"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut levels: Vec<String> = ours["levels"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        if levels.is_empty() {
            levels.push("core_model".into());
        }
        let mut subjects = vec![];
        for marker in ours["markers"].as_array().unwrap().iter().map(text) {
            let category = v.marker(&marker).and_then(|m| m.category()).unwrap_or("");
            if topics.contains(&category) {
                subjects.push((category.to_owned(), marker));
            }
        }
        for one in ours["arguments"]["requires"]
            .as_array()
            .into_iter()
            .flatten()
        {
            for key in ["capability", "server_feature"] {
                let value = &one[key];
                let several = value.as_array().into_iter().flatten().map(text);
                subjects.extend(
                    several
                        .chain(value.as_str().map(str::to_owned))
                        .map(|name| ("feature".to_owned(), name)),
                );
            }
        }
        for one in ours["arguments"]["features"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let on = one
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, on)| **on == json!(true));
            subjects.extend(on.map(|(name, _)| ("feature".to_owned(), name.clone())));
        }
        for one in ours["arguments"]["model"].as_array().into_iter().flatten() {
            subjects.push(("model".to_owned(), text(&one["id"])));
        }
        if let Some(deployment) = ours["params"]["deploy"].as_str() {
            subjects.push(("deployment".to_owned(), deployment.to_owned()));
        }
        for (kind, name) in subjects {
            out.extend(
                levels
                    .iter()
                    .map(|level| (kind.clone(), name.clone(), level.clone())),
            );
        }
    }
    out
}

#[test]
fn removing_a_shipped_test_names_what_is_no_longer_covered() {
    let v = Vocabulary::shipped();
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let lines = SUITES
        .lines()
        .filter(|line| line.contains("\"discovered\""));
    let lines: Vec<(&str, Value)> = lines.map(|line| (line, read(line))).collect();
    let test = |event: &Value| event["harness"]["test"].as_str().unwrap().to_owned();
    let without = |name: &str| -> Vec<&(&str, Value)> {
        lines
            .iter()
            .filter(|(_, event)| test(event) != name)
            .collect()
    };
    let cells_of =
        |lines: &[&(&str, Value)]| cells(&lines.iter().map(|(_, event)| event).collect::<Vec<_>>());
    let before = Suite::parse(SUITES, v).unwrap();
    let names: BTreeSet<String> = lines.iter().map(|(_, event)| test(event)).collect();
    let everything = cells_of(&lines.iter().collect::<Vec<_>>());
    // Twenty of those that alone cover something, and ten others.
    let (unique, others): (Vec<&String>, Vec<&String>) = names
        .iter()
        .partition(|name| cells_of(&without(name)) != everything);
    assert!(
        unique.len() >= 20,
        "only {} tests cover something alone",
        unique.len()
    );
    let spread = unique.iter().step_by(unique.len() / 20).take(20);
    for name in spread.chain(others.iter().step_by(7).take(10)) {
        let rest = without(name);
        let text: Vec<&str> = rest.iter().map(|(line, _)| *line).collect();
        let after = Suite::parse(&text.join("\n"), v).unwrap();
        let gone = lost(&before, &after, v);
        assert_eq!(gone.tests, [(*name).clone()]);
        let expected: BTreeSet<_> = everything.difference(&cells_of(&rest)).cloned().collect();
        assert_eq!(
            gone.cells.iter().cloned().collect::<BTreeSet<_>>(),
            expected,
            "{name}"
        );
        assert_eq!(gone.cells.len(), expected.len(), "each once");
    }
    assert!(lost(&before, &before, v).is_empty());
}

#[test]
fn files_that_no_test_declares() {
    let v = Vocabulary::shipped();
    let depends = |paths: Value| json!({"arguments": {"depends_on": [{"paths": paths}]}});
    let suite = suite(
        &[
            line(
                "a",
                &["depends_on"],
                &[],
                &depends(json!(["src/api", "src/**/*.cu"])),
            ),
            line("b", &["unit"], &[], &json!({})),
        ],
        v,
    );
    let files: Vec<String> = ["src/api/x.rs", "src/deep/k.cu", "src/lib.rs"]
        .map(str::to_owned)
        .into();
    assert_eq!(undeclared(&suite, v, &files), ["src/lib.rs"]);
}
