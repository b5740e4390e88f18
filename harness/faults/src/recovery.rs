//! Oracles of what comes afterwards: that it works again, and that nothing is left.

use std::time::Duration;

use crate::gauges::Reading;
use crate::judgement::{Found, time};
use crate::observed::Observed;
use crate::seen::{Account, Seen};

/// How much more of a share of the cache may be in use than before.
const CACHE_TOLERANCE: f64 = 0.01;
/// How long before we see its end a server may have freed what a request held.
const LAST_EVENT: Duration = Duration::from_millis(200);
/// How much more memory, in bytes: allocators keep a little.
const MEMORY_TOLERANCE: f64 = 1_048_576.0;

pub(crate) fn recovers(observed: &Observed, limit: Duration) -> Found {
    let Some(from) = observed.undone.or(observed.injected) else {
        return Found::not_made("nothing was injected");
    };
    let canaries = match &observed.canaries {
        Err(why) => return Found::not_made(why.clone()),
        Ok(canaries) => canaries,
    };
    let Some(last) = canaries.last() else {
        return Found::not_made("it was never asked whether it works again");
    };
    match observed.recovered() {
        Some(at) => {
            let after = at.saturating_sub(from);
            let says = format!(
                "it worked again after {}; asked {} times",
                time(after),
                canaries.len()
            );
            Found::within(after, limit, says)
        }
        None => {
            let waited = last.ended.saturating_sub(from);
            let trouble = last.trouble().unwrap_or_default();
            let says = format!("after {} it still did not work: {trouble}", time(waited));
            if waited < limit {
                return Found::not_made(format!("{says}; it was not asked for longer"));
            }
            Found::broken(says).measured(waited.as_secs_f64())
        }
    }
}

pub(crate) fn residue(observed: &Observed) -> Found {
    let remains = match &observed.remains {
        Err(why) => return Found::not_made(why.clone()),
        Ok(remains) => remains,
    };
    let all = remains.all();
    if !all.is_empty() {
        return Found::broken(all.join("; ")).measured(all.len() as f64);
    }
    let says = "no process, no port, no shared memory";
    Found::held(match remains.notes.is_empty() {
        true => says.to_owned(),
        false => format!("{says}; not known: {}", remains.notes.join("; ")),
    })
    .measured(0.0)
}

pub(crate) fn device_residue(observed: &Observed) -> Found {
    let devices = observed
        .remains
        .as_ref()
        .and_then(|remains| remains.devices.as_ref());
    match devices {
        Err(why) => Found::not_made(why.clone()),
        Ok(left) if left.is_empty() => Found::held("no device memory").measured(0.0),
        Ok(left) => Found::broken(left.join("; ")).measured(left.len() as f64),
    }
}

pub(crate) fn ends_when_asked(observed: &Observed) -> Found {
    match &observed.remains {
        Err(why) => Found::not_made(why.clone()),
        Ok(remains) if remains.killed.is_empty() => Found::held("nothing had to be killed"),
        Ok(remains) => Found::broken(format!(
            "did not end when asked, and was killed: {}",
            remains.killed.join(", ")
        ))
        .measured(remains.killed.len() as f64),
    }
}

/// The first reading, from before the fault.
fn baseline(observed: &Observed) -> Result<(&Reading, &[Reading]), Found> {
    let readings = observed
        .gauges
        .as_ref()
        .map_err(|why| Found::not_made(why.clone()))?;
    match readings.split_first() {
        Some((first, _)) if observed.injected.is_some_and(|at| first.at > at) => Err(
            Found::not_made("the metrics were not read before the injection"),
        ),
        Some(split) => Ok(split),
        None => Err(Found::not_made("the metrics were never read")),
    }
}

/// How many of our requests can have held something between two moments.
fn held_between(observed: &Observed, from: Duration, to: Duration) -> usize {
    let canaries = observed.canaries.iter().flatten();
    let requests = observed.requests.iter().map(|s| (s.sent, s.ended));
    requests
        .chain(canaries.map(|c| (c.at, c.ended)))
        .filter(|(sent, ended)| *sent <= to && *ended >= from)
        .count()
}

/// How many of our requests surely held something at this moment: streams that had begun, and had more to come. One that was sent may still stand before the
/// server, and what another has left would be taken for its own.
fn surely_held(observed: &Observed, at: Duration) -> usize {
    let begun = |seen: &&Seen| seen.first_event.is_some_and(|first| first <= at);
    let goes_on = |seen: &&Seen| seen.ended > at + LAST_EVENT;
    let requests = observed.requests.iter();
    requests.filter(begun).filter(goes_on).count()
}

