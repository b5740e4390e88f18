//! How often the decisions are right, on servers and processes that do not exist:
//!
//! ```text
//! cargo run --release -p tribunal-statistics --example simulate [TRIALS [SEED]]
//! ```

#[path = "../tests/simulation/process.rs"]
mod process;
#[path = "../tests/simulation/world.rs"]
mod world;

use process::Series;
use tribunal_statistics::Random;
use tribunal_statistics::compare::Rule;
use tribunal_statistics::drift::{Drift, DriftLimit, MEMORY_MB_PER_HOUR, Verdict, drift};
use world::{NOISES, comparisons};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let trials = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1500);
    let seed = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    comparison_table(trials, seed);
    for hours in [2.0, 1.0, 0.5] {
        drift_table((trials / 3).max(1), seed, hours);
    }
}

/// Ten accepted runs against a server that is unchanged, or slower.
fn comparison_table(trials: u32, seed: u64) {
    println!(
        "Called worse, of {trials} comparisons each with ten accepted runs of 200 requests; seed {seed}"
    );
    println!(
        "rule           run sd  bad runs  refused  new runs  unchanged    +5 %   +10 %   +20 %"
    );
    for (name, rule) in [("adaptive 5 %", Rule::default()), ("quiet", Rule::Quiet)] {
        for noise in NOISES {
            let same = comparisons(trials, seed, noise, 0.0, &rule);
            let found = [0.05, 0.1, 0.2]
                .map(|slower| comparisons(trials, seed, noise, slower, &rule).share_regressed());
            println!(
                "{name:13} {:6.0} % {:7.0} % {:6.1} % {:9.2} {:9.1} % {:5.1} % {:5.1} % {:5.1} %",
                noise.run * 100.0,
                noise.bad * 100.0,
                same.share_refused() * 100.0,
                same.runs_each(),
                same.share_regressed() * 100.0,
                found[0] * 100.0,
                found[1] * 100.0,
                found[2] * 100.0,
            );
        }
    }
}

/// Series with and without leaks against the default limit.
fn drift_table(trials: u32, seed: u64, hours: f64) {
    println!(
        "\nCalled a leak, of {trials} series of {hours} h each, limit {MEMORY_MB_PER_HOUR} MB/h; seed {seed}"
    );
    println!("series             no leak  (suspect)  +100 MB/h  +200 MB/h");
    for series in Series::ALL {
        let of = |leak: f64, wanted: Verdict| {
            let count = (0..trials)
                .filter(|trial| {
                    let mut random = Random::new(seed ^ (u64::from(*trial) << 20));
                    let found: Drift = drift(
                        &series.samples(&mut random, hours, leak),
                        &DriftLimit::growth(MEMORY_MB_PER_HOUR).shortest(0.0),
                    );
                    found.verdict == wanted
                })
                .count();
            count as f64 / f64::from(trials) * 100.0
        };
        println!(
            "{:18} {:6.1} % {:8.1} % {:8.1} % {:8.1} %",
            format!("{series:?}"),
            of(0.0, Verdict::Leak),
            of(0.0, Verdict::Suspect),
            of(100.0, Verdict::Leak),
            of(200.0, Verdict::Leak),
        );
    }
}
