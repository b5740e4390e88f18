//! How long, and how often.
//!
//! Promise: every wait has an end. Tests shorten these; a run takes them as they are.

use std::time::Duration;

/// The limits of a run on a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Patience {
    /// One call, with all its repetitions.
    pub call: Duration,
    /// The first pause before a call is repeated; each next one is twice as long, up to 32 times.
    pub pause: Duration,
    /// Until all pods are ready.
    pub start: Duration,
    /// How long a pod may find no machine, once the scheduler has said so.
    pub unschedulable: Duration,
    /// How long a stream (a watch, a log) may be silent before it is opened again.
    pub silence: Duration,
    /// How often events are looked at, and what is being deleted.
    pub poll: Duration,
    /// How long the first node may go on when another one has failed: it has the cause.
    pub leader: Duration,
    /// Collecting evidence.
    pub collect: Duration,
    /// Until everything is gone.
    pub gone: Duration,
    /// The same when somebody interrupts a second time.
    pub hurry: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            call: Duration::from_secs(45),
            pause: Duration::from_millis(250),
            start: Duration::from_secs(1200),
            unschedulable: Duration::from_secs(300),
            silence: Duration::from_secs(120),
            poll: Duration::from_secs(2),
            leader: Duration::from_secs(60),
            collect: Duration::from_secs(600),
            gone: Duration::from_secs(300),
            hurry: Duration::from_secs(15),
        }
    }
}

/// How long to wait before the `attempt`-th repetition, when the server asked for `wanted`.
pub(crate) fn pause(first: Duration, attempt: u32, wanted: Option<Duration>) -> Duration {
    let own = first.saturating_mul(1 << attempt.min(5));
    wanted.map_or(own, |wanted| wanted.max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_what_the_server_asks_for_is_the_least() {
        let first = Duration::from_millis(100);
        let pauses: Vec<_> = [0, 1, 2, 5, 9]
            .map(|attempt| pause(first, attempt, None).as_millis())
            .into();
        assert_eq!(pauses, [100, 200, 400, 3200, 3200]);
        assert_eq!(
            pause(first, 0, Some(Duration::from_secs(2))).as_millis(),
            2000
        );
        assert_eq!(
            pause(first, 9, Some(Duration::from_millis(1))).as_millis(),
            3200
        );
    }
}
