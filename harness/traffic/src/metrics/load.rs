//! Of all requests together: how long, how many at once, how many tokens in the best second, and when nearly all places were taken.

use super::dialect::Dialect;
use super::measure::Measure;
use super::taken::Taken;
use crate::{Outcome, Record};

/// A request with what it gave; `None` where it was not answered.
pub(super) type Pair<'a> = (&'a Record, Option<&'a Taken>);

/// The last instant that is known of a request.
fn last_known(record: &Record) -> Option<u64> {
    let events = record.events.last().map(|event| event.at);
    [record.end, events, record.headers, record.sent]
        .into_iter()
        .flatten()
        .max()
}

/// From when to when each answer was under way.
fn answered<'a>(pairs: &'a [Pair]) -> impl Iterator<Item = (u64, u64)> + 'a {
    pairs
        .iter()
        .filter_map(|(record, taken)| Some((record.sent?, taken.as_ref()?.end?)))
}

/// One more at each time that a request was sent, one less where the last of it is known; in order, those that leave first.
fn comings_and_goings(pairs: &[Pair]) -> Vec<(u64, i64)> {
    let mut steps = Vec::new();
    for (record, _) in pairs {
        if let (Some(sent), Some(end)) = (record.sent, last_known(record)) {
            steps.push((sent, 1));
            steps.push((end, -1));
        }
    }
    steps.sort_unstable();
    steps
}

/// The most that steps come to.
fn most(steps: &[(u64, i64)]) -> Option<u64> {
    let mut now = 0;
    let counts = steps.iter().map(|(_, step)| {
        now += step;
        now
    });
    counts.max().map(|most| most.max(0) as u64)
}

/// From when to when the run went, in nanoseconds.
pub(super) fn span(pairs: &[Pair], dialect: Dialect) -> Option<(u64, u64)> {
    let (start, end) = match dialect {
        Dialect::Strict => {
            let sent = pairs.iter().filter_map(|(record, _)| record.sent).min()?;
            (
                sent,
                pairs
                    .iter()
                    .filter_map(|(record, _)| last_known(record))
                    .max()?,
            )
        }
        // Their clock starts before the first arrival is waited for.
        Dialect::Vllm | Dialect::VllmOmni => (
            0,
            pairs
                .iter()
                .filter_map(|(record, _)| last_known(record))
                .max()?,
        ),
        // Only what was answered counts.
        Dialect::AiPerf => (
            answered(pairs).map(|(sent, _)| sent).min()?,
            answered(pairs).map(|(_, end)| end).max()?,
        ),
    };
    (end > start).then_some((start, end))
}

/// The most requests that were under way at once.
pub(super) fn most_at_once(pairs: &[Pair], dialect: Dialect) -> Option<u64> {
    match dialect {
        Dialect::Strict | Dialect::AiPerf => most(&comings_and_goings(pairs)),
        // How many are under way at some time of a second, of the second in which they are most.
        Dialect::Vllm | Dialect::VllmOmni => {
            let start = answered(pairs).map(|(sent, _)| sent).min()?;
            let mut steps = Vec::new();
            for (sent, end) in answered(pairs) {
                steps.push(((sent - start) / 1_000_000_000, 1));
                steps.push(((end.max(sent) - start) / 1_000_000_000 + 1, -1));
            }
            steps.sort_unstable();
            most(&steps)
        }
    }
}

/// The most tokens in one of the seconds since the first request that was answered.
pub(super) fn best_second(pairs: &[Pair]) -> Option<f64> {
    let start = pairs
        .iter()
        .filter_map(|(record, taken)| taken.as_ref().and(record.sent))
        .min()? as f64;
    let mut tokens: Vec<(u64, f64)> = pairs
        .iter()
        .filter_map(|(_, taken)| taken.as_ref())
        .flat_map(|taken| &taken.token_times)
        .map(|(at, tokens)| (((at - start).max(0.0) / 1e9) as u64, *tokens))
        .collect();
    tokens.sort_by_key(|(second, _)| *second);
    tokens
        .chunk_by(|a, b| a.0 == b.0)
        .map(|second| second.iter().map(|(_, tokens)| tokens).sum())
        .reduce(f64::max)
}

/// When nearly all places were taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steady {
    /// Seconds.
    pub long: f64,
    /// Answers that ended in it, in a second.
    pub requests: f64,
    /// Tokens that came in it, in a second, where tokens are known.
    pub tokens: Option<f64>,
    /// Why it says little.
    pub short: Option<String>,
}

/// From when 95 of 100 places were taken first until they were no longer for the last time.
pub(super) fn steady(pairs: &[Pair], how: &Measure, run: f64) -> Option<Steady> {
    let places = i64::from(how.concurrency.filter(|places| *places > 0)?);
    let enough = (places * 95 + 99) / 100;
    let (mut now, mut from, mut until) = (0, None, None);
    for (at, step) in comings_and_goings(pairs) {
        let before = now;
        now += step;
        if before < enough && now >= enough {
            from = from.or(Some(at));
        }
        if before >= enough && now < enough {
            until = Some(at);
        }
    }
    let (from, until) = from.zip(until).filter(|(from, until)| until > from)?;
    let long = (until - from) as f64 / 1e9;
    let inside = |at: f64| at >= from as f64 && at < until as f64;
    let taken = || pairs.iter().filter_map(|(_, taken)| taken.as_ref());
    let ended = taken()
        .filter(|taken| taken.end.is_some_and(|end| inside(end as f64)))
        .count();
    let times = || taken().flat_map(|taken| &taken.token_times);
    let tokens: f64 = times()
        .filter(|(at, _)| inside(*at))
        .map(|(_, tokens)| tokens)
        .sum();
    let least = (run / 10.0).max(10.0);
    Some(Steady {
        long,
        requests: ended as f64 / long,
        tokens: times().next().map(|_| tokens / long),
        short: (long < least).then(|| {
            format!(
                "the steady state lasted {long:.1} s; at least {least:.1} s of this run are needed"
            )
        }),
    })
}

/// Whether a request was answered.
pub(super) fn is_answered(record: &Record) -> bool {
    record.outcome == Outcome::Ok
}
