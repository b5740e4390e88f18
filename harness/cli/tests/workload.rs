//! `cargo tribunal workload`, run as people and scripts run it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .arg("workload")
        .args(arguments)
        .current_dir(folder)
        .env_remove("TRIBUNAL_DATA")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "good.json",
        "[{\"test_name\": \"t\", \"server_params\": {\"model\": \"m\"}, \"benchmark_params\": [\n{\"num_prompts\": 4, \"max_concurrency\": [1, 2], \"extra_body\": {\"a\": \"b c\"}, \"baseline\": {\"mean_ttft_ms\": [5, 6]}},\n{\"dataset_name\": \"hf\", \"dataset_path\": \"a/b\", \"num_prompts\": 1}]}]",
    );
    write(
        "bad.json",
        "{\"test_name\": \"t\",\n\"server_params\": {}, \"benchmark_params\": [{\"num_promts\": 1}]}",
    );
    write("worse.toml", "[[case]]\nname = 1\n");
    write("set.jsonl", "{\"prompt\": \"1+1?\"}\n");
    folder
}

#[test]
fn check_tells_what_is_wrong_in_all_files_and_what_cannot_be_run() {
    let folder = project();
    let output = run(folder.path(), &["check", "good.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(
        told.starts_with("good.json: nothing is wrong: 1 case, 3 steps\n"),
        "{told}"
    );
    assert!(
        told.contains("t_hf_all cannot be run here: the data set `hf` is not here"),
        "{told}"
    );
    assert!(
        told.contains("help: say where it lies: --data a/b=FILE.jsonl"),
        "{told}"
    );

    let output = run(
        folder.path(),
        &["check", "bad.json", "good.json", "worse.toml"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).starts_with("good.json: nothing is wrong"));
    let told = text(&output.stderr);
    for part in [
        "bad.json:2:43",
        "did you mean `num_prompts`?",
        "worse.toml:2:8",
        "`name` must be text",
        "3 mistakes",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_data_set_that_is_mapped_can_be_run() {
    let folder = project();
    let output = run(
        folder.path(),
        &["check", "good.json", "--data", "a/b=set.jsonl"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        !text(&output.stdout).contains("cannot be run"),
        "{}",
        text(&output.stdout)
    );
    let output = run(
        folder.path(),
        &["check", "good.json", "--data", "a/b=none.jsonl"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("`none.jsonl` is no file"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn show_in_all_forms() {
    let folder = project();
    let told = text(&run(folder.path(), &["show", "good.json"]).stdout);
    for part in [
        "model     m",
        "t_random_c2  [t-random]",
        "performance, /v1/chat/completions streamed; 4 requests, as fast as they may, at most 2 at once, 2 warm-ups, seed 0",
        "random text, 1024 tokens in and 128 out",
        "mean_ttft_ms < 6",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = text(&run(folder.path(), &["show", "good.json", "--vllm-bench"]).stdout);
    assert!(
        told.contains("# t_random_c1\nvllm bench serve --omni "),
        "{told}"
    );
    assert!(
        told.contains("--extra-body '{\"a\":\"b c\"}' --num-prompts 4 --max-concurrency 1 "),
        "{told}"
    );

    let output = run(
        folder.path(),
        &["show", "good.json", "--format", "json", "--vllm-bench"],
    );
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let step = &value["files"][0]["cases"][0]["steps"][1];
    assert_eq!(value["schema"], 1);
    assert_eq!(step["name"], "t_random_c2");
    assert_eq!(step["thresholds"][0]["value"], 6.0);
    assert_eq!(step["vllm_bench"][0], "vllm");
    assert_eq!(step["refused"], Value::Null);
}

#[test]
fn mistakes_for_programs() {
    let folder = project();
    let output = run(folder.path(), &["check", "bad.json", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &value["problems"][0];
    assert_eq!(
        (problem["file"].as_str(), problem["line"].as_u64()),
        (Some("bad.json"), Some(2))
    );
    assert!(
        value["problems"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["help"] == "did you mean `num_prompts`?"),
        "{value}"
    );
}

#[test]
fn a_wrong_command_line_is_answered() {
    let folder = project();
    for (arguments, expected) in [
        (
            &["chek", "good.json"][..],
            "did you mean `cargo tribunal workload check`?",
        ),
        (&["check"][..], "`workload check` wants files"),
        (&["show", "a", "b"][..], "takes one file, got 2"),
        (
            &["check", "good.json", "--vllm-bench"][..],
            "has no flag `--vllm-bench`",
        ),
        (
            &["check", "good.json", "--dat", "x"][..],
            "did you mean `--data`?",
        ),
        (
            &["check", "good.json", "--format", "xml"][..],
            "`xml` is no format",
        ),
        (&["check", "no.json"][..], "`no.json` cannot be read"),
        (&["check", "Cargo.lock"][..], "cannot be read"),
        (&[][..], "wants one of: check, show"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = text(&output.stderr);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}
