//! libtest's flags that decide what runs and what is listed: one row for every line of the table.

use crate::row::rows;
use crate::scaffold::{binary, lab};

rows![
    filters_several_or,
    filter_empty_matches_all,
    exact_and_skip,
    exact_takes_a_base_name,
    list_terse,
    list_pretty_has_a_footer,
    list_verbose,
    list_json,
    ignored_and_include_ignored,
    ignored_with_include_ignored_is_a_usage_error,
    test_and_bench,
    exclude_should_panic,
    argfile_is_not_offered_and_is_a_filter,
];

/// Several filters select what matches any of them.
fn filters_several_or() {
    let said = lab(["cased::named", "answers::passes"]).exits(0);
    assert_eq!(
        said.names(),
        [
            "answers::passes",
            "answers::passes_async",
            "cased::named::large",
            "cased::named::small"
        ]
    );
}

/// The empty filter is part of every name.
fn filter_empty_matches_all() {
    let all = lab(["--list", "--format", "terse"]).exits(0).listed();
    assert_eq!(
        lab(["", "--list", "--format", "terse"]).exits(0).listed(),
        all
    );
    assert_eq!(
        lab(["", "cased", "--list", "--format", "terse"])
            .exits(0)
            .listed(),
        all
    );
    assert!(
        lab(["--exact", "", "--list", "--format", "terse"])
            .exits(0)
            .listed()
            .is_empty()
    );
}

/// `--exact` compares whole names, `--skip` may be repeated and wins.
fn exact_and_skip() {
    assert_eq!(
        lab(["--exact", "answers::passes"]).exits(0).names(),
        ["answers::passes"]
    );
    assert!(lab(["--exact", "passes"]).exits(0).names().is_empty());
    assert_eq!(
        lab(["answers::passes", "--skip", "async"]).exits(0).names(),
        ["answers::passes"]
    );
    assert_eq!(
        lab(["cased::named", "--skip", "small", "--skip=crossed"])
            .exits(0)
            .names(),
        ["cased::named::large"]
    );
    assert!(
        lab(["answers::passes", "--exact", "--skip", "answers::passes"])
            .exits(0)
            .names()
            .is_empty()
    );
    let by_variable = binary("lab", ["answers::passes"])
        .env("TRIBUNAL_SKIP", "async,named")
        .run()
        .exits(0);
    assert_eq!(by_variable.names(), ["answers::passes"]);
}

/// With `--exact` the name of a test stands for all its cases, also when they are made at start-up.
fn exact_takes_a_base_name() {
    let said = lab(["--exact", "cased::crossed"]).exits(0);
    assert_eq!(
        said.names(),
        [
            "cased::crossed::streamed_false__minus_1",
            "cased::crossed::streamed_false__n_16",
            "cased::crossed::streamed_true__minus_1",
            "cased::crossed::streamed_true__n_16"
        ]
    );
    let said = lab(["--exact", "cased::made_at_start"]).exits(0);
    assert_eq!(
        said.names(),
        [
            "cased::made_at_start::first_one",
            "cased::made_at_start::second"
        ]
    );
    assert!(
        lab(["--exact", "cased"]).exits(0).names().is_empty(),
        "a module is no test"
    );
}

/// `name: test` and nothing else.
fn list_terse() {
    let said = lab(["cased::named", "--list", "--format", "terse"]).exits(0);
    assert_eq!(
        said.out,
        "cased::named::large: test\ncased::named::small: test\n"
    );
    assert_eq!(said.err, "");
    assert_eq!(lab(["cased::named", "--list", "-q"]).exits(0).out, said.out);
}

/// The pretty list ends as libtest's.
fn list_pretty_has_a_footer() {
    let said = lab(["cased::named::small", "--list"]).exits(0);
    assert_eq!(
        said.out,
        "cased::named::small: test\n\n1 test, 0 benchmarks\n"
    );
}

