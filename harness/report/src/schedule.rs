//! The schedule of a run whose cases share devices, for `--plan` and for the live status.
//!
//! Promise: everything is said of the plan that the run follows; the length stands beside what no schedule gets below, so that a reader sees
//! what there is to gain. Rejected: percentages of use (a device that is half full all the time may still be what everything waits for).

use std::fmt::Write as _;
use std::time::Duration;

use tribunal_runner::{Catalog, Plan, Resources, seconds};

/// `3 GiB`, `0.5 GiB`, `700 bytes`.
pub(crate) fn gib(bytes: u64) -> String {
    let gib = bytes as f64 / (1u64 << 30) as f64;
    let text = format!("{gib:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "0" if bytes > 0 => format!("{bytes} bytes"),
        _ => format!("{text} GiB"),
    }
}

fn time(at: f64) -> String {
    seconds(Duration::try_from_secs_f64(at).unwrap_or_default())
}

/// Where and when a planned case starts; `None`: it needs no device.
pub(crate) fn place(resources: &Resources, planned: usize) -> Option<String> {
    let start = resources
        .schedule
        .starts
        .iter()
        .find(|s| s.job == planned)?;
    let job = resources.job(planned)?;
    if start.cards.is_empty() {
        return Some(format!("at {}", time(start.start)));
    }
    let cards = start.cards.iter().filter_map(|c| resources.cards.get(*c));
    let cards: Vec<String> = cards.map(|card| card.shown()).collect();
    let amount = match resources.amount(job) {
        Some(bytes) if cards.len() > 1 => format!("{} of each of ", gib(bytes)),
        Some(bytes) => format!("{} of ", gib(bytes)),
        None => "the whole of ".to_owned(),
    };
    let server = if job.holding.is_some() {
        ", shared server"
    } else {
        ""
    };
    Some(format!(
        "at {} on {amount}{}{server}",
        time(start.start),
        cards.join(" and ")
    ))
}

/// Length, bound, and the peak of each device.
pub(crate) fn summary(catalog: &Catalog, plan: &Plan, resources: &Resources) -> String {
    let schedule = &resources.schedule;
    let mut out = String::new();
    let simulated = if resources.simulated {
        "simulated "
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "\nexpected length {}; no order takes less than {} ({}). A case that was not measured is expected to take its whole time limit.",
        time(schedule.makespan),
        time(schedule.bound.seconds),
        resources.bound_by()
    );
    if !resources.cards.is_empty() {
        let _ = writeln!(
            out,
            "\n{simulated}devices, and the most that is given out of each at a time:"
        );
    }
    for (card, peak) in resources.cards.iter().zip(&schedule.peak) {
        let total = card.total.map_or("unmeasured".to_owned(), gib);
        let _ = writeln!(
            out,
            "  {:8} {}: {} of {total}",
            card.shown(),
            card.model,
            gib(*peak)
        );
    }
    if !schedule.impossible.is_empty() {
        out.push_str("\nfits nowhere here:\n");
    }
    for never in &schedule.impossible {
        let name = plan
            .cases
            .get(never.job)
            .map_or("", |p| &catalog.cases[p.case].name);
        let _ = writeln!(out, "  {name}: {never}");
    }
    out
}

/// What is given out of a device: `cuda 0 9 of 24 GiB`.
pub(crate) fn given((name, bytes, total): &(String, u64, Option<u64>)) -> String {
    match total {
        Some(total) => format!(
            "{name} {} of {}",
            gib(*bytes).trim_end_matches(" GiB"),
            gib(*total)
        ),
        None => format!("{name} in use"),
    }
}
