//! Every case there is, with its merged markers.
//!
//! Promise: a pure function of the registered entries and the vocabulary. Markers merge from the outermost module inwards, then the test's, then
//! the case's; then come those that fixtures and defaults add. Every broken rule of every test is found, not only the first. Tests that carry the
//! same markers share one [`Marks`], so that a hundred thousand cases cost little more than their names.
//!
//! Rejected: storing the origin of every marker for every test (only `--explain` asks, and it can be computed again for one test).

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use tribunal_vocabulary::{MarkerId, Vocabulary};

use crate::finding::Finding;
use crate::fixture::{DEPLOY, FixtureEntry};
use crate::marks::{Key, Marks, Written, merge};
use crate::matrix::DrawnCase;
use crate::origin::{by_module, module_chain};
use crate::provided::{Sought, provided};
use crate::registry::{CaseEntry, Cases, MarkerEntry, ModuleMarkers, Place, TestEntry};

/// Every registered case.
pub struct Catalog {
    /// The tests, sorted by name.
    pub tests: Vec<Test>,
    /// The cases, sorted by name.
    pub cases: Vec<Case>,
    /// The deployments that cases run against; see [`Catalog::over`].
    pub deployments: Vec<Chosen>,
}

/// A deployment that was chosen for the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// As it was asked for: a name, a file, an address.
    pub name: String,
    /// The last segment of its cases where several are chosen: a Rust identifier.
    pub segment: String,
}

/// One test.
pub struct Test {
    /// What the macro registered.
    pub entry: &'static TestEntry,
    /// Its name: the module path without the crate, and the function.
    pub name: String,
    /// Its merged markers.
    pub marks: Arc<Marks>,
}

/// One case: what runs.
pub struct Case {
    /// Index into [`Catalog::tests`].
    pub test: usize,
    /// Its whole name.
    pub name: String,
    /// Its merged markers: the test's, unless the case has some of its own.
    pub marks: Arc<Marks>,
    /// Which listed case, or which one of the provider.
    pub index: usize,
    /// The value and its text that a provider made.
    pub provided: Option<(Arc<dyn Any + Send + Sync>, String, String)>,
    /// The only deployment that it is for, as its provider says; `None`: each that is chosen.
    pub on: Option<Arc<str>>,
    /// Index into [`Catalog::deployments`]; `None` for a case that reads none, or names its own.
    pub chosen: Option<usize>,
    /// What a feature matrix drew for it; see [`Catalog::drawn`].
    pub row: Option<Arc<DrawnCase>>,
}

impl Case {
    /// The last segment, for a case of several.
    pub fn short_name<'a>(&'a self, catalog: &Catalog) -> &'a str {
        self.name
            .get(catalog.tests[self.test].name.len() + 2..)
            .unwrap_or("")
    }

    /// The deployment that it runs against: the one that its own parameter `deploy` names, else the chosen one; `None` without a server.
    pub fn deployment<'a>(&'a self, catalog: &'a Catalog) -> Option<&'a str> {
        if let Some(row) = self.row.as_deref() {
            return Some(&row.deployment);
        }
        if let Some(chosen) = self.chosen {
            return Some(&catalog.deployments[chosen].name);
        }
        let test = &catalog.tests[self.test];
        match &test.entry.cases {
            Cases::Listed(list) if reads_deploy(test.entry.fixtures) => list[self.index]
                .params
                .iter()
                .find(|(name, _)| *name == DEPLOY)
                .map(|(_, value)| *value),
            _ => None,
        }
    }

    /// Its name without the deployment, which is the last segment where several are chosen.
    pub fn base_name<'a>(&'a self, catalog: &Catalog) -> &'a str {
        match self.chosen {
            Some(chosen) if catalog.deployments.len() > 1 => {
                let tail = catalog.deployments[chosen].segment.len() + 2;
                self.name.get(..self.name.len() - tail).unwrap_or("")
            }
            _ => &self.name,
        }
    }

    /// Names and texts of its parameters, the chosen deployment among them.
    pub fn params(&self, catalog: &Catalog) -> Vec<(String, String)> {
        let mut params = self.own_params(catalog);
        if let Some(row) = self.row.as_deref() {
            params.retain(|(name, _)| name != DEPLOY);
            params.push((DEPLOY.into(), row.deployment.clone()));
        } else if let Some(chosen) = self.chosen {
            params.push((DEPLOY.into(), catalog.deployments[chosen].name.clone()));
        }
        params
    }

    fn own_params(&self, catalog: &Catalog) -> Vec<(String, String)> {
        match (&catalog.tests[self.test].entry.cases, &self.provided) {
            (_, Some((_, text, _))) => vec![("case".into(), text.clone())],
            (Cases::Listed(list), _) => list[self.index]
                .params
                .iter()
                .map(|(n, v)| (n.to_string(), v.to_string()))
                .collect(),
            _ => vec![],
        }
    }

    /// Where it stands in the source.
    pub fn place(&self, catalog: &Catalog) -> Place {
        match &catalog.tests[self.test].entry.cases {
            Cases::Listed(list) => list[self.index].place,
            _ => catalog.tests[self.test].entry.place,
        }
    }
}

