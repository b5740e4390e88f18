//! `cargo tribunal deploy`, run as people and scripts run it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .arg("deploy")
        .args(arguments)
        .current_dir(folder)
        .env("TRIBUNAL_TEST_SECRET", "s3cret")
        .env_remove("TRIBUNAL_GGUF")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deploy")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "deploy/mine.toml",
        "doc = \"Ours. And more.\"\ncommand = [\"no-such-program\", [\"--len\", \"{len}\"], \"--api-key\", \"${TRIBUNAL_TEST_SECRET}\"]\nparams = { len = 3 }\n[requires]\nprogram = [\"no-such-program\"]\nhint = \"install it\"\n[level.core_model.params]\nlen = 1\n",
    );
    write("deploy/wrong.toml", "comand = [\"x\"]\nprot = 1\n");
    folder
}

#[test]
fn show_in_both_forms() {
    let folder = project();
    let output = run(folder.path(), &["show", "mine", "--level", "core_model"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        shown.starts_with("mine\n  Ours. And more.\nlevel      core_model\n"),
        "{shown}"
    );
    assert!(
        shown.contains("--len 1\n") && shown.contains("--api-key ***\n"),
        "{shown}"
    );
    assert!(
        shown.contains("missing    program `no-such-program` is not on PATH: install it\n"),
        "{shown}"
    );
    assert!(!shown.contains("s3cret"), "{shown}");

    let output = run(
        folder.path(),
        &["show", "mine", "--set", "len=9", "--format", "json"],
    );
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["schema"], 2);
    assert_eq!(
        value["command"]["args"],
        serde_json::json!(["--len", "9", "--api-key", "***"])
    );
    assert_eq!(value["missing"].as_array().unwrap().len(), 1);
    assert!(!text(&output.stdout).contains("s3cret"));
}

#[test]
fn list_names_what_is_here_and_what_is_shipped() {
    let folder = project();
    let listed = text(&run(folder.path(), &["list"]).stdout);
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("mine ") && line.contains("  Ours.  (deploy/mine.toml)")),
        "{listed}"
    );
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("vllm ") && line.ends_with("(shipped)")),
        "{listed}"
    );
    let value: Value =
        serde_json::from_slice(&run(folder.path(), &["list", "--format", "json"]).stdout).unwrap();
    let names: Vec<&str> = value["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"mine") && names.contains(&"embedded"),
        "{names:?}"
    );
}

#[test]
fn check_finds_every_mistake() {
    let folder = project();
    let output = run(
        folder.path(),
        &["check", "deploy/wrong.toml", "deploy/mine.toml"],
    );
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for want in [
        "deploy/wrong.toml:1:1",
        "did you mean `command`?",
        "deploy/wrong.toml:2:1",
        "3 mistakes",
    ] {
        assert!(said.contains(want), "{want}: {said}");
    }
    assert_eq!(
        run(folder.path(), &["check", "mine"]).status.code(),
        Some(0)
    );
    // All that can be named: the wrong one is among them.
    assert_eq!(run(folder.path(), &["check"]).status.code(), Some(2));
}

#[test]
fn mistakes_of_the_command_line() {
    let folder = project();
    for (arguments, want) in [
        (&["show"][..], "takes one deployment, got 0"),
        (&["show", "mine", "mine"], "takes one deployment, got 2"),
        (
            &["shwo", "mine"],
            "did you mean `cargo tribunal deploy show`?",
        ),
        (&["show", "mien"], "did you mean `mine`?"),
        (&["show", "mine", "--levle", "x"], "did you mean `--level`?"),
        (
            &["show", "mine", "--level", "core_modle"],
            "did you mean `core_model`?",
        ),
        (
            &["show", "mine", "--platform", "cude"],
            "did you mean `cuda`?",
        ),
        (&["show", "mine", "--set", "lne=3"], "did you mean `len`?"),
        (
            &["show", "mine", "--format", "yaml"],
            "there are: text, json",
        ),
        (
            &["list", "--level", "core_model"],
            "`deploy list` has no flag `--level`",
        ),
        (&["list", "mine"], "takes no argument"),
        (&[], "wants one of: show, list, check"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(want), "{arguments:?}: {said}");
    }
}
