//! libtest's flags and variables that decide how tests run and what is printed: one row for every line of the table.

use crate::call::folder;
use crate::row::rows;
use crate::said::Said;
use crate::scaffold::{binary, lab};

rows![
    nocapture_spellings_and_variable,
    show_output,
    quiet_and_format_last_wins,
    format_junit_is_answered,
    z_unstable_options,
    color_last_wins,
    test_threads,
    test_threads_0,
    test_threads_1_is_the_main_thread,
    logfile,
    shuffle_and_its_seed,
    report_time_and_ensure_time,
    fail_fast,
    force_run_in_process,
    help_has_two_groups,
    unknown_flag,
];

/// Both spellings, pytest's `-s`, and the variable; repeatable.
fn nocapture_spellings_and_variable() {
    let quiet = lab(["answers::prints_and_passes"]).exits(0);
    quiet.says_not(["a line of the test"]);
    for args in [
        &["--nocapture"][..],
        &["--no-capture"],
        &["-s"],
        &["--nocapture", "--no-capture", "--nocapture"],
    ] {
        binary("lab", [&["answers::prints_and_passes"], args].concat())
            .run()
            .exits(0)
            .says(["a line of the test"]);
    }
    let by_variable = |value| {
        binary("lab", ["answers::prints_and_passes"])
            .env("RUST_TEST_NOCAPTURE", value)
            .run()
            .exits(0)
            .out
    };
    assert!(by_variable("1").contains("a line of the test"));
    assert!(!by_variable("0").contains("a line of the test"));
}

/// Output of passing tests, named; repeatable.
fn show_output() {
    let said = lab([
        "answers::prints_and_passes",
        "--show-output",
        "--show-output",
    ])
    .exits(0);
    said.says(["answers::prints_and_passes", "a line of the test"]);
}

/// The last one wins.
fn quiet_and_format_last_wins() {
    lab(["answers::passes", "-q", "--format", "pretty"])
        .exits(0)
        .says(["... ok"]);
    lab(["answers::passes", "--format", "pretty", "-q"])
        .exits(0)
        .says_not(["... ok"])
        .says(["\n..\n"]);
    assert!(
        !lab(["answers::passes", "--format", "terse", "--format", "json"])
            .exits(0)
            .events()
            .is_empty()
    );
    assert!(
        !lab(["answers::passes", "--quiet", "--format=json"])
            .exits(0)
            .events()
            .is_empty(),
        "json needs no -Z"
    );
}

/// JUnit is not written by the harness yet: the answer says what to use.
fn format_junit_is_answered() {
    lab(["--format", "junit"])
        .exits(2)
        .warns(["`--format junit` is not offered", "--format json"]);
}

/// Accepted in both spellings, with any value, and ignored.
fn z_unstable_options() {
    for args in [
        &["-Z", "unstable-options"][..],
        &["-Zunstable-options"],
        &["-Z", "anything"],
        &["-Z", "unstable-options", "-Z", "unstable-options"],
    ] {
        binary("lab", [&["answers::passes", "--exact"], args].concat())
            .run()
            .exits(0);
    }
}

/// The last one wins; `NO_COLOR` and cargo's variable count, the command line more.
fn color_last_wins() {
    let colored = |said: Said| said.exits(0).out.contains("\u{1b}[");
    assert!(
        !colored(lab(["answers::passes"])),
        "no terminal, no colours"
    );
    assert!(colored(lab([
        "answers::passes",
        "--color",
        "never",
        "--color",
        "always"
    ])));
    assert!(!colored(lab([
        "answers::passes",
        "--color=always",
        "--color=never"
    ])));
    assert!(!colored(
        binary("lab", ["answers::passes"])
            .env("NO_COLOR", "1")
            .env("CARGO_TERM_COLOR", "always")
            .run()
    ));
    assert!(colored(
        binary("lab", ["answers::passes", "--color", "always"])
            .env("NO_COLOR", "1")
            .run()
    ));
    lab(["--color", "sometimes"])
        .exits(2)
        .warns(["--color is one of auto, always, never, not `sometimes`"]);
}

/// A number from 1, or `auto`; the last one wins, the command line over both variables.
fn test_threads() {
    for args in [
        &["--test-threads", "1", "--test-threads", "4"][..],
        &["-n", "2"],
        &["-n", "auto"],
        &["--test-threads=auto"],
    ] {
        binary("lab", [&["answers::passes"], args].concat())
            .run()
            .exits(0);
    }
    binary("lab", ["answers::passes", "--test-threads", "2"])
        .env("RUST_TEST_THREADS", "4")
        .env("TRIBUNAL_TEST_THREADS", "3")
        .run()
        .exits(0);
    binary("lab", ["answers::passes"])
        .env("RUST_TEST_THREADS", "0")
        .run()
        .exits(2)
        .warns(["RUST_TEST_THREADS needs a number from 1 up"]);
    lab(["--test-threads", "-1"]).exits(2);
}

/// libtest says 101, libtest-mimic hangs for ever.
fn test_threads_0() {
    lab(["--test-threads", "0"])
        .exits(2)
        .warns(["--test-threads needs a number from 1 up, or `auto`, not `0`"]);
}

/// One slot is the main thread, as nextest documents.
fn test_threads_1_is_the_main_thread() {
    let args = ["wild::tells_where", "--include-ignored", "--show-output"];
    binary("lab", args)
        .env("RUST_TEST_THREADS", "1")
        .run()
        .exits(0)
        .says(["thread Some(\"main\")"]);
    binary("lab", args)
        .env("RUST_TEST_THREADS", "2")
        .run()
        .exits(0)
        .says_not(["thread Some(\"main\")"]);
}

