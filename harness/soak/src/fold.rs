//! Records folded into intervals.
//!
//! Promise: memory is bounded by the requests of one interval, and those by [`MOST`]; what is beyond is counted but not among the percentiles.
//! Rejected: keeping all latencies for percentiles of the whole soak (a day at 50 requests a second is millions, and nobody asks for them: drift is
//! judged by block).

use tribunal_statistics::percentile;
use tribunal_traffic::{Outcome, Record};

use crate::line::{Counts, Interval};

/// So many latencies of one interval are kept.
const MOST: usize = 50_000;
/// So much is kept of what a request that failed said, in bytes.
const TEXT: usize = 300;

/// The requests that ended since the last look.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    /// In a closed loop latencies count from when a request was sent: it is scheduled when the one before it is answered.
    closed_loop: bool,
    counts: Counts,
    latencies: Vec<f64>,
    firsts: Vec<f64>,
    tokens: Option<u64>,
    failure: Option<String>,
}

impl Fold {
    pub(crate) fn new(closed_loop: bool) -> Self {
        Self {
            closed_loop,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, record: &Record) {
        count(&mut self.counts, record);
        match &record.outcome {
            Outcome::Ok => {}
            Outcome::Failed(failure) => {
                if self.failure.is_none() {
                    self.failure = Some(short(&failure.text));
                }
                return;
            }
            Outcome::Cancelled | Outcome::NotSent => return,
        }
        let from = match self.closed_loop {
            true => record.sent.unwrap_or(record.scheduled),
            false => record.scheduled,
        };
        let since = |at: u64| at.saturating_sub(from) as f64 / 1e6;
        let first = record.events.iter().find(|event| event.kind.is_payload());
        if self.latencies.len() < MOST {
            self.latencies.extend(record.end.map(since));
            self.firsts.extend(first.map(|event| since(event.at)));
        }
        if let Some(tokens) = record.output_tokens {
            *self.tokens.get_or_insert(0) += u64::from(tokens);
        }
    }

    /// What there was since the last time.
    pub(crate) fn take(&mut self, at: f64, seconds: f64) -> Interval {
        let mut taken = std::mem::replace(self, Self::new(self.closed_loop));
        let sorted = |values: &mut Vec<f64>| values.sort_unstable_by(f64::total_cmp);
        sorted(&mut taken.latencies);
        sorted(&mut taken.firsts);
        Interval {
            at,
            seconds,
            counts: taken.counts,
            latency_ms: percentile(&taken.latencies, 50.0),
            latency_p95_ms: percentile(&taken.latencies, 95.0),
            first_ms: percentile(&taken.firsts, 50.0),
            tokens: taken.tokens,
            failure: taken.failure,
        }
    }
}

/// Counts a request as what became of it.
pub(crate) fn count(counts: &mut Counts, record: &Record) {
    match &record.outcome {
        Outcome::Ok => counts.ok += 1,
        Outcome::Cancelled => counts.cancelled += 1,
        Outcome::NotSent => counts.not_sent += 1,
        Outcome::Failed(failure) => {
            counts.failed += 1;
            *counts.classes.entry(failure.class).or_default() += 1;
        }
    }
}

fn short(text: &str) -> String {
    let mut end = text.len().min(TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use tribunal_traffic::{Failure, FailureClass, Kind, Seen};

    use super::*;

    fn answered(scheduled: u64, sent: u64, first: u64, end: u64) -> Record {
        let event = |at, kind| Seen {
            at,
            kind,
            bytes: 1,
            tokens: None,
            coalesced: false,
        };
        Record {
            sent: Some(sent),
            events: vec![event(first - 1, Kind::Role), event(first, Kind::Text)],
            end: Some(end),
            outcome: Outcome::Ok,
            output_tokens: Some(4),
            ..Record::new(0, scheduled)
        }
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn an_open_loop_counts_from_when_a_request_was_due_and_a_closed_one_from_when_it_was_sent() {
        for (closed, latency, first) in [(false, 30.0, 20.0), (true, 20.0, 10.0)] {
            let mut fold = Fold::new(closed);
            fold.add(&answered(0, 10 * MS, 20 * MS, 30 * MS));
            let interval = fold.take(5.0, 5.0);
            assert_eq!(interval.latency_ms, Some(latency));
            assert_eq!(interval.first_ms, Some(first));
            assert_eq!(interval.tokens, Some(4));
        }
    }

    #[test]
    fn an_interval_without_answers_has_no_latency_and_forgets_the_one_before() {
        let mut fold = Fold::new(false);
        fold.add(&answered(0, 0, 2 * MS, 3 * MS));
        assert_eq!(fold.take(5.0, 5.0).counts.ok, 1);
        let empty = fold.take(10.0, 5.0);
        assert_eq!((empty.latency_ms, empty.tokens), (None, None));
        assert_eq!(empty.counts, Counts::default());
    }

    #[test]
    fn what_failed_is_counted_by_class_and_quoted_once() {
        let mut fold = Fold::new(false);
        for text in ["ä".repeat(400), "another".into()] {
            let class = FailureClass::Cut;
            fold.add(&Record {
                outcome: Outcome::Failed(Failure { class, text }),
                ..Record::new(0, 0)
            });
        }
        fold.add(&Record::new(1, 0));
        let interval = fold.take(1.0, 1.0);
        assert_eq!(interval.counts.classes[&FailureClass::Cut], 2);
        assert_eq!((interval.counts.failed, interval.counts.not_sent), (2, 1));
        assert_eq!(interval.failure, Some("ä".repeat(150)));
    }

    #[test]
    fn a_flood_does_not_fill_the_memory() {
        let mut fold = Fold::new(false);
        let record = answered(0, 0, 2 * MS, 3 * MS);
        for _ in 0..MOST + 10 {
            fold.add(&record);
        }
        assert_eq!(fold.latencies.len(), MOST);
        assert_eq!(fold.take(1.0, 1.0).counts.ok, MOST as u64 + 10);
    }
}
