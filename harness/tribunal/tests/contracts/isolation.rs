//! Cases in processes of their own: every end is called what it is, and the run goes on.

use rustix::process::Signal;

use crate::call::{Started, folder, until};
use crate::row::rows;
use crate::said::Said;
use crate::scaffold::binary;

rows![
    ordinary_ends_are_as_everywhere,
    an_abort_a_fault_and_an_exit_are_called_what_they_are,
    a_stack_overflow_is_called_what_it_is,
    an_expected_abort_is_an_expected_failure,
    a_stuck_call_is_ended_at_its_limit,
    a_process_that_does_not_react_is_killed,
    a_panic_in_a_raw_thread_is_its_own,
    what_it_leaves_behind_is_named_and_ended,
    its_output_is_exactly_its_own,
    it_makes_its_own_fixtures_and_its_server_is_gone,
    ctrl_c_takes_its_fixtures_down,
    a_killed_harness_leaves_nothing_of_it,
    json_says_that_it_was_isolated,
    it_runs_under_nextest_as_well,
    hidden_verbs_without_a_harness_do_nothing,
];

fn rooms<const N: usize>(args: [&str; N]) -> Said {
    binary("rooms", args).run()
}

/// The text of a failure, as it stands under the name of the case.
fn failure<'a>(said: &'a Said, name: &str) -> &'a str {
    let head = format!("---- {name} ----\n");
    let (_, rest) = said
        .out
        .split_once(&head)
        .unwrap_or_else(|| panic!("{name} did not fail:\n{}", said.out));
    rest.split("\n\n---- ").next().unwrap_or(rest)
}

fn ordinary_ends_are_as_everywhere() {
    let said = rooms([
        "alone::passes",
        "alone::panics_as_expected",
        "alone::skips",
        "alone::has_cases",
        "alone::returns_an_error",
        "alone::panics",
        "--skip",
        "raw_thread",
    ])
    .exits(101);
    let results = said.results();
    for (name, result) in [
        ("alone::passes", "ok"),
        ("alone::passes_async", "ok"),
        ("alone::panics_as_expected", "ok"),
        ("alone::has_cases::one", "ok"),
        ("alone::has_cases::two", "ok"),
        ("alone::skips", "ignored (no file to read)"),
        ("alone::returns_an_error", "FAILED"),
        ("alone::panics", "FAILED"),
    ] {
        assert_eq!(results[name], result, "{name}\n{}", said.out);
    }
    let panic = failure(&said, "alone::panics");
    assert!(
        panic.starts_with("thread 'alone::panics' panicked at "),
        "{panic}"
    );
    assert_eq!(panic.matches("boom").count(), 1, "{panic}");
    assert!(panic.contains("before the panic"), "{panic}");
    assert!(failure(&said, "alone::returns_an_error").contains("no luck today"));
}

fn an_abort_a_fault_and_an_exit_are_called_what_they_are() {
    let said = rooms([
        "alone::aborts",
        "alone::segfaults",
        "alone::exits",
        "alone::passes",
        "--skip",
        "as_expected",
    ])
    .exits(101)
    .says(["2 passed; 4 failed"]);
    for (name, text) in [
        (
            "alone::aborts",
            "the process was ended by SIGABRT (abort) in the body",
        ),
        (
            "alone::segfaults",
            "the process was ended by SIGSEGV (segmentation fault) in the body",
        ),
        (
            "alone::exits_with_0",
            "the process ended itself with exit code 0 in the body",
        ),
        (
            "alone::exits_with_3",
            "the process ended itself with exit code 3 in the body",
        ),
    ] {
        assert!(failure(&said, name).contains(text), "{name}\n{}", said.out);
    }
    assert!(
        failure(&said, "alone::aborts").contains("before the abort"),
        "{}",
        said.out
    );
}

fn a_stack_overflow_is_called_what_it_is() {
    let said = rooms(["alone::overflows_its_stack"]).exits(101);
    let text = failure(&said, "alone::overflows_its_stack");
    assert!(text.starts_with("stack overflow in the body"), "{text}");
}

fn an_expected_abort_is_an_expected_failure() {
    rooms(["alone::aborts_as_expected"]).exits(0).says([
        "ok",
        "[expected failure: known to abort]",
        "1 passed; 0 failed",
    ]);
}

fn a_stuck_call_is_ended_at_its_limit() {
    let said = rooms(["alone::blocks", "alone::waits_for_ever"]).exits(101);
    for (name, limit) in [("alone::blocks", "2s"), ("alone::waits_for_ever", "0.100s")] {
        assert!(said.results()[name].contains("[timed out]"), "{}", said.out);
        assert!(
            failure(&said, name).contains(&format!("timed out in the body after {limit}")),
            "{}",
            said.out
        );
    }
    assert!(failure(&said, "alone::blocks").contains("before it is stuck"));
}

fn a_process_that_does_not_react_is_killed() {
    let said = rooms(["alone::stops_itself"]).exits(101);
    let text = failure(&said, "alone::stops_itself");
    assert!(text.contains("timed out in the body after 5s"), "{text}");
    assert!(
        text.contains("its process did not react and was killed"),
        "{text}"
    );
}

