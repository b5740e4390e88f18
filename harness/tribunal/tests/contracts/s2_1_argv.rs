//! The command lines that reach the binary: one row for every line of the table of callers.

use crate::editors;
use crate::row::rows;
use crate::scaffold::{Workspace, binary, lab, target};

rows![
    rust_analyzer_run_test_lens,
    rust_analyzer_run_test_lens_older_spelling,
    rust_analyzer_run_test_lens_on_a_test_with_cases,
    rust_analyzer_run_test_lens_is_above_the_level,
    rust_analyzer_run_tests_lens_on_a_module,
    rust_analyzer_run_tests_lens_on_the_file_root,
    rust_analyzer_debug_starts_the_binary_directly,
    rust_analyzer_test_explorer,
    rust_analyzer_test_explorer_starts_several_at_once,
    rust_analyzer_test_explorer_stop_kills_the_group,
    rust_rover_gutter,
    rust_rover_gutter_on_an_ignored_test,
    rust_rover_pre_step_builds_only,
    cargo_itself_forwards_filter_and_arguments,
    cargo_bench_sends_bench,
    cargo_itself_does_not_forward_quiet_and_color,
    working_directory_is_the_package_root;
    with "cargo-nextest":
    vs_code_override_with_nextest;
    cannot run:
    rust_rover_itself__cannot_run_here = "RustRover is closed and not installed; rust_rover_gutter and s2_3_json check its parsing rules",
    vs_code_itself__cannot_run_here = "VS Code is not installed; its command lines are the other rows of this module",
];

