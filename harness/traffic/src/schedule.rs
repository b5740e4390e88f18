//! When each conversation of a run begins: a function of the load and its seed.
//!
//! Promise: known before the first request is sent, and nothing that the server does changes it. Gamma, Poisson and constant arrivals are
//! rescaled, so that the last of `n` comes exactly at `n / rate` and the rate does not depend on the seed. Memory is bounded: they are made (and
//! rescaled) in blocks. A ramp is not rescaled: its rate follows the number of the arrival. Rejected: a timer that draws each gap when the one
//! before is over (it drifts by what sending costs).

use std::collections::VecDeque;
use std::time::Duration;

use crate::load::{Arrivals, Load, Ramp, Until};
use crate::random::Random;

/// As many arrivals are made at once.
const BLOCK: u64 = 1 << 16;
/// More than this for each second is a mistake of units.
const MOST_PER_SECOND: f64 = 10e6;
/// A year.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// The arrivals of a load, in order, as nanoseconds since its start.
#[derive(Debug)]
pub(crate) struct Schedule {
    arrivals: Arrivals,
    random: Random,
    /// Arrivals in all, and made so far.
    count: u64,
    made: u64,
    /// Where the last block ended, in nanoseconds.
    origin: f64,
    block: VecDeque<u64>,
    limit: Option<u64>,
}

impl Schedule {
    /// Of a load that [`check`]ed.
    pub(crate) fn new(load: &Load) -> Self {
        let elapsed = elapsed(load.until);
        let by_time = elapsed.map(|long| within(&load.arrivals, long));
        let by_count = count(load.until);
        let count = match (by_time, by_count) {
            (Some(time), Some(count)) => time.min(count),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0,
        };
        Self {
            arrivals: load.arrivals.clone(),
            random: Random::of(load.seed, 1),
            count,
            made: 0,
            origin: 0.0,
            block: VecDeque::new(),
            limit: elapsed.map(nanoseconds),
        }
    }

    fn fill(&mut self) {
        let n = (self.count - self.made).min(BLOCK);
        let (rate, shape) = match self.arrivals {
            Arrivals::Gamma { rate, burstiness } => (rate, burstiness),
            Arrivals::Constant { rate } => (rate, f64::INFINITY),
            _ => return,
        };
        let mut at = 0.0;
        let mut block: Vec<f64> = Vec::with_capacity(n as usize);
        for _ in 0..n {
            at += match shape.is_infinite() {
                true => 1.0,
                false => self.random.gamma_of_mean_one(shape),
            };
            block.push(at);
        }
        let long = n as f64 / rate * 1e9;
        // All gaps zero: a shape so small that nothing else is drawn. Equal gaps are then as right as any.
        let scale = if at > 0.0 { long / at } else { 0.0 };
        let origin = self.origin;
        self.block = block
            .into_iter()
            .map(|at| (origin + at * scale).round() as u64)
            .collect();
        self.origin += long;
        self.made += n;
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let at = match &self.arrivals {
            Arrivals::AtOnce if self.made < self.count => {
                self.made += 1;
                0
            }
            Arrivals::Trace(times) if self.made < self.count => {
                let at = nanoseconds(*times.get(usize::try_from(self.made).ok()?)?);
                self.made += 1;
                at
            }
            Arrivals::Ramp { from, to, shape } if self.made < self.count => {
                let share = match self.count {
                    0 | 1 => 0.0,
                    n => self.made as f64 / (n - 1) as f64,
                };
                let rate = match shape {
                    Ramp::Linear => from + (to - from) * share,
                    Ramp::Exponential => from * (to / from).powf(share),
                };
                self.origin += self.random.exponential() / rate * 1e9;
                self.made += 1;
                self.origin.round() as u64
            }
            Arrivals::Gamma { .. } | Arrivals::Constant { .. } => {
                if self.block.is_empty() && self.made < self.count {
                    self.fill();
                }
                self.block.pop_front()?
            }
            _ => return None,
        };
        // One more nanosecond for what rounding did to the last.
        (self.limit.is_none_or(|limit| at <= limit + 1)).then_some(at)
    }
}

/// Requests for each second that a load asks for; `None` where its schedule has no rate.
pub(crate) fn asked_rate(load: &Load) -> Option<f64> {
    match load.arrivals {
        Arrivals::Gamma { rate, .. } | Arrivals::Constant { rate } => Some(rate),
        _ => None,
    }
}

/// When the run ends, in nanoseconds since its start, whatever was sent.
pub(crate) fn end(load: &Load) -> Option<u64> {
    elapsed(load.until).map(nanoseconds)
}

/// At most so many requests.
pub(crate) fn count(until: Until) -> Option<u64> {
    match until {
        Until::Count(count) | Until::Either(count, _) => Some(count),
        Until::Elapsed(_) => None,
    }
}

