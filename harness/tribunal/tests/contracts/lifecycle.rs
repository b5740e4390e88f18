//! Everything that was made to go wrong in the life of a server, and what Tribunal said of it: docs/lifecycle.md, made from real runs.
//!
//! Promise: the page is what a run prints, with numbers that differ from run to run replaced; a message that changes without the page fails this
//! row, and `UPDATE_DOCS=1` writes the page anew.
//!
//! Rejected: a page written by hand (it would say what messages once were).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex::Regex;
use serde_json::Value;

use crate::row::rows;
use crate::scaffold::{Workspace, binary, repository};

rows![the_page_of_lifecycle_faults_is_what_a_run_says];

/// What was done, in the words of the page; the name of the case.
const FAULTS: [(&str, &str); 24] = [
    (
        "never_ready::has_no_program",
        "The program is not installed",
    ),
    (
        "never_ready::has_a_wrong_path",
        "The program's path is misspelt",
    ),
    (
        "never_ready::is_not_executable",
        "The program may not be executed",
    ),
    (
        "never_ready::has_no_folder",
        "The working directory does not exist",
    ),
    (
        "never_ready::has_a_wrong_placeholder",
        "A placeholder is misspelt",
    ),
    ("never_ready::exits", "The server exits while it starts"),
    ("never_ready::aborts", "The server aborts while it starts"),
    (
        "never_ready::says_out_of_memory",
        "The log has a line that the deployment calls fatal; the process hangs",
    ),
    ("never_ready::never_listens", "Nothing listens"),
    (
        "never_ready::listens_elsewhere",
        "The server listens on another port than it was told",
    ),
    (
        "ready::is_not_the_one_that_listens",
        "A process of the server's that hid in a session of its own listens",
    ),
    (
        "never_ready::finds_its_port_taken",
        "Another program holds the fixed port",
    ),
    ("never_ready::answers_500", "The health route answers 500"),
    (
        "never_ready::loads_for_ever",
        "Every route answers 503, for ever",
    ),
    (
        "never_ready::serves_another_model",
        "The server serves another model",
    ),
    (
        "never_ready::makes_no_token",
        "Health and model list are fine, the first request fails",
    ),
    (
        "never_ready::hangs_on_the_first_token",
        "The first request never ends",
    ),
    (
        "never_ready::forks_and_exits",
        "The command forks into the background and exits",
    ),
    ("ready::ignores_sigterm", "The server ignores SIGTERM"),
    (
        "ready::leaves_a_child",
        "A child in a session of its own outlives the server",
    ),
    (
        "ready::leaves_shared_memory",
        "A shared memory segment outlives the server",
    ),
    (
        "ready::floods_its_log",
        "The server writes 4 MiB of log before it listens",
    ),
    (
        "ready::prints_a_secret",
        "The server prints a key from its environment",
    ),
    ("dies::dies_when_asked", "The server dies under a request"),
];

const HEAD: &str = "# What can go wrong in the life of a server, and what is said

Every row was made to happen and is made to happen again by the project's tests, which also make this page. Numbers that differ from run to run are
replaced (`PID`, `PORT`, `N s`), and so are folders (`…`). `passed` means that the case
passed and everything was cleaned up; a note, if any, stands in the summary of the run.

";

