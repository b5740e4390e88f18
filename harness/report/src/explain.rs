//! `--explain NAME`: a test's markers and where each came from, its level, its gates, and why it would run here or not.

use std::fmt::Write as _;
use std::time::Duration;

use tribunal_runner::{
    Catalog, Disposition, Facts, Judged, Origin, Plan, Planned, Resources, Selected, Selection,
    Selector, seconds,
};
use tribunal_stages::Kept;
use tribunal_vocabulary::Vocabulary;

use crate::context::Context;

/// The page for a test or a case; an error names the nearest.
pub fn explain(
    catalog: &Catalog,
    name: &str,
    context: &Context,
    facts: &mut dyn Facts,
) -> Result<String, String> {
    let v = context.vocabulary;
    let cases: Vec<usize> = catalog
        .cases
        .iter()
        .enumerate()
        .filter(|(_, c)| c.name == name || catalog.tests[c.test].name == name)
        .map(|(i, _)| i)
        .collect();
    let cases = if cases.is_empty() {
        // A part of one test's name is enough.
        let tests: Vec<usize> = (0..catalog.tests.len())
            .filter(|t| catalog.tests[*t].name.contains(name))
            .collect();
        match tests.as_slice() {
            [one] => (0..catalog.cases.len())
                .filter(|c| catalog.cases[*c].test == *one)
                .collect(),
            [] => {
                let near = catalog
                    .nearest(name)
                    .map_or(String::new(), |n| format!("\nhelp: did you mean `{n}`?"));
                return Err(format!("no test or case is named `{name}`{near}"));
            }
            many => {
                let shown: Vec<&str> = many
                    .iter()
                    .take(8)
                    .map(|t| catalog.tests[*t].name.as_str())
                    .collect();
                return Err(format!(
                    "`{name}` is part of {} names: {}{}",
                    many.len(),
                    shown.join(", "),
                    if many.len() > 8 { " …" } else { "" }
                ));
            }
        }
    } else {
        cases
    };
    let Some(first) = cases.first() else {
        return Err(format!("`{name}` has no cases"));
    };
    let test = &catalog.tests[catalog.cases[*first].test];
    let mut out = String::new();
    let _ = writeln!(out, "{}\n  {}", test.name, test.entry.place);
    if !test.entry.doc.is_empty() {
        for line in test.entry.doc.lines() {
            let _ = writeln!(out, "  | {}", line.trim());
        }
    }
    if !test.entry.fixtures.is_empty() {
        let names: Vec<&str> = test.entry.fixtures.iter().map(|f| f.name).collect();
        let _ = writeln!(out, "\nfixtures: {}", names.join(", "));
    }
    let all_same = cases.iter().all(|c| {
        catalog.cases[*c]
            .marks
            .set
            .iter()
            .eq(catalog.cases[*first].marks.set.iter())
    });
    for &index in &cases {
        let case = &catalog.cases[index];
        if cases.len() > 1 || case.name != test.name {
            let params: Vec<String> = case
                .params(catalog)
                .into_iter()
                .map(|(k, v)| format!("{k} = {v}"))
                .collect();
            let _ = writeln!(
                out,
                "\ncase {}{}",
                case.short_name(catalog),
                if params.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", params.join(", "))
                }
            );
        }
        if let Some(row) = case.row.as_deref() {
            let _ = writeln!(out, "\ndrawn: {}", row.deployment);
            if !row.why.is_empty() {
                let _ = writeln!(out, "  it alone covers {}", row.why);
            }
        }
        if !all_same || index == *first {
            markers(&mut out, catalog, index, v);
        }
        verdict(&mut out, catalog, index, context, facts);
    }
    drawings(&mut out, catalog, &cases);
    Ok(out)
}

/// What the matrix of each deployment left out or replaced, and why it has so many cases.
fn drawings(out: &mut String, catalog: &Catalog, cases: &[usize]) {
    let mut told: Vec<&[String]> = vec![];
    for row in cases
        .iter()
        .filter_map(|c| catalog.cases[*c].row.as_deref())
    {
        if told.contains(&&*row.notes) {
            continue;
        }
        told.push(&row.notes);
        let name = row.deployment.rsplit_once('[').map_or("", |(name, _)| name);
        let _ = writeln!(out, "\nfeature matrix of {name}:");
        for note in row.notes.iter() {
            let _ = writeln!(out, "  {note}");
        }
    }
}

