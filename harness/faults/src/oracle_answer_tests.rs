//! The same for what answers are.

use crate::literals::{breaks, holds, is_not_made, ms, reading, seen, whole, with};
use crate::observed::Observed;
use crate::oracle::Oracle;
use crate::seen::{Ending, Role, Seen};

#[test]
fn broken_streams_are_told_apart() {
    let oracle = Oracle::StreamsToldApart;
    for ending in [
        Ending::Cut { reset: false },
        Ending::ErrorEvent,
        Ending::EndedEarly("[DONE] never came".into()),
    ] {
        let told = with(vec![whole(1, 0, 500), seen(2, 900, 1100, ending)]);
        assert_eq!(holds(&oracle, &told), Some(1.0));
    }
    // An error is told apart whatever follows it.
    let mut error = seen(1, 900, 1100, Ending::ErrorEvent);
    error.answer.dones = 1;
    holds(&oracle, &with(vec![error]));
    let mut done = seen(1, 900, 1100, Ending::EndedEarly("no reason".into()));
    done.answer.dones = 1;
    breaks(&oracle, &with(vec![done]), "[DONE] came");
    let mut short = whole(1, 900, 1100);
    short.answer.tokens = Some(4);
    breaks(&oracle, &with(vec![short]), "4 of 10");
    let mut stopped = whole(2, 900, 1100);
    stopped.answer.finish = Some("stop".into());
    breaks(
        &oracle,
        &with(vec![whole(1, 0, 500), stopped.clone()]),
        "`stop`",
    );
    // Alone, nobody knows better.
    holds(&oracle, &with(vec![stopped]));
    let mut few = whole(2, 900, 1100);
    (few.answer.tokens, few.events) = (None, 5);
    breaks(&oracle, &with(vec![whole(1, 0, 500), few]), "5 events");
    let mut plain = whole(1, 900, 1100);
    plain.stream = false;
    is_not_made(
        &oracle,
        &with(vec![plain, whole(2, 2000, 2100)]),
        "no stream",
    );
}

#[test]
fn streams_end_with_a_word() {
    let oracle = Oracle::StreamsEndWithAWord;
    let told = with(vec![
        whole(1, 900, 1500),
        seen(2, 900, 1500, Ending::ErrorEvent),
    ]);
    assert_eq!(holds(&oracle, &told), Some(0.0));
    for ending in [Ending::Cut { reset: false }, Ending::EndedEarly("x".into())] {
        let cut = with(vec![whole(1, 900, 1500), seen(2, 900, 1500, ending)]);
        breaks(&oracle, &cut, "1 of 2");
    }
    is_not_made(&oracle, &with(vec![whole(1, 0, 500)]), "no stream");
}

#[test]
fn neighbours_are_unaffected() {
    let oracle = Oracle::NeighboursUnaffected;
    let neighbour = |number, ending| {
        let mut seen = seen(number, 900, 2000, ending);
        seen.role = Role::Neighbour;
        seen
    };
    let hit = seen(1, 900, 1100, Ending::Cut { reset: true });
    holds(
        &oracle,
        &with(vec![hit.clone(), neighbour(2, Ending::Whole)]),
    );
    let both = with(vec![
        neighbour(2, Ending::Whole),
        neighbour(3, Ending::Status),
    ]);
    breaks(&oracle, &both, "1 of 2");
    is_not_made(&oracle, &with(vec![hit]), "no request is known");
    let mut before = neighbour(2, Ending::Whole);
    (before.sent, before.ended) = (ms(0), ms(900));
    is_not_made(&oracle, &with(vec![before]), "before the fault");
}

