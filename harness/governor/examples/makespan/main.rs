//! How long random workloads take, against the lower bound and against two other rules, as tables:
//! `cargo run --release -p tribunal-governor --example makespan [SEEDS]`.

#[path = "../../workload/drawn.rs"]
mod drawn;
mod others;
#[path = "../../workload/random.rs"]
mod random;
mod workload;

use std::collections::BTreeMap;

use tribunal_governor::{Limits, plan};
use workload::{Cards, workload};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 500,
    };
    for (name, kind) in [
        ("each card of any size", Cards::Mixed),
        ("all cards of one size", Cards::Alike),
    ] {
        table(name, kind, seeds)?;
    }
    Ok(())
}

const ROWS: [&str; 8] = [
    "governor / bound",
    "the existing rule / bound",
    "first fit / bound",
    "governor / the existing rule",
    "governor / first fit",
    "governor / first fit, nobody passes",
    "bound / the existing rule",
    "bound / first fit",
];

fn table(name: &str, kind: Cards, seeds: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut rows: [Vec<f64>; 8] = Default::default();
    let mut sums = [0.0; 8];
    let mut totals = [0.0; 5];
    let mut bindings: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..seeds {
        let w = workload(seed, kind);
        let schedule = plan(&w.cards, &w.jobs, Limits::default())?;
        *bindings.entry(schedule.bound.by.to_string()).or_default() += 1;
        let (own, bound) = (schedule.makespan, schedule.bound.seconds);
        let rule = others::reference(&w.cards, &w.jobs);
        let first = others::first_fit(&w.cards, &w.jobs, false);
        let strict = others::first_fit(&w.cards, &w.jobs, true);
        let ratios = [
            own / bound,
            rule / bound,
            first / bound,
            own / rule,
            own / first,
            own / strict,
            bound / rule,
            bound / first,
        ];
        for ((row, sum), ratio) in rows.iter_mut().zip(&mut sums).zip(ratios) {
            row.push(ratio);
            *sum += ratio;
        }
        for (total, value) in totals.iter_mut().zip([own, bound, rule, first, strict]) {
            *total += value;
        }
    }
    println!(
        "{name}, {seeds} seeds\n\n| | mean | p50 | p90 | p99 | max |\n|---|---|---|---|---|---|"
    );
    for ((name, row), sum) in ROWS.iter().zip(&mut rows).zip(sums) {
        row.sort_by(f64::total_cmp);
        let at = |p: f64| row[((row.len() - 1) as f64 * p).round() as usize];
        let mean = sum / row.len() as f64;
        println!(
            "| {name} | {mean:.4} | {:.4} | {:.4} | {:.4} | {:.4} |",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
    }
    let [own, bound, rule, first, strict] = totals;
    println!(
        "\nall workloads together: governor {own:.0} s, bound {bound:.0} s, the existing rule {rule:.0} s, first fit {first:.0} s, nobody passes {strict:.0} s"
    );
    println!("the bound is set by: {bindings:?}\n");
    Ok(())
}
