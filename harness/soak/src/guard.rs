//! Hard limits that stop a soak early.
//!
//! Promise: a pure state machine over lines; the first reason stays. Rejected: stopping at the first request that fails (one bad answer in twelve hours
//! fails the soak at its end, and the hours after it are worth having).

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::line::{Counts, Incident, Interval, Probe, Sample};

/// Intervals that the share of failures is taken over.
const WINDOW: usize = 60;
/// Requests that the share needs: three of four is no rate.
const FEWEST: u64 = 20;

/// What stops a soak early, and what fails it at its end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The share of requests that may fail in all; more fails the soak at its end. 0 by default.
    pub failures: f64,
    /// It stops when more than this share of the last 60 intervals' requests (20 at least) failed. 0.5 by default.
    pub stop_failures: f64,
    /// It stops when the tree's resident memory is above this, in bytes.
    pub rss: Option<u64>,
    /// It stops after so many probes in a row that found something wrong; 0: never. 3 by default.
    pub probes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            failures: 0.0,
            stop_failures: 0.5,
            rss: None,
            probes: 3,
        }
    }
}

/// Why a soak stopped before its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum StopReason {
    /// Too many requests failed.
    Failures {
        /// Their share.
        share: f64,
        /// What was allowed.
        limit: f64,
    },
    /// The server's resident memory.
    Memory {
        /// In bytes.
        rss: u64,
        /// What was allowed.
        limit: u64,
    },
    /// Probes in a row.
    Probes {
        /// How many.
        failed: u32,
        /// What the last one found.
        wrong: String,
    },
    /// The server is gone.
    Dead {
        /// How that shows.
        why: String,
    },
    /// There are no more batches.
    Batches {
        /// Why.
        why: String,
    },
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { share, limit } => write!(
                f,
                "{:.1} % of the latest requests failed; {:.1} % stop it",
                share * 100.0,
                limit * 100.0
            ),
            Self::Memory { rss, limit } => write!(
                f,
                "the server's resident memory is {:.1} MB; it stops above {:.1} MB",
                *rss as f64 / 1e6,
                *limit as f64 / 1e6
            ),
            Self::Probes { failed, wrong } => write!(
                f,
                "{failed} probes in a row found something wrong, the last one: {wrong}"
            ),
            Self::Dead { why } => write!(f, "the server is gone: {why}"),
            Self::Batches { why } => write!(f, "no batch could be made: {why}"),
        }
    }
}

/// Watches for the first reason.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: Limits,
    latest: VecDeque<(u64, u64)>,
    wrong: u32,
    reason: Option<StopReason>,
}

impl Guard {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            latest: VecDeque::new(),
            wrong: 0,
            reason: None,
        }
    }

    pub(crate) fn reason(&self) -> Option<&StopReason> {
        self.reason.as_ref()
    }

    pub(crate) fn stop(&mut self, reason: StopReason) {
        self.reason.get_or_insert(reason);
    }

    pub(crate) fn interval(&mut self, interval: &Interval) {
        let counts = &interval.counts;
        self.latest.push_back((counts.failed, counts.judged()));
        if self.latest.len() > WINDOW {
            self.latest.pop_front();
        }
        let sum = |of: fn(&(u64, u64)) -> u64| self.latest.iter().map(of).sum::<u64>();
        let (failed, judged) = (sum(|one| one.0), sum(|one| one.1));
        let share = failed as f64 / judged as f64;
        if judged >= FEWEST && share > self.limits.stop_failures {
            let limit = self.limits.stop_failures;
            self.stop(StopReason::Failures { share, limit });
        }
    }

    pub(crate) fn sample(&mut self, sample: &Sample) {
        if let (Some(rss), Some(limit)) = (sample.rss, self.limits.rss)
            && rss > limit
        {
            self.stop(StopReason::Memory { rss, limit });
        }
    }

    pub(crate) fn probe(&mut self, probe: &Probe) {
        let Some(wrong) = &probe.wrong else {
            self.wrong = 0;
            return;
        };
        self.wrong += 1;
        if self.limits.probes > 0 && self.wrong >= self.limits.probes {
            let (failed, wrong) = (self.wrong, wrong.clone());
            self.stop(StopReason::Probes { failed, wrong });
        }
    }

    pub(crate) fn incident(&mut self, incident: &Incident) {
        if let Incident::Dead { why } = incident {
            self.stop(StopReason::Dead { why: why.clone() });
        }
    }
}

/// Whether more failed in all than may.
pub(crate) fn too_many(counts: &Counts, limits: &Limits) -> bool {
    counts.failed as f64 > limits.failures * counts.judged() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(ok: u64, failed: u64) -> Interval {
        let counts = Counts {
            ok,
            failed,
            ..Counts::default()
        };
        Interval {
            counts,
            ..Interval::default()
        }
    }

    fn probe(wrong: Option<&str>) -> Probe {
        Probe {
            at: 0.0,
            seconds: 0.1,
            wrong: wrong.map(str::to_owned),
        }
    }

    #[test]
    fn a_share_of_failures_needs_requests_and_forgets_old_ones() {
        let mut guard = Guard::new(Limits::default());
        guard.interval(&interval(4, 15));
        assert_eq!(guard.reason(), None, "19 requests are too few");
        guard.interval(&interval(11, 0));
        assert_eq!(guard.reason(), None, "half is not more than half");
        for _ in 0..WINDOW {
            guard.interval(&interval(1, 0));
        }
        guard.interval(&interval(0, 50));
        assert_eq!(guard.reason(), None, "50 of 109");
        guard.interval(&interval(0, 50));
        assert!(matches!(guard.reason(), Some(StopReason::Failures { share, .. }) if *share > 0.6));
    }

    #[test]
    fn probes_count_in_a_row() {
        let mut guard = Guard::new(Limits::default());
        for wrong in [Some("a"), Some("b"), None, Some("c"), Some("d")] {
            guard.probe(&probe(wrong));
        }
        assert_eq!(guard.reason(), None);
        guard.probe(&probe(Some("e")));
        let told = guard.reason().map(ToString::to_string);
        assert_eq!(
            told.as_deref(),
            Some("3 probes in a row found something wrong, the last one: e")
        );
    }

    #[test]
    fn memory_and_death_stop_it_and_the_first_reason_stays() {
        let mut guard = Guard::new(Limits {
            rss: Some(100),
            ..Limits::default()
        });
        guard.sample(&Sample::default());
        let rss = |bytes| Sample {
            rss: Some(bytes),
            ..Sample::default()
        };
        guard.sample(&rss(100));
        assert_eq!(guard.reason(), None);
        guard.sample(&rss(101));
        guard.incident(&Incident::Dead { why: "x".into() });
        assert!(matches!(guard.reason(), Some(StopReason::Memory { .. })));
    }

    #[test]
    fn no_failure_is_allowed_unless_it_is() {
        let counts = |ok, failed| Counts {
            ok,
            failed,
            ..Counts::default()
        };
        let limits = Limits::default();
        assert!(!too_many(&counts(0, 0), &limits));
        assert!(too_many(&counts(1000, 1), &limits));
        let limits = Limits {
            failures: 0.01,
            ..limits
        };
        assert!(!too_many(&counts(99, 1), &limits));
        assert!(too_many(&counts(98, 2), &limits));
    }
}
