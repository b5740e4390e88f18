//! `profile-vram` as people run it, on simulated devices, with test programs made of a few lines.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tribunal_hardware::{Measured, Simulated};

/// Says to this program, run as a test program, how much of the device it needs.
const NEEDS: &str = "PROFILE_TEST_NEEDS";

/// What a listing tells of the one test `m::t`.
const LIST: &str = r#"{"type":"test","event":"discovered","name":"m::t","ignore":false,"source_path":"src/m.rs","start_line":2,"harness":{"test":"m::t","markers":["unit","cpu","gpu_0","pre_merge","defaulted"],"skip":null}}"#;

/// Plays the harness: a test that allocates on a simulated device, within what it may use.
#[test]
fn hog() {
    let Ok(least) = std::env::var(NEEDS) else {
        return;
    };
    let least: f64 = least.parse().unwrap();
    let allowed = std::env::var("TRIBUNAL_GPU_MEMORY_FRACTION").unwrap_or_else(|_| "1".into());
    let allowed: f64 = allowed.parse().unwrap();
    assert_eq!(
        std::env::var("DYN_GPU_MEMORY_FRACTION_OVERRIDE").ok(),
        std::env::var("TRIBUNAL_GPU_MEMORY_FRACTION").ok()
    );
    assert_eq!(std::env::var("HF_HUB_OFFLINE").as_deref(), Ok("1"));
    let ledger = std::env::var("TRIBUNAL_SIMULATED_LEDGER").unwrap();
    // What a run keeps beside the ledger goes with it.
    std::fs::write(format!("{ledger}.leases"), "").unwrap();
    let devices = Simulated::open(Path::new(&ledger)).unwrap();
    let share = (allowed * devices.devices()[0].total as f64) as u64;
    let _weights = devices.allocate(0, share, "weights").unwrap();
    // Long enough to be seen: as many turns of waiting as the sampler has meanwhile, however loaded the machine is.
    for _ in 0..15 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let event = match allowed >= least {
        true => {
            r#"{"type":"test","event":"ok","name":"m::t","exec_time":1.5,"harness":{"outcome":"passed","set_up":1.0,"body":0.5}}"#
        }
        false => {
            r#"{"type":"test","event":"failed","name":"m::t","stdout":"torch.OutOfMemoryError: CUDA out of memory.\n","harness":{"outcome":"set-up failed"}}"#
        }
    };
    println!("\n{event}");
}

