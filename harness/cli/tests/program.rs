//! The real program, run as people, scripts and cargo run it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"));
    // Whatever the machine has set must not decide a test.
    for name in [
        "NO_COLOR",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_HOME",
        "HF_TOKEN_PATH",
        "HF_HUB_CACHE",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == id)
        .expect("an id that exists")
}

#[test]
fn doctor_in_json_without_devices() {
    let output = run(&["doctor", "--json", "--no-devices"]);
    let report = json(&output);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        (&report["schema"], &report["program"]),
        (&Value::from(1), &Value::from("cargo-tribunal"))
    );
    assert!(report["devices"].is_null());
    assert_eq!(finding(&report, "devices")["state"], "not_made");
    // The tests were built by a toolchain that is found and new enough.
    assert_eq!(
        finding(&report, "toolchain.cargo")["state"],
        "ok",
        "{report}"
    );
    assert_eq!(
        finding(&report, "network.loopback")["state"],
        "ok",
        "{report}"
    );
    let findings = report["findings"].as_array().unwrap();
    let states = ["ok", "warn", "fail", "not_made"];
    for (name, count) in states.map(|state| {
        (
            state,
            findings
                .iter()
                .filter(|finding| finding["state"] == state)
                .count(),
        )
    }) {
        assert_eq!(report["summary"][name], count, "{name}");
    }
    for finding in findings {
        assert_eq!(
            finding["remedy"].is_null(),
            finding["state"] == "ok",
            "{finding}"
        );
    }
    let failed = report["summary"]["fail"] != 0;
    assert_eq!(output.status.code(), Some(i32::from(failed)));
}

#[test]
fn devices_are_looked_for_unless_told_otherwise() {
    let report = json(&run(&["doctor", "--json"]));
    assert!(report["devices"].is_array());
    assert_ne!(finding(&report, "devices")["state"], "not_made");
}

