//! `cargo tribunal stages`, `coverage` and `pipeline`, run as people and CI run them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(folder: &Path, line: &str) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", folder.join("bin").display()))
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.invalid",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git is here");
    assert!(done.status.success(), "{}", err(&done));
}

fn line(name: &str, markers: &[&str], levels: &[&str], arguments: Value) -> String {
    let ours = json!({
        "test": name, "markers": markers, "levels": levels, "arguments": arguments, "needs": {"devices": [], "max_vram_gib": null}, "params": {},
    });
    json!({"type": "test", "event": "discovered", "name": name, "source_path": "a.rs", "start_line": 1, "harness": ours}).to_string()
}

/// A repository with a markers.toml, two catalogs, a program that lists the first, and one that takes pipelines.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "markers.toml",
        "extends = \"none\"\n[levels]\nlow = { doc = \"l\" }\n[categories.kind]\ndoc = \"k\"\n[categories.kind.markers]\nunit = \"u\"\ne2e = \"e\"\n\
         [categories.kind.markers.depends_on]\ndoc = \"d\"\nargs = { paths = { type = \"texts\", required = true } }\n\
         [stages.smoke]\ndoc = \"s\"\nlevel = \"low\"\nselect = \"unit or e2e\"\ntriggers = { pull_request = true }\n\
         [stages.smoke.steps.unit]\nselect = \"unit\"\nqueue = \"cpu\"\n[stages.smoke.steps.e2e]\nselect = \"e2e\"\nqueue = \"cpu\"\n\
         [queues.cpu]\n[priorities.high]\nlevels = [\"low\"]\n[models.tiny]\npriority = \"high\"\n",
    );
    let unit = line(
        "unit_test",
        &["unit", "depends_on"],
        &["low"],
        json!({"depends_on": [{"paths": "src/a"}]}),
    );
    let e2e = line(
        "e2e_test",
        &["e2e", "depends_on"],
        &["low"],
        json!({"depends_on": [{"paths": ["src/b"]}]}),
    );
    write("list.jsonl", &format!("{unit}\n{e2e}\n"));
    let both = line("both", &["unit", "e2e"], &[], json!({}));
    let none = line("none", &[], &[], json!({}));
    write("bad.jsonl", &format!("{unit}\n{both}\n{none}\n"));
    let programs = [
        // Lists by stage, as the harness would, but for what is said to be wrong.
        (
            "bin/tests",
            "#!/bin/sh\ncase \"$*\" in\n*smoke.unit*) grep unit_test list.jsonl ;;\n*smoke.e2e*) [ -e wrong ] || grep e2e_test list.jsonl; echo '{\"event\":\"discovery\"}' ;;\n*) cat list.jsonl ;;\nesac\n",
        ),
        (
            "bin/buildkite-agent",
            "#!/bin/sh\necho \"$@\" > agent-arguments\ncat > agent-pipeline\n[ ! -e refuse ]\n",
        ),
    ];
    for (name, text) in programs {
        write(name, text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.join(name), mode).unwrap();
    }
    write("src/a/x.rs", "");
    write("src/b/x.rs", "");
    write("src/c.rs", "");
    git(root, &["init", "-q", "-b", "main"]);
    git(root, &["add", "-A"]);
    git(root, &["commit", "-qm", "one"]);
    git(root, &["checkout", "-qb", "side"]);
    write("src/a/x.rs", "changed");
    git(root, &["commit", "-qam", "two"]);
    folder
}

