//! Every case there is, with its merged markers.
//!
//! Promise: a pure function of the registered entries and the vocabulary. Markers merge from the outermost module inwards, then the test's, then
//! the case's; then come those that fixtures and defaults add. Every broken rule of every test is found, not only the first. Tests that carry the
//! same markers share one [`Marks`], so that a hundred thousand cases cost little more than their names.
//!
//! Rejected: storing the origin of every marker for every test (only `--explain` asks, and it can be computed again for one test).

use std::any::Any;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tribunal_vocabulary::{Arg, MarkerId, MarkerSet, ProblemAt, Value, Vocabulary, parse_duration};

use crate::finding::Finding;
use crate::fixture::FixtureEntry;
use crate::registry::{ArgEntry, ArgValue, Cases, MarkerEntry, ModuleMarkers, Place, TestEntry};

/// Every registered case.
pub struct Catalog {
    /// The tests, sorted by name.
    pub tests: Vec<Test>,
    /// The cases, sorted by name.
    pub cases: Vec<Case>,
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
}

/// What the markers of a case say, merged.
#[derive(Debug, Default)]
pub struct Marks {
    /// For marker expressions.
    pub set: MarkerSet,
    /// Indices of the declared levels, lowest first.
    pub levels: Vec<usize>,
    /// The limit of the body that the markers state.
    pub timeout: Option<Duration>,
    /// Else the limit of its kind.
    pub kind_limit: Option<Duration>,
    /// `skip("why")`.
    pub skip: Option<String>,
    /// `xfail("why", strict = …)`.
    pub xfail: Option<Xfail>,
    /// `requires(…)`.
    pub requires: Vec<Requirement>,
    /// The devices, any one of these lines suffices.
    pub devices: Vec<DeviceLine>,
    /// `max_vram_gib(…)`, peak per device.
    pub max_vram_gib: Option<f64>,
    /// Names that no two running cases may hold together: `serial` is the name `""`.
    pub exclusive: Vec<String>,
}

/// `xfail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xfail {
    /// Why it fails.
    pub reason: String,
    /// Whether a pass is a failure.
    pub strict: bool,
}

/// One condition of `requires(…)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// A cargo feature of the test's own crate, and whether this build has it.
    Feature(String, bool),
    /// An environment variable that must be set.
    Env(String),
    /// A program on `PATH`.
    Program(String),
    /// An operating system, as `std::env::consts::OS` names it.
    Os(String),
}

/// `count` devices of a platform, of one of the models (any, if empty).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLine {
    /// The platform; empty for any platform of graphics processors.
    pub platform: String,
    /// Declared names of models.
    pub models: Vec<String>,
    /// How many.
    pub count: u32,
}

