//! Reports that a run makes of its event log when it ends, and what build servers see of it.

use std::path::Path;

use rustix::process::Signal;

use crate::call::{Call, folder, until};
use crate::row::rows;
use crate::scaffold::binary;

rows![
    asked_for_they_are_there_at_the_end,
    beside_json_nothing_is_printed_among_it,
    a_build_server_gets_a_summary_and_annotations,
    none_asked_for_none_made,
    ctrl_c_makes_them_too,
    one_that_cannot_be_written_is_a_note,
    under_a_runner_of_processes_they_are_made_afterwards,
];

fn rooms(args: &[&str], root: &Path) -> Call {
    binary("rooms", args.iter().copied()).env("TRIBUNAL_EVIDENCE_DIR", root.join("evidence"))
}

fn read(root: &Path, name: &str) -> String {
    let path = root.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn asked_for_they_are_there_at_the_end() {
    let root = folder();
    let at = |name: &str| root.path().join(name);
    rooms(&["evidence::fails", "--exact"], root.path())
        .env("TRIBUNAL_JUNIT", at("j.xml"))
        .env("TRIBUNAL_CTRF", at("c.json"))
        .args(["--html".as_ref(), at("h.html").as_os_str()])
        .args(["--markdown".as_ref(), at("m.md").as_os_str()])
        .args(["--trace".as_ref(), at("t.json").as_os_str()])
        .run()
        .exits(101);
    for (file, part) in [
        ("j.xml", "<testcase name=\"evidence::fails\""),
        ("c.json", "\"name\": \"evidence::fails\""),
        ("h.html", "evidence::fails"),
        ("m.md", "<code>evidence::fails</code> failed"),
        ("t.json", "\"name\":\"evidence::fails\""),
    ] {
        let text = read(root.path(), file);
        assert!(text.contains(part), "{file}: {text}");
    }
    let junit = read(root.path(), "j.xml");
    assert!(
        junit.contains("failures=\"1\"") && junit.contains("<failure "),
        "{junit}"
    );
    assert!(
        junit.contains("[[ATTACHMENT|"),
        "its evidence is named: {junit}"
    );
}

fn beside_json_nothing_is_printed_among_it() {
    let root = folder();
    let said = rooms(
        &["evidence::fails", "--exact", "--format", "json"],
        root.path(),
    )
    .args(["--annotations", "github"])
    .run()
    .exits(101);
    assert!(!said.events().is_empty());
    said.warns(["::error file="]);
}

fn a_build_server_gets_a_summary_and_annotations() {
    let root = folder();
    let summary = root.path().join("summary");
    let on = |args: &[&str]| {
        rooms(args, root.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", &summary)
            .run()
            .exits(101)
    };
    on(&["evidence::fails", "--exact"]).warns(["::error file=", "evidence%3A%3Afails"]);
    let once = read(root.path(), "summary");
    assert!(once.contains("<code>evidence::fails</code>"), "{once}");
    on(&["evidence::fails", "--exact"]);
    assert!(
        read(root.path(), "summary").starts_with(&once),
        "another run adds to it"
    );
    let twice = read(root.path(), "summary").len();
    let silent = on(&["evidence::fails", "--exact", "--annotations", "none"]);
    assert!(!silent.err.contains("::error"), "{}", silent.err);
    assert_eq!(read(root.path(), "summary").len(), twice);
}

fn none_asked_for_none_made() {
    let root = folder();
    let said = rooms(&["evidence::fails", "--exact"], root.path())
        .run()
        .exits(101);
    assert!(
        !said.err.contains("::error") && !said.err.contains("report"),
        "{}",
        said.err
    );
    let names: Vec<_> = std::fs::read_dir(root.path()).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "the evidence alone: {names:?}");
}

fn ctrl_c_makes_them_too() {
    let root = folder();
    let (diary, junit) = (root.path().join("diary"), root.path().join("j.xml"));
    let mut started = binary("calm", ["m::waits", "--exact", "--include-ignored"])
        .env("LAB_DIARY", &diary)
        .env("TRIBUNAL_EVIDENCE_DIR", root.path().join("evidence"))
        .env("TRIBUNAL_JUNIT", &junit)
        .start();
    until("the body of the test", || {
        assert!(!started.ended(), "it ended by itself");
        std::fs::read_to_string(&diary).is_ok_and(|d| d.contains("waiting"))
    });
    started.signal(Signal::INT);
    started.end().exits(130);
    let text = read(root.path(), "j.xml");
    assert!(
        text.contains("<testcase name=\"m::waits\"") && text.contains("stopped"),
        "{text}"
    );
}

fn one_that_cannot_be_written_is_a_note() {
    let root = folder();
    std::fs::write(root.path().join("file"), "").unwrap();
    let below = root.path().join("file/j.xml");
    rooms(&["evidence::passes", "--exact"], root.path())
        .env("TRIBUNAL_JUNIT", &below)
        .run()
        .exits(0)
        .warns(["note: a report could not be made: ", "file/j.xml"]);
}

fn under_a_runner_of_processes_they_are_made_afterwards() {
    let root = folder();
    rooms(&["evidence::passes", "--exact"], root.path())
        .env("TRIBUNAL_JUNIT", root.path().join("j.xml"))
        .env("NEXTEST_EXECUTION_MODE", "process-per-test")
        .env("GITHUB_ACTIONS", "true")
        .run()
        .exits(0)
        .warns(["cargo tribunal report latest --junit "]);
    assert!(!root.path().join("j.xml").exists());
}