/// A module path without its crate.
pub(crate) fn without_crate(module: &str) -> &str {
    module.split_once("::").map_or("", |(_, rest)| rest)
}

/// The name of a test.
pub fn test_name(entry: &TestEntry) -> String {
    let module = without_crate(entry.module);
    if module.is_empty() {
        entry.name.to_owned()
    } else {
        // One allocation of the right size: this runs for every registered test at every start.
        [module, "::", entry.name].concat()
    }
}

/// The markers that the fixtures of a test imply, the whole graph.
fn fixture_markers(fixtures: &[&'static FixtureEntry], out: &mut Vec<&'static str>) {
    for f in fixtures {
        for m in f.implies {
            if !out.contains(m) {
                out.push(m);
            }
        }
        fixture_markers(f.needs, out);
    }
}

/// Whether a fixture of the graph reads which deployment the case runs against.
pub(crate) fn reads_deploy(fixtures: &[&'static FixtureEntry]) -> bool {
    fixtures
        .iter()
        .any(|f| f.deployment || reads_deploy(f.needs))
}

/// Whether some of them hands over all chosen deployments.
fn compares(fixtures: &[&'static FixtureEntry]) -> bool {
    fixtures.iter().any(|f| f.deployments || compares(f.needs))
}

impl Catalog {
    /// The deployments that a case itself starts, one after the other: all that were chosen, where it asks for them.
    pub(crate) fn compared(&self, case: usize) -> &[Chosen] {
        match compares(self.tests[self.cases[case].test].entry.fixtures) {
            true => &self.deployments,
            false => &[],
        }
    }

    /// Lets every case that reads a deployment run against each of these, unless it names its own in a parameter `deploy`. With one
    /// deployment names stay as written; with several, the deployment's segment is the last of the name.
    pub fn over(mut self, deployments: Vec<Chosen>) -> Catalog {
        let reads: Vec<bool> = self
            .tests
            .iter()
            .map(|t| reads_deploy(t.entry.fixtures))
            .collect();
        let own = |tests: &[Test], case: &Case| match &tests[case.test].entry.cases {
            Cases::Listed(list) => list[case.index].params.iter().any(|(n, _)| *n == DEPLOY),
            _ => false,
        };
        let is_for = |case: &Case, chosen: &Chosen| {
            let only = case.on.as_deref();
            only.is_none_or(|only| only == chosen.name)
        };
        match deployments.len() {
            0 => {}
            1 => {
                self.cases
                    .retain(|case| !reads[case.test] || is_for(case, &deployments[0]));
                for case in &mut self.cases {
                    if reads[case.test] && !own(&self.tests, case) {
                        case.chosen = Some(0);
                    }
                }
            }
            n => {
                let mut cases = Vec::with_capacity(self.cases.len() * n);
                for case in self.cases {
                    if !reads[case.test] || own(&self.tests, &case) {
                        cases.push(case);
                        continue;
                    }
                    let all = deployments.iter().enumerate();
                    let all = all.filter(|(_, chosen)| is_for(&case, chosen));
                    cases.extend(all.map(|(index, d)| Case {
                        test: case.test,
                        name: [&case.name, "::", &d.segment].concat(),
                        marks: case.marks.clone(),
                        index: case.index,
                        provided: case.provided.clone(),
                        on: case.on.clone(),
                        chosen: Some(index),
                        row: None,
                    }));
                }
                cases.sort_by(|a, b| a.name.cmp(&b.name));
                self.cases = cases;
            }
        }
        self.deployments = deployments;
        self
    }

    /// Builds the catalog of what `inventory` collected. `asked`: the only names that can be selected; empty where any can. Functions that make
    /// the cases of other tests are not called: such a test has no cases then, known or unknown.
    pub fn collect(v: &Vocabulary, asked: &[String]) -> (Catalog, Vec<Finding>) {
        let tests: Vec<&'static TestEntry> = inventory::iter::<TestEntry>.into_iter().collect();
        let modules: Vec<&'static ModuleMarkers> =
            inventory::iter::<ModuleMarkers>.into_iter().collect();
        Catalog::build_asked(tests, &modules, v, asked)
    }

    /// Builds the catalog of given entries.
    pub fn build(
        entries: Vec<&'static TestEntry>,
        modules: &[&'static ModuleMarkers],
        v: &Vocabulary,
    ) -> (Catalog, Vec<Finding>) {
        Catalog::build_asked(entries, modules, v, &[])
    }

    /// Builds the catalog of given entries, as far as they are asked for; see [`Catalog::collect`].
    pub(crate) fn build_asked(
        entries: Vec<&'static TestEntry>,
        modules: &[&'static ModuleMarkers],
        v: &Vocabulary,
        asked: &[String],
    ) -> (Catalog, Vec<Finding>) {
        let mut findings = vec![];
        let modules = by_module(modules);
        let mut shared: HashMap<Key<'static>, (Arc<Marks>, Vec<String>)> = HashMap::new();
        let mut marks_of = |list: Vec<&'static MarkerEntry>,
                            implied: Vec<&'static str>|
         -> (Arc<Marks>, Vec<String>) {
            shared
                .entry(Key(list, implied))
                .or_insert_with_key(|key| {
                    let written: Vec<Written> = key.0.iter().map(|m| Written::of(m)).collect();
                    let mut problems = vec![];
                    let marks = merge(&written, &key.1, v, &mut problems);
                    (Arc::new(marks), problems)
                })
                .clone()
        };
        let mut named: Vec<(String, &'static TestEntry)> =
            entries.into_iter().map(|e| (test_name(e), e)).collect();
        named.sort_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| (a.1.module, a.1.place).cmp(&(b.1.module, b.1.place)))
        });
        let sought = Sought::new(asked, &named);
        let listed = |e: &TestEntry| match &e.cases {
            Cases::Listed(cases) => cases.len(),
            _ => 1,
        };
        let mut catalog = Catalog {
            tests: Vec::with_capacity(named.len()),
            cases: Vec::with_capacity(named.iter().map(|(_, e)| listed(e)).sum()),
            deployments: vec![],
        };
        for (name, entry) in named {
            let mut list: Vec<&'static MarkerEntry> = module_chain(&modules, entry.module)
                .iter()
                .flat_map(|m| m.markers)
                .collect();
            list.extend(entry.markers);
            let mut implied = vec![];
            fixture_markers(entry.fixtures, &mut implied);
            let (marks, problems) = marks_of(list.clone(), implied.clone());
            // Where every case has markers of its own, the test's alone never run: the cases' problems are the ones that count.
            let every_case_marked =
                matches!(entry.cases, Cases::Listed(l) if l.iter().all(|c| !c.markers.is_empty()));
            if !every_case_marked {
                findings.extend(
                    problems
                        .into_iter()
                        .map(|p| Finding::error(entry.place, &name, p)),
                );
            }
            if let Some(previous) = catalog.tests.last()
                && previous.name == name
            {
                let other = previous.entry;
                let crates = if other.module.split("::").next() == entry.module.split("::").next() {
                    ""
                } else {
                    " (another crate: names leave the crate out)"
                };
                findings.push(Finding::error(
                    entry.place,
                    &name,
                    format!(
                        "another test has this name: {}{crates}\nhelp: rename one of them",
                        other.place
                    ),
                ));
            }
            let test = catalog.tests.len();
            let plain = |index, name: String, marks| Case {
                test,
                name,
                marks,
                index,
                provided: None,
                chosen: None,
                on: None,
                row: None,
            };
            match &entry.cases {
                Cases::One => catalog.cases.push(plain(0, name.clone(), marks.clone())),
                Cases::Listed(cases) => {
                    for index in by_name(cases) {
                        let case = &cases[index];
                        let full = [&name, "::", case.name].concat();
                        let own = if case.markers.is_empty() {
                            marks.clone()
                        } else {
                            let mut with: Vec<&'static MarkerEntry> = list.clone();
                            with.extend(case.markers);
                            let (own, problems) = marks_of(with, implied.clone());
                            findings.extend(
                                problems
                                    .into_iter()
                                    .map(|p| Finding::error(case.place, &full, p)),
                            );
                            own
                        };
                        catalog.cases.push(plain(index, full, own));
                    }
                }
                Cases::From(_) if !sought.may_be_of(&name) => {}
                Cases::From(provider) => provided(
                    provider,
                    entry,
                    &name,
                    test,
                    &list,
                    &implied,
                    &marks,
                    v,
                    &mut catalog,
                    &mut findings,
                ),
            }
            catalog.tests.push(Test { entry, name, marks });
        }
        // Nearly in order already: the tests are, and so are the cases of each.
        catalog.cases.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in catalog.cases.windows(2) {
            // Equal names of equal tests were reported above.
            if pair[0].name == pair[1].name
                && (pair[0].test == pair[1].test
                    || catalog.tests[pair[0].test].name != catalog.tests[pair[1].test].name)
            {
                let (a, b) = (pair[0].place(&catalog), pair[1].place(&catalog));
                findings.push(Finding::error(b, &pair[1].name, format!("another case has this name: {a}\nhelp: give the cases names: #[cases(first = …, second = …)]")));
            }
        }
        catalog.lint(v, &mut findings);
        sort(&mut findings);
        (catalog, findings)
    }

    /// What is allowed but unwise.
    fn lint(&self, v: &Vocabulary, findings: &mut Vec<Finding>) {
        let id = |name: &str| v.id(name);
        let e2e = id("e2e");
        let has = |m: &Marks, marker: Option<MarkerId>| marker.is_some_and(|i| m.set.contains(i));
        for case in &self.cases {
            let (m, place) = (&case.marks, case.place(self));
            if m.timeout.is_none() {
                if let Some(level) = m
                    .levels
                    .iter()
                    .map(|l| &v.levels()[*l])
                    .find(|l| l.needs_timeout)
                {
                    findings.push(Finding::error(place, &case.name, format!("a `{}` test must state its own time limit\nhelp: add #[timeout(\"30m\")], two to three times what it usually takes", level.name)));
                } else if has(m, e2e) || !m.devices.is_empty() {
                    let limit = m
                        .kind_limit
                        .map_or("none".to_owned(), |d| format!("{} s", d.as_secs()));
                    findings.push(Finding::warning(place, &case.name, format!("relies on the default time limit of its kind ({limit})\nhelp: add #[timeout(\"…\")], two to three times what it usually takes")));
                }
            }
        }
    }

    /// What only `--lint --strict` complains of, in the order of the source. Not among the findings of [`Catalog::build`], because most tests rely on
    /// a default, and every start would pay for the sentences.
    pub fn strict_findings(&self, v: &Vocabulary) -> Vec<Finding> {
        let defaulted = v.id("defaulted");
        let mut findings = vec![];
        for test in self.tests.iter().filter(|t| t.entry.doc.is_empty()) {
            let message = "has no doc comment\nhelp: say in a line what it proves; --explain and reports show it";
            findings.push(Finding::strict(
                test.entry.place,
                &test.name,
                message.into(),
            ));
        }
        for case in &self.cases {
            if defaulted.is_some_and(|id| case.marks.set.contains(id)) {
                let message =
                    "got a marker by default (`--explain` shows which)\nhelp: write it out";
                findings.push(Finding::strict(
                    case.place(self),
                    &case.name,
                    message.into(),
                ));
            }
        }
        sort(&mut findings);
        findings
    }

    /// Quarantines that have ended by that day, for `--lint`: their cases fail runs again, and somebody should know before they do.
    pub fn ended_quarantines(&self, today: tribunal_vocabulary::Date) -> Vec<Finding> {
        let mut findings = vec![];
        for case in &self.cases {
            if let Some(quarantine) = &case.marks.quarantine
                && !quarantine.holds(today)
            {
                let message = format!(
                    "its quarantine ended on {} ({}): {}\nhelp: mend it and take the marker away, or remove the test; only who has looked again gives it another day",
                    quarantine.until, quarantine.issue, quarantine.reason
                );
                findings.push(Finding::error(case.place(self), &case.name, message));
            }
        }
        sort(&mut findings);
        findings
    }

    /// The tests or cases whose name is nearest to a wrong one.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        tribunal_vocabulary::nearest(
            name,
            self.tests
                .iter()
                .map(|t| t.name.as_str())
                .chain(self.cases.iter().map(|c| c.name.as_str())),
        )
    }
}

fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (a.severity, a.place, &a.test, &a.message).cmp(&(b.severity, b.place, &b.test, &b.message))
    });
    findings.dedup();
}

