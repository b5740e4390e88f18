//! The highest rate that a server carries within limits.
//!
//! Promise: each rate is a run of its own from a server that is idle, in an open loop, so that a server that falls behind shows it; a rate that this client
//! cannot send is said and not called the server's. Rejected: one ramp (queues of earlier rates would be counted against later ones).

use std::ops::RangeInclusive;
use std::time::Duration;

use tribunal_runner::{Error, Row};
use tribunal_traffic::{Arrivals, Outcome, Until, Validity};

use super::step::Step;
use super::threshold::shown;

/// So many of the answers must keep all limits for a rate to be carried.
pub const GOOD: f64 = 0.9;
/// The search ends when the lowest rate that is too high is not more than this above the highest that is not.
const CLOSE: f64 = 1.15;

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Saturation {
    /// The highest rate that was carried; `None`: not even the lowest.
    pub carried: Option<f64>,
    /// The lowest rate that was not; `None`: all were carried up to the highest that was asked for.
    pub too_high: Option<f64>,
    /// The lowest rate that this client could not send as asked.
    pub beyond_the_client: Option<f64>,
    /// Every rate that was tried, with the share of answers that kept the limits.
    pub tried: Vec<(f64, f64)>,
}

impl Step {
    /// Looks for the highest rate (requests for each second) at which nine of ten answers keep the limits of [`slo`](Step::slo): doubles it until they do
    /// not, and halves the gap. Each rate is sent for `each`.
    ///
    /// # Errors
    /// There is no limit, or a load cannot be sent.
    pub async fn saturation(
        self,
        rates: RangeInclusive<f64>,
        each: Duration,
    ) -> Result<Saturation, Error> {
        let how = self.how()?;
        if how.slos.is_empty() {
            return Err(Error::of(
                "a search for the highest rate needs limits: .slo(\"ttft\", 200.0)",
            ));
        }
        let mut search = Search::new(&rates).map_err(Error::of)?;
        while let Some(rate) = search.next() {
            let mut step = self.clone();
            step.load.arrivals = Arrivals::Gamma {
                rate,
                burstiness: 1.0,
            };
            step.load.until = Until::Elapsed(each);
            step.load.concurrency = None;
            let (measured, _) = step.once(&how).await?;
            let records = &measured.run.records;
            let failed = records.iter().filter(|r| r.outcome != Outcome::Ok).count();
            let goodput = measured.metrics.value("request_goodput").unwrap_or(0.0);
            let throughput = measured.metrics.value("request_throughput").unwrap_or(0.0);
            let answered = 1.0 - failed as f64 / records.len().max(1) as f64;
            let good = match throughput > 0.0 {
                true => (goodput / throughput * answered).min(1.0),
                false => 0.0,
            };
            let valid = measured.run.validity() == Validity::Valid;
            tribunal_runner::log(format_args!(
                "{rate:.1} requests/s: {:.0} % of the answers keep the limits{}",
                good * 100.0,
                if valid {
                    ""
                } else {
                    "; this client could not send it as asked"
                }
            ));
            search.told(rate, good, valid);
        }
        let found = search.found;
        let title = format!("saturation of {}", self.bench.deployment());
        Row::new(title, 0, "the highest rate within limits")
            .cell("step", self.short_title())
            .cell(
                "carried, requests/s",
                found.carried.map_or("none".into(), shown),
            )
            .cell("too high", found.too_high.map_or("-".into(), shown))
            .cell("rates tried", found.tried.len().to_string())
            .add();
        Ok(found)
    }
}

/// Which rate is tried next: pure, so that it is tested without a server.
struct Search {
    low: f64,
    high: f64,
    found: Saturation,
}

impl Search {
    fn new(rates: &RangeInclusive<f64>) -> Result<Search, String> {
        let (low, high) = (*rates.start(), *rates.end());
        if !(low.is_finite() && high.is_finite() && low > 0.0 && low <= high) {
            return Err(format!(
                "rates from {low} to {high} are no range: the lowest above 0, the highest not below it"
            ));
        }
        Ok(Search {
            low,
            high,
            found: Saturation {
                carried: None,
                too_high: None,
                beyond_the_client: None,
                tried: vec![],
            },
        })
    }

    fn next(&self) -> Option<f64> {
        let bound = match (self.found.too_high, self.found.beyond_the_client) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (self.found.carried, bound) {
            (None, None) => Some(self.low),
            // Not even the lowest.
            (None, Some(_)) => None,
            (Some(good), None) if good < self.high => Some((good * 2.0).min(self.high)),
            (Some(_), None) => None,
            (Some(good), Some(bad)) => (bad / good > CLOSE).then(|| (good * bad).sqrt()),
        }
    }

    fn told(&mut self, rate: f64, good: f64, valid: bool) {
        self.found.tried.push((rate, good));
        match (valid, good >= GOOD) {
            // What the server did with a load that was not sent as asked says nothing of it.
            (false, _) => {
                let found = &mut self.found.beyond_the_client;
                *found = Some(found.map_or(rate, |at| at.min(rate)));
            }
            (true, true) => self.found.carried = Some(rate),
            (true, false) => self.found.too_high = Some(rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(rates: RangeInclusive<f64>, carried: f64, client: f64) -> Saturation {
        let mut search = Search::new(&rates).expect("a range");
        while let Some(rate) = search.next() {
            assert!(search.found.tried.len() < 20, "it ends");
            let good = if rate <= carried { 1.0 } else { 0.2 };
            search.told(rate, good, rate <= client);
        }
        search.found
    }

    #[test]
    fn the_highest_rate_is_found_between_two_that_are_close() {
        let found = search(1.0..=64.0, 10.0, 1e9);
        let (good, bad) = (found.carried.expect("one"), found.too_high.expect("one"));
        assert!(
            good <= 10.0 && 10.0 < bad && bad / good <= CLOSE,
            "{found:?}"
        );
        let none = search(4.0..=64.0, 1.0, 1e9);
        assert_eq!((none.carried, none.too_high), (None, Some(4.0)));
        let all = search(1.0..=48.0, 1e9, 1e9);
        assert_eq!((all.carried, all.too_high), (Some(48.0), None));
    }

    #[test]
    fn what_the_client_cannot_send_is_not_called_the_servers() {
        let found = search(1.0..=64.0, 1e9, 20.0);
        assert_eq!(found.too_high, None);
        let (good, beyond) = (
            found.carried.expect("one"),
            found.beyond_the_client.expect("one"),
        );
        assert!(good <= 20.0 && 20.0 < beyond && beyond / good <= CLOSE);
        assert!(Search::new(&(0.0..=4.0)).is_err());
    }
}
