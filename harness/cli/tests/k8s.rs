//! `cargo tribunal k8s`, run as people and scripts run it, without a cluster.

use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .arg("k8s")
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .env_remove("TRIBUNAL_DATA")
        .env("KUBECONFIG", "/nowhere/at/all")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const FILE: &str = "fixtures/nodes/qwen3-235b-disaggregated.yaml";
const SETTINGS: &str = "fixtures/kubernetes/ascend-a3.toml";

#[test]
fn render_prints_the_same_manifest_each_time_and_notes_beside_it() {
    let output = run(&["render", FILE, "--settings", SETTINGS]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let first = text(&output.stdout);
    assert!(first.contains("kind: \"LeaderWorkerSet\""), "{first}");
    assert_eq!(
        first,
        text(&run(&["render", FILE, "--settings", SETTINGS]).stdout)
    );
    let named = text(
        &run(&[
            "render",
            FILE,
            "--settings",
            SETTINGS,
            "--run",
            "abc123",
            "--namespace",
            "mine",
        ])
        .stdout,
    );
    assert!(
        named.contains("name: \"qwen3-235b-disaggregated-abc123\"")
            && named.contains("namespace: \"mine\""),
        "{named}"
    );

    let like = run(&[
        "render",
        FILE,
        "--like",
        "fixtures/kubernetes/reference-lws.yaml",
    ]);
    assert!(text(&like.stdout).contains("m.daocloud.io/quay.io/ascend/cann"));
    let told = text(&like.stderr);
    assert!(
        told.contains("note: the restart policy RecreateGroupOnPodRestart is not followed"),
        "{told}"
    );
}

#[test]
fn shards_are_a_job() {
    let output = run(&[
        "render",
        "--shards",
        "4",
        "--name",
        "nightly",
        "--settings",
        SETTINGS,
    ]);
    let told = text(&output.stdout);
    assert!(
        told.contains("kind: \"Job\"")
            && told.contains("completions: 4")
            && told.contains("name: \"nightly-"),
        "{told}"
    );
}

#[test]
fn mistakes_are_exit_code_2_and_say_what_would_be_right() {
    for (arguments, want) in [
        (
            &["rendr", FILE][..],
            "did you mean `cargo tribunal k8s render`?",
        ),
        (&[], "wants one of: render, run, status"),
        (&["render"], "wants a file of nodes, or --shards N"),
        (&["render", FILE, "--shards", "2"], "not both"),
        (&["render", FILE], "nothing says which image to run"),
        (
            &["render", FILE, "--setings", "x"],
            "did you mean `--settings`?",
        ),
        (
            &["render", "/nowhere.yaml", "--settings", SETTINGS],
            "`/nowhere.yaml` cannot be read",
        ),
        (
            &["render", FILE, "--settings", "/nowhere.toml"],
            "`/nowhere.toml` cannot be read",
        ),
        (
            &["render", "--shards", "0", "--settings", SETTINGS],
            "0 shards: from 1 to 1000",
        ),
        (
            &["render", "--shards", "x", "--settings", SETTINGS],
            "--shards takes a whole number",
        ),
        (
            &["render", FILE, "--settings", SETTINGS, "--run", "../x"],
            "names no run",
        ),
        (&["delete"], "wants --run ID"),
        (&["delete", FILE, "--run", "abc123"], "takes no file"),
        (&["render", FILE, FILE], "takes one file"),
    ] {
        let output = run(arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(want), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
#[cfg(not(feature = "kubernetes"))]
fn without_the_feature_the_other_verbs_say_how_to_get_it() {
    for word in ["run", "status", "logs", "collect", "delete"] {
        let mut arguments = vec![word];
        match word {
            "run" => arguments.extend([FILE, "--settings", SETTINGS]),
            _ => arguments.extend(["--run", "abc123"]),
        }
        let output = run(&arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("--features kubernetes"), "{told}");
    }
}

#[test]
#[cfg(feature = "kubernetes")]
fn without_a_cluster_it_says_what_to_set() {
    let output = run(&["run", FILE, "--settings", SETTINGS]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("no cluster is configured") && told.contains("KUBECONFIG"),
        "{told}"
    );
}
