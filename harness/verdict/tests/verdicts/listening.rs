//! Who listens, and what is decided where nobody can.

use std::sync::Arc;

use serde_json::json;
use tribunal_client::Judged;
use tribunal_verdict::{Ending, Expect as _, Expectations, Judging, Voice};

use crate::literal::{Absent, Hears, judge, raw};
use crate::sounds::{TEXT, as_bass, good, said, spoken_as};

fn expect() -> Expectations {
    Expectations::default()
}

#[test]
fn a_check_that_nobody_can_make_says_what_to_install() {
    let answer = |change: fn(Judging) -> Judging| {
        spoken_as(good(), "audio/wav", json!({}), expect(), change)
    };
    let verdict = answer(|judging| judging.transcriber(Arc::new(Absent)));
    let result = verdict.rule("transcript").expect("the rule");
    assert_eq!(result.ending, Ending::NotMade, "{verdict}");
    assert!(result.message.contains("install it"), "{result}");
    assert_eq!(
        verdict.rule("voice").expect("the rule").ending,
        Ending::NotMade,
        "nothing is known of the voice: {verdict}"
    );
    assert!(verdict.clone().check().is_ok() && verdict.check_all_made().is_err());
    let nobody = raw(json!({ "input": TEXT }), "audio/wav", good(), expect())
        .speech()
        .expect("speech");
    let result = judge(Judged::Speech(&nobody))
        .rule("transcript")
        .cloned()
        .expect("the rule");
    assert!(
        result.ending == Ending::NotMade && result.message.contains("TRIBUNAL_TRANSCRIBER"),
        "{result}"
    );
}

#[test]
fn a_stronger_transcriber_decides_before_anything_fails() {
    let with = |stronger: &'static str| {
        spoken_as(good(), "audio/wav", json!({}), expect(), move |judging| {
            judging
                .transcriber(Arc::new(Hears("misheard altogether")))
                .stronger_transcriber(Arc::new(Hears(stronger)))
        })
    };
    let mended = with(TEXT);
    let result = mended.rule("transcript").expect("the rule");
    assert_eq!(result.ending, Ending::Pass, "{mended}");
    assert!(
        result.message.contains("decided by a stub, after WER"),
        "{result}"
    );
    assert_eq!(
        with("wrong again and again")
            .rule("transcript")
            .expect("the rule")
            .ending,
        Ending::Fail
    );
}

#[test]
fn a_pitch_between_men_and_women_never_fails() {
    for known in [Voice::Male, Voice::Female] {
        let verdict = as_bass(165.0, known);
        assert_eq!(
            verdict.rule("voice").expect("the rule").ending,
            Ending::Undecided,
            "{verdict}"
        );
    }
}

#[test]
fn a_threshold_of_the_test_is_named_in_the_verdict() {
    let verdict = said("the slow brown fox jumps", expect().threshold("wer", 0.5));
    let result = verdict.rule("transcript").expect("the rule");
    assert_eq!(result.ending, Ending::Pass, "{verdict}");
    assert!(
        result
            .threshold
            .as_deref()
            .is_some_and(|text| text.contains("0.5 (set by the test)")),
        "{result}"
    );
}
