//! One server for several processes: started once, attached to by the others, and gone when nobody is left.

use std::collections::HashSet;

use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::Value;

use crate::fake;
use crate::support::{
    Folder, Memory, Runner, Sharer, assert_has, signal, start_time, trial, until,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "sharing::ten_processes_at_once_have_one_server",
            ten_at_once,
        ),
        trial(
            "sharing::it_survives_its_starter_and_ends_with_its_last_user",
            survives_starter,
        ),
        trial("sharing::a_new_user_within_the_linger_keeps_it", linger),
        trial("sharing::it_ends_with_the_runner", runner_killed),
        trial(
            "sharing::a_runner_that_is_gone_already_has_no_server",
            runner_gone,
        ),
        trial("sharing::a_start_that_fails_is_tried_once", failed_once),
        trial("sharing::another_run_tries_again", another_run),
        trial(
            "sharing::a_starter_that_dies_is_followed_by_the_next",
            starter_dies,
        ),
        trial("sharing::a_file_whose_keeper_is_dead_is_stale", stale),
        trial("sharing::every_user_hears_of_its_end", death_is_heard),
        trial("sharing::a_broken_server_is_retired_for_all", retired),
        trial("sharing::what_it_left_is_told_to_the_next", leaked),
        trial("sharing::the_runner_is_found_behind_wrappers", detected),
        trial("sharing::keys_are_servers", keys),
        trial("sharing::several_processes_are_shared_as_one", several),
        trial("sharing::a_folder_of_others_is_refused", refused),
    ]
}

/// As good as for ever.
pub const LONG: &str = "600000";

/// How many servers were ever started: each has a log of its own.
fn servers(folder: &Folder) -> usize {
    let logs = std::fs::read_dir(folder.path().join("evidence"));
    logs.into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().ends_with(".log"))
        .count()
}

/// Nothing lives, and nothing but the lock is left in the folder, where that is left.
pub fn gone(folder: &Folder) {
    until("everything is gone", || !folder.anybody_lives());
    until("the folder is clean", || {
        std::fs::read_dir(folder.path().join("share"))
            .into_iter()
            .flatten()
            .flatten()
            .all(|e| e.file_name() == "0123abcd.lock")
    });
}

fn ten_at_once() {
    let folder = Folder::new();
    let mut runner = Runner::new();
    let name = runner.name();
    let mut sharers: Vec<Sharer> = (0..10)
        .map(|_| Sharer::run(&folder, "workers", LONG, &["--runner", &name]))
        .collect();
    let told: Vec<Value> = sharers.iter_mut().map(Sharer::hear).collect();
    let same: HashSet<String> = told.iter().map(Value::to_string).collect();
    assert_eq!(same.len(), 1, "{same:?}");
    let first = &told[0];
    assert_eq!(
        (&first["model"], &first["processes"]),
        (&"tiny".into(), &2.into())
    );
    assert_eq!(first["name"], "fake-workers");
    assert!(
        first["log"]
            .as_str()
            .unwrap()
            .ends_with("evidence/server.log")
    );
    assert_eq!(servers(&folder), 1);
    for sharer in &mut sharers[..9] {
        assert_eq!(sharer.ask("stop")["shared"], true);
    }
    assert_eq!(sharers[9].ask("alive")["alive"], true);
    assert!(folder.anybody_lives());
    runner.kill();
    gone(&folder);
}

fn survives_starter() {
    let folder = Folder::new();
    let mut starter = Sharer::run(&folder, "workers", "50", &[]);
    let told = starter.hear();
    let mut second = Sharer::run(&folder, "workers", "50", &[]);
    assert_eq!(second.hear(), told);
    starter.kill();
    let mut third = Sharer::run(&folder, "workers", "50", &[]);
    assert_eq!(third.hear(), told);
    second.leave();
    assert_eq!(third.ask("alive")["alive"], true);
    assert_eq!(third.ask("stop")["shared"], true);
    gone(&folder);
    assert_eq!(servers(&folder), 1);
    let ending =
        std::fs::read_to_string(folder.path().join("evidence/server.ending.json")).unwrap();
    assert_has(&ending, &["nobody used it any more", "signal 15 (SIGTERM)"]);
}

fn linger() {
    let folder = Folder::new();
    let mut runner = Runner::new();
    let name = runner.name();
    let more = ["--runner", name.as_str()];
    let mut first = Sharer::run(&folder, "ok", LONG, &more);
    let told = first.hear();
    assert_eq!(first.ask("stop")["shared"], true);
    first.leave();
    assert!(folder.anybody_lives());
    let mut second = Sharer::run(&folder, "ok", LONG, &more);
    assert_eq!(second.hear(), told);
    second.leave();
    runner.kill();
    gone(&folder);
}

