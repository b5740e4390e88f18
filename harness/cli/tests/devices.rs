//! `cargo tribunal devices` as people and scripts run it, on this machine and on simulated devices.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"));
    command.arg("devices").args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn this_machine_is_shown_whatever_it_has() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    let lines = ["Devices of this machine", "No devices on this machine"];
    assert!(lines.iter().any(|line| shown.starts_with(line)), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let output = run(&["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["schema"], &report["simulated"]),
        (&Value::from(1), &Value::from(false))
    );
    assert!(report["devices"].is_array());
    assert_eq!(report["looked_in"].as_array().unwrap().len(), 6);
}

#[test]
fn variables_in_force_are_shown() {
    let output = program(&["--format", "json"])
        .env("ROCR_VISIBLE_DEVICES", "3")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["visibility"]["ROCR_VISIBLE_DEVICES"], "3");
}

#[test]
fn mistakes_are_exit_code_2_and_a_missing_ledger_is_1() {
    let output = run(&["--formta", "json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `--format`"));
    let output = run(&["--simulated", "/nowhere/ledger"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("/nowhere/ledger"), "{error}");
    assert_eq!(text(&output.stdout), "");
}

#[cfg(target_os = "linux")]
#[test]
fn simulated_devices_are_watched_and_the_watcher_ends_with_its_reader() {
    use tribunal_hardware::{LayoutDevice, Simulated};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let device = LayoutDevice {
        platform: "cuda".into(),
        model: "L4".into(),
        total: 22 << 30,
    };
    let ledger = Simulated::create(&path, &[device]).unwrap();
    let path = path.to_str().unwrap();
    let shown = text(&run(&["--simulated", path]).stdout);
    assert!(shown.starts_with("SIMULATED"), "{shown}");

    let mut watcher = program(&["--simulated", path, "--watch=0.1", "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let mut used = || {
        let line = lines.next().unwrap().unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        report["devices"][0].clone()
    };
    assert_eq!(used()["memory_used"], 0);
    let taken = ledger.allocate(0, 5 << 30, "weights").unwrap();
    // Whatever was written before the allocation is read away.
    let device = loop {
        let device = used();
        if device["memory_used"] != 0 {
            break device;
        }
    };
    assert_eq!(device["memory_used"], 5_u64 << 30);
    assert_eq!(device["processes"][0]["pid"], std::process::id());
    drop(taken);
    drop(lines);
    assert_eq!(watcher.wait().unwrap().code(), Some(0));
}
