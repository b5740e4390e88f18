use super::*;

/// A folder with a run each hour, the last one now: what each did with the case `m::a`.
fn runs(outcomes: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs_f64()
        * 1e3;
    for (n, outcome) in outcomes.iter().enumerate() {
        let run = folder.path().join(format!("run{n}"));
        std::fs::create_dir(&run).expect("a folder");
        let at = now - 1000.0 - (outcomes.len() - 1 - n) as f64 * 3.6e6;
        let lines = [
            json!({"event": "run_started", "schema": 1, "at": at, "run": format!("run{n}"), "vcs": {"commit": format!("abc{n}")}}),
            json!({"event": "case", "case": 0, "name": "m::a"}),
            json!({"event": "case_started", "case": 0, "attempt": 1, "at": at}),
            json!({"event": "case_ended", "case": 0, "attempt": 1, "at": at, "outcome": outcome}),
        ];
        let text: Vec<String> = lines.iter().map(Json::to_string).collect();
        std::fs::write(run.join("events.jsonl"), text.join("\n")).expect("a file");
    }
    folder
}

fn judged(outcomes: &[&str]) -> (Read, Vec<Judged>) {
    let folder = runs(outcomes);
    let mut read = Read::default();
    read.folder(folder.path()).expect("readable");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let window = Window::until(now.as_secs_f64() * 1e3);
    let judged = judge("m::a", &read.past, &window).into_iter().collect();
    (read, judged)
}

#[test]
fn a_regression_is_told_with_the_commits_between() {
    let (read, judged) = judged(&["passed", "passed", "failed", "failed", "failed"]);
    let between = |from: &str, to: &str| {
        assert_eq!((from, to), ("abc1", "abc2"));
        (0..7).map(|n| format!("{n} subject")).collect()
    };
    let text = as_text(judged, &read, 7.0, &between);
    for part in [
        "regressed, fails in a row since it last passed:\n    m::a: 2 of 5 runs passed (40 %)\n",
        "passed last in run1 (abc1), fails since run2 (abc2)\n        0 subject\n",
        "        4 subject\n        (+2 more)\n",
        "1 cases of 5 runs, in the last 7 days: 0 flaky, 1 regressed",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn machines_read_the_same() {
    let (read, judged) = judged(&["passed", "passed", "passed", "passed", "failed", "passed"]);
    let value = as_json(&judged, &read, 7.0, &|_, _| vec![]);
    let case = &value["cases"][0];
    assert_eq!(case["judgement"], "flaky");
    assert_eq!((&case["runs"], &case["passes"]), (&json!(6), &json!(5)));
    assert_eq!(
        (&case["passed"], &case["commits"]),
        (&Json::Null, &json!([]))
    );
    assert_eq!(value["schema"], 1);
}

#[test]
fn what_is_no_log_is_left_out_and_said() {
    let folder = runs(&["passed"]);
    std::fs::create_dir(folder.path().join("other")).expect("a folder");
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).expect("a folder");
    std::fs::write(broken.join("events.jsonl"), "no event").expect("a file");
    let mut read = Read::default();
    read.folder(folder.path()).expect("readable");
    assert_eq!((read.past.len(), read.notes.len()), (1, 1));
    assert!(read.notes[0].contains("broken"), "{:?}", read.notes);
    assert!(read.folder(&folder.path().join("nowhere")).is_err());
}

#[test]
fn a_name_from_a_log_is_never_an_option_of_git() {
    assert!(commits(Path::new("."), "--output=x", "abc").is_empty());
    assert!(commits(Path::new("."), "", "abc").is_empty());
}

#[test]
fn a_history_is_asked_and_an_absent_one_is_said() {
    let folder = runs(&["passed", "failed"]);
    let store = tempfile::tempdir().expect("a folder");
    let history = History::open(store.path());
    for n in 0..2 {
        let file = folder.path().join(format!("run{n}/events.jsonl"));
        let mut log = read_log(&file).expect("a log");
        // A history knows its files by the names of runs.
        log.started.run = format!("20270102-03040{n}.000-7");
        history.add(&log).expect("a folder of ours");
    }
    let mut read = Read::default();
    read.history(store.path());
    assert_eq!((read.past.len(), read.runs, read.notes.len()), (2, 2, 0));
    let mut none = Read::default();
    none.history(&store.path().join("nowhere"));
    assert!(none.notes[0].contains("no history"), "{:?}", none.notes);
}