/// Where a marker of a case came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `tribunal::markers!` of a module.
    Module(String, &'static str, u32),
    /// The function.
    Test(&'static str, u32),
    /// The case.
    Case(String, &'static str, u32),
    /// A fixture that the test asks for.
    Fixture(&'static str),
    /// A marker that implies it.
    Implied(String),
    /// The default of a category in which the test has none.
    Default(String),
}

impl Case {
    /// The last segment, for a case of several.
    pub fn short_name<'a>(&'a self, catalog: &Catalog) -> &'a str {
        self.name.get(catalog.tests[self.test].name.len() + 2..).unwrap_or("")
    }

    /// Names and texts of its parameters.
    pub fn params(&self, catalog: &Catalog) -> Vec<(String, String)> {
        match (&catalog.tests[self.test].entry.cases, &self.provided) {
            (_, Some((_, text, _))) => vec![("case".into(), text.clone())],
            (Cases::Listed(list), _) => list[self.index].params.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
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
    if module.is_empty() { entry.name.to_owned() } else { format!("{module}::{}", entry.name) }
}

/// The owned twin of a `const` value.
pub fn value(v: &ArgValue) -> Value {
    match v {
        ArgValue::Int(i) => Value::Int(*i),
        ArgValue::Float(f) => Value::Float(*f),
        ArgValue::Str(s) | ArgValue::Feature(s, _) => Value::Str((*s).to_owned()),
        ArgValue::Bool(b) => Value::Bool(*b),
        ArgValue::None => Value::None,
        ArgValue::List(l) => Value::List(l.iter().map(value).collect()),
        ArgValue::Map(m) => Value::Map(m.iter().map(|a| (a.key.to_owned(), value(&a.value))).collect()),
    }
}

/// The owned twin of `const` arguments.
pub fn args(entries: &[ArgEntry]) -> Vec<Arg> {
    entries.iter().map(|a| Arg { key: a.key.to_owned(), value: value(&a.value) }).collect()
}

/// One marker on its way into a [`Marks`], wherever it was written.
struct Written {
    name: String,
    args: Vec<Arg>,
    /// What `cfg!(feature = …)` said, by feature.
    features: Vec<(String, bool)>,
}

impl Written {
    fn of(entry: &MarkerEntry) -> Written {
        let mut features = vec![];
        fn walk(v: &ArgValue, out: &mut Vec<(String, bool)>) {
            match v {
                ArgValue::Feature(name, on) => out.push(((*name).to_owned(), *on)),
                ArgValue::List(l) => l.iter().for_each(|v| walk(v, out)),
                ArgValue::Map(m) => m.iter().for_each(|a| walk(&a.value, out)),
                _ => {}
            }
        }
        entry.args.iter().for_each(|a| walk(&a.value, &mut features));
        Written { name: entry.name.to_owned(), args: args(entry.args), features }
    }
}

/// Merges markers into one [`Marks`], and says what is wrong with them.
fn merge(written: &[Written], implied_by_fixtures: &[&'static str], v: &Vocabulary, problems: &mut Vec<String>) -> Marks {
    let mut m = Marks::default();
    let add = |m: &mut Marks, name: &str, args: &[Arg], problems: &mut Vec<String>| {
        if v.marker(name).is_none() {
            problems.push(v.unknown_marker(name));
            return;
        }
        v.add(&mut m.set, name, args);
    };
    for w in written {
        for problem in v.check(&w.name, &w.args) {
            if problem.at != ProblemAt::Name || v.marker(&w.name).is_some() {
                problems.push(problem.message.clone());
            }
        }
        add(&mut m, &w.name, &w.args, problems);
        read(&mut m, w, v);
    }
    for name in implied_by_fixtures {
        // A fixture speaks only where the test itself is silent.
        let category = v.marker(name).and_then(|k| k.category()).and_then(|c| v.categories().iter().find(|k| k.name == c));
        let silent = category.is_none_or(|c| !c.members.iter().any(|id| m.set.contains(*id)));
        if silent {
            add(&mut m, name, &[], problems);
        }
    }
    for id in v.defaults(&m.set) {
        m.set.insert(id);
    }
    m.levels = v.levels().iter().enumerate().filter(|(_, l)| m.set.contains(l.id)).map(|(i, _)| i).collect();
    m.kind_limit = v.limit(&m.set);
    if m.devices.is_empty() {
        m.devices.extend(devices_of_markers(&m.set, v));
    }
    for breach in v.rules(&m.set) {
        problems.push(breach.message.clone());
    }
    m
}

/// Reads what a marker with behaviour says.
fn read(m: &mut Marks, w: &Written, v: &Vocabulary) {
    let named = v.named_args(&w.name, &w.args);
    let get = |key: &str| named.iter().find(|(k, _)| k == key).map(|(_, v)| v);
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::Str(s)) => vec![s.clone()],
            Some(Value::List(l)) => l.iter().filter_map(|v| if let Value::Str(s) = v { Some(s.clone()) } else { None }).collect(),
            _ => vec![],
        }
    };
    match w.name.as_str() {
        "timeout" => {
            m.timeout = match named.first().map(|(_, v)| v) {
                Some(Value::Str(s)) => parse_duration(s).ok(),
                Some(Value::Int(s)) => u64::try_from(*s).ok().map(Duration::from_secs),
                Some(Value::Float(s)) => Duration::try_from_secs_f64(*s).ok(),
                _ => None,
            }
        }
        "max_vram_gib" => {
            m.max_vram_gib = match named.first().map(|(_, v)| v) {
                Some(Value::Int(n)) => Some(*n as f64),
                Some(Value::Float(n)) => Some(*n),
                _ => None,
            }
        }
        "skip" => m.skip = texts(get("reason")).pop(),
        "xfail" => {
            let strict = !matches!(get("strict"), Some(Value::Bool(false)));
            m.xfail = texts(get("reason")).pop().map(|reason| Xfail { reason, strict });
        }
        "serial" => m.exclusive.push(texts(get("name")).pop().unwrap_or_default()),
        "requires" => {
            for f in texts(get("feature")) {
                let on = w.features.iter().any(|(n, on)| *n == f && *on);
                m.requires.push(Requirement::Feature(f, on));
            }
            m.requires.extend(texts(get("env")).into_iter().map(Requirement::Env));
            m.requires.extend(texts(get("program")).into_iter().map(Requirement::Program));
            m.requires.extend(texts(get("os")).into_iter().map(Requirement::Os));
        }
        "hardware_test" => {
            let count = |platform: &str| match get("num_cards") {
                Some(Value::Int(n)) => u32::try_from(*n).unwrap_or(1),
                Some(Value::Map(map)) => map.iter().find(|(k, _)| k == platform).and_then(|(_, n)| if let Value::Int(n) = n { u32::try_from(*n).ok() } else { None }).unwrap_or(1),
                _ => 1,
            };
            m.devices = v
                .platforms()
                .iter()
                .filter(|p| get(&p.name).is_some())
                .map(|p| DeviceLine { platform: p.name.clone(), models: texts(get(&p.name)), count: count(&p.name) })
                .collect();
        }
        _ => {}
    }
}

/// What bare markers ask for: `gpu_2`, `H100`, `rocm`. Nothing, where none of them stands.
fn devices_of_markers(set: &MarkerSet, v: &Vocabulary) -> Vec<DeviceLine> {
    let has = |name: &str| v.id(name).is_some_and(|id| set.contains(id));
    let number = |prefix: &str| -> Option<u32> {
        set.iter().filter_map(|id| v.name(id).strip_prefix(prefix)?.parse::<u32>().ok()).max()
    };
    let (gpus, cards) = (number("gpu_"), number("cards_"));
    if gpus == Some(0) {
        return vec![];
    }
    let named = |p: &tribunal_vocabulary::Platform| -> Vec<String> { p.devices.iter().filter(|d| set.contains(d.id)).map(|d| d.name.clone()).collect() };
    let lines: Vec<DeviceLine> = v
        .platforms()
        .iter()
        .filter(|p| set.contains(p.id) || !named(p).is_empty())
        .map(|p| DeviceLine { platform: p.name.clone(), models: named(p), count: gpus.or(cards).unwrap_or(1) })
        .collect();
    match (lines.is_empty(), gpus.or(cards)) {
        (true, Some(n)) => vec![DeviceLine { platform: String::new(), models: vec![], count: n }],
        (true, None) if has("gpu") => vec![DeviceLine { platform: String::new(), models: vec![], count: 1 }],
        _ => lines,
    }
}

/// Markers hash and compare by content, so that equal lists share one [`Marks`].
struct Key<'a>(Vec<&'a MarkerEntry>, Vec<&'static str>);

fn hash_value(v: &ArgValue, h: &mut impl Hasher) {
    std::mem::discriminant(v).hash(h);
    match v {
        ArgValue::Int(i) => i.hash(h),
        ArgValue::Float(f) => f.to_bits().hash(h),
        ArgValue::Str(s) => s.hash(h),
        ArgValue::Feature(s, on) => (s, on).hash(h),
        ArgValue::Bool(b) => b.hash(h),
        ArgValue::None => {}
        ArgValue::List(l) => l.iter().for_each(|v| hash_value(v, h)),
        ArgValue::Map(m) => m.iter().for_each(|a| {
            a.key.hash(h);
            hash_value(&a.value, h)
        }),
    }
}
fn same_value(a: &ArgValue, b: &ArgValue) -> bool {
    match (a, b) {
        (ArgValue::Int(a), ArgValue::Int(b)) => a == b,
        (ArgValue::Float(a), ArgValue::Float(b)) => a.to_bits() == b.to_bits(),
        (ArgValue::Str(a), ArgValue::Str(b)) => a == b,
        (ArgValue::Feature(a, x), ArgValue::Feature(b, y)) => a == b && x == y,
        (ArgValue::Bool(a), ArgValue::Bool(b)) => a == b,
        (ArgValue::None, ArgValue::None) => true,
        (ArgValue::List(a), ArgValue::List(b)) => a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| same_value(a, b)),
        (ArgValue::Map(a), ArgValue::Map(b)) => same_args(a, b),
        _ => false,
    }
}
fn same_args(a: &[ArgEntry], b: &[ArgEntry]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && same_value(&a.value, &b.value))
}
impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, h: &mut H) {
        for m in &self.0 {
            m.name.hash(h);
            for a in m.args {
                a.key.hash(h);
                hash_value(&a.value, h);
            }
        }
        self.1.hash(h);
    }
}
impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1 && self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.name == b.name && same_args(a.args, b.args))
    }
}
impl Eq for Key<'_> {}

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

