//! `cargo tribunal baseline show`: what new runs would be compared with.

use std::process::ExitCode;

use serde_json::{Value, json};
use tribunal_baseline::{Base, BaselineError, Key, RunFigure, Store};
use tribunal_statistics::compare::{FEWEST, Rule};
use tribunal_statistics::{mad, median};
use tribunal_traffic::{Direction, known};

use super::{fail, matching, object, shown, when, words};

/// One metric of a baseline.
struct Row {
    metric: String,
    values: Vec<f64>,
    direction: Direction,
}

pub(super) fn run(
    store: &Store,
    step: Option<&str>,
    as_json: bool,
) -> Result<ExitCode, BaselineError> {
    let keys = match matching(store, step)? {
        Ok(keys) => keys,
        Err(why) => return Ok(fail(&why)),
    };
    let (mut text, mut baselines) = (String::new(), Vec::new());
    for (key, runs) in keys {
        let base = store.base(&key)?;
        let rows = rows(&base);
        baselines.push(value(&key, runs, &base, &rows));
        text += &table(&key, runs, &base, &rows);
    }
    if as_json {
        return Ok(object(store, json!({"baselines": baselines})));
    }
    if text.is_empty() {
        text = format!("No baselines in {}\n", store.root().display());
    }
    Ok(crate::say(&text))
}

/// The metrics that any run of the base has a value of.
fn rows(base: &Base) -> Vec<Row> {
    let names: std::collections::BTreeSet<&String> = base
        .runs
        .iter()
        .flat_map(|run| run.figures.keys())
        .collect();
    let row = |name: &String| {
        let figures: Vec<&RunFigure> = base
            .runs
            .iter()
            .filter_map(|run| run.figures.get(name))
            .collect();
        let values: Vec<f64> = figures.iter().filter_map(|figure| figure.value).collect();
        let direction = figures.last()?.direction;
        (!values.is_empty()).then(|| Row {
            metric: name.clone(),
            values,
            direction,
        })
    };
    names.into_iter().filter_map(row).collect()
}

fn value(key: &Key, runs: usize, base: &Base, rows: &[Row]) -> Value {
    let figures: serde_json::Map<String, Value> = rows
        .iter()
        .map(|row| {
            let figure = json!({"median": median(&row.values), "mad": mad(&row.values), "runs": row.values.len(), "direction": row.direction});
            (row.metric.clone(), figure)
        })
        .collect();
    let last = base.runs.last().map(|run| run.at_ms);
    json!({"key": key, "id": key.id(), "runs": runs, "last_at_ms": last, "figures": figures, "notes": base.notes})
}

fn table(key: &Key, runs: usize, base: &Base, rows: &[Row]) -> String {
    let mut text = format!("{}\n  {}\n", key.step, words(key));
    let count = base.runs.len();
    let good = if count < FEWEST {
        format!(": {} more until they are a baseline", FEWEST - count)
    } else {
        String::new()
    };
    let last = base.runs.last().map_or(String::new(), |run| {
        format!(", the last of {} UTC", when(run.at_ms))
    });
    text += &format!("  {runs} accepted, {count} looked at{last}{good}\n");
    let wide = rows.iter().map(|row| row.metric.len()).max().unwrap_or(0);
    for row in rows
        .iter()
        .filter(|row| row.direction != Direction::Informational)
    {
        let (Some(middle), Some(away)) = (median(&row.values), mad(&row.values)) else {
            continue;
        };
        let unit = known(&row.metric).map_or("", |known| known.unit);
        let better = if row.direction == Direction::HigherIsBetter {
            "higher is better"
        } else {
            "lower is better"
        };
        let share = if middle > 0.0 { away / middle } else { 0.0 };
        let noisy = if share > Rule::default().most_noise() {
            ", too noisy to gate"
        } else {
            ""
        };
        text += &format!(
            "    {:wide$}  {:>10} {unit:9} ± {:.1} %  ({} runs, {better}{noisy})\n",
            row.metric,
            shown(middle),
            share * 100.0,
            row.values.len()
        );
    }
    for note in &base.notes {
        text += &format!("  note: {note}\n");
    }
    text
}
