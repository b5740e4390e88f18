//! The options of our own, each with its environment twin, which is the only road under nextest, from editors and in mixed workspaces.

use crate::call::Said;
use crate::row::rows;
use crate::scaffold::{binary, lab};

rows![
    select_and_its_twin,
    select_empty_is_no_filter,
    select_marker_arguments,
    select_nextest_aliases,
    select_errors_have_columns,
    select_words_of_the_project,
    keyword_and_its_twin,
    run_level_and_its_twin,
    run_level_order_of_decision,
    stage_and_its_twin,
    stage_steps_partition,
    max_vram_gib_and_its_twin,
    vram_unknown,
    require_hardware_and_its_twin,
    deny_skips_and_its_twin,
    no_tests_and_its_twin,
    timeout_scale_and_its_twin,
    durations_and_its_twin,
    max_fail_and_its_twin,
    shard_and_its_twin,
    sequential_unless_and_its_twin,
    collect_only_is_list,
    markers_list,
    lint_and_strict,
    explain,
    plan,
    list_json_shows_what_the_options_select,
    twins_that_are_switches_take_0_and_1,
    command_line_wins_over_the_twin,
    retries_are_not_offered,
    last_failed_is_not_offered,
    junit_artifacts_and_faults_are_not_offered,
];

/// What is listed with these arguments.
fn listed(args: &[&str]) -> Vec<String> {
    binary("lab", [args, &["--list", "--format", "terse"]].concat())
        .run()
        .exits(0)
        .listed()
}

/// What is listed with a variable.
fn listed_by(name: &str, value: &str) -> Vec<String> {
    binary("lab", ["--list", "--format", "terse"])
        .env(name, value)
        .run()
        .exits(0)
        .listed()
}

/// `-m EXPR` and `TRIBUNAL_SELECT`.
fn select_and_its_twin() {
    let by_flag = listed(&["-m", "full_model or slow"]);
    assert_eq!(by_flag, ["levels::first_and_third", "levels::fourth"]);
    assert_eq!(listed(&["--select", "full_model or slow"]), by_flag);
    assert_eq!(listed_by("TRIBUNAL_SELECT", "full_model or slow"), by_flag);
    assert_eq!(
        listed(&["-m", "e2e and vllm and not (performance or stress)"]),
        ["marked::by_its_module"]
    );
    assert_eq!(
        listed(&["-m", "e2e", "-m", "slow"]),
        ["levels::fourth"],
        "the last one wins"
    );
}

/// In pytest the empty expression is false as a value, but `-m ""` is no filter.
fn select_empty_is_no_filter() {
    assert_eq!(listed(&["-m", ""]), listed(&[]));
    assert_eq!(listed(&["-m", "  "]), listed(&[]));
}

/// `marker(arg=value)`.
fn select_marker_arguments() {
    assert_eq!(
        listed(&["-m", "max_vram_gib(gib=20)"]),
        ["levels::twenty_gib"]
    );
    assert!(listed(&["-m", "max_vram_gib(gib=21)"]).is_empty());
    assert_eq!(
        listed(&["-m", "requires(program='no-such-program-anywhere')"]),
        ["gates::program"]
    );
    lab(["-m", "max_vram_gib(gb=20)"]).exits(2).warns(["gib"]);
}

/// `&`, `|` and `!`, as nextest has them.
fn select_nextest_aliases() {
    assert_eq!(
        listed(&["-m", "e2e & !(slow | stress)"]),
        listed(&["-m", "e2e and not (slow or stress)"])
    );
}

/// A column, a caret, and what was expected.
fn select_errors_have_columns() {
    for (text, part) in [
        ("e2e and", "column 8"),
        ("(e2e", "column 5"),
        ("e2e and or slow", "column 9"),
        ("e2e $", "column 5"),
    ] {
        let said = lab(["-m", text]).exits(2);
        assert!(
            said.err.contains(part) && said.err.contains('^'),
            "{text}: {}",
            said.err
        );
    }
}

/// A declared word of the project is known, an undeclared one is an error.
fn select_words_of_the_project() {
    assert_eq!(
        listed(&["-m", "lab_feature"]),
        ["answers::with_a_word_of_the_project"]
    );
    lab(["-m", "lab_faeture"]).exits(2).warns(["lab_feature"]);
}

/// `-k EXPR` and `TRIBUNAL_KEYWORD`: the same grammar over parts of names.
fn keyword_and_its_twin() {
    let by_flag = listed(&["-k", "named and not small"]);
    assert_eq!(by_flag, ["cased::named::large"]);
    assert_eq!(
        listed_by("TRIBUNAL_KEYWORD", "named and not small"),
        by_flag
    );
    assert_eq!(
        listed(&["-k", "NAMED and LARGE"]),
        by_flag,
        "pytest compares without case"
    );
}

