use super::*;
use crate::line::{CaseEnded, CaseLine, CaseStarted, Device, Shard};

fn run(name: &str, at: f64) -> RunLog {
    RunLog {
        started: RunStarted {
            run: name.to_owned(),
            at,
            ..RunStarted::default()
        },
        ended: Some(RunEnded {
            at: at + 100.0,
            ..RunEnded::default()
        }),
        last: at + 100.0,
        folder: format!("/runs/{name}").into(),
        ..RunLog::default()
    }
}

fn case(name: &str, at: f64, outcome: Outcome) -> CaseLog {
    let ended = CaseEnded {
        at: at + 1.0,
        attempt: 1,
        outcome,
        ..CaseEnded::default()
    };
    let started = CaseStarted {
        at,
        attempt: 1,
        ..CaseStarted::default()
    };
    CaseLog {
        line: CaseLine {
            name: name.to_owned(),
            ..CaseLine::default()
        },
        attempts: vec![AttemptLog {
            started,
            ended: Some(ended),
            ..AttemptLog::default()
        }],
        ..CaseLog::default()
    }
}

fn with(mut log: RunLog, cases: Vec<CaseLog>, code: u8) -> RunLog {
    log.cases = cases;
    if let Some(ended) = &mut log.ended {
        ended.code = code;
    }
    log
}

fn names(log: &RunLog) -> Vec<(&str, Outcome)> {
    log.cases
        .iter()
        .map(|c| (&*c.line.name, c.outcome()))
        .collect()
}

#[test]
fn what_one_program_lacks_another_may_have() {
    let lacking = |name: &str, gaps: Option<&[&str]>| {
        let mut log = run(name, 1.0);
        log.started.gaps = gaps.map(|all| all.iter().map(ToString::to_string).collect());
        log
    };
    let of = |logs: [RunLog; 2]| merge(logs.into()).started.gaps;
    let one = || lacking("r1", Some(&["a", "b"]));
    assert_eq!(
        of([one(), lacking("r2", Some(&["b"]))]),
        Some(vec!["b".into()])
    );
    // Nobody looked there.
    assert_eq!(of([one(), lacking("r2", None)]), one().started.gaps);
    assert_eq!(of([lacking("r0", None), one()]), one().started.gaps);
}

#[test]
fn shards_are_one_run_in_whichever_order() {
    let shard = |index: usize, name: &str, at: f64| {
        let mut log = with(
            run(&format!("r{index}"), at),
            vec![case(name, at, Outcome::Passed)],
            0,
        );
        log.started.shard = Some(Shard { index, count: 2 });
        log.started.removed = vec![("level".into(), 7), ("--shard".into(), 1)];
        log
    };
    let (one, two) = (shard(1, "b", 10.0), shard(2, "a", 5.0));
    let merged = merge(vec![one.clone(), two.clone()]);
    assert_eq!(
        names(&merged),
        [("a", Outcome::Passed), ("b", Outcome::Passed)]
    );
    assert_eq!(merged.started.run, "r2", "the earliest");
    assert_eq!(merged.started.shard, None);
    assert_eq!(merged.started.removed, [("level".to_owned(), 7)]);
    assert_eq!(merged.parts.len(), 2);
    let ended = merged.ended.as_ref().unwrap();
    assert_eq!((ended.at, ended.code), (110.0, 0));
    let other = merge(vec![two, one]);
    assert_eq!(format!("{merged:?}"), format!("{other:?}"));
    assert_eq!(merged.cases[1].line.case, 1);
    assert_eq!(merged.cases[1].attempts[0].started.case, 1);
}

