//! Reports as files.

use std::fs;

use tribunal_render::{Annotator, Reports};

use crate::sample;

#[test]
fn one_that_cannot_be_written_does_not_keep_the_others_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, below) = (folder.path().join("a"), folder.path().join("new/b.json"));
    fs::write(&file, "old").unwrap();
    let reports = Reports {
        // Its folder is a file.
        junit: Some(file.join("no.xml")),
        ctrf: Some(below.clone()),
        markdown: Some(file.clone()),
        annotations: Some(Annotator::Github),
        ..Reports::default()
    };
    let written = reports.write(&sample::mixed());
    assert_eq!(written.files, [below.clone(), file.clone()]);
    assert!(
        written.wrong.len() == 1 && written.wrong[0].contains("no.xml: "),
        "{written:?}"
    );
    assert!(written.printed.starts_with("::error "));
    assert!(fs::read_to_string(&below).unwrap().contains("\"CTRF\""));
    assert!(fs::read_to_string(&file).unwrap().starts_with("###"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_summary_of_a_step_is_added_to_and_never_grows_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary");
    let reports = Reports {
        step_summary: Some(path.clone()),
        ..Reports::default()
    };
    fs::write(&path, "# what another step said\n").unwrap();
    let run = sample::many(3000);
    let mut wrong = Vec::new();
    for _ in 0..4 {
        wrong = reports.write(&run).wrong;
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("# what another step said\n\n### ❌"),
        "{}",
        &text[..100]
    );
    assert!(text.len() < 1024 * 1024, "{}", text.len());
    // What is full stays as it is, and that is said.
    fs::write(&path, "x".repeat(1024 * 1024 - 4096)).unwrap();
    wrong.extend(reports.write(&run).wrong);
    assert!(wrong.last().unwrap().contains("it is full"), "{wrong:?}");
}
