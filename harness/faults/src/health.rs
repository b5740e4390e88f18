//! Oracles of what the server says of itself, and of whether its process lives.

use std::time::Duration;

use crate::ends::named;
use crate::judgement::{Found, time};
use crate::observed::{Look, Observed};
use crate::seen::{Ending, Role, Seen};

/// A server may need a moment until it knows what has happened to it; what it says by then is no lie.
pub(crate) const KNOWS_AFTER: Duration = Duration::from_secs(1);

/// The looks, where there is such a route; else why nothing can be said.
fn looks(observed: &Observed) -> Result<&[Look], Found> {
    let looks = observed
        .health
        .as_ref()
        .map_err(|why| Found::not_made(why.clone()))?;
    match looks.first() {
        None => Err(Found::not_made("the health route was never asked")),
        Some(first) if first.said.is_unknown_route() => Err(Found::not_made(format!(
            "there is no health route: it says {}",
            first.said
        ))),
        Some(_) => Ok(looks),
    }
}

pub(crate) fn tells(observed: &Observed, limit: Duration) -> Found {
    let looks = match looks(observed) {
        Ok(looks) => looks,
        Err(found) => return found,
    };
    let Some(injected) = observed.injected else {
        return Found::not_made("nothing was injected");
    };
    let before = looks.iter().rfind(|look| look.from <= injected);
    match before {
        None => return Found::not_made("the health route was not asked before the injection"),
        Some(look) if !look.said.is_well() => {
            return Found::not_made(format!(
                "it was not well before the injection: the health route said {}",
                look.said
            ));
        }
        Some(_) => {}
    }
    if let Some(detected) = observed.detected() {
        let after = detected.saturating_sub(injected);
        let said = looks
            .iter()
            .find(|look| look.said.tells() && look.to >= injected)
            .map_or_else(String::new, |look| look.said.to_string());
        return Found::within(after, limit, format!("{said} after {}", time(after)));
    }
    let watched = observed
        .undone
        .unwrap_or(observed.ended)
        .saturating_sub(injected);
    if watched < limit {
        return Found::not_made(format!(
            "it had not told when the fault was gone, after {}; the limit is longer",
            time(watched)
        ));
    }
    let last = looks
        .iter()
        .rfind(|look| look.from <= observed.undone.unwrap_or(Duration::MAX));
    Found::broken(format!(
        "for {} it never told; last it said: {}",
        time(watched),
        last.map_or_else(|| "nothing".into(), |look| look.said.to_string())
    ))
    .measured(watched.as_secs_f64())
}

pub(crate) fn truth(observed: &Observed) -> Found {
    let looks = match looks(observed) {
        Ok(looks) => looks,
        Err(found) => return found,
    };
    let from = observed.injected.map(|at| at + KNOWS_AFTER);
    let late = |at: Duration| from.is_some_and(|from| at >= from);
    let mut asked = 0;
    for canary in observed.canaries.iter().flatten() {
        if !late(canary.at) {
            continue;
        }
        let (Some(before), Some(after)) = (&canary.health_before, &canary.health_after) else {
            continue;
        };
        asked += 1;
        if let (true, true, Err(why)) = (before.is_well(), after.is_well(), &canary.answers) {
            return Found::broken(format!(
                "at {} it said {before} before and {after} after a request of one token that was not served: {why}",
                time(canary.at)
            ));
        }
    }
    let counts = |seen: &&Seen| {
        late(seen.sent) && seen.role != Role::Fault && seen.ending != Ending::Aborted
    };
    for seen in observed.requests.iter().filter(counts) {
        asked += 1;
        let client_error = seen.status.is_some_and(|s| (400..500).contains(&s));
        if seen.failed() && !client_error && well_throughout(looks, seen.sent, seen.ended) {
            return Found::broken(format!(
                "it said that all is well from before {} was sent until after it had failed: {}",
                named(seen),
                seen.ended_how()
            ));
        }
    }
    if asked == 0 {
        return Found::not_made("no request was sent that could show whether it is true");
    }
    Found::held(format!("{asked} requests agree with it")).measured(f64::from(asked))
}

/// Whether looks from before `from` until after `to` said without a break that all is well.
fn well_throughout(looks: &[Look], from: Duration, to: Duration) -> bool {
    // Looks alike are one entry, so a break would be another.
    looks
        .iter()
        .any(|look| look.said.is_well() && look.from <= from && look.to >= to)
}

pub(crate) fn stays_alive(observed: &Observed, limit: Duration) -> Found {
    let Some(injected) = observed.injected else {
        return Found::not_made("nothing was injected");
    };
    let watched = observed.ended.saturating_sub(injected);
    match &observed.root_ended {
        Err(why) => Found::not_made(why.clone()),
        Ok(Some(at)) => {
            let after = at.saturating_sub(injected);
            let says = format!("its process ended after {}", time(after));
            let found = if after < limit {
                Found::broken(says)
            } else {
                Found::held(says)
            };
            found.measured(after.as_secs_f64())
        }
        Ok(None) if watched < limit => Found::not_made(format!(
            "it lived as long as it was watched, which was {}",
            time(watched)
        )),
        Ok(None) => Found::held(format!("its process lived {} on", time(watched)))
            .measured(watched.as_secs_f64()),
    }
}
