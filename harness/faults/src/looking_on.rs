//! How long a fault stays in force: until every oracle has seen what it needs, or its limit is over.
//!
//! Rejected: a fixed time. It is too long for most faults and too short for one.

use std::time::Duration;

use crate::experiment::Experiment;
use crate::load::{Arrival, Load};
use crate::observed::Observed;
use crate::oracle::Oracle;
use crate::running::Running;
use crate::steps::{MARGIN, STEP};
use crate::watch::Watch;

impl Experiment<'_> {
    /// Looks on until every oracle has seen what it needs, or its limit is over.
    pub(crate) async fn watch(&self, watch: &Watch, running: &Running, observed: &Observed) {
        let begin = observed.injected.unwrap_or_default();
        let mut limit = self.hold;
        for oracle in &self.oracles {
            limit = limit.max(match oracle {
                Oracle::InFlightEndsWithin(t)
                | Oracle::FailsFastWithin(t)
                | Oracle::HealthTellsWithin(t)
                | Oracle::StaysAliveFor(t) => *t + MARGIN,
                Oracle::TextAndAudioFailAlike | Oracle::SomeFail(_) => MARGIN * 10,
                _ => Duration::ZERO,
            });
        }
        // The margin counts from the first new request, which may be a step of the rate away.
        if let Some(Arrival::Rate(rate)) = self.load.as_ref().map(|load| load.arrival) {
            limit += Duration::from_secs_f64(1.0 / rate);
        }
        loop {
            let since = self.timeline.since_start().saturating_sub(begin);
            if since >= limit || since >= self.hold && self.seen_enough(watch, running, begin) {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    fn seen_enough(&self, watch: &Watch, running: &Running, begin: Duration) -> bool {
        let (requests, _) = running.seen();
        let open = running.in_flight();
        let new_over = requests.iter().filter(|seen| seen.sent > begin).count();
        let sends = self.load.as_ref().is_some_and(|load| match load.arrival {
            Arrival::AtOnce(_) => false,
            Arrival::Rate(_) | Arrival::Always(_) => true,
        });
        let new_wanted = match (self.then.is_empty(), &self.load) {
            (false, _) => self.then.iter().map(count_of).sum(),
            (true, Some(load)) if sends => load.payloads.len(),
            (true, _) => 0,
        };
        self.oracles.iter().all(|oracle| match oracle {
            Oracle::InFlightEndsWithin(_) => open.iter().all(|one| one.sent > begin),
            Oracle::FailsFastWithin(_)
            | Oracle::TextAndAudioFailAlike
            | Oracle::HealthTellsTheTruth
            | Oracle::RefusalsSayWhen => new_over >= new_wanted,
            Oracle::SomeFail(least) => {
                let failed = requests
                    .iter()
                    .filter(|s| s.failed() && s.ended > begin)
                    .count();
                failed >= *least as usize
            }
            Oracle::HealthTellsWithin(_) => watch
                .looks()
                .iter()
                .any(|look| look.said.tells() && look.to >= begin),
            Oracle::StaysAliveFor(limit) => {
                self.timeline.since_start() >= begin + *limit
                    || matches!(watch.root_ended(), Ok(Some(_)) | Err(_))
            }
            _ => true,
        })
    }
}

/// How many requests a load sends that ends by itself; of others one of each kind.
fn count_of(load: &Load) -> usize {
    let all = match load.arrival {
        Arrival::AtOnce(count) => count as usize,
        Arrival::Rate(_) | Arrival::Always(_) => load.payloads.len(),
    };
    all.min(load.most.map_or(usize::MAX, |most| most as usize))
}
