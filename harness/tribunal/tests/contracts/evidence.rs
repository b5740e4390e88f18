//! The evidence folder: what is in it, when it is kept, and what happens where it cannot be written.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call::{Call, folder};
use crate::row::rows;
use crate::scaffold::binary;

rows![
    a_failed_attempt_leaves_its_folder,
    a_passed_attempt_leaves_nothing_but_the_log,
    all_keeps_what_passed_and_none_keeps_nothing,
    the_way_to_it_is_shown,
    the_part_of_the_servers_log_is_with_it,
    what_was_exchanged_is_with_it,
    secrets_are_not_written,
    repeat_runs_exactly_this_case,
    old_runs_are_removed,
    processes_of_one_nextest_run_share_a_folder,
    attempts_of_nextest_have_their_numbers,
    a_folder_that_cannot_be_written_is_a_note,
    an_isolated_case_writes_to_the_same_folder,
    rows_of_all_cases_stand_in_one_table,
    wrong_options_are_answered,
];

fn rooms(args: &[&str], root: &Path) -> Call {
    binary("rooms", args.iter().copied()).env("TRIBUNAL_EVIDENCE_DIR", root)
}

/// The names in a folder, sorted; empty where there is none.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The folders of runs.
fn runs(root: &Path) -> Vec<String> {
    names(root)
        .into_iter()
        .filter(|n| n.starts_with("20"))
        .collect()
}

fn a_failed_attempt_leaves_its_folder() {
    let root = folder();
    rooms(&["evidence::fails", "--exact"], root.path())
        .run()
        .exits(101);
    let attempt = root.path().join("latest/evidence.fails/1");
    assert_eq!(
        names(&attempt),
        [
            "environment.txt",
            "failure.txt",
            "kept.txt",
            "output.txt",
            "repeat.sh"
        ]
    );
    assert!(read(attempt.join("failure.txt")).contains("the sum is wrong"));
    assert!(read(attempt.join("output.txt")).starts_with("said while it failed"));
    let environment = read(attempt.join("environment.txt"));
    for part in [
        "case       evidence::fails\n",
        "ended      failed\n",
        "arguments  evidence::fails --exact\n",
        "TRIBUNAL_EVIDENCE_DIR=",
    ] {
        assert!(environment.contains(part), "{environment}");
    }
}

/// The names in the folder of the newest run, without its lock and the samples that reports draw.
fn newest(root: &Path) -> Vec<String> {
    let mut names = names(&root.join("latest"));
    names.retain(|name| name != ".lock" && name != "devices");
    names
}

