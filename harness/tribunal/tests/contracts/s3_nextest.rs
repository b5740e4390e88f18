//! nextest itself, on scaffolded packages.

use serde_json::Value;

use crate::call::{Call, folder};
use crate::row::rows;
use crate::scaffold::{Workspace, calm, lab};

rows![
    ;
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
    nextest_filters_and_partitions,
    nextest_setup_script_opens_a_gate,
    shared_servers_across_test_processes;
    cannot run:
    generated_config__cannot_run_here = "nextest's configuration is not generated from markers",
    memory_weights__cannot_run_here = "not expressible in nextest: only integer threads",
];

fn nextest(line: &str) -> Call {
    Workspace::shared().cargo_line(&format!("nextest {line}"))
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
    assert_eq!(
        said.err.matches("running 1 test").count(),
        3,
        "{}",
        said.err
    );
}

/// `slow-timeout` with `terminate-after`: SIGTERM to the group, then the grace period. Fixtures go down within it.
fn nextest_slow_timeout_sends_sigterm_and_teardown_runs() {
    let folder = folder();
    let (config, diary) = (
        folder.path().join("nextest.toml"),
        folder.path().join("diary"),
    );
    std::fs::write(&config, "[profile.default]\nslow-timeout = { period = \"10s\", terminate-after = 1, grace-period = \"60s\" }\n").expect("our folder");
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
    // On a busy machine nextest itself may look too late and see a leak that is none; a real one is seen every time.
    let mut said = nextest(&line).run();
    for _ in 0..4 {
        if said.code == 0 {
            break;
        }
        assert!(said.err.contains("LEAK"), "{}", said.err);
        said = nextest(&line).run();
    }
    let said = said.exits(0).warns(["1 test run: 1 passed"]);
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

/// What a setup script writes to `NEXTEST_ENV` reaches the test, but not the list: a gate on it is listed as unmet, and runs when it is asked for.
fn nextest_setup_script_opens_a_gate() {
    let folder = folder();
    let config = folder.path().join("nextest.toml");
    let text = "experimental = [\"setup-scripts\"]\n[scripts.setup.gate]\ncommand = [\"sh\", \"-c\", \"echo LAB_GATE=1 >> $NEXTEST_ENV\"]\n\
                [[profile.default.scripts]]\nfilter = \"all()\"\nsetup = \"gate\"\n";
    std::fs::write(&config, text).expect("our folder");
    let line = |extra: &str| {
        format!(
            "run -p lab --config-file {}{extra} -- --exact gates::environment",
            config.display()
        )
    };
    nextest(&line(" --run-ignored all"))
        .run()
        .exits(0)
        .warns(["1 test run: 1 passed"]);
    // Without the script the same command fails with the reason: it is no pass.
    nextest("run -p lab --run-ignored all -- --exact gates::environment")
        .run()
        .exits(100)
        .warns(["needs the environment variable LAB_GATE"]);
}

/// Eight processes with the shared server, three with a fixture of their own, one that starts a server itself: four servers among the fixtures.
fn shared_servers_across_test_processes() {
    let started = || {
        let root = folder();
        nextest("run -p lab --test town")
            .env("TRIBUNAL_EVIDENCE_DIR", root.path())
            .env("TRIBUNAL_KEEP_EVIDENCE", "all")
            .run()
            .exits(0)
            .warns(["12 tests run: 12 passed, 2 skipped"]);
        std::fs::read_dir(root.path().join("latest/servers"))
            .expect("the folders of servers")
            .flatten()
            .filter(|folder| folder.path().join("server.log").exists())
            .count()
    };
    // A shared server waits a second for its next user, who may come later on a busy machine and start another; one that is not shared is
    // started again every time.
    let counts: Vec<usize> = (0..5).map(|_| started()).take_while(|n| *n != 4).collect();
    assert!(counts.len() < 5, "servers: {counts:?}");
}
