//! The options of our own that select, each with its environment twin, which is the only road under nextest, from editors and in mixed workspaces.

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
    shard_and_its_twin,
    changed_since_and_its_twin,
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
    // What the build server's variables say, where that is asked for.
    let auto = binary("lab", ["--list", "--format", "terse", "--shard", "auto"])
        .env("BUILDKITE_PARALLEL_JOB", "1")
        .env("BUILDKITE_PARALLEL_JOB_COUNT", "3")
        .run();
    assert_eq!(auto.exits(0).listed(), listed(&["--shard", "2/3"]));
    let half = binary("lab", ["--list", "--shard", "auto"])
        .env("JOB_COMPLETION_INDEX", "1")
        .run();
    half.exits(2)
        .warns(["JOB_COMPLETION_INDEX is set and TRIBUNAL_SHARD_COUNT is not"]);
    lab(["--shard", "4/3"])
        .exits(2)
        .warns(["--shard needs K/N"]);
    // A part may be empty: that is no error.
    lab(["-m", "full_model", "--shard", "2/2"]).exits(0);
}

/// `--changed-since REF` and `TRIBUNAL_CHANGED_SINCE`: what a diff leaves, and everything where there is none.
fn changed_since_and_its_twin() {
    let folder = crate::call::folder();
    let root = folder.path();
    let git = |line: &str| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"];
        let quiet = [
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ];
        let args = identity.into_iter().chain(quiet).chain(line.split(' '));
        crate::call::Call::new("git")
            .args(args)
            .folder(root)
            .run()
            .exits(0);
    };
    let there = |args: &[&str]| binary("lab", args.iter().copied()).folder(root).run();
    let list = ["--list", "--format", "terse"];
    git("init -q -b main");
    git("commit -q --allow-empty -m one");
    let all = listed(&[]);
    // Only documentation: no test of this project depends on any.
    std::fs::write(root.join("notes.md"), "").expect("a folder of ours");
    let since = ["--changed-since", "main"];
    let none: Vec<String> = there(&[&since[..], &list].concat()).exits(0).listed();
    assert!(none.is_empty(), "{none:?}");
    there(&["--stage", "pre_merge", "--changed-since", "main"])
        .exits(0)
        .says(["1 file changed, all of it documentation"]);
    // A test that declares no path stays with every other file, and all stay where git cannot say.
    std::fs::write(root.join("x.rs"), "").expect("a folder of ours");
    assert_eq!(there(&[&since[..], &list].concat()).exits(0).listed(), all);
    let by_variable = binary("lab", list)
        .env("TRIBUNAL_CHANGED_SINCE", "nowhere")
        .folder(root)
        .run()
        .exits(0)
        .listed();
    assert_eq!(by_variable, all);
    lab(["--changed-since", ""])
        .exits(2)
        .warns(["--changed-since needs a branch"]);
}