fn a_passed_attempt_leaves_nothing_but_the_log() {
    let root = folder();
    rooms(&["evidence::passes"], root.path())
        .run()
        .exits(0)
        .says(["2 passed"]);
    assert_eq!(newest(root.path()), ["events.jsonl"]);
    let log = read(root.path().join("latest/events.jsonl"));
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["event"].as_str()).collect();
    assert_eq!(
        (kinds[0], kinds[kinds.len() - 1]),
        ("run_started", "run_ended")
    );
    let ends = events.iter().filter(|e| e["event"] == "case_ended");
    let outcomes: Vec<&str> = ends.filter_map(|e| e["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["passed", "passed"]);
}

fn all_keeps_what_passed_and_none_keeps_nothing() {
    let root = folder();
    let args = ["evidence::passes", "--exact", "--keep-evidence", "all"];
    rooms(&args, root.path()).run().exits(0);
    let attempt = root.path().join("latest/evidence.passes/1");
    assert_eq!(read(attempt.join("kept.txt")), "for later");
    assert_eq!(read(attempt.join("output.txt")), "said while it passed\n");
    let root = folder();
    let said = rooms(&["evidence::fails"], root.path())
        .env("TRIBUNAL_KEEP_EVIDENCE", "none")
        .run();
    said.exits(101).says_not(["evidence: "]);
    assert_eq!(newest(root.path()), ["events.jsonl"]);
}

/// Relative to where the user stands, which cargo hands on in `PWD`.
fn the_way_to_it_is_shown() {
    let root = folder();
    let said = rooms(&["evidence::fails", "--exact"], Path::new("kept/here"))
        .folder(root.path())
        .env("PWD", root.path())
        .run()
        .exits(101);
    let shown = said
        .out
        .lines()
        .find_map(|l| l.strip_prefix("evidence: "))
        .expect("the way is shown");
    assert!(
        shown.starts_with("kept/here/20") && shown.ends_with("/evidence.fails/1"),
        "{shown}"
    );
    assert!(root.path().join(shown).join("failure.txt").is_file());
}

fn the_part_of_the_servers_log_is_with_it() {
    let root = folder();
    rooms(&["evidence::fails_with_a_server"], root.path())
        .run()
        .exits(101);
    let attempt = root.path().join("latest/evidence.fails_with_a_server/1");
    let index = read(attempt.join("servers.txt"));
    assert!(
        index.contains("../../servers/00-embedded/server.log: bytes 0 to "),
        "{index}"
    );
    let copied = names(&attempt)
        .into_iter()
        .find(|n| n.ends_with(".log"))
        .expect("the log's part");
    assert!(read(attempt.join(copied)).contains("listening on http://127.0.0.1:"));
    assert!(
        root.path()
            .join("latest/servers/00-embedded/server.log")
            .is_file()
    );
}

fn what_was_exchanged_is_with_it() {
    let root = folder();
    rooms(&["evidence::fails_with_a_server"], root.path())
        .run()
        .exits(101);
    let attempt = root.path().join("latest/evidence.fails_with_a_server/1");
    let transcript = read(attempt.join("transcript.json"));
    let list: serde_json::Value = serde_json::from_str(&transcript).expect("JSON");
    let curl = list[0]["curl"].as_str().expect("a line");
    assert!(
        curl.starts_with("curl ") && curl.contains("a question for the log"),
        "{transcript}"
    );
    assert_eq!(list[0]["response"]["status"], 200);
    // Also the verdicts of answers that passed, each with its exchange.
    let verdicts: serde_json::Value =
        serde_json::from_str(&read(attempt.join("verdicts.json"))).expect("JSON");
    assert_eq!(verdicts[0]["passes"], true, "{verdicts}");
    assert_eq!(verdicts[0]["exchange"], 1, "{verdicts}");
    let told = read(attempt.join("verdicts.txt"));
    assert!(
        told.contains("1, exchange 1 of the transcript: chat answer: passes")
            && told.contains("pass: finish_reason"),
        "{told}"
    );
}

fn secrets_are_not_written() {
    let root = folder();
    rooms(&["evidence::fails", "--exact"], root.path())
        .env("LAB_API_KEY", "s3cret-of-the-lab")
        .env("TRIBUNAL_LAB_TOKEN", "t0ken-of-the-lab")
        .run()
        .exits(101);
    let attempt = root.path().join("latest/evidence.fails/1");
    assert!(read(attempt.join("output.txt")).contains("said while it failed, with ***"));
    for name in names(&attempt) {
        let text = read(attempt.join(&name));
        assert!(
            !text.contains("s3cret-of") && !text.contains("t0ken-of"),
            "{name}: {text}"
        );
    }
    let script = read(attempt.join("repeat.sh"));
    assert!(script.contains("${TRIBUNAL_LAB_TOKEN:?"), "{script}");
}

/// By `sh`, from anywhere, with a word that has a quote in it, and whatever the caller's own variables say.
fn repeat_runs_exactly_this_case() {
    let root = folder();
    rooms(
        &[
            "evidence::",
            "alone::aborts",
            "--timeout-scale",
            "3",
            "--shard",
            "1/1",
            "--keep-evidence=failed",
        ],
        root.path(),
    )
    .env("TRIBUNAL_LAB_WORD", "it's so")
    .run()
    .exits(101);
    let latest = std::fs::canonicalize(root.path().join("latest")).expect("a run");
    let script = latest.join("evidence.fails_unless_told/1/repeat.sh");
    let said = Call::new("sh")
        .args([&script])
        .env("TRIBUNAL_SELECT", "nonsense")
        .folder(Path::new("/"))
        .run()
        .exits(101);
    let said = said
        .says(["told so", "0 passed; 1 failed"])
        .says_not(["not told"]);
    assert_eq!(said.names(), ["evidence::fails_unless_told"]);
    assert!(read(script).contains("--timeout-scale 3"));
    let direct = Command::new(latest.join("alone.aborts/1/repeat.sh"))
        .output()
        .expect("it can be run");
    assert!(
        String::from_utf8_lossy(&direct.stdout).contains("SIGABRT"),
        "an isolated case is repeated as one"
    );
}

fn old_runs_are_removed() {
    let root = folder();
    for _ in 0..4 {
        rooms(
            &["evidence::fails", "--exact", "--keep-runs", "2"],
            root.path(),
        )
        .run()
        .exits(101);
    }
    let left = runs(root.path());
    assert_eq!(left.len(), 2, "{left:?}");
    let latest = std::fs::read_link(root.path().join("latest")).expect("a link");
    assert_eq!(latest.to_string_lossy(), left[1]);
}

fn nextest(call: Call, attempt: &str) -> Call {
    call.env("NEXTEST", "1")
        .env("NEXTEST_RUN_ID", "6f1b4e0a-0000-4000-8000-000000000000")
        .env("NEXTEST_EXECUTION_MODE", "process-per-test")
        .env("NEXTEST_ATTEMPT", attempt)
}

fn processes_of_one_nextest_run_share_a_folder() {
    let root = folder();
    for name in ["evidence::fails", "evidence::fails_unless_told"] {
        nextest(rooms(&["--exact", name, "--nocapture"], root.path()), "1")
            .run()
            .exits(101);
    }
    assert_eq!(runs(root.path()).len(), 1, "{:?}", names(root.path()));
    let run = root.path().join("latest");
    for case in ["evidence.fails", "evidence.fails_unless_told"] {
        assert!(
            run.join(case).join("1/failure.txt").is_file(),
            "{:?}",
            names(&run)
        );
    }
}

fn attempts_of_nextest_have_their_numbers() {
    let root = folder();
    for attempt in ["1", "2"] {
        nextest(
            rooms(&["--exact", "evidence::fails", "--nocapture"], root.path()),
            attempt,
        )
        .run()
        .exits(101);
    }
    assert_eq!(
        names(&root.path().join("latest/evidence.fails")),
        ["1", "2"]
    );
}

/// Once, with the reason; what passes passes.
fn a_folder_that_cannot_be_written_is_a_note() {
    let root = folder();
    let blocked = root.path().join("a file");
    std::fs::write(&blocked, "no folder").expect("a file");
    let said = rooms(
        &["evidence::passes", "evidence::fails"],
        &blocked.join("below"),
    )
    .env("TMPDIR", root.path())
    .run()
    .exits(101);
    let said = said.says([
        "2 passed; 3 failed",
        "help: --evidence-dir DIR names another folder",
    ]);
    assert_eq!(
        said.out
            .matches("note: evidence cannot be written to ")
            .count(),
        1,
        "{}",
        said.out
    );
    // Not even there: nothing is kept, and nothing else changes.
    let said = rooms(&["evidence::fails_unless_told"], &blocked.join("below"))
        .env("TMPDIR", &blocked)
        .run()
        .exits(101);
    said.says(["0 passed; 1 failed", "so none is kept"])
        .says_not(["evidence: "]);
}

fn an_isolated_case_writes_to_the_same_folder() {
    let root = folder();
    rooms(&["alone::keeps_a_file", "alone::passes"], root.path())
        .run()
        .exits(101);
    let run = root.path().join("latest");
    assert_eq!(read(run.join("alone.keeps_a_file/1/kept.txt")), "for later");
    assert!(
        read(run.join("alone.keeps_a_file/1/environment.txt")).contains("in a process of its own")
    );
    assert!(!run.join("alone.passes").exists(), "{:?}", names(&run));
}

fn rows_of_all_cases_stand_in_one_table() {
    let root = folder();
    let said = rooms(&["tables::"], root.path()).run();
    let said = said.exits(0);
    let table = "findings of the lab:\n  must (1)\n    row          found\n    no_messages  \\u{1b}[31m500\n  should (1)\n    row          found\n    n_is_null    200\n  as a file: ";
    assert!(said.out.contains(table), "{}", said.out);
    let run = root.path().join("latest");
    assert_eq!(
        read(run.join("findings-of-the-lab.md")),
        "# findings of the lab\n\n## must\n\n| row | found | case |\n|---|---|---|\n| no_messages | \\u{1b}[31m500 | tables::early |\n\n## should\n\n| row | found | case |\n|---|---|---|\n| n_is_null | 200 | tables::late |\n"
    );
    assert!(read(run.join("findings-of-the-lab.json")).contains("\"group\": \"must\""));
    let json = rooms(
        &["tables::", "--format", "json", "-Zunstable-options"],
        root.path(),
    )
    .run();
    assert!(json.out.contains(r#""tables":[{"#), "{}", json.out);
}

fn wrong_options_are_answered() {
    let root = folder();
    for (args, text) in [
        (
            &["--keep-evidence", "fail"][..],
            "--keep-evidence is one of failed, all, none, not `fail`; did you mean `failed`?",
        ),
        (
            &["--keep-runs", "0"],
            "--keep-runs needs a number from 1 up, not `0`",
        ),
        (
            &["--evidence-dir="],
            "--evidence-dir needs the path of a folder",
        ),
    ] {
        rooms(args, root.path()).run().exits(2).warns([text]);
    }
}
