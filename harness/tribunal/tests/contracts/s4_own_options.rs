//! The other options of our own: gates, limits, pages that run nothing; and what is not offered, which is an error and never ignored.

use crate::row::rows;
use crate::said::Said;
use crate::scaffold::{binary, lab};

rows![
    require_hardware_and_its_twin,
    deny_skips_and_its_twin,
    a_threshold_has_a_name_and_a_number,
    no_tests_and_its_twin,
    timeout_scale_and_its_twin,
    durations_and_its_twin,
    max_fail_and_its_twin,
    sequential_unless_and_its_twin,
    collect_only_is_list,
    markers_list,
    lint_and_strict,
    explain,
    plan,
    list_json_shows_what_the_options_select,
    twins_that_are_switches_take_0_and_1,
    command_line_wins_over_the_twin,
    last_failed_is_not_offered,
    junit_artifacts_and_faults_are_not_offered,
];

/// An unmet device gate fails; other gates stay skips.
fn require_hardware_and_its_twin() {
    let check = |said: Said| {
        let said = said.exits(101);
        assert!(said.results()["gates::device"].starts_with("FAILED"));
        assert!(said.results()["gates::program"].starts_with("ignored"));
    };
    check(lab(["gates::", "--require-hardware"]));
    check(
        binary("lab", ["gates::"])
            .env("TRIBUNAL_REQUIRE_HARDWARE", "1")
            .run(),
    );
}

/// Every skip fails, by a gate and at run time; *ignored* does not.
fn deny_skips_and_its_twin() {
    let check = |said: Said| {
        let said = said.exits(101);
        let results = said.results();
        assert!(
            results
                .iter()
                .filter(|(n, _)| n.starts_with("gates::"))
                .all(|(_, r)| r.starts_with("FAILED")),
            "{results:?}"
        );
        assert!(results["kept_back::skips_itself"].starts_with("FAILED"));
        assert!(results["kept_back::with_a_reason"].starts_with("ignored"));
    };
    check(lab(["gates::", "kept_back::", "--deny-skips"]));
    check(
        binary("lab", ["gates::", "kept_back::"])
            .env("TRIBUNAL_DENY_SKIPS", "1")
            .run(),
    );
}

/// An explicit selector under which nothing was executed is 4, a bare name is a note.
fn no_tests_and_its_twin() {
    lab(["-m", "tts"]).exits(4).says(["nothing was executed"]);
    lab(["-m", "tts", "--no-tests", "pass"]).exits(0);
    binary("lab", ["-m", "tts"])
        .env("TRIBUNAL_NO_TESTS", "pass")
        .run()
        .exits(0);
    lab(["nothing_like_it"])
        .exits(0)
        .says(["note: nothing was executed"]);
    lab(["nothing_like_it", "--no-tests", "fail"]).exits(4);
    lab(["nothing_like_it", "--no-tests", "pass"])
        .exits(0)
        .says_not(["note: nothing"]);
    // Selected but gated is not executed either: such a run says nothing.
    lab(["-m", "neuron"]).exits(4);
    lab(["-m", "tts", "--format", "json"])
        .exits(4)
        .warns(["nothing was executed"]);
}

/// Every limit is multiplied.
fn timeout_scale_and_its_twin() {
    lab(["late::sleeps", "--timeout-scale", "2"])
        .exits(101)
        .says(["timed out in the body after 0.100s"]);
    binary("lab", ["late::sleeps"])
        .env("TRIBUNAL_TIMEOUT_SCALE", "1.5")
        .run()
        .exits(101)
        .says(["timed out in the body after 0.075s"]);
    lab(["--timeout-scale", "0"]).exits(2);
}

