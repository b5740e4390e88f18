//! Servers and processes that do not exist, for counting how often a decision about them is right.
//!
//! Promise: a seed repeats them. Their noise is that of model servers: requests that differ by a quarter, runs that differ by one to three per
//! cent, now and then a bad machine; memory that wanders, has teeth, steps and bursts.

use tribunal_statistics::Random;
use tribunal_statistics::compare::{Decision, Rule, decide};

/// How the runs of an unchanged server differ.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// The standard deviation of a run's factor (lognormal).
    pub run: f64,
    /// The share of runs on a machine that is 10 to 30 % slower.
    pub bad: f64,
}

/// The four settings.
pub const NOISES: [Noise; 4] = [
    Noise {
        run: 0.01,
        bad: 0.0,
    },
    Noise {
        run: 0.01,
        bad: 0.03,
    },
    Noise {
        run: 0.03,
        bad: 0.0,
    },
    Noise {
        run: 0.03,
        bad: 0.03,
    },
];

/// The median latency of one run of 200 requests, whose standard deviation is 0.25 (lognormal).
pub fn run(random: &mut Random, noise: Noise, slower: f64) -> f64 {
    let mut factor = (noise.run * random.normal()).exp() * (1.0 + slower);
    if random.share() < noise.bad {
        factor *= 1.1 + 0.2 * random.share();
    }
    let mut requests: Vec<f64> = (0..200)
        .map(|_| 100.0 * factor * (0.25 * random.normal()).exp())
        .collect();
    requests.sort_unstable_by(f64::total_cmp);
    requests[99].midpoint(requests[100])
}

/// What became of many comparisons.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Comparisons.
    pub trials: u32,
    /// Refused since the accepted runs differ too much.
    pub refused: u32,
    /// Called worse.
    pub regressed: u32,
    /// Called better.
    pub improved: u32,
    /// New runs in all.
    pub runs: u32,
}

impl Counts {
    /// The share that was refused.
    pub fn share_refused(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.trials)
    }

    /// New runs of a comparison that was made.
    pub fn runs_each(&self) -> f64 {
        f64::from(self.runs) / f64::from((self.trials - self.refused).max(1))
    }

    /// Called worse, of the comparisons that were made.
    pub fn share_regressed(&self) -> f64 {
        f64::from(self.regressed) / f64::from((self.trials - self.refused).max(1))
    }
}

/// Ten accepted runs, then as many of a server that is this much slower as the rule asks for; many times.
pub fn comparisons(trials: u32, seed: u64, noise: Noise, slower: f64, rule: &Rule) -> Counts {
    let mut counts = Counts {
        trials,
        ..Counts::default()
    };
    for trial in 0..trials {
        let mut random = Random::new(seed ^ (u64::from(trial) << 20));
        let base: Vec<f64> = (0..10).map(|_| run(&mut random, noise, 0.0)).collect();
        let mut new = Vec::new();
        loop {
            match decide(&base, &new, false, rule) {
                Decision::MoreRuns(more) => {
                    new.extend((0..more).map(|_| run(&mut random, noise, slower)));
                    continue;
                }
                Decision::Regressed(_) => counts.regressed += 1,
                Decision::Improved(_) => counts.improved += 1,
                Decision::TooNoisy { .. } => counts.refused += 1,
                Decision::Pass(_) => {}
                other => panic!("no case for {other:?}"),
            }
            break;
        }
        counts.runs += new.len() as u32;
    }
    counts
}