/// Requests that did not come to their own end: what they held is freed only by a server that takes care of it.
fn cut_short(observed: &Observed) -> impl Iterator<Item = &Seen> {
    observed
        .requests
        .iter()
        .filter(|seen| seen.account() != Account::Ok)
}

pub(crate) fn slots(observed: &Observed, limit: Duration) -> Found {
    let (first, readings) = match baseline(observed) {
        Ok(split) => split,
        Err(found) => return found,
    };
    let load = |reading: &Reading| Some(reading.running? + reading.waiting.unwrap_or(0.0));
    let Some(idle) = load(first) else {
        return Found::not_made("the metrics do not say how many requests run");
    };
    let Some(end) = cut_short(observed).map(|seen| seen.ended).max() else {
        return Found::not_made("every request came to its own end: nothing had to be freed");
    };
    let mut freed = None;
    for reading in readings {
        let Some(now) = load(reading) else { continue };
        // Whatever of ours ended less than the limit ago may still hold its slot.
        let may = held_between(observed, reading.at.saturating_sub(limit), reading.at);
        if now > idle + may as f64 {
            return Found::broken(format!(
                "at {:.2} s the server says {now} run or wait, where at most {may} of ours can have done so in the last {}",
                reading.at.as_secs_f64(),
                time(limit)
            ));
        }
        // No more than have begun and go on: nothing is left that could be freed later.
        let are = surely_held(observed, reading.at);
        if freed.is_none() && reading.at >= end && now <= idle + are as f64 {
            freed = Some(reading.at.saturating_sub(end));
        }
    }
    match freed {
        // A figure beyond the limit is one of a late reading: what was read in between would have been broken.
        Some(after) => {
            let found = Found::held(format!(
                "no more run than are under way, {} after the last that was cut short",
                time(after)
            ));
            match after <= limit {
                true => found.measured(after.as_secs_f64()),
                false => found,
            }
        }
        None => Found::not_made(format!(
            "the metrics were not read {} after the last request that was cut short, or cannot tell it from others",
            time(limit)
        )),
    }
}

pub(crate) fn memory(observed: &Observed, limit: Duration) -> Found {
    let (first, readings) = match baseline(observed) {
        Ok(split) => split,
        Err(found) => return found,
    };
    if first.cache.is_none() && first.memory.is_none() {
        return Found::not_made("the metrics do not say how much cache or memory requests use");
    }
    let requests = observed.requests.iter().map(|seen| seen.ended);
    let canaries = observed.canaries.iter().flatten().map(|one| one.ended);
    let Some(end) = requests.chain(canaries).max() else {
        return Found::not_made("no request was sent");
    };
    let above = |now: &Reading| {
        let gauges = [
            ("cache", first.cache, now.cache, CACHE_TOLERANCE),
            ("memory", first.memory, now.memory, MEMORY_TOLERANCE),
        ];
        gauges
            .into_iter()
            .find_map(|(what, before, now, tolerance)| {
                let (before, now) = (before?, now?);
                (now > before + tolerance).then_some((what, before, now))
            })
    };
    let afterwards = || readings.iter().filter(|reading| reading.at >= end);
    if let Some(reading) = afterwards().find(|reading| above(reading).is_none()) {
        let after = reading.at.saturating_sub(end);
        let says = format!("as before, {} after the last request", time(after));
        return Found::within(after, limit, says);
    }
    let late = afterwards().rfind(|reading| reading.at >= end + limit);
    match late.and_then(|reading| Some((reading, above(reading)?))) {
        Some((reading, (what, before, now))) => {
            let after = reading.at.saturating_sub(end);
            Found::broken(format!(
                "{} after the last request the use of {what} was {now}, and {before} before the first",
                time(after)
            ))
            .measured(after.as_secs_f64())
        }
        None => Found::not_made(format!(
            "the metrics were not read {} after the last request",
            time(limit)
        )),
    }
}

pub(crate) fn host_memory(observed: &Observed, most: u64) -> Found {
    let held = match &observed.resident {
        Err(why) => return Found::not_made(why.clone()),
        Ok(held) => held,
    };
    let before = held
        .iter()
        .rfind(|(at, _)| observed.injected.is_some_and(|i| *at <= i));
    let end = observed.requests.iter().map(|seen| seen.ended).max();
    let after = held
        .last()
        .filter(|(at, _)| end.is_some_and(|end| *at >= end));
    let (Some((_, before)), Some((_, after))) = (before, after) else {
        return Found::not_made(
            "the memory of its processes was not read before the fault and after the last request",
        );
    };
    let grown = after.saturating_sub(*before);
    let says = format!(
        "{} MiB before the fault, {} MiB after the last request",
        before >> 20,
        after >> 20
    );
    let found = if grown <= most {
        Found::held(says)
    } else {
        Found::broken(says)
    };
    found.measured(grown as f64)
}
