//! What a deployment promises under faults, and what it is known to do otherwise: `fixtures/reliability/NAME.toml`.
//!
//! Promise: a new model is one file, or one entry of it; all mistakes of a file are told at once, with their lines and the nearest name. A known
//! deviation covers exactly a case and an oracle of it.
//!
//! Rejected: marking whole cases as expected to fail (a server whose health lies and that now hangs as well would still count as known).

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use tribunal_tables::{File, Mistakes};
use tribunal_vocabulary::{nearest, parse_duration};

/// What becomes of a server when one of its workers dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WorkerDeath {
    /// It is unavailable from then on: errors at once, and its health says so (vLLM, SGLang: an engine without a worker is no engine).
    #[default]
    Unavailable,
    /// What the dead worker did is lost; the others go on (routers, data parallel engines).
    Survived,
    /// What the dead worker did is lost; a new one takes its place.
    Respawned,
}

impl WorkerDeath {
    /// The words of the file.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("unavailable", Self::Unavailable),
        ("survived", Self::Survived),
        ("respawned", Self::Respawned),
    ];

    /// The word of the file.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, there)| *there == self)
            .map_or("", |(name, _)| name)
    }
}

/// By when what must hold. The defaults are those of vLLM-Omni's reliability suites (tests/dfx/reliability).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Until `/health` tells that the server cannot serve: 20 s.
    pub health: Duration,
    /// Until a new request fails: 15 s.
    pub fail_fast: Duration,
    /// Until a request that was under way has ended: 30 s.
    pub in_flight: Duration,
    /// Until nothing is left of a tree that was killed: 30 s.
    pub residue_kill: Duration,
    /// The same after SIGTERM: 90 s.
    pub residue_terminate: Duration,
    /// The same after SIGINT: 120 s.
    pub residue_interrupt: Duration,
    /// Until the server serves again once the fault is gone: 90 s.
    pub recovery: Duration,
    /// Until what clients left behind is free again: 10 s.
    pub release: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            health: s(20),
            fail_fast: s(15),
            in_flight: s(30),
            residue_kill: s(30),
            residue_terminate: s(90),
            residue_interrupt: s(120),
            recovery: s(90),
            release: s(10),
        }
    }
}

impl Bounds {
    const KEYS: [&'static str; 8] = [
        "health",
        "fail_fast",
        "in_flight",
        "residue_kill",
        "residue_terminate",
        "residue_interrupt",
        "recovery",
        "release",
    ];

    fn slot(&mut self, key: &str) -> Option<&mut Duration> {
        Some(match key {
            "health" => &mut self.health,
            "fail_fast" => &mut self.fail_fast,
            "in_flight" => &mut self.in_flight,
            "residue_kill" => &mut self.residue_kill,
            "residue_terminate" => &mut self.residue_terminate,
            "residue_interrupt" => &mut self.residue_interrupt,
            "recovery" => &mut self.recovery,
            "release" => &mut self.release,
            _ => return None,
        })
    }
}

/// What is asked of the server while it is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its name in the cases' names and in reports.
    pub name: String,
    /// The route, by the name of its capability.
    pub endpoint: String,
    /// What is sent there.
    pub payload: String,
}

/// Something that a deployment is known to do otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDeviation {
    /// The case.
    pub case: String,
    /// The oracle that does not hold in it.
    pub oracle: String,
    /// What the server does instead, in words.
    pub does: String,
    /// Where it is discussed or documented.
    pub link: String,
    /// The version in which it was seen.
    pub since: Option<String>,
    /// It is not seen in every run.
    pub sometimes: bool,
}

/// The names that a file may use.
#[derive(Clone, Copy, Debug)]
pub struct SubjectNames<'a> {
    /// Cases.
    pub cases: &'a [&'a str],
    /// Oracles.
    pub oracles: &'a [&'a str],
    /// Routes, by capability.
    pub endpoints: &'a [&'a str],
    /// Payloads.
    pub payloads: &'a [&'a str],
}

