//! Buildkite's pipelines.
//!
//! Promise: a group for each stage with the condition that starts it; a lost agent is tried once more, a failed test never. Rejected: dynamic
//! `parallelism` (its variables would make the command another one than the local equivalent).

use saphyr::{Mapping, Yaml};
use tribunal_vocabulary::Triggers;

use super::yaml::{document, heading, map, number, text};
use super::{Job, Plan, STAGE_VARIABLE};

/// Exit statuses of an agent that was lost.
const LOST: [i64; 1] = [-1];

/// The pipeline, as YAML.
///
/// # Errors
/// It cannot be written.
pub fn buildkite(plan: &Plan) -> Result<String, String> {
    let mut comments = heading("buildkite", plan);
    for stage in &plan.stages {
        for cron in &stage.triggers.cron {
            comments.push(format!(
                "schedule: `{cron}` with {STAGE_VARIABLE}={}",
                stage.name
            ));
        }
    }
    let groups = plan.stages.iter().map(|stage| {
        map([
            ("group", text(format!("{}: {}", stage.name, stage.doc))),
            ("key", text(stage.name.as_str())),
            ("if", text(condition(&stage.name, &stage.triggers))),
            (
                "steps",
                Yaml::Sequence(stage.jobs.iter().map(step).collect()),
            ),
        ])
    });
    let pipeline = map([("steps", Yaml::Sequence(groups.collect()))]);
    document(&comments, &pipeline)
}

fn step(job: &Job) -> Yaml<'static> {
    let mut agents = Mapping::new();
    if job.queue.buildkite.is_empty() {
        agents.insert(text("queue"), text(job.queue.name.as_str()));
    }
    for (tag, value) in &job.queue.buildkite {
        agents.insert(text(tag.as_str()), text(value.as_str()));
    }
    let mut entries = vec![
        ("label", text(job.name.as_str())),
        ("key", text(job.key.as_str())),
        ("command", text(job.line())),
        ("agents", Yaml::Mapping(agents)),
    ];
    if let Some(image) = job.image() {
        entries.push(("image", text(image)));
    }
    if let Some(minutes) = job.minutes() {
        entries.push(("timeout_in_minutes", number(minutes)));
    }
    if let Some(at_once) = job.queue.concurrency {
        entries.push(("concurrency", number(at_once.into())));
        entries.push((
            "concurrency_group",
            text(format!("tribunal/{}", job.queue.name)),
        ));
    }
    if let Some((_, Some(version))) = &job.deployment {
        entries.push(("env", map([("DEPLOYMENT_VERSION", text(version.as_str()))])));
    }
    let again = LOST.map(|status| map([("exit_status", number(status)), ("limit", number(1))]));
    let again = map([("automatic", Yaml::Sequence(again.into()))]);
    entries.push(("retry", again));
    map(entries)
}

/// When a stage starts.
fn condition(stage: &str, triggers: &Triggers) -> String {
    let mut any = vec![];
    if triggers.pull_request {
        any.push("build.pull_request.id != null".to_owned());
    }
    for label in &triggers.labels {
        any.push(format!("build.pull_request.labels includes \"{label}\""));
    }
    for branch in &triggers.branches {
        // A schedule builds a branch as well, and asks for a stage of its own.
        let on = match branch.strip_suffix('*') {
            Some(stem) => format!(
                "build.branch =~ /^{}/",
                stem.replace('/', "\\/")
                    .replace('.', "\\.")
                    .replace('+', "\\+")
                    .replace('^', "\\^")
            ),
            None => format!("build.branch == \"{branch}\""),
        };
        any.push(format!(
            "({on} && build.pull_request.id == null && build.source != \"schedule\")"
        ));
    }
    if let Some(variable) = &triggers.variable {
        any.push(format!("build.env(\"{variable}\") == \"1\""));
    }
    any.push(format!("build.env(\"{STAGE_VARIABLE}\") == \"{stage}\""));
    any.join(" || ")
}
