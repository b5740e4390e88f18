//! `--list`: what would run.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tribunal_runner::{Catalog, Disposition, Format, Options, Plan};
use tribunal_vocabulary::{MarkerSet, Value as Said, Vocabulary};

fn reason(d: &Disposition) -> Option<&str> {
    match d {
        Disposition::Run => None,
        Disposition::Ignored(why) => Some(why),
        Disposition::Gated(u) | Disposition::Refused(u, _) => Some(&u.reason),
    }
}

/// Pretty or terse: `name: test` lines, as libtest and nextest know them; pretty adds the number of tests, `-v` adds markers and reasons.
pub fn list_text(catalog: &Catalog, plan: &Plan, o: &Options, v: &Vocabulary) -> String {
    let mut out = String::with_capacity(plan.cases.len() * 48);
    let mut count = 0;
    for planned in plan.cases.iter() {
        let case = &catalog.cases[planned.case];
        out.push_str(&case.name);
        out.push_str(": test\n");
        count += 1;
        if o.verbose && o.format == Format::Pretty {
            let markers: Vec<&str> = case.marks.set.iter().map(|id| v.name(id)).collect();
            let _ = writeln!(out, "    markers: {}", markers.join(", "));
            let doc = catalog.tests[case.test]
                .entry
                .doc
                .lines()
                .next()
                .unwrap_or("");
            if !doc.is_empty() {
                let _ = writeln!(out, "    {doc}");
            }
            if let Some(reason) = reason(&planned.disposition) {
                let _ = writeln!(
                    out,
                    "    would not run: {}",
                    if reason.is_empty() { "ignored" } else { reason }
                );
            }
        }
    }
    if o.format == Format::Pretty {
        // As libtest: no empty line above where there is nothing above it.
        let gap = if count > 0 { "\n" } else { "" };
        let _ = writeln!(
            out,
            "{gap}{count} test{}, 0 benchmarks",
            if count == 1 { "" } else { "s" }
        );
    }
    out
}

/// What markers are given, by marker: a list, since one may stand there several times.
fn arguments(set: &MarkerSet, v: &Vocabulary) -> Value {
    let all = set.iter().filter_map(|id| {
        let each: Vec<Value> = set.args(id).map(map).collect();
        (!each.is_empty()).then(|| (v.name(id).to_owned(), Value::Array(each)))
    });
    Value::Object(all.collect())
}

fn map(args: &[(String, Said)]) -> Value {
    let all = args
        .iter()
        .map(|(key, value)| (key.clone(), argument(value)));
    Value::Object(all.collect())
}

fn argument(said: &Said) -> Value {
    match said {
        Said::Int(n) => json!(n),
        Said::Float(n) => json!(n),
        Said::Str(text) => json!(text),
        Said::Bool(b) => json!(b),
        Said::None => Value::Null,
        Said::List(list) => list.iter().map(argument).collect(),
        Said::Map(args) => map(args),
    }
}

/// libtest's discovery events, with markers and their arguments, level, needs and the reason for not running in `"harness"`.
pub fn list_json(catalog: &Catalog, plan: &Plan, v: &Vocabulary) -> String {
    let mut out = String::from("{\"type\":\"suite\",\"event\":\"discovery\"}\n");
    let mut ignored = 0;
    for planned in &plan.cases {
        let case = &catalog.cases[planned.case];
        let place = case.place(catalog);
        let ignore = planned.disposition != Disposition::Run;
        ignored += usize::from(ignore);
        let devices: Vec<Value> = case
            .marks
            .devices
            .iter()
            .map(|d| json!({"platform": d.platform, "models": d.models, "count": d.count}))
            .collect();
        let params: serde_json::Map<String, Value> = case
            .params(catalog)
            .into_iter()
            .map(|(k, v)| (k, json!(v)))
            .collect();
        let doc = catalog.tests[case.test].entry.doc;
        let event = json!({
            "type": "test", "event": "discovered", "name": case.name, "ignore": ignore, "ignore_message": reason(&planned.disposition).unwrap_or(""),
            "source_path": place.file, "start_line": place.line, "start_col": place.column, "end_line": place.line, "end_col": place.column,
            "harness": {
                "test": catalog.tests[case.test].name,
                "markers": case.marks.set.iter().map(|id| v.name(id)).collect::<Vec<_>>(),
                "arguments": arguments(&case.marks.set, v),
                "levels": case.marks.levels.iter().map(|l| v.levels()[*l].name.as_str()).collect::<Vec<_>>(),
                "level": planned.level.map(|l| v.levels()[l].name.as_str()),
                "timeout": planned.limit.map(|d| d.as_secs_f64()),
                "needs": {"devices": devices, "max_vram_gib": case.marks.max_vram_gib},
                "params": params,
                "skip": match &planned.disposition { Disposition::Gated(u) | Disposition::Refused(u, _) => json!(u.reason), _ => Value::Null },
                "doc": doc,
            },
        });
        out.push_str(&event.to_string());
        out.push('\n');
    }
    let tests = plan.cases.len();
    out.push_str(&json!({"type": "suite", "event": "completed", "tests": tests, "benchmarks": 0, "total": tests, "ignored": ignored}).to_string());
    out.push('\n');
    out
}
