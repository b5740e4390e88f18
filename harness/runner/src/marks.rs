//! What the markers of a case say, merged into plain data.
//!
//! Promise: everything that a marker with behaviour says is read here and nowhere else; what is wrong with a marker is said in the words of the
//! vocabulary, which the macros use too.
//!
//! Rejected: looking markers up by name where they act (selection, gates, limits), each with its own idea of a missing argument.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use tribunal_vocabulary::{
    Arg, Date, MarkerSet, Platform, ProblemAt, Value, Vocabulary, parse_duration,
};

use crate::policy::{Quarantine, Retries};
use crate::registry::{ArgEntry, ArgValue, MarkerEntry};

/// What the markers of a case say, merged.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// For marker expressions.
    pub set: MarkerSet,
    /// Indices of the declared levels, lowest first.
    pub levels: Vec<usize>,
    /// The limit of the body that the markers state.
    pub timeout: Option<Duration>,
    /// The limit of set-up that the markers state.
    pub setup_timeout: Option<Duration>,
    /// The limit of teardown that the markers state.
    pub teardown_timeout: Option<Duration>,
    /// It runs in a process of its own.
    pub isolated: bool,
    /// Else the limit of its kind.
    pub kind_limit: Option<Duration>,
    /// `skip("why")`.
    pub skip: Option<String>,
    /// `xfail("why", strict = …)`.
    pub xfail: Option<Xfail>,
    /// `retries(…)`, or `flaky(…)`.
    pub retries: Option<Retries>,
    /// `quarantine(…)`.
    pub quarantine: Option<Quarantine>,
    /// `requires(…)`.
    pub requires: Vec<Requirement>,
    /// The devices, any one of these lines suffices.
    pub devices: Vec<DeviceLine>,
    /// `max_vram_gib(…)`, peak per device.
    pub max_vram_gib: Option<f64>,
    /// `cpus(…)`: processors that it keeps busy; 0: none worth counting.
    pub cpus: u32,
    /// `host_memory_gib(…)`: memory of the host that it needs.
    pub host_memory_gib: Option<f64>,
    /// `alone`: nothing else runs on the host meanwhile, also of other runs.
    pub alone: bool,
    /// `stability`: it lasts as long as `--soak` asks.
    pub soaks: bool,
    /// It disturbs whoever measures: anything but a unit test.
    pub disturbs: bool,
    /// `server(fresh)`: whatever reads the deployment is made for this case alone.
    pub fresh: bool,
    /// `features(…)`: the features whose variants the cases are drawn from.
    pub features: Vec<String>,
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
    /// Something that the deployment must be able to do.
    Capability(String),
    /// A feature that the deployment must have on: `name` or `name=value`.
    ServerFeature(String),
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

/// The owned twin of a `const` value.
fn value(v: &ArgValue) -> Value {
    match v {
        ArgValue::Int(i) => Value::Int(*i),
        ArgValue::Float(f) => Value::Float(*f),
        ArgValue::Str(s) | ArgValue::Feature(s, _) => Value::Str((*s).to_owned()),
        ArgValue::Bool(b) => Value::Bool(*b),
        ArgValue::None => Value::None,
        ArgValue::List(l) => Value::List(l.iter().map(value).collect()),
        ArgValue::Map(m) => Value::Map(
            m.iter()
                .map(|a| (a.key.to_owned(), value(&a.value)))
                .collect(),
        ),
    }
}

/// The owned twin of `const` arguments.
pub(crate) fn args(entries: &[ArgEntry]) -> Vec<Arg> {
    entries
        .iter()
        .map(|a| Arg {
            key: a.key.to_owned(),
            value: value(&a.value),
        })
        .collect()
}

/// One marker on its way into a [`Marks`], wherever it was written.
pub(crate) struct Written {
    pub name: String,
    pub args: Vec<Arg>,
    /// What `cfg!(feature = …)` said, by feature.
    pub features: Vec<(String, bool)>,
}

impl Written {
    pub fn of(entry: &MarkerEntry) -> Written {
        let mut features = vec![];
        fn walk(v: &ArgValue, out: &mut Vec<(String, bool)>) {
            match v {
                ArgValue::Feature(name, on) => out.push(((*name).to_owned(), *on)),
                ArgValue::List(l) => l.iter().for_each(|v| walk(v, out)),
                ArgValue::Map(m) => m.iter().for_each(|a| walk(&a.value, out)),
                _ => {}
            }
        }
        entry
            .args
            .iter()
            .for_each(|a| walk(&a.value, &mut features));
        Written {
            name: entry.name.to_owned(),
            args: args(entry.args),
            features,
        }
    }
}

