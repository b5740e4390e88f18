//! A layout, asked from its first phase to its last comparison.

use std::collections::BTreeMap;

use tribunal_nodes::Phase;
use tribunal_runner::{Error, TestResult};

use super::benchmark;
use super::compare;
use super::list::{Done, End, Ruling, end};
use super::phases;
use super::provide::FromNodes;
use super::result::{Check, Results, Task};
use crate::performance::Bench;

/// What is known so far.
struct SoFar<'a> {
    from: &'a FromNodes,
    hardware: String,
    rehearsed: bool,
    tasks: Vec<Task>,
    checks: Vec<Check>,
    done: Vec<Done>,
}

impl FromNodes {
    /// Does everything that the layout asks, and ends the test with one list of what failed.
    pub async fn run(&self, bench: &Bench) -> TestResult {
        let layout = &*self.layout;
        let rehearsed = crate::asked::rehearsed();
        let mut so_far = SoFar {
            from: self,
            hardware: hardware(bench, rehearsed),
            rehearsed,
            tasks: vec![],
            checks: vec![],
            done: vec![],
        };
        let phases = layout.content.as_ref().map_or(&[][..], |c| &c.phases);
        for phase in phases.iter().filter(|p| **p != Phase::BenchmarkComparisons) {
            if let Some(content) = &layout.content {
                let ruling = phases::run(*phase, layout, content, bench, rehearsed).await;
                so_far.check(phase.name().to_owned(), ruling)?;
            }
        }
        let mut figures = BTreeMap::new();
        if let Some(case) = layout.workload.clone().map(std::sync::Arc::new) {
            for step in &case.steps {
                let measured = benchmark::run(&self.file, &case, step, bench, rehearsed).await;
                if let Some(metrics) = measured.metrics {
                    figures.insert(measured.task.key.clone(), metrics);
                }
                so_far.task(measured.task, step.line)?;
            }
            // Of several nodes there are no phases, and comparisons are asked for by being there.
            let wanted = layout.content.is_none() || phases.contains(&Phase::BenchmarkComparisons);
            for comparison in case.comparisons.iter().filter(|_| wanted) {
                let ruling = match rehearsed {
                    true => Ruling::Rehearsed,
                    false => compare::ruling(comparison, &figures),
                };
                so_far.check(compare::name(comparison), ruling)?;
            }
        }
        so_far.conclude()
    }

    /// What it is called in messages.
    fn title(&self) -> String {
        format!("{} ({})", self.layout.test_name, self.file.display())
    }
}

impl SoFar<'_> {
    fn check(&mut self, name: String, ruling: Ruling) -> Result<(), Error> {
        tell(&name, &ruling);
        self.done.push(Done {
            what: name.clone(),
            ruling: ruling.clone(),
        });
        self.checks.push(Check { name, ruling });
        self.write(false).map(drop)
    }

    fn task(&mut self, task: Task, line: usize) -> Result<(), Error> {
        let what = format!("{} (line {line})", task.key);
        tell(&what, &task.ruling);
        // That requests failed is said once.
        let same = task.ours.verdict == "failed" && matches!(task.ruling, Ruling::Failed(_));
        if !task.ours.verdict.is_empty() && !same {
            let reasons = task.ours.reasons.join("; ");
            let beside = match reasons.is_empty() {
                true => String::new(),
                false => format!(": {reasons}"),
            };
            let text = format!(
                "beside it, {what} by this project: {}{beside}",
                task.ours.verdict
            );
            tribunal_runner::note(text);
        }
        self.done.push(Done {
            what,
            ruling: task.ruling.clone(),
        });
        self.tasks.push(task);
        self.write(false).map(drop)
    }

    fn write(&self, complete: bool) -> Result<String, Error> {
        let results = Results {
            file: &self.from.file,
            layout: &self.from.layout,
            rehearsed: self.rehearsed,
            hardware: &self.hardware,
            tasks: &self.tasks,
            checks: &self.checks,
            complete,
        };
        let folder = tribunal_runner::evidence()?.join("benchmark_results");
        let path = results.write(&folder).map_err(Error::of)?;
        Ok(path.display().to_string())
    }

    fn conclude(self) -> TestResult {
        let path = self.write(true)?;
        match end(&self.from.title(), &path, &self.done) {
            End::Passed { notes } => {
                notes.into_iter().for_each(tribunal_runner::note);
                if self.rehearsed {
                    tribunal_runner::note(
                        "a rehearsal: figures are the embedded engine's, and limits of the file were not asked for",
                    );
                }
                Ok(())
            }
            End::Skipped(why) => crate::skip!("{why}"),
            End::Failed(text) => Err(Error::of(text)),
        }
    }
}

fn tell(what: &str, ruling: &Ruling) {
    let why = ruling
        .why()
        .map_or_else(String::new, |why| format!(": {why}"));
    tribunal_runner::log(format_args!("{what}: {}{why}", ruling.word()));
}

/// What figures depend on.
fn hardware(bench: &Bench, rehearsed: bool) -> String {
    let about = bench.about();
    match rehearsed {
        true => "none: a rehearsal on the embedded engine".to_owned(),
        false => format!("{} x {}", about.hardware, about.count),
    }
}
