//! Oracles of how requests end: those under way, those that come after, those that never do.

use std::time::Duration;

use crate::judgement::{Found, time};
use crate::observed::Observed;
use crate::seen::{Account, Ending, Role, Seen};

const NOTHING_INJECTED: &str = "nothing was injected";

/// A request in a sentence.
pub(crate) fn named(seen: &Seen) -> String {
    format!("request {} ({})", seen.number, seen.payload)
}

fn hung(seen: &Seen) -> bool {
    matches!(seen.ending, Ending::TimedOut(_))
}

pub(crate) fn in_flight(observed: &Observed, limit: Duration) -> Found {
    let Some(injected) = observed.injected else {
        return Found::not_made(NOTHING_INJECTED);
    };
    // One that we gave up says nothing of the server.
    let under_way: Vec<&Seen> = observed
        .under_way()
        .filter(|seen| seen.account() != Account::Aborted)
        .collect();
    if under_way.is_empty() {
        return Found::not_made("no request was under way when the fault was injected");
    }
    // One that is served may take as long as it likes: the fault did not reach it.
    let unserved = under_way.iter().filter(|seen| seen.failed());
    let Some(worst) = unserved.clone().max_by_key(|seen| seen.ended) else {
        return Found::held(format!(
            "all {} that were under way were served in whole",
            under_way.len()
        ));
    };
    let took = worst.ended.saturating_sub(injected);
    let says = format!(
        "of {} under way {} were not served; the last ended after {}: {}, {}",
        under_way.len(),
        unserved.count(),
        time(took),
        named(worst),
        worst.ended_how()
    );
    match under_way.iter().find(|seen| hung(seen)) {
        Some(seen) => Found::broken(format!("{} hung: {}", named(seen), seen.ended_how()))
            .measured(took.as_secs_f64()),
        None => Found::within(took, limit, says),
    }
}

pub(crate) fn some_fail(observed: &Observed, least: u32) -> Found {
    if observed.injected.is_none() {
        return Found::not_made(NOTHING_INJECTED);
    }
    let touched: Vec<&Seen> = observed.under_way().chain(observed.during()).collect();
    if touched.is_empty() {
        return Found::not_made(
            "no request was under way, and none was sent while the fault was there",
        );
    }
    let failed = touched.iter().filter(|seen| seen.failed()).count();
    let says = format!("{failed} of {} were not served", touched.len());
    let found = if failed >= least as usize {
        Found::held(says)
    } else {
        Found::broken(says)
    };
    found.measured(failed as f64)
}

pub(crate) fn fast(observed: &Observed, limit: Duration) -> Found {
    if observed.injected.is_none() {
        return Found::not_made(NOTHING_INJECTED);
    }
    // Requests that are wrong on purpose are refused by right, with 4xx.
    let new: Vec<&Seen> = observed
        .during()
        .filter(|seen| seen.role != Role::Fault)
        .collect();
    if new.is_empty() {
        return Found::not_made("no request was sent while the fault was there");
    }
    let failed: Vec<&&Seen> = new.iter().filter(|seen| seen.failed()).collect();
    let Some(worst) = failed.iter().max_by_key(|seen| seen.took()) else {
        return Found::not_made(format!(
            "none of {} requests that were sent while the fault was there failed",
            new.len()
        ));
    };
    let wrong = failed.iter().find(|seen| {
        let refused_wrongly = |status: u16| status < 500 && status != 429;
        seen.ending == Ending::Status && seen.status.is_some_and(refused_wrongly)
    });
    if let Some(seen) = wrong {
        return Found::broken(format!(
            "{} was right, and was told that it is wrong: {}",
            named(seen),
            seen.ended_how()
        ))
        .measured(worst.took().as_secs_f64());
    }
    let says = format!(
        "{} of {} new requests were not served; the slowest failed after {}: {}, {}",
        failed.len(),
        new.len(),
        time(worst.took()),
        named(worst),
        worst.ended_how()
    );
    if hung(worst) {
        return Found::broken(says).measured(worst.took().as_secs_f64());
    }
    Found::within(worst.took(), limit, says)
}

pub(crate) fn nothing_hangs(observed: &Observed) -> Found {
    let Some(longest) = observed.requests.iter().max_by_key(|seen| seen.took()) else {
        return Found::not_made("no request was sent");
    };
    let figure = longest.took().as_secs_f64();
    match observed.requests.iter().find(|seen| hung(seen)) {
        Some(seen) => {
            let hanging = observed.requests.iter().filter(|seen| hung(seen)).count();
            Found::broken(format!(
                "{hanging} of {} hung, the first: {}, {} after {}",
                observed.requests.len(),
                named(seen),
                seen.ended_how(),
                match seen.headers {
                    Some(_) => format!("headers and {} events", seen.events),
                    None => "nothing at all".into(),
                }
            ))
            .measured(figure)
        }
        None => Found::held(format!(
            "all {} requests ended, the slowest after {}",
            observed.requests.len(),
            time(longest.took())
        ))
        .measured(figure),
    }
}
