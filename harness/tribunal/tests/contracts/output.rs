//! What reaches the terminal: results, captured output and messages never tear one another.

use crate::row::rows;
use crate::said::without_times;
use crate::scaffold::{binary, lab};

rows![
    the_whole_text_of_a_run,
    the_whole_text_of_a_terse_run,
    two_hundred_printing_tests_tear_no_line,
    two_hundred_printing_tests_tear_no_json,
    own_output_is_exact_when_one_test_runs,
    output_of_parallel_tests_is_one_of,
    a_panic_has_place_and_message_and_no_thread_id,
    a_backtrace_is_trimmed,
    a_panic_in_a_task_fails_its_test,
    a_panic_in_a_raw_thread_fails_the_run,
    a_blocked_body_does_not_stop_the_run,
    xfail_strict_and_not,
    a_closed_standard_output_is_no_panic,
    reasons_are_grouped_at_the_end,
];

/// One thread, so that the order is given: every kind of line there is.
fn the_whole_text_of_a_run() {
    let said = lab([
        "kept_back",
        "panics::as_expected",
        "gates::program",
        "--test-threads=1",
    ])
    .exits(101);
    let expected = include_str!("project/expected_run.txt");
    // The name of the run has its time in it.
    let shown: String = without_times(&said.out)
        .lines()
        .map(|l| {
            if l.starts_with("evidence: ") {
                "evidence: E"
            } else {
                l
            }
        })
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(shown, expected, "--- as it is now ---\n{shown}");
    assert_eq!(said.err, "");
}

/// One character per case, and the same summary.
fn the_whole_text_of_a_terse_run() {
    let said = lab([
        "answers::passes",
        "gates::program",
        "-q",
        "--test-threads=1",
    ])
    .exits(0);
    let expected = "\
run level core_model (the default), 3 of 45 cases selected

running 3 tests
..i
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 42 filtered out; finished in T

what did not run, and why:
     1 skipped: needs the program `no-such-program-anywhere` on PATH
       gates::program

filtered out: 42 by name
";
    assert_eq!(without_times(&said.out), expected);
}

/// Two hundred tests print lines that look like results, without newlines, side by side: each result is whole and stands once.
fn two_hundred_printing_tests_tear_no_line() {
    let said = binary("crowd", ["--test-threads", "8"]).run().exits(101);
    let results = said.results();
    assert_eq!(
        results.len(),
        200,
        "{:?}",
        results.keys().take(5).collect::<Vec<_>>()
    );
    for (name, result) in &results {
        let expected = if name == "prints::n077" {
            "FAILED"
        } else {
            "ok"
        };
        assert_eq!(result, expected, "{name}");
    }
    // Only the failure shows output, and only below its own head.
    let head = said.out.find("---- prints::n077").expect("the failure");
    assert!(
        said.out.find("torn").is_none_or(|at| at > head),
        "output stands between results"
    );
    let said = said.says([
        "test result: FAILED. 199 passed; 1 failed;",
        "own line of 77",
    ]);
    assert!(!said.err.contains("torn"));
}

/// The same as JSON, with all output shown: every line is an event.
fn two_hundred_printing_tests_tear_no_json() {
    for extra in [&[][..], &["--show-output"], &["--nocapture"]] {
        let said = binary(
            "crowd",
            [&["--test-threads", "8", "--format", "json"], extra].concat(),
        )
        .run()
        .exits(101);
        let ends = said
            .events()
            .iter()
            .filter(|e| e["event"] == "ok" || e["event"] == "failed")
            .count();
        // One end per case, one for the base name (unless RustRover asks), one for the suite.
        let expected = if extra == ["--show-output"] { 201 } else { 202 };
        assert_eq!(ends, expected, "{extra:?}");
    }
}

/// While one case runs, what is printed is surely its own.
fn own_output_is_exact_when_one_test_runs() {
    let said = binary(
        "crowd",
        ["--test-threads=1", "--format", "json", "--show-output"],
    )
    .run()
    .exits(101);
    for event in said.events() {
        let (Some(name), Some(stdout)) = (event["name"].as_str(), event["stdout"].as_str()) else {
            continue;
        };
        let n: usize = name
            .strip_prefix("prints::n")
            .and_then(|n| n.parse().ok())
            .expect("a case");
        assert!(stdout.contains(&format!("own line of {n}\n")), "{stdout}");
        assert_eq!(
            stdout.matches(&format!("{{\"torn\": {n} part ")).count(),
            20,
            "{name}"
        );
        assert_eq!(
            stdout.matches("{\"torn\": ").count(),
            20,
            "{name} has the output of another"
        );
        assert!(!stdout.contains("one of:"), "{stdout}");
    }
}