/// Merges markers into one [`Marks`], and says what is wrong with them.
pub(crate) fn merge(
    written: &[Written],
    implied_by_fixtures: &[&'static str],
    v: &Vocabulary,
    problems: &mut Vec<String>,
) -> Marks {
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
        let category = v
            .marker(name)
            .and_then(|k| k.category())
            .and_then(|c| v.categories().iter().find(|k| k.name == c));
        let silent = category.is_none_or(|c| !c.members.iter().any(|id| m.set.contains(*id)));
        if silent {
            add(&mut m, name, &[], problems);
        }
    }
    for id in v.defaults(&m.set) {
        m.set.insert(id);
    }
    m.levels = v
        .levels()
        .iter()
        .enumerate()
        .filter(|(_, l)| m.set.contains(l.id))
        .map(|(i, _)| i)
        .collect();
    m.kind_limit = v.limit(&m.set);
    let has = |name: &str| v.id(name).is_some_and(|id| m.set.contains(id));
    (m.alone, m.soaks, m.disturbs) = (has("alone"), has("stability"), !has("unit"));
    if m.devices.is_empty() {
        m.devices.extend(devices_of_markers(&m.set, v));
    }
    for breach in v.rules(&m.set) {
        problems.push(breach.message.clone());
    }
    m
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value {
        Some(Value::Int(n)) => Some(*n as f64),
        Some(Value::Float(n)) => Some(*n),
        _ => None,
    }
}

fn count(value: Option<&Value>) -> Option<u32> {
    match value {
        Some(Value::Int(n)) => u32::try_from(*n).ok(),
        _ => None,
    }
}

/// Reads what a marker with behaviour says.
fn read(m: &mut Marks, w: &Written, v: &Vocabulary) {
    let named = v.named_args(&w.name, &w.args);
    let get = |key: &str| named.iter().find(|(k, _)| k == key).map(|(_, v)| v);
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::Str(s)) => vec![s.clone()],
            Some(Value::List(l)) => l
                .iter()
                .filter_map(|v| {
                    if let Value::Str(s) = v {
                        Some(s.clone())
                    } else {
                        None
                    }
                })
                .collect(),
            _ => vec![],
        }
    };
    match w.name.as_str() {
        "timeout" => {
            let limit = |key: &str| match get(key) {
                Some(Value::Str(s)) => parse_duration(s).ok(),
                Some(Value::Int(s)) => u64::try_from(*s).ok().map(Duration::from_secs),
                Some(Value::Float(s)) => Duration::try_from_secs_f64(*s).ok(),
                _ => None,
            };
            m.timeout = limit("limit");
            m.setup_timeout = limit("setup").or(m.setup_timeout);
            m.teardown_timeout = limit("teardown").or(m.teardown_timeout);
        }
        "isolated" => m.isolated = true,
        "max_vram_gib" => {
            m.max_vram_gib = number(named.first().map(|(_, v)| v));
        }
        "host_memory_gib" => m.host_memory_gib = number(named.first().map(|(_, v)| v)),
        "cpus" => {
            m.cpus = match named.first().map(|(_, v)| v) {
                Some(Value::Int(n)) => u32::try_from(*n).unwrap_or(0),
                _ => 0,
            }
        }
        "skip" => m.skip = texts(get("reason")).pop(),
        "xfail" => {
            let strict = !matches!(get("strict"), Some(Value::Bool(false)));
            m.xfail = texts(get("reason"))
                .pop()
                .map(|reason| Xfail { reason, strict });
        }
        "retries" => {
            m.retries = Some(Retries {
                count: count(get("count")).unwrap_or(0),
                on: texts(get("on")),
                texts: vec![],
            });
        }
        "flaky" => {
            m.retries = Some(Retries {
                count: count(get("reruns")).unwrap_or(1),
                on: vec![],
                texts: texts(get("only_rerun")),
            });
        }
        "quarantine" => {
            let until = texts(get("until")).pop();
            m.quarantine = until
                .and_then(|day| Date::parse(&day).ok())
                .map(|until| Quarantine {
                    reason: texts(get("reason")).pop().unwrap_or_default(),
                    issue: texts(get("issue")).pop().unwrap_or_default(),
                    until,
                });
        }
        "server" => m.fresh |= matches!(get("fresh"), Some(Value::Bool(true))),
        "features" => {
            let on = |(_, value): &&(String, Value)| matches!(value, Value::Bool(true));
            m.features = named.iter().filter(on).map(|(k, _)| k.clone()).collect();
        }
        "serial" => m
            .exclusive
            .push(texts(get("name")).pop().unwrap_or_default()),
        "requires" => {
            for f in texts(get("feature")) {
                let on = w.features.iter().any(|(n, on)| *n == f && *on);
                m.requires.push(Requirement::Feature(f, on));
            }
            m.requires
                .extend(texts(get("env")).into_iter().map(Requirement::Env));
            m.requires
                .extend(texts(get("program")).into_iter().map(Requirement::Program));
            m.requires
                .extend(texts(get("os")).into_iter().map(Requirement::Os));
            m.requires.extend(
                texts(get("capability"))
                    .into_iter()
                    .map(Requirement::Capability),
            );
            m.requires.extend(
                texts(get("server_feature"))
                    .into_iter()
                    .map(Requirement::ServerFeature),
            );
        }
        "hardware_test" => {
            let count = |platform: &str| match get("num_cards") {
                Some(Value::Int(n)) => u32::try_from(*n).unwrap_or(1),
                Some(Value::Map(map)) => map
                    .iter()
                    .find(|(k, _)| k == platform)
                    .and_then(|(_, n)| {
                        if let Value::Int(n) = n {
                            u32::try_from(*n).ok()
                        } else {
                            None
                        }
                    })
                    .unwrap_or(1),
                _ => 1,
            };
            m.devices = v
                .platforms()
                .iter()
                .filter(|p| get(&p.name).is_some())
                .map(|p| DeviceLine {
                    platform: p.name.clone(),
                    models: texts(get(&p.name)),
                    count: count(&p.name),
                })
                .collect();
        }
        _ => {}
    }
}

