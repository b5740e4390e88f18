//! libtest's flags and variables: one row for every line of the table, and libtest and libtest-mimic themselves as oracles for those that they know.

use std::collections::BTreeSet;

use crate::call::{Said, folder};
use crate::row::rows;
use crate::scaffold::{binary, lab};

rows![
    oracle_libtest_exit_codes_and_results,
    oracle_libtest_lists,
    oracle_libtest_variables,
    oracle_libtest_mimic_exit_codes_and_results,
    oracle_libtest_pretty_text,
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
    exclude_should_panic,
    force_run_in_process,
    help_has_two_groups,
    unknown_flag,
    argfile_is_not_offered_and_is_a_filter,
];

/// The arguments that libtest knows without `-Z`.
const KNOWN: [&[&str]; 24] = [
    &[],
    &["m::a"],
    &["m::a", "n::a"],
    &["nothing_like_it"],
    &[""],
    &["--exact", "m::a"],
    &["--exact", "m::a", "n::a"],
    &["--exact", "m"],
    &["--skip", "m"],
    &["--skip", "m::", "--skip", "fails"],
    &["--skip", "a", "m::a"],
    &["--exact", "--skip", "m::a"],
    &["--ignored"],
    &["--include-ignored"],
    &["--include-ignored", "later"],
    &["--test"],
    &["-q"],
    &["--quiet", "--format", "pretty"],
    &["--format=terse", "n::a"],
    &["--nocapture", "m::a"],
    &["--show-output", "m::"],
    &["--test-threads=1"],
    &["--test-threads", "3", "--color", "never"],
    &["--color=always", "m::ab"],
];

/// Counts of the summary line, without colours and times.
fn counts(said: &Said) -> Vec<String> {
    let plain = without_colors(&said.out);
    let summary = plain
        .lines()
        .rev()
        .find(|l| l.starts_with("test result: "))
        .unwrap_or_else(|| panic!("no summary in {plain:?}"));
    summary
        .split(['.', ';'])
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.starts_with("finished") && !p.is_empty() && !p.ends_with('s'))
        .collect()
}

fn without_colors(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        // A colour ends with `m`; libtest also chooses a character set, `ESC ( B`.
        rest = after
            .strip_prefix("(B")
            .unwrap_or_else(|| after.split_once('m').map_or("", |(_, tail)| tail));
    }
    out + rest
}

/// Names with `ok`, `FAILED` or `ignored`.
fn verdicts(said: &Said) -> BTreeSet<(String, String)> {
    let plain = Said {
        code: said.code,
        killed: false,
        out: without_colors(&said.out),
        err: String::new(),
    };
    plain
        .results()
        .into_iter()
        .map(|(name, tail)| {
            (
                name,
                tail.split([',', ' ']).next().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

/// The same tests, the same arguments: the same exit code, the same results, the same counts.
fn oracle_libtest_exit_codes_and_results() {
    for args in KNOWN {
        let (libtest, ours) = (binary("plain", args).run(), binary("twin", args).run());
        assert_eq!(
            ours.code, libtest.code,
            "{args:?}\n{}\n{}",
            ours.out, ours.err
        );
        assert_eq!(counts(&ours), counts(&libtest), "{args:?}");
        assert_eq!(verdicts(&ours), verdicts(&libtest), "{args:?}");
    }
}

/// `--list` with everything that decides what is listed.
fn oracle_libtest_lists() {
    for args in KNOWN {
        for format in [&["--list"][..], &["--list", "--format", "terse"]] {
            // libtest refuses two formats.
            if args
                .iter()
                .any(|a| a.contains("format") || a.contains("-q"))
            {
                continue;
            }
            let all = [args, format].concat();
            let (libtest, ours) = (binary("plain", &all).run(), binary("twin", &all).run());
            assert_eq!(
                (ours.code, &ours.out),
                (libtest.code, &libtest.out),
                "{all:?}"
            );
        }
    }
}

/// The variables of libtest.
fn oracle_libtest_variables() {
    for (name, value) in [
        ("RUST_TEST_THREADS", "1"),
        ("RUST_TEST_THREADS", "0"),
        ("RUST_TEST_THREADS", "many"),
        ("RUST_TEST_NOCAPTURE", "1"),
        ("RUST_TEST_NOCAPTURE", "0"),
    ] {
        let run = |target| binary(target, ["m::prints"]).env(name, value).run();
        let (libtest, ours) = (run("plain"), run("twin"));
        // A wrong value is a panic of libtest's, an error of usage of ours.
        let expected = if libtest.code == 0 { 0 } else { 2 };
        assert_eq!(ours.code, expected, "{name}={value}: {}", ours.err);
        assert_eq!(
            ours.out.contains("a line"),
            libtest.out.contains("a line"),
            "{name}={value}"
        );
    }
}

/// Where libtest-mimic knows the arguments too, all three agree on exit code and names; it has no word for `should_panic`.
fn oracle_libtest_mimic_exit_codes_and_results() {
    let mut compared = 0;
    for args in KNOWN {
        let mimic = binary("mimicked", args).run();
        if mimic.code == 2 {
            // Several filters, or both -q and --format: unknown to it.
            continue;
        }
        let ours = binary("twin", args).run();
        assert_eq!(ours.code, mimic.code, "{args:?}");
        assert_eq!(counts(&ours), counts(&mimic), "{args:?}");
        assert_eq!(verdicts(&ours), verdicts(&mimic), "{args:?}");
        compared += 1;
    }
    assert!(compared >= 18, "only {compared} were compared");
}

/// The pretty text itself, with one thread so that the order is given: ours has a first line and times more, aligns the results, and puts the reason
/// of an ignored test in parentheses (both are libtest-mimic's way); else it is libtest's.
fn oracle_libtest_pretty_text() {
    let args = ["--test-threads=1", "--skip", "fails"];
    let (libtest, ours) = (
        binary("plain", args).run().exits(0),
        binary("twin", args).run().exits(0),
    );
    let lines = |text: &str| -> Vec<String> {
        let text = crate::call::without_times(text)
            .replace("ignored (not today)", "ignored, not today")
            .replace(" - should panic", "");
        let kept = text
            .lines()
            .filter(|l| l.starts_with("running ") || l.starts_with("test "));
        kept.map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(lines(&ours.out), lines(&libtest.out));
}

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
            crate::call::without_times(&line),
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

/// Tests that are expected to panic are filtered out.
fn exclude_should_panic() {
    let said = lab(["panics::", "--exclude-should-panic"]).exits(101);
    assert_eq!(said.names(), ["panics::in_a_task"]);
    said.says(["3 by --exclude-should-panic"]);
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

/// Only libtest2 expands `@file`; here, as with libtest, it is part of no name.
fn argfile_is_not_offered_and_is_a_filter() {
    lab(["@arguments.txt"]).exits(0).says(["running 0 tests"]);
    assert_eq!(binary("plain", ["@arguments.txt"]).run().code, 0);
}