/// A deployment under faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// What becomes of it when a worker dies.
    pub worker_death: WorkerDeath,
    /// How its workers are told, where this is not what the deployment says.
    pub worker_pattern: Option<String>,
    /// By when what must hold.
    pub bounds: Bounds,
    /// What it is asked; empty: what its capabilities allow.
    pub requests: Vec<Asked>,
    /// What it is known to do otherwise.
    pub known: Vec<KnownDeviation>,
}

const KEYS: [&str; 9] = [
    "doc",
    "extends",
    "gone",
    "worker_death",
    "worker_pattern",
    "bounds",
    "request",
    "known",
    "since",
];
const KNOWN_KEYS: [&str; 6] = ["case", "oracle", "does", "link", "since", "sometimes"];

impl Subject {
    /// Reads a file. With `extends = "NAME"` it begins with the file of another deployment, which `other` reads; `gone = ["case/oracle"]` takes
    /// known deviations of that one out.
    ///
    /// # Errors
    /// All mistakes of the text, or those of the other.
    pub fn parse(
        text: &str,
        shown: &str,
        names: SubjectNames<'_>,
        other: impl FnOnce(&str) -> Option<Result<Subject, Mistakes>>,
    ) -> Result<Subject, Mistakes> {
        let mut file = File::new(text);
        let mut subject = Subject::default();
        if let Some(table) = file.parse() {
            file.known(&table, "a file of reliability", &KEYS);
            if let Some(name) = file.text(&table, "extends") {
                match other(&name) {
                    Some(read) => subject = read?,
                    None => {
                        let message = format!("there is no file of reliability of `{name}`");
                        file.mistake(place(&table, "extends"), message, None);
                    }
                }
            }
            subject.without(&mut file, &table);
            subject.read(&mut file, &table, names);
        }
        file.done(shown)?;
        Ok(subject)
    }

    /// What is known of this oracle in this case.
    pub fn known(&self, case: &str, oracle: &str) -> Option<&KnownDeviation> {
        self.known
            .iter()
            .find(|known| known.case == case && known.oracle == oracle)
    }

    /// What is known of this case.
    pub fn known_of<'a>(&'a self, case: &'a str) -> impl Iterator<Item = &'a KnownDeviation> {
        self.known.iter().filter(move |known| known.case == case)
    }

    fn without(&mut self, file: &mut File<'_>, table: &DeTable<'_>) {
        for name in file.texts(table, "gone").unwrap_or_default() {
            let before = self.known.len();
            self.known
                .retain(|known| format!("{}/{}", known.case, known.oracle) != name);
            if before == self.known.len() {
                let message = format!("`{name}` is not among what it extends");
                file.mistake(place(table, "gone"), message, None);
            }
        }
    }

    fn read(&mut self, file: &mut File<'_>, table: &DeTable<'_>, names: SubjectNames<'_>) {
        if let Some(word) = file.text(table, "worker_death") {
            let words = WorkerDeath::NAMES.map(|(name, _)| name);
            match WorkerDeath::NAMES.iter().find(|(name, _)| *name == word) {
                Some((_, death)) => self.worker_death = *death,
                None => one_of(
                    file,
                    place(table, "worker_death"),
                    "worker_death",
                    &word,
                    &words,
                ),
            }
        }
        if let Some(pattern) = file.text(table, "worker_pattern") {
            match regex::Regex::new(&pattern) {
                Ok(expression) if !expression.is_match("") => self.worker_pattern = Some(pattern),
                Ok(_) => file.mistake(
                    place(table, "worker_pattern"),
                    format!("`{pattern}` is found in everything, also in an empty line"),
                    Some("make it more particular".to_owned()),
                ),
                Err(error) => file.mistake(
                    place(table, "worker_pattern"),
                    error.to_string().lines().last().unwrap_or_default(),
                    None,
                ),
            }
        }
        self.read_bounds(file, table);
        let requests = file.tables(table, "request");
        if !requests.is_empty() {
            self.requests.clear();
        }
        for (at, entry) in requests {
            self.read_request(file, at, entry, names);
        }
        let since = file.text(table, "since");
        for (at, entry) in file.tables(table, "known") {
            self.read_known(file, at, entry, names, since.as_deref());
        }
    }

