//! Reads values: type and range; every mistake is collected.
//!
//! Promise: reading never stops at the first mistake and never panics; what could not be read is `None`, and there is a mistake that says why.

use std::collections::BTreeMap;

use serde_json::{Map, Number};
use tribunal_deploy::Problems;
use tribunal_deploy::tree::{Entry, Found, Node, Place, Sources, Table, Value};
use tribunal_vocabulary::nearest;

use crate::case::WorkCase;
use crate::lookups::Lookups;
use crate::workload::Note;

pub(crate) struct Reader<'a> {
    pub sources: Sources,
    pub found: Vec<Found>,
    pub notes: Vec<Note>,
    pub lookups: &'a Lookups<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(lookups: &'a Lookups<'a>) -> Self {
        Self {
            sources: Sources::default(),
            found: Vec::new(),
            notes: Vec::new(),
            lookups,
        }
    }

    /// What was read, if nothing is wrong.
    pub fn done<T>(self, read: T) -> Result<(T, Vec<Note>), Problems> {
        if self.found.is_empty() {
            Ok((read, self.notes))
        } else {
            Err(self.sources.problems(self.found))
        }
    }

    pub fn mistake(&mut self, at: Place, message: impl Into<String>, help: Option<String>) {
        self.found.push(Found::at(at, message, help));
    }

    pub fn note(&mut self, at: Place, text: impl Into<String>) {
        let line = self.line(at);
        self.notes.push(Note {
            line,
            text: text.into(),
        });
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: Place) -> usize {
        let text = self.sources.text(at.source).as_bytes();
        1 + text[..at.start.min(text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    fn wrong(&mut self, entry: &Entry, wanted: &str) {
        self.wrong_node(&entry.key, &entry.node, wanted);
    }

    pub fn wrong_node(&mut self, key: &str, node: &Node, wanted: &str) {
        self.mistake(
            node.at,
            format!("`{key}` must be {wanted}, not {}", node.sort()),
            None,
        );
    }

    /// Reports a case whose name, below `key` of its table, another one has before it. `lines` has where names stand.
    pub fn once(
        &mut self,
        lines: &mut BTreeMap<String, usize>,
        case: &WorkCase,
        (table, at): (&Table, Place),
        key: &str,
    ) {
        if let Some(first) = lines.insert(case.test_name.clone(), case.line) {
            self.mistake(
                table.get(key).map_or(at, |node| node.at),
                format!("`{}` is there twice: first on line {first}", case.test_name),
                Some(format!("a `{key}` is the name of one case")),
            );
        }
    }

    /// Reports a key that is not known, with the nearest one that is.
    pub fn unknown_key(&mut self, entry: &Entry, of: &str, known: &[&str], else_help: &str) {
        let plain = crate::fields::plain(&entry.key);
        let help = match nearest(&plain, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => else_help.to_owned(),
        };
        self.mistake(
            entry.key_at,
            format!("{of} has no key `{}`", entry.key),
            Some(help),
        );
    }

    pub fn text(&mut self, entry: &Entry) -> Option<String> {
        match entry.node.text() {
            Some(text) if !text.trim().is_empty() => Some(text.to_owned()),
            Some(_) => {
                self.mistake(entry.node.at, format!("`{}` is empty", entry.key), None);
                None
            }
            None => {
                self.wrong(entry, "text");
                None
            }
        }
    }

    pub fn bool(&mut self, entry: &Entry) -> Option<bool> {
        match entry.node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.wrong(entry, "true or false");
                None
            }
        }
    }

    /// A finite number.
    pub fn number(&mut self, key: &str, node: &Node) -> Option<f64> {
        match finite(node) {
            Some(number) => Some(number),
            None => {
                self.wrong_node(key, node, "a number");
                None
            }
        }
    }

    /// A number from `least` to `most`.
    pub fn number_within(&mut self, entry: &Entry, least: f64, most: f64) -> Option<f64> {
        let number = self.number(&entry.key, &entry.node)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        let range = if most == f64::MAX {
            format!("at least {least}")
        } else {
            format!("from {least} to {most}")
        };
        self.mistake(
            entry.node.at,
            format!("`{}` must be {range}, not {number}", entry.key),
            None,
        );
        None
    }

    /// An integer from `least` to four thousand million.
    pub fn whole(&mut self, key: &str, node: &Node, least: u32) -> Option<u32> {
        match node.value {
            Value::Int(int) => match u32::try_from(int) {
                Ok(int) if int >= least => Some(int),
                _ => {
                    self.mistake(
                        node.at,
                        format!("`{key}` must be from {least} to {}, not {int}", u32::MAX),
                        None,
                    );
                    None
                }
            },
            _ => {
                self.wrong_node(key, node, "an integer");
                None
            }
        }
    }

    /// The texts of a list, or the one text.
    pub fn texts(&mut self, entry: &Entry) -> Option<Vec<String>> {
        match &entry.node.value {
            Value::Text(text) => Some(vec![text.clone()]),
            Value::List(list) => Some(
                list.iter()
                    .filter_map(|node| match node.scalar() {
                        Some(text) => Some(text),
                        None => {
                            self.wrong_node(&entry.key, node, "a list of texts");
                            None
                        }
                    })
                    .collect(),
            ),
            _ => {
                self.wrong(entry, "a text or a list of texts");
                None
            }
        }
    }

    /// A table as an object of JSON.
    pub fn object(&mut self, entry: &Entry) -> Option<Map<String, serde_json::Value>> {
        match self.json(&entry.key, &entry.node)? {
            serde_json::Value::Object(map) => Some(map),
            _ => {
                self.wrong(entry, "a table");
                None
            }
        }
    }

    /// A value as JSON.
    pub fn json(&mut self, key: &str, node: &Node) -> Option<serde_json::Value> {
        match json(node) {
            Ok(value) => Some(value),
            Err(at) => {
                self.mistake(
                    at,
                    format!("`{key}` is sent as JSON, and JSON has no such number"),
                    None,
                );
                None
            }
        }
    }
}

/// A finite number.
pub(crate) fn finite(node: &Node) -> Option<f64> {
    match node.value {
        // Above 2^53 nobody writes thresholds and rates.
        Value::Int(int) => Some(int as f64),
        Value::Float(float) if float.is_finite() => Some(float),
        _ => None,
    }
}

/// A value as JSON.
///
/// # Errors
/// The place of a number that JSON has not.
pub(crate) fn json(node: &Node) -> Result<serde_json::Value, Place> {
    use serde_json::Value as Json;
    Ok(match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) => Json::Number(Number::from_f64(*float).ok_or(node.at)?),
        Value::Text(text) | Value::Date(text) => Json::String(text.clone()),
        Value::List(list) => Json::Array(list.iter().map(json).collect::<Result<_, _>>()?),
        Value::Table(table) => Json::Object(
            table
                .0
                .iter()
                .map(|entry| Ok((entry.key.clone(), json(&entry.node)?)))
                .collect::<Result<_, Place>>()?,
        ),
    })
}
