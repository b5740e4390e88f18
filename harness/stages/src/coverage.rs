//! Which models, features and deployments have tests, and at which levels.
//!
//! Promise: a cell counts tests, not cases; a gap is a level that a declared priority requires and no test has. Rejected: line coverage of the server
//! (what a model server does wrong is rarely a line that no request reached).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use tribunal_vocabulary::{MarkerId, Rule, SubjectKind, Value, Vocabulary};

use crate::changes::declared_paths;
use crate::paths::touches;
use crate::show::{count, listed};
use crate::suite::{Case, Suite};

/// The matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// The names of the levels, lowest first.
    pub levels: Vec<String>,
    /// What has tests, or should have some.
    pub rows: Vec<Row>,
    /// What a declared priority requires and no test has.
    pub gaps: Vec<Gap>,
}

/// One line of the matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// `model`, `feature`, `deployment`, or a category of markers.
    pub kind: String,
    /// Which.
    pub name: String,
    /// Its declared priority.
    pub priority: Option<String>,
    /// The names of its tests, by level.
    pub tests: Vec<BTreeSet<String>>,
}

/// A level that a priority requires and no test has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// `model`, `feature` or `deployment`.
    pub kind: String,
    /// Which.
    pub name: String,
    /// The declared priority.
    pub priority: String,
    /// The levels without a test.
    pub levels: Vec<String>,
}

impl Gap {
    /// In a sentence.
    pub fn text(&self) -> String {
        let levels: Vec<String> = self
            .levels
            .iter()
            .map(|level| format!("`{level}`"))
            .collect();
        format!(
            "{} `{}` has priority {} and no test at {}",
            self.kind,
            self.name,
            self.priority,
            levels.join(", ")
        )
    }
}

/// What an earlier list covered and a later one does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Tests that are gone.
    pub tests: Vec<String>,
    /// Kind, name and level of what no test covers any more.
    pub cells: Vec<(String, String, String)>,
}

/// The matrix of a suite.
pub fn coverage(suite: &Suite, v: &Vocabulary) -> Coverage {
    let levels: Vec<String> = v.levels().iter().map(|level| level.name.clone()).collect();
    let mut rows: BTreeMap<(usize, String, String), Vec<BTreeSet<String>>> = BTreeMap::new();
    let empty = || vec![BTreeSet::new(); levels.len()];
    let reader = Reader::new(v);
    for case in &suite.cases {
        // A test without a level runs at every level and is judged at the lowest.
        let of_case: &[usize] = match case.levels.is_empty() {
            true => &[0],
            false => &case.levels,
        };
        for key in reader.subjects(case) {
            let row = rows.entry(key).or_insert_with(empty);
            for level in of_case {
                if let Some(tests) = row.get_mut(*level) {
                    tests.insert(case.test.clone());
                }
            }
        }
    }
    for subject in v.subjects() {
        let key = (
            subject.kind as usize,
            subject.kind.word().to_owned(),
            subject.name.clone(),
        );
        rows.entry(key).or_insert_with(empty);
    }
    let mut out = Coverage {
        levels,
        ..Coverage::default()
    };
    for ((_, kind, name), tests) in rows {
        let subject = v
            .subjects()
            .iter()
            .find(|one| one.kind.word() == kind && one.name == name);
        let priority = subject.map(|one| one.priority.clone());
        if let Some(required) =
            subject.and_then(|one| v.priorities().iter().find(|p| p.name == one.priority))
        {
            let missing = required
                .levels
                .iter()
                .filter(|level| v.level(level).is_none_or(|at| tests[at].is_empty()));
            let missing: Vec<String> = missing.cloned().collect();
            if !missing.is_empty() {
                out.gaps.push(Gap {
                    kind: kind.clone(),
                    name: name.clone(),
                    priority: required.name.clone(),
                    levels: missing,
                });
            }
        }
        out.rows.push(Row {
            kind,
            name,
            priority,
            tests,
        });
    }
    out
}

/// What says what a case is about.
struct Reader<'a> {
    v: &'a Vocabulary,
    model: Option<MarkerId>,
    requires: Option<MarkerId>,
    features: Option<MarkerId>,
    /// Markers of categories of which a test may have any number, with the category: components, domains, and what a project adds.
    topics: Vec<(usize, &'a str, MarkerId)>,
}

impl<'a> Reader<'a> {
    fn new(v: &'a Vocabulary) -> Self {
        let mut topics = vec![];
        for (at, category) in v.categories().iter().enumerate() {
            // These say how and where a test runs, not what it is about.
            let about_running = ["requirement", "execution", "other"].contains(&&*category.name);
            if category.rule == Rule::Optional && !about_running {
                topics.extend(category.members.iter().map(|id| (at, &*category.name, *id)));
            }
        }
        Reader {
            v,
            model: v.id("model"),
            requires: v.id("requires"),
            features: v.id("features"),
            topics,
        }
    }

