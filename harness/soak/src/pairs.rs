//! Two servers compared in turn: A B, B A, …, each pair of runs with the same requests in the same order.
//!
//! Promise: what the prompts and the hour have in common cancels out, and the runs, not the requests, are the sample. *Same* is a finding (the interval lies
//! within the limit), not what is left when nothing was found. Rejected: runs of one after all runs of the other.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tribunal_statistics::paired::{FEWEST_PAIRS, Pair, Paired, Side, Verdict, order};
use tribunal_traffic::{Outcome, Record};

use crate::batch::{Batch, BatchPlan, Traffic};

/// How two servers are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairPlan {
    /// Pairs of runs; 6 at least, 8 by default.
    pub pairs: usize,
    /// The change, as a share, from which on a difference counts: 0.05.
    pub limit: f64,
    /// Of what is drawn. Both runs of a pair draw the same.
    pub seed: u64,
    /// Compares the time to the first output in place of the time to the end.
    pub first_output: bool,
    /// The longest that a run may take.
    pub run_limit: Duration,
}

impl Default for PairPlan {
    fn default() -> Self {
        Self {
            pairs: 8,
            limit: 0.05,
            seed: 0,
            first_output: false,
            run_limit: Duration::from_secs(600),
        }
    }
}

/// How the second server compares with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Same {
    /// The interval of the change lies within the limit.
    Same,
    /// It is slower beyond the limit.
    Slower,
    /// It is faster beyond the limit.
    Faster,
    /// Neither is shown.
    Inconclusive,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The verdict; that of the figures is without its interval, and rare on one side only.
    pub verdict: Same,
    /// The figures: ratio of B over A with its interval, and how likely it is by chance.
    pub figures: Paired,
    /// From which change on a difference counts.
    pub limit: f64,
    /// Requests that were not answered, of A and of B.
    pub failed: (u64, u64),
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Same::Same => "same",
            Same::Slower => "slower",
            Same::Faster => "faster",
            Same::Inconclusive => "inconclusive",
        };
        f.write_str(word)?;
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        if let Some(ratio) = self.figures.ratio {
            write!(f, ": times {:+.1} %", percent(ratio))?;
        }
        if let Some(interval) = self.figures.interval {
            let (low, high) = (percent(interval.low), percent(interval.high));
            write!(f, " (95 %: {low:+.1} to {high:+.1})")?;
        }
        write!(
            f,
            ", p = {:.3}, {} pairs of runs, {} pairs of requests, limit {:.1} %",
            self.figures.p,
            self.figures.pairs,
            self.figures.requests,
            self.limit * 100.0
        )?;
        if self.failed != (0, 0) {
            write!(
                f,
                "; {} and {} requests failed",
                self.failed.0, self.failed.1
            )?;
        }
        Ok(())
    }
}

/// Runs both in turn and compares. `batch` makes a run's load and requests from its plan: the same for both runs of a pair.
///
/// # Errors
/// In words: a run could not be made or sent, or did not end in time; there are too few pairs.
pub async fn compare(
    a: &dyn Traffic,
    b: &dyn Traffic,
    plan: &PairPlan,
    batch: &mut dyn FnMut(Side, &mut BatchPlan) -> Result<Batch, String>,
) -> Result<Comparison, String> {
    let needed = FEWEST_PAIRS;
    if plan.pairs < needed {
        let have = plan.pairs;
        return Err(format!(
            "{have} pairs of runs; {needed} are needed for any verdict"
        ));
    }
    let mut values: [Vec<Vec<Option<f64>>>; 2] = [Vec::new(), Vec::new()];
    let mut failed = [0, 0];
    for (run, side) in order(plan.pairs).into_iter().enumerate() {
        let pair = run as u64 / 2;
        let mut told = BatchPlan::new(plan.seed, pair, plan.run_limit);
        let made = batch(side, &mut told)?;
        let mut found: Vec<Option<f64>> = Vec::new();
        let index = usize::from(side == Side::B);
        let mut sink = |record: Record| {
            let number = usize::try_from(record.number).unwrap_or(usize::MAX);
            // So many requests no run has; a number from outside does not decide what is allocated.
            if number < 10_000_000 {
                if found.len() <= number {
                    found.resize(number + 1, None);
                }
                found[number] = time(&record, plan.first_output);
            }
            failed[index] += u64::from(matches!(record.outcome, Outcome::Failed(_)));
        };
        let traffic = if side == Side::A { a } else { b };
        let sent = tokio::time::timeout(plan.run_limit, traffic.send(made, &mut sink)).await;
        let limit = plan.run_limit.as_secs_f64();
        sent.map_err(|_| format!("run {run} (of {side:?}) did not end within {limit} s"))?
            .map_err(|why| format!("run {run} (of {side:?}): {why}"))?;
        values[index].push(found);
    }
    Ok(judge_pairs(
        &values[0],
        &values[1],
        plan.limit,
        (failed[0], failed[1]),
    ))
}

