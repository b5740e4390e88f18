//! What measures: outcomes of its own, with exit codes of their own.

use serde_json::Value;

use crate::row::rows;
use crate::scaffold::binary;

rows![
    a_regression_is_exit_5,
    no_verdict_is_exit_6,
    failures_win_and_then_regressions,
    without_a_baseline_it_passes_unless_one_is_required,
    machines_read_the_outcome,
    notes_of_a_test_are_shown,
];

fn a_regression_is_exit_5() {
    let said = binary("figures", ["worse", "passes"]).run().exits(5).says([
        "regressed: p99 is 12 % worse\nof ten accepted runs",
        "2 of the failed regressed",
        "worse than their baselines (exit code 5):\n    worse: p99 is 12 % worse\n",
    ]);
    let results = said.results();
    for name in ["worse", "worse_apart"] {
        assert_eq!(results[name], "FAILED [regressed]");
    }
}

fn no_verdict_is_exit_6() {
    let said = binary("figures", ["noisy", "late"]).run().exits(6).says([
        "measured without a verdict (exit code 6):\n    noisy: the accepted runs differ by 8 %\n",
        "measurements that are no good (exit code 6):\n    late: requests were sent 40 ms late\n",
    ]);
    assert_eq!(said.results()["late"], "FAILED [invalid]");
    assert_eq!(said.results()["noisy"], "FAILED [inconclusive]");
}

fn failures_win_and_then_regressions() {
    binary("figures", ["noisy", "worse"]).run().exits(5);
    binary("figures", Vec::<String>::new()).run().exits(101);
}

fn without_a_baseline_it_passes_unless_one_is_required() {
    let said = binary("figures", ["first"]).run().exits(0).says([
        "measured without a baseline, counted as passed",
        "    first: 0 of 5 accepted runs",
    ]);
    assert_eq!(
        said.results()["first"],
        "ok [no baseline: 0 of 5 accepted runs]"
    );
    binary("figures", ["first", "--require-baseline"])
        .run()
        .exits(101)
        .says(["no baseline: 0 of 5 accepted runs (--require-baseline)"]);
    binary("figures", ["passes", "--require-baseline"])
        .run()
        .exits(0);
}

fn machines_read_the_outcome() {
    let said = binary("figures", ["worse", "first", "late", "--format", "json"])
        .run()
        .exits(5);
    let events = said.events();
    let of = |name: &str| -> &Value {
        let found = events
            .iter()
            .find(|e| e["name"] == name && (e["event"] == "ok" || e["event"] == "failed"));
        found.unwrap_or_else(|| panic!("no end of {name}"))
    };
    for (name, event, outcome) in [
        ("worse", "failed", "regressed"),
        ("worse_apart", "failed", "regressed"),
        ("late", "failed", "invalid"),
        ("first", "ok", "no baseline"),
    ] {
        assert_eq!(of(name)["event"], event);
        assert_eq!(of(name)["harness"]["outcome"], outcome);
    }
    assert_eq!(of("first")["harness"]["reason"], "0 of 5 accepted runs");
    let suite = events.last().expect("the suite's end");
    assert_eq!(suite["event"], "failed");
    for (key, count) in [("regressed", 2), ("invalid", 1), ("no_baseline", 1)] {
        assert_eq!(suite["harness"][key], count, "{key}");
    }
}

fn notes_of_a_test_are_shown() {
    binary("figures", ["measures"])
        .run()
        .exits(0)
        .says(["    measures: the server is 9 % faster than its baseline"]);
    binary("figures", ["measures", "--plan"])
        .run()
        .exits(0)
        .says(["(alone)"]);
}
