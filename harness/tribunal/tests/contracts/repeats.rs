//! Failures that are repeated, quarantines, classes of failures, and rounds of a stress, as a user of the harness meets them.

use serde_json::Value;

use crate::call::folder;
use crate::row::rows;
use crate::scaffold::{Workspace, binary, write};

rows![
    what_passes_in_the_end_is_flaky_and_shown_everywhere,
    flaky_fails_the_run_where_it_is_asked_to,
    only_named_classes_are_repeated,
    a_process_that_dies_is_repeated_where_its_class_is_named,
    every_attempt_has_evidence_of_its_own,
    a_quarantine_never_blocks_and_is_counted,
    an_ended_quarantine_blocks_and_fails_the_lint,
    failures_have_classes_and_reasons,
    a_project_adds_classes_beside_its_markers,
    a_class_that_there_is_not_is_refused_with_the_nearest,
    stress_runs_rounds_until_one_fails,
    stress_ends_well_after_so_many_rounds,
    under_a_runner_of_processes_nothing_is_repeated_and_that_is_said,
];

#[track_caller]
fn end<'a>(events: &'a [Value], name: &str) -> &'a Value {
    crate::s2_3_events::end(events, name)
}

fn what_passes_in_the_end_is_flaky_and_shown_everywhere() {
    let args = ["second_time_lucky", "passes", "--retries", "2"];
    let said = binary("again", args).run().exits(0).says([
        "1 of the passed flaky",
        "flaky, passed only when they were repeated",
        "    second_time_lucky: passed on attempt 2\n        attempt 1: failed (quality): ",
        "no colour is named",
    ]);
    assert_eq!(
        said.results()["second_time_lucky"],
        "ok [flaky: passed on attempt 2]"
    );
    let said = binary("again", args)
        .args(["--format", "json"])
        .run()
        .exits(0);
    let events = said.events();
    let starts = events
        .iter()
        .filter(|e| e["name"] == "second_time_lucky" && e["event"] == "started");
    assert_eq!(starts.count(), 1);
    let lucky = end(&events, "second_time_lucky");
    assert_eq!(lucky["event"], "ok");
    assert_eq!(lucky["harness"]["outcome"], "flaky");
    assert_eq!(lucky["harness"]["attempt"], 2);
    let suite = &events[events.len() - 1];
    assert_eq!(suite["harness"]["flaky"], 1);
    assert_eq!(suite["harness"]["retries"], 1);
}

fn flaky_fails_the_run_where_it_is_asked_to() {
    let args = [
        "second_time_lucky",
        "--retries",
        "1",
        "--flaky-result",
        "fail",
    ];
    binary("again", args)
        .run()
        .exits(101)
        .says(["flaky, which fails the run (--flaky-result fail): passed on attempt 2"]);
}

fn only_named_classes_are_repeated() {
    let args = [
        "second_time_lucky",
        "--retries",
        "2",
        "--retry-on",
        "infra,port",
    ];
    binary("again", args)
        .run()
        .exits(101)
        .says(["why they failed:", "quality: second_time_lucky"]);
}

fn a_process_that_dies_is_repeated_where_its_class_is_named() {
    let said = binary("again", ["dies_apart", "--format", "json"])
        .run()
        .exits(101);
    let events = said.events();
    let died = end(&events, "dies_apart");
    assert_eq!(died["harness"]["class"], "crash");
    assert_eq!(died["harness"]["attempt"], 2);
    binary("again", ["dies_apart", "--retries", "0"])
        .run()
        .exits(101)
        .says_not(["attempt 1"]);
}

fn every_attempt_has_evidence_of_its_own() {
    let place = folder();
    let evidence = place.path().display().to_string();
    let args = ["never", "--exact", "--retries", "1", "--evidence-dir"];
    binary("again", args)
        .args([&evidence])
        .run()
        .exits(101)
        .says(["attempt 1: failed (quality)"]);
    let mut found = vec![];
    let mut look = vec![place.path().to_path_buf()];
    while let Some(folder) = look.pop() {
        for entry in std::fs::read_dir(folder)
            .expect("a folder of ours")
            .flatten()
        {
            // Not through `latest`, which is a link.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            match entry.path() {
                path if is_folder => look.push(path),
                path if path.ends_with("failure.txt") => found.push(path),
                _ => {}
            }
        }
    }
    assert_eq!(found.len(), 2, "{found:?}");
}

