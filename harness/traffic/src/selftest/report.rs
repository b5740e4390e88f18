//! What the self-test found.

use std::fmt;

use serde::Serialize;

/// What the self-test found. Times are microseconds; `None`: not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelfTest {
    /// Grows when a key changes its meaning or goes away.
    pub schema: u32,
    /// Whether the client was built with optimisations.
    pub optimised: bool,
    /// Cores that this process may use; the server of the self-test shares them.
    pub cores: usize,
    /// Threads that send a load with no limit of concurrency.
    pub shards: u32,
    /// Streams at a steady pace: every repetition, then the median of each figure.
    pub streams: Vec<Streams>,
    /// Their medians.
    pub streams_median: Streams,
    /// Events as fast as the two processes can.
    pub flood: Flood,
    /// Requests at their times.
    pub schedule: Schedule,
    /// Plain requests, one after the other on each connection.
    pub plain: Plain,
    /// What follows.
    pub trusted: Trusted,
}

/// Streams at a steady pace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Streams {
    /// At once.
    pub streams: u32,
    /// Events for each second, of each.
    pub events_per_second_each: f64,
    /// Events that were read.
    pub events: u64,
    /// Streams that failed.
    pub failed: u64,
    /// Processor time of the client for each event.
    pub cpu_per_event_us: f64,
    /// Of the busiest thread, 0 to 1.
    pub busiest_share: f64,
    /// From the server's stamp, taken before it writes, to the client's, taken after it read: the middle.
    pub delay_p50_us: f64,
    /// 99 of 100 were faster.
    pub delay_p99_us: f64,
    /// The slowest.
    pub delay_max_us: f64,
    /// The share of events that came in one read with the one before.
    pub coalesced_share: f64,
}

/// Events as fast as the two processes can.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flood {
    /// Streams at once.
    pub streams: u32,
    /// Events for each second, all together.
    pub events_per_second: f64,
    /// Events for each second of the client's processor time.
    pub events_per_cpu_second: f64,
    /// Processor time of the client for each event.
    pub cpu_per_event_us: f64,
    /// Of the busiest thread, 0 to 1: well below 1, and the server was the limit.
    pub busiest_share: f64,
}

/// Requests at their times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Schedule {
    /// Requests for each second.
    pub rate: f64,
    /// As many were sent.
    pub requests: u64,
    /// From the time at which it was to be sent to the time at which it was: the middle.
    pub error_p50_us: f64,
    /// 99 of 100 were nearer.
    pub error_p99_us: f64,
    /// The latest.
    pub error_max_us: f64,
}

/// Plain requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plain {
    /// Each with one request under way.
    pub connections: u32,
    /// All together.
    pub requests_per_second: f64,
    /// Processor time of the client for each.
    pub cpu_per_request_us: f64,
}

/// What load this machine can be trusted with, while the server leaves it the processor time that the self-test had.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trusted {
    /// Events for each second, all streams together.
    pub events_per_second: f64,
    /// Streams with 50 events for each second.
    pub streams_at_50: u64,
    /// Requests for each second at their times; `None`: not even those that were tried.
    pub scheduled_per_second: Option<f64>,
    /// Why not more, and what was not as it should be.
    pub notes: Vec<String>,
}

/// A shard that is busier is no longer trusted.
const BUSY: f64 = 0.8;
/// Above this delay a stream's gaps are the client's.
const DELAY_US: f64 = 2000.0;
/// Above this error a schedule is not kept.
const ERROR_US: f64 = 1000.0;

impl Trusted {
    /// What follows from the figures.
    pub(crate) fn of(
        shards: u32,
        streams: &Streams,
        flood: &Flood,
        schedule: &Schedule,
        optimised: bool,
    ) -> Self {
        let mut notes = Vec::new();
        let by_cpu = BUSY * f64::from(shards) * 1e6 / streams.cpu_per_event_us.max(0.01);
        let mut events = by_cpu;
        if flood.events_per_second < by_cpu {
            events = flood.events_per_second;
            notes.push(
                "more events than this did not come, client and server together on this machine"
                    .to_owned(),
            );
        } else {
            notes.push(format!(
                "more would keep a sending thread on a processor for more than {:.0} % of the time",
                BUSY * 100.0
            ));
        }
        if streams.delay_p99_us > DELAY_US {
            notes.push(format!(
                "events were read {:.1} ms late at the 99th percentile: gaps of that size are the client's or the machine's, not a server's",
                streams.delay_p99_us / 1000.0
            ));
        }
        let kept = schedule.error_p99_us <= ERROR_US;
        if !kept {
            notes.push(format!(
                "requests were sent {:.1} ms late at the 99th percentile at {} for each second",
                schedule.error_p99_us / 1000.0,
                schedule.rate
            ));
        }
        if streams.failed > 0 {
            notes.push(format!(
                "{} streams failed, which none should",
                streams.failed
            ));
        }
        if !optimised {
            notes.push("the client was built without optimisations".to_owned());
        }
        Self {
            events_per_second: events.floor(),
            streams_at_50: (events / 50.0) as u64,
            scheduled_per_second: kept.then_some(schedule.rate),
            notes,
        }
    }
}