/// `-v` adds markers, the first line of the documentation, and why a case would not run.
fn list_verbose() {
    let said = lab(["levels::first_and_third", "gates::program", "--list", "-v"]).exits(0);
    let said = said.says([
        "core_model",
        "full_model",
        "would not run: needs the program `no-such-program-anywhere` on PATH",
    ]);
    // In the terse form there is no room for anything else.
    assert_eq!(said.listed().len(), 2);
    lab(["gates::program", "--list", "-v", "--format", "terse"])
        .exits(0)
        .says_not(["would not run"]);
}

/// Discovery events with the extension object.
fn list_json() {
    let said = lab([
        "levels::first_and_third",
        "gates::program",
        "--list",
        "--format",
        "json",
    ])
    .exits(0);
    let events = said.events();
    assert_eq!(events.len(), 4);
    let gated = &events[1];
    assert_eq!(gated["name"], "gates::program");
    assert_eq!(gated["ignore"], true);
    assert_eq!(gated["harness"]["skip"], gated["ignore_message"]);
    let leveled = &events[2]["harness"];
    assert_eq!(
        leveled["levels"],
        serde_json::json!(["core_model", "full_model"])
    );
    assert_eq!(
        (&leveled["level"], &leveled["skip"]),
        (&"core_model".into(), &serde_json::Value::Null)
    );
    assert!(
        leveled["markers"]
            .as_array()
            .is_some_and(|m| m.contains(&"full_model".into()))
    );
    let vram = lab(["levels::twenty_gib", "--list", "--format", "json"])
        .exits(0)
        .events();
    assert_eq!(vram[1]["harness"]["needs"]["max_vram_gib"], 20.0);
    assert_eq!(
        vram[1]["harness"]["arguments"]["max_vram_gib"],
        serde_json::json!([{"gib": 20}])
    );
    // Markers that are given nothing are only named.
    assert!(leveled["arguments"].get("full_model").is_none());
}

/// `--ignored` takes only what is off by default or gated, `--include-ignored` both; a gate stays a gate.
fn ignored_and_include_ignored() {
    let said = lab(["kept_back::with", "--ignored"]).exits(0);
    assert_eq!(
        said.names(),
        ["kept_back::with_a_reason", "kept_back::without_a_reason"]
    );
    assert!(said.results().values().all(|r| r == "ok"));
    let said = lab(["kept_back::with", "gates::program", "--include-ignored"]).exits(0);
    assert_eq!(said.results()["kept_back::with_a_reason"], "ok");
    assert_eq!(
        said.results()["gates::program"],
        "ignored (needs the program `no-such-program-anywhere` on PATH)"
    );
    let listed = lab([
        "gates::program",
        "answers::passes",
        "--list",
        "--ignored",
        "--format",
        "terse",
    ])
    .exits(0)
    .listed();
    assert_eq!(listed, ["gates::program"]);
}

/// Both together mean nothing.
fn ignored_with_include_ignored_is_a_usage_error() {
    lab(["--ignored", "--include-ignored"])
        .exits(2)
        .warns(["`--ignored` and `--include-ignored` exclude one another"]);
}

/// `--test` changes nothing; `--bench` selects nothing and is no failure.
fn test_and_bench() {
    assert_eq!(lab(["--test", "answers::passes"]).exits(0).names().len(), 2);
    lab(["--bench"])
        .exits(0)
        .says(["running 0 tests", "0 passed; 0 failed"]);
    lab(["--test", "--bench"])
        .exits(0)
        .says(["running 0 tests"]);
}

/// Tests that are expected to panic are filtered out.
fn exclude_should_panic() {
    let said = lab(["panics::", "--exclude-should-panic"]).exits(101);
    assert_eq!(said.names(), ["panics::in_a_task"]);
    said.says(["3 by --exclude-should-panic"]);
}

/// Only libtest2 expands `@file`; here, as with libtest, it is part of no name.
fn argfile_is_not_offered_and_is_a_filter() {
    lab(["@arguments.txt"]).exits(0).says(["running 0 tests"]);
    assert_eq!(binary("plain", ["@arguments.txt"]).run().code, 0);
}
