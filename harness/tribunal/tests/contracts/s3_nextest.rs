//! nextest: what it sends in its two phases, what it understands, and nextest itself.

use serde_json::Value;

use crate::call::{Call, folder};
use crate::row::rows;
use crate::scaffold::{Workspace, binary, calm, lab};

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
    one_execution_per_process;
    with "cargo-nextest":
    nextest_list,
    nextest_list_as_json_shows_gates,
    nextest_run_passes_and_counts_gates_as_skipped,
    nextest_run_failing_tests_is_100,
    nextest_run_no_tests_is_4,
    nextest_run_bad_filterset_is_94,
    nextest_run_broken_rule_is_104,
    nextest_selects_by_environment,
    nextest_retries_do_not_multiply,
    nextest_slow_timeout_sends_sigterm_and_teardown_runs,
    nextest_ctrl_c_tears_down,
    nextest_sees_no_leak,
    nextest_statics_are_not_needed_for_teardown,
    nextest_filters_and_partitions;
    cannot run:
    shared_servers_across_test_processes__cannot_run_here = "a server that several test processes share is not offered: each process has its own session fixtures",
    generated_config__cannot_run_here = "nextest's configuration is not generated from markers",
    memory_weights__cannot_run_here = "not expressible in nextest: only integer threads",
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

fn run(target: &str, name: &str, extra: &[&str]) -> crate::call::Said {
    running(
        binary(target, [&["--exact", name, "--nocapture"], extra].concat()),
        name,
    )
    .run()
}

fn nextest(line: &str) -> Call {
    Workspace::shared().cargo_line(&format!("nextest {line}"))
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
    let said = running(binary("lab", ["--exact", "answers::fails", "--nocapture"]), "answers::fails").env("NEXTEST_ATTEMPT", "2").env("NEXTEST_TOTAL_ATTEMPTS", "3").run();
    let said = said.exits(101);
    assert_eq!(said.out.matches("test answers::fails ...").count(), 1);
    assert_eq!(said.err.matches("panicked at").count(), 1, "{}", said.err);
}

/// `cargo nextest list` understands the lists.
fn nextest_list() {
    let said = nextest("list -p lab -p mixed").run().exits(0);
    for name in [
        "answers::passes",
        "cased::named::large",
        "cased::made_at_start::first_one",
        "m::uses_the_room",
    ] {
        assert!(
            said.out.contains(name),
            "{name} is not listed:\n{}",
            said.out
        );
    }
}

/// Machine-readable, with what is ignored.
fn nextest_list_as_json_shows_gates() {
    let said = nextest("list -p lab --message-format json").run().exits(0);
    let list: Value = serde_json::from_str(said.out.lines().last().expect("a line")).expect("JSON");
    let cases = &list["rust-suites"]["lab::lab"]["testcases"];
    assert_eq!(cases["gates::program"]["ignored"], true);
    assert_eq!(cases["answers::passes"]["ignored"], false);
}

/// Gates are skipped, not passed.
fn nextest_run_passes_and_counts_gates_as_skipped() {
    let said = nextest("run -p mixed").run().exits(0);
    // Of `calm` three run and seven are gated or ignored; two more are libtest's.
    said.warns(["5 tests run: 5 passed, 7 skipped"]);
}

/// 100: tests failed.
fn nextest_run_failing_tests_is_100() {
    nextest("run -p lab --no-fail-fast -- answers::")
        .run()
        .exits(100)
        .warns(["7 tests run: 4 passed, 3 failed"]);
}

/// 4: no tests.
fn nextest_run_no_tests_is_4() {
    nextest("run -p mixed -- nothing_like_it").run().exits(4);
}

/// 94: a filterset that cannot be read.
fn nextest_run_bad_filterset_is_94() {
    nextest("run -p mixed -E test(").run().exits(94);
}

/// 104: a list that fails; our message about the broken rule is shown.
fn nextest_run_broken_rule_is_104() {
    nextest("run -p ruled")
        .run()
        .exits(104)
        .warns(["rules about tests are broken, so nothing runs"]);
}

/// nextest refuses arguments for the binary: every selector has a variable.
fn nextest_selects_by_environment() {
    nextest("run -p lab -- --run-level core_model")
        .run()
        .exits(96);
    let run = |name: &str, value: &str, filter: &str, expected: &str| {
        nextest(&format!("run -p lab -E test({filter})"))
            .env(name, value)
            .run()
            .exits(0)
            .warns([expected])
    };
    run(
        "TRIBUNAL_RUN_LEVEL",
        "slow",
        "levels::",
        "7 tests run: 7 passed",
    );
    run(
        "TRIBUNAL_SELECT",
        "slow",
        "levels::",
        "1 test run: 1 passed",
    );
    run(
        "TRIBUNAL_STAGE",
        "post_merge",
        "levels::second",
        "1 test run: 1 passed",
    );
    run(
        "TRIBUNAL_MAX_VRAM_GIB",
        "24",
        "levels::",
        "4 tests run: 4 passed",
    );
}

