//! The readers of libtest's JSON: rust-analyzer, RustRover, and any reader of JSON, on streams with every outcome.

use std::process::{Command, Stdio};

use crate::editors::{self, Diff};
use crate::row::rows;
use crate::s2_3_events::end;
use crate::scaffold::{binary, lab};

rows![
    numbers_are_numbers_and_names_have_no_crate,
    rust_analyzer_reads_every_outcome,
    rust_rover_rules_hold_for_every_outcome,
    rust_rover_diff_viewer_reads_a_failed_comparison,
    rust_rover_tree_navigates_to_the_function,
    no_line_looks_like_an_executable;
    with "jq":
    every_line_is_read_by_another_reader_of_json,
];

/// Counts are numbers, and names carry no crate, so that an editor finds them.
fn numbers_are_numbers_and_names_have_no_crate() {
    let events = lab(["answers", "--format", "json"]).events();
    let last = events.last().expect("an event");
    for key in ["passed", "failed", "ignored", "measured", "filtered_out"] {
        assert!(last[key].is_u64(), "{key} is {}", last[key]);
    }
    assert!(
        events
            .iter()
            .filter_map(|e| e["name"].as_str())
            .all(|n| !n.starts_with("lab::"))
    );
}

/// Every outcome becomes a state of rust-analyzer's, with a text where there is one; nothing is shown as stray text.
fn rust_analyzer_reads_every_outcome() {
    let said = lab(["--format", "json", "-Z", "unstable-options"]).exits(101);
    let explorer = editors::rust_analyzer(&said.out);
    assert!(explorer.console.is_empty(), "{:?}", explorer.console);
    let state = |name: &str| {
        explorer
            .nodes
            .get(name)
            .cloned()
            .unwrap_or_else(|| panic!("{name} has no state"))
    };
    assert_eq!(state("answers::passes"), "ok");
    assert_eq!(state("panics::as_expected"), "ok");
    assert_eq!(state("kept_back::fails_as_expected"), "ok");
    assert_eq!(state("gates::program"), "ignored");
    assert_eq!(state("kept_back::skips_itself"), "ignored");
    for (name, text) in [
        ("answers::fails", "the sum is wrong"),
        ("panics::otherwise", "panic did not contain expected string"),
        ("panics::not_at_all", "test did not panic as expected"),
        ("panics::in_a_task", "in a task"),
        (
            "kept_back::passes_unexpectedly",
            "passed, but is expected to fail: thought to be broken",
        ),
        ("late::sleeps", "timed out in the body"),
    ] {
        assert!(
            state(name).starts_with("failed: ") && state(name).contains(text),
            "{name}: {}",
            state(name)
        );
    }
    assert!(
        !explorer.nodes.values().any(|s| s == "started"),
        "everything that started ended"
    );
}

/// The rules of its converter, on a run with every outcome, as it is started there.
fn rust_rover_rules_hold_for_every_outcome() {
    let said = lab(["-Z", "unstable-options", "--format=json", "--show-output"]).exits(101);
    let tree = editors::rust_rover(&said.out).unwrap_or_else(|e| panic!("{e}\n{}", said.out));
    assert!(tree.len() > 8, "{tree:?}");
}

/// `thread '…' panicked at FILE:L:C:`, the message, `left`, `right`, a line that ends it; no thread id.
fn rust_rover_diff_viewer_reads_a_failed_comparison() {
    for backtrace in ["0", "1"] {
        let said = binary(
            "lab",
            ["answers::fails", "--format", "json", "--show-output"],
        )
        .env("RUST_BACKTRACE", backtrace)
        .run()
        .exits(101);
        let events = said.events();
        let stdout = end(&events, "answers::fails")["stdout"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let Some(Diff { place, left, right }) = editors::diff(&stdout) else {
            panic!("with RUST_BACKTRACE={backtrace} it cannot be read:\n{stdout}")
        };
        assert!(place.starts_with("lab/tests/lab.rs:"), "{place}");
        assert_eq!((left.as_str(), right.as_str()), ("1", "2"));
    }
}

/// The suite of `m::f::case` is `m::f`, which is the function.
fn rust_rover_tree_navigates_to_the_function() {
    let said = lab(["cased", "--format=json", "--show-output"]).exits(0);
    let tree = editors::rust_rover(&said.out).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        tree["cased::named"]
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["large", "small"]
    );
    // What is made at start-up has no second identity there: with --show-output the base name is no test.
    assert!(!tree.contains_key("cased") || !tree["cased"].contains("made_at_start"));
    assert_eq!(tree["cased::made_at_start"].len(), 2);
}

/// RustRover takes a line with `/target/` for an executable while it waits for a suite.
fn no_line_looks_like_an_executable() {
    let said = lab(["--format", "json"]).exits(101);
    assert!(
        said.out
            .lines()
            .next()
            .is_some_and(|l| l.starts_with('{') && l.contains("suite")),
        "nothing stands before the suite"
    );
    assert!(!said.out.contains("/target/"));
}

/// A second opinion: `jq` reads the whole stream.
fn every_line_is_read_by_another_reader_of_json() {
    use std::io::Write as _;
    let said = lab(["--format", "json"]).exits(101);
    let mut jq = Command::new("jq")
        .args(["-r", ".event"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("jq");
    let mut input = jq.stdin.take().expect("its input");
    let text = said.out.clone();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let read = jq.wait_with_output().expect("jq");
    writer
        .join()
        .expect("no panic")
        .expect("jq reads everything");
    assert!(read.status.success());
    assert_eq!(
        String::from_utf8_lossy(&read.stdout).lines().count(),
        said.out.lines().count()
    );
}
