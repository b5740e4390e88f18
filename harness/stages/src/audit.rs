//! Whether the stages run every test, and run it once.
//!
//! Promise: every finding names the tests; what nobody recorded is said to be unknown and is not counted as zero. Rejected: a proof over the
//! expressions (two of them may overlap in theory and in no test; and a test that falls through is what matters).

use std::time::Duration;

use tribunal_vocabulary::{Queue, Step, Vocabulary, nearest};

use crate::show::length;
use crate::suite::{Case, Suite, in_stage};

/// What recorded runs say of the time that cases take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Due {
    /// The sum of what was recorded.
    pub recorded: Duration,
    /// How many cases were recorded.
    pub known: usize,
    /// How many were not.
    pub unknown: usize,
}

impl Due {
    fn of<'a>(
        cases: impl IntoIterator<Item = &'a Case>,
        expected: &dyn Fn(&str) -> Option<Duration>,
    ) -> Due {
        let mut due = Due::default();
        for case in cases {
            match expected(&case.name) {
                Some(time) => {
                    due.recorded = due.recorded.saturating_add(time);
                    due.known += 1;
                }
                None => due.unknown += 1,
            }
        }
        due
    }
}

/// What the audit found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {
    /// Every stage.
    pub stages: Vec<StageAudit>,
    /// Cases in no stage that do not say that they never run in CI.
    pub nowhere: Vec<String>,
    /// How many cases say that they never run in CI.
    pub local: usize,
    /// Each level: its name, how many cases have it as their lowest, what they take, and the budget.
    pub levels: Vec<(String, usize, Due, Option<Duration>)>,
    /// Cases by the markers of the category `kind`, in the order of the file; a case with several counts for each.
    pub pyramid: Vec<(String, usize)>,
    /// All cases.
    pub cases: usize,
}

/// What the audit found of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageAudit {
    /// Its name.
    pub name: String,
    /// How many cases it selects.
    pub cases: usize,
    /// What they take.
    pub due: Due,
    /// Its steps.
    pub steps: Vec<StepAudit>,
    /// Cases of the stage that none of its steps selects.
    pub none: Vec<String>,
    /// Cases that several steps select, with those.
    pub several: Vec<(String, Vec<String>)>,
}

/// What the audit found of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepAudit {
    /// Its name.
    pub name: String,
    /// The queue that it names.
    pub queue: Option<String>,
    /// How many cases it selects.
    pub cases: usize,
    /// What they take.
    pub due: Due,
    /// What it may take.
    pub limit: Option<Duration>,
    /// What does not fit: a queue that is not declared, tests that its machines cannot run, a limit that recorded times exceed.
    pub misfits: Vec<String>,
}

/// Audits the stages. `expected` is what recorded runs say of a case.
pub fn audit(suite: &Suite, v: &Vocabulary, expected: &dyn Fn(&str) -> Option<Duration>) -> Audit {
    let cases = &suite.cases;
    let mut somewhere = vec![false; cases.len()];
    let mut audit = Audit {
        cases: cases.len(),
        ..Audit::default()
    };
    for stage in v.stages() {
        let lists = in_stage(suite, v, stage);
        let (of_stage, of_steps) = (&lists[0], &lists[1..]);
        let mut found = StageAudit {
            name: stage.name.clone(),
            cases: of_stage.iter().filter(|yes| **yes).count(),
            due: Due::of(pick(cases, of_stage), expected),
            ..StageAudit::default()
        };
        for (at, case) in cases.iter().enumerate().filter(|(at, _)| of_stage[*at]) {
            somewhere[at] = true;
            // A stage without steps is run whole.
            if stage.steps.is_empty() {
                continue;
            }
            let steps = stage.steps.iter().zip(of_steps);
            let names: Vec<String> = steps
                .filter(|(_, selected)| selected[at])
                .map(|(step, _)| step.name.clone())
                .collect();
            match names.len() {
                0 => found.none.push(case.name.clone()),
                1 => {}
                _ => found.several.push((case.name.clone(), names)),
            }
        }
        for (step, selected) in stage.steps.iter().zip(of_steps) {
            let due = Due::of(pick(cases, selected), expected);
            let limit = step.limit.or(stage.limit);
            let mut misfits = queue_misfits(v, step, pick(cases, selected));
            let parts = step.shards.unwrap_or(1);
            if let Some(limit) = limit
                && due.recorded > limit.saturating_mul(parts)
            {
                misfits.push(format!(
                    "its tests took {} one after the other, and it may take {}{}",
                    length(due.recorded),
                    length(limit),
                    match parts {
                        1 => String::new(),
                        n => format!(" in each of {n} parts"),
                    }
                ));
            }
            found.steps.push(StepAudit {
                name: step.name.clone(),
                queue: step.queue.clone(),
                cases: selected.iter().filter(|yes| **yes).count(),
                due,
                limit,
                misfits,
            });
        }
        audit.stages.push(found);
    }
    let waived: Vec<_> = v
        .categories()
        .iter()
        .filter(|category| category.ordered)
        .flat_map(|category| category.waived_by.iter().copied())
        .collect();
    for (case, somewhere) in cases.iter().zip(somewhere) {
        let local = waived.iter().any(|id| case.markers.contains(*id));
        match (somewhere, local) {
            (true, _) => {}
            (false, true) => audit.local += 1,
            (false, false) => audit.nowhere.push(case.name.clone()),
        }
    }
    for (index, level) in v.levels().iter().enumerate() {
        let of_level: Vec<&Case> = cases
            .iter()
            .filter(|case| case.levels.first().copied().unwrap_or(0) == index)
            .collect();
        let due = Due::of(of_level.iter().copied(), expected);
        audit
            .levels
            .push((level.name.clone(), of_level.len(), due, level.budget));
    }
    if let Some(kind) = v.categories().iter().find(|one| one.name == "kind") {
        audit.pyramid = kind
            .members
            .iter()
            .map(|id| {
                let count = cases.iter().filter(|case| case.markers.contains(*id));
                (v.name(*id).to_owned(), count.count())
            })
            .collect();
    }
    audit
}

