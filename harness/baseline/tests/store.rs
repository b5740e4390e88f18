//! The folder of accepted runs.

mod common;

use std::fs;

use common::{key, run};
use tribunal_baseline::{Accepted, BaselineError, Checks, Key, RunRecord, Store, Validity};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path().join("baselines"));
    (folder, store)
}

#[test]
fn the_last_ten_of_a_key_are_the_base_oldest_first() {
    let (_folder, store) = store();
    assert_eq!(store.base(&key()).expect("a base").runs, Vec::new());
    for index in 0..12 {
        let mut run = run(100.0 + f64::from(index), 10.0);
        run.id = format!("{index:013}-a");
        assert!(matches!(store.accept(&run), Ok(Accepted::New(_))));
        assert!(matches!(store.accept(&run), Ok(Accepted::Already(_))));
    }
    let mut other = run(1.0, 1.0);
    other.key.driver = "570".into();
    store.accept(&other).expect("accepted");
    let base = store.base(&key()).expect("a base");
    let values: Vec<f64> = base
        .runs
        .iter()
        .filter_map(|run| run.figures[common::TTFT].value)
        .collect();
    assert_eq!(values, (102..112).map(f64::from).collect::<Vec<_>>());
    assert_eq!(base.notes, Vec::<String>::new());
    assert_eq!(store.all(&key()).expect("all").runs.len(), 12);
    let counts: Vec<usize> = store
        .keys()
        .expect("keys")
        .iter()
        .map(|(_, runs)| *runs)
        .collect();
    assert_eq!(counts, [1, 12]);
}

#[test]
fn what_comes_back_is_what_was_accepted() {
    let (_folder, store) = store();
    let mut run = run(100.25, 9.75);
    run.figure(
        "p99_ttft_ms",
        None,
        0,
        tribunal_traffic::Direction::LowerIsBetter,
    );
    run.figure(
        "mean_itl_ms",
        f64::NAN,
        0,
        tribunal_traffic::Direction::LowerIsBetter,
    );
    run.provenance.insert("commit".into(), "0123abc".into());
    store.accept(&run).expect("accepted");
    assert_eq!(store.base(&key()).expect("a base").runs, [run.clone()]);
    assert_eq!(run.figures["mean_itl_ms"].value, None);
}

#[test]
fn runs_that_are_no_good_are_refused() {
    let (_folder, store) = store();
    let mut invalid = run(1.0, 1.0);
    invalid.validity = Validity::Invalid(vec!["the client was busy".into()]);
    let mut wrong = run(1.0, 1.0);
    wrong.checks = Checks::Failed(vec!["silence".into()]);
    let unchecked = RunRecord {
        checks: Checks::NotMade("nothing was judged".into()),
        ..run(1.0, 1.0)
    };
    let mut empty = run(1.0, 1.0);
    empty.figures.clear();
    let outside = RunRecord {
        id: "../../escape".into(),
        ..run(1.0, 1.0)
    };
    for (run, part) in [
        (invalid, "the client was busy"),
        (wrong, "silence"),
        (unchecked, "nothing was judged"),
        (empty, "no figure"),
        (outside, "no name of a run"),
    ] {
        let error = store.accept(&run).expect_err("refused").to_string();
        assert!(
            error.contains(part) && error.contains("ten_a_second"),
            "{error}"
        );
    }
    assert!(!store.root().exists());
}

#[test]
fn where_a_baseline_is_missing_what_is_there_is_told() {
    let (_folder, store) = store();
    for index in 0..7 {
        let mut run = run(100.0, 10.0);
        run.id = format!("{index}");
        run.key.driver = "570".into();
        store.accept(&run).expect("accepted");
    }
    let mut far = run(100.0, 10.0);
    far.key = Key {
        hardware: "A100".into(),
        driver: String::new(),
        ..key()
    };
    store.accept(&far).expect("accepted");
    let mut another = run(1.0, 1.0);
    another.key.step = "another".into();
    store.accept(&another).expect("accepted");
    assert_eq!(
        store.base(&key()).expect("a base").notes,
        [
            "7 accepted runs exist for driver 570 (here 580.1)",
            "1 accepted run exists for hardware A100 (here NVIDIA H100), driver unknown (here 580.1)",
        ]
    );
}

#[test]
fn files_that_cannot_be_read_are_told_and_stop_nothing() {
    let (_folder, store) = store();
    let Ok(Accepted::New(path)) = store.accept(&run(100.0, 10.0)) else {
        panic!("accepted")
    };
    let folder = path.parent().expect("a folder");
    let text = fs::read_to_string(&path).expect("the run");
    fs::write(folder.join("9-torn.json"), &text[..text.len() / 2]).expect("written");
    fs::write(
        folder.join("9-newer.json"),
        text.replace("\"form\": 1", "\"form\": 2"),
    )
    .expect("written");
    fs::write(folder.join("9-other.json"), text.replace("580.1", "999")).expect("written");
    fs::write(
        folder.join("9-bad.json"),
        text.replace("\"passed\": 20", "\"passed\": 0"),
    )
    .expect("written");
    fs::write(folder.join(".9.1.part"), "half").expect("written");
    fs::write(folder.join("README.md"), "ours").expect("written");
    let base = store.base(&key()).expect("a base");
    assert_eq!(
        (base.runs.len(), base.notes.len()),
        (1, 4),
        "{:?}",
        base.notes
    );
    for part in [
        "is no JSON",
        "form 2",
        "another key's",
        "no functional check",
    ] {
        assert!(
            base.notes.iter().any(|note| note.contains(part)),
            "{part}: {:?}",
            base.notes
        );
    }
}

#[test]
fn many_writers_and_a_pruner_lose_nothing_that_is_kept() {
    let (_folder, store) = store();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    store.accept(&run(100.0, 10.0)).expect("accepted");
                    let base = store.base(&key()).expect("a base");
                    assert!(
                        !base.runs.is_empty() && base.notes.is_empty(),
                        "{:?}",
                        base.notes
                    );
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                store.prune(50).expect("pruned");
            }
        });
    });
    let kept = store.all(&key()).expect("all");
    assert!(
        (50..=80).contains(&kept.runs.len()) && kept.notes.is_empty(),
        "{} {:?}",
        kept.runs.len(),
        kept.notes
    );
    let pruned = store.prune(0).expect("pruned");
    assert_eq!(
        (pruned.kept, store.all(&key()).expect("all").runs.len()),
        (10, 10)
    );
    assert_eq!(pruned.removed, kept.runs.len() - 10);
}

#[test]
fn a_record_is_read_from_a_file_of_its_own_and_out_of_a_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let (alone, inside, neither) = (
        folder.path().join("a.json"),
        folder.path().join("b.json"),
        folder.path().join("c.json"),
    );
    let run = run(100.0, 10.0);
    fs::write(&alone, run.to_json().to_string()).expect("written");
    fs::write(
        &inside,
        serde_json::json!({"completed": 20, "run_record": run.to_json()}).to_string(),
    )
    .expect("written");
    fs::write(&neither, r#"{"completed": 20}"#).expect("written");
    assert_eq!(RunRecord::read(&alone).as_ref(), Ok(&run));
    assert_eq!(RunRecord::read(&inside).as_ref(), Ok(&run));
    assert!(
        RunRecord::read(&neither)
            .expect_err("none")
            .to_string()
            .contains("`run_record`")
    );
    assert!(matches!(
        RunRecord::read(&folder.path().join("d.json")),
        Err(BaselineError::File { .. })
    ));
}
