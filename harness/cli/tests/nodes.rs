//! `cargo tribunal nodes`, run as people and scripts run it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .arg("nodes")
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .env_remove("TRIBUNAL_DATA")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const REFERENCE: &str = "fixtures/nodes/qwen3-235b-disaggregated.yaml";

#[test]
fn the_shipped_files_are_good() {
    let output = run(&[
        "check",
        REFERENCE,
        "fixtures/nodes/two-prefillers-one-decoder.yaml",
        "fixtures/nodes/external-data-parallel.yaml",
        "fixtures/nodes/one-node.yaml",
    ]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        told.starts_with(&format!(
            "{REFERENCE}: nothing is wrong: multi-node; 2 nodes, 2 processes\n"
        )),
        "{told}"
    );
    assert!(
        told.contains("line 78: node 1 is called headless"),
        "{told}"
    );
    assert!(
        told.contains("external data parallel; 2 nodes, 6 processes"),
        "{told}"
    );
    assert!(
        told.contains("single node; 3 cases, 3 nodes, 5 processes"),
        "{told}"
    );
}

#[test]
fn show_has_every_process_with_its_command() {
    let output = run(&["show", "fixtures/nodes/one-node.yaml"]);
    let told = text(&output.stdout);
    assert!(
        told.contains("server, port ${SERVER_PORT} (free)\n"),
        "{told}"
    );
    assert!(
        told.contains("$ vllm serve Qwen/Qwen3-0.6B --port 8081\n"),
        "{told}"
    );
    let output = run(&["show", REFERENCE, "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], 1);
    let second = &json["files"][0]["layouts"][0]["nodes"][1];
    assert_eq!(second["role"], "decode");
    assert_eq!(second["processes"][0]["port"], 8004);
    assert_eq!(second["processes"][0]["env"]["OMP_PROC_BIND"], "false");
    assert_eq!(second["processes"][0]["env"]["LOCAL_IP"], "${LOCAL_IP}");
}

#[test]
fn a_mistake_is_exit_code_2_with_its_place_and_secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.yaml");
    let bad = folder.path().join("bad.yaml");
    let file = |env: &str| {
        format!(
            "model: m\nnum_nodes: 1\nnpu_per_node: 1\nenv_common:\n  {env}\ndeployment: [{{server_cmd: serve --key=$HF_TOKEN}}]\n"
        )
    };
    std::fs::write(&good, file("HF_TOKEN: hf_abcdefgh")).unwrap();
    std::fs::write(&bad, file("HF_TOKEN: $HOEM")).unwrap();
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let output = run(&["show", good]);
    let told = text(&output.stdout);
    assert!(
        told.contains("HF_TOKEN=***")
            && told.contains("--key=***")
            && !told.contains("hf_abcdefgh"),
        "{told}"
    );
    let output = run(&["check", bad, good]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains(&format!("{bad}:5:13")), "{told}");
    assert!(text(&output.stdout).starts_with(good));
    let output = run(&["check", bad, "--format", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["problems"][0]["line"], 5);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_command_line_is_checked() {
    for (arguments, want) in [
        (
            &["chekc", "x"][..],
            "did you mean `cargo tribunal nodes check`?",
        ),
        (&["check"], "`nodes check` wants files"),
        (
            &["show", "x", "--formt", "json"],
            "did you mean `--format`?",
        ),
        (&[], "`nodes` wants one of: check, show"),
        (
            &["check", "no-such-file.yaml"],
            "`no-such-file.yaml` cannot be read",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = text(&output.stderr);
        assert!(told.contains(want), "{arguments:?}: {told}");
    }
}
