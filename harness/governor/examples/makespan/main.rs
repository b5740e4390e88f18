//! How long random workloads take, against the lower bound and against two other rules:
//! `cargo run --release -p tribunal-governor --example makespan [SEEDS]`.

mod others;
mod workload;

use std::collections::BTreeMap;

use tribunal_governor::{Limits, plan};
use workload::{Cards, workload};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 500,
    };
    let verbose = std::env::var_os("VERBOSE").is_some();
    for (name, kind) in [("mixed cards", Cards::Mixed), ("cards alike", Cards::Alike)] {
        let mut rows: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut binding: BTreeMap<String, usize> = BTreeMap::new();
        for seed in 0..seeds {
            let w = workload(seed, kind);
            let schedule = plan(&w.cards, &w.jobs, Limits::default())?;
            let bound = schedule.bound.seconds;
            let first = others::first_fit(&w.cards, &w.jobs);
            let reference = others::reference(&w.cards, &w.jobs);
            *binding.entry(schedule.bound.by.to_string()).or_default() += 1;
            rows.entry("1 governor / bound")
                .or_default()
                .push(schedule.makespan / bound);
            rows.entry("2 reference / bound")
                .or_default()
                .push(reference / bound);
            rows.entry("3 first fit / bound")
                .or_default()
                .push(first / bound);
            rows.entry("6 bound / first fit")
                .or_default()
                .push(bound / first);
            rows.entry("7 bound / reference")
                .or_default()
                .push(bound / reference);
            rows.entry("4 governor / reference")
                .or_default()
                .push(schedule.makespan / reference);
            rows.entry("5 governor / first fit")
                .or_default()
                .push(schedule.makespan / first);
            if verbose && schedule.makespan / bound > 1.1 {
                println!(
                    "seed {seed}: {} jobs, cards {:?}, ratio {:.3}, ref {:.3}, by {}",
                    w.jobs.len(),
                    w.cards
                        .iter()
                        .map(|c| c.total.unwrap_or(0) >> 30)
                        .collect::<Vec<_>>(),
                    schedule.makespan / bound,
                    reference / bound,
                    schedule.bound.by
                );
            }
        }
        println!("{name}, {seeds} seeds; the bound is set by {binding:?}");
        println!("| | mean | p50 | p90 | p99 | max |\n|---|---|---|---|---|---|");
        for (row, mut values) in rows {
            values.sort_by(f64::total_cmp);
            let at = |p: f64| values[((values.len() - 1) as f64 * p).round() as usize];
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            println!(
                "| {} | {mean:.4} | {:.4} | {:.4} | {:.4} | {:.4} |",
                &row[2..],
                at(0.5),
                at(0.9),
                at(0.99),
                at(1.0)
            );
        }
    }
    Ok(())
}
