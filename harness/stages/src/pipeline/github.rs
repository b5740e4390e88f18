//! GitHub's workflows.
//!
//! Promise: one workflow with a job for each step, and for each job the condition that starts its stage; a stage can always be started by hand.
//! Rejected: a matrix (its expressions would make the command another one than the local equivalent).

use std::collections::BTreeSet;

use saphyr::{Mapping, Yaml};
use tribunal_vocabulary::Triggers;

use super::yaml::{boolean, document, heading, map, number, text, texts};
use super::{Job, Plan, PlannedStage};

/// The workflow, as YAML.
///
/// # Errors
/// It cannot be written.
pub fn github(plan: &Plan) -> Result<String, String> {
    let mut jobs = Mapping::new();
    for stage in &plan.stages {
        for job in &stage.jobs {
            jobs.insert(text(job.key.as_str()), one(stage, job));
        }
    }
    let group =
        "tribunal-${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}";
    let workflow = map([
        ("name", text("tribunal")),
        ("on", events(&plan.stages)),
        ("permissions", map([("contents", text("read"))])),
        // A push to a pull request ends the run of the push before; nothing else ends anything.
        (
            "concurrency",
            map([
                ("group", text(group)),
                ("cancel-in-progress", boolean(true)),
            ]),
        ),
        ("jobs", Yaml::Mapping(jobs)),
    ]);
    document(&heading("github", plan), &workflow)
}

fn events(stages: &[PlannedStage]) -> Yaml<'static> {
    let all = || stages.iter().map(|stage| &stage.triggers);
    let mut events = vec![];
    if all().any(|triggers| triggers.pull_request || !triggers.labels.is_empty()) {
        let types = ["opened", "synchronize", "reopened", "labeled"];
        events.push(("pull_request", map([("types", texts(types))])));
    }
    let branches: BTreeSet<&str> = all().flat_map(|t| &t.branches).map(|b| &**b).collect();
    if !branches.is_empty() {
        events.push(("push", map([("branches", texts(branches))])));
    }
    let crons: BTreeSet<&str> = all().flat_map(|t| &t.cron).map(|line| &**line).collect();
    if !crons.is_empty() {
        let lines = crons.into_iter().map(|line| map([("cron", text(line))]));
        events.push(("schedule", Yaml::Sequence(lines.collect())));
    }
    let stage = map([
        ("description", text("the stage to run")),
        ("required", boolean(true)),
        ("type", text("choice")),
        (
            "options",
            texts(stages.iter().map(|stage| stage.name.as_str())),
        ),
    ]);
    events.push((
        "workflow_dispatch",
        map([("inputs", map([("stage", stage)]))]),
    ));
    map(events)
}

fn one(stage: &PlannedStage, job: &Job) -> Yaml<'static> {
    let labels = match job.queue.github.is_empty() {
        true => texts(["self-hosted", &job.queue.name]),
        false => texts(job.queue.github.iter().map(String::as_str)),
    };
    let mut entries = vec![
        ("name", text(job.name.as_str())),
        ("if", text(condition(&stage.name, &stage.triggers))),
        ("runs-on", labels),
    ];
    if let Some(image) = job.image() {
        entries.push(("container", text(image)));
    }
    if let Some(minutes) = job.minutes() {
        entries.push(("timeout-minutes", number(minutes)));
    }
    if let Some((_, Some(version))) = &job.deployment {
        entries.push(("env", map([("DEPLOYMENT_VERSION", text(version.as_str()))])));
    }
    let mut checkout = vec![("uses", text("actions/checkout@v4"))];
    // What changed since a commit cannot be told without that commit.
    if job.command.iter().any(|word| word == "--changed-since") {
        checkout.push(("with", map([("fetch-depth", number(0))])));
    }
    let line = job.line();
    let run = map([("name", text(line.as_str())), ("run", text(line))]);
    entries.push(("steps", Yaml::Sequence(vec![map(checkout), run])));
    map(entries)
}

/// When the jobs of a stage run.
fn condition(stage: &str, triggers: &Triggers) -> String {
    let mut any = vec![];
    if triggers.pull_request {
        any.push("github.event_name == 'pull_request'".to_owned());
    }
    for label in &triggers.labels {
        any.push(format!(
            "contains(github.event.pull_request.labels.*.name, '{label}')"
        ));
    }
    for branch in &triggers.branches {
        let on = match branch.strip_suffix('*') {
            Some(stem) => format!("startsWith(github.ref, 'refs/heads/{stem}')"),
            None => format!("github.ref == 'refs/heads/{branch}'"),
        };
        any.push(format!("(github.event_name == 'push' && {on})"));
    }
    for cron in &triggers.cron {
        any.push(format!("github.event.schedule == '{cron}'"));
    }
    if let Some(variable) = &triggers.variable {
        any.push(format!("vars.{variable} == '1'"));
    }
    any.push(format!(
        "(github.event_name == 'workflow_dispatch' && inputs.stage == '{stage}')"
    ));
    any.join(" || ")
}