fn markers(out: &mut String, catalog: &Catalog, index: usize, v: &Vocabulary) {
    out.push_str("\nmarkers:\n");
    for (id, origin) in catalog.origins(index, v) {
        let from = match origin {
            Origin::Module(module, file, line) => format!("module {module}, {file}:{line}"),
            Origin::Test(file, line) => format!("{file}:{line}"),
            Origin::Case(case, file, line) => format!("case {case}, {file}:{line}"),
            Origin::Fixture(name) => format!("fixture `{name}`"),
            Origin::Implied(by) => format!("implied by `{by}`"),
            Origin::Default(category) => format!("default of the category `{category}`"),
        };
        let _ = writeln!(out, "  {:20} {from}", v.name(id));
    }
}

fn verdict(
    out: &mut String,
    catalog: &Catalog,
    index: usize,
    context: &Context,
    facts: &mut dyn Facts,
) {
    let (case, v, o) = (&catalog.cases[index], context.vocabulary, &context.options);
    let levels: Vec<&str> = case
        .marks
        .levels
        .iter()
        .map(|l| v.levels()[*l].name.as_str())
        .collect();
    let _ = writeln!(
        out,
        "\nlevels: {}",
        if levels.is_empty() {
            "none: it runs at every level and is judged at the lowest".to_owned()
        } else {
            levels.join(", ")
        }
    );
    let limit = case
        .marks
        .timeout
        .or(case.marks.kind_limit)
        .unwrap_or(tribunal_runner::DEFAULT_LIMIT);
    let _ = writeln!(
        out,
        "time limit: {}{}",
        seconds(limit),
        if case.marks.timeout.is_some() {
            ""
        } else {
            " (the default of its kind)"
        }
    );
    let phase = |own: Option<Duration>, option: Option<Duration>, default| {
        seconds(own.or(option).unwrap_or(default))
    };
    let _ = writeln!(
        out,
        "limits of set-up and teardown: {}, {}",
        phase(
            case.marks.setup_timeout,
            o.setup_timeout,
            tribunal_runner::DEFAULT_SETUP_LIMIT
        ),
        phase(
            case.marks.teardown_timeout,
            o.teardown_timeout,
            tribunal_runner::DEFAULT_TEARDOWN_LIMIT
        )
    );
    if case.marks.isolated {
        out.push_str("isolated: runs in a process of its own\n");
    }
    for d in &case.marks.devices {
        let models = if d.models.is_empty() {
            "device".to_owned()
        } else {
            d.models.join(" or ")
        };
        let _ = writeln!(
            out,
            "needs: {} x {models}{}",
            d.count,
            if d.platform.is_empty() {
                String::new()
            } else {
                format!(" ({})", d.platform)
            }
        );
    }
    if let Some(gib) = case.marks.max_vram_gib {
        let _ = writeln!(out, "needs: {gib} GiB on each device");
    }
    let plan = alone(catalog, index, context, facts);
    let Some(planned) = plan.cases.first() else {
        return;
    };
    for line in devices(&plan, planned) {
        let _ = writeln!(out, "{line}");
    }
    let gate = match planned.disposition.clone() {
        Disposition::Run => None,
        Disposition::Ignored(why) => Some(format!(
            "ignored{}: --include-ignored runs it",
            if why.is_empty() {
                String::new()
            } else {
                format!(" ({why})")
            }
        )),
        Disposition::Gated(u) => Some(format!("skipped: {}", u.reason)),
        Disposition::Refused(u, flag) => Some(format!("fails ({flag}): {}", u.reason)),
    };
    // A selector that is compiled already cannot be wrong.
    let Ok(selector) = Selector::new(v, o) else {
        return;
    };
    let selector = selector.narrowed(context.narrowing.as_ref());
    let ignored = gate.is_some();
    let removed = match selector.judge(catalog, index, ignored) {
        Judged::Selected(_) => None,
        Judged::Removed(filter) => Some(filter),
    };
    let line = match (removed, gate) {
        (Some(tribunal_runner::Filter::Level), gate) => {
            let lowest = levels.first().copied().unwrap_or("");
            let by = format!(
                "no: its lowest level, {lowest}, is above the run's ({}, {}); --run-level {lowest} takes it, and so does its name",
                context.level.name, context.level.because
            );
            gate.map_or(by.clone(), |g| format!("{by}; then: {g}"))
        }
        (Some(filter), _) => format!("no: removed by {}", filter.name()),
        (None, Some(gate)) => format!("no: {gate}"),
        (None, None) => "yes".to_owned(),
    };
    let _ = writeln!(out, "would run here: {line}");
    if let Some(narrowing) = &context.narrowing {
        let kept = match narrowing.keeps(&catalog.cases[index].marks.set) {
            None => "nothing that it depends on changed".to_owned(),
            Some(Kept::Everything) => narrowing.summary(),
            Some(Kept::Always) => "it always stays".to_owned(),
            Some(Kept::NoPaths) => "it declares no paths, so it stays".to_owned(),
            Some(Kept::Changed(path, file)) => {
                format!("`{file}` changed, and it depends on `{path}`")
            }
        };
        let _ = writeln!(out, "changes:        {kept}");
    }
}