/// The module markers that apply to a module, outermost first.
pub(crate) fn module_chain<'a>(modules: &HashMap<&str, Vec<&'a ModuleMarkers>>, module: &str) -> Vec<&'a ModuleMarkers> {
    if modules.is_empty() {
        return vec![];
    }
    let ends = module.match_indices("::").map(|(i, _)| i).chain([module.len()]);
    ends.filter_map(|end| modules.get(&module[..end])).flatten().copied().collect()
}

/// Module markers by module, in the order of the source.
pub(crate) fn by_module<'a>(all: &[&'a ModuleMarkers]) -> HashMap<&'a str, Vec<&'a ModuleMarkers>> {
    let mut map: HashMap<&str, Vec<&ModuleMarkers>> = HashMap::new();
    for m in all {
        map.entry(m.module).or_default().push(m);
    }
    for list in map.values_mut() {
        list.sort_by_key(|m| (m.file, m.markers.first().map(|k| k.line)));
    }
    map
}

impl Catalog {
    /// Builds the catalog of what `inventory` collected.
    pub fn collect(v: &Vocabulary) -> (Catalog, Vec<Finding>) {
        let tests: Vec<&'static TestEntry> = inventory::iter::<TestEntry>.into_iter().collect();
        let modules: Vec<&'static ModuleMarkers> = inventory::iter::<ModuleMarkers>.into_iter().collect();
        Catalog::build(tests, &modules, v)
    }

