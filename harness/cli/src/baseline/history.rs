//! `cargo tribunal baseline history`: every accepted run, and where the figures changed.

use std::process::ExitCode;

use serde_json::{Value, json};
use tribunal_baseline::{BaselineError, Kept, Key, Store};
use tribunal_statistics::change::{How, change_points};
use tribunal_traffic::{Direction, known};

use super::{fail, matching, object, shown, when, words};

/// A change in fewer runs than this is a matter of luck.
const FEWEST: usize = 30;
/// Smaller changes are of no interest to anybody.
const SMALLEST: f64 = 0.01;

/// A metric whose figures changed.
struct Change {
    metric: String,
    run: String,
    at_ms: u64,
    before: f64,
    after: f64,
    p: f64,
}

pub(super) fn run(
    store: &Store,
    step: &str,
    metric: Option<&str>,
    as_json: bool,
) -> Result<ExitCode, BaselineError> {
    let keys = match matching(store, Some(step))? {
        Ok(keys) => keys,
        Err(why) => return Ok(fail(&why)),
    };
    let (mut text, mut histories) = (String::new(), Vec::new());
    for (key, _) in keys {
        let kept = store.all(&key)?;
        let metrics = metrics(&kept, metric);
        let changes = (kept.runs.len() >= FEWEST).then(|| {
            metrics
                .iter()
                .flat_map(|metric| changes(&kept, metric))
                .collect::<Vec<_>>()
        });
        histories.push(value(&key, &kept, &metrics, changes.as_deref()));
        text += &table(&key, &kept, &metrics, changes.as_deref());
    }
    if as_json {
        return Ok(object(store, json!({"histories": histories})));
    }
    Ok(crate::say(&text))
}

/// The one that was asked for, else medians and throughputs: a table of fifty columns says nothing.
fn metrics(kept: &Kept, asked: Option<&str>) -> Vec<String> {
    if let Some(asked) = asked {
        return vec![asked.to_owned()];
    }
    let names: std::collections::BTreeSet<&String> = kept
        .runs
        .iter()
        .flat_map(|run| run.figures.keys())
        .collect();
    let told = |name: &&&String| {
        let direction = known(name).map(|known| known.direction);
        let is_main = name.starts_with("median_") || name.ends_with("_throughput");
        is_main && direction != Ok(Direction::Informational)
    };
    names
        .iter()
        .filter(told)
        .map(|name| (*name).clone())
        .collect()
}

fn changes(kept: &Kept, metric: &str) -> Vec<Change> {
    let with: Vec<(usize, f64)> = kept
        .runs
        .iter()
        .enumerate()
        .filter_map(|(place, run)| Some((place, run.figures.get(metric)?.value?)))
        .collect();
    let series: Vec<f64> = with.iter().map(|(_, value)| *value).collect();
    let how = How {
        min_magnitude: SMALLEST,
        ..How::default()
    };
    let change = |point: tribunal_statistics::change::ChangePoint| {
        let run = &kept.runs[with[point.index].0];
        Change {
            metric: metric.to_owned(),
            run: run.id.clone(),
            at_ms: run.at_ms,
            before: point.before,
            after: point.after,
            p: point.p,
        }
    };
    change_points(&series, &how)
        .into_iter()
        .map(change)
        .collect()
}

fn value(key: &Key, kept: &Kept, metrics: &[String], changes: Option<&[Change]>) -> Value {
    let runs: Vec<Value> = kept
        .runs
        .iter()
        .map(|run| {
            let figures: serde_json::Map<String, Value> =
                metrics.iter().map(|metric| (metric.clone(), json!(run.figures.get(metric).and_then(|figure| figure.value)))).collect();
            json!({"id": run.id, "at_ms": run.at_ms, "figures": figures, "provenance": run.provenance})
        })
        .collect();
    let change = |change: &Change| json!({"metric": change.metric, "run": change.run, "at_ms": change.at_ms, "before": change.before, "after": change.after, "p": change.p});
    let changes = changes.map(|changes| changes.iter().map(change).collect::<Vec<_>>());
    json!({"key": key, "id": key.id(), "runs": runs, "changes": changes, "notes": kept.notes})
}

fn table(key: &Key, kept: &Kept, metrics: &[String], changes: Option<&[Change]>) -> String {
    let mut text = format!("{}\n  {}\n", key.step, words(key));
    text += &format!("  {:16}  {}\n", "UTC", metrics.join("  "));
    for run in &kept.runs {
        let cells = metrics.iter().map(|metric| {
            let value = run.figures.get(metric).and_then(|figure| figure.value);
            format!(
                "{:>wide$}",
                value.map_or("-".into(), shown),
                wide = metric.len()
            )
        });
        let cells: Vec<String> = cells.collect();
        let changed =
            changes.is_some_and(|changes| changes.iter().any(|change| change.run == run.id));
        let commit = run
            .provenance
            .get("commit")
            .map_or(String::new(), |commit| {
                format!("  {}", crate::command::clean(commit))
            });
        text += &format!(
            "  {}  {}{commit}{}\n",
            when(run.at_ms),
            cells.join("  "),
            if changed { "  <" } else { "" }
        );
    }
    match changes {
        None => {
            text += &format!(
                "  {} runs: changes are looked for from {FEWEST} on\n",
                kept.runs.len()
            )
        }
        Some([]) => text += &format!("  no change in {} runs\n", kept.runs.len()),
        Some(changes) => {
            for change in changes {
                let unit = known(&change.metric).map_or("", |known| known.unit);
                let percent = (change.after / change.before - 1.0) * 100.0;
                text += &format!(
                    "  changed with the run of {} UTC: {} {} → {} {unit}, {percent:+.1} %\n",
                    when(change.at_ms),
                    change.metric,
                    shown(change.before),
                    shown(change.after)
                );
            }
        }
    }
    for note in &kept.notes {
        text += &format!("  note: {note}\n");
    }
    text
}
