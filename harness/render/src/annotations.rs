//! What a build server shows beside the source: failures at their lines, most important first.
//!
//! Promise: build servers show few of these, so cases that fail for one reason are one annotation, and what is left out is counted in the last one.
//! Rejected: one annotation for each case (a server that does not start would hide every other failure).

mod buildkite;
mod github;

use std::collections::HashMap;

use tribunal_events::{CaseLog, Place, RunLog};

use crate::standing::{self, Standing};
use crate::text::{count, gist, plain, shortened};

pub use buildkite::{BuildkiteAnnotation, annotations_buildkite};
pub use github::annotations_github;

/// The most that one says.
const TEXT: usize = 4 * 1024;
/// The most names of cases in one.
const NAMES: usize = 20;

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Error,
    Warning,
    Notice,
}

/// One, wherever it is shown.
#[derive(Clone, Debug, PartialEq)]
struct Annotation {
    kind: Kind,
    /// Absent where it is about the run.
    place: Option<Place>,
    title: String,
    text: String,
}

/// All of a run: errors, warnings, notices, and in each the most important first.
fn annotations(run: &RunLog) -> Vec<Annotation> {
    let mut all = of_the_run(run);
    all.extend(of_cases(run));
    // Stable: within a kind the order says what matters more.
    all.sort_by_key(|a| a.kind);
    all
}

fn of_the_run(run: &RunLog) -> Vec<Annotation> {
    let mut all = Vec::new();
    let mut add = |kind, title: &str, text: &str| {
        all.push(Annotation {
            kind,
            place: None,
            title: title.to_owned(),
            text: told(text),
        });
    };
    for (_, text) in &run.stray_panics {
        add(
            Kind::Error,
            "a thread that belongs to no test panicked",
            text,
        );
    }
    if let Some((_, why)) = &run.stopping {
        add(Kind::Error, "the run was stopped", why);
    } else if run.ended.is_none() {
        let text = "its log has no end: the harness was killed, or is still at work";
        add(Kind::Error, "the run did not end", text);
    }
    for error in run.ended.iter().flat_map(|e| &e.late_errors) {
        add(Kind::Warning, "something could not be taken down", error);
    }
    all
}

/// Cases that came to the same for the same reason.
struct Group<'a> {
    standing: Standing,
    reason: &'a str,
    cases: Vec<&'a CaseLog>,
}

fn of_cases(run: &RunLog) -> Vec<Annotation> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: HashMap<(Standing, &str), usize> = HashMap::new();
    for case in &run.cases {
        let standing = standing::standing(case);
        if standing == Standing::Passed {
            continue;
        }
        let reason = reason(case, standing);
        let group = *known.entry((standing, reason)).or_insert_with(|| {
            groups.push(Group {
                standing,
                reason,
                cases: Vec::new(),
            });
            groups.len() - 1
        });
        groups[group].cases.push(case);
    }
    // What one reason did to many comes first; stable for the rest.
    groups.sort_by_key(|g| (g.standing, std::cmp::Reverse(g.cases.len())));
    groups.iter().map(annotation).collect()
}

fn reason(case: &CaseLog, standing: Standing) -> &str {
    match standing {
        Standing::Flaky => case
            .attempts
            .iter()
            .rev()
            .skip(1)
            .find_map(|a| a.ended.as_ref())
            .map_or("", |e| gist(&e.text)),
        _ => gist(standing::text(case)),
    }
}

fn annotation(group: &Group<'_>) -> Annotation {
    let first = group.cases[0];
    let (kind, what) = match group.standing {
        Standing::Failed => (Kind::Error, first.outcome().word()),
        Standing::CutOff => (Kind::Error, "cut off"),
        Standing::Waived => (Kind::Warning, "failed and waived"),
        Standing::Flaky => (Kind::Warning, "flaky"),
        Standing::NotRun => (Kind::Notice, "not run"),
        _ => (Kind::Notice, first.outcome().word()),
    };
    let class = first.end().and_then(|e| e.class.as_deref());
    let what = match class {
        Some(class) => format!("{what} ({class})"),
        None => what.to_owned(),
    };
    let title = match group.cases.len() {
        1 => format!("{what}: {}", first.line.name),
        n => format!(
            "{what}: {} and {}",
            first.line.name,
            count(n - 1, "other case")
        ),
    };
    let mut text = match group.cases.len() {
        1 if kind == Kind::Error => told(standing::text(first)),
        _ => told(group.reason),
    };
    if let Some(waived) = first.end().and_then(|e| e.waived.as_deref()) {
        text = format!("{}\n{text}", told(waived));
    }
    if group.cases.len() > 1 {
        for case in group.cases.iter().skip(1).take(NAMES) {
            text.push_str("\nalso ");
            text.push_str(&plain(&shortened(&case.line.name, 300)));
        }
        if group.cases.len() > NAMES + 1 {
            let more = group.cases.len() - NAMES - 1;
            text.push_str(&format!("\nand {more} more"));
        }
    }
    Annotation {
        kind,
        place: place(first),
        title: plain(&shortened(&title, 250)).replace('\n', " "),
        text,
    }
}

fn told(text: &str) -> String {
    plain(&shortened(text, TEXT)).into_owned()
}

/// Where the failure says that it is, else where the test stands.
fn place(case: &CaseLog) -> Option<Place> {
    let own = case.end().and_then(|e| told_place(&e.text));
    own.or_else(|| (!case.line.place.file.is_empty()).then(|| case.line.place.clone()))
}

/// The place of a panic, else the last line `at FILE:LINE:COLUMN` of a failure; only of files that are in the workspace. What stands in a stack is
/// somebody else's, and relative to who knows what.
fn told_place(text: &str) -> Option<Place> {
    let text = text
        .split_once("stack backtrace:")
        .map_or(text, |(told, _)| told);
    let of_panic = |line: &str| {
        let (_, place) = line.split_once("panicked at ")?;
        inside(place.strip_suffix(':')?)
    };
    let of_error = |line: &str| inside(line.trim().strip_prefix("at ")?);
    let panicked = text.lines().find_map(of_panic);
    panicked.or_else(|| text.lines().rev().find_map(of_error))
}

/// `FILE:LINE:COLUMN` of a file below the workspace's root.
fn inside(place: &str) -> Option<Place> {
    let mut parts = place.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let file = parts.next()?;
    let outside = file.is_empty() || file.starts_with(['/', '.']) || file.contains("..");
    (!outside).then(|| Place {
        file: file.to_owned(),
        line,
        column,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failures_own_place_is_found_where_it_is_in_the_workspace() {
        for (text, expected) in [
            (
                "no\n  at suites/src/e2e.rs:12:5",
                Some(("suites/src/e2e.rs", 12, 5)),
            ),
            (
                "thread 'a' panicked at src/x.rs:3:9:\nno",
                Some(("src/x.rs", 3, 9)),
            ),
            ("no\n  at /rustc/library/core.rs:3:9", None),
            ("no\n  at ../other/x.rs:3:9", None),
            (
                "thread 'a' panicked at src/x.rs:3:9:\nno\nstack backtrace:\n 0: f\n   at ./tests/y.rs:1:2\n   at src/z.rs:1:2",
                Some(("src/x.rs", 3, 9)),
            ),
            ("at noon", None),
            ("at :1:2", None),
            ("at x:99999999999:2", None),
        ] {
            let found = told_place(text);
            let found = found.as_ref().map(|p| (p.file.as_str(), p.line, p.column));
            assert_eq!(found, expected, "{text}");
        }
    }
}