fn elapsed(until: Until) -> Option<Duration> {
    match until {
        Until::Elapsed(long) | Until::Either(_, long) => Some(long),
        Until::Count(_) => None,
    }
}

fn nanoseconds(long: Duration) -> u64 {
    u64::try_from(long.as_nanos()).unwrap_or(u64::MAX)
}

/// Arrivals within a time.
fn within(arrivals: &Arrivals, long: Duration) -> u64 {
    let seconds = long.as_secs_f64();
    let n = match arrivals {
        Arrivals::AtOnce => return u64::MAX,
        Arrivals::Trace(times) => return times.iter().filter(|at| **at <= long).count() as u64,
        // Not quite whole where the product of two decimals is not.
        Arrivals::Gamma { rate, .. } | Arrivals::Constant { rate } => rate * seconds + 1e-6,
        // The n for which the mean gaps add up to the time; a few more, because the gaps vary: those too late are left out.
        Arrivals::Ramp { from, to, .. } if (to / from - 1.0).abs() < 1e-9 => {
            from * seconds * 1.2 + 10.0
        }
        Arrivals::Ramp { from, to, shape } => {
            let mean_gap = match shape {
                Ramp::Linear => (to / from).ln() / (to - from),
                Ramp::Exponential => (1.0 / from - 1.0 / to) / (to / from).ln(),
            };
            seconds / mean_gap
        }
    };
    n as u64
}

/// What is wrong with a load.
pub(crate) fn check(load: &Load) -> Result<(), String> {
    let rate = |what: &str, rate: f64| {
        let good = rate.is_finite() && rate > 0.0 && rate <= MOST_PER_SECOND;
        good.then_some(()).ok_or(format!(
            "{what} is {rate}; it must be above 0 and at most {MOST_PER_SECOND} requests for each second"
        ))
    };
    match &load.arrivals {
        Arrivals::AtOnce => {
            if load.concurrency.is_none() && count(load.until).is_none() {
                return Err(
                    "all requests at once, for a time, without a limit of concurrency: that is endless; say how many, or at_most()".into(),
                );
            }
        }
        Arrivals::Gamma {
            rate: r,
            burstiness,
        } => {
            rate("the rate", *r)?;
            if burstiness.is_nan() || *burstiness <= 0.0 {
                return Err(format!(
                    "the burstiness is {burstiness}; it must be above 0 (1: Poisson, less: burstier)"
                ));
            }
        }
        Arrivals::Constant { rate: r } => rate("the rate", *r)?,
        Arrivals::Ramp { from, to, .. } => {
            rate("the rate at the start of the ramp", *from)?;
            rate("the rate at the end of the ramp", *to)?;
        }
        Arrivals::Trace(times) => {
            if let Some(at) = times.windows(2).position(|pair| pair[0] > pair[1]) {
                return Err(format!(
                    "the trace goes back in time: arrival {} is at {:?}, the next at {:?}",
                    at,
                    times[at],
                    times[at + 1]
                ));
            }
        }
    }
    if load.concurrency == Some(0) {
        return Err("a concurrency of 0 sends nothing; say at least 1".into());
    }
    if count(load.until) == Some(0) {
        return Err("a count of 0 sends nothing; say at least 1".into());
    }
    if let Some(long) = elapsed(load.until) {
        if long > LONGEST {
            return Err(format!("a run of {long:?} is longer than a year"));
        }
        if within(&load.arrivals, long) == 0 {
            return Err(format!(
                "no request is scheduled within {long:?}: a higher rate, or a longer time"
            ));
        }
    }
    if let Some(cancel) = load.cancel
        && !(0.0..=1.0).contains(&cancel.share)
    {
        return Err(format!(
            "the share of requests to cancel is {}; it must be 0 to 1",
            cancel.share
        ));
    }
    if load.cancel.is_some_and(|cancel| cancel.after.is_zero()) {
        return Err(
            "requests are to be given up after no time at all: they would never be sent; say when"
                .into(),
        );
    }
    if load.idle_limit.is_zero() || load.total_limit.is_zero() {
        return Err("a limit of no time at all: every request would fail".into());
    }
    Ok(())
}

/// The number of what is sent to warm the server up: beyond all, and none of it is given up.
pub(crate) const WARM_UP: u64 = u64::MAX;

/// Whether this request is given up on purpose.
pub(crate) fn is_cancelled(load: &Load, number: u64) -> bool {
    let counts = number != WARM_UP;
    load.cancel.filter(|_| counts).is_some_and(|cancel| {
        Random::of(load.seed ^ 0x00CA_9CE1, number).open_unit() < cancel.share
    })
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