fn a_panic_in_a_raw_thread_is_its_own() {
    let said = rooms(["alone::panics_in_a_raw_thread", "alone::passes"])
        .exits(101)
        .says(["2 passed; 1 failed"]);
    let text = failure(&said, "alone::panics_in_a_raw_thread");
    assert!(
        text.contains("a task or thread of this test panicked"),
        "{text}"
    );
    assert_eq!(text.matches("in a raw thread").count(), 1, "{text}");
    assert_eq!(said.err, "");
}

fn what_it_leaves_behind_is_named_and_ended() {
    let said = rooms(["alone::leaves_a_daemon"]).exits(101);
    let text = failure(&said, "alone::leaves_a_daemon");
    assert!(
        text.contains("left 2 processes behind, which were ended: "),
        "{text}"
    );
    let daemons: Vec<u32> = text
        .lines()
        .filter_map(|l| l.strip_prefix("daemon ")?.parse().ok())
        .collect();
    assert_eq!(daemons.len(), 2, "{text}");
    for daemon in daemons {
        assert!(text.contains(&format!("{daemon} (")), "{text}");
        assert!(!lives(daemon), "{text}");
    }
}

fn its_output_is_exactly_its_own() {
    let said = rooms([
        "alone::has_cases",
        "alone::passes",
        "--show-output",
        "--test-threads=4",
    ])
    .exits(0)
    .says_not(["one of:"]);
    let of = |name: &str| {
        let (_, rest) = said
            .out
            .split_once(&format!("---- {name} ----\n"))
            .expect("shown");
        rest.split("\n\n").next().unwrap_or(rest).to_owned()
    };
    assert_eq!(of("alone::has_cases::one"), "case 1");
    assert_eq!(of("alone::has_cases::two"), "case 2");
    assert!(of("alone::passes").starts_with("said alone by "));
}

fn it_makes_its_own_fixtures_and_its_server_is_gone() {
    rooms(["alone::serves"]).exits(0).says(["1 passed"]);
}

/// An isolated case that waits, with the diary of its fixtures.
struct Waiting {
    _folder: tempfile::TempDir,
    diary: std::path::PathBuf,
    started: Started,
}

impl Waiting {
    fn on(test: &str) -> Waiting {
        let folder = folder();
        let diary = folder.path().join("diary");
        let started = binary("rooms", [test, "--exact", "--include-ignored"])
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
                "it ended by itself: {:?}",
                waiting.lines()
            );
            waiting.lines().iter().any(|l| l.starts_with("waiting"))
        });
        waiting
    }

    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.diary).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn process(&self) -> u32 {
        let lines = self.lines();
        let line = lines
            .iter()
            .find(|l| l.starts_with("waiting"))
            .expect("it waits");
        line.rsplit(' ')
            .next()
            .expect("a word")
            .parse()
            .expect("a number")
    }
}

/// Whether a process is there and has not ended.
fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| {
        s.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.starts_with(" Z"))
    })
}

fn ctrl_c_takes_its_fixtures_down() {
    for test in [
        "alone::waits_to_be_stopped",
        "alone::waits_in_a_blocking_call",
    ] {
        let waiting = Waiting::on(test);
        let (diary, process) = (waiting.diary.clone(), waiting.process());
        waiting.started.signal(Signal::INT);
        let said = waiting.started.end().exits(130);
        said.says(["interrupted (Ctrl-C)", "0 passed; 1 failed"]);
        let lines = std::fs::read_to_string(diary).expect("the diary");
        assert!(lines.ends_with("house down\n"), "{test}: {lines}");
        assert!(!lives(process), "{test}");
    }
}

fn a_killed_harness_leaves_nothing_of_it() {
    let waiting = Waiting::on("alone::waits_in_a_blocking_call");
    let process = waiting.process();
    waiting.started.signal(Signal::KILL);
    until("the end of the case's process", || !lives(process));
    assert!(waiting.started.end().killed);
}

fn json_says_that_it_was_isolated() {
    let said = rooms(["alone::aborts", "--exact", "--format=json"]).exits(101);
    let event = said
        .events()
        .into_iter()
        .find(|e| e["event"] == "failed" && e["type"] == "test")
        .expect("it failed");
    assert_eq!(event["harness"]["isolated"], true);
    assert_eq!(event["harness"]["outcome"], "failed");
    assert!(event["stdout"].as_str().expect("text").contains("SIGABRT"));
    let folder = event["harness"]["evidence"].as_str().expect("a folder");
    assert!(folder.contains("alone.aborts/"), "{folder}");
}

fn it_runs_under_nextest_as_well() {
    for (name, code) in [("alone::passes", 0), ("alone::aborts", 101)] {
        binary("rooms", ["--exact", name, "--nocapture"])
            .env("NEXTEST", "1")
            .env("NEXTEST_RUN_ID", "6f1b4e0a-0000-4000-8000-000000000000")
            .env("NEXTEST_EXECUTION_MODE", "process-per-test")
            .run()
            .exits(code);
    }
}

/// They are for the harness itself; called by hand they end, without a panic.
fn hidden_verbs_without_a_harness_do_nothing() {
    for args in [
        &["__tribunal-warden"][..],
        &["__tribunal-warden", "nonsense"],
        &["__tribunal-stacks"],
        &["__tribunal-stacks", "nonsense"],
        &["__tribunal-isolated-case"],
        &["__tribunal-isolated-case", "{}"],
    ] {
        let said = binary("rooms", args.iter().copied()).run();
        assert!(!said.err.contains("panicked"), "{args:?}: {}", said.err);
    }
}