/// While several run, a raw print may be any one's, and is shown as such; `tribunal::log!` is exact.
fn output_of_parallel_tests_is_one_of() {
    let said = binary("crowd", ["--test-threads", "8", "--format", "json"])
        .run()
        .exits(101);
    let events = said.events();
    let failed = events
        .iter()
        .find(|e| e["name"] == "prints::n077" && e["event"] == "failed")
        .expect("the failure");
    let stdout = failed["stdout"].as_str().unwrap_or_default();
    assert_eq!(stdout.matches("own line of ").count(), 1, "{stdout}");
    assert!(stdout.contains("own line of 77"));
    // What surely is its own or may be: no line of output stands without either.
    assert!(stdout.contains("torn"), "{stdout}");
}

/// libtest's form, which editors parse, without the thread's number that rustc 1.95 adds.
fn a_panic_has_place_and_message_and_no_thread_id() {
    let said = binary("lab", ["answers::fails", "--exact"])
        .run()
        .exits(101);
    let text: Vec<&str> = said
        .out
        .lines()
        .skip_while(|l| !l.starts_with("---- "))
        .skip(1)
        .take(5)
        .collect();
    assert!(
        text[0].starts_with("thread 'answers::fails' panicked at lab/tests/lab.rs:"),
        "{text:?}"
    );
    assert_eq!(
        text[1..],
        [
            "assertion `left == right` failed: the sum is wrong",
            "  left: 1",
            " right: 2",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"
        ]
    );
    assert_eq!(said.err, "", "nothing is printed from the hook");
}

/// From the test's own frames on; nothing of the panic machinery, nothing of the harness.
fn a_backtrace_is_trimmed() {
    let said = binary("lab", ["answers::fails", "--exact"])
        .env("RUST_BACKTRACE", "1")
        .run()
        .exits(101)
        .says(["stack backtrace:", "lab::answers::fails"]);
    said.says_not([
        "tribunal_runner::",
        "rust_begin_unwind",
        "begin_panic_handler",
        "note: run with",
    ]);
}

/// Also when the body goes on and returns.
fn a_panic_in_a_task_fails_its_test() {
    lab(["panics::in_a_task"]).exits(101).says([
        "a task or thread of this test panicked:",
        "in a task",
        "lab/tests/lab.rs:",
    ]);
}

/// No test can answer for it, so the run does.
fn a_panic_in_a_raw_thread_fails_the_run() {
    let said = lab([
        "wild::panics_in_a_raw_thread",
        "answers::passes",
        "--include-ignored",
    ])
    .exits(101);
    let all = format!("{}{}", said.out, said.err);
    assert!(
        all.contains("in a raw thread") && all.contains("lab/tests/lab.rs:"),
        "{all}"
    );
    said.says(["test result: FAILED."]);
}

/// One slot, and a body that never returns before the others: they run all the same.
fn a_blocked_body_does_not_stop_the_run() {
    for threads in ["1", "2"] {
        let said = lab([
            "late::blocks",
            "late::sleeps",
            "levels::first",
            "--test-threads",
            threads,
        ])
        .exits(101);
        assert_eq!(said.results()["levels::first"], "ok");
        assert_eq!(said.results()["levels::first_and_third"], "ok");
        said.says(["a blocking body cannot be cancelled; its thread was abandoned"]);
    }
}

/// A strict expectation that is not met fails; a failure that was expected is counted as passed and told.
fn xfail_strict_and_not() {
    let said = lab(["kept_back::fails_as_expected", "kept_back::may_pass"])
        .exits(0)
        .says([
            "expected failures, counted as passed:",
            "kept_back::fails_as_expected: known to be broken",
        ]);
    assert_eq!(
        said.results()["kept_back::fails_as_expected"],
        "ok [expected failure: known to be broken]"
    );
    lab(["kept_back::passes_unexpectedly"]).exits(101).says([
        "[unexpected pass]",
        "passed, but is expected to fail: thought to be broken",
    ]);
}

/// `| head` closes the pipe: no panic text, no hang.
fn a_closed_standard_output_is_no_panic() {
    let mut started = binary("crowd", ["--list"]).start_reading();
    drop(started.take_out());
    crate::call::until("the end of the list", || started.ended());
    let mut started = binary("crowd", ["--test-threads", "4"]).start_reading();
    drop(started.take_out());
    crate::call::until("the end of the run", || started.ended());
}

/// The same reason is told once, with the names.
fn reasons_are_grouped_at_the_end() {
    lab(["gates::", "kept_back::skips_itself"]).exits(0).says([
        "what did not run, and why:",
        "1 skipped: needs the environment variable LAB_GATE\n       gates::environment",
        "1 skipped: no file to read\n       kept_back::skips_itself",
    ]);
}
