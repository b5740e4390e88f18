//! Registered tests as literals.

use tribunal_vocabulary::Vocabulary;

use crate::body::{Cx, TestResult};
use crate::catalog::Catalog;
use crate::finding::{Finding, Severity};
use crate::fixture::FixtureEntry;
use crate::gates::Here;
use crate::options::Options;
use crate::registry::{
    ArgEntry, ArgValue, CaseEntry, Cases, MarkerEntry, ModuleMarkers, Place, TestEntry,
};

/// Leaks a value: registered entries live as long as the process.
pub(super) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn leak_list<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}

/// A marker from its text: `core_model`, `max_vram_gib(21)`, `timeout("5s")`, `hardware_test(cuda="H100", num_cards=2)`.
pub(super) fn marker(text: &'static str, line: u32) -> MarkerEntry {
    let (name, args) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
        None => (text, ""),
    };
    let args = args
        .split(',')
        .map(str::trim)
        .filter(|a| !a.is_empty())
        .map(|a| {
            let (key, value) = a
                .split_once('=')
                .map_or(("", a), |(k, v)| (k.trim(), v.trim()));
            let value = match value {
                "true" => ArgValue::Bool(true),
                "false" => ArgValue::Bool(false),
                v if v.starts_with('"') => ArgValue::Str(v.trim_matches('"')),
                v if v.starts_with("feature:") => {
                    ArgValue::Feature(&v[9..], v.as_bytes()[8] == b'+')
                }
                v => v.parse().map_or_else(
                    |_| ArgValue::Float(v.parse().expect("a number")),
                    ArgValue::Int,
                ),
            };
            ArgEntry { key, value }
        })
        .collect();
    MarkerEntry {
        name,
        args: leak_list(args),
        line,
        column: 3,
    }
}

pub(super) fn markers(texts: &[&'static str], line: u32) -> &'static [MarkerEntry] {
    leak_list(
        texts
            .iter()
            .enumerate()
            .map(|(i, t)| marker(t, line + i as u32))
            .collect(),
    )
}

pub(super) fn pass(_: &Cx<'_>) -> TestResult {
    Ok(())
}

/// A test under construction.
pub(super) struct Make(TestEntry);

/// A test `suite::MODULE::NAME`, line by line below one another.
pub(super) fn test(name: &'static str) -> Make {
    let (module, name) = name.rsplit_once("::").map_or(("suite", name), |(m, n)| {
        (format!("suite::{m}").leak() as &str, n)
    });
    let place = Place {
        file: "tests/suite.rs",
        line: 10,
        column: 4,
    };
    Make(TestEntry {
        name,
        module,
        place,
        doc: "",
        markers: &[],
        ignore: None,
        should_panic: None,
        fixtures: &[],
        cases: Cases::One,
        is_async: false,
        body: pass,
    })
}

impl Make {
    pub fn marked(mut self, texts: &[&'static str]) -> Self {
        self.0.markers = markers(texts, 20);
        self
    }
    pub fn body_async(mut self, body: fn(&Cx<'_>) -> TestResult) -> Self {
        self.0.is_async = true;
        self.body(body)
    }
    pub fn at(mut self, line: u32) -> Self {
        self.0.place.line = line;
        self
    }
    pub fn ignored(mut self, why: &'static str) -> Self {
        self.0.ignore = Some(why);
        self
    }
    pub fn should_panic(mut self, expected: &'static str) -> Self {
        self.0.should_panic = Some(expected);
        self
    }
    pub fn fixtures(mut self, fixtures: &[&'static FixtureEntry]) -> Self {
        self.0.fixtures = leak_list(fixtures.to_vec());
        self
    }
    pub fn cases(mut self, cases: &[(&'static str, &[&'static str])]) -> Self {
        let place = self.0.place;
        let list = cases
            .iter()
            .enumerate()
            .map(|(i, (name, texts))| CaseEntry {
                name,
                at: leak_list(vec![i as u16]),
                params: leak_list(vec![("p", *name)]),
                markers: markers(texts, 30),
                place,
            })
            .collect();
        self.0.cases = Cases::Listed(leak_list(list));
        self
    }
    pub fn provided(
        mut self,
        provider: fn() -> Result<Vec<crate::registry::ProvidedCase>, String>,
    ) -> Self {
        self.0.cases = Cases::From(provider);
        self
    }
    pub fn body(mut self, body: fn(&Cx<'_>) -> TestResult) -> Self {
        self.0.body = body;
        self
    }
    pub fn raw(self) -> TestEntry {
        self.0
    }
    pub fn entry(self) -> &'static TestEntry {
        leak(self.0)
    }
}

pub(super) fn module(name: &str, texts: &[&'static str]) -> &'static ModuleMarkers {
    leak(ModuleMarkers {
        module: if name.is_empty() {
            "suite"
        } else {
            format!("suite::{name}").leak()
        },
        file: "tests/suite.rs",
        markers: markers(texts, 1),
    })
}

pub(super) fn vocabulary() -> &'static Vocabulary {
    Vocabulary::shipped()
}

/// The catalog of tests that break no rule.
pub(super) fn catalog(tests: Vec<Make>) -> Catalog {
    let (catalog, findings) = Catalog::build(
        tests.into_iter().map(Make::entry).collect(),
        &[],
        vocabulary(),
    );
    let errors: Vec<&Finding> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    catalog
}

pub(super) fn options(args: &[&str]) -> Options {
    Options::parse(&args.iter().map(|a| a.into()).collect::<Vec<_>>(), &|_| {
        None
    })
    .expect("a valid command line")
}

/// This machine, with deployments that nobody has said anything of.
pub(super) fn here() -> Here {
    Here::new(Box::new(|_, _| Ok(crate::gates::Offer::default())))
}
