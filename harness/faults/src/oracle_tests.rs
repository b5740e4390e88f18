//! Every oracle with an observation that holds, one that breaks it and one from which nothing can be told: how requests end, and what the server says.

use crate::literals::{SECOND, breaks, canary, holds, is_not_made, look, ms, seen, whole, with};
use crate::observed::{Look, Observed, Said};
use crate::oracle::Oracle;
use crate::seen::{Ending, Form, Role};

/// What nothing was seen of, no oracle holds of.
#[test]
fn without_evidence_nothing_holds_and_nothing_breaks() {
    let nothing = Observed::nothing("nobody looked");
    for oracle in all() {
        let judgement = oracle.judge(&nothing);
        assert!(!judgement.is_made(), "{judgement}");
    }
}

fn all() -> Vec<Oracle> {
    vec![
        Oracle::InFlightEndsWithin(SECOND),
        Oracle::SomeFail(1),
        Oracle::FailsFastWithin(SECOND),
        Oracle::NothingHangs,
        Oracle::HealthTellsWithin(SECOND),
        Oracle::HealthTellsTheTruth,
        Oracle::StaysAliveFor(SECOND),
        Oracle::ErrorForm,
        Oracle::TextAndAudioFailAlike,
        Oracle::RefusalsSayWhen,
        Oracle::StreamsToldApart,
        Oracle::StreamsEndWithAWord,
        Oracle::HostMemoryGrowsAtMost(1 << 20),
        Oracle::RecoversWithin(SECOND),
        Oracle::NoResidue,
        Oracle::NoDeviceResidue,
        Oracle::EndsWhenAsked,
        Oracle::FreesSlotsWithin(SECOND),
        Oracle::FreesMemoryWithin(SECOND),
        Oracle::NeighboursUnaffected,
        Oracle::AnsweredAlike,
        Oracle::NoDoubleAnswer,
        Oracle::Conserved,
    ]
}

#[test]
fn requests_under_way_end() {
    let oracle = Oracle::InFlightEndsWithin(SECOND);
    let error = Ending::ErrorEvent;
    let both = with(vec![
        seen(1, 900, 1400, error.clone()),
        // Served by somebody else; it may take as long as it likes.
        whole(2, 950, 8000),
        // Not under way then.
        seen(3, 1100, 4000, Ending::Status),
    ]);
    assert_eq!(holds(&oracle, &both), Some(0.4));
    let late = with(vec![seen(1, 900, 2001, error)]);
    breaks(&oracle, &late, "request 1");
    let hung = with(vec![seen(1, 900, 1900, Ending::TimedOut(SECOND))]);
    breaks(&oracle, &hung, "hung");
    let given_up = with(vec![seen(1, 900, 3000, Ending::Aborted), whole(2, 0, 900)]);
    is_not_made(&oracle, &given_up, "no request was under way");
}

#[test]
fn the_fault_is_felt() {
    let felt = with(vec![
        seen(1, 900, 1100, Ending::Cut { reset: true }),
        seen(2, 2000, 2001, Ending::Refused),
        whole(3, 2000, 2100),
    ]);
    assert_eq!(holds(&Oracle::SomeFail(2), &felt), Some(2.0));
    breaks(&Oracle::SomeFail(3), &felt, "2 of 3");
    is_not_made(
        &Oracle::SomeFail(1),
        &with(vec![whole(1, 0, 500)]),
        "no request",
    );
}

#[test]
fn new_requests_fail_fast() {
    let oracle = Oracle::FailsFastWithin(SECOND);
    let fast = with(vec![
        seen(1, 1500, 1700, Ending::Status),
        seen(2, 1600, 1601, Ending::Refused),
    ]);
    assert_eq!(holds(&oracle, &fast), Some(0.2));
    breaks(
        &oracle,
        &with(vec![seen(1, 1500, 2600, Ending::Status)]),
        "1.10 s",
    );
    let hung = with(vec![seen(1, 1500, 2000, Ending::TimedOut(ms(500)))]);
    breaks(&oracle, &hung, "no end");
    let mut blamed = seen(1, 1500, 1501, Ending::Status);
    blamed.status = Some(400);
    breaks(&oracle, &with(vec![blamed.clone()]), "was right");
    // Wrong on purpose, it is refused by right.
    blamed.role = Role::Fault;
    is_not_made(&oracle, &with(vec![blamed]), "no request was sent");
    is_not_made(&oracle, &with(vec![whole(1, 1500, 1501)]), "none of 1");
}

#[test]
fn nothing_hangs() {
    let oracle = Oracle::NothingHangs;
    let ends = with(vec![whole(1, 0, 700), seen(2, 0, 10, Ending::Refused)]);
    assert_eq!(holds(&oracle, &ends), Some(0.7));
    let hangs = with(vec![
        whole(1, 0, 7),
        seen(2, 0, 900, Ending::TimedOut(ms(900))),
    ]);
    breaks(&oracle, &hangs, "1 of 2");
}