fn runner_killed() {
    let folder = Folder::new();
    let mut runner = Runner::new();
    let name = runner.name();
    let mut sharer = Sharer::run(&folder, "orphans", LONG, &["--runner", &name]);
    sharer.hear();
    runner.kill();
    gone(&folder);
    until("even the folder is gone", || {
        !folder.path().join("share").exists()
    });
    until("it is heard", || sharer.ask("alive")["alive"] == false);
    // Its user learns how it ended.
    let told = sharer.ask("stop");
    assert_has(told["exit"].as_str().unwrap(), &["SIGTERM"]);
}

fn runner_gone() {
    let folder = Folder::new();
    let mut runner = Runner::new();
    let name = runner.name();
    runner.kill();
    let mut sharer = Sharer::run(&folder, "never-listens", LONG, &["--runner", &name]);
    let said = sharer.hear();
    assert!(said["error"].is_string(), "{said}");
    gone_but_failure(&folder);
}

fn failed_once() {
    let folder = Folder::new();
    let runner = Runner::new();
    let name = runner.name();
    let run = || Sharer::run(&folder, "killed", LONG, &["--runner", &name]);
    let mut sharers: Vec<Sharer> = (0..5).map(|_| run()).collect();
    let mut errors: Vec<String> = sharers
        .iter_mut()
        .map(|s| s.hear()["error"].as_str().unwrap().to_string())
        .collect();
    // One that comes later, in the same run.
    errors.push(run().hear()["error"].as_str().unwrap().to_string());
    let first: Vec<&String> = errors
        .iter()
        .filter(|e| !e.contains("it is not tried again"))
        .collect();
    assert_eq!(first.len(), 1, "{errors:#?}");
    for error in &errors {
        assert_has(error, &["SIGKILL", first[0]]);
    }
    assert_eq!(servers(&folder), 1);
    gone_but_failure(&folder);
}

fn another_run() {
    let folder = Folder::new();
    let (first, second) = (Runner::new(), Runner::new());
    let mut failed = Sharer::run(&folder, "exits", LONG, &["--runner", &first.name()]);
    assert!(failed.hear()["error"].is_string());
    let mut works = Sharer::run(&folder, "ok", "50", &["--runner", &second.name()]);
    assert!(works.hear()["url"].is_string());
    works.leave();
    gone(&folder);
}

fn gone_but_failure(folder: &Folder) {
    until("everything is gone", || !folder.anybody_lives());
    until("the folder has the failure only", || {
        let names: HashSet<String> = std::fs::read_dir(folder.path().join("share"))
            .unwrap()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect();
        names.len() == 2 && names.contains("0123abcd.failed.json")
    });
}

fn starter_dies() {
    let folder = Folder::new();
    let mut starter = Sharer::run(&folder, "never-listens", LONG, &[]);
    until("its server runs", || folder.anybody_lives());
    let mut next = Sharer::run(&folder, "ok", "50", &[]);
    starter.kill();
    assert_eq!(next.hear()["name"], "fake-ok");
    next.leave();
    gone(&folder);
}

fn stale() {
    let folder = Folder::new();
    let mut first = Sharer::run(&folder, "workers", LONG, &[]);
    let told = first.hear();
    let keeper = u32::try_from(told["keeper"].as_u64().unwrap()).unwrap();
    // Whoever started it could clear up after the keeper; here nobody can.
    first.kill();
    signal(keeper, Signal::KILL);
    let mut second = Sharer::run(&folder, "ok", "50", &[]);
    let now = second.hear();
    assert_ne!(now["pid"], told["pid"]);
    second.leave();
    assert_eq!(servers(&folder), 2);
}

fn death_is_heard() {
    let folder = Folder::new();
    let mut first = Sharer::run(&folder, "orphans", LONG, &[]);
    let told = first.hear();
    let mut second = Sharer::run(&folder, "orphans", LONG, &[]);
    second.hear();
    signal(
        u32::try_from(told["pid"].as_u64().unwrap()).unwrap(),
        Signal::KILL,
    );
    for sharer in [&mut first, &mut second] {
        until("its end is heard", || sharer.ask("alive")["alive"] == false);
        assert_has(&sharer.ask("alive")["exit"].to_string(), &["SIGKILL"]);
    }
    let mut third = Sharer::run(&folder, "orphans", "50", &[]);
    assert_ne!(third.hear()["pid"], told["pid"]);
    third.leave();
    gone(&folder);
}

