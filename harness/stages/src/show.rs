//! What an audit of stages found, for people and for programs.
//!
//! Promise: the page for people shows the first names of a list, and the one for programs has all. Rejected: a table library (the widths are known).

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::audit::{Audit, Due};

/// How many names a list shows.
const SHOWN: usize = 20;

impl Due {
    /// In words: `4m20s recorded (34 cases, 2 more unknown)`.
    fn text(&self) -> String {
        match (self.known, self.unknown) {
            (0, 0) => "nothing to run".into(),
            (0, _) => "no recorded times".into(),
            (known, 0) => format!(
                "{} one after the other, of {known} recorded",
                length(self.recorded)
            ),
            (known, unknown) => format!(
                "{} one after the other, of {known} recorded; {unknown} not recorded",
                length(self.recorded)
            ),
        }
    }

    fn json(&self) -> Json {
        let seconds = (self.known > 0).then_some(self.recorded.as_secs_f64());
        json!({"recorded_s": seconds, "known": self.known, "unknown": self.unknown})
    }
}

impl Audit {
    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for stage in &self.stages {
            let _ = writeln!(
                out,
                "stage {}: {}, {}",
                stage.name,
                count(stage.cases, "case"),
                stage.due.text()
            );
            for step in &stage.steps {
                let queue = step.queue.as_deref().unwrap_or("no queue");
                let limit = step.limit.map_or(String::new(), |limit| {
                    format!(", may take {}", length(limit))
                });
                let _ = writeln!(
                    out,
                    "  .{:15} {:>5}  {queue:12} {}{limit}",
                    step.name,
                    step.cases,
                    step.due.text()
                );
                listed(&mut out, &step.misfits, "    does not fit: ");
            }
            listed(&mut out, &stage.none, "  in none of its steps: ");
            let several = stage.several.iter();
            let several: Vec<String> = several
                .map(|(name, steps)| format!("{name} ({})", steps.join(", ")))
                .collect();
            listed(&mut out, &several, "  in several of its steps: ");
        }
        listed(
            &mut out,
            &self.nowhere,
            "in no stage, and not `local_only`: ",
        );
        out.push_str("levels (each case at its lowest):\n");
        for (name, cases, due, budget) in &self.levels {
            let budget = match budget {
                Some(budget) if due.recorded > *budget => format!(
                    ", over its budget of {} unless they run side by side",
                    length(*budget)
                ),
                Some(budget) => format!(", budget {}", length(*budget)),
                None => String::new(),
            };
            let _ = writeln!(out, "  {name:16} {cases:>5}  {}{budget}", due.text());
        }
        out.push_str("pyramid:");
        for (name, cases) in self.pyramid.iter().filter(|(_, cases)| *cases > 0) {
            let _ = write!(
                out,
                " {name} {cases} ({}%)",
                (cases * 100 + self.cases / 2) / self.cases.max(1)
            );
        }
        let local = match self.local {
            0 => String::new(),
            n => format!(", {n} never in CI"),
        };
        let verdict = match self.clean() {
            true => "every step's tests are its own, and every test has a stage",
            false => "the stages do not partition the tests",
        };
        let _ = writeln!(out, "\n{}{local}: {verdict}", count(self.cases, "case"));
        out
    }

    /// For programs.
    pub fn json(&self) -> Json {
        let seconds = |limit: &Option<Duration>| limit.map(|limit| limit.as_secs_f64());
        let stages = self.stages.iter().map(|stage| {
            let steps = stage.steps.iter().map(|step| {
                json!({
                    "name": step.name, "queue": step.queue, "cases": step.cases, "due": step.due.json(),
                    "limit_s": seconds(&step.limit), "misfits": step.misfits,
                })
            });
            json!({
                "name": stage.name, "cases": stage.cases, "due": stage.due.json(), "steps": steps.collect::<Vec<_>>(),
                "in_no_step": stage.none,
                "in_several_steps": stage.several.iter().map(|(name, steps)| json!({"name": name, "steps": steps})).collect::<Vec<_>>(),
            })
        });
        let levels = self.levels.iter().map(|(name, cases, due, budget)| {
            json!({"name": name, "cases": cases, "due": due.json(), "budget_s": seconds(budget)})
        });
        let pyramid = self.pyramid.iter();
        json!({
            "schema": 1, "clean": self.clean(), "cases": self.cases, "local": self.local, "in_no_stage": self.nowhere,
            "stages": stages.collect::<Vec<_>>(), "levels": levels.collect::<Vec<_>>(),
            "pyramid": pyramid.map(|(name, cases)| json!({"kind": name, "cases": cases})).collect::<Vec<_>>(),
        })
    }
}

/// Lines of names below one heading, not more than anyone reads.
pub(crate) fn listed(out: &mut String, names: &[String], before: &str) {
    for name in names.iter().take(SHOWN) {
        let _ = writeln!(out, "{before}{name}");
    }
    if names.len() > SHOWN {
        let _ = writeln!(
            out,
            "{before}and {} more (--format json has all)",
            names.len() - SHOWN
        );
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A length as people say it, to the second from a minute on.
pub(crate) fn length(time: Duration) -> String {
    let all = time.as_secs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    match (hours, minutes, seconds) {
        (0, 0, _) => format!("{:.1}s", time.as_secs_f64()),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, _) => format!("{h}h{m}m"),
    }
}