/// The plan of a run of this case alone.
fn alone(catalog: &Catalog, index: usize, context: &Context, facts: &mut dyn Facts) -> Plan {
    let selection = Selection {
        level: context.level.clone(),
        selected: vec![Selected {
            case: index,
            level: catalog.cases[index].marks.levels.first().copied(),
            last: false,
        }],
        removed: vec![],
    };
    let (v, o) = (context.vocabulary, &context.options);
    Plan::new(catalog, &selection, o, None, v, facts)
}

/// What the case, or the server that it shares, takes of devices, and which of them suit it.
fn devices(plan: &Plan, planned: &Planned) -> Vec<String> {
    let Some((resources, job)) = plan.resources.as_ref().and_then(|r| Some((r, r.job(0)?))) else {
        return vec![];
    };
    let mut out = vec![];
    if job.gang > 0 {
        let whose = match job.holding {
            Some(_) => "its server takes, for all who share it,",
            None => "takes",
        };
        let amount = match resources.amount(job) {
            Some(bytes) => format!("{} of each of", crate::schedule::gib(bytes)),
            None => "the whole of".to_owned(),
        };
        let (n, s) = (job.gang, if job.gang == 1 { "" } else { "s" });
        out.push(format!("devices: {whose} {amount} {n} device{s}"));
        out.push(format!(
            "devices that suit: {}",
            suitable(resources, job.suits.as_deref())
        ));
    }
    if job.cpus > 0 {
        out.push(format!("takes {} processors", job.cpus));
    }
    if job.host_memory > 0 {
        let amount = crate::schedule::gib(job.host_memory);
        out.push(format!("takes {amount} of the memory of the host"));
    }
    let start = resources.schedule.starts.iter().find(|s| s.job == 0);
    match start {
        Some(start) if !start.cards.is_empty() => {
            let cards = start.cards.iter().filter_map(|c| resources.cards.get(*c));
            let cards: Vec<String> = cards.map(|card| card.shown()).collect();
            out.push(format!("alone it would run on {}", cards.join(" and ")));
        }
        Some(_) => {}
        None => {
            if let Disposition::Gated(unmet) | Disposition::Refused(unmet, _) = &planned.disposition
            {
                out.push(format!("fits nowhere here: {}", unmet.reason));
            }
        }
    }
    out
}

/// `cuda 0 (simulated L4, 24 GiB)`, each.
fn suitable(resources: &Resources, suits: Option<&[usize]>) -> String {
    let cards = resources.cards.iter().enumerate();
    let cards = cards.filter(|(at, _)| suits.is_none_or(|suits| suits.contains(at)));
    let shown: Vec<String> = cards
        .map(|(_, card)| {
            let total = card
                .total
                .map_or("unmeasured".to_owned(), crate::schedule::gib);
            format!("{} ({}, {total})", card.shown(), card.model)
        })
        .collect();
    match shown.as_slice() {
        [] => "none of this host".to_owned(),
        shown if shown.len() > 8 => {
            format!("{} and {} more", shown[..8].join(", "), shown.len() - 8)
        }
        shown => shown.join(", "),
    }
}

/// For `--plan`: what fixtures the planned cases share.
pub(crate) fn shared_fixtures(
    catalog: &Catalog,
    plan: &Plan,
    v: &Vocabulary,
) -> Vec<(String, usize)> {
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for planned in plan
        .cases
        .iter()
        .filter(|p| p.disposition == Disposition::Run)
    {
        for name in catalog.shared_fixtures(planned, v) {
            *counts.entry(name).or_insert(0) += 1;
        }
    }
    counts.into_iter().collect()
}
