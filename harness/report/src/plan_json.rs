//! `--plan --format json`: the plan as one document, for programs.
//!
//! Promise: the same plan as the page for people, in full precision: seconds, bytes, and devices by their place in `devices`. Keys are added and
//! never change their meaning within one `schema`. Rejected: a line for each case, as events have them (a plan is one thing, and is read as a whole).

use serde_json::{Value, json};
use tribunal_runner::{Catalog, Disposition, Plan, Resources};

use crate::context::Context;

/// The version of the document.
const SCHEMA: u32 = 1;

/// The document.
pub fn plan_json(catalog: &Catalog, plan: &Plan, context: &Context) -> String {
    let levels = context.vocabulary.levels();
    let (mut jobs, mut others) = (vec![], vec![]);
    for (at, planned) in plan.cases.iter().enumerate() {
        let case = &catalog.cases[planned.case];
        let not_run = |how, reason: &str| json!({"name": case.name, "how": how, "reason": reason});
        match &planned.disposition {
            Disposition::Run => {
                let mut job = json!({
                    "name": case.name,
                    "level": planned.level.map(|l| levels[l].name.as_str()),
                    "limit_s": planned.limit.map(|limit| limit.as_secs_f64()),
                    "alone": planned.alone,
                    "exclusive": case.marks.exclusive,
                });
                if let (Some(job), Value::Object(place)) =
                    (job.as_object_mut(), place(plan.resources.as_ref(), at))
                {
                    job.extend(place);
                }
                jobs.push(job);
            }
            Disposition::Ignored(why) => others.push(not_run("ignored", why)),
            Disposition::Gated(unmet) => others.push(not_run("skipped", &unmet.reason)),
            Disposition::Refused(unmet, _) => others.push(not_run("fails", &unmet.reason)),
        }
    }
    let resources = plan.resources.as_ref();
    let schedule = resources.map(|r| &r.schedule);
    let impossible = schedule.map_or(&[][..], |s| &s.impossible);
    let impossible = impossible.iter().filter_map(|never| {
        let case = plan.cases.get(never.job)?.case;
        Some(json!({"name": catalog.cases[case].name, "reason": never.to_string()}))
    });
    let document = json!({
        "schema": SCHEMA,
        "run_level": context.level.name,
        "side_by_side": context.options.slots(),
        "simulated": resources.is_some_and(|r| r.simulated),
        "devices": resources.map_or(vec![], devices),
        "makespan_s": schedule.map(|s| s.makespan),
        "lower_bound": resources.map(|r| json!({"seconds": r.schedule.bound.seconds, "by": r.bound_by()})),
        "jobs": jobs,
        "impossible": impossible.collect::<Vec<_>>(),
        "not_run": others,
        "filtered_out": context.filtered_out(),
    });
    let pretty = serde_json::to_string_pretty(&document);
    pretty.unwrap_or_else(|_| document.to_string()) + "\n"
}

fn devices(resources: &Resources) -> Vec<Value> {
    let cards = resources.cards.iter().zip(&resources.schedule.peak);
    cards
        .map(|(card, peak)| {
            json!({
                "name": card.shown(), "model": card.model, "key": card.key,
                "total_bytes": card.total, "peak_bytes": peak,
            })
        })
        .collect()
}

/// Where and when a case runs; null where nothing is shared out, so that nobody has planned it.
fn place(resources: Option<&Resources>, planned: usize) -> Value {
    let found = resources.and_then(|r| {
        let start = r.schedule.starts.iter().find(|s| s.job == planned)?;
        Some((r, r.job(planned)?, start))
    });
    let Some((resources, job, start)) = found else {
        return json!({
            "start_s": null, "end_s": null, "devices": [], "memory_bytes": null, "whole": false,
            "server": null, "cpus": 0, "host_memory_bytes": 0,
        });
    };
    let amount = resources.amount(job).filter(|_| !start.cards.is_empty());
    json!({
        "start_s": start.start,
        "end_s": start.end,
        "devices": start.cards,
        "memory_bytes": amount,
        "whole": !start.cards.is_empty() && amount.is_none(),
        "server": job.holding,
        "cpus": job.cpus,
        "host_memory_bytes": job.host_memory,
    })
}
