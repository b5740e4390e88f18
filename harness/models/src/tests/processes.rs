//! Several processes at once: this test binary, run again.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::support::{Machine, content, paths, resolve};
use crate::step::Step;
use crate::{ModelErrorKind, Place, Progress, Wanted};

/// Where the helper's machine lies; without it the helper is an empty test.
const MACHINE: &str = "TRIBUNAL_TEST_MODELS_MACHINE";
/// After which step the helper stops for good (`half`), or nothing.
const STOP: &str = "TRIBUNAL_TEST_MODELS_STOP";

/// What a child process of the tests below runs.
#[test]
fn helper() {
    let Some(root) = std::env::var_os(MACHINE) else {
        return;
    };
    let stop = std::env::var(STOP).unwrap_or_default();
    let hook = |step: Step| {
        if stop == "half" && step == Step::FilePlaced {
            println!("half");
            loop {
                std::thread::park();
            }
        }
        Ok(())
    };
    let progress = |p: &Progress| {
        if let Progress::Waiting { holder } = p {
            println!("waiting for {holder}");
        }
    };
    let wanted = Wanted {
        progress: Some(&progress),
        ..Wanted::default()
    };
    let found = paths(Path::new(&root))
        .resolve_hooked("a/b", &wanted, &hook)
        .unwrap();
    println!("from {:?} copied {}", found.from, found.copied.is_some());
}

fn start(machine: &Machine, stop: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::processes::helper",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(MACHINE, machine.at(""))
        .env(STOP, stop)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads the child's output up to a line that has `text`.
fn until(child: &mut Child, text: &str) -> String {
    let out = child.stdout.take().unwrap();
    for line in BufReader::new(out).lines() {
        let line = line.unwrap();
        if line.contains(text) {
            return line;
        }
    }
    panic!("the child ended without `{text}`");
}

#[test]
fn of_many_at_once_one_copies_and_all_have_the_copy() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    fs::write(source.join("large"), vec![3; 8 << 20]).unwrap();
    let children: Vec<Child> = (0..4).map(|_| start(&machine, "")).collect();
    let said: Vec<String> = children
        .into_iter()
        .map(|child| {
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success());
            String::from_utf8(out.stdout).unwrap()
        })
        .collect();
    assert!(said.iter().all(|s| s.contains("from Fast")), "{said:?}");
    assert_eq!(
        said.iter().filter(|s| s.contains("copied true")).count(),
        1,
        "{said:?}"
    );
    assert_eq!(content(&machine.fast().join("a%2Fb")), content(&source));
}

#[test]
fn a_copy_of_the_living_is_waited_for_and_that_of_the_dead_is_completed() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    let mut first = start(&machine, "half");
    until(&mut first, "half");
    let wanted = Wanted {
        patience: Some(Duration::from_millis(50)),
        ..Wanted::default()
    };
    let found = machine.paths().resolve("a/b", &wanted).unwrap();
    assert_eq!(
        (found.from, found.path()),
        (Place::Shared, Some(source.as_path()))
    );
    assert!(
        found.notes[0].contains(&format!("process {} (", first.id())),
        "{:?}",
        found.notes
    );

    let mut second = start(&machine, "");
    let line = until(&mut second, "waiting for");
    assert!(
        line.contains(&format!("process {} (", first.id())),
        "{line}"
    );
    first.kill().unwrap();
    first.wait().unwrap();
    // The second goes on by itself now; its output is no longer read, so its success is not asked for.
    second.wait().unwrap();
    let found = resolve(&machine.paths(), "a/b");
    assert_eq!(found.from, Place::Fast);
    assert_eq!(content(found.path().unwrap()), content(&source));
}

#[test]
fn a_wait_can_be_cancelled() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    let mut first = start(&machine, "half");
    until(&mut first, "half");
    let flag = std::sync::atomic::AtomicBool::new(false);
    let progress = |p: &Progress| {
        flag.store(
            matches!(p, Progress::Waiting { .. }),
            std::sync::atomic::Ordering::Relaxed,
        )
    };
    let wanted = Wanted {
        cancel: Some(&flag),
        progress: Some(&progress),
        ..Wanted::default()
    };
    let error = machine.paths().resolve("a/b", &wanted).unwrap_err();
    assert_eq!(error.kind(), &ModelErrorKind::Cancelled);
    first.kill().unwrap();
    first.wait().unwrap();
}