/// The positions of cases in the order of their names. A matrix has thousands: the first bytes of a name are compared as one number, which is enough
/// for nearly all of them.
fn by_name(cases: &[CaseEntry]) -> impl Iterator<Item = usize> {
    let head = |name: &str| {
        let mut bytes = [0; 16];
        let n = name.len().min(16);
        bytes[..n].copy_from_slice(&name.as_bytes()[..n]);
        u128::from_be_bytes(bytes)
    };
    let mut order: Vec<(u128, usize)> = cases
        .iter()
        .enumerate()
        .map(|(i, c)| (head(c.name), i))
        .collect();
    order.sort_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| cases[a.1].name.cmp(cases[b.1].name))
    });
    order.into_iter().map(|(_, i)| i)
}

impl Catalog {
    /// The fixtures of a planned case that it shares with others, for people.
    pub fn shared_fixtures(&self, planned: &crate::plan::Planned, v: &Vocabulary) -> Vec<String> {
        self.shared_keys(planned.case, planned.level, v)
            .iter()
            .map(|k| k.shown())
            .collect()
    }

    /// What a case shares with others.
    pub(crate) fn shared_keys(
        &self,
        case: usize,
        level: Option<usize>,
        v: &Vocabulary,
    ) -> Vec<crate::stores::Key> {
        let mut keys = vec![];
        let fixtures = self.tests[self.cases[case].test].entry.fixtures;
        if !fixtures.is_empty() {
            let level_name = level.and_then(|l| v.levels().get(l)).map(|l| &*l.name);
            crate::stores::shared_keys(fixtures, &self.asker(case, level, level_name), &mut keys);
        }
        keys
    }

    /// What a case brings along for its fixtures.
    pub(crate) fn asker(
        &self,
        case: usize,
        level: Option<usize>,
        level_name: Option<&str>,
    ) -> crate::stores::Asker {
        let case = &self.cases[case];
        crate::stores::Asker {
            name: case.name.as_str().into(),
            module: self.tests[case.test].entry.module,
            params: case.params(self).into(),
            level,
            level_name: level_name.map(str::to_owned),
            fresh: case.marks.fresh,
            devices: crate::grant::Devices::default(),
            #[cfg(target_os = "linux")]
            sampler: None,
            notes: Arc::default(),
            writers: Arc::default(),
        }
    }
}
