//! Input that is wrong: each gives an error that a newcomer can act on, and the right exit code. Nothing hangs.

use std::net::TcpListener;

use crate::row::rows;
use crate::scaffold::{Workspace, binary, lab};

rows![
    unknown_marker,
    unknown_flag,
    unknown_level,
    unknown_stage_and_step,
    unknown_case,
    undeclared_level_in_an_expression,
    test_threads_0,
    ignored_with_include_ignored,
    expression_cut_off_in_the_middle,
    expression_far_too_long_or_deep,
    markers_toml_with_a_cycle,
    markers_toml_that_is_no_toml,
    two_tests_of_one_name,
    two_cases_of_one_name,
    cases_that_cannot_be_made,
    case_with_an_unknown_marker,
    a_broken_rule_stops_the_run_and_is_named,
    a_broken_rule_is_told_by_lint_all_at_once,
    a_body_that_calls_exit,
    a_body_that_calls_exit_under_json,
    print_without_newline_under_json,
    arguments_that_are_not_unicode,
    variables_that_are_not_unicode,
    a_port_in_use,
    a_server_that_never_starts,
    a_server_that_exits_at_once,
    a_server_that_answers_500,
    a_server_that_is_someone_elses,
    a_server_whose_program_is_not_there,
];

/// With a caret and the nearest declared name.
fn unknown_marker() {
    lab(["-m", "core_modle and e2e"])
        .exits(2)
        .warns(["core_modle", "^", "core_model"]);
    lab(["--sequential-unless", "paralel"])
        .exits(2)
        .warns(["--sequential-unless", "parallel"]);
}

/// With the nearest option.
fn unknown_flag() {
    lab(["--list-all"])
        .exits(2)
        .warns(["unknown option `--list-all`"]);
    lab(["--requir-hardware"])
        .exits(2)
        .warns(["did you mean `--require-hardware`?"]);
}

/// With all levels and the nearest one.
fn unknown_level() {
    lab(["--run-level", "advanced"]).exits(2).warns([
        "no level `advanced` is declared",
        "core_model, advanced_model, full_model, slow",
    ]);
    binary("lab", ["answers"])
        .env("TRIBUNAL_RUN_LEVEL", "full_modle")
        .run()
        .exits(2)
        .warns(["did you mean `full_model`?"]);
}

/// With the stages, or the steps of the stage.
fn unknown_stage_and_step() {
    lab(["--stage", "premerge"]).exits(2).warns([
        "no stage `premerge` is declared",
        "did you mean `pre_merge`?",
    ]);
    lab(["--stage", "pre_merge.paralel"]).exits(2).warns([
        "stage `pre_merge` has no step `paralel`",
        "did you mean `pre_merge.parallel`?",
    ]);
}

/// Where a name must be one. As a filter a name that matches nothing is a note, as in libtest.
fn unknown_case() {
    lab(["--explain", "answers::pases"]).exits(2).warns([
        "no test or case is named `answers::pases`",
        "did you mean `answers::passes`?",
    ]);
    lab(["--exact", "answers::pases"])
        .exits(0)
        .says(["note: nothing was executed"]);
}

/// A level that is not declared is no marker either.
fn undeclared_level_in_an_expression() {
    lab(["-m", "l4_model"]).exits(2).warns(["l4_model"]);
}

fn test_threads_0() {
    lab(["--test-threads", "0"])
        .exits(2)
        .warns(["--test-threads needs a number from 1 up"]);
}

fn ignored_with_include_ignored() {
    lab(["--ignored", "--include-ignored"])
        .exits(2)
        .warns(["exclude one another"]);
}

/// With the column where something is missing.
fn expression_cut_off_in_the_middle() {
    for text in [
        "e2e and (slow or",
        "not",
        "max_vram_gib(gib=",
        "max_vram_gib(",
        "requires(program='x",
    ] {
        let said = lab(["-m", text]).exits(2);
        assert!(
            said.err.contains("-m: ") && said.err.contains('^'),
            "{text}: {}",
            said.err
        );
    }
}

/// No stack is exhausted and nothing takes for ever.
fn expression_far_too_long_or_deep() {
    let deep = "(".repeat(20_000);
    assert_eq!(binary("lab", ["-m", &deep]).run().code, 2);
    let nots = format!("{}e2e", "not ".repeat(20_000));
    assert!(!binary("lab", ["-m", &nots, "--list"]).run().killed);
    let long = vec!["e2e"; 10_000].join(" or ");
    assert!(!binary("lab", ["-m", &long, "--list"]).run().killed);
}

/// A cycle of implications is an error at compile time, with the cycle.
fn markers_toml_with_a_cycle() {
    let markers = "[categories.other.markers]\nfirst_one = { doc = \"1\", implies = [\"second_one\"] }\nsecond_one = { doc = \"2\", implies = [\"first_one\"] }\n";
    let workspace = Workspace::own(
        "cyclic",
        Some(markers),
        "tribunal::main!();\n\n#[tribunal::test]\n#[first_one]\nfn t() {}\n",
    );
    let said = workspace.cargo(["test", "--no-run"]).run().exits(101);
    said.warns([
        "the vocabulary of this package has mistakes",
        "markers.toml:",
        "first_one",
        "second_one",
    ]);
}