    /// Kind and name of everything that a case is about, with the place of the kind among kinds.
    fn subjects(&self, case: &Case) -> BTreeSet<(usize, String, String)> {
        let mut out = BTreeSet::new();
        let mut add = |kind: SubjectKind, name: &str| {
            let declared = self.v.subjects().iter().find(|one| {
                one.kind == kind && (one.name == name || one.also.iter().any(|also| also == name))
            });
            let name = declared.map_or(name, |one| &one.name);
            out.insert((kind as usize, kind.word().to_owned(), name.to_owned()));
        };
        let args = |id: Option<MarkerId>| {
            let occurrences = id.into_iter().flat_map(|id| case.markers.args(id));
            occurrences.flatten()
        };
        for (_, value) in args(self.model) {
            texts(value).for_each(|id| add(SubjectKind::Model, id));
        }
        if let Some(deployment) = case.params.get("deploy") {
            add(SubjectKind::Deployment, deployment);
            let serves = self.v.subjects().iter().filter(|one| {
                one.kind == SubjectKind::Model
                    && (one.name == *deployment || one.also.contains(deployment))
            });
            serves.for_each(|model| add(SubjectKind::Model, &model.name));
        }
        for (key, value) in args(self.requires) {
            if ["capability", "server_feature"].contains(&&**key) {
                texts(value).for_each(|name| add(SubjectKind::Feature, name));
            }
        }
        for (key, value) in args(self.features) {
            if *value == Value::Bool(true) {
                add(SubjectKind::Feature, key);
            }
        }
        for (at, category, id) in &self.topics {
            if case.markers.contains(*id) {
                // Behind models, features and deployments.
                out.insert((3 + at, (*category).to_owned(), self.v.name(*id).to_owned()));
            }
        }
        out
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = match value {
        Value::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter().filter_map(|one| match one {
        Value::Str(text) => Some(&**text),
        _ => None,
    })
}

/// What `before` covered and `after` does not.
pub fn lost(before: &Suite, after: &Suite, v: &Vocabulary) -> Lost {
    let names = |suite: &Suite| -> BTreeSet<String> {
        suite.cases.iter().map(|case| case.test.clone()).collect()
    };
    let cells = |suite: &Suite| -> Vec<(String, String, String)> {
        let matrix = coverage(suite, v);
        let rows = matrix.rows.iter().flat_map(|row| {
            let levels = matrix.levels.iter().zip(&row.tests);
            levels
                .filter(|(_, tests)| !tests.is_empty())
                .map(|(level, _)| (row.kind.clone(), row.name.clone(), level.clone()))
        });
        rows.collect()
    };
    let remaining: BTreeSet<_> = cells(after).into_iter().collect();
    Lost {
        tests: names(before).difference(&names(after)).cloned().collect(),
        cells: cells(before)
            .into_iter()
            .filter(|cell| !remaining.contains(cell))
            .collect(),
    }
}

/// The files of a list that no test declares by `depends_on`.
pub fn undeclared(suite: &Suite, v: &Vocabulary, files: &[String]) -> Vec<String> {
    let Some(id) = v.id("depends_on") else {
        return files.to_vec();
    };
    let declared: BTreeSet<&str> = suite
        .cases
        .iter()
        .flat_map(|case| declared_paths(&case.markers, id))
        .collect();
    let lonely = files
        .iter()
        .filter(|file| !declared.iter().any(|path| touches(path, file)));
    lonely.cloned().collect()
}

impl Lost {
    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.cells.is_empty()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        listed(&mut out, &self.tests, "gone: ");
        let cells = self.cells.iter();
        let cells: Vec<String> = cells
            .map(|(kind, name, level)| format!("{kind} {name} at {level}"))
            .collect();
        listed(&mut out, &cells, "no longer covered: ");
        out
    }
}

impl Coverage {
    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let widest = self.rows.iter().map(|row| row.name.chars().count()).max();
        let width = widest.unwrap_or(0).clamp(8, 40);
        let widest = self.levels.iter().map(|level| level.chars().count()).max();
        let columns = widest.unwrap_or(0) + 2;
        let mut kind = "";
        for row in &self.rows {
            if row.kind != kind {
                kind = &row.kind;
                let _ = write!(out, "{kind:width$}  ", width = width + 2);
                let heads = self.levels.iter().map(|level| format!("{level:>columns$}"));
                let _ = writeln!(out, "{}", heads.collect::<String>());
            }
            let _ = write!(out, "  {:width$}  ", row.name);
            for tests in &row.tests {
                let cell = if tests.is_empty() {
                    "-".to_owned()
                } else {
                    tests.len().to_string()
                };
                let _ = write!(out, "{cell:>columns$}");
            }
            let priority = row.priority.as_deref();
            let _ = writeln!(
                out,
                "{}",
                priority.map_or(String::new(), |one| format!("  priority {one}"))
            );
        }
        let gaps: Vec<String> = self.gaps.iter().map(Gap::text).collect();
        listed(&mut out, &gaps, "gap: ");
        let _ = writeln!(
            out,
            "{}, {}",
            count(self.rows.len(), "subject"),
            count(self.gaps.len(), "gap")
        );
        out
    }

    /// For programs.
    pub fn json(&self) -> Json {
        let rows = self.rows.iter().map(|row| {
            let tests = self.levels.iter().zip(&row.tests);
            let tests: serde_json::Map<String, Json> = tests
                .map(|(level, tests)| (level.clone(), json!(tests)))
                .collect();
            json!({"kind": row.kind, "name": row.name, "priority": row.priority, "tests": tests})
        });
        let gaps = self.gaps.iter().map(|gap| json!({"kind": gap.kind, "name": gap.name, "priority": gap.priority, "levels": gap.levels}));
        json!({"schema": 1, "levels": self.levels, "rows": rows.collect::<Vec<_>>(), "gaps": gaps.collect::<Vec<_>>()})
    }
}
