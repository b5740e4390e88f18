//! The two programs of a pod, run by a shell as a pod runs them.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tribunal_kubernetes::{Manifest, RunId, Settings, Subject};

fn pod() -> Value {
    let settings = Settings::parse("[kubernetes]\nimage = \"x:1\"\n", "s.toml").unwrap();
    let run = RunId::parse("abc123").unwrap();
    let subject = Subject::Shards {
        name: "x",
        count: 1,
    };
    let manifest = Manifest::render(subject, &settings, &run).unwrap();
    manifest.objects[0]["spec"]["template"]["spec"].clone()
}

/// Container `at` of the pod, with these arguments, over this folder of evidence.
fn container(at: usize, folder: &Path, args: &[&str]) -> Command {
    let pod = pod();
    let words = pod["containers"][at]["command"].as_array().unwrap();
    let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap()).collect();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .args(args)
        .env("TRIBUNAL_EVIDENCE", folder)
        .env("TRIBUNAL_HOLD", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn ended_within(child: &mut Child, limit: Duration) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn the_exit_status_is_that_of_the_harness_and_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let status = container(0, folder.path(), &["sh", "-c", "exit 101"])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(101));
    let told = std::fs::read_to_string(folder.path().join(".ended")).unwrap();
    assert_eq!(told.trim(), "101");
}

#[test]
fn a_container_that_is_started_again_runs_nothing_and_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("ran");
    let line = format!("echo x >> '{}'", mark.display());
    assert!(
        container(0, folder.path(), &["sh", "-c", &line])
            .status()
            .unwrap()
            .success()
    );
    let mut again = container(0, folder.path(), &["sh", "-c", &line])
        .spawn()
        .unwrap();
    // It has said so before it begins to wait.
    let mut told = [0; 8];
    again
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut told)
        .unwrap();
    assert_eq!(&told, b"tribunal");
    assert_eq!(again.try_wait().unwrap(), None);
    terminate(&again);
    assert_eq!(ended_within(&mut again, Duration::from_secs(10)), Some(143));
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "x\n");
}

#[test]
fn the_harness_is_told_when_the_pod_has_to_end_and_its_status_still_counts() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let line = format!(
        "trap 'kill $!; sleep 0.1; exit 7' TERM; : > '{}'; while :; do sleep 1 & wait $!; done",
        ready.display()
    );
    let mut child = container(0, folder.path(), &["sh", "-c", &line])
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !ready.exists() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(2));
    }
    terminate(&child);
    assert_eq!(ended_within(&mut child, Duration::from_secs(10)), Some(7));
}

#[test]
fn evidence_is_kept_until_it_is_collected_or_the_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut keeper = container(1, folder.path(), &[]).spawn().unwrap();
    // The harness runs: it is kept, however long.
    assert_eq!(ended_within(&mut keeper, Duration::from_millis(1500)), None);
    std::fs::write(folder.path().join(".ended"), "0\n").unwrap();
    assert_eq!(ended_within(&mut keeper, Duration::from_secs(10)), Some(0));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".collected"), "").unwrap();
    let mut keeper = container(1, folder.path(), &[]).spawn().unwrap();
    assert_eq!(ended_within(&mut keeper, Duration::from_secs(10)), Some(0));
}