#[test]
fn health_tells() {
    let oracle = Oracle::HealthTellsWithin(SECOND);
    let said = |looks: Vec<Look>| Observed {
        health: Ok(looks),
        ..with(vec![])
    };
    let well = look(100, 1030, Said::Status(200));
    for bad in [Said::Status(503), Said::Refused, Said::Closed] {
        let told = said(vec![well.clone(), look(1040, 9000, bad)]);
        assert_eq!(holds(&oracle, &told), Some(0.04));
    }
    let late = said(vec![
        look(100, 2100, Said::Status(200)),
        look(2101, 9000, Said::Refused),
    ]);
    breaks(&oracle, &late, "1.10 s");
    breaks(
        &oracle,
        &said(vec![look(100, 9000, Said::Status(200))]),
        "200",
    );
    // Whoever asks must wait: that is no word.
    breaks(
        &oracle,
        &said(vec![well.clone(), look(2030, 9000, Said::Silent)]),
        "no answer",
    );
    is_not_made(
        &oracle,
        &said(vec![look(100, 9000, Said::Status(404))]),
        "no health route",
    );
    is_not_made(
        &oracle,
        &said(vec![look(100, 9000, Said::Status(503))]),
        "not well before",
    );
    is_not_made(
        &oracle,
        &said(vec![look(1100, 9000, Said::Status(503))]),
        "before the injection",
    );
    let mut soon = said(vec![look(100, 9000, Said::Status(200))]);
    soon.undone = Some(ms(1500));
    is_not_made(&oracle, &soon, "limit is longer");
}

#[test]
fn health_tells_the_truth() {
    let oracle = Oracle::HealthTellsTheTruth;
    let well = |to| look(100, to, Said::Status(200));
    let of = |looks: Vec<Look>, requests, canaries| Observed {
        health: Ok(looks),
        canaries: Ok(canaries),
        ..with(requests)
    };
    let truthful = of(
        vec![well(1500), look(1510, 9000, Said::Status(503))],
        vec![seen(1, 3000, 3001, Ending::Status)],
        vec![canary(6000, Ok(()))],
    );
    assert_eq!(holds(&oracle, &truthful), Some(2.0));
    let lies = of(
        vec![well(9000)],
        vec![seen(1, 3000, 3001, Ending::Status)],
        vec![],
    );
    breaks(&oracle, &lies, "request 1");
    let lies = of(
        vec![well(9000)],
        vec![],
        vec![canary(4000, Err("status 500"))],
    );
    breaks(&oracle, &lies, "status 500");
    // It may need a moment to know.
    let early = of(
        vec![well(9000)],
        vec![seen(1, 1500, 1501, Ending::Status)],
        vec![],
    );
    is_not_made(&oracle, &early, "no request was sent");
    // A look that hung while the request failed is no word that all is well.
    let hung = vec![well(2900), look(3900, 9000, Said::Silent)];
    holds(
        &oracle,
        &of(hung, vec![seen(1, 3000, 3001, Ending::Status)], vec![]),
    );
    let unknown = of(vec![look(100, 9000, Said::Status(404))], vec![], vec![]);
    is_not_made(&oracle, &unknown, "no health route");
}

#[test]
fn the_server_lives_on() {
    let oracle = Oracle::StaysAliveFor(SECOND);
    assert_eq!(holds(&oracle, &with(vec![])), Some(8.0));
    let ended = |at| Observed {
        root_ended: Ok(Some(ms(at))),
        ..with(vec![])
    };
    breaks(&oracle, &ended(1500), "500 ms");
    holds(&oracle, &ended(2500));
    let mut short = with(vec![]);
    short.ended = ms(1500);
    is_not_made(&oracle, &short, "500 ms");
}

#[test]
fn errors_keep_their_form() {
    let oracle = Oracle::ErrorForm;
    let right = seen(1, 1500, 1501, Ending::Status);
    assert_eq!(holds(&oracle, &with(vec![right.clone()])), Some(1.0));
    for (form, message) in [
        (Form::NotJson, None),
        (Form::Detail, Some("x")),
        (Form::Object, Some(" ")),
        (Form::Object, None),
    ] {
        let mut wrong = seen(2, 1500, 1501, Ending::Status);
        if let Some(error) = &mut wrong.error {
            error.form = form;
            error.message = message.map(str::to_owned);
        }
        breaks(&oracle, &with(vec![right.clone(), wrong]), "1 of 2");
    }
    is_not_made(
        &oracle,
        &with(vec![seen(1, 0, 1, Ending::Refused)]),
        "no request",
    );
}

#[test]
fn text_and_sound_fail_alike() {
    let oracle = Oracle::TextAndAudioFailAlike;
    let sound = |ending| {
        let mut seen = seen(2, 1500, 1501, ending);
        seen.audio = true;
        seen
    };
    let text = seen(1, 1500, 1501, Ending::Status);
    holds(&oracle, &with(vec![text.clone(), sound(Ending::Status)]));
    breaks(
        &oracle,
        &with(vec![text.clone(), sound(Ending::Whole)]),
        "all were served",
    );
    breaks(
        &oracle,
        &with(vec![text.clone(), sound(Ending::Refused)]),
        "no answer",
    );
    let mut formless = sound(Ending::Status);
    formless.error.as_mut().expect("an error").form = Form::NotJson;
    breaks(
        &oracle,
        &with(vec![text.clone(), formless]),
        "without an error object",
    );
    is_not_made(&oracle, &with(vec![text]), "for sound");
    let served = with(vec![whole(1, 1500, 1501), sound(Ending::Whole)]);
    is_not_made(&oracle, &served, "neither");
}

#[test]
fn refusals_say_when() {
    let oracle = Oracle::RefusalsSayWhen;
    let refused = |after: Option<&str>| {
        let mut seen = seen(1, 1500, 1501, Ending::Status);
        seen.status = Some(429);
        seen.error.as_mut().expect("an error").retry_after = after.map(str::to_owned);
        with(vec![seen])
    };
    holds(&oracle, &refused(Some("1")));
    breaks(&oracle, &refused(None), "without Retry-After");
    is_not_made(&oracle, &with(vec![seen(1, 0, 1, Ending::Status)]), "429");
}
