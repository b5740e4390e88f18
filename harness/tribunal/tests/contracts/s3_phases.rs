//! What nextest sends in its list phase and in its run phase, by hand: the same arguments and variables without nextest.

use crate::call::{Call, folder};
use crate::row::rows;
use crate::said::Said;
use crate::scaffold::binary;

rows![
    list_phase_exact_lines,
    list_phase_standard_error_is_free,
    list_phase_ignored_is_exactly_the_ignored_set,
    list_phase_gates_are_in_the_ignored_list,
    list_phase_tests_above_the_level_are_absent,
    list_phase_both_calls_share_one_probe,
    run_phase_exact_nocapture,
    run_phase_ignored_iff_listed_as_ignored,
    run_phase_bench_selects_nothing,
    run_phase_run_extra_args,
    run_phase_case_of_another_level_runs_at_its_own,
    process_per_test_is_detected_by_the_execution_mode,
    exit_codes_0_101_2,
    a_gate_that_fails_at_run_time_is_101,
    unmet_skip_lets_a_gate_pass,
    a_skip_at_run_time_is_101,
    one_execution_per_process,
];

/// The environment that nextest 0.9.143 sets in its list phase.
fn listing(call: Call) -> Call {
    call.env("NEXTEST", "1")
        .env("NEXTEST_TEST_PHASE", "list")
        .env("NEXTEST_RUN_ID", "6f1b4e0a-0000-4000-8000-000000000000")
        .env("NEXTEST_PROFILE", "default")
        .env("NEXTEST_EXECUTION_MODE", "process-per-test")
        .env("NEXTEST_VERSION", "0.9.143")
}

/// The environment that it sets for a test.
fn running(call: Call, name: &str) -> Call {
    listing(call)
        .env("NEXTEST_TEST_PHASE", "run")
        .env("NEXTEST_RUN_MODE", "test")
        .env("NEXTEST_TEST_NAME", name)
        .env("NEXTEST_ATTEMPT", "1")
        .env("NEXTEST_TOTAL_ATTEMPTS", "1")
}

fn list(target: &str, extra: &[&str]) -> Vec<String> {
    let said = listing(binary(
        target,
        [&["--list", "--format", "terse"], extra].concat(),
    ))
    .run()
    .exits(0);
    for line in said.out.lines() {
        assert!(
            line.ends_with(": test"),
            "nextest stops at the line {line:?}"
        );
    }
    said.listed()
}

fn run(target: &str, name: &str, extra: &[&str]) -> Said {
    running(
        binary(target, [&["--exact", name, "--nocapture"], extra].concat()),
        name,
    )
    .run()
}

/// Standard output is exactly lines `<name>: test`: no footer, no first line, no `: bench`.
fn list_phase_exact_lines() {
    let names = list("lab", &[]);
    assert!(names.len() > 35);
    assert!(
        names.iter().all(|n| n
            .split("::")
            .all(|s| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || c == '_'))),
        "{names:?}"
    );
}

/// Standard error may say anything; here nothing.
fn list_phase_standard_error_is_free() {
    assert_eq!(
        listing(binary("lab", ["--list", "--format", "terse"]))
            .run()
            .exits(0)
            .err,
        ""
    );
}

/// `--ignored` lists a subset of the first list: what is ignored or gated.
fn list_phase_ignored_is_exactly_the_ignored_set() {
    let (all, ignored) = (list("lab", &[]), list("lab", &["--ignored"]));
    assert!(ignored.iter().all(|n| all.contains(n)));
    let expected: Vec<&String> = all
        .iter()
        .filter(|n| {
            n.starts_with("gates::") || n.starts_with("wild::") || n.starts_with("kept_back::with")
        })
        .collect();
    assert_eq!(ignored.iter().collect::<Vec<_>>(), expected);
}

/// An unmet gate is ignored already when nextest asks; met, it is not.
fn list_phase_gates_are_in_the_ignored_list() {
    let with = |value: &str| {
        listing(binary(
            "lab",
            [
                "gates::environment",
                "--list",
                "--format",
                "terse",
                "--ignored",
            ],
        ))
        .env("LAB_GATE", value)
        .run()
        .exits(0)
        .listed()
    };
    assert_eq!(
        with(""),
        ["gates::environment"],
        "a variable that is set to nothing is not set"
    );
    assert!(with("1").is_empty());
}

/// The level of the environment decides what is listed.
fn list_phase_tests_above_the_level_are_absent() {
    let at = |level: &str| {
        listing(binary("lab", ["levels::", "--list", "--format", "terse"]))
            .env("TRIBUNAL_RUN_LEVEL", level)
            .run()
            .exits(0)
            .listed()
    };
    assert!(!at("core_model").contains(&"levels::second".to_owned()));
    assert!(at("advanced_model").contains(&"levels::second".to_owned()));
    assert!(at("slow").contains(&"levels::fourth".to_owned()));
}

