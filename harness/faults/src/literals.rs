//! Observations as literals, for the tests of the oracles.

use std::time::Duration;

use crate::gauges::Reading;
use crate::judgement::Ruling;
use crate::observed::{Canary, Look, Observed, Said};
use crate::oracle::Oracle;
use crate::seen::{Accounts, Answered, Ending, Form, Role, Seen, Told};

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A streamed chat. Its token comes from its number.
pub(crate) fn seen(number: u32, sent: u64, ended: u64, ending: Ending) -> Seen {
    let status = match ending {
        Ending::Refused | Ending::Closed | Ending::Reset => None,
        Ending::Status => Some(500),
        _ => Some(200),
    };
    let whole = ending == Ending::Whole;
    let error = (ending == Ending::Status || ending == Ending::ErrorEvent).then(|| Told {
        status: 500,
        form: Form::Object,
        kind: Some("server_error".into()),
        code: Some("500".into()),
        message: Some("the worker is dead".into()),
        retry_after: None,
    });
    Seen {
        number,
        token: format!("t0-{number:06}"),
        role: Role::Load,
        payload: "chat, streamed".into(),
        audio: false,
        stream: true,
        alike: false,
        asked: Some(10),
        sent: ms(sent),
        headers: status.map(|_| ms(sent + 1)),
        first_event: Some(ms(sent + 2)),
        events: if whole { 12 } else { 4 },
        ended: ms(ended),
        ending,
        status,
        error,
        answer: Answered {
            ids: [format!("c{number}")].into(),
            finishes: if whole { [(0, 1)].into() } else { [].into() },
            finish: whole.then(|| "length".into()),
            dones: u32::from(whole),
            tokens: whole.then_some(10),
            ..Answered::default()
        },
    }
}

pub(crate) fn whole(number: u32, sent: u64, ended: u64) -> Seen {
    seen(number, sent, ended, Ending::Whole)
}

/// Injected at 1 s, undone at 5 s, watched until 9 s.
pub(crate) fn with(requests: Vec<Seen>) -> Observed {
    let sent = u32::try_from(requests.len()).expect("few");
    Observed {
        injected: Some(ms(1000)),
        proven: Some(ms(1010)),
        undone: Some(ms(5000)),
        ended: ms(9000),
        accounts: Accounts::of(sent, requests.iter()),
        requests,
        root_ended: Ok(None),
        ..Observed::nothing("it was not looked at")
    }
}

pub(crate) fn look(from: u64, to: u64, said: Said) -> Look {
    Look {
        from: ms(from),
        to: ms(to),
        looks: 3,
        said,
    }
}

pub(crate) fn canary(at: u64, answers: Result<(), &str>) -> Canary {
    Canary {
        at: ms(at),
        ended: ms(at + 10),
        answers: answers.map_err(str::to_owned),
        lists: Ok(()),
        metrics: Some(Ok(())),
        health_before: Some(Said::Status(200)),
        health_after: Some(Said::Status(200)),
    }
}

pub(crate) fn reading(at: u64, running: f64, answered: f64) -> Reading {
    Reading {
        at: ms(at),
        running: Some(running),
        waiting: Some(0.0),
        answered: Some(answered),
        ..Reading::default()
    }
}

#[track_caller]
pub(crate) fn holds(oracle: &Oracle, observed: &Observed) -> Option<f64> {
    let judgement = oracle.judge(observed);
    assert_eq!(judgement.ruling, Ruling::Held, "{judgement}");
    judgement.figure
}

#[track_caller]
pub(crate) fn breaks(oracle: &Oracle, observed: &Observed, says: &str) {
    let judgement = oracle.judge(observed);
    assert_eq!(judgement.ruling, Ruling::Broken, "{judgement}");
    assert!(judgement.says.contains(says), "{judgement}");
}

#[track_caller]
pub(crate) fn is_not_made(oracle: &Oracle, observed: &Observed, why: &str) {
    let judgement = oracle.judge(observed);
    match &judgement.ruling {
        Ruling::NotMade(reason) => assert!(reason.contains(why), "{judgement}"),
        _ => panic!("{judgement}"),
    }
}