fn a_quarantine_never_blocks_and_is_counted() {
    binary("again", ["known", "--exact"]).run().exits(0).says([
        "0 passed; 0 failed; 1 ignored",
        "1 failed in quarantine",
        "failed in quarantine, which does not fail the run:\n    known: quarantine: drifts (#7), until 2999-12-31",
    ]);
    let said = binary("again", ["known", "--exact", "--format", "json"])
        .run()
        .exits(0);
    let events = said.events();
    let known = end(&events, "known");
    assert_eq!(known["event"], "ignored");
    assert_eq!(known["harness"]["outcome"], "failed");
    assert_eq!(
        known["harness"]["waived"],
        "quarantine: drifts (#7), until 2999-12-31"
    );
}

fn an_ended_quarantine_blocks_and_fails_the_lint() {
    binary("again", ["long_known", "--exact"])
        .run()
        .exits(101)
        .says(["its quarantine ended on 2020-02-29"]);
    binary("again", ["--lint"])
        .run()
        .exits(2)
        .says(["long_known: its quarantine ended on 2020-02-29 (#6): drifted"])
        .says_not(["2999"]);
}

fn failures_have_classes_and_reasons() {
    binary("again", ["never", "dies_apart", "--exact"])
        .run()
        .exits(101)
        .says([
            "why they failed:\n",
            "   1 crash: dies_apart; `the process was ended by sig` stands in the failure's text",
            "   1 quality: never",
        ]);
}

fn a_project_adds_classes_beside_its_markers() {
    const TESTS: &str = r#"use tribunal::prelude::*;
tribunal::main!();

#[tribunal::test]
#[retries(1, on = "moonshine")]
fn shines() -> TestResult {
    fail!("the Moon is full of light")
}
"#;
    let mut project = Workspace::own("classes", Some("[markers]\n"), TESTS);
    let file = project.root().join("package/classes.toml");
    write(
        &file,
        "[classes.moonshine]\ndoc = \"a matter of the moon\"\nrules = [{ text = [\"moon is * light\"] }]\n",
    );
    project.build(&[]).unwrap_or_else(|e| panic!("{e}"));
    let run = || project.binary("classes").run();
    run()
        .exits(101)
        .says(["1 moonshine: shines", "attempt 1: failed (moonshine)"]);
    write(&file, "[classes.moonshine]\nrules = [{}]\n");
    run()
        .exits(2)
        .warns(["classes.toml: a rule of class `moonshine` asks for nothing"]);
    std::fs::remove_file(&file).expect("a file of ours");
    run()
        .exits(2)
        .warns(["there is no class of failures `moonshine`"]);
}

fn a_class_that_there_is_not_is_refused_with_the_nearest() {
    binary("again", ["--retries", "1", "--retry-on", "qualty"])
        .run()
        .exits(2)
        .warns(["--retry-on: there is no class of failures `qualty`; did you mean `quality`?"]);
}

fn stress_runs_rounds_until_one_fails() {
    let place = folder();
    let file = place.path().join("rounds");
    binary("again", ["in_the_end", "--stress", "5"])
        .env("AGAIN_ROUNDS", "3")
        .env("AGAIN_FILE", &file)
        .run()
        .exits(101)
        .says(["round 3"])
        .warns([
            "stress: round 1 of 5\n",
            "stress: round 3 of 5 failed (exit code 101), and 2 passed before it",
        ]);
    let rounds = std::fs::read_to_string(&file).expect("rounds ran");
    assert_eq!(rounds.lines().count(), 3);
}

fn stress_ends_well_after_so_many_rounds() {
    let run = |args: &[&str]| binary("again", args).run();
    run(&["passes", "--stress", "2", "--stress-duration", "1h"])
        .exits(0)
        .warns(["stress: 2 rounds passed"]);
    run(&["passes", "--stress-duration", "1ms"])
        .exits(0)
        .warns(["stress: 1 round passed"]);
    run(&["--stress", "0"]).exits(2);
    run(&["--list", "--stress", "3"]).exits(0);
}

fn under_a_runner_of_processes_nothing_is_repeated_and_that_is_said() {
    binary("again", ["second_time_lucky", "--exact", "--retries", "2"])
        .env("NEXTEST_EXECUTION_MODE", "process-per-test")
        .run()
        .exits(101)
        .says(["nothing was repeated here: under a runner that starts a process per test"]);
}