fn retired() {
    let folder = Folder::new();
    let mut first = Sharer::run(&folder, "ok", LONG, &[]);
    let told = first.hear();
    let mut second = Sharer::run(&folder, "ok", LONG, &[]);
    second.hear();
    let report = second.ask("retire");
    assert_eq!(report["shared"], false);
    assert_has(&report["exit"].to_string(), &["SIGTERM"]);
    until("the other one hears it", || {
        first.ask("alive")["alive"] == false
    });
    let mut third = Sharer::run(&folder, "ok", "50", &[]);
    assert_ne!(third.hear()["pid"], told["pid"]);
    third.leave();
    gone(&folder);
}

fn leaked() {
    let folder = Folder::new();
    let Some(memory) = Memory::new("shared") else {
        return;
    };
    let path = memory.path().to_str().unwrap();
    let mut first = Sharer::run(&folder, "leaves-memory", "50", &["--memory", memory.name()]);
    first.hear();
    first.leave();
    until("everything is gone", || !folder.anybody_lives());
    until("what it left is written down", || {
        let names = std::fs::read_dir(folder.path().join("share")).unwrap();
        names
            .flatten()
            .any(|e| e.file_name().to_string_lossy().starts_with("leaked-"))
    });
    let mut second = Sharer::run(&folder, "ok", "50", &[]);
    let notes = second.hear()["notes"].to_string();
    assert_has(
        &notes,
        &[
            "an earlier server",
            "was not stopped cleanly",
            path,
            &format!("rm {path}"),
        ],
    );
    let mut third = Sharer::run(&folder, "ok", "50", &[]);
    assert_eq!(third.hear()["notes"].to_string(), "[]");
    second.leave();
    third.leave();
    gone(&folder);
}

fn keys() {
    let folder = Folder::new();
    let mut one = Sharer::run(&folder, "ok", "50", &["--key", "one/../x"]);
    let mut two = Sharer::run(&folder, "ok", "50", &["--key", "two"]);
    assert_ne!(one.hear()["pid"], two.hear()["pid"]);
    one.leave();
    two.leave();
    until("everything is gone", || !folder.anybody_lives());
}

/// nextest sets these variables for its tests; here a wrapper stands between it and the test.
fn detected() {
    let detect = |wrapper: &[&str], mode: &str| {
        let mut words: Vec<std::ffi::OsString> = wrapper.iter().map(Into::into).collect();
        words.push(std::env::current_exe().unwrap().into());
        words.push(fake::DETECT.into());
        let out = std::process::Command::new(&words[0])
            .args(&words[1..])
            .env("NEXTEST_RUN_ID", "a run of this test alone")
            .env("NEXTEST_EXECUTION_MODE", mode)
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let me = std::process::id();
    let expected = format!("{me}:{} alive\n", start_time(me));
    let shell = ["sh", "-c", "\"$0\" \"$@\"; exit $?"];
    assert_eq!(detect(&[], "process-per-test"), expected);
    assert_eq!(detect(&shell, "process-per-test"), expected);
    assert_eq!(detect(&[], "something else"), "none\n");
}

fn several() {
    let folder = Folder::new();
    let run = || Sharer::run(&folder, "ok", "50", &["--part", "workers"]);
    let (mut first, mut second) = (run(), run());
    let told = first.hear();
    assert_eq!(second.hear(), told);
    assert_eq!(told["processes"], 3);
    let part = &told["parts"][0];
    assert_eq!(part["name"], "side");
    assert!(part["url"].is_string() && part["log"].as_str().unwrap().ends_with("side.log"));
    // When one process of it dies, it is broken for all, and what is left of it makes room for the next.
    signal(
        u32::try_from(part["pid"].as_u64().unwrap()).unwrap(),
        Signal::KILL,
    );
    for sharer in [&mut first, &mut second] {
        until("its end is heard", || sharer.ask("alive")["alive"] == false);
    }
    let mut third = run();
    let new = third.hear();
    assert_ne!(new["pid"], told["pid"]);
    assert_ne!(new["parts"][0]["pid"], part["pid"]);
    assert_eq!(third.ask("alive")["alive"], true);
    let old = format!("/proc/{}", told["pid"]);
    assert!(
        !std::path::Path::new(&old).exists(),
        "the old one is gone: {:?}",
        std::fs::read_to_string(format!("{old}/stat"))
    );
    for sharer in [&mut first, &mut second, &mut third] {
        sharer.leave();
    }
    gone(&folder);
}

fn refused() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("/tmp", folder.path().join("share")).unwrap();
    let error = Sharer::run(&folder, "ok", "50", &[]).hear()["error"].to_string();
    assert_has(&error, &["cannot be shared", "a link is refused", "to do"]);
}