/// Judges what was measured: for each run, by the number of the request, a time; `None` where it has none.
pub fn judge_pairs(
    a: &[Vec<Option<f64>>],
    b: &[Vec<Option<f64>>],
    limit: f64,
    failed: (u64, u64),
) -> Comparison {
    let pairs: Vec<Pair<'_>> = a.iter().zip(b).map(|(a, b)| Pair { a, b }).collect();
    let figures = tribunal_statistics::paired::compare(&pairs, false, limit);
    let within = figures
        .interval
        .is_some_and(|interval| interval.low > 1.0 / (1.0 + limit) && interval.high < 1.0 + limit);
    let verdict = match figures.verdict {
        Verdict::Regressed => Same::Slower,
        Verdict::Improved => Same::Faster,
        Verdict::Pass if within => Same::Same,
        _ => Same::Inconclusive,
    };
    Comparison {
        verdict,
        figures,
        limit,
        failed,
    }
}

/// From when it was sent: what it waited in our own queue is no doing of the server.
fn time(record: &Record, first_output: bool) -> Option<f64> {
    if record.outcome != Outcome::Ok {
        return None;
    }
    let at = match first_output {
        false => record.end?,
        true => {
            record
                .events
                .iter()
                .find(|event| event.kind.is_payload())?
                .at
        }
    };
    let since = at.checked_sub(record.sent?)?;
    (since > 0).then_some(since as f64)
}

#[cfg(test)]
mod tests {
    use tribunal_statistics::Random;

    use super::*;

    /// Runs whose luck and whose requests stray; B is `ratio` of A.
    fn runs(pairs: usize, ratio: f64, stray: f64, seed: u64) -> [Vec<Vec<Option<f64>>>; 2] {
        let mut random = Random::new(seed);
        let mut run = |scale: f64, requests: &[f64]| -> Vec<Option<f64>> {
            let luck = (stray * random.normal()).exp();
            let one = |request: &f64| Some(request * scale * luck * (0.01 * random.normal()).exp());
            requests.iter().map(one).collect()
        };
        let mut both = [Vec::new(), Vec::new()];
        for pair in 0..pairs {
            // Prompts differ by far more than the servers do.
            let requests: Vec<f64> = (0..40)
                .map(|i| 10.0 + f64::from(i * (pair as u32 + 1)))
                .collect();
            both[0].push(run(1.0, &requests));
            both[1].push(run(ratio, &requests));
        }
        both
    }

    fn verdict(pairs: usize, ratio: f64, stray: f64) -> Same {
        let [a, b] = runs(pairs, ratio, stray, 9);
        judge_pairs(&a, &b, 0.05, (0, 0)).verdict
    }

    #[test]
    fn what_is_shown_is_said_and_what_is_not_is_inconclusive() {
        assert_eq!(verdict(8, 1.0, 0.01), Same::Same);
        assert_eq!(verdict(8, 1.15, 0.01), Same::Slower);
        assert_eq!(verdict(8, 0.85, 0.01), Same::Faster);
        // Slower for sure, but by what may count or may not.
        let run = |ratio: f64| vec![Some(100.0 * ratio); 10];
        let ratios = [1.01, 1.02, 1.03, 1.04, 1.05, 1.08, 1.1, 1.0];
        let (a, b): (Vec<_>, Vec<_>) = ratios
            .map(|ratio| (run(1.0), run(ratio)))
            .into_iter()
            .unzip();
        assert_eq!(
            judge_pairs(&a, &b, 0.05, (0, 0)).verdict,
            Same::Inconclusive
        );
        assert_eq!(verdict(4, 1.5, 0.01), Same::Inconclusive);
    }

    #[test]
    fn noise_alone_is_rarely_a_difference_and_never_shows_that_there_is_none() {
        let of = |seed| {
            let [a, b] = runs(8, 1.0, 0.5, seed);
            judge_pairs(&a, &b, 0.05, (0, 0)).verdict
        };
        let all: Vec<Same> = (0..200).map(of).collect();
        let wrong = all
            .iter()
            .filter(|one| matches!(one, Same::Slower | Same::Faster))
            .count();
        assert!(wrong <= 12, "{wrong} of 200");
        assert!(!all.contains(&Same::Same));
    }

    #[test]
    fn the_text_has_effect_and_interval() {
        let [a, b] = runs(8, 1.2, 0.0, 9);
        let text = judge_pairs(&a, &b, 0.05, (0, 2)).to_string();
        assert!(text.starts_with("slower: times +20"), "{text}");
        assert!(text.contains("8 pairs of runs, 320 pairs"), "{text}");
        assert!(text.ends_with("0 and 2 requests failed"), "{text}");
    }
}
