use super::*;
use tribunal_events::Host;

fn started(second: u32, host: &str) -> RunStarted {
    RunStarted {
        at: f64::from(second) * 1000.0,
        run: format!("20260102-0304{second:02}.000-7"),
        host: Host {
            name: host.to_owned(),
            ..Host::default()
        },
        ..RunStarted::default()
    }
}

fn end(case: &str, at: u32, outcome: Outcome, body: f64) -> Past {
    Past {
        at: f64::from(at) * 1000.0,
        run: String::new(),
        case: case.to_owned(),
        outcome,
        class: None,
        attempts: 1,
        times: Times {
            body,
            ..Times::default()
        },
        commit: None,
        branch: None,
        deployment: Some("embedded".into()),
        level: None,
    }
}

#[test]
fn what_is_added_is_found_again_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(folder.path());
    assert!(history.cases().next().is_none() && History::weight(folder.path()).is_none());
    for (second, outcome, body) in [
        (3, Outcome::Failed, 3.0),
        (1, Outcome::Passed, 1.0),
        (2, Outcome::TimedOut, 60.0),
    ] {
        let ends = [
            end("a", second, outcome, body),
            end("b", second, Outcome::Passed, 0.5),
            end("c", second, Outcome::Skipped, 0.0),
        ];
        history.add_ends(&started(second, "h"), &ends).unwrap();
    }
    let history = History::open(folder.path());
    assert_eq!(history.notes(), [""; 0]);
    assert_eq!(history.cases().collect::<Vec<_>>(), ["a", "b"]);
    let outcomes: Vec<Outcome> = history.past("a").iter().map(|p| p.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Passed, Outcome::TimedOut, Outcome::Failed]
    );
    assert_eq!(history.past("a")[2].run, "20260102-030403.000-7");
    assert_eq!(history.past("a")[0].deployment.as_deref(), Some("embedded"));
    let expected = history.expected("a").unwrap();
    assert_eq!(
        (expected.seconds(), expected.ends),
        (2.0, 2),
        "not the time-out"
    );
    assert_eq!(history.expected("c"), None);
    assert_eq!(history.last_failed().into_iter().collect::<Vec<_>>(), ["a"]);
    assert_eq!(History::weight(folder.path()), Some(3.5));
    assert_eq!(History::newest(folder.path(), 1).past("a").len(), 1);
}

#[test]
fn a_log_is_added_with_its_ends() {
    use tribunal_events::{AttemptLog, CaseEnded, CaseLine, CaseLog};
    let folder = tempfile::tempdir().unwrap();
    let ended = |outcome| AttemptLog {
        ended: Some(CaseEnded {
            at: 5.0,
            outcome,
            ..CaseEnded::default()
        }),
        ..AttemptLog::default()
    };
    let case = |name: &str, attempts| CaseLog {
        line: CaseLine {
            name: name.into(),
            ..CaseLine::default()
        },
        attempts,
        ..CaseLog::default()
    };
    let log = RunLog {
        started: started(1, "h"),
        cases: vec![
            case("a", vec![ended(Outcome::Failed), ended(Outcome::Passed)]),
            case("cut", vec![AttemptLog::default()]),
        ],
        ..RunLog::default()
    };
    History::open(folder.path()).add(&log).unwrap();
    let history = History::open(folder.path());
    assert_eq!(history.cases().collect::<Vec<_>>(), ["a"]);
    let past = &history.past("a")[0];
    assert_eq!((past.outcome, past.attempts), (Outcome::Flaky, 2));
}

#[test]
fn what_is_broken_is_skipped_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(folder.path());
    let ends = [end("a", 1, Outcome::Passed, 1.0)];
    history.add_ends(&started(1, "h"), &ends).unwrap();
    let path = files(folder.path())[0].0.clone();
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("nonsense\n{\"case\":\n\u{0}\n");
    fs::write(&path, text).unwrap();
    let later = folder.path().join("20260102-030409.000-9-h.jsonl");
    fs::write(later, "{\"tribunal_history\":99}\n{\"case\":\"b\"}\n").unwrap();
    let history = History::open(folder.path());
    assert_eq!(history.past("a").len(), 1);
    assert_eq!(history.cases().count(), 1);
    let notes = history.notes();
    assert_eq!(notes.len(), TOLD + 1, "{notes:?}");
    assert!(notes[0].contains(":3: no line of a history"), "{notes:?}");
}

#[test]
fn runs_that_end_together_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..8_u32 {
            let folder = folder.path();
            scope.spawn(move || {
                for k in 0..20 {
                    // Half of them are processes of one run.
                    let started = started(n % 4, "h");
                    let ends = [end(&format!("c{n}"), k, Outcome::Passed, 1.0)];
                    History::open(folder).add_ends(&started, &ends).unwrap();
                }
            });
        }
    });
    let history = History::open(folder.path());
    assert_eq!(history.notes(), [""; 0]);
    for n in 0..8 {
        assert_eq!(history.past(&format!("c{n}")).len(), 20);
    }
}

#[test]
fn the_oldest_go_first_and_nothing_else_goes() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("notes.jsonl");
    fs::write(&other, "mine").unwrap();
    for second in 1..=6 {
        let path = folder
            .path()
            .join(format!("20260102-0304{second:02}.000-7-h.jsonl"));
        fs::write(path, vec![b'x'; 100]).unwrap();
    }
    prune(folder.path(), 4, 10_000);
    assert_eq!(files(folder.path()).len(), 4);
    prune(folder.path(), 4, 250);
    let left = files(folder.path());
    assert_eq!(left.len(), 2);
    assert!(left[1].0.to_string_lossy().contains("-030406."));
    prune(folder.path(), 4, 0);
    assert_eq!(files(folder.path()).len(), 1, "the newest stays");
    assert!(other.exists());
}