impl fmt::Display for SelfTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let built = match self.optimised {
            true => "optimised",
            false => "not optimised",
        };
        writeln!(
            f,
            "client: {} cores, {} sending threads, {built}",
            self.cores, self.shards
        )?;
        let one = &self.streams_median;
        writeln!(
            f,
            "streams: {} with {} events/s each, medians of {} runs",
            one.streams,
            one.events_per_second_each,
            self.streams.len()
        )?;
        writeln!(
            f,
            "  own delay       p50 {:.0} µs   p99 {:.0} µs   max {:.0} µs",
            one.delay_p50_us, one.delay_p99_us, one.delay_max_us
        )?;
        let p99: Vec<f64> = self.streams.iter().map(|run| run.delay_p99_us).collect();
        let low = p99.iter().copied().fold(f64::INFINITY, f64::min);
        let high = p99.iter().copied().fold(0.0, f64::max);
        writeln!(
            f,
            "                  p99 of single runs {low:.0} to {high:.0} µs"
        )?;
        writeln!(
            f,
            "  CPU per event   {:.2} µs   busiest thread {:.0} %   coalesced {:.1} %",
            one.cpu_per_event_us,
            one.busiest_share * 100.0,
            one.coalesced_share * 100.0
        )?;
        let flood = &self.flood;
        writeln!(
            f,
            "flood: {:.0} events/s, {:.0} for each second of processor time ({:.2} µs each), busiest thread {:.0} %",
            flood.events_per_second,
            flood.events_per_cpu_second,
            flood.cpu_per_event_us,
            flood.busiest_share * 100.0
        )?;
        let schedule = &self.schedule;
        writeln!(
            f,
            "schedule at {} requests/s: late by p50 {:.0} µs   p99 {:.0} µs   max {:.0} µs",
            schedule.rate, schedule.error_p50_us, schedule.error_p99_us, schedule.error_max_us
        )?;
        writeln!(
            f,
            "plain: {:.0} requests/s on {} connections, {:.1} µs of processor time each",
            self.plain.requests_per_second, self.plain.connections, self.plain.cpu_per_request_us
        )?;
        let trusted = &self.trusted;
        writeln!(
            f,
            "trusted with: {:.0} events/s ({} streams with 50 events/s)",
            trusted.events_per_second, trusted.streams_at_50
        )?;
        for note in &trusted.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_trusted_follows_from_the_figures() {
        let streams = Streams {
            streams: 256,
            events_per_second_each: 50.0,
            events: 1000,
            failed: 0,
            cpu_per_event_us: 4.0,
            busiest_share: 0.1,
            delay_p50_us: 50.0,
            delay_p99_us: 900.0,
            delay_max_us: 4000.0,
            coalesced_share: 0.0,
        };
        let flood = |rate| Flood {
            streams: 64,
            events_per_second: rate,
            events_per_cpu_second: 500_000.0,
            cpu_per_event_us: 2.0,
            busiest_share: 0.9,
        };
        let schedule = |error| Schedule {
            rate: 500.0,
            requests: 2500,
            error_p50_us: 60.0,
            error_p99_us: error,
            error_max_us: 3000.0,
        };
        let trusted = Trusted::of(2, &streams, &flood(1e6), &schedule(300.0), true);
        assert_eq!(
            (trusted.events_per_second, trusted.streams_at_50),
            (400_000.0, 8000)
        );
        assert_eq!(
            (trusted.scheduled_per_second, trusted.notes.len()),
            (Some(500.0), 1)
        );
        let trusted = Trusted::of(2, &streams, &flood(1e5), &schedule(1300.0), false);
        assert_eq!(
            (trusted.events_per_second, trusted.scheduled_per_second),
            (100_000.0, None)
        );
        assert_eq!(trusted.notes.len(), 3, "{:?}", trusted.notes);
    }
}