    /// Builds the catalog of given entries.
    pub fn build(entries: Vec<&'static TestEntry>, modules: &[&'static ModuleMarkers], v: &Vocabulary) -> (Catalog, Vec<Finding>) {
        let mut findings = vec![];
        let modules = by_module(modules);
        let mut shared: HashMap<Key<'static>, (Arc<Marks>, Vec<String>)> = HashMap::new();
        let mut marks_of = |list: Vec<&'static MarkerEntry>, implied: Vec<&'static str>| -> (Arc<Marks>, Vec<String>) {
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
        let mut named: Vec<(String, &'static TestEntry)> = entries.into_iter().map(|e| (test_name(e), e)).collect();
        named.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| (a.1.module, a.1.place).cmp(&(b.1.module, b.1.place))));
        let mut catalog = Catalog { tests: Vec::with_capacity(named.len()), cases: Vec::with_capacity(named.len()) };
        for (name, entry) in named {
            let mut list: Vec<&'static MarkerEntry> = module_chain(&modules, entry.module).iter().flat_map(|m| m.markers).collect();
            list.extend(entry.markers);
            let mut implied = vec![];
            fixture_markers(entry.fixtures, &mut implied);
            let (marks, problems) = marks_of(list.clone(), implied.clone());
            // Where every case has markers of its own, the test's alone never run: the cases' problems are the ones that count.
            let every_case_marked = matches!(entry.cases, Cases::Listed(l) if l.iter().all(|c| !c.markers.is_empty()));
            if !every_case_marked {
                findings.extend(problems.into_iter().map(|p| Finding::error(entry.place, &name, p)));
            }
            if let Some(previous) = catalog.tests.last()
                && previous.name == name
            {
                let other = previous.entry;
                let crates = if other.module.split("::").next() == entry.module.split("::").next() { "" } else { " (another crate: names leave the crate out)" };
                findings.push(Finding::error(entry.place, &name, format!("another test has this name: {}{crates}\nhelp: rename one of them", other.place)));
            }
            let test = catalog.tests.len();
            let plain = |index, name: String, marks| Case { test, name, marks, index, provided: None };
            match &entry.cases {
                Cases::One => catalog.cases.push(plain(0, name.clone(), marks.clone())),
                Cases::Listed(cases) => {
                    for (index, case) in cases.iter().enumerate() {
                        let full = format!("{name}::{}", case.name);
                        let own = if case.markers.is_empty() {
                            marks.clone()
                        } else {
                            let mut with: Vec<&'static MarkerEntry> = list.clone();
                            with.extend(case.markers);
                            let (own, problems) = marks_of(with, implied.clone());
                            findings.extend(problems.into_iter().map(|p| Finding::error(case.place, &full, p)));
                            own
                        };
                        catalog.cases.push(plain(index, full, own));
                    }
                }
                Cases::From(provider) => provided(provider, entry, &name, test, &list, &implied, &marks, v, &mut catalog, &mut findings),
            }
            catalog.tests.push(Test { entry, name, marks });
        }
        catalog.cases.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in catalog.cases.windows(2) {
            // Equal names of equal tests were reported above.
            if pair[0].name == pair[1].name && (pair[0].test == pair[1].test || catalog.tests[pair[0].test].name != catalog.tests[pair[1].test].name) {
                let (a, b) = (pair[0].place(&catalog), pair[1].place(&catalog));
                findings.push(Finding::error(b, &pair[1].name, format!("another case has this name: {a}\nhelp: give the cases names: #[cases(first = …, second = …)]")));
            }
        }
        catalog.lint(v, &mut findings);
        findings.sort_by(|a, b| (a.severity, a.place, &a.test, &a.message).cmp(&(b.severity, b.place, &b.test, &b.message)));
        findings.dedup();
        (catalog, findings)
    }

    /// What is allowed but unwise.
    fn lint(&self, v: &Vocabulary, findings: &mut Vec<Finding>) {
        let id = |name: &str| v.id(name);
        let (e2e, defaulted) = (id("e2e"), id("defaulted"));
        let has = |m: &Marks, marker: Option<MarkerId>| marker.is_some_and(|i| m.set.contains(i));
        for case in &self.cases {
            let (m, place) = (&case.marks, case.place(self));
            if m.timeout.is_none() {
                if let Some(level) = m.levels.iter().map(|l| &v.levels()[*l]).find(|l| l.needs_timeout) {
                    findings.push(Finding::error(place, &case.name, format!("a `{}` test must state its own time limit\nhelp: add #[timeout(\"30m\")], two to three times what it usually takes", level.name)));
                } else if has(m, e2e) || !m.devices.is_empty() {
                    let limit = m.kind_limit.map_or("none".to_owned(), |d| format!("{} s", d.as_secs()));
                    findings.push(Finding::warning(place, &case.name, format!("relies on the default time limit of its kind ({limit})\nhelp: add #[timeout(\"…\")], two to three times what it usually takes")));
                }
            }
            if has(m, defaulted) {
                findings.push(Finding::strict(place, &case.name, "got a marker by default (`--explain` shows which)\nhelp: write it out".into()));
            }
        }
    }

    /// The tests or cases whose name is nearest to a wrong one.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        tribunal_vocabulary::nearest(name, self.tests.iter().map(|t| t.name.as_str()).chain(self.cases.iter().map(|c| c.name.as_str())))
    }
}