/// nextest repeats a failing test as often as it is told, and we do not repeat within.
fn nextest_retries_do_not_multiply() {
    let said = nextest("run -p lab --retries 2 -- --exact answers::fails")
        .run()
        .exits(100);
    assert_eq!(said.err.matches("running 1 test").count(), 3, "{}", said.err);
}

/// `slow-timeout` with `terminate-after`: SIGTERM to the group, then the grace period. Fixtures go down within it.
fn nextest_slow_timeout_sends_sigterm_and_teardown_runs() {
    let folder = folder();
    let (config, diary) = (
        folder.path().join("nextest.toml"),
        folder.path().join("diary"),
    );
    std::fs::write(&config, "[profile.default]\nslow-timeout = { period = \"2s\", terminate-after = 1, grace-period = \"10s\" }\n").expect("our folder");
    let line = format!(
        "run -p mixed --config-file {} --run-ignored all -- --exact m::waits",
        config.display()
    );
    nextest(&line)
        .env("LAB_DIARY", &diary)
        .run()
        .exits(100)
        .warns(["TIMEOUT"]);
    let lines = std::fs::read_to_string(&diary).expect("the diary");
    assert!(
        lines.ends_with("waiting 2\nroom down\nhouse down\n"),
        "{lines}"
    );
}

/// Ctrl-C reaches nextest's whole group as SIGINT.
fn nextest_ctrl_c_tears_down() {
    let folder = folder();
    let diary = folder.path().join("diary");
    let started = nextest("run -p mixed --run-ignored all -- --exact m::waits")
        .env("LAB_DIARY", &diary)
        .start();
    let lines = || std::fs::read_to_string(&diary).unwrap_or_default();
    crate::call::until("the body of the test", || lines().contains("waiting"));
    // nextest puts each test into a group of its own and passes the signal on.
    started.signal(rustix::process::Signal::INT);
    assert_ne!(started.end().code, 0);
    assert!(
        lines().ends_with("waiting 2\nroom down\nhouse down\n"),
        "{}",
        lines()
    );
}

/// 100 ms after the end nobody holds the output open: not the keeper of a server, not the server.
fn nextest_sees_no_leak() {
    let folder = folder();
    let config = folder.path().join("nextest.toml");
    std::fs::write(
        &config,
        "[profile.default]\nleak-timeout = { period = \"100ms\", result = \"fail\" }\n",
    )
    .expect("our folder");
    let line = format!(
        "run -p mixed --config-file {} --run-ignored all -- --exact m::serves",
        config.display()
    );
    let said = nextest(&line)
        .run()
        .exits(0)
        .warns(["1 test run: 1 passed"]);
    assert!(!said.err.contains("LEAK"), "{}", said.err);
}

/// Rust drops no statics: session fixtures are taken down by the harness.
fn nextest_statics_are_not_needed_for_teardown() {
    let folder = folder();
    let diary = folder.path().join("diary");
    nextest("run -p mixed -- --exact m::uses_the_room")
        .env("LAB_DIARY", &diary)
        .run()
        .exits(0);
    assert_eq!(
        std::fs::read_to_string(&diary).expect("the diary"),
        "house up\nroom up\nbody\nroom down\nhouse down\n"
    );
}

/// Its own filters and partitions see ordinary names.
fn nextest_filters_and_partitions() {
    nextest("run -p lab -E test(=cased::named::small)")
        .run()
        .exits(0)
        .warns(["1 test run: 1 passed"]);
    let count = |k: u32| {
        let said = nextest(&format!(
            "run -p lab -E test(cased::) --partition hash:{k}/2 --no-tests pass"
        ))
        .run()
        .exits(0);
        let line = said
            .err
            .lines()
            .find(|l| l.contains("tests run:") || l.contains("test run:"))
            .map(str::to_owned)
            .unwrap_or_default();
        line.split_whitespace()
            .find_map(|w| w.parse::<usize>().ok())
            .unwrap_or_else(|| panic!("no count in {}", said.err))
    };
    assert_eq!(count(1) + count(2), 8);
    // The lists that it makes of them are ours.
    assert_eq!(
        calm(["--list", "--format", "terse"])
            .exits(0)
            .listed()
            .len(),
        10
    );
    assert_eq!(
        lab(["cased::", "--list", "--format", "terse"])
            .listed()
            .len(),
        8
    );
}