/// The slowest cases by phase; 0 shows all.
fn durations_and_its_twin() {
    let said = lab(["answers", "late::sleeps", "--durations", "1"])
        .exits(101)
        .says(["slowest 1 cases:", "set-up", "body", "teardown"]);
    let table: Vec<&str> = said
        .out
        .lines()
        .skip_while(|l| !l.starts_with("slowest"))
        .skip(2)
        .take_while(|l| !l.is_empty())
        .collect();
    assert_eq!(table.len(), 1, "{}", said.out);
    lab(["answers", "--durations=0"])
        .exits(101)
        .says(["slowest cases, all of them:"]);
    binary("lab", ["answers"])
        .env("TRIBUNAL_DURATIONS", "0")
        .run()
        .exits(101)
        .says(["slowest cases, all of them:"]);
}

/// Nothing more is started after N failures.
fn max_fail_and_its_twin() {
    let said = lab(["answers", "--max-fail", "2", "--test-threads=1"])
        .exits(101)
        .says(["2 failed", "after 2 failures (--max-fail)"]);
    assert!(said.names().len() < 7, "{:?}", said.names());
    binary("lab", ["answers", "--test-threads=1"])
        .env("TRIBUNAL_MAX_FAIL", "1")
        .run()
        .exits(101)
        .says(["1 failed"]);
    lab(["--max-fail", "0"]).exits(2);
}

/// Dynamo's rule: what is not marked `parallel` runs alone, after the others.
fn sequential_unless_and_its_twin() {
    let page = lab([
        "levels::first",
        "marked",
        "--sequential-unless",
        "parallel",
        "--plan",
    ])
    .exits(0)
    .out;
    let at = |name: &str| {
        page.lines()
            .position(|l| l.contains(name))
            .unwrap_or_else(|| panic!("{name} is not in the plan: {page}"))
    };
    assert!(at("marked::by_its_module") < at("levels::first "), "{page}");
    assert!(
        page.lines()
            .nth(at("levels::first "))
            .is_some_and(|l| l.contains("alone"))
    );
    let by_variable = binary("lab", ["levels::first", "marked", "--plan"])
        .env("TRIBUNAL_SEQUENTIAL_UNLESS", "parallel")
        .run()
        .exits(0)
        .out;
    assert_eq!(by_variable, page);
}

/// pytest's `--collect-only` is `--list`.
fn collect_only_is_list() {
    assert_eq!(
        lab(["cased", "--collect-only"]).exits(0).out,
        lab(["cased", "--list"]).exits(0).out
    );
}

/// Everything that is declared: levels, markers, devices, stages, and the project's own words.
fn markers_list() {
    lab(["--markers"]).exits(0).says([
        "core_model",
        "advanced_model",
        "lifecycle",
        "lab_feature",
        "a word of the project's own",
        "H100",
        "stages",
        "pre_merge",
        "parallel",
    ]);
}

/// Warnings only, so the run would start; `--strict` makes them errors.
fn lint_and_strict() {
    lab(["--lint"]).exits(0).says([" in ", "0 errors"]);
    let said = lab(["--lint", "--strict"])
        .exits(2)
        .says(["got a marker by default"]);
    assert!(
        said.out.contains("lab/tests/lab.rs:"),
        "a finding has its place"
    );
    binary("lab", ["--lint"])
        .env("TRIBUNAL_STRICT", "1")
        .run()
        .exits(2);
}

/// Markers with their origins, levels, gates, and why it would run or not.
fn explain() {
    lab(["--explain", "marked::by_its_module"]).exits(0).says([
        "e2e",
        "module marked, lab/tests/lab.rs:",
        "parallel",
        "time limit: 1m00s",
        "would run here: yes",
    ]);
    lab(["--explain", "gates::program"]).exits(0).says([
        "would run here: no: skipped: needs the program `no-such-program-anywhere` on PATH",
    ]);
    lab(["--explain", "levels::fourth"])
        .exits(0)
        .says(["would run here: no: its lowest level, slow, is above the run's"]);
    lab(["--explain", "cased::named"])
        .exits(0)
        .says(["case large (n = 2)", "case small (n = 1)"]);
    lab(["--explain", "kept_back::with_a_reason"])
        .exits(0)
        .says(["ignored (takes \"too\" long): --include-ignored runs it"]);
}

