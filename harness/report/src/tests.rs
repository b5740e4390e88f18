//! Exit codes and the meaning of an empty run, as tables.

mod devices;

use std::time::Duration;

use tribunal_runner::{Counts, Filter, LevelInForce, Options, Summary};
use tribunal_vocabulary::Vocabulary;

use crate::{Context, exit_code};

fn context(args: &[&str], removed: &[(Filter, usize)]) -> Context {
    let args: Vec<_> = args.iter().map(|a| a.into()).collect();
    Context {
        absent: vec![],
        level: LevelInForce {
            index: 0,
            name: "core_model".into(),
            because: "the default".into(),
        },
        narrowing: None,
        removed: removed.to_vec(),
        selected: 0,
        gaps: None,
        options: Options::parse(&args, &|_| None).expect("a valid command line"),
        findings: vec![],
        vocabulary: Vocabulary::shipped(),
    }
}

fn summary(counts: Counts) -> Summary {
    Summary {
        counts,
        elapsed: Duration::ZERO,
        stray_panics: 0,
        telemetry: None,
        signal: None,
        late_errors: vec![],
        notes: vec![],
        tables: vec![],
        evidence: None,
    }
}

#[test]
fn an_empty_run_is_an_error_only_under_an_explicit_selector() {
    use Filter::*;
    for (args, removed, code) in [
        (&[][..], &[][..], 0),
        (&["-m", "tts"], &[(Select, 3)], 4),
        (&["-m", ""], &[], 0),
        (&["--run-level", "slow"], &[], 4),
        (&["--stage", "nightly"], &[(Stage, 3)], 4),
        (&["--max-vram-gib", "4"], &[(Vram, 3)], 4),
        // A name that matches nothing is no error: cargo asks every binary of a package.
        (&["nothing"], &[(Name, 3)], 0),
        (&["-m", "tts", "nothing"], &[(Name, 3)], 0),
        (&["-m", "tts", "something"], &[(Name, 2), (Select, 1)], 4),
        (&["-m", "tts", "--shard", "2/2"], &[(Shard, 1)], 0),
        (
            &["-m", "tts", "--changed-since", "main"],
            &[(Changed, 3)],
            0,
        ),
        (&["-m", "tts", "--no-tests", "pass"], &[(Select, 3)], 0),
        (&["nothing", "--no-tests", "fail"], &[(Name, 3)], 4),
        (&["-m", "tts", "--bench"], &[(Bench, 3)], 0),
        (&["-m", "tts", "--ignored"], &[(Ignored, 3)], 0),
    ] {
        assert_eq!(
            exit_code(&context(args, removed), &summary(Counts::default())),
            code,
            "{args:?}"
        );
    }
}

#[test]
fn what_wins_among_exit_codes() {
    let c = context(&["-m", "tts"], &[]);
    let counts = |passed, failed, skipped, not_run| Counts {
        passed,
        failed,
        skipped,
        not_run,
        ..Counts::default()
    };
    assert_eq!(exit_code(&c, &summary(counts(1, 0, 5, 0))), 0);
    assert_eq!(
        exit_code(&c, &summary(counts(0, 0, 5, 0))),
        4,
        "all skipped: nothing was executed"
    );
    assert_eq!(exit_code(&c, &summary(counts(5, 1, 0, 0))), 101);
    assert_eq!(
        exit_code(&c, &summary(counts(5, 0, 0, 3))),
        101,
        "a run that was cut short is no pass"
    );
    assert_eq!(
        exit_code(
            &c,
            &Summary {
                stray_panics: 1,
                ..summary(counts(5, 0, 0, 0))
            }
        ),
        101
    );
    assert_eq!(
        exit_code(
            &c,
            &Summary {
                late_errors: vec!["left".into()],
                ..summary(counts(5, 0, 0, 0))
            }
        ),
        101
    );
    assert_eq!(
        exit_code(
            &c,
            &Summary {
                signal: Some(15),
                ..summary(counts(5, 1, 0, 3))
            }
        ),
        143
    );
}

#[test]
fn figures_have_exit_codes_of_their_own_and_failures_win() {
    let c = context(&["-m", "tts"], &[]);
    for (failed, regressed, inconclusive, invalid, code) in [
        (0, 0, 0, 0, 0),
        (1, 1, 0, 0, 5),
        (1, 0, 1, 0, 6),
        (1, 0, 0, 1, 6),
        (3, 1, 1, 1, 5),
        (4, 1, 1, 1, 101),
    ] {
        let counts = Counts {
            passed: 2,
            no_baseline: 1,
            failed,
            regressed,
            inconclusive,
            invalid,
            ..Counts::default()
        };
        assert_eq!(exit_code(&c, &summary(counts)), code, "{counts:?}");
    }
    let absent = Context {
        absent: vec!["vllm".into()],
        ..c
    };
    let counts = Counts {
        failed: 1,
        regressed: 1,
        ..Counts::default()
    };
    assert_eq!(exit_code(&absent, &summary(counts)), 5);
}

#[test]
fn the_first_and_the_last_lines_name_the_level_and_the_filters() {
    let mut c = context(
        &["--shuffle-seed", "7"],
        &[(Filter::Level, 12), (Filter::Select, 3)],
    );
    c.selected = 1;
    assert_eq!(
        c.first_line(),
        "run level core_model (the default), 1 of 16 cases selected, shuffle seed 7"
    );
    assert_eq!(c.removed_text(), "12 by level, 3 by -m");
}
