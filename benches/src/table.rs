//! Figures for people and for machines.
//!
//! Promise: every figure has its budget beside it, or says that it has none; nothing is rounded to zero.

use std::fmt::Write as _;

use serde_json::{Value, json as object};

use crate::figure::Figure;

/// The machine's description, a line for each figure, and how many budgets are missed.
pub fn render(machine: &[(&'static str, String)], figures: &[Figure]) -> String {
    let mut out = String::new();
    for (key, value) in machine {
        let _ = writeln!(out, "{key:<9} {value}");
    }
    let mut rows = vec![
        [
            "",
            "figure",
            "median",
            "smallest … largest",
            "processor",
            "runs",
            "budget",
            "",
        ]
        .map(String::from),
    ];
    let mut group = "";
    for f in figures {
        let amount = |x: Option<f64>| {
            x.map_or_else(
                || "-".to_owned(),
                |x| format!("{} {}", number(x), f.unit.name()),
            )
        };
        rows.push([
            if f.group == group {
                String::new()
            } else {
                f.group.to_owned()
            },
            f.what.clone(),
            amount(f.median()),
            f.range().map_or_else(
                || "not measured".to_owned(),
                |(a, b)| format!("{} … {}", number(a), number(b)),
            ),
            amount(f.processor_median()),
            f.samples.len().to_string(),
            f.budget.map_or_else(
                || "none".to_owned(),
                |b| format!("≤ {} {}", number(b), f.unit.name()),
            ),
            match f.within() {
                Some(true) => "within".to_owned(),
                Some(false) => "OVER".to_owned(),
                None => String::new(),
            },
        ]);
        group = f.group;
    }
    let widths: Vec<usize> = (0..8)
        .map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0))
        .collect();
    out.push('\n');
    for row in &rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let fill = " ".repeat(widths[i] - cell.chars().count());
            // Words to the left, numbers to the right.
            let _ = if matches!(i, 0 | 1 | 7) {
                write!(line, "{cell}{fill}  ")
            } else {
                write!(line, "{fill}{cell}  ")
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let over = figures.iter().filter(|f| f.within() == Some(false)).count();
    let with_budget = figures.iter().filter(|f| f.within().is_some()).count();
    let _ = writeln!(
        out,
        "\n{} of {with_budget} budgets kept",
        with_budget - over
    );
    out
}

/// The same as one JSON object, with every sample.
pub fn json(machine: &[(&'static str, String)], figures: &[Figure]) -> Value {
    let machine: serde_json::Map<String, Value> = machine
        .iter()
        .map(|(k, v)| ((*k).to_owned(), object!(v)))
        .collect();
    let figures: Vec<Value> = figures
        .iter()
        .map(|f| {
            object!({
                "group": f.group, "what": f.what, "unit": f.unit.name(), "median": f.median(), "budget": f.budget, "within": f.within(),
                "samples": f.samples, "processor": f.processor,
            })
        })
        .collect();
    object!({"machine": machine, "figures": figures})
}

/// Three significant digits, as far as they say something.
fn number(x: f64) -> String {
    match x.abs() {
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        _ => format!("{x:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Unit;

    fn figures() -> Vec<Figure> {
        let with = |what: &str, budget, samples: &[f64]| Figure {
            samples: samples.to_vec(),
            ..Figure::new("start", what, Unit::Milliseconds, budget)
        };
        vec![
            with("kept", Some(5.0), &[4.0, 3.5, 9.25]),
            with("missed", Some(5.0), &[123.4]),
            with("compared", None, &[12.34]),
            with("absent", Some(5.0), &[]),
        ]
    }

    #[test]
    fn the_table_shows_median_range_budget_and_verdict() {
        let text = render(&[("machine", "two cores".into())], &figures());
        let line = |word: &str| {
            text.lines()
                .find(|l| l.contains(word))
                .unwrap_or_else(|| panic!("no {word} in\n{text}"))
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(line("machine"), "machine two cores");
        assert_eq!(
            line("kept"),
            "start kept 4.00 ms 3.50 … 9.25 - 3 ≤ 5.00 ms within"
        );
        assert_eq!(line("missed"), "missed 123 ms 123 … 123 - 1 ≤ 5.00 ms OVER");
        assert_eq!(line("compared"), "compared 12.3 ms 12.3 … 12.3 - 1 none");
        assert_eq!(line("absent"), "absent - not measured - 0 ≤ 5.00 ms");
        assert!(text.ends_with("1 of 2 budgets kept\n"), "{text}");
    }

    #[test]
    fn machines_get_every_sample_and_no_zero_for_what_is_unknown() {
        let value = json(&[("machine", "two cores".into())], &figures());
        assert_eq!(value["figures"][0]["samples"], object!([4.0, 3.5, 9.25]));
        assert_eq!(value["figures"][0]["within"], object!(true));
        assert_eq!(value["figures"][3]["median"], Value::Null);
        assert_eq!(value["machine"]["machine"], object!("two cores"));
    }
}