/// The name of a provided case as an identifier, so that editors and nextest can name it.
fn identifier(name: &str) -> String {
    let slug = tribunal_vocabulary::slug(name);
    let fits = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    match slug {
        _ if fits => name.to_owned(),
        s if s.is_empty() => "case".to_owned(),
        s if s.starts_with(|c: char| c.is_ascii_digit()) => format!("case_{s}"),
        s => s,
    }
}

#[allow(clippy::too_many_arguments)]
fn provided(
    provider: &fn() -> Result<Vec<crate::registry::ProvidedCase>, String>,
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
    let made = match std::panic::catch_unwind(|| provider()) {
        Ok(Ok(cases)) => cases,
        Ok(Err(e)) => return findings.push(Finding::error(entry.place, name, format!("its cases cannot be made: {e}"))),
        Err(_) => return findings.push(Finding::error(entry.place, name, "the function that makes its cases panicked".into())),
    };
    if made.is_empty() {
        findings.push(Finding::warning(entry.place, name, "the function that makes its cases made none: nothing of this test can run".into()));
    }
    for (index, case) in made.into_iter().enumerate() {
        let ident = identifier(&case.name);
        let full = format!("{name}::{ident}");
        let marks = if case.markers.is_empty() {
            marks.clone()
        } else {
            let mut written: Vec<Written> = list.iter().map(|m| Written::of(m)).collect();
            written.extend(case.markers.into_iter().map(|(name, args)| Written { name, args: args.into_iter().map(|(key, value)| Arg { key, value }).collect(), features: vec![] }));
            let mut problems = vec![];
            let own = merge(&written, implied, v, &mut problems);
            findings.extend(problems.into_iter().map(|p| Finding::error(entry.place, &full, p)));
            Arc::new(own)
        };
        catalog.cases.push(Case { test, name: full, marks, index, provided: Some((case.value, case.text, case.name)) });
    }
}