fn the_page_of_lifecycle_faults_is_what_a_run_says() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let said = binary(
        "faults",
        ["--format", "json", "--show-output", "--test-threads", "4"],
    )
    .env("FAULT_PORT", port.to_string())
    .limit(std::time::Duration::from_secs(600))
    .run()
    .exits(101);
    let mut results: BTreeMap<String, (String, String)> = BTreeMap::new();
    for line in said.out.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        if event["type"] == "test"
            && let (Some(name), Some(how)) = (event["name"].as_str(), event["event"].as_str())
            && how != "started"
        {
            let mut text = event["stdout"].as_str().unwrap_or("").trim().to_owned();
            for note in event["harness"]["notes"].as_array().into_iter().flatten() {
                let note = format!("note: {}", note.as_str().unwrap_or(""));
                if !text.contains(&note) {
                    let _ = write!(text, "\n{note}");
                }
            }
            let text = text.trim().to_owned();
            results.insert(name.to_owned(), (how.to_owned(), text));
        }
    }
    // What the case left on purpose.
    let left = Regex::new("/dev/shm/fault-server-[0-9]+").expect("a rule");
    for found in left.find_iter(&said.out) {
        drop(std::fs::remove_file(found.as_str()));
    }
    let same = same();
    let mut page = HEAD.to_owned();
    let mut details = String::new();
    page.push_str(
        "| what happens | how the case ends | the first line of what is said |\n|---|---|---|\n",
    );
    for (case, what) in FAULTS {
        let (how, text) = results
            .remove(case)
            .unwrap_or_else(|| panic!("no result of {case}:\n{}", said.out));
        let text = same(&text);
        let how = if how == "ok" { "passed" } else { "failed" };
        let first = text.lines().next().unwrap_or("").replace('|', "\\|");
        let _ = writeln!(
            page,
            "| {what} | {how} | {} |",
            if first.is_empty() {
                String::new()
            } else {
                format!("`{first}`")
            }
        );
        if text.lines().count() > 1 || text.starts_with("note: ") {
            let _ = write!(details, "\n## {what}\n\n```text\n{text}\n```\n");
        }
    }
    assert!(
        results.is_empty(),
        "cases without a row: {:?}",
        results.keys()
    );
    page.push_str(&details);
    let path = repository().join("docs/lifecycle.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/lifecycle.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((old, new)) = written.lines().zip(page.lines()).find(|(a, b)| a != b) {
        panic!(
            "docs/lifecycle.md says\n  {old}\nand the run\n  {new}\nhelp: UPDATE_DOCS=1 writes it anew; read what changed\n{page}"
        );
    }
    assert_eq!(
        written.len(),
        page.len(),
        "docs/lifecycle.md is not the page; UPDATE_DOCS=1 writes it anew"
    );
}

/// Replaces what differs from run to run.
fn same() -> impl Fn(&str) -> String {
    let root = Workspace::shared().root().to_string_lossy().into_owned();
    let target = crate::scaffold::target().to_string_lossy().into_owned();
    let rules: Vec<(Regex, &str)> = [
        // Relative where the target folder is below the current one.
        (r"evidence: \S*?tribunal/", "evidence: …/tribunal/"),
        (r"/\S*/(lab|debug|evidence)/", "…/$1/"),
        (r"tribunal/\d[^/\s]*/", "tribunal/RUN/"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\bport \d+", "port PORT"),
        (r"(?i)\bpid( +)\d+", "pid${1}PID"),
        (r"used by pid PID \([^)]*\)", "used by pid PID (PROGRAM)"),
        (r"servers/\d+-", "servers/NN-"),
        (r"fault-server-\d+", "fault-server-PID"),
        (r"fault-server (\w+) \d+", "fault-server $1 PORT"),
        (r"\b\d+(\.\d+)? (s|ms)\b", "N s"),
        (r"in the \d+ folders", "in the N folders"),
        (r"\b\d+-fault", "NN-fault"),
    ]
    .into_iter()
    .map(|(rule, with)| (Regex::new(rule).expect("a rule"), with))
    .collect();
    move |text| {
        let text = text.replace(&root, "…").replace(&target, "…");
        let text = rules.iter().fold(text, |text, (rule, with)| {
            rule.replace_all(&text, *with).into_owned()
        });
        // Whether a second process has printed its first line yet when it is stopped is chance.
        let mut lines: Vec<&str> = text.lines().collect();
        lines.dedup();
        // Whatever runs beside it may make shared memory; which case sees that is chance.
        lines.retain(|line| !line.contains("that cannot be attributed"));
        lines.join("\n")
    }
}
