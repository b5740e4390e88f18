//! How long a request may take: one timer for all limits, set anew only when it fires.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::Clock;
use crate::stop::Stop;

/// Why a request was ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Nothing came for the idle limit.
    Idle,
    /// It was not done within the total limit.
    Slow,
    /// Given up on purpose.
    Cancelled,
}

/// The limits of one request, in nanoseconds of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) sent: u64,
    pub(crate) idle: u64,
    pub(crate) total: u64,
    pub(crate) cancel: Option<u64>,
}

impl Limits {
    /// What is over at `now`, if the last read was at `read`; else how long to wait before asking again.
    pub(crate) fn at(&self, now: u64, read: u64) -> Result<u64, Over> {
        let cancel = self.cancel.map(|after| self.sent.saturating_add(after));
        let total = self.sent.saturating_add(self.total);
        let idle = read.max(self.sent).saturating_add(self.idle);
        if cancel.is_some_and(|at| now >= at) {
            return Err(Over::Cancelled);
        }
        if now >= total {
            return Err(Over::Slow);
        }
        if now >= idle {
            return Err(Over::Idle);
        }
        Ok(total.min(idle).min(cancel.unwrap_or(u64::MAX)) - now)
    }

    /// Waits for `work`, as long as the limits allow and the run is not aborted.
    pub(crate) async fn keep<T>(
        &self,
        clock: &Clock,
        stop: &Stop,
        read: impl Fn() -> u64,
        work: impl Future<Output = T>,
    ) -> Result<T, Over> {
        let mut work = pin!(work);
        let first = match self.at(clock.now(), 0) {
            Ok(first) => first,
            Err(over) => return Err(over),
        };
        let mut alarm = pin!(tokio::time::sleep(Duration::from_nanos(first)));
        let mut aborted = pin!(stop.aborted());
        std::future::poll_fn(|cx: &mut Context<'_>| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            while alarm.as_mut().poll(cx).is_ready() {
                match self.at(clock.now(), read()) {
                    Err(over) => return Poll::Ready(Err(over)),
                    Ok(wait) => {
                        let next = tokio::time::Instant::now() + Duration::from_nanos(wait);
                        alarm.as_mut().reset(next);
                    }
                }
            }
            match Pin::new(&mut aborted).poll(cx) {
                Poll::Ready(()) => Poll::Ready(Err(Over::Cancelled)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_limit_that_is_over_names_the_end() {
        let limits = Limits {
            sent: 100,
            idle: 50,
            total: 200,
            cancel: None,
        };
        assert_eq!(limits.at(100, 0), Ok(50));
        assert_eq!(limits.at(149, 0), Ok(1));
        assert_eq!(limits.at(150, 0), Err(Over::Idle));
        assert_eq!(limits.at(150, 140), Ok(40), "a read moves the idle limit");
        assert_eq!(limits.at(290, 280), Ok(10), "but not the total limit");
        assert_eq!(limits.at(300, 299), Err(Over::Slow));
        let cancelled = Limits {
            cancel: Some(20),
            ..limits
        };
        assert_eq!(cancelled.at(100, 0), Ok(20));
        assert_eq!(cancelled.at(120, 119), Err(Over::Cancelled));
    }
}
