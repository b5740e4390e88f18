//! Why cases failed, which passed only when they were repeated, and which failed without failing the run.
//!
//! Promise: what does not fail the run is shown all the same, each time. Rejected: a line per failure (its class stands there once for all that have it).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tribunal_runner::{Ended, Outcome};

/// So many names are shown of one class.
const SHOWN: usize = 3;

/// The sections at the end of a run.
pub(crate) fn text(all: &[&Ended], name: &dyn Fn(&Ended) -> String) -> String {
    let mut out = String::new();
    out.push_str(&listed(
        all,
        name,
        "flaky, passed only when they were repeated (--flaky-result fail makes them failures):",
        |ended| match &ended.outcome {
            Outcome::Flaky(text) => Some(text.clone()),
            _ => None,
        },
    ));
    out.push_str(&listed(
        all,
        name,
        "failed in quarantine, which does not fail the run:",
        |ended| {
            let waived = ended.waived.as_ref()?;
            let text = ended.outcome.text();
            // The first line of a panic only says where.
            let lines = match text.contains(" panicked at ") {
                true => 2,
                false => 1,
            };
            let first: Vec<&str> = text.lines().take(lines).map(str::trim).collect();
            let first = first.join(" ");
            let evidence = ended
                .evidence
                .as_ref()
                .map_or(String::new(), |folder| format!("\nevidence: {folder}"));
            Some(format!(
                "{waived}\n{}: {first}{evidence}",
                ended.outcome.word()
            ))
        },
    ));
    let mut classes: BTreeMap<&str, (Vec<String>, &str)> = BTreeMap::new();
    for ended in all.iter().filter(|e| e.blocks()) {
        if let Some(class) = &ended.class {
            let (names, because) = classes.entry(&class.class).or_default();
            names.push(name(ended));
            *because = &class.because;
        }
    }
    if !classes.is_empty() {
        out.push_str("why they failed:\n");
        for (class, (names, because)) in &classes {
            let shown = match names.len() {
                n if n > SHOWN => format!(
                    "{} and {} more",
                    names[..SHOWN - 1].join(", "),
                    n + 1 - SHOWN
                ),
                1 => format!("{}; {because}", names[0]),
                _ => names.join(", "),
            };
            let _ = writeln!(out, "  {:4} {class}: {shown}", names.len());
        }
        out.push('\n');
    }
    out
}

fn listed(
    all: &[&Ended],
    name: &dyn Fn(&Ended) -> String,
    heading: &str,
    text: impl Fn(&Ended) -> Option<String>,
) -> String {
    let mut out = String::new();
    for ended in all {
        if let Some(text) = text(ended) {
            let mut lines = text.lines();
            let _ = writeln!(
                out,
                "    {}: {}",
                name(ended),
                lines.next().unwrap_or_default()
            );
            for line in lines {
                let _ = writeln!(out, "        {line}");
            }
        }
    }
    match out.is_empty() {
        true => out,
        false => format!("{heading}\n{out}\n"),
    }
}