/// `--run-level LEVEL` and `TRIBUNAL_RUN_LEVEL`; the first line says which and why.
fn run_level_and_its_twin() {
    let said = lab(["levels::", "--run-level", "advanced_model"])
        .exits(0)
        .says(["run level advanced_model (--run-level)"]);
    assert!(
        said.names().contains(&"levels::second".to_owned())
            && !said.names().contains(&"levels::fourth".to_owned())
    );
    let by_variable = binary("lab", ["levels::"])
        .env("TRIBUNAL_RUN_LEVEL", "advanced_model")
        .run()
        .exits(0);
    assert_eq!(by_variable.names(), said.names());
    lab(["levels::"]).exits(0).says([
        "run level core_model (the default)",
        "deeper: --run-level advanced_model",
    ]);
    // A case runs at the highest level that it declares and that the run allows.
    let level = |run: &str| {
        lab([
            "levels::first_and_third",
            "--run-level",
            run,
            "--format",
            "json",
        ])
        .events()[2]["harness"]["level"]
            .clone()
    };
    assert_eq!(
        (level("core_model"), level("advanced_model"), level("slow")),
        (
            "core_model".into(),
            "core_model".into(),
            "full_model".into()
        )
    );
}

/// `--run-level`, then the stage's, then what `-m` names, then the lowest.
fn run_level_order_of_decision() {
    for (args, line) in [
        (
            &[
                "--run-level",
                "slow",
                "--stage",
                "nightly",
                "-m",
                "core_model",
            ][..],
            "run level slow (--run-level)",
        ),
        (
            &["--stage", "nightly", "-m", "core_model"],
            "run level full_model (--stage nightly)",
        ),
        (
            &["-m", "advanced_model or core_model"],
            "run level advanced_model (-m names it)",
        ),
        (
            &["-m", "core_model and not slow"],
            "run level core_model (-m names it)",
        ),
        (
            &["-m", "post_merge"],
            "run level advanced_model (-m names `post_merge`)",
        ),
        (&["-m", "e2e"], "run level core_model (the default)"),
    ] {
        let said = binary("lab", [args, &["--plan"]].concat()).run().exits(0);
        assert!(
            said.out.starts_with(line),
            "{args:?}: {}",
            said.out.lines().next().unwrap_or_default()
        );
    }
}

/// `--stage NAME[.STEP]` and `TRIBUNAL_STAGE`.
fn stage_and_its_twin() {
    let by_flag = listed(&["--stage", "pre_merge.parallel"]);
    assert!(
        by_flag.is_empty(),
        "the only parallel test is vllm's: {by_flag:?}"
    );
    assert_eq!(
        listed(&["--stage", "pre_merge.engines"]),
        ["marked::by_its_module"]
    );
    assert_eq!(
        listed_by("TRIBUNAL_STAGE", "pre_merge.engines"),
        ["marked::by_its_module"]
    );
}

/// Every case of a stage belongs to exactly one of its steps.
fn stage_steps_partition() {
    for stage in ["pre_merge", "weekly"] {
        let all = listed(&["--stage", stage]);
        let steps = match stage {
            "pre_merge" => &[
                "parallel",
                "sequential",
                "engines",
                "gpu_1",
                "multi_gpu",
                "other_devices",
            ][..],
            _ => &["cpu", "gpu_1", "multi_gpu", "other_devices"],
        };
        let mut parts: Vec<String> = steps
            .iter()
            .flat_map(|step| listed(&["--stage", &format!("{stage}.{step}")]))
            .collect();
        parts.sort();
        assert_eq!(parts, all, "{stage}");
    }
}

/// Inclusive, fractions allowed; what declares nothing runs.
fn max_vram_gib_and_its_twin() {
    let names = |n: &str| listed(&["levels::", "--max-vram-gib", n]);
    assert!(names("20").contains(&"levels::twenty_gib".to_owned()));
    assert!(!names("19.5").contains(&"levels::twenty_gib".to_owned()));
    assert!(names("19.5").contains(&"levels::first".to_owned()));
    assert!(!listed_by("TRIBUNAL_MAX_VRAM_GIB", "24").contains(&"levels::eighty_gib".to_owned()));
    lab(["--max-vram-gib", "some"])
        .exits(2)
        .warns(["a number of GiB"]);
}

/// `--vram-unknown run|skip|last`.
fn vram_unknown() {
    assert_eq!(
        listed(&["--max-vram-gib", "24", "--vram-unknown", "skip"]),
        ["levels::twenty_gib"]
    );
    let last = listed(&["levels::", "--max-vram-gib", "24", "--vram-unknown", "last"]);
    assert_eq!(
        last.first().map(String::as_str),
        Some("levels::twenty_gib"),
        "{last:?}"
    );
}

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

/// K/N: the parts are disjoint and together everything.
fn shard_and_its_twin() {
    let all = listed(&[]);
    let mut parts: Vec<String> = (1..=3)
        .flat_map(|k| listed(&["--shard", &format!("{k}/3")]))
        .collect();
    parts.sort();
    assert_eq!(parts, all);
    assert_eq!(
        listed_by("TRIBUNAL_SHARD", "2/3"),
        listed(&["--shard", "2/3"])
    );
    lab(["--shard", "4/3"])
        .exits(2)
        .warns(["--shard needs K/N"]);
    // A part may be empty: that is no error.
    lab(["-m", "full_model", "--shard", "2/2"]).exits(0);
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

/// Repeating failed tests is left to nextest so far; the answer is an error, not silence.
fn retries_are_not_offered() {
    lab(["--retries", "2"])
        .exits(2)
        .warns(["unknown option `--retries`"]);
}

/// `--lf` and `--ff` need a history, which is not kept yet.
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