#[test]
fn a_repetition_adds_attempts_and_mends_what_it_mends() {
    let first = with(
        run("first", 0.0),
        vec![
            case("a", 1.0, Outcome::Failed),
            case("b", 2.0, Outcome::Failed),
        ],
        101,
    );
    let again = |b| {
        with(
            run("again", 1000.0),
            vec![case("a", 1001.0, Outcome::Passed), case("b", 1002.0, b)],
            if b == Outcome::Passed { 0 } else { 101 },
        )
    };
    let merged = merge(vec![again(Outcome::Passed), first.clone()]);
    assert_eq!(
        names(&merged),
        [("a", Outcome::Flaky), ("b", Outcome::Flaky)]
    );
    let attempts = &merged.cases[0].attempts;
    let ends: Vec<(u32, bool)> = attempts
        .iter()
        .filter_map(|a| a.ended.as_ref())
        .map(|e| (e.attempt, e.retried))
        .collect();
    assert_eq!(ends, [(1, true), (2, false)]);
    assert_eq!(merged.ended.as_ref().unwrap().code, 0);
    let merged = merge(vec![again(Outcome::Failed), first.clone()]);
    assert_eq!(merged.ended.as_ref().unwrap().code, 101);
    // A panic outside of all tests is not mended by repeating tests.
    let mut strayed = first;
    strayed.stray_panics.push((3.0, "boom".into()));
    let merged = merge(vec![again(Outcome::Passed), strayed]);
    assert_eq!(merged.ended.unwrap().code, 101);
}

#[test]
fn other_machines_are_other_cases_and_unknown_ones_are_the_same() {
    let on = |device: &str, at: f64, outcome| {
        let mut log = with(
            run(&format!("on {device}"), at),
            vec![case("a", at, outcome)],
            if outcome == Outcome::Passed { 0 } else { 101 },
        );
        if !device.is_empty() {
            log.started.host.devices = vec![Device {
                name: device.to_owned(),
                ..Device::default()
            }];
        }
        log
    };
    let merged = merge(vec![
        on("H100", 0.0, Outcome::Passed),
        on("L4", 1.0, Outcome::Failed),
    ]);
    assert_eq!(
        names(&merged),
        [("a", Outcome::Passed), ("a", Outcome::Failed)]
    );
    assert_eq!(merged.ended.unwrap().code, 101);
    let merged = merge(vec![
        on("H100", 0.0, Outcome::Failed),
        on("", 1.0, Outcome::Passed),
    ]);
    assert_eq!(names(&merged), [("a", Outcome::Flaky)]);
}

#[test]
fn a_log_that_was_cut_short_is_told() {
    let mut cut = with(run("cut", 0.0), vec![case("a", 1.0, Outcome::Passed)], 0);
    cut.ended = None;
    cut.wrong = vec!["the log ends in the middle of line 3".into()];
    cut.cases[0].attempts[0].ended = None;
    let whole = with(run("whole", 5.0), vec![case("b", 6.0, Outcome::Passed)], 0);
    let merged = merge(vec![whole, cut]);
    assert!(merged.ended.is_none());
    assert_eq!(
        merged.wrong,
        [
            "cut: the log ends in the middle of line 3",
            "cut: its log ends before the run did"
        ]
    );
    assert!(merged.cases[0].is_cut_off() && !merged.cases[1].is_cut_off());
}

#[test]
fn what_was_skipped_in_one_place_and_ran_in_another_ran() {
    let mut skipped = case("a", 0.0, Outcome::Passed);
    skipped.attempts.clear();
    skipped.unattempted = Some(CaseEnded {
        outcome: Outcome::Skipped,
        ..CaseEnded::default()
    });
    let log = |name, at, case| with(run(name, at), vec![case], 0);
    let ran = case("a", 5.0, Outcome::Passed);
    let both = vec![log("x", 5.0, ran), log("y", 9.0, skipped.clone())];
    assert_eq!(names(&merge(both)), [("a", Outcome::Passed)]);
    let alone = vec![log("y", 9.0, skipped)];
    assert_eq!(names(&merge(alone)), [("a", Outcome::Skipped)]);
}

#[test]
fn the_worst_end_counts_and_an_empty_shard_is_no_end() {
    assert_eq!(worst([0, 4, 0]), 4);
    assert_eq!(worst([6, 5, 4]), 5);
    assert_eq!(worst([101, 130, 5]), 130);
    assert_eq!(worst([]), 0);
    let empty = with(run("empty", 0.0), vec![], 4);
    let full = with(
        run("full", 1.0),
        vec![case("a", 1.0, Outcome::Regressed)],
        5,
    );
    assert_eq!(merge(vec![empty, full]).ended.unwrap().code, 5);
    assert!(merge(vec![]).cases.is_empty());
}