/// `m::f --exact --nocapture --include-ignored`.
fn rust_analyzer_run_test_lens() {
    let said = lab([
        "answers::passes",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(0);
    assert_eq!(said.names(), ["answers::passes"]);
    let said = lab([
        "kept_back::with_a_reason",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(0);
    assert_eq!(said.results()["kept_back::with_a_reason"], "ok");
    let said = lab([
        "answers::fails",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(101);
    assert_eq!(said.names(), ["answers::fails"]);
}

/// Older versions send `--show-output` in place of `--nocapture`.
fn rust_analyzer_run_test_lens_older_spelling() {
    lab([
        "answers::prints_and_passes",
        "--exact",
        "--show-output",
        "--include-ignored",
    ])
    .exits(0)
    .says(["a line of the test"]);
}

/// A lens on the function runs all its cases, one on a case that case.
fn rust_analyzer_run_test_lens_on_a_test_with_cases() {
    let said = lab([
        "cased::named",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(0);
    assert_eq!(said.names(), ["cased::named::large", "cased::named::small"]);
    let said = lab([
        "cased::named::small",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(0);
    assert_eq!(said.names(), ["cased::named::small"]);
}

/// The click runs the test whatever the level in force, and a gate is not overridden.
fn rust_analyzer_run_test_lens_is_above_the_level() {
    let said = lab([
        "levels::fourth",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(0);
    assert_eq!(said.results()["levels::fourth"], "ok");
    let said = lab([
        "gates::device",
        "--exact",
        "--nocapture",
        "--include-ignored",
    ])
    .exits(0);
    assert!(
        said.results()["gates::device"].starts_with("ignored (needs 16 x Trn2"),
        "{:?}",
        said.results()
    );
}

/// `m --nocapture`: everything whose name contains it.
fn rust_analyzer_run_tests_lens_on_a_module() {
    let said = lab(["cased", "--nocapture"]).exits(0);
    assert_eq!(said.names().len(), 8, "{:?}", said.names());
    assert!(said.names().iter().all(|n| n.starts_with("cased::")));
}

/// The first argument is the empty string: it matches everything.
fn rust_analyzer_run_tests_lens_on_the_file_root() {
    let all = lab(["--list", "--format", "terse"]).exits(0).listed();
    let said = lab(["", "--nocapture"]).exits(101);
    assert_eq!(said.names(), all);
}

/// The same arguments, the binary itself under a debugger: it must not fork, run again or depend on cargo's environment.
fn rust_analyzer_debug_starts_the_binary_directly() {
    let said = binary(
        "lab",
        [
            "wild::tells_where",
            "--exact",
            "--nocapture",
            "--include-ignored",
            "--test-threads",
            "1",
        ],
    )
    .env("TRIBUNAL_TIMEOUT_SCALE", "1000")
    .run()
    .exits(0);
    // One slot is the main thread, so that a breakpoint stands where the debugger looks.
    let said = said.says(["thread Some(\"main\")"]);
    assert_eq!(said.names(), ["wild::tells_where"]);
}

/// `m::f -Z unstable-options --format=json --nocapture` with `RUSTC_BOOTSTRAP=1` and no `--exact`.
fn rust_analyzer_test_explorer() {
    let said = binary(
        "lab",
        [
            "answers::passes",
            "-Z",
            "unstable-options",
            "--format=json",
            "--nocapture",
        ],
    )
    .env("RUSTC_BOOTSTRAP", "1")
    .run()
    .exits(0);
    // Without --exact the name is a part of names, as with libtest.
    let explorer = editors::rust_analyzer(&said.out);
    assert_eq!(
        explorer
            .nodes
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["answers::passes", "answers::passes_async"]
    );
    assert!(
        explorer.nodes.values().all(|state| state == "ok"),
        "{explorer:?}"
    );
    assert!(explorer.console.is_empty(), "{explorer:?}");
}

/// One cargo process per selected item, at the same time.
fn rust_analyzer_test_explorer_starts_several_at_once() {
    let names = [
        "answers::passes",
        "answers::fails",
        "cased::named",
        "late::sleeps",
        "kept_back::skips_itself",
    ];
    let started: Vec<_> = names
        .iter()
        .map(|n| {
            binary(
                "lab",
                [n, "-Z", "unstable-options", "--format=json", "--nocapture"],
            )
            .env("RUSTC_BOOTSTRAP", "1")
            .start()
        })
        .collect();
    let codes: Vec<i32> = started.into_iter().map(|s| s.end().code).collect();
    assert_eq!(codes, [0, 101, 0, 101, 0]);
}

/// The stop button kills the whole group at once: nothing of a server may be left.
fn rust_analyzer_test_explorer_stop_kills_the_group() {
    crate::signals::killed_group_leaves_no_server();
}

/// `m::f --exact -Z unstable-options --format=json --show-output` with `RUSTC_BOOTSTRAP=1`, the filter before `--`, cargo with `--no-fail-fast`.
fn rust_rover_gutter() {
    let line = "test -p lab --test lab --no-fail-fast answers::fails -- --exact -Z unstable-options --format=json --show-output";
    let said = Workspace::shared()
        .cargo_line(line)
        .env("RUSTC_BOOTSTRAP", "1")
        .run()
        .exits(101);
    // It waits for cargo's line with the executable before it looks for a suite.
    let said = said.warns(["Running tests/lab.rs ("]);
    let tree = editors::rust_rover(&said.out).unwrap_or_else(|e| panic!("{e}\n{}", said.out));
    assert_eq!(tree.len(), 1);
    assert!(tree["answers"].contains("fails"));
}

/// It adds `--ignored` where the source has an outer `#[ignore]`.
fn rust_rover_gutter_on_an_ignored_test() {
    let said = lab([
        "kept_back::with_a_reason",
        "--exact",
        "-Z",
        "unstable-options",
        "--format=json",
        "--show-output",
        "--ignored",
    ])
    .exits(0);
    let explorer = editors::rust_analyzer(&said.out);
    assert_eq!(explorer.nodes["kept_back::with_a_reason"], "ok");
}

/// Before a run it calls cargo with `--no-run`.
fn rust_rover_pre_step_builds_only() {
    Workspace::shared()
        .cargo_line("test -p lab --test lab --no-run")
        .run()
        .exits(0)
        .says_not(["test result"]);
}

/// `${package} ${target_arg} ${target} ${test_name} ${exact} ${include_ignored} ${executable_args}` as a nextest command.
fn vs_code_override_with_nextest() {
    let said = Workspace::shared()
        .cargo_line("nextest run --package mixed --test calm m::one -- --exact --include-ignored")
        .run()
        .exits(0);
    let said = said.warns(["1 test run: 1 passed"]);
    assert!(said.err.contains("m::one"), "{}", said.err);
}

/// `cargo test F -- A` calls the binary with `F A…`.
fn cargo_itself_forwards_filter_and_arguments() {
    let said = Workspace::shared()
        .cargo_line("test -p mixed --test calm m::o -- m::tw --test-threads 2")
        .run()
        .exits(0);
    assert_eq!(said.names(), ["m::one", "m::two"]);
}

/// `cargo bench` sends `--bench`: there are no benchmarks, so nothing runs and nothing fails.
fn cargo_bench_sends_bench() {
    lab(["--bench"]).exits(0).says(["0 passed; 0 failed"]);
    lab(["--bench", "--list", "--format", "terse"])
        .exits(0)
        .says_not([": test", ": bench"]);
}

/// For `harness = false` cargo forwards neither `-q` nor `--color`: the variables are honoured.
fn cargo_itself_does_not_forward_quiet_and_color() {
    let run = |name: &str, value: &str| {
        binary("lab", ["answers::passes"])
            .env(name, value)
            .run()
            .exits(0)
            .out
    };
    assert!(run("CARGO_TERM_QUIET", "true").contains("\n.."), "terse");
    assert!(
        run("CARGO_TERM_COLOR", "always").contains("\u{1b}["),
        "colours"
    );
    assert!(
        !run("CARGO_TERM_COLOR", "never").contains("\u{1b}["),
        "no colours"
    );
    let both = binary("lab", ["answers::passes"])
        .env("CARGO_TERM_COLOR", "always")
        .env("NO_COLOR", "1")
        .run()
        .exits(0)
        .out;
    assert!(
        !both.contains("\u{1b}["),
        "NO_COLOR wins over cargo's variable"
    );
}

/// Cargo calls the binary in the package's root and sets no variables for tests.
fn working_directory_is_the_package_root() {
    let line = "test -p lab --test lab wild::tells_where -- --include-ignored --show-output";
    let said = Workspace::shared().cargo_line(line).run().exits(0);
    let root = Workspace::shared()
        .package_of("lab")
        .canonicalize()
        .expect("the folder of the package");
    assert!(
        said.out.contains(&format!("in {}", root.display())),
        "{}",
        said.out
    );
    assert!(target().is_dir());
}
