//! The limits of set-up, body and teardown, what pauses them, and how a failure of a shared fixture is told.

use crate::call::folder;
use crate::row::rows;
use crate::scaffold::binary;

rows![
    each_phase_has_its_own_limit,
    the_options_limit_set_up_and_teardown,
    a_shared_failure_is_told_once,
    a_fixture_that_skips_skips_its_users,
    a_fixture_reads_parameters_as_values,
    what_was_stuck_is_in_the_evidence
    ; with "gdb":
    no_limit_fires_under_a_debugger,
    stacks_come_from_gdb,
];

fn each_phase_has_its_own_limit() {
    let folder = folder();
    let diary = folder.path().join("diary");
    let said = binary(
        "rooms",
        ["phases::", "--skip", "a_blocking_call", "--test-threads=1"],
    )
    .env("LAB_DIARY", &diary)
    .run()
    .exits(101)
    .says([
        "timed out in the set-up after 2s: fixture `slow_to_make` (",
        "timed out in the body after 0.050s",
        "teardown of `slow_to_leave` did not end within 0.050s, and was given up",
    ]);
    let results = said.results();
    for (name, word) in [
        ("phases::set_up_hangs", "[timed out]"),
        ("phases::set_up_hung_before", "[set-up failed]"),
        ("phases::a_little_late", "[timed out]"),
        ("phases::teardown_hangs", "[teardown failed]"),
    ] {
        assert!(results[name].contains(word), "{name}: {}", said.out);
    }
    let diary = std::fs::read_to_string(diary).expect("the diary");
    assert_eq!(diary.matches("slow up").count(), 1, "{diary}");
    assert_eq!(diary.matches("slow down").count(), 1, "{diary}");
    assert_eq!(
        diary.matches("first registered, last to run").count(),
        1,
        "{diary}"
    );
}

fn the_options_limit_set_up_and_teardown() {
    binary(
        "rooms",
        [
            "phases::set_up_hung_before",
            "--exact",
            "--setup-timeout",
            "30ms",
        ],
    )
    .run()
    .exits(101)
    .says(["timed out in the set-up after 0.030s"]);
    binary(
        "rooms",
        [
            "phases::set_up_hung_before",
            "--exact",
            "--timeout-scale",
            "2",
        ],
    )
    .env("TRIBUNAL_SETUP_TIMEOUT", "30ms")
    .run()
    .exits(101)
    .says(["timed out in the set-up after 0.060s"]);
    binary("rooms", ["alone::passes", "--setup-timeout", "soon"])
        .run()
        .exits(2);
}

fn a_shared_failure_is_told_once() {
    let said = binary(
        "rooms",
        ["shared::first", "shared::second", "--test-threads=1"],
    )
    .run()
    .exits(101);
    assert_eq!(
        said.out.matches("and a long story about it").count(),
        1,
        "{}",
        said.out
    );
    assert_eq!(
        said.out
            .matches("the case `shared::first` tells it in full")
            .count(),
        1,
        "{}",
        said.out
    );
    assert_eq!(
        said.out.matches("fixture `broken` (").count(),
        2,
        "{}",
        said.out
    );
}

fn a_fixture_that_skips_skips_its_users() {
    binary("rooms", ["shared::skipped_by_a_fixture"])
        .run()
        .exits(0)
        .says(["ignored (fixture `absent`: no such device)"]);
    binary("rooms", ["shared::skipped_by_a_fixture", "--deny-skips"])
        .run()
        .exits(101);
}

fn a_fixture_reads_parameters_as_values() {
    let said = binary("rooms", ["shared::indirect"]).run().exits(101);
    let said = said.says([
        "cannot read the parameter `port` of the case `shared::indirect::bad`: `many` is no u16: invalid digit found in string",
    ]);
    assert_eq!(said.results()["shared::indirect::good"], "ok");
}

/// Its threads, its processes and what listens.
fn what_was_stuck_is_in_the_evidence() {
    let folder = folder();
    let said = binary("rooms", ["phases::a_blocking_call"])
        .env("TRIBUNAL_EVIDENCE_DIR", folder.path())
        .run()
        .exits(101);
    let address = said
        .out
        .split("listening on ")
        .nth(1)
        .expect("it was printed");
    let address = address.lines().next().expect("a line");
    let attempt = folder.path().join("latest/phases.a_blocking_call/1");
    let read = |name: &str| std::fs::read_to_string(attempt.join(name)).expect(name);
    let processes = read("processes.txt");
    assert!(
        processes.contains("command") && processes.contains("rooms-"),
        "{processes}"
    );
    assert!(
        processes.contains(&format!("{address} process ")),
        "{processes}"
    );
    let stacks = read("stacks.txt");
    assert!(stacks.starts_with("Threads of process "), "{stacks}");
    assert!(stacks.contains("tribunal-report"), "{stacks}");
    assert!(
        stacks.contains("Stacks, by gdb") || stacks.contains("Stacks by gdb are not available: "),
        "{stacks}"
    );
}

/// It takes longer than its limit, and yet it passes: somebody could stand at a breakpoint.
fn no_limit_fires_under_a_debugger() {
    let plain = binary("rooms", ["phases::a_little_late"]).run();
    plain.exits(101).says(["timed out in the body"]);
    let debugged = binary("rooms", ["phases::a_little_late"]);
    let program = debugged.program().to_owned();
    let said = crate::call::Call::new("gdb")
        .args([
            "-nx",
            "-batch",
            "-ex",
            "set debuginfod enabled off",
            "-ex",
            "run",
            "--args",
        ])
        .args([program])
        .args(["phases::a_little_late"])
        .run();
    if said.err.contains("ptrace") || said.out.contains("ptrace") {
        // A container may forbid it; then nobody debugs here.
        return;
    }
    said.says([
        "1 passed; 0 failed",
        "note: a debugger was attached: no time limit fired meanwhile",
    ]);
}

fn stacks_come_from_gdb() {
    let folder = folder();
    binary("rooms", ["phases::a_blocking_call"])
        .env("TRIBUNAL_EVIDENCE_DIR", folder.path())
        .run()
        .exits(101);
    let path = folder
        .path()
        .join("latest/phases.a_blocking_call/1/stacks.txt");
    let stacks = std::fs::read_to_string(path).expect("stacks");
    if stacks.contains("it may not attach") || stacks.contains("it did not end within") {
        // A container may forbid it, and a loaded machine be too slow; the file says so.
        return;
    }
    assert!(stacks.contains("a_blocking_call"), "{stacks}");
}
