//! Which jobs there are, before any CI system is thought of.
//!
//! Promise: a pure function of vocabulary, catalog and diff; a name that a shell or an expression of a CI system could read as more than a name is
//! refused. Rejected: quoting for each system (three grammars lie inside one another, and each has its own way out).

use std::collections::BTreeMap;
use std::time::Duration;

use tribunal_vocabulary::{Queue, Stage, Triggers, Vocabulary, nearest};

use crate::changes::Narrowing;
use crate::suite::{Suite, in_stage};

/// What a pipeline is asked for.
#[derive(Debug, Default)]
pub struct Ask<'a> {
    /// These stages only; all of them, if empty.
    pub stages: Vec<String>,
    /// The tests; without them no step is known to be empty, and every step stays.
    pub suite: Option<&'a Suite>,
    /// What a diff leaves of the tests, and the reference that it was made with.
    pub narrowing: Option<(&'a Narrowing, &'a str)>,
    /// The pinned version of each deployment that has one.
    pub versions: BTreeMap<String, String>,
    /// Arguments of `cargo test` in front of the `--`.
    pub cargo: Vec<String>,
}

/// A pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The stages that have jobs.
    pub stages: Vec<PlannedStage>,
    /// What was left out.
    pub omitted: Vec<Omitted>,
    /// What everybody should know of it, a sentence each.
    pub notes: Vec<String>,
}

/// A stage with its jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// What starts it.
    pub triggers: Triggers,
    /// Its jobs.
    pub jobs: Vec<Job>,
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// Its key: letters, digits, `_` and `-`.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What it runs, here as anywhere: words without anything that a shell would read.
    pub command: Vec<String>,
    /// Where it runs.
    pub queue: Queue,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// The deployment, and its pinned version.
    pub deployment: Option<(String, Option<String>)>,
    /// How many cases it selects, before it is cut into parts; unknown without a catalog.
    pub cases: Option<usize>,
}

/// What was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// A stage, or a step as `STAGE.STEP`.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Makes the plan.
///
/// # Errors
/// A stage or a queue that is not declared; a name that is more than a name to a shell.
pub fn plan(v: &Vocabulary, ask: &Ask<'_>) -> Result<Plan, String> {
    for name in &ask.stages {
        if !v.stages().iter().any(|stage| stage.name == *name) {
            let names = || v.stages().iter().map(|stage| &*stage.name);
            let near = nearest(name, names())
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let known = names().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "no stage `{name}` is declared (stages: {known}){near}"
            ));
        }
    }
    for word in &ask.cargo {
        plain(word, "an argument of cargo")?;
    }
    let mut out = Plan::default();
    match (ask.suite, ask.narrowing) {
        (None, _) => out.notes.push(
            "the tests were not listed, so no step is known to be empty: every step stays".into(),
        ),
        (Some(_), Some((narrowing, reference))) => {
            plain(reference, "a reference of git")?;
            out.notes.push(format!(
                "changed since {reference}: {}",
                narrowing.summary()
            ));
        }
        (Some(_), None) => {}
    }
    for stage in v.stages() {
        if !ask.stages.is_empty() && !ask.stages.contains(&stage.name) {
            let why = "another stage was asked for".into();
            out.omitted.push(Omitted {
                what: stage.name.clone(),
                why,
            });
            continue;
        }
        let jobs = jobs(v, stage, ask, &mut out.omitted)?;
        if jobs.is_empty() {
            let why = "none of its steps is left".into();
            out.omitted.push(Omitted {
                what: stage.name.clone(),
                why,
            });
            continue;
        }
        check_triggers(stage)?;
        out.stages.push(PlannedStage {
            name: stage.name.clone(),
            doc: stage.doc.clone(),
            triggers: stage.triggers.clone(),
            jobs,
        });
    }
    Ok(out)
}

