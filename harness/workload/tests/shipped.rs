//! The files that are shipped: nothing is wrong with them, all of them can be run here, and every key in them does something.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups, Purpose, Workload};

fn shipped(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Workload {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    Workload::read(path, &lookups).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_shipped_file_can_be_run() {
    for (folder, purpose) in [
        ("perf", Purpose::Performance),
        ("stability", Purpose::Stability),
    ] {
        let files = shipped(folder);
        assert!(files.len() >= 2, "{files:?}");
        for file in files {
            let workload = read(&file);
            assert!(
                workload.notes.is_empty(),
                "{}: {:?}",
                file.display(),
                workload.notes
            );
            let mut names = BTreeSet::new();
            for (case, step) in workload.steps() {
                assert_eq!(step.refused, None, "{}", step.name);
                assert_eq!(step.purpose, purpose);
                assert!(
                    names.insert(step.name.clone()),
                    "{} is there twice",
                    step.name
                );
                assert!(!case.marks.is_empty(), "{} has no markers", case.name);
                assert!(
                    step.name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || c == '_')
                        && !step.name.starts_with(|c: char| c.is_ascii_digit()),
                    "{}",
                    step.name
                );
            }
            assert!(!names.is_empty());
        }
    }
}

#[test]
fn the_two_forms_of_the_embedded_engine_agree_where_they_say_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/perf");
    let (toml, json) = (
        read(&folder.join("embedded.toml")),
        read(&folder.join("embedded.json")),
    );
    let routes = |workload: &Workload| -> BTreeSet<String> {
        workload
            .steps()
            .map(|(_, step)| format!("{:?} {}", step.route, step.stream))
            .collect()
    };
    assert!(
        routes(&toml).is_superset(&routes(&json)),
        "{:?} {:?}",
        routes(&toml),
        routes(&json)
    );
}