/// A program that lists the test, and for a run does this.
fn program(folder: &Path, run: &str) -> std::path::PathBuf {
    let path = folder.join("program");
    let text =
        format!("#!/bin/sh\nif [ \"$1\" = --list ]; then echo '{LIST}'; exit 0; fi\n{run}\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn hogging(folder: &Path, least: &str) -> std::path::PathBuf {
    let this = std::env::current_exe().unwrap();
    let run = format!(
        "{NEEDS}={least} exec '{}' --exact hog --nocapture",
        this.display()
    );
    program(folder, &run)
}

fn profile(folder: &Path, program: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .args(["profile-vram", "m::t", "--binary"])
        .arg(program)
        .args([
            "--baseline-seconds",
            "0",
            "--teardown-seconds",
            "0",
            "--interval",
            "0.02",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", folder.join("tmp"))
        // What it finds is kept in the workspace of the test, wherever this one builds.
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env_remove("HF_HUB_OFFLINE")
        .env_remove("CI")
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITLAB_CI")
        .output()
        .unwrap()
}

/// A cargo workspace of its own, so that what is kept is kept there.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::create_dir(folder.path().join("tmp")).unwrap();
    std::fs::write(
        folder.path().join("Cargo.toml"),
        "[package]\nname = \"m\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "").unwrap();
    std::fs::write(
        folder.path().join("src/m.rs"),
        "#[tribunal::test] // first\nfn t() {}\n",
    )
    .unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_golden_search_on_a_simulated_device() {
    let folder = workspace();
    let program = hogging(folder.path(), "0.34");
    let arguments = [
        "--simulate-devices",
        "1xCustom:48",
        "--repeats",
        "0",
        "--json",
    ];
    let output = profile(folder.path(), &program, &arguments);
    let result: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    assert_eq!(output.status.code(), Some(0), "{result}");
    let runs: Vec<(&str, &str)> = result["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            (
                run["allowed"].as_str().unwrap(),
                run["ended"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        runs,
        [
            ("0.95", "passed"),
            ("0.50", "passed"),
            ("0.28", "out_of_memory"),
            ("0.39", "passed"),
            ("0.33", "out_of_memory"),
            ("0.36", "passed"),
        ]
    );
    let measured: Measured = serde_json::from_value(result["measured"].clone()).unwrap();
    assert_eq!(measured.least.as_deref(), Some("36% (17.2 GiB)"));
    assert!(measured.simulated && measured.of_tree);
    assert_eq!(measured.peak_bytes, (0.36 * (48_u64 << 30) as f64) as u64);
    assert_eq!(measured.used_devices, 1);
    assert_eq!((measured.body_s, measured.set_up_s), (Some(0.5), Some(1.0)));
    let kept = Measured::load(&Measured::folder(&folder.path().join("target")), "m::t");
    assert_eq!(kept.unwrap().unwrap(), measured);
    let left = std::fs::read_dir(folder.path().join("tmp")).unwrap();
    assert_eq!(left.count(), 0, "nothing is left of the simulated devices");
}

#[test]
fn what_is_simulated_says_so_and_the_markers_are_written() {
    let folder = workspace();
    let program = hogging(folder.path(), "0.2");
    let source = folder.path().join("src/m.rs");
    let arguments = ["--simulate-devices", "1xL4", "--write", "-q"];
    let before = std::fs::read_to_string(&source).unwrap();
    let refused = profile(folder.path(), &program, &arguments);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("in no git repository"),
        "{}",
        text(&refused.stderr)
    );
    assert_eq!(std::fs::read_to_string(&source).unwrap(), before);

    let written = profile(
        folder.path(),
        &program,
        &[&arguments[..], &["--allow-dirty"]].concat(),
    );
    let shown = text(&written.stdout);
    assert_eq!(
        written.status.code(),
        Some(0),
        "{shown}{}",
        text(&written.stderr)
    );
    assert!(
        shown.contains("simulated L4; nothing here was measured on hardware"),
        "{shown}"
    );
    assert!(
        shown.contains("[once more: does the boundary hold?]"),
        "{shown}"
    );
    let after = std::fs::read_to_string(&source).unwrap();
    assert!(
        after.contains("\n#[timeout(\"10s\")]\nfn t() {}\n"),
        "{after}"
    );
    assert!(after.starts_with("#[tribunal::test] // first\n"), "{after}");
}

#[test]
fn a_run_that_hangs_is_stopped_and_what_it_left_is_ended() {
    let folder = workspace();
    let hanging = program(folder.path(), "exec tail -f /dev/null");
    let arguments = ["--simulate-devices", "1xL4", "--probe-timeout", "1"];
    let output = profile(folder.path(), &hanging, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("[TIMEOUT] at 95%"),
        "{}",
        text(&output.stdout)
    );

    let pid = folder.path().join("pid");
    let run = format!(
        "setsid tail -f /dev/null >/dev/null 2>&1 & echo $! > '{}'; echo broken >&2; exit 7",
        pid.display()
    );
    let leaving = program(folder.path(), &run);
    let output = profile(folder.path(), &leaving, &["--simulate-devices", "1xL4"]);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{complaint}");
    assert!(complaint.contains("[probe 1/6] broken"), "{complaint}");
    assert!(
        complaint.contains("outlived the test and are ended"),
        "{complaint}"
    );
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn a_single_run_writes_its_samples() {
    let folder = workspace();
    let program = hogging(folder.path(), "0");
    let arguments = [
        "--simulate-devices",
        "2xL4",
        "--no-find-min-vram",
        "--csv",
        "samples.csv",
    ];
    let output = profile(folder.path(), &program, &arguments);
    let shown = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{shown}{}",
        text(&output.stderr)
    );
    assert!(shown.contains("GPUs sampled : 2"), "{shown}");
    assert!(
        shown.contains("Memory of    : the test's own processes"),
        "{shown}"
    );
    let csv = std::fs::read_to_string(folder.path().join("samples.csv")).unwrap();
    assert!(
        csv.starts_with("timestamp_s,gpu,mem_used_mib,mem_total_mib,gpu_util_pct\n"),
        "{csv}"
    );
    assert!(
        csv.lines().any(|line| line.contains(",1,0,24576,")),
        "{csv}"
    );
}

#[test]
fn what_cannot_be_measured_is_answered_with_the_remedy() {
    let folder = workspace();
    let program = hogging(folder.path(), "0");
    for (arguments, code, expected) in [
        (&["--simulate-devices", "1xL5"][..], 2, "L4"),
        (
            &["--simulate-devices", "1xL4", "--gpu", "3"],
            2,
            "no visible cuda device 3",
        ),
        (
            &["--simulate-devices", "1xL4", "--csv", "x"],
            2,
            "--no-find-min-vram",
        ),
    ] {
        let output = profile(folder.path(), &program, arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{complaint}");
        assert!(complaint.contains(expected), "{complaint}");
    }
    let empty = Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .args([
            "profile-vram",
            "m::u",
            "--simulate-devices",
            "1xL4",
            "--binary",
        ])
        .arg(&program)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(empty.status.code(), Some(1));
    assert!(
        text(&empty.stderr).contains("none of 1 test programs has a case `m::u`"),
        "{}",
        text(&empty.stderr)
    );
    let refusing = folder.path().join("refusing");
    std::fs::write(
        &refusing,
        "#!/bin/sh\necho 'error: unknown option' >&2\nexit 2\n",
    )
    .unwrap();
    std::fs::set_permissions(&refusing, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = profile(folder.path(), &refusing, &["--simulate-devices", "1xL4"]);
    assert!(
        text(&refused.stderr).contains("says: error: unknown option"),
        "{}",
        text(&refused.stderr)
    );
    let in_ci = Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .args(["profile-vram", "m::t", "--by", "kv-bytes"])
        .env("CI", "true")
        .output()
        .unwrap();
    assert_eq!(in_ci.status.code(), Some(2));
    assert!(text(&in_ci.stderr).contains("or add --ci"));
}