fn pick<'a>(cases: &'a [Case], selected: &'a [bool]) -> impl Iterator<Item = &'a Case> {
    cases
        .iter()
        .zip(selected)
        .filter(|(_, yes)| **yes)
        .map(|(case, _)| case)
}

/// What of a step does not fit its queue.
fn queue_misfits<'a>(
    v: &Vocabulary,
    step: &Step,
    cases: impl Iterator<Item = &'a Case>,
) -> Vec<String> {
    let Some(name) = &step.queue else {
        return vec![];
    };
    let Some(queue) = v.queues().iter().find(|queue| queue.name == *name) else {
        let names = v.queues().iter().map(|queue| &*queue.name);
        let near = nearest(name, names);
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return vec![format!(
            "no queue `{name}` is declared under [queues]{near}"
        )];
    };
    cases
        .filter_map(|case| {
            let lacking = lacks(v, queue, case)?;
            Some(format!(
                "`{}` {lacking}, and queue `{name}` has not",
                case.name
            ))
        })
        .collect()
}

/// What a case needs and the machines of a queue do not have, as far as the queue says what they have.
fn lacks(v: &Vocabulary, queue: &Queue, case: &Case) -> Option<String> {
    let canonical = |name: &str| v.device(name).map(|(_, device)| device.name.clone());
    let has = queue.device.as_deref().and_then(canonical);
    let fits = |need: &crate::suite::Device| {
        let enough = queue
            .count
            .is_none_or(|count| u64::from(count) >= need.count);
        let models = need.models.iter().map(|model| canonical(model));
        let model = has.is_none() || need.models.is_empty() || models.into_iter().any(|m| m == has);
        enough && model
    };
    if !case.devices.is_empty() && !case.devices.iter().any(fits) {
        let needs = case.devices.iter().map(|need| {
            let models = match need.models.is_empty() {
                true => need.platform.clone(),
                false => need.models.join(" or "),
            };
            format!("{} × {models}", need.count)
        });
        return Some(format!("needs {}", needs.collect::<Vec<_>>().join(", or ")));
    }
    let sold = queue.device.as_deref().and_then(|name| v.device(name));
    match (case.max_vram_gib, sold) {
        (Some(gib), Some((_, device))) if gib > device.vram_gib => {
            Some(format!("needs {gib} GiB on each device"))
        }
        _ => None,
    }
}

impl Audit {
    /// Whether every test is in some stage, once in each, and fits where it runs.
    pub fn clean(&self) -> bool {
        self.nowhere.is_empty()
            && self.stages.iter().all(|stage| {
                stage.none.is_empty()
                    && stage.several.is_empty()
                    && stage.steps.iter().all(|step| step.misfits.is_empty())
            })
    }
}