#[test]
fn doctor_as_text_is_plain_and_aligned_when_nobody_looks_at_a_terminal() {
    let shown = text(&run(&["tribunal", "doctor", "--no-devices"]).stdout);
    assert!(
        shown.starts_with("Tribunal doctor: what works on this machine\n\nToolchain\n  ok "),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert!(shown.contains("  not made accelerators "), "{shown}");
    assert!(
        shown.lines().last().unwrap().contains("1 not made"),
        "{shown}"
    );
    // Every remedy begins below the text of its finding, and all of them in one column.
    let lines: Vec<&str> = shown.lines().collect();
    let remedies = lines
        .windows(2)
        .filter_map(|pair| Some((pair[0], pair[1].find("-> ")?)));
    let mut columns: Vec<usize> = remedies
        .map(|(finding, column)| {
            let edge = &finding[column - 1..=column];
            assert!(edge.starts_with(' ') && !edge.ends_with(' '), "{finding}");
            column
        })
        .collect();
    columns.dedup();
    assert_eq!(columns.len(), 1, "{shown}");
}

#[test]
fn a_machine_without_rust_fails_and_says_how_to_get_it() {
    let empty = tempfile::tempdir().unwrap();
    let output = program()
        .args(["doctor", "--no-devices", "--json"])
        .env_clear()
        .env("PATH", empty.path())
        .env("HOME", empty.path())
        .current_dir(empty.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    for id in ["toolchain.cargo", "toolchain.rustc"] {
        let finding = finding(&report, id);
        assert_eq!(finding["state"], "fail");
        assert!(
            finding["remedy"].as_str().unwrap().contains("rustup.rs"),
            "{finding}"
        );
    }
    for id in [
        "toolchain.nextest",
        "program.python",
        "hub.token",
        "hub.models",
    ] {
        assert_eq!(finding(&report, id)["state"], "warn", "{id}");
    }
    let models = finding(&report, "hub.models")["found"]
        .as_str()
        .unwrap()
        .to_string();
    let expected = empty.path().join(".cache/huggingface/hub");
    assert!(models.contains(expected.to_str().unwrap()), "{models}");
    assert_eq!(
        std::fs::read_dir(empty.path()).unwrap().count(),
        0,
        "the doctor changed something"
    );
}

#[test]
fn no_value_of_a_token_is_printed_and_its_place_is() {
    let home = tempfile::tempdir().unwrap();
    let secret = "hf_tHiSiSaSeCrEt";
    let doctor = |arguments: &[&str], variable: Option<&str>| {
        let mut command = program();
        command
            .args(["doctor", "--no-devices"])
            .args(arguments)
            .env("HF_HOME", home.path());
        variable.map(|value| command.env("HF_TOKEN", value));
        text(&command.output().unwrap().stdout)
    };
    let by_variable = doctor(&[], Some(secret));
    assert!(
        by_variable.contains("HF_TOKEN is set\n") && !by_variable.contains(secret),
        "{by_variable}"
    );
    assert!(doctor(&[], Some("")).contains("HF_TOKEN is set to nothing"));
    std::fs::write(home.path().join("token"), secret).unwrap();
    std::fs::create_dir_all(home.path().join("hub/models--a--b")).unwrap();
    for arguments in [&[][..], &["--json"][..]] {
        let by_file = doctor(arguments, None);
        let place = home.path().join("token");
        assert!(
            by_file.contains(place.to_str().unwrap()) && !by_file.contains(secret),
            "{by_file}"
        );
        assert!(
            by_file.contains(&format!("1 in {}", home.path().join("hub").display())),
            "{by_file}"
        );
    }
}

#[test]
fn the_disk_is_that_of_the_workspace_and_may_not_exist_yet() {
    let workspace = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(workspace.path().join("a/b")).unwrap();
    std::fs::write(workspace.path().join("Cargo.lock"), "").unwrap();
    let at = |folder: &Path, target: Option<&str>| {
        let mut command = program();
        command
            .args(["doctor", "--no-devices", "--json"])
            .current_dir(folder)
            .env_remove("CARGO_TARGET_DIR");
        target.map(|target| command.env("CARGO_TARGET_DIR", target));
        finding(&json(&command.output().unwrap()), "disk.target")["found"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let root = workspace.path().canonicalize().unwrap();
    let inside = root.join("a/b");
    assert!(at(&inside, None).ends_with(&format!("at {}", root.join("target").display())));
    assert!(at(&inside, Some("out")).ends_with(&format!("at {}", inside.join("out").display())));
    // A workspace inside the workspace builds for itself.
    std::fs::write(root.join("a/Cargo.lock"), "").unwrap();
    assert!(at(&inside, None).ends_with(&format!("at {}", root.join("a/target").display())));
}

#[test]
fn help_is_printed_and_is_no_mistake() {
    for arguments in [&["--help"][..], &["tribunal", "--help"], &["help"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            text(&output.stdout).contains("Usage: cargo tribunal <VERB> [FLAGS]"),
            "{arguments:?}"
        );
    }
    let output = run(&["doctor", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    for word in [
        "--no-devices",
        "--json",
        "Exit code:",
        "`findings`",
        "NO_COLOR",
    ] {
        assert!(text(&output.stdout).contains(word), "{word}");
    }
    let version = run(&["--version"]);
    assert_eq!(
        text(&version.stdout),
        concat!("cargo-tribunal ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn mistakes_go_to_standard_error_with_exit_code_2() {
    for (arguments, message) in [
        (
            &["docter"][..],
            "error: unknown verb `docter`\nhelp: did you mean `cargo tribunal doctor`?\n",
        ),
        (
            &["doctor", "--jso"],
            "error: `doctor` has no flag `--jso`\nhelp: did you mean `--json`?\n",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            (text(&output.stdout).as_str(), text(&output.stderr).as_str()),
            ("", message)
        );
    }
    let nothing = run(&["tribunal"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).starts_with("error: a verb is missing\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = program()
        .args(["doctor", "--help"])
        .stdout(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_child_that_tries_namespaces_says_one_line_for_each() {
    let shown = text(&run(&["__namespaces"]).stdout);
    let names: Vec<&str> = shown
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["user", "pid", "network"]);
}

#[test]
fn a_model_is_written_whole_with_its_truth_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tiny.gguf");
    let out = out.to_str().unwrap();
    let output = run(&["model", "write", "bigram", "--seed", "2", "--out", out]);
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(0), "")
    );
    assert!(text(&output.stdout).starts_with(&format!("{out}: bigram of seed 2, ")));
    assert!(std::fs::read(out).unwrap().starts_with(b"GGUF"));
    let truth = std::fs::read(folder.path().join("tiny.truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    assert_eq!(truth["seed"], 2);

    let nowhere = folder.path().join("no/such/tiny.gguf");
    let output = run(&["model", "write", "soup", "--out", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("help: the folder must exist"));
}

#[test]
fn model_path_says_where_a_name_leads_and_changes_nothing_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, fast) = (folder.path().join("shared"), folder.path().join("fast"));
    std::fs::create_dir_all(shared.join("org/tiny")).unwrap();
    std::fs::create_dir(&fast).unwrap();
    std::fs::write(shared.join("org/tiny/w.bin"), "weights").unwrap();
    let model = |arguments: &[&str]| {
        let mut command = program();
        command.args(["model", "path"]).args(arguments);
        command.env_remove("HF_HUB_OFFLINE");
        command.env_remove("TRIBUNAL_MODEL_MAPPINGS");
        command.env("TRIBUNAL_MODEL_SHARED", &shared);
        command.env("TRIBUNAL_MODEL_FAST", &fast);
        command.env("TRIBUNAL_MODEL_RESERVE", "0");
        command.output().unwrap()
    };
    let shown = model(&["org/tiny"]);
    assert_eq!(shown.status.code(), Some(0));
    let out = text(&shown.stdout);
    assert!(
        out.starts_with(&format!("{}\n", shared.join("org/tiny").display())),
        "{out}"
    );
    assert!(
        out.contains("  fast store") && out.contains(": taken\n"),
        "{out}"
    );
    assert_eq!(std::fs::read_dir(&fast).unwrap().count(), 0);

    let copied = json(&model(&["org/tiny", "--copy", "--json"]));
    assert_eq!(
        (&copied["from"], &copied["copied"]["files"]),
        (&"fast".into(), &1.into())
    );
    let path = copied["path"].as_str().unwrap();
    assert_eq!(
        std::fs::read(Path::new(path).join("w.bin")).unwrap(),
        b"weights"
    );

    let missing = model(&["org/tyny", "--require-local"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("did you mean `org/tiny`?"));
    let wrong = model(&["a/../b"]);
    assert_eq!(wrong.status.code(), Some(2));
}