/// The name and result of every case, one per line, in a file.
fn logfile() {
    let folder = folder();
    let path = folder.path().join("log");
    lab([
        "answers::passes",
        "answers::fails",
        "--logfile",
        path.to_str().expect("a path of ours"),
    ])
    .exits(101);
    let text = std::fs::read_to_string(&path).expect("the log was written");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "failed answers::fails",
            "passed answers::passes",
            "passed answers::passes_async"
        ]
    );
    lab(["answers::passes", "--logfile", "/no/such/folder/log"])
        .exits(101)
        .warns(["/no/such/folder/log"]);
}

/// The seed is printed, repeats the order, and stands in the suite's first event.
fn shuffle_and_its_seed() {
    let order = |args: &[&str]| {
        let said = binary("lab", [&["--test-threads=1", "cased"], args].concat())
            .run()
            .exits(0);
        said.out
            .lines()
            .filter_map(|l| l.strip_prefix("test ")?.split_once(" ... "))
            .map(|(n, _)| n.to_owned())
            .collect::<Vec<_>>()
    };
    let plain = order(&[]);
    assert_eq!(
        order(&["--shuffle-seed", "7"]),
        order(&["--shuffle-seed=7"])
    );
    assert!(
        (0..20).any(|seed| order(&["--shuffle-seed", &seed.to_string()]) != plain),
        "no seed changes the order"
    );
    let said = lab(["cased", "--shuffle"]).exits(0);
    let seed = said
        .out
        .lines()
        .next()
        .and_then(|l| l.rsplit_once("shuffle seed "))
        .map(|(_, s)| s.to_owned())
        .expect("the seed is in the first line");
    assert!(seed.parse::<u64>().is_ok(), "{seed}");
    let by_variable = |name, value| {
        binary("lab", ["cased", "--test-threads=1"])
            .env(name, value)
            .run()
            .exits(0)
            .out
    };
    assert!(by_variable("RUST_TEST_SHUFFLE_SEED", "7").contains("shuffle seed 7"));
    assert!(by_variable("RUST_TEST_SHUFFLE", "1").contains("shuffle seed "));
    let events = lab(["cased", "--shuffle-seed", "7", "--format", "json"])
        .exits(0)
        .events();
    assert_eq!(events[0]["shuffle_seed"], 7);
    lab(["--shuffle-seed", "x"])
        .exits(2)
        .warns(["--shuffle-seed needs a whole number"]);
}

/// Times are always shown and limits are always limits: both are accepted.
fn report_time_and_ensure_time() {
    for flag in ["--report-time", "--ensure-time"] {
        let said = lab(["answers::passes", "--exact", flag]).exits(0);
        let line = said
            .out
            .lines()
            .find(|l| l.starts_with("test answers::passes"))
            .expect("its line")
            .to_owned();
        assert_ne!(
            crate::said::without_times(&line),
            line,
            "a time stands in {line:?}"
        );
    }
}

/// `--fail-fast`, pytest's `-x`, and `--max-fail 1` start nothing more after a failure; the others are not run.
fn fail_fast() {
    for flag in [
        &["--fail-fast"][..],
        &["-x"],
        &["--max-fail", "1"],
        &["--maxfail=1"],
    ] {
        let said = binary(
            "twin",
            [&["--test-threads=1", "--shuffle-seed", "3"], flag].concat(),
        )
        .run();
        let said = said.exits(101);
        let ran = said.names().len();
        assert!(said.results()["n::fails"].starts_with("FAILED"));
        if ran < 7 {
            said.says(["not run"]);
        }
    }
    // In the order of the names the failing one comes third.
    let said = lab([
        "answers::fails",
        "answers::passes",
        "answers::prints",
        "--test-threads=1",
        "--fail-fast",
    ])
    .exits(101);
    assert_eq!(said.names(), ["answers::fails"]);
    let said = said.says(["3 not run"]);
    let events = lab([
        "answers::fails",
        "answers::passes",
        "--test-threads=1",
        "--fail-fast",
        "--format",
        "json",
    ])
    .exits(101)
    .events();
    assert_eq!(
        events.last().map(|e| e["harness"]["not_run"].clone()),
        Some(2.into()),
        "{}",
        said.out
    );
}

/// Accepted; bodies run in this process anyway.
fn force_run_in_process() {
    lab(["answers::passes", "--force-run-in-process"]).exits(0);
}

/// libtest's options and ours are listed apart; nothing runs.
fn help_has_two_groups() {
    let long = lab(["--help"]).exits(0);
    assert_eq!(long.err, "");
    let (ours, libtest) = (
        long.out.find("\nTribunal:\n").expect("our group"),
        long.out
            .find("\nAs in libtest:\n")
            .expect("libtest's group"),
    );
    assert!(ours < libtest);
    let place = |option: &str| {
        long.out
            .find(option)
            .unwrap_or_else(|| panic!("{option} is not in the help"))
    };
    assert!(place("--run-level") < libtest && place("--include-ignored") > libtest);
    assert_eq!(lab(["-h", "answers::fails"]).exits(0).out, long.out);
}

/// Exit 2 with a suggestion.
fn unknown_flag() {
    let said = lab(["--run-levle", "core_model"]).exits(2).warns([
        "unknown option `--run-levle`; did you mean `--run-level`?",
        "--help",
    ]);
    assert_eq!(said.out, "");
    lab(["-y"]).exits(2).warns(["unknown option `-y`"]);
    lab(["--exact=yes"])
        .exits(2)
        .warns(["`--exact` takes no value"]);
}
