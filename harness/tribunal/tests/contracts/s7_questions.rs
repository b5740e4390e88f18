//! The questions that were put to the peers, put to Tribunal: every row is the good answer.

use crate::editors;
use crate::row::rows;
use crate::scaffold::{Workspace, binary, calm, lab};

rows![
    run_level_in_a_mixed_workspace,
    two_filters,
    test_threads_0_does_not_hang,
    nextest_list_has_no_bench_line,
    names_are_identifiers_without_kinds,
    exact_on_the_base_name_of_cases,
    json_of_a_slow_test_is_live,
    a_panic_has_file_and_line_in_json,
    names_in_json_match_the_editors_tree,
    names_carry_the_module_path,
    empty_filter_parallel_explorers_and_torn_lines,
    fixtures_are_dropped_without_statics,
    an_alias_lists;
    with "cargo-nextest":
    nextest_shows_an_unmet_gate_as_skipped,
    nextest_lists_and_runs_cases,
    nextest_timeout_leak_and_statics;
    cannot run:
    lens_variants_per_case_lenses__cannot_run_here = "rust-analyzer is not installed; the expansion for it is tested with the macros",
    startup_figures__cannot_run_here = "times are measured in the benches, never asserted in a test",
];

/// libtest targets stop at the flag; the variable, a chosen target, and an alias all work.
fn run_level_in_a_mixed_workspace() {
    let workspace = Workspace::shared();
    workspace
        .cargo_line("test -p mixed")
        .env("TRIBUNAL_RUN_LEVEL", "advanced_model")
        .run()
        .exits(0)
        .says(["run level advanced_model"]);
    workspace
        .cargo_line("calm --run-level advanced_model")
        .run()
        .exits(0)
        .says(["run level advanced_model"]);
}

/// libtest-mimic exits 2.
fn two_filters() {
    assert_eq!(
        calm(["m::one", "m::two"]).exits(0).names(),
        ["m::one", "m::two"]
    );
}

/// libtest-mimic hangs for ever.
fn test_threads_0_does_not_hang() {
    calm(["--test-threads", "0"]).exits(2);
}

/// A `: bench` line ends a nextest run with 104.
fn nextest_list_has_no_bench_line() {
    for args in [
        &["--list", "--format", "terse"][..],
        &["--list", "--format", "terse", "--ignored"],
        &["--list", "--format", "terse", "--bench"],
    ] {
        assert!(
            binary("lab", args)
                .run()
                .exits(0)
                .out
                .lines()
                .all(|l| l.ends_with(": test"))
        );
    }
}

/// No `[e2e] m::kinded`, no brackets, no spaces.
fn names_are_identifiers_without_kinds() {
    for name in lab(["--list", "--format", "terse"]).exits(0).listed() {
        assert!(
            name.split("::")
                .all(|s| s.chars().all(|c| c.is_alphanumeric() || c == '_')
                    && !s.starts_with(|c: char| c.is_ascii_digit())),
            "{name}"
        );
    }
}

/// libtest-mimic runs 0 tests and exits 0.
fn exact_on_the_base_name_of_cases() {
    lab(["--exact", "cased::named"]).exits(0).says(["2 passed"]);
}

/// In libtest-mimic `started` and `ok` come together at the end: durations are 0.
fn json_of_a_slow_test_is_live() {
    let events = lab(["late::sleeps", "--format", "json"])
        .exits(101)
        .events();
    assert_eq!(events[1]["event"], "started");
    assert!(events[2]["exec_time"].as_f64().is_some_and(|t| t >= 0.05));
}

/// In libtest-mimic the message has neither, and the thread is `<unnamed>`.
fn a_panic_has_file_and_line_in_json() {
    let events = lab(["answers::fails", "--format", "json"])
        .exits(101)
        .events();
    let stdout = events[2]["stdout"].as_str().unwrap_or_default();
    assert!(
        stdout.starts_with("thread 'answers::fails' panicked at lab/tests/lab.rs:"),
        "{stdout}"
    );
}

/// test-r puts the crate in front, and the editor finds nothing.
fn names_in_json_match_the_editors_tree() {
    let explorer = editors::rust_analyzer(&lab(["cased::named", "--format", "json"]).exits(0).out);
    assert_eq!(
        explorer
            .nodes
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["cased::named::large", "cased::named::small"]
    );
}

/// skuld leaves it out, so that `m::a --exact` finds nothing.
fn names_carry_the_module_path() {
    lab(["answers::passes", "--exact"])
        .exits(0)
        .says(["1 passed"]);
}

/// Each proven in its own module; here all at once: several explorers, one of them with the empty filter and stray prints.
fn empty_filter_parallel_explorers_and_torn_lines() {
    let filters = ["", "answers", "cased", "crossed"];
    let started: Vec<_> = filters
        .iter()
        .map(|f| {
            binary(
                "lab",
                [f, "-Z", "unstable-options", "--format=json", "--nocapture"],
            )
            .start()
        })
        .collect();
    for (filter, started) in filters.iter().zip(started) {
        let said = started.end();
        let explorer = editors::rust_analyzer(&said.out);
        assert!(
            explorer.console.is_empty() && !explorer.nodes.is_empty(),
            "{filter}: {explorer:?}"
        );
    }
}

/// A `LazyLock` fixture is never dropped; ours are taken down.
fn fixtures_are_dropped_without_statics() {
    let folder = crate::call::folder();
    let diary = folder.path().join("diary");
    binary("calm", ["m::uses_the_room"])
        .env("LAB_DIARY", &diary)
        .run()
        .exits(0);
    assert_eq!(
        std::fs::read_to_string(&diary).expect("the diary"),
        "house up\nroom up\nbody\nroom down\nhouse down\n"
    );
}

/// `cargo e2e --list`.
fn an_alias_lists() {
    Workspace::shared()
        .cargo_line("calm --list")
        .run()
        .exits(0)
        .says(["m::one: test"]);
}

/// With libtest-mimic a skip at run time is shown as passed.
fn nextest_shows_an_unmet_gate_as_skipped() {
    let said = Workspace::shared()
        .cargo_line("nextest run -p lab -- gates::program levels::first")
        .run()
        .exits(0);
    assert!(
        said.err.contains("2 tests run: 2 passed") && said.err.contains("skipped"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("gates::program"), "{}", said.err);
}

/// Cases by their whole names.
fn nextest_lists_and_runs_cases() {
    Workspace::shared()
        .cargo_line("nextest run -p lab -- cased::")
        .run()
        .exits(0)
        .warns(["8 tests run: 8 passed"]);
}

/// SIGTERM within the grace period, no leak, no statics: each in `s3_nextest`; here that a plain run reports none of them.
fn nextest_timeout_leak_and_statics() {
    let said = Workspace::shared()
        .cargo_line("nextest run -p mixed")
        .run()
        .exits(0);
    assert!(
        !said.err.contains("LEAK") && !said.err.contains("TIMEOUT") && !said.err.contains("SLOW"),
        "{}",
        said.err
    );
}
