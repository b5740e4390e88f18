//! Classes of failures: rules over what a failure leaves behind, as data.
//!
//! Promise: a pure function of the outcome, the phase, the failure's text and the end of the servers' logs; what no rule knows has no class. The class
//! says why it is that one. Rejected: classes in code (a project knows what its own servers say before they die), and regular expressions (these rules
//! are lists of phrases, and a phrase is read by whoever has the log before him).

use std::sync::OnceLock;

use serde::Deserialize;

use crate::line::{Outcome, PhaseName};

/// The rules that are shipped.
const SHIPPED: &str = include_str!("../classes.toml");
/// A file of rules that is longer than this is not one.
const LARGEST_FILE: usize = 1 << 20;
/// What a rule may say at most.
const LONGEST_PHRASE: usize = 400;

/// The classes, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Classes {
    list: Vec<Class>,
}

/// One class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// As people read it: `out of memory`.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// What to look at first.
    pub first: String,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rule {
    outcome: Vec<Outcome>,
    phase: Vec<Phase>,
    text: Vec<String>,
    log: Vec<String>,
    any: Vec<String>,
    asserted: bool,
    retry: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
enum Phase {
    #[serde(rename = "set-up")]
    SetUp,
    #[serde(rename = "body")]
    Body,
    #[serde(rename = "teardown")]
    Teardown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    doc: String,
    #[serde(default)]
    first: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    classes: std::collections::BTreeMap<String, Written>,
}

/// What is known of a failure.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// How the attempt ended.
    pub outcome: Outcome,
    /// In which phase; where that is not said, it follows from the outcome.
    pub phase: Option<PhaseName>,
    /// Its text.
    pub text: &'a str,
    /// The last lines of the logs of its servers.
    pub log: &'a str,
    /// The test says it in its own words.
    pub asserted: bool,
}

/// The class of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted {
    /// The class's name.
    pub class: String,
    /// What put it there.
    pub because: String,
    /// The group under which `retries` knows it (`infra`, `quality`), if any.
    pub group: Option<String>,
}

impl Classes {
    /// Those that are shipped.
    pub fn shipped() -> &'static Classes {
        static CLASSES: OnceLock<Classes> = OnceLock::new();
        CLASSES.get_or_init(|| match Classes::parse(SHIPPED) {
            Ok(classes) => classes,
            Err(e) => unreachable!("the shipped classes.toml is read by a test: {e}"),
        })
    }

    /// Reads a file of classes, in the order in which it has them.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Classes, String> {
        if text.len() > LARGEST_FILE {
            return Err(format!(
                "{} bytes are too many for a file of classes: at most {LARGEST_FILE}",
                text.len()
            ));
        }
        let mut file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut list = vec![];
        for name in order(text) {
            let Some(written) = file.classes.remove(&name) else {
                continue;
            };
            let name = name.replace('_', " ");
            for rule in &written.rules {
                check(&name, rule)?;
            }
            list.push(Class {
                name,
                doc: written.doc,
                first: written.first,
                rules: written.rules.into_iter().map(small).collect(),
            });
        }
        Ok(Classes { list })
    }

    /// These before the others: a class that both have gets the rules of both.
    #[must_use]
    pub fn before(self, others: &Classes) -> Classes {
        let mut list = self.list;
        for other in &others.list {
            match list.iter_mut().find(|class| class.name == other.name) {
                Some(class) => {
                    // Its rules stay in its first place, so that a project's own word comes first.
                    class.rules.extend(other.rules.iter().cloned());
                    for (mine, theirs) in [
                        (&mut class.doc, &other.doc),
                        (&mut class.first, &other.first),
                    ] {
                        if mine.is_empty() {
                            mine.clone_from(theirs);
                        }
                    }
                }
                None => list.push(other.clone()),
            }
        }
        Classes { list }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Class> {
        self.list.iter()
    }

    /// What `retries(…, on = [...])` may name: the groups first, then the classes.
    pub fn names(&self) -> Vec<&str> {
        let groups = self.list.iter().flat_map(|class| &class.rules);
        let mut names: Vec<&str> = groups.filter_map(|rule| rule.retry.as_deref()).collect();
        names.extend(self.list.iter().map(|class| class.name.as_str()));
        let mut known = std::collections::BTreeSet::new();
        names.retain(|name| known.insert(*name));
        names
    }

    /// The class of a failure: the first that has a rule for it.
    pub fn of(&self, failure: &Failure<'_>) -> Option<Sorted> {
        if !failure.outcome.is_failure() {
            return None;
        }
        let (text, log) = (failure.text.to_lowercase(), failure.log.to_lowercase());
        let phase = match (failure.phase, failure.outcome) {
            (Some(PhaseName::SetUp), _) | (None, Outcome::SetUpFailed) => Phase::SetUp,
            (Some(PhaseName::Teardown), _) | (None, Outcome::TeardownFailed) => Phase::Teardown,
            (Some(PhaseName::Body) | None, _) => Phase::Body,
        };
        self.list.iter().find_map(|class| {
            class.rules.iter().find_map(|rule| {
                let because = rule.because(failure, phase, &text, &log)?;
                Some(Sorted {
                    class: class.name.clone(),
                    because,
                    group: rule.retry.clone(),
                })
            })
        })
    }
}

