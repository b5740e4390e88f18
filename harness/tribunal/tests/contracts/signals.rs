//! Ctrl-C, SIGTERM and kills: fixtures are taken down in reverse order, reports are written, and nothing is left.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::call::{Started, folder, until};
use crate::row::rows;
use crate::scaffold::binary;

rows![
    ctrl_c_tears_down_in_reverse_order_and_exits_130,
    sigterm_tears_down_and_exits_143,
    ctrl_c_abandons_a_blocking_body,
    ctrl_c_stops_servers,
    ctrl_c_keeps_json_valid,
    what_was_not_started_is_not_run,
    a_second_signal_kills_at_once,
    teardown_that_never_ends_is_cut_off_by_the_grace_period,
    a_killed_harness_leaves_no_server,
    the_run_limit_stops_like_ctrl_c,
    a_pause_is_survived,
];

/// A run of one waiting test of `calm`, with the diary that its fixtures keep.
struct Waiting {
    _folder: tempfile::TempDir,
    diary: PathBuf,
    started: Started,
}

impl Waiting {
    /// Starts it and waits until its body runs.
    fn on(test: &str, extra: &[&str]) -> Waiting {
        let folder = folder();
        let diary = folder.path().join("diary");
        let started = binary(
            "calm",
            [&[test, "--exact", "--include-ignored"], extra].concat(),
        )
        .env("LAB_DIARY", &diary)
        .start();
        let mut waiting = Waiting {
            _folder: folder,
            diary,
            started,
        };
        until("the body of the test", || {
            assert!(
                !waiting.started.ended(),
                "it ended by itself; its diary: {:?}",
                waiting.lines()
            );
            waiting.lines().iter().any(|l| l.starts_with("waiting"))
        });
        waiting
    }

    fn lines(&self) -> Vec<String> {
        lines(&self.diary)
    }
}

fn lines(diary: &Path) -> Vec<String> {
    std::fs::read_to_string(diary)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The processes that a waiting test noted, each with its start time, so that a number that is used again is not taken for it.
fn noted_processes(waiting: &Waiting) -> Vec<(u32, u64)> {
    let lines = waiting.lines();
    let pids = lines
        .iter()
        .find_map(|l| l.strip_prefix("pids "))
        .expect("the processes of the server were noted");
    pids.split(' ')
        .map(|p| p.parse().expect("a number"))
        .map(|pid| (pid, start_time(pid).expect("it lives")))
        .collect()
}

/// Field 22 of `/proc/PID/stat`; `None` for a process that is gone or only waits to be reaped.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn all_gone(processes: &[(u32, u64)]) -> bool {
    processes
        .iter()
        .all(|(pid, since)| start_time(*pid) != Some(*since))
}

/// SIGINT: the session's fixtures go down, the last first; the summary is written.
fn ctrl_c_tears_down_in_reverse_order_and_exits_130() {
    let waiting = Waiting::on("m::waits", &[]);
    waiting.started.signal(Signal::INT);
    let diary = waiting.diary.clone();
    let said = waiting.started.end().exits(130);
    assert!(!said.killed, "it must end by itself");
    assert_eq!(
        lines(&diary),
        [
            "house up",
            "room up",
            "waiting 2",
            "room down",
            "house down"
        ]
    );
    said.says([
        "test m::waits ... FAILED",
        "test result: FAILED. 0 passed; 1 failed",
    ])
    .warns(["stopping: interrupted (Ctrl-C)"]);
}

/// SIGTERM, as nextest and CI send it.
fn sigterm_tears_down_and_exits_143() {
    let waiting = Waiting::on("m::waits", &[]);
    waiting.started.signal(Signal::TERM);
    let diary = waiting.diary.clone();
    let said = waiting.started.end().exits(143);
    assert!(!said.killed);
    assert_eq!(lines(&diary)[3..], ["room down", "house down"]);
    said.warns(["stopping: stopped by SIGTERM"]);
}

/// A body that blocks cannot be cancelled: it is left behind, the fixtures go down all the same. Also when it holds the main thread.
fn ctrl_c_abandons_a_blocking_body() {
    for threads in ["1", "2"] {
        let waiting = Waiting::on("m::waits_and_blocks", &["--test-threads", threads]);
        waiting.started.signal(Signal::INT);
        let diary = waiting.diary.clone();
        waiting.started.end().exits(130);
        assert_eq!(
            lines(&diary)[3..],
            ["room down", "house down"],
            "with {threads} threads"
        );
    }
}

/// A real server with worker processes is stopped before the harness ends.
fn ctrl_c_stops_servers() {
    let waiting = Waiting::on("m::waits_with_a_server", &[]);
    let processes = noted_processes(&waiting);
    assert!(processes.len() > 1, "a server with workers: {processes:?}");
    waiting.started.signal(Signal::INT);
    waiting.started.end().exits(130);
    assert!(
        all_gone(&processes),
        "when the harness has ended, nothing of the server may live: {processes:?}"
    );
}