    fn read_bounds(&mut self, file: &mut File<'_>, table: &DeTable<'_>) {
        let Some(bounds) = file.table(table, "bounds") else {
            return;
        };
        file.known(bounds, "`bounds`", &Bounds::KEYS);
        for key in Bounds::KEYS {
            let Some(text) = file.text(bounds, key) else {
                continue;
            };
            match (parse_duration(&text), self.bounds.slot(key)) {
                (Ok(limit), Some(slot)) if !limit.is_zero() => *slot = limit,
                (Ok(_), _) => {
                    let message = format!("nothing can hold within `{key} = \"{text}\"`");
                    file.mistake(place(bounds, key), message, None);
                }
                (Err(why), _) => file.mistake(place(bounds, key), why.to_string(), None),
            }
        }
    }

    fn read_request(
        &mut self,
        file: &mut File<'_>,
        at: Range<usize>,
        entry: &DeTable<'_>,
        names: SubjectNames<'_>,
    ) {
        let what = "a request";
        file.known(entry, what, &["name", "endpoint", "payload"]);
        let asked = Asked {
            name: file.needed(entry, at.clone(), what, "name"),
            endpoint: file.needed(entry, at.clone(), what, "endpoint"),
            payload: file
                .text(entry, "payload")
                .unwrap_or_else(|| "text".to_owned()),
        };
        check(file, entry, "endpoint", &asked.endpoint, names.endpoints);
        check(file, entry, "payload", &asked.payload, names.payloads);
        if self.requests.iter().any(|there| there.name == asked.name) {
            file.mistake(
                at,
                format!("the request `{}` is there twice", asked.name),
                None,
            );
        }
        self.requests.push(asked);
    }

    fn read_known(
        &mut self,
        file: &mut File<'_>,
        at: Range<usize>,
        entry: &DeTable<'_>,
        names: SubjectNames<'_>,
        since: Option<&str>,
    ) {
        let what = "a known deviation";
        file.known(entry, what, &KNOWN_KEYS);
        let known = KnownDeviation {
            case: file.needed(entry, at.clone(), what, "case"),
            oracle: file.needed(entry, at.clone(), what, "oracle"),
            does: file.needed(entry, at.clone(), what, "does"),
            link: file.needed(entry, at.clone(), what, "link"),
            since: file
                .text(entry, "since")
                .or_else(|| since.map(str::to_owned)),
            sometimes: match entry
                .get("sometimes")
                .map(|node| (node.span(), node.get_ref()))
            {
                None => false,
                Some((_, DeValue::Boolean(value))) => *value,
                Some((at, _)) => {
                    file.mistake(at, "`sometimes` must be true or false", None);
                    false
                }
            },
        };
        check(file, entry, "case", &known.case, names.cases);
        check(file, entry, "oracle", &known.oracle, names.oracles);
        if self.known(&known.case, &known.oracle).is_some() {
            let message = format!("`{}/{}` is there twice", known.case, known.oracle);
            file.mistake(at, message, None);
        }
        self.known.push(known);
    }
}

fn place(table: &DeTable<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or(0..0, |node| node.span())
}

/// A name must be one of these. An empty one was told of already.
fn check(file: &mut File<'_>, table: &DeTable<'_>, key: &str, word: &str, words: &[&str]) {
    if !word.is_empty() && !words.contains(&word) {
        one_of(file, place(table, key), key, word, words);
    }
}

fn one_of(file: &mut File<'_>, at: Range<usize>, key: &str, word: &str, words: &[&str]) {
    let all: BTreeSet<&str> = words.iter().copied().collect();
    let help = match nearest(word, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", all.into_iter().collect::<Vec<_>>().join(", ")),
    };
    file.mistake(at, format!("`{word}` is no {key}"), Some(help));
}

#[cfg(test)]
#[path = "subject_tests.rs"]
mod tests;