#[test]
fn like_requests_are_answered_alike() {
    let oracle = Oracle::AnsweredAlike;
    let text = |number, text: &str| {
        let mut seen = whole(number, 0, 100);
        seen.alike = true;
        seen.answer.text = Some(text.into());
        seen
    };
    holds(&oracle, &with(vec![text(1, "a"), text(2, "a")]));
    breaks(
        &oracle,
        &with(vec![text(1, "a"), text(2, "a"), text(3, "b")]),
        "request 3",
    );
    let mut other = text(2, "b");
    other.asked = Some(11);
    is_not_made(&oracle, &with(vec![text(1, "a"), other]), "no two");
    is_not_made(
        &oracle,
        &with(vec![whole(1, 0, 1), whole(2, 0, 1)]),
        "no two",
    );
}

#[test]
fn no_request_is_answered_twice() {
    let oracle = Oracle::NoDoubleAnswer;
    holds(&oracle, &with(vec![whole(1, 0, 1), whole(2, 0, 1)]));
    let of = |change: fn(&mut Seen)| {
        let mut second = whole(2, 0, 1);
        change(&mut second);
        with(vec![whole(1, 0, 1), second])
    };
    for (change, says) in [
        ((|s| s.answer.dones = 2) as fn(&mut Seen), "[DONE] came 2"),
        (|s| s.answer.finishes = [(0, 2)].into(), "finished 2 times"),
        (|s| s.answer.after_done = 3, "3 events"),
        (|s| s.answer.ids.extend(["other".to_owned()]), "2 ids"),
        (|s| s.answer.ids = ["c1".to_owned()].into(), "id `c1`"),
        (
            |s| s.answer.foreign = ["t0-000001".to_owned()].into(),
            "`t0-000001`",
        ),
    ] {
        breaks(&oracle, &of(change), says);
    }
    let counted = |last| Observed {
        gauges: Ok(vec![reading(100, 0.0, 7.0), reading(9000, 0.0, last)]),
        beside: 1,
        ..with(vec![whole(1, 0, 1), whole(2, 0, 1)])
    };
    holds(&oracle, &counted(10.0));
    breaks(&oracle, &counted(11.0), "counts 4 requests where 3");
    is_not_made(
        &oracle,
        &with(vec![seen(1, 0, 1, Ending::Refused)]),
        "no request was answered",
    );
}

#[test]
fn every_request_is_accounted_for() {
    let oracle = Oracle::Conserved;
    let requests = || {
        vec![
            whole(1, 0, 1),
            seen(2, 0, 1, Ending::Refused),
            seen(3, 0, 1, Ending::Aborted),
        ]
    };
    holds(&oracle, &with(requests()));
    let mut lost = with(requests());
    lost.accounts.sent = 4;
    breaks(
        &oracle,
        &lost,
        "4 sent = 1 ok + 0 failed + 1 refused + 1 aborted",
    );
    let counted = |counts: &[f64]| Observed {
        gauges: Ok((1..)
            .zip(counts)
            .map(|(n, c)| reading(n * 1000, 0.0, *c))
            .collect()),
        ..with(requests())
    };
    holds(&oracle, &counted(&[5.0, 6.0]));
    breaks(
        &oracle,
        &counted(&[5.0, 5.0]),
        "counts 0 requests, and served 1",
    );
    let every = |last| {
        let mut observed = counted(&[5.0, last]);
        observed.requests[1] = seen(2, 0, 1, Ending::Status);
        observed.accounts = crate::seen::Accounts::of(3, observed.requests.iter());
        for reading in observed.gauges.iter_mut().flatten() {
            reading.counts_failures = true;
        }
        observed
    };
    // The third was given up when its answer had begun, and counts too.
    holds(&oracle, &every(8.0));
    breaks(&oracle, &every(6.0), "counts 1 requests, and answered 3");
    breaks(&oracle, &counted(&[5.0, 3.0, 9.0]), "from 5 back to 3");
    let mut died = counted(&[5.0, 0.0, 0.0]);
    died.root_ended = Ok(Some(ms(1500)));
    holds(&oracle, &died);
    is_not_made(&oracle, &with(vec![]), "no request was sent");
}
