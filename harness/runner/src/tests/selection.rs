use super::support::*;
use crate::catalog::Catalog;
use crate::selection::{Filter, Selector};

fn ladder() -> Catalog {
    catalog(vec![
        test("l1::quick").marked(&["core_model", "cpu", "unit"]),
        test("l2::chat").marked(&["core_model", "advanced_model", "e2e", "timeout(\"9s\")"]),
        test("l3::deep").marked(&[
            "advanced_model",
            "e2e",
            "timeout(\"9s\")",
            "max_vram_gib(20)",
        ]),
        test("l4::all")
            .marked(&["full_model", "e2e", "timeout(\"9s\")", "max_vram_gib(60)"])
            .cases(&[("a", &[]), ("b", &["tts"])]),
        test("l5::soak").marked(&["slow", "stress", "timeout(\"1h\")"]),
        test("plain").marked(&["unit"]).should_panic(""),
    ])
}

/// The level in force; the selected names with their levels; what removed the others.
type Answer = (
    String,
    Vec<(String, Option<&'static str>)>,
    Vec<(Filter, usize)>,
);

/// The selected names, with the level at which each runs.
fn select(args: &[&str]) -> Answer {
    let (c, o, v) = (ladder(), options(args), vocabulary());
    let selection = Selector::new(v, &o)
        .expect("a valid selection")
        .select(&c, &mut |_| false);
    let selected = selection
        .selected
        .iter()
        .map(|s| {
            (
                c.cases[s.case].name.clone(),
                s.level.map(|l| v.levels()[l].name.as_str()),
            )
        })
        .collect();
    (
        format!("{} ({})", selection.level.name, selection.level.because),
        selected,
        selection.removed,
    )
}

fn names(args: &[&str]) -> Vec<String> {
    select(args).1.into_iter().map(|(n, _)| n).collect()
}

#[test]
fn the_level_in_force_and_what_it_takes() {
    for (args, level, count) in [
        (&[][..], "core_model (the default)", 3),
        (
            &["--run-level", "advanced_model"],
            "advanced_model (--run-level)",
            4,
        ),
        (
            &["--run-level", "full_model"],
            "full_model (--run-level)",
            6,
        ),
        (&["--run-level", "slow"], "slow (--run-level)", 7),
        (
            &["--run-level", "core_model", "--stage", "weekly"],
            "core_model (--run-level)",
            3,
        ),
        (&["--stage", "nightly"], "full_model (--stage nightly)", 6),
        (
            &["-m", "advanced_model or core_model"],
            "advanced_model (-m names it)",
            3,
        ),
        (&["-m", "not slow"], "core_model (the default)", 3),
        (&["-m", "slow"], "slow (-m names it)", 1),
        (
            &["-m", "nightly and e2e"],
            "full_model (-m names `nightly`)",
            2,
        ),
        (
            &["-m", "e2e and (pre_merge or post_merge or nightly)"],
            "full_model (-m names `nightly`)",
            4,
        ),
        (
            &["-m", "unit and pre_merge"],
            "core_model (-m names `pre_merge`)",
            2,
        ),
        (&["-m", "release"], "slow (-m names `release`)", 0),
    ] {
        let (said, selected, _) = select(args);
        assert_eq!(
            (said.as_str(), selected.len()),
            (level, count),
            "{args:?}: {selected:?}"
        );
    }
}

#[test]
fn a_case_runs_at_the_highest_level_that_it_declares_and_the_run_allows() {
    let (_, selected, _) = select(&["--run-level", "full_model"]);
    let level = |name: &str| {
        selected
            .iter()
            .find(|(n, _)| n == name)
            .and_then(|(_, l)| *l)
    };
    assert_eq!(level("l1::quick"), Some("core_model"));
    assert_eq!(level("l2::chat"), Some("advanced_model"));
    assert_eq!(level("l4::all::a"), Some("full_model"));
    assert_eq!(level("plain"), None);
}

#[test]
fn a_name_overrides_the_level_and_nothing_else() {
    // By its own lowest level, with and without --exact, for the case and for the test.
    for args in [&["l4::all::a", "--exact"][..], &["l4::all::a"]] {
        assert_eq!(
            select(args).1,
            [("l4::all::a".to_owned(), Some("full_model"))],
            "{args:?}"
        );
    }
    assert_eq!(names(&["l4::all", "--exact"]), ["l4::all::a", "l4::all::b"]);
    assert_eq!(names(&["l4::all"]), ["l4::all::a", "l4::all::b"]);
    // A part of the name is no name.
    assert!(names(&["l4::al"]).is_empty());
    assert_eq!(
        names(&["l4::all::a", "--exact", "-m", "tts"]),
        Vec::<String>::new()
    );
}

#[test]
fn filters_of_names() {
    assert_eq!(names(&["", "--run-level", "slow"]).len(), 7);
    assert_eq!(names(&["quick", "plain"]), ["l1::quick", "plain"]);
    assert_eq!(names(&["quick", "--exact"]), Vec::<String>::new());
    assert_eq!(names(&["--skip", "l2", "--skip", "plain"]), ["l1::quick"]);
    // With --exact, libtest's --skip is exact as well.
    assert_eq!(
        names(&["l1::quick", "--exact", "--skip", "l1"]),
        ["l1::quick"]
    );
    assert_eq!(names(&["-k", "QUICK or plain"]), ["l1::quick", "plain"]);
    assert_eq!(names(&["-k", "not l1 and not plain"]), ["l2::chat"]);
    assert_eq!(
        names(&["--exclude-should-panic"]),
        ["l1::quick", "l2::chat"]
    );
    assert!(names(&["--bench"]).is_empty());
}

#[test]
fn each_removed_case_counts_for_the_first_filter_that_removes_it() {
    let (_, _, removed) = select(&["l", "--skip", "l1", "-m", "e2e"]);
    assert_eq!(
        removed,
        [
            (Filter::Name, 0),
            (Filter::Skip, 1),
            (Filter::Select, 2),
            (Filter::Level, 3)
        ]
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect::<Vec<_>>()
    );
}

#[test]
fn vram_is_inclusive_and_the_unknown_is_decided_by_a_flag() {
    let run = |more: &[&str]| {
        names(
            &[
                &["--run-level", "full_model", "-m", "e2e", "--max-vram-gib"],
                more,
            ]
            .concat(),
        )
    };
    assert_eq!(run(&["20"]), ["l2::chat", "l3::deep"]);
    assert_eq!(run(&["19.9"]), ["l2::chat"]);
    assert_eq!(run(&["20", "--vram-unknown", "skip"]), ["l3::deep"]);
    assert_eq!(run(&["60"]).len(), 4);
}

#[test]
fn shards_part_the_selection() {
    let all = names(&["--run-level", "slow"]);
    let mut parts: Vec<String> = (1..=3)
        .flat_map(|k| names(&["--run-level", "slow", "--shard", &format!("{k}/3")]))
        .collect();
    parts.sort();
    assert_eq!(parts, all);
    assert_eq!(
        select(&["--run-level", "slow", "--shard", "1/3"]).2,
        [(Filter::Shard, 4)]
    );
}

#[test]
fn ignored_only_takes_what_is_ignored_or_gated() {
    let (c, o, v) = (ladder(), options(&["--ignored"]), vocabulary());
    let selection = Selector::new(v, &o)
        .expect("valid")
        .select(&c, &mut |case| c.cases[case].name == "plain");
    assert_eq!(
        selection
            .selected
            .iter()
            .map(|s| c.cases[s.case].name.as_str())
            .collect::<Vec<_>>(),
        ["plain"]
    );
}

#[test]
fn wrong_names_are_answered_with_the_nearest() {
    for (args, part) in [
        (
            &["--run-level", "advanced"][..],
            "did you mean `advanced_model`?",
        ),
        (&["--stage", "nigthly"], "did you mean `nightly`?"),
        (
            &["--stage", "pre_merge.paralel"],
            "did you mean `pre_merge.parallel`?",
        ),
        (&["-m", "core_modle"], "did you mean `core_model`?"),
        (&["-m", "e2e and ("], "expected"),
        (&["-k", "a and"], "-k: expected"),
    ] {
        let o = options(args);
        let error = Selector::new(vocabulary(), &o)
            .err()
            .map(|e| e.0)
            .unwrap_or_default();
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

#[test]
fn every_step_of_a_stage_takes_a_part_of_it() {
    let v = vocabulary();
    for stage in v.stages() {
        let whole = names(&["--stage", &stage.name]);
        let mut parts: Vec<String> = stage
            .steps
            .iter()
            .flat_map(|s| names(&["--stage", &format!("{}.{}", stage.name, s.name)]))
            .collect();
        parts.sort();
        assert_eq!(parts, whole, "the steps of {} do not part it", stage.name);
    }
}

#[test]
fn what_a_diff_does_not_concern_is_left_out() {
    let c = catalog(vec![
        test("about::qwen").marked(&["unit", "depends_on(\"src/models/qwen\")"]),
        test("about::tts").marked(&["unit", "depends_on(\"src/models/tts\")"]),
        test("plain").marked(&["unit"]),
    ]);
    let (o, v) = (options(&["--changed-since", "main"]), vocabulary());
    let left = |changed: Result<Vec<String>, String>| {
        let narrowing = tribunal_stages::Narrowing::new(v, changed);
        let selection = Selector::new(v, &o)
            .expect("valid")
            .narrowed(Some(&narrowing))
            .select(&c, &mut |_| false);
        let names = selection.selected.iter().map(|s| &*c.cases[s.case].name);
        (names.collect::<Vec<_>>(), selection.removed)
    };
    assert_eq!(
        left(Ok(vec!["src/models/qwen/mod.rs".into()])),
        (vec!["about::qwen", "plain"], vec![(Filter::Changed, 1)])
    );
    let all = vec!["about::qwen", "about::tts", "plain"];
    assert_eq!(left(Err("git is not here".into())), (all, vec![]));
}