/// Machine-readable output stays so: every test that started ends, and the suite is closed.
fn ctrl_c_keeps_json_valid() {
    let waiting = Waiting::on("m::waits", &["--format", "json"]);
    waiting.started.signal(Signal::INT);
    let said = waiting.started.end().exits(130);
    crate::editors::rust_rover(&said.out).unwrap_or_else(|e| panic!("{e}\n{}", said.out));
    let events = said.events();
    assert_eq!(
        events.last().map(|e| e["event"].clone()),
        Some("failed".into())
    );
}

/// Cases that wait for their turn are *not run*, which is neither a pass nor a failure of theirs.
fn what_was_not_started_is_not_run() {
    let folder = folder();
    let diary = folder.path().join("diary");
    let args = [
        "m::waits",
        "m::one",
        "m::two",
        "--include-ignored",
        "--exact",
        "--test-threads",
        "1",
        "--shuffle-seed",
        &seed_with_waits_first(),
    ];
    let mut started = binary("calm", args).env("LAB_DIARY", &diary).start();
    until("the body of the test", || {
        assert!(!started.ended(), "it ended by itself");
        lines(&diary).iter().any(|l| l.starts_with("waiting"))
    });
    started.signal(Signal::INT);
    let said = started.end().exits(130).says([
        "0 passed; 1 failed",
        "2 not run",
        "not run: interrupted (Ctrl-C)",
    ]);
    assert_eq!(said.names(), ["m::waits"]);
}

/// A seed under which `m::waits` comes first, found by asking for the plan.
fn seed_with_waits_first() -> String {
    let first = |seed: &str| {
        let said = binary(
            "calm",
            [
                "m::waits",
                "m::one",
                "m::two",
                "--include-ignored",
                "--exact",
                "--list",
                "--format",
                "terse",
                "--shuffle-seed",
                seed,
            ],
        )
        .run()
        .exits(0);
        said.listed().first().cloned()
    };
    (0..100)
        .map(|n| n.to_string())
        .find(|seed| first(seed).as_deref() == Some("m::waits"))
        .expect("one of a hundred seeds puts it first")
}

/// Whoever presses Ctrl-C twice does not want to wait for teardown.
fn a_second_signal_kills_at_once() {
    let waiting = Waiting::on("waits_for_the_second_signal", &["--grace", "5m"]);
    waiting.started.signal(Signal::INT);
    until("the teardown that never ends", || {
        waiting.lines().iter().any(|l| l == "stubborn")
    });
    waiting.started.signal(Signal::INT);
    waiting.started.end().exits(130);
}

/// Without a second signal the grace period bounds the wait.
fn teardown_that_never_ends_is_cut_off_by_the_grace_period() {
    let waiting = Waiting::on("waits_for_the_second_signal", &["--grace", "200ms"]);
    waiting.started.signal(Signal::TERM);
    waiting.started.end().exits(143);
}

/// SIGKILL to the harness alone: the keeper of its server sees it die and ends the server.
fn a_killed_harness_leaves_no_server() {
    let waiting = Waiting::on("m::waits_with_a_server", &[]);
    let processes = noted_processes(&waiting);
    waiting.started.signal(Signal::KILL);
    assert!(waiting.started.end().killed);
    until("the end of the server's processes", || all_gone(&processes));
}

/// SIGKILL to the whole process group, as the stop button of an editor does.
pub fn killed_group_leaves_no_server() {
    let waiting = Waiting::on(
        "m::waits_with_a_server",
        &["-Z", "unstable-options", "--format=json", "--nocapture"],
    );
    let processes = noted_processes(&waiting);
    let group = rustix::process::Pid::from_raw(waiting.started.pid() as i32).expect("a process id");
    rustix::process::kill_process_group(group, Signal::KILL)
        .expect("our own child leads its group");
    assert!(waiting.started.end().killed);
    until("the end of the server's processes", || all_gone(&processes));
}

/// `--run-limit` bounds the whole run and ends it in the same orderly way; it is a failure.
fn the_run_limit_stops_like_ctrl_c() {
    let folder = folder();
    let diary = folder.path().join("diary");
    let said = binary(
        "calm",
        [
            "m::waits",
            "--exact",
            "--include-ignored",
            "--run-limit",
            "10s",
        ],
    )
    .env("LAB_DIARY", &diary)
    .run()
    .exits(101);
    assert_eq!(lines(&diary)[3..], ["room down", "house down"]);
    said.warns(["the run's limit of 10s is over (--run-limit)"]);
}

/// SIGTSTP, as Ctrl-Z sends it: the run stands still, goes on, and ends as ever.
fn a_pause_is_survived() {
    let waiting = Waiting::on("m::waits", &[]);
    waiting.started.signal(Signal::STOP);
    let pid = waiting.started.pid();
    let state = || {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .ok()
            .and_then(|s| {
                s.rsplit_once(") ")
                    .and_then(|(_, rest)| rest.chars().next())
            })
    };
    until("the pause", || state() == Some('T'));
    waiting.started.signal(Signal::CONT);
    until("the end of the pause", || state() != Some('T'));
    waiting.started.signal(Signal::INT);
    let diary = waiting.diary.clone();
    waiting.started.end().exits(130);
    assert_eq!(lines(&diary)[3..], ["room down", "house down"]);
}