#[test]
fn stages_are_audited_and_compared_with_what_the_program_lists() {
    let folder = project();
    let root = folder.path();
    let good = run(root, "stages --binary bin/tests --verify");
    assert_eq!(good.status.code(), Some(0), "{}", err(&good));
    assert!(out(&good).contains("2 cases: every step's tests are its own"));
    assert!(out(&good).contains("lists the same for every stage and step"));
    let log = [
        json!({"event": "run_started", "schema": 1, "at": 1.0, "run": "20260102-030405.678-1"}),
        json!({"event": "case", "case": 0, "name": "unit_test"}),
        json!({"event": "case_started", "at": 1.0, "case": 0, "attempt": 1}),
        json!({"event": "case_ended", "at": 2.0, "case": 0, "attempt": 1, "outcome": "passed", "times": {"set_up": 1.0, "body": 90.0, "teardown": 0.0}}),
    ];
    let log: Vec<String> = log.iter().map(Value::to_string).collect();
    std::fs::write(root.join("events.jsonl"), log.join("\n") + "\n").unwrap();
    let timed = run(root, "stages --catalog list.jsonl --run events.jsonl");
    assert!(
        out(&timed).contains("1m31s one after the other, of 1 recorded; 1 not recorded"),
        "{}{}",
        out(&timed),
        err(&timed)
    );
    let log = tribunal_events::RunLog::parse(
        &std::fs::read_to_string(root.join("events.jsonl")).unwrap(),
        root,
    )
    .unwrap();
    tribunal_history::History::open(root.join("past"))
        .add(&log)
        .unwrap();
    for (line, told) in [
        (
            "stages --catalog list.jsonl --history-dir past",
            "1m31s one after the other, of 1 recorded",
        ),
        (
            "stages --catalog list.jsonl --history-dir none",
            "no recorded times",
        ),
    ] {
        let asked = run(root, line);
        assert!(
            out(&asked).contains(told),
            "{line}: {}{}",
            out(&asked),
            err(&asked)
        );
    }
    std::fs::write(root.join("wrong"), "").unwrap();
    let wrong = run(root, "stages --binary bin/tests --verify");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(err(&wrong).contains("--stage smoke.e2e does not list `e2e_test`, and should"));
    let bad = run(root, "stages --catalog bad.jsonl --format json");
    assert_eq!(bad.status.code(), Some(1));
    let json: Value = serde_json::from_str(&out(&bad)).unwrap();
    assert_eq!(json["in_no_stage"], json!(["none"]));
    assert_eq!(
        json["stages"][0]["in_several_steps"],
        json!([{"name": "both", "steps": ["unit", "e2e"]}])
    );
    for (line, said) in [
        ("stages --catalog nowhere", "`nowhere`"),
        ("stages --catalog markers.toml", "no list of tests"),
        ("stages --catalog list.jsonl --verify", "names none"),
        ("stages --binary /bin/false", "lists its tests"),
        ("stages --formt json", "did you mean `--format`?"),
    ] {
        let output = run(root, line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(err(&output).contains(said), "{line}: {}", err(&output));
    }
}

#[test]
fn gaps_losses_and_files_without_tests_are_listed() {
    let folder = project();
    let root = folder.path();
    let gaps = run(root, "coverage --catalog list.jsonl --source src");
    assert_eq!(gaps.status.code(), Some(1));
    let told = out(&gaps);
    assert!(
        told.contains("gap: model `tiny` has priority high and no test at `low`"),
        "{told}"
    );
    assert!(
        told.contains("no test depends on: src/c.rs\n1 without a test"),
        "{told}"
    );
    let lost = run(
        root,
        "coverage --catalog bad.jsonl --against list.jsonl --format json",
    );
    let json: Value = serde_json::from_str(&out(&lost)).unwrap();
    assert_eq!(json["lost"]["tests"], json!(["e2e_test"]));
    assert_eq!(json["undeclared"], Value::Null);
}

#[test]
fn pipelines_are_printed_filtered_and_uploaded() {
    let folder = project();
    let root = folder.path();
    let all = run(root, "pipeline github --catalog list.jsonl");
    assert_eq!(all.status.code(), Some(0), "{}", err(&all));
    assert!(
        out(&all).contains("cargo test -- --stage smoke.unit") && out(&all).contains("smoke.e2e")
    );
    let some = run(
        root,
        "pipeline buildkite --catalog list.jsonl --changed-since main --upload",
    );
    assert_eq!(some.status.code(), Some(0), "{}", err(&some));
    assert_eq!(out(&some), "", "the agent has it");
    assert!(
        err(&some).contains("left out: smoke.e2e: nothing that its 1 case depends on changed"),
        "{}",
        err(&some)
    );
    let sent = std::fs::read_to_string(root.join("agent-pipeline")).unwrap();
    assert!(
        sent.contains("cargo test -- --stage smoke.unit --changed-since main"),
        "{sent}"
    );
    assert!(!sent.contains("--stage smoke.e2e"), "{sent}");
    let arguments = std::fs::read_to_string(root.join("agent-arguments")).unwrap();
    assert_eq!(arguments, "pipeline upload\n");
    // What git cannot say keeps every step.
    let unknown = run(
        root,
        "pipeline buildkite --catalog list.jsonl --changed-since nowhere",
    );
    assert!(
        out(&unknown).contains("--stage smoke.e2e"),
        "{}",
        err(&unknown)
    );
    assert!(err(&unknown).contains("git knows no commit `nowhere`"));
    std::fs::write(root.join("refuse"), "").unwrap();
    let refused = run(root, "pipeline buildkite --no-catalog --upload");
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("buildkite-agent ended with"));

    let hand_made = "steps:\n- label: a\n  command: x\n  source_file_dependencies: [src/a]\n- label: b\n  command: y\n  source_file_dependencies: [src/b]\n";
    std::fs::write(root.join("pipeline.yml"), hand_made).unwrap();
    let filtered = run(root, "pipeline filter pipeline.yml --changed-since main");
    assert_eq!(filtered.status.code(), Some(0), "{}", err(&filtered));
    assert!(out(&filtered).contains("\"a\"") && !out(&filtered).contains("\"b\""));
    assert!(err(&filtered).contains("left out: b: nothing changed below `src/b`"));
    let kept = run(
        root,
        "pipeline filter pipeline.yml --changed-since main --all",
    );
    assert!(out(&kept).contains("\"b\"") && !out(&kept).contains("source_file"));
}