impl Class {
    /// The groups under which some of its failures are repeated, each once.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = vec![];
        for group in self.rules.iter().filter_map(|rule| rule.retry.as_deref()) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }
}

impl Sorted {
    /// Whether `on` names it: its class (with spaces or underscores) or its group.
    pub fn is_named_by(&self, on: &str) -> bool {
        let on = on.replace('_', " ");
        on == self.class || self.group.as_deref() == Some(&on)
    }
}

impl Rule {
    /// What of it the failure fulfils, if all of it.
    fn because(
        &self,
        failure: &Failure<'_>,
        phase: Phase,
        text: &str,
        log: &str,
    ) -> Option<String> {
        let outcome = failure.outcome;
        // Nothing failed where a case passed that should not have: its text is the reason why it was to fail.
        let speaks_of_none = outcome == Outcome::UnexpectedPass && self.outcome.is_empty();
        if speaks_of_none
            || self.asserted && !failure.asserted
            || !self.outcome.is_empty() && !self.outcome.contains(&outcome)
            || !self.phase.is_empty() && !self.phase.contains(&phase)
        {
            return None;
        }
        let mut found = vec![];
        let mut ask = |phrases: &[String], places: &[(&str, &str)]| -> Option<()> {
            if phrases.is_empty() {
                return Some(());
            }
            let said = phrases.iter().find_map(|phrase| {
                let (_, place) = places.iter().find(|(all, _)| says(all, phrase))?;
                Some(format!("`{phrase}` stands in {place}"))
            })?;
            found.push(said);
            Some(())
        };
        let (in_text, in_log) = ((text, "the failure's text"), (log, "a server's log"));
        ask(&self.text, &[in_text])?;
        ask(&self.log, &[in_log])?;
        ask(&self.any, &[in_text, in_log])?;
        Some(match found.is_empty() {
            true if self.asserted => "the test says so in its own words".to_owned(),
            true => format!("it is `{}`", outcome.word()),
            false => found.join(", and "),
        })
    }
}

/// Whether a line says a phrase; `*` stands for anything on that line. Both in small letters.
fn says(text: &str, phrase: &str) -> bool {
    if !phrase.contains('*') {
        return text.contains(phrase);
    }
    text.lines().any(|line| {
        let mut rest = line;
        phrase.split('*').all(|part| match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    })
}

fn check(class: &str, rule: &Rule) -> Result<(), String> {
    let phrases = || rule.text.iter().chain(&rule.log).chain(&rule.any);
    if rule.outcome.is_empty() && !rule.asserted && phrases().next().is_none() {
        return Err(format!(
            "a rule of class `{class}` asks for nothing, so that it would match every failure\nhelp: give it `outcome`, `text`, `log` or `any`"
        ));
    }
    let meaningless = |phrase: &&String| {
        let said = phrase.replace('*', "");
        said.trim().chars().count() < 3 || phrase.len() > LONGEST_PHRASE
    };
    match phrases().find(meaningless) {
        Some(phrase) => Err(format!(
            "`{phrase}` of class `{class}` is no phrase: it needs 3 to {LONGEST_PHRASE} letters"
        )),
        None => Ok(()),
    }
}

fn small(mut rule: Rule) -> Rule {
    for phrase in rule
        .text
        .iter_mut()
        .chain(&mut rule.log)
        .chain(&mut rule.any)
    {
        *phrase = phrase.to_lowercase();
    }
    rule
}

/// The names of the classes in the order of the file, which the tables of the parser do not keep.
fn order(text: &str) -> Vec<String> {
    let Ok(table) = toml::de::DeTable::parse(text) else {
        return vec![];
    };
    let Some(toml::de::DeValue::Table(classes)) =
        table.get_ref().get("classes").map(|value| value.get_ref())
    else {
        return vec![];
    };
    let mut names: Vec<(usize, String)> = classes
        .iter()
        .map(|(name, _)| (name.span().start, name.get_ref().to_string()))
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
#[path = "class_tests.rs"]
mod tests;
