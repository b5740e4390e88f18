//! Which logs a report is made from.

use std::fs;
use std::path::PathBuf;

use crate::sample;

fn text() -> String {
    let lines = sample::mixed_lines();
    lines.iter().map(|l| format!("{l}\n")).collect()
}

#[test]
fn a_file_and_the_folder_that_holds_it_are_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    fs::write(&file, text()).unwrap();
    for named in [file, folder.path().to_owned()] {
        let run = tribunal_render::read(&[named]).unwrap();
        assert_eq!(run.cases.len(), 11);
        assert_eq!(run.folder, folder.path().canonicalize().unwrap());
    }
}

#[test]
fn a_log_that_ends_in_the_middle_of_a_character_is_read_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    let mut bytes = text().into_bytes();
    let smile = bytes.windows(2).rposition(|w| w == "é".as_bytes()).unwrap();
    bytes.truncate(smile + 1);
    fs::write(&file, bytes).unwrap();
    let run = tribunal_render::read(&[file]).unwrap();
    assert_eq!(run.wrong.len(), 1, "{:?}", run.wrong);
    assert!(run.ended.is_none());
}

#[test]
fn what_is_no_log_is_told_with_what_is_near() {
    let root = tempfile::tempdir().unwrap();
    let told = |path: PathBuf| tribunal_render::read(&[path]).unwrap_err();
    let none = told(root.path().to_owned());
    assert!(none.contains("holds no event log (events.jsonl)"), "{none}");
    for run in ["20260101-a", "20260102-b"] {
        fs::create_dir(root.path().join(run)).unwrap();
        fs::write(root.path().join(run).join("events.jsonl"), text()).unwrap();
    }
    let several = told(root.path().to_owned());
    assert!(
        several.contains("2 folders of runs") && several.contains("20260102-b"),
        "{several}"
    );
    let missing = told(root.path().join("nowhere"));
    assert!(
        missing.contains("nowhere: ") && missing.contains("`latest`"),
        "{missing}"
    );
    fs::write(root.path().join("x.jsonl"), "{\"event\":\"run_ended\"}\n").unwrap();
    let other = told(root.path().join("x.jsonl"));
    assert!(other.contains("x.jsonl: line 1 is no beginning"), "{other}");
    assert!(tribunal_render::read(&[]).unwrap_err().contains("no log"));
}
