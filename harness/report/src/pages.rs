//! Pages that run nothing: `--markers`, `--lint`, `--plan`.

use std::fmt::Write as _;

use tribunal_runner::{Catalog, Disposition, Finding, Plan, Severity, seconds};
use tribunal_vocabulary::{Args, Vocabulary};

use crate::context::Context;

/// `--markers`: everything that is declared.
pub fn markers_page(v: &Vocabulary) -> String {
    let mut out = format!(
        "declared in {}\n\nlevels, lowest first (--run-level):\n",
        v.origin()
    );
    for level in v.levels() {
        let _ = writeln!(
            out,
            "  {:18} {}{}",
            level.name,
            level.doc,
            if level.implies.is_empty() {
                String::new()
            } else {
                format!(" (implies {})", level.implies.join(", "))
            }
        );
    }
    for category in v.categories() {
        let default = category
            .default
            .as_ref()
            .map_or(String::new(), |d| format!(", default {d}"));
        let _ = writeln!(
            out,
            "\n{} ({}{}{default}):",
            category.name,
            category.rule.text(),
            if category.ordered { ", in order" } else { "" }
        );
        for id in &category.members {
            marker(&mut out, v, v.name(*id));
        }
    }
    let mut names: Vec<&str> = v
        .names()
        .filter(|n| v.marker(n).is_some_and(|m| m.category().is_none()) && v.level(n).is_none())
        .collect();
    names.sort_unstable();
    if !names.is_empty() {
        out.push_str("\nothers:\n");
    }
    for name in names {
        marker(&mut out, v, name);
    }
    out.push_str("\nplatforms and devices (hardware_test):\n");
    for platform in v.platforms() {
        let devices: Vec<String> = platform
            .devices
            .iter()
            .map(|d| format!("{} {} GiB", d.name, d.vram_gib))
            .collect();
        let cards: Vec<String> = platform.cards.iter().map(u32::to_string).collect();
        let _ = writeln!(
            out,
            "  {:8} {}; counts {}",
            platform.name,
            devices.join(", "),
            cards.join(", ")
        );
    }
    out.push_str("\nstages (--stage NAME or NAME.STEP):\n");
    for stage in v.stages() {
        let _ = writeln!(
            out,
            "  {:18} {}{}",
            stage.name,
            stage.doc,
            stage
                .level
                .as_ref()
                .map_or(String::new(), |l| format!(" [level {l}]"))
        );
        for step in &stage.steps {
            let _ = writeln!(out, "    .{:15} {}", step.name, step.select);
        }
    }
    out
}

fn marker(out: &mut String, v: &Vocabulary, name: &str) {
    let Some(m) = v.marker(name) else { return };
    let shown = format!("{name}{}", signature(m.args()));
    if shown.len() > 18 {
        let _ = writeln!(out, "  {shown}\n  {:18} {}", "", m.doc());
    } else {
        let _ = writeln!(out, "  {shown:18} {}", m.doc());
    }
}

/// The arguments of a marker, as they are written.
fn signature(args: &Args) -> String {
    match args {
        Args::None => String::new(),
        Args::Hardware => "(PLATFORM = \"DEVICE\", num_cards = N)".into(),
        Args::Listed { specs, .. } => format!(
            "({})",
            specs
                .iter()
                .map(|s| s.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// `--lint`: every finding, and whether the run would start. Returns the text and whether it is clean.
pub fn lint_page(catalog: &Catalog, findings: &[Finding], strict: bool) -> (String, bool) {
    let mut out = String::new();
    let shown: Vec<&Finding> = findings
        .iter()
        .filter(|f| strict || f.severity != Severity::Strict)
        .collect();
    for finding in &shown {
        let _ = writeln!(out, "{finding}\n");
    }
    let errors = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .count();
    let warnings = shown.len() - errors;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let _ = writeln!(
        out,
        "{} in {}: {}, {}",
        count(catalog.cases.len(), "case"),
        count(catalog.tests.len(), "test"),
        count(errors, "error"),
        count(warnings, "warning")
    );
    if !strict && findings.iter().any(|f| f.severity == Severity::Strict) {
        let _ = writeln!(
            out,
            "--strict shows defaulted markers too, and makes warnings errors"
        );
    }
    (out, errors == 0 && !(strict && warnings > 0))
}

/// `--plan`: what would run, in which order, and what would not.
pub fn plan_page(catalog: &Catalog, plan: &Plan, context: &Context) -> String {
    let v = context.vocabulary;
    let mut out = format!("{}\n", context.first_line());
    let (runs, others): (Vec<_>, Vec<_>) = plan
        .cases
        .iter()
        .enumerate()
        .partition(|(_, p)| p.disposition == Disposition::Run);
    let slots = context.options.slots();
    let limits: f64 = runs
        .iter()
        .filter_map(|(_, p)| p.limit)
        .map(|d| d.as_secs_f64())
        .sum();
    let _ = writeln!(
        out,
        "\n{} would run, {slots} side by side; at the very most {} if every one used its whole time limit\n",
        runs.len(),
        seconds(std::time::Duration::from_secs_f64(limits / slots as f64))
    );
    for (n, (at, planned)) in runs.iter().enumerate() {
        let case = &catalog.cases[planned.case];
        let level = planned.level.map_or("-", |l| v.levels()[l].name.as_str());
        let mut extras = vec![];
        if planned.alone {
            extras.push("alone".to_owned());
        }
        for name in &case.marks.exclusive {
            extras.push(if name.is_empty() {
                "serial".to_owned()
            } else {
                format!("serial {name}")
            });
        }
        for d in &case.marks.devices {
            extras.push(format!(
                "{} x {}",
                d.count,
                match d.models.first() {
                    Some(model) => model,
                    None if d.platform.is_empty() => "GPU",
                    None => &d.platform,
                }
            ));
        }
        let place = plan.resources.as_ref();
        extras.extend(place.and_then(|r| crate::schedule::place(r, *at)));
        let extras = if extras.is_empty() {
            String::new()
        } else {
            format!("  ({})", extras.join(", "))
        };
        let _ = writeln!(
            out,
            "  {:4}  {}  [{level}, {}limit {}]{extras}",
            n + 1,
            case.name,
            planned
                .expected
                .map_or(String::new(), |d| format!("takes {}, ", seconds(d))),
            planned.limit.map_or("none".into(), seconds)
        );
    }
    if let Some(resources) = &plan.resources {
        out.push_str(&crate::schedule::summary(catalog, plan, resources));
    }
    let shared = crate::explain::shared_fixtures(catalog, plan, v);
    if !shared.is_empty() {
        out.push_str("\nshared fixtures, each set up once:\n");
        for (name, users) in shared {
            let _ = writeln!(
                out,
                "  {name}: {users} case{}",
                if users == 1 { "" } else { "s" }
            );
        }
    }
    if !others.is_empty() {
        let _ = writeln!(out, "\n{} would not run:", others.len());
        for (_, planned) in others {
            let why = match &planned.disposition {
                Disposition::Ignored(why) => format!(
                    "ignored{}",
                    if why.is_empty() {
                        String::new()
                    } else {
                        format!(": {why}")
                    }
                ),
                Disposition::Gated(u) => format!("skipped: {}", u.reason),
                Disposition::Refused(u, flag) => format!("fails ({flag}): {}", u.reason),
                Disposition::Run => continue,
            };
            let _ = writeln!(out, "  {}  {why}", catalog.cases[planned.case].name);
        }
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\nnote: {note}");
    }
    if context.filtered_out() > 0 {
        let _ = writeln!(out, "\nfiltered out: {}", context.removed_text());
    }
    out
}