/// With line and column.
fn markers_toml_that_is_no_toml() {
    let workspace = Workspace::own(
        "garbled",
        Some("[levels\ncore = 1\n"),
        "tribunal::main!();\n\n#[tribunal::test]\nfn t() {}\n",
    );
    workspace
        .cargo(["test", "--no-run"])
        .run()
        .exits(101)
        .warns(["markers.toml:1:"]);
}

/// Both places are named, and nothing runs. One stands in a library, the other in the target: names leave the crate out.
fn two_tests_of_one_name() {
    for args in [
        &[][..],
        &["--list"],
        &["m::same", "--exact"],
        &["--format", "json"],
    ] {
        let said = binary("twice", args).run().exits(2).warns([
            "m::same: another test has this name",
            "twice/src/lib.rs:",
            "twice/tests/twice.rs:",
            "help: rename one of them",
            "so nothing runs",
        ]);
        said.says_not(["must not run", "running"]);
    }
}

fn two_cases_of_one_name() {
    binary("ruled", ["--list"])
        .run()
        .exits(2)
        .warns(["cases_of_one_name::one: another case has this name"]);
}

fn cases_that_cannot_be_made() {
    binary("ruled", ["--list"]).run().exits(2).warns([
        "cases_cannot_be_made: its cases cannot be made: the folder of cases is not there",
    ]);
}

fn case_with_an_unknown_marker() {
    binary("ruled", ["--list"])
        .run()
        .exits(2)
        .warns(["case_with_an_unknown_marker::one: ", "no_such_marker"]);
}

/// Rules that only merged markers show: the run refuses to start, names the test, the place and the rule.
fn a_broken_rule_stops_the_run_and_is_named() {
    let said = binary("ruled", ["--test-threads=1"]).run().exits(2);
    let said = said.warns([
        "on_devices::wants_both",
        "cpu",
        "gpu_2",
        "ruled/tests/ruled.rs:",
        "rules about tests are broken, so nothing runs",
    ]);
    said.warns([
        "long::without_a_limit: a `slow` test must state its own time limit",
        "help: add #[timeout(",
    ])
    .says_not(["must not run"]);
    // Also by cargo, so that CI stops.
    Workspace::shared()
        .cargo_line("test -p ruled --test ruled")
        .run()
        .exits(2)
        .warns(["so nothing runs"]);
}

/// All of them, and nothing runs.
fn a_broken_rule_is_told_by_lint_all_at_once() {
    let said = binary("ruled", ["--lint"]).run().exits(2).says([
        "on_devices::wants_both",
        "long::without_a_limit",
        "cases_of_one_name::one",
        "cases_cannot_be_made",
        "case_with_an_unknown_marker",
    ]);
    said.says_not(["must not run"]);
}

/// The process ends, but not with a pass: the message names the test.
fn a_body_that_calls_exit() {
    let said = lab(["wild::exits", "--exact", "--include-ignored"]).exits(101);
    said.warns([
        "test `wild::exits` ended the process with `exit`",
        "help: return an error or panic instead",
    ]);
}

/// The stream is cut off, but what stands there is whole.
fn a_body_that_calls_exit_under_json() {
    let said = lab([
        "wild::exits",
        "--exact",
        "--include-ignored",
        "--format",
        "json",
    ])
    .exits(101);
    assert!(said.events().iter().all(|e| e["event"] != "ok"));
    said.warns(["wild::exits"]);
}

/// The lines stay whole.
fn print_without_newline_under_json() {
    let said = lab([
        "wild::prints_without_newline",
        "--include-ignored",
        "--format",
        "json",
        "--nocapture",
    ])
    .exits(0);
    assert_eq!(said.events().len(), 4);
}

fn arguments_that_are_not_unicode() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    binary("lab", [odd])
        .run()
        .exits(2)
        .warns(["not valid Unicode"]);
    binary("lab", [std::ffi::OsStr::new("-m"), odd])
        .run()
        .exits(2);
}

fn variables_that_are_not_unicode() {
    use std::os::unix::ffi::OsStrExt as _;
    binary("lab", ["answers"])
        .env("TRIBUNAL_SELECT", std::ffi::OsStr::from_bytes(b"caf\xe9"))
        .run()
        .exits(2)
        .warns(["TRIBUNAL_SELECT is not valid Unicode"]);
}

/// A set-up failure with all that one needs: which server, which step, and the cause.
#[track_caller]
fn server<const N: usize>(test: &str, parts: [&str; N]) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let said = binary("servers", [test, "--exact"])
        .env("LAB_TAKEN_PORT", &port)
        .run()
        .exits(101);
    assert_eq!(
        said.results()[test],
        "FAILED [set-up failed]",
        "{}",
        said.out
    );
    said.says(parts).says(["set-up failed: "]);
}

/// Whose it is, and what to do.
fn a_port_in_use() {
    server("port_in_use", ["is not free", "is used by pid", "to do "]);
}

fn a_server_that_never_starts() {
    server("never_starts", ["silent", "1.5"]);
}

/// Its status and the last lines of its log.
fn a_server_that_exits_at_once() {
    server(
        "exits_at_once",
        ["exiting", "3", "the model file is missing"],
    );
}

/// What it answered.
fn a_server_that_answers_500() {
    server("answers_500", ["failing", "500", "the engine is dead"]);
}

/// Somebody else listens on the port: that is never taken for ready.
fn a_server_that_is_someone_elses() {
    server("someone_elses", ["elsewhere"]);
}

fn a_server_whose_program_is_not_there() {
    server("no_such_program", ["no-such-server-anywhere"]);
}