impl Catalog {
    /// Every marker of a case with where it came from, in the order in which they merge. Computed for `--explain`.
    pub fn origins(&self, case: usize, v: &Vocabulary) -> Vec<(MarkerId, Origin)> {
        let (case, modules) = (&self.cases[case], inventory::iter::<ModuleMarkers>.into_iter().collect::<Vec<_>>());
        self.origins_among(case, &modules, v)
    }

    pub(crate) fn origins_among(&self, case: &Case, modules: &[&'static ModuleMarkers], v: &Vocabulary) -> Vec<(MarkerId, Origin)> {
        let entry = self.tests[case.test].entry;
        let modules = by_module(modules);
        let mut direct: Vec<(&str, Vec<Arg>, Origin)> = vec![];
        for module in module_chain(&modules, entry.module) {
            let shown = without_crate(module.module);
            let shown = if shown.is_empty() { "of the crate's root" } else { shown };
            direct.extend(module.markers.iter().map(|m| (m.name, args(m.args), Origin::Module(shown.to_owned(), module.file, m.line))));
        }
        direct.extend(entry.markers.iter().map(|m| (m.name, args(m.args), Origin::Test(entry.place.file, m.line))));
        if let Cases::Listed(list) = &entry.cases {
            let own = &list[case.index];
            direct.extend(own.markers.iter().map(|m| (m.name, args(m.args), Origin::Case(own.name.to_owned(), entry.place.file, m.line))));
        }
        fn users(fixtures: &[&'static FixtureEntry], out: &mut Vec<(&'static str, &'static str)>) {
            for f in fixtures {
                out.extend(f.implies.iter().map(|m| (*m, f.name)));
                users(f.needs, out);
            }
        }
        let mut by_fixture = vec![];
        users(entry.fixtures, &mut by_fixture);
        direct.extend(by_fixture.into_iter().map(|(marker, fixture)| (marker, vec![], Origin::Fixture(fixture))));
        let mut seen: Vec<(MarkerId, Origin)> = vec![];
        for (name, _, origin) in &direct {
            if let Some(id) = v.id(name)
                && case.marks.set.contains(id)
                && !seen.iter().any(|(i, o)| *i == id && o == origin)
            {
                seen.push((id, origin.clone()));
            }
        }
        for (name, args, _) in &direct {
            for id in v.expand(name, args) {
                if case.marks.set.contains(id) && !seen.iter().any(|(i, _)| *i == id) {
                    seen.push((id, Origin::Implied((*name).to_owned())));
                }
            }
        }
        // What is left came from defaults, directly or by what they imply.
        for id in case.marks.set.iter() {
            if !seen.iter().any(|(i, _)| *i == id) {
                let category = v.categories().iter().find(|c| c.members.contains(&id)).map_or("defaulted", |c| c.name.as_str());
                seen.push((id, Origin::Default(category.to_owned())));
            }
        }
        seen
    }

    /// The fixtures of a planned case that it shares with others, for people.
    pub fn shared_fixtures(&self, planned: &crate::plan::Planned) -> Vec<String> {
        let case = &self.cases[planned.case];
        let entry = self.tests[case.test].entry;
        let asker = crate::stores::Asker { name: case.name.as_str().into(), module: entry.module, params: case.params(self).into(), level: planned.level, level_name: None };
        let mut keys = vec![];
        crate::stores::shared_keys(entry.fixtures, &asker, &mut keys);
        keys.iter().map(|k| k.shown()).collect()
    }
}
