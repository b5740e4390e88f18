//! Annotations of Buildkite: Markdown above a build, by `buildkite-agent annotate`.
//!
//! Promise: one annotation of a run for each style, with a context of its own, so that shards and retries do not replace one another; none is longer
//! than Buildkite takes. Rejected: one for each failure (they push each other off the page).

use tribunal_events::RunLog;

use crate::markdown::{GOOD_LIMIT, markdown};
use crate::standing::{self, Standing, Tally};
use crate::text::plain;

/// An annotation, as `buildkite-agent annotate` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildkiteAnnotation {
    /// `success`, `info`, `warning` or `error`.
    pub style: &'static str,
    /// What it replaces: an earlier one of the same context.
    pub context: String,
    /// From 1 to 10; those of a higher one come first.
    pub priority: u8,
    /// Markdown.
    pub body: String,
}

impl BuildkiteAnnotation {
    /// The arguments of `buildkite-agent`, which reads the body from its standard input.
    pub fn arguments(&self) -> Vec<String> {
        let priority = self.priority.to_string();
        [
            "annotate",
            "--style",
            self.style,
            "--context",
            &self.context,
        ]
        .into_iter()
        .chain(["--priority", &priority])
        .map(str::to_owned)
        .collect()
    }
}

/// The annotations of a run for Buildkite: at most one.
pub fn annotations_buildkite(run: &RunLog) -> Vec<BuildkiteAnnotation> {
    let tally = Tally::of(run);
    let stopped = run.ended.is_none() || run.stopping.is_some() || !run.stray_panics.is_empty();
    let (style, priority) = match () {
        () if tally.failed + tally.cut_off > 0 || stopped => ("error", 8),
        () if tally.waived + tally.flaky > 0 => ("warning", 5),
        // What did not run is worth a look; what passed is not.
        () if run
            .cases
            .iter()
            .any(|c| standing::standing(c) == Standing::NotRun) =>
        {
            ("info", 3)
        }
        () => return Vec::new(),
    };
    vec![BuildkiteAnnotation {
        style,
        context: context(run),
        priority,
        body: markdown(run, GOOD_LIMIT),
    }]
}

fn context(run: &RunLog) -> String {
    let started = &run.started;
    let mut context = format!("tribunal-{}-{}", started.package, started.target);
    if let Some(shard) = started.shard.filter(|_| run.parts.is_empty()) {
        context.push_str(&format!("-{}-of-{}", shard.index, shard.count));
    }
    let fine = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let context: String = plain(&context).chars().map(fine).take(100).collect();
    context.trim_end_matches('-').to_owned()
}