/// What would run, in which order, with which limit, and what would not.
fn plan() {
    let said = lab(["levels", "gates::program", "--plan"]).exits(0);
    said.says([
        "run level core_model (the default)",
        "5 would run",
        "levels::first  [core_model, limit 1m00s]",
        "1 would not run:",
        "gates::program  skipped: needs the program",
        "filtered out: ",
    ]);
}

/// Lists show what the options of a run would select, with the level at which it would run.
fn list_json_shows_what_the_options_select() {
    let events = lab([
        "levels::",
        "--run-level",
        "slow",
        "--list",
        "--format",
        "json",
    ])
    .exits(0)
    .events();
    let level = |name: &str| {
        events
            .iter()
            .find(|e| e["name"] == name)
            .map(|e| e["harness"]["level"].clone())
            .unwrap_or_else(|| panic!("{name} is not listed"))
    };
    assert_eq!(
        (
            level("levels::first_and_third"),
            level("levels::fourth"),
            level("levels::second")
        ),
        ("full_model".into(), "slow".into(), "advanced_model".into())
    );
    assert_eq!(
        level("levels::twenty_gib"),
        serde_json::Value::Null,
        "a case without a level has none"
    );
}

/// A switch is 1 or 0 in the environment.
fn twins_that_are_switches_take_0_and_1() {
    let with = |value: &str| {
        binary("lab", ["gates::device"])
            .env("TRIBUNAL_REQUIRE_HARDWARE", value)
            .run()
            .code
    };
    assert_eq!(
        (with("1"), with("true"), with("0"), with("false"), with("")),
        (101, 101, 0, 0, 0)
    );
    binary("lab", ["gates::device"])
        .env("TRIBUNAL_REQUIRE_HARDWARE", "perhaps")
        .run()
        .exits(2)
        .warns(["TRIBUNAL_REQUIRE_HARDWARE is a switch: 1 or 0, not `perhaps`"]);
}

/// Whoever types a flag means it.
fn command_line_wins_over_the_twin() {
    binary("lab", ["levels", "--run-level", "core_model"])
        .env("TRIBUNAL_RUN_LEVEL", "slow")
        .run()
        .exits(0)
        .says(["run level core_model"]);
    let said = binary("lab", ["--skip", "async", "answers::passes"])
        .env("TRIBUNAL_SKIP", "answers")
        .run()
        .exits(0);
    assert_eq!(said.names(), ["answers::passes"]);
}

/// What figures are held against is set by name; a name that there is not is an error before anything runs.
fn a_threshold_has_a_name_and_a_number() {
    lab([
        "answers::passes",
        "--threshold",
        "wer=0.2",
        "--threshold",
        "pause=3",
        "--require-checks",
    ])
    .exits(0);
    lab(["answers::passes", "--threshold", "wre=0.2"])
        .exits(2)
        .warns(["--threshold wre=0.2", "did you mean `wer`?"]);
    lab(["answers::passes", "--threshold", "wer=low"])
        .exits(2)
        .warns(["must be a number, not `low`"]);
    binary("lab", ["answers::passes"])
        .env("TRIBUNAL_THRESHOLD", "wer=0.2;cerr=1")
        .run()
        .exits(2)
        .warns(["did you mean `cer`?"]);
}

/// pytest's short forms; the long ones are there.
fn last_failed_is_not_offered() {
    lab(["--lf"]).exits(2).warns(["unknown option `--lf`"]);
    lab(["--ff"]).exits(2);
}

/// Not offered yet; each is an error, never ignored.
fn junit_artifacts_and_faults_are_not_offered() {
    for option in ["--junit-xml", "--artifacts", "--faults", "--partition"] {
        lab([option, "x"])
            .exits(2)
            .warns([&format!("unknown option `{option}`")]);
    }
    lab(["--partition", "1/2"])
        .exits(2)
        .warns(["did you mean `--shard`?"]);
}