fn jobs(
    v: &Vocabulary,
    stage: &Stage,
    ask: &Ask<'_>,
    omitted: &mut Vec<Omitted>,
) -> Result<Vec<Job>, String> {
    let selected = ask.suite.map(|suite| (suite, in_stage(suite, v, stage)));
    let budget = stage
        .level
        .as_deref()
        .and_then(|level| v.level(level))
        .and_then(|at| v.levels()[at].budget);
    let mut jobs = vec![];
    for (at, step) in stage.steps.iter().enumerate() {
        let what = format!("{}.{}", stage.name, step.name);
        let mut omit = |why: &str| {
            omitted.push(Omitted {
                what: what.clone(),
                why: why.to_owned(),
            });
        };
        let mut cases = None;
        if let Some((suite, lists)) = &selected {
            let of_step = suite
                .cases
                .iter()
                .zip(&lists[at + 1])
                .filter(|(_, yes)| **yes);
            let all: Vec<_> = of_step.map(|(case, _)| case).collect();
            if all.is_empty() {
                omit("it selects no test");
                continue;
            }
            let left = all.iter().filter(|case| {
                ask.narrowing
                    .is_none_or(|(narrowing, _)| narrowing.keeps(&case.markers).is_some())
            });
            let left = left.count();
            if left == 0 {
                omit(&format!(
                    "nothing that its {} depend{} on changed",
                    crate::show::count(all.len(), "case"),
                    if all.len() == 1 { "s" } else { "" }
                ));
                continue;
            }
            cases = Some(left);
        }
        let queue = queue(v, step.queue.as_deref(), &what)?;
        let deployments: Vec<Option<&str>> = match step.deployments.is_empty() {
            true => vec![None],
            false => step.deployments.iter().map(|name| Some(&**name)).collect(),
        };
        let parts = step.shards.unwrap_or(1);
        for deployment in deployments {
            for part in 1..=parts {
                let mut key = format!("{}-{}", stage.name, step.name);
                let mut name = what.clone();
                let mut command: Vec<String> = ["cargo", "test"].map(str::to_owned).into();
                command.extend(ask.cargo.iter().cloned());
                command.extend(["--", "--stage"].map(str::to_owned));
                command.push(what.clone());
                if let Some(deployment) = deployment {
                    plain(deployment, "a deployment")?;
                    command.extend(["--deploy".to_owned(), deployment.to_owned()]);
                    key = format!("{key}-{}", keyed(deployment));
                    name = format!("{name} on {deployment}");
                }
                if parts > 1 {
                    command.extend(["--shard".to_owned(), format!("{part}/{parts}")]);
                    key = format!("{key}-{part}-of-{parts}");
                    name = format!("{name}, part {part} of {parts}");
                }
                if let Some((_, reference)) = ask.narrowing {
                    command.extend(["--changed-since".to_owned(), reference.to_owned()]);
                }
                jobs.push(Job {
                    key,
                    name,
                    command,
                    queue: queue.clone(),
                    limit: step.limit.or(stage.limit).or(budget),
                    deployment: deployment
                        .map(|name| (name.to_owned(), ask.versions.get(name).cloned())),
                    cases,
                });
            }
        }
    }
    if stage.steps.is_empty() {
        omitted.push(Omitted {
            what: stage.name.clone(),
            why: "it has no steps, so no queue would run it".into(),
        });
    }
    Ok(jobs)
}

fn queue(v: &Vocabulary, name: Option<&str>, step: &str) -> Result<Queue, String> {
    let declared = || v.queues().iter().map(|queue| &*queue.name);
    let known = declared().collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        return Err(format!(
            "step `{step}` names no queue\nhelp: give it `queue = \"…\"` (queues: {known})"
        ));
    };
    let found = v.queues().iter().find(|queue| queue.name == name);
    found.cloned().ok_or_else(|| {
        let near = nearest(name, declared()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        format!("step `{step}` names the queue `{name}`, which is not declared (queues: {known}){near}\nhelp: declare it as [queues.{name}]")
    })
}

/// A word that means itself to shells and to CI systems.
fn plain(word: &str, what: &str) -> Result<(), String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._/:=,+@^~-".contains(c);
    match !word.is_empty() && word.chars().all(fine) {
        true => Ok(()),
        false => Err(format!(
            "`{}` cannot stand in a pipeline as {what}\nhelp: letters, digits and . _ / : = , + @ ^ ~ - can",
            word.escape_debug()
        )),
    }
}

/// What can be part of a key.
fn keyed(word: &str) -> String {
    word.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect()
}

/// Triggers are written into expressions of CI systems.
fn check_triggers(stage: &Stage) -> Result<(), String> {
    let wrong = |what: &str, word: &str, help: &str| {
        Err(format!(
            "stage `{}` is triggered by the {what} `{}`\nhelp: {help}",
            stage.name,
            word.escape_debug()
        ))
    };
    for branch in &stage.triggers.branches {
        let stem = branch.strip_suffix('*').unwrap_or(branch);
        if stem.is_empty() || plain(stem, "a branch").is_err() {
            return wrong(
                "branch",
                branch,
                "a branch is a name, or the beginning of names with one `*` behind it",
            );
        }
    }
    for label in &stage.triggers.labels {
        if label
            .chars()
            .any(|c| c.is_control() || "'\"\\$".contains(c))
        {
            return wrong(
                "label",
                label,
                "a label in a pipeline has no quotes, backslashes or `$`",
            );
        }
    }
    for cron in &stage.triggers.cron {
        let fine = |c: char| c.is_ascii_alphanumeric() || " */,-".contains(c);
        if !cron.chars().all(fine) {
            return wrong(
                "line of cron",
                cron,
                "five fields of digits, names, `*`, `/`, `,` and `-`",
            );
        }
    }
    Ok(())
}

impl Job {
    /// The command as it is typed.
    pub fn line(&self) -> String {
        self.command.join(" ")
    }

    /// The limit in whole minutes, rounded up.
    pub(crate) fn minutes(&self) -> Option<i64> {
        let seconds = self.limit?.as_secs_f64();
        Some((seconds / 60.0).ceil().clamp(1.0, 100_000.0) as i64)
    }

    /// The image of its queue, with deployment and version filled in; `None` where the queue has none, or needs what the job has not.
    pub(crate) fn image(&self) -> Option<String> {
        let mut image = self.queue.image.clone()?;
        let deployment = self.deployment.as_ref();
        let values = [
            ("{deployment}", deployment.map(|(name, _)| name.as_str())),
            (
                "{version}",
                deployment.and_then(|(_, version)| version.as_deref()),
            ),
        ];
        for (hole, value) in values {
            if image.contains(hole) {
                image = image.replace(hole, value?);
            }
        }
        Some(image)
    }
}