/// Both lists come from one probe of the devices, kept for the run in the temporary folder.
fn list_phase_both_calls_share_one_probe() {
    let folder = folder();
    let call = |extra: &[&str]| {
        listing(binary(
            "lab",
            [&["gates::device", "--list", "--format", "terse"], extra].concat(),
        ))
        .env("TMPDIR", folder.path())
        .run()
        .exits(0)
        .listed()
    };
    assert_eq!(call(&[]), ["gates::device"]);
    let kept: Vec<_> = std::fs::read_dir(folder.path())
        .expect("our folder")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(kept.len(), 1, "one file holds the probe: {kept:?}");
    assert_eq!(call(&["--ignored"]), ["gates::device"]);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("our folder")
            .count(),
        1
    );
}

/// `--exact NAME --nocapture`.
fn run_phase_exact_nocapture() {
    let said = run("lab", "answers::prints_and_passes", &[])
        .exits(0)
        .says(["a line of the test"]);
    assert_eq!(said.names(), ["answers::prints_and_passes"]);
    run("lab", "cased::crossed::streamed_true__minus_1", &[])
        .exits(0)
        .says(["1 passed"]);
}

/// `--ignored` is sent exactly for names from the ignored list; it must run the test then.
fn run_phase_ignored_iff_listed_as_ignored() {
    run("lab", "kept_back::with_a_reason", &["--ignored"])
        .exits(0)
        .says(["1 passed"]);
    running(
        binary("lab", ["--exact", "gates::environment", "--nocapture"]),
        "gates::environment",
    )
    .env("LAB_GATE", "1")
    .run()
    .exits(0)
    .says(["1 passed"]);
}

/// `--bench` comes with names from a list of benchmarks, which is empty.
fn run_phase_bench_selects_nothing() {
    run("lab", "answers::passes", &["--bench"])
        .exits(0)
        .says(["running 0 tests"]);
}

/// `run-extra-args` of a profile stand behind.
fn run_phase_run_extra_args() {
    run(
        "lab",
        "answers::passes",
        &["--test-threads", "1", "--timeout-scale", "2"],
    )
    .exits(0)
    .says(["1 passed"]);
}

/// Asked for by name a test runs at its own lowest level, whatever the environment says.
fn run_phase_case_of_another_level_runs_at_its_own() {
    running(
        binary("lab", ["--exact", "levels::fourth", "--nocapture"]),
        "levels::fourth",
    )
    .env("TRIBUNAL_RUN_LEVEL", "core_model")
    .run()
    .exits(0)
    .says(["1 passed"]);
}

/// `NEXTEST_EXECUTION_MODE` says so, not `NEXTEST`: other runners may set the latter one day.
fn process_per_test_is_detected_by_the_execution_mode() {
    let gated = || binary("lab", ["--exact", "gates::program", "--include-ignored"]);
    gated().env("NEXTEST", "1").run().exits(0);
    gated()
        .env("NEXTEST_EXECUTION_MODE", "process-per-test")
        .run()
        .exits(101);
    gated()
        .env("NEXTEST_EXECUTION_MODE", "something-new")
        .run()
        .exits(0);
}

/// 0 is a pass, anything else a failure: 101 for tests, 2 for usage.
fn exit_codes_0_101_2() {
    run("lab", "answers::passes", &[]).exits(0);
    run("lab", "answers::fails", &[]).exits(101);
    running(
        binary("lab", ["--exact", "answers::passes", "--nocapture"]),
        "answers::passes",
    )
    .env("TRIBUNAL_RUN_LEVEL", "deepest")
    .run()
    .exits(2);
}

/// nextest has no code for a skip: what it starts although it was listed as gated (`--run-ignored all`) fails, with the reason.
fn a_gate_that_fails_at_run_time_is_101() {
    run("lab", "gates::program", &["--ignored"])
        .exits(101)
        .says([
            "needs the program `no-such-program-anywhere` on PATH",
            "TRIBUNAL_UNMET=skip",
        ]);
}

/// `TRIBUNAL_UNMET=skip` accepts it.
fn unmet_skip_lets_a_gate_pass() {
    let said = running(
        binary(
            "lab",
            ["--exact", "gates::program", "--nocapture", "--ignored"],
        ),
        "gates::program",
    )
    .env("TRIBUNAL_UNMET", "skip")
    .run()
    .exits(0);
    said.says(["ignored (needs the program"]);
}

/// The same for `skip!`: nextest would show it as passed.
fn a_skip_at_run_time_is_101() {
    run("lab", "kept_back::skips_itself", &[])
        .exits(101)
        .says(["no file to read"]);
    running(
        binary("lab", ["--exact", "kept_back::skips_itself", "--nocapture"]),
        "kept_back::skips_itself",
    )
    .env("TRIBUNAL_UNMET", "skip")
    .run()
    .exits(0);
}

/// A process runs its test once, also when it fails: repeating is nextest's business.
fn one_execution_per_process() {
    let said = running(
        binary("lab", ["--exact", "answers::fails", "--nocapture"]),
        "answers::fails",
    )
    .env("NEXTEST_ATTEMPT", "2")
    .env("NEXTEST_TOTAL_ATTEMPTS", "3")
    .run();
    let said = said.exits(101);
    assert_eq!(said.out.matches("test answers::fails ...").count(), 1);
    assert_eq!(said.err.matches("panicked at").count(), 1, "{}", said.err);
}