/// What bare markers ask for: `gpu_2`, `H100`, `rocm`. Nothing, where none of them stands.
fn devices_of_markers(set: &MarkerSet, v: &Vocabulary) -> Vec<DeviceLine> {
    let has = |name: &str| v.id(name).is_some_and(|id| set.contains(id));
    let number = |prefix: &str| -> Option<u32> {
        set.iter()
            .filter_map(|id| v.name(id).strip_prefix(prefix)?.parse::<u32>().ok())
            .max()
    };
    let (gpus, cards) = (number("gpu_"), number("cards_"));
    if gpus == Some(0) {
        return vec![];
    }
    let named = |p: &Platform| -> Vec<String> {
        p.devices
            .iter()
            .filter(|d| set.contains(d.id))
            .map(|d| d.name.clone())
            .collect()
    };
    let lines: Vec<DeviceLine> = v
        .platforms()
        .iter()
        .filter(|p| set.contains(p.id) || !named(p).is_empty())
        .map(|p| DeviceLine {
            platform: p.name.clone(),
            models: named(p),
            count: gpus.or(cards).unwrap_or(1),
        })
        .collect();
    match (lines.is_empty(), gpus.or(cards)) {
        (true, Some(n)) => vec![DeviceLine {
            platform: String::new(),
            models: vec![],
            count: n,
        }],
        (true, None) if has("gpu") => vec![DeviceLine {
            platform: String::new(),
            models: vec![],
            count: 1,
        }],
        _ => lines,
    }
}

/// Markers hash and compare by content, so that equal lists share one [`Marks`].
pub(crate) struct Key<'a>(pub Vec<&'a MarkerEntry>, pub Vec<&'static str>);

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
        (ArgValue::List(a), ArgValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| same_value(a, b))
        }
        (ArgValue::Map(a), ArgValue::Map(b)) => same_args(a, b),
        _ => false,
    }
}
fn same_args(a: &[ArgEntry], b: &[ArgEntry]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.key == b.key && same_value(&a.value, &b.value))
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
        self.1 == other.1
            && self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(a, b)| a.name == b.name && same_args(a.args, b.args))
    }
}
impl Eq for Key<'_> {}
