use tribunal_events::Times;

use super::*;

/// The past of a case from letters, oldest first, one run each hour until now: `.` passed, `F` failed, `r` passed when it was repeated, `i` failed by
/// the machine's doing, `s` skipped.
fn past(letters: &str) -> Vec<Past> {
    let n = letters.len();
    letters
        .chars()
        .enumerate()
        .map(|(i, letter)| Past {
            at: now() - (n - 1 - i) as f64 * 3_600_000.0,
            run: format!("run{i}"),
            case: "m::a".into(),
            outcome: match letter {
                '.' => Outcome::Passed,
                'r' => Outcome::Flaky,
                's' => Outcome::Skipped,
                _ => Outcome::Failed,
            },
            class: (letter == 'i').then(|| "infrastructure".to_owned()),
            attempts: if letter == 'r' { 2 } else { 1 },
            times: Times::default(),
            commit: Some(format!("c{i}")),
            branch: None,
            deployment: None,
            level: None,
        })
        .collect()
}

fn now() -> f64 {
    1_800_000_000_000.0
}

fn word(letters: &str) -> &'static str {
    let judged = judge("m::a", &past(letters), &Window::until(now())).expect("it ran");
    judged.judgement.word()
}

#[test]
fn what_a_past_says() {
    for (letters, wanted) in [
        ("..........", "steady"),
        ("..r.......", "flaky"),
        ("....F.....", "flaky"),
        (".....F...F", "failing"),
        ("......F....", "flaky"),
        (".......FFF", "regressed"),
        ("F", "new"),
        ("FFFF", "new"),
        ("FF.F", "failing"),
        (".FF", "failing"),
        ("ssss", "unknown"),
        (".......iii", "steady"),
        ("......FFiF", "regressed"),
        (".........r", "flaky"),
    ] {
        assert_eq!(word(letters), wanted, "{letters}");
    }
}

#[test]
fn exactly_at_the_line_is_not_above_it() {
    assert_eq!(word("....F"), "failing");
    assert_eq!(word(".....F"), "flaky");
}

#[test]
fn a_regression_names_what_lies_between() {
    let judged = judge("m::a", &past("..F..FFFF"), &Window::until(now())).expect("it ran");
    let Judgement::Regressed { passed, failed } = judged.judgement else {
        panic!("{judged:?}")
    };
    assert_eq!(passed.commit.as_deref(), Some("c4"));
    assert_eq!(failed.commit.as_deref(), Some("c5"));
}

#[test]
fn the_window_counts_and_the_time_before_it_only_excuses() {
    let mut all = past("FFFFFFF......F");
    for old in &mut all[..7] {
        old.at -= 30.0 * DAY;
    }
    let judged = judge("m::a", &all, &Window::until(now())).expect("it ran");
    assert_eq!((judged.runs, judged.passes), (7, 6));
    assert_eq!(judged.judgement, Judgement::Flaky);
    let late = Window::until(now() + 60.0 * DAY);
    assert_eq!(judge("m::a", &all, &late), None);
    assert_eq!(judge("m::b", &all, &Window::until(now())), None);
}

#[test]
fn the_order_of_the_past_does_not_matter_and_the_future_is_not_asked() {
    let mut all = past("...F......");
    let wanted = judge("m::a", &all, &Window::until(now()));
    all.reverse();
    assert_eq!(judge("m::a", &all, &Window::until(now())), wanted);
    let before = judge("m::a", &all, &Window::until(now() - 3_600_000.0)).expect("it ran");
    assert_eq!(before.runs, 9);
}

#[test]
fn variants_that_fail_alike_stand_together() {
    let one = |case: &str, passes: usize| Judged {
        case: case.into(),
        judgement: Judgement::Flaky,
        runs: 10,
        passes,
        repeated: 0,
        elsewhere: 0,
    };
    let all = groups(vec![
        one("m::t::b", 9),
        one("m::t::a", 9),
        one("m::t::c", 8),
        one("m::u::a", 9),
    ]);
    let names: Vec<&[String]> = all.iter().map(|g| &*g.cases).collect();
    assert_eq!(
        names,
        [
            &["m::t::a".to_owned(), "m::t::b".into()][..],
            &["m::t::c".into()],
            &["m::u::a".into()]
        ]
    );
}
