//! How far a soak is, for people who wait.

use std::fmt;
use std::time::Duration;

use crate::line::Counts;

/// How far a soak is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Of all segments.
    pub elapsed: Duration,
    /// Until it is over.
    pub left: Duration,
    /// Batches so far, of this segment.
    pub batches: u64,
    /// Requests so far, of this segment.
    pub counts: Counts,
    /// Answered for each second, lately.
    pub rate: Option<f64>,
    /// Median latency in milliseconds, lately.
    pub latency_ms: Option<f64>,
    /// The server's resident memory in bytes.
    pub rss: Option<u64>,
    /// What went wrong so far.
    pub incidents: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (elapsed, left) = (clock(self.elapsed), clock(self.left));
        write!(f, "soak {elapsed}, {left} left: batch {}", self.batches)?;
        write!(f, ", {} answered", self.counts.ok)?;
        if self.counts.failed > 0 {
            write!(f, ", {} FAILED", self.counts.failed)?;
        }
        if let Some(rate) = self.rate {
            write!(f, ", {rate:.1}/s")?;
        }
        if let Some(latency) = self.latency_ms {
            write!(f, ", {latency:.1} ms")?;
        }
        if let Some(rss) = self.rss {
            write!(f, ", {:.1} MB", rss as f64 / 1e6)?;
        }
        if self.incidents > 0 {
            write!(f, ", {} incidents", self.incidents)?;
        }
        Ok(())
    }
}

/// A time that a journal tells, which may say anything: what is no time is none, and the longest is the longest.
pub(crate) fn told(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// `1:02:03`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_journal_can_tell_a_time_that_is_none() {
        for (seconds, time) in [
            (1.5, Duration::from_millis(1500)),
            (-1.0, Duration::ZERO),
            (f64::NAN, Duration::ZERO),
            (1e300, Duration::MAX),
            (f64::INFINITY, Duration::MAX),
        ] {
            assert_eq!(told(seconds), time, "{seconds}");
            clock(told(seconds));
        }
    }

    #[test]
    fn a_line_says_what_is_known_and_no_more() {
        let mut progress = Progress {
            elapsed: Duration::from_secs(3723),
            left: Duration::from_secs(59),
            batches: 4,
            ..Progress::default()
        };
        let bare = "soak 1:02:03, 0:00:59 left: batch 4, 0 answered";
        assert_eq!(progress.to_string(), bare);
        progress.counts.failed = 2;
        progress.rss = Some(12_340_000);
        assert_eq!(progress.to_string(), format!("{bare}, 2 FAILED, 12.3 MB"));
    }
}
