//! The cases that a function of the tests makes at start-up, and whether it has to be called at all.
//!
//! Promise: with `--exact` only the functions of tests that are asked for are called, so that one test of a target starts as soon as if the others had
//! no such functions (a runner that starts a process per test pays for each start). Where a name belongs to no test, all are called: the answer names
//! the nearest case.
//!
//! Rejected: leaving functions out by level or marker. A case may carry markers of its own, and nobody knows them before it was made.

use std::sync::Arc;

use tribunal_vocabulary::{Arg, Vocabulary};

use crate::catalog::{Case, Catalog};
use crate::finding::Finding;
use crate::marks::{Marks, Written, merge};
use crate::registry::{MarkerEntry, ProvidedCase, TestEntry};

/// The only names that can be selected, if there are such.
pub(crate) struct Sought<'a> {
    names: Option<&'a [String]>,
}

impl<'a> Sought<'a> {
    /// `asked` is empty where any name can be selected; the tests are sorted by name.
    pub(crate) fn new(asked: &'a [String], tests: &[(String, &'static TestEntry)]) -> Sought<'a> {
        let there = |test: &str| {
            tests
                .binary_search_by(|(name, _)| (**name).cmp(test))
                .is_ok()
        };
        let known = |name: &String| {
            let parents = name.match_indices("::").map(|(at, _)| &name[..at]);
            parents.chain([&**name]).any(there)
        };
        let all = asked.is_empty() || !asked.iter().all(known);
        Sought {
            names: (!all).then_some(asked),
        }
    }

    /// Whether a case of this test may be among them: its name is the test's, or begins with it.
    pub(crate) fn may_be_of(&self, test: &str) -> bool {
        let below = |name: &String| {
            let rest = name.strip_prefix(test);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.names.is_none_or(|names| names.iter().any(below))
    }
}

/// The name of a provided case as an identifier, so that editors and nextest can name it.
fn identifier(name: &str) -> String {
    let slug = tribunal_vocabulary::slug(name);
    let fits = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    match slug {
        _ if fits => name.to_owned(),
        s if s.is_empty() => "case".to_owned(),
        s if s.starts_with(|c: char| c.is_ascii_digit()) => format!("case_{s}"),
        s => s,
    }
}

/// Makes the cases of a test, and adds them to the catalog.
#[allow(clippy::too_many_arguments)]
pub(crate) fn provided(
    provider: &fn() -> Result<Vec<ProvidedCase>, String>,
    entry: &'static TestEntry,
    name: &str,
    test: usize,
    list: &[&'static MarkerEntry],
    implied: &[&'static str],
    marks: &Arc<Marks>,
    v: &Vocabulary,
    catalog: &mut Catalog,
    findings: &mut Vec<Finding>,
) {
    let made = match std::panic::catch_unwind(*provider) {
        Ok(Ok(cases)) => cases,
        Ok(Err(e)) => {
            return findings.push(Finding::error(
                entry.place,
                name,
                format!("its cases cannot be made: {e}"),
            ));
        }
        Err(_) => {
            return findings.push(Finding::error(
                entry.place,
                name,
                "the function that makes its cases panicked".into(),
            ));
        }
    };
    if made.is_empty() {
        findings.push(Finding::warning(
            entry.place,
            name,
            "the function that makes its cases made none: nothing of this test can run".into(),
        ));
    }
    for (index, case) in made.into_iter().enumerate() {
        let ident = identifier(&case.name);
        let full = format!("{name}::{ident}");
        let marks = if case.markers.is_empty() {
            marks.clone()
        } else {
            let mut written: Vec<Written> = list.iter().map(|m| Written::of(m)).collect();
            written.extend(case.markers.into_iter().map(|(name, args)| {
                Written {
                    name,
                    args: args
                        .into_iter()
                        .map(|(key, value)| Arg { key, value })
                        .collect(),
                    features: vec![],
                }
            }));
            let mut problems = vec![];
            let own = merge(&written, implied, v, &mut problems);
            findings.extend(
                problems
                    .into_iter()
                    .map(|p| Finding::error(entry.place, &full, p)),
            );
            Arc::new(own)
        };
        catalog.cases.push(Case {
            test,
            name: full,
            marks,
            index,
            provided: Some((case.value, case.text, case.name)),
            on: case.on.map(Arc::from),
            chosen: None,
            row: None,
        });
    }
}
