//! Whether a run measured the server, or the one who sent.
//!
//! Promise: a run in which the client was the bottleneck is invalid, with its reasons in figures; it is never called slow.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client_cost::ClientCost;
use crate::load::Load;

/// Later than this at the 99th percentile, and requests were not sent when they were to be.
const LAG: Duration = Duration::from_millis(5);
/// Or this share of the median time to the first token, where that is more.
const LAG_SHARE: f64 = 0.01;
/// A shard that is busier than this may be late with what it reads.
const SHARE: f64 = 0.80;
/// A load must come to this share of the rate that was asked for.
const RATE: f64 = 0.98;
/// As long may whoever takes the records hold up the shards.
const HELD_UP_SHARE: f64 = 0.01;

/// Whether a run measured the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// It did.
    Valid,
    /// It did not: the reasons, each with its figures.
    Invalid(Vec<String>),
}

impl Validity {
    /// Of a load that was sent at this cost.
    pub fn of(load: &Load, cost: &ClientCost) -> Self {
        let mut reasons = Vec::new();
        if let Some(lag) = &cost.lag {
            let share = cost.median_ttft.map(|ttft| ttft.mul_f64(LAG_SHARE));
            let limit = share.map_or(LAG, |share| share.max(LAG));
            if lag.p99 > limit {
                reasons.push(format!(
                    "requests were sent late: by {:.1?} at the 99th percentile ({} of them), above {limit:.1?} (5 ms, or 1 % of the median time to the first token)",
                    lag.p99, lag.requests
                ));
            }
        }
        if let Some(share) = cost.busiest_share()
            && share > SHARE
        {
            reasons.push(format!(
                "the busiest of {} sending threads was on a processor for {:.0} % of the time, above {:.0} %",
                cost.shards,
                share * 100.0,
                SHARE * 100.0
            ));
        }
        // With a limit of concurrency it is the server that decides how much is sent.
        if let (Some(asked), Some(achieved), None) =
            (cost.asked_rate, cost.achieved_rate, load.concurrency)
            && achieved < asked * RATE
        {
            reasons.push(format!(
                "{achieved:.1} requests for each second were sent, below {:.0} % of the {asked:.1} that were asked for",
                RATE * 100.0
            ));
        }
        if cost.held_up > cost.wall.mul_f64(HELD_UP_SHARE) {
            reasons.push(format!(
                "the sending threads waited {:.1?} of {:.1?} for whoever takes the records",
                cost.held_up, cost.wall
            ));
        }
        match reasons.is_empty() {
            true => Self::Valid,
            false => Self::Invalid(reasons),
        }
    }

    /// Whether it measured the server.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_cost::Lag;

    fn good() -> ClientCost {
        ClientCost {
            wall: Duration::from_secs(10),
            shards: 2,
            shares: vec![0.5, 0.8],
            lag: Some(Lag {
                p50: Duration::from_micros(60),
                p99: Duration::from_millis(5),
                max: Duration::from_secs(1),
                requests: 1000,
            }),
            asked_rate: Some(100.0),
            achieved_rate: Some(98.0),
            median_ttft: Some(Duration::from_millis(100)),
            ..ClientCost::default()
        }
    }

    fn reasons(load: &Load, cost: &ClientCost) -> Vec<String> {
        match Validity::of(load, cost) {
            Validity::Valid => Vec::new(),
            Validity::Invalid(reasons) => reasons,
        }
    }

    #[test]
    fn at_the_limits_it_is_valid_and_beyond_each_it_is_not() {
        let load = Load::rate(100.0, Duration::from_secs(10));
        assert_eq!(reasons(&load, &good()), [] as [&str; 0]);
        let late = |ttft| ClientCost {
            lag: good().lag.map(|lag| Lag {
                p99: Duration::from_millis(6),
                ..lag
            }),
            median_ttft: ttft,
            ..good()
        };
        let busy = ClientCost {
            shares: vec![0.2, 0.81],
            ..good()
        };
        let slow = ClientCost {
            achieved_rate: Some(97.9),
            ..good()
        };
        let held = ClientCost {
            held_up: Duration::from_millis(101),
            ..good()
        };
        for (cost, part) in [
            (&late(Some(Duration::from_millis(500))), "sent late"),
            (&late(None), "sent late"),
            (&busy, "busiest of 2"),
            (&slow, "97.9 requests"),
            (&held, "takes the records"),
        ] {
            let found = reasons(&load, cost);
            assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
        }
        let slow_server = late(Some(Duration::from_millis(601)));
        assert!(
            reasons(&load, &slow_server).is_empty(),
            "1 % of a slow server's time"
        );
        assert!(
            reasons(&load.clone().at_most(5), &slow).is_empty(),
            "the server decided"
        );
        assert!(
            reasons(&load, &ClientCost::default()).is_empty(),
            "nothing is known, nothing is said"
        );
    }
}
