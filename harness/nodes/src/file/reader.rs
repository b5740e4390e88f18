//! Reads values: type and range; every mistake is collected.
//!
//! Promise: reading never stops at the first mistake and never panics; what could not be read is `None`, and there is a mistake that says why.

use serde_json::{Map, Number, Value as Json};
use tribunal_deploy::tree::{Entry, Found, Node, Place, Sources, Table, Value};
use tribunal_vocabulary::nearest;
use tribunal_workload::Note;

/// The most notes of a file: more are read by nobody.
const MOST_NOTES: usize = 200;

#[derive(Default)]
pub(crate) struct Reader {
    pub sources: Sources,
    pub found: Vec<Found>,
    pub notes: Vec<Note>,
    /// Keys that were told to be misspelt, and what was meant.
    misspelt: Vec<(Place, String)>,
}

impl Reader {
    pub fn mistake(&mut self, at: Place, message: impl Into<String>, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.found.push(Found::at(at, message, help));
    }

    pub fn note(&mut self, at: Place, text: impl Into<String>) {
        if self.notes.len() >= MOST_NOTES {
            return;
        }
        let note = Note {
            line: self.line(at),
            text: text.into(),
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: Place) -> usize {
        let text = self.sources.text(at.source).as_bytes();
        1 + text[..at.start.min(text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    pub fn wrong(&mut self, entry: &Entry, wanted: &str, help: &str) {
        self.wrong_node(&entry.key, &entry.node, wanted, help);
    }

    pub fn wrong_node(&mut self, key: &str, node: &Node, wanted: &str, help: &str) {
        let sort = node.sort();
        self.mistake(
            node.at,
            format!("`{key}` must be {wanted}, not {sort}"),
            help,
        );
    }

    /// Keys that are none of these. A misspelt one is a mistake; so is any other where `strict`, and else a note says that nothing reads it.
    pub fn known_keys(&mut self, table: &Table, of: &str, known: &[&str], strict: bool) {
        for entry in &table.0 {
            if known.contains(&&*entry.key) || entry.key.starts_with('_') {
                continue;
            }
            match nearest(&entry.key, known.iter().copied()) {
                Some(near) => {
                    self.misspelt.push((entry.key_at, near.to_owned()));
                    let message = format!("{of} has no field `{}`", entry.key);
                    self.mistake(entry.key_at, message, &format!("did you mean `{near}`?"));
                }
                None if strict => {
                    let message = format!("{of} has no field `{}`", entry.key);
                    self.mistake(
                        entry.key_at,
                        message,
                        &format!("it has {}", known.join(", ")),
                    );
                }
                None if self.is_anchor(entry) => {}
                None => self.note(
                    entry.key_at,
                    format!("nothing reads `{}` but what refers to it", entry.key),
                ),
            }
        }
    }

    /// Whether a field is there for others to refer to: `name: &anchor`.
    fn is_anchor(&self, entry: &Entry) -> bool {
        let text = self.sources.text(entry.key_at.source);
        let rest = text.get(entry.key_at.end..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        line.trim_start_matches(['"', '\'', ' ', ':'])
            .starts_with('&')
    }

    /// A field that must be there, and is not null.
    pub fn needed<'n>(
        &mut self,
        table: &'n Table,
        at: Place,
        of: &str,
        key: &str,
        help: &str,
    ) -> Option<&'n Entry> {
        match table.entry(key) {
            Some(entry) if entry.node.value != Value::Null => Some(entry),
            Some(entry) => {
                self.mistake(entry.key_at, format!("`{key}` is empty"), help);
                None
            }
            None => {
                // A misspelt one is told where it stands.
                if !self.is_misspelt(table, key) {
                    self.mistake(at, format!("{of} has no `{key}`"), help);
                }
                None
            }
        }
    }

    /// Whether a field is there under another name, which was told.
    pub fn is_misspelt(&self, table: &Table, key: &str) -> bool {
        self.misspelt
            .iter()
            .any(|(at, near)| near == key && table.0.iter().any(|entry| entry.key_at == *at))
    }

    pub fn text(&mut self, entry: &Entry) -> Option<String> {
        match entry.node.text() {
            Some(text) if !text.trim().is_empty() => Some(text.to_owned()),
            Some(_) => {
                self.mistake(entry.node.at, format!("`{}` is empty", entry.key), "");
                None
            }
            None => {
                self.wrong(entry, "text", "");
                None
            }
        }
    }

    pub fn bool(&mut self, entry: &Entry) -> Option<bool> {
        match entry.node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.wrong(entry, "true or false", "");
                None
            }
        }
    }

    /// An integer within a range.
    pub fn whole(&mut self, entry: &Entry, least: u32, most: u32) -> Option<u32> {
        self.whole_node(&entry.key, &entry.node, least, most)
    }

    pub fn whole_node(&mut self, key: &str, node: &Node, least: u32, most: u32) -> Option<u32> {
        let Value::Int(int) = node.value else {
            self.wrong_node(key, node, "an integer", "");
            return None;
        };
        let read = u32::try_from(int)
            .ok()
            .filter(|int| (least..=most).contains(int));
        if read.is_none() {
            self.mistake(
                node.at,
                format!("`{key}` must be from {least} to {most}, not {int}"),
                "",
            );
        }
        read
    }

    /// A port.
    pub fn port(&mut self, entry: &Entry) -> Option<u16> {
        self.whole(entry, 1, u32::from(u16::MAX))
            .and_then(|port| u16::try_from(port).ok())
    }

    /// A list.
    pub fn list<'n>(&mut self, entry: &'n Entry, of: &str) -> Option<&'n [Node]> {
        match &entry.node.value {
            Value::List(list) => Some(list),
            _ => {
                self.wrong(entry, &format!("a list of {of}"), "");
                None
            }
        }
    }

    /// A list of indices of nodes: in range, each once.
    pub fn indices(&mut self, entry: &Entry, nodes: usize) -> Vec<usize> {
        let mut read: Vec<usize> = Vec::new();
        for node in self.list(entry, "indices of nodes").unwrap_or_default() {
            let Value::Int(int) = node.value else {
                self.wrong_node(&entry.key, node, "a list of indices of nodes", "");
                continue;
            };
            match usize::try_from(int).ok().filter(|index| *index < nodes) {
                None => self.mistake(
                    node.at,
                    format!(
                        "`{}` names node {int}, and there is no such node",
                        entry.key
                    ),
                    &there_are(nodes),
                ),
                Some(index) if read.contains(&index) => self.mistake(
                    node.at,
                    format!("`{}` names node {index} twice", entry.key),
                    "name it once",
                ),
                Some(index) => read.push(index),
            }
        }
        read
    }

    /// A value without parts, spelt as in the file: `0.90` stays `0.90`.
    pub fn spelling(&self, node: &Node) -> Option<String> {
        let written = self
            .sources
            .text(node.at.source)
            .get(node.at.start..node.at.end)
            .unwrap_or_default();
        match node.value {
            Value::Int(int) if written.parse() == Ok(int) => Some(written.to_owned()),
            Value::Float(float) if written.parse() == Ok(float) => Some(written.to_owned()),
            _ => node.scalar(),
        }
    }

    /// A value as JSON. What JSON has not is null: the values that come here are kept as they were written.
    pub fn json(node: &Node) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(int) => Json::from(*int),
            Value::Float(float) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
            Value::Text(text) | Value::Date(text) => Json::String(text.clone()),
            Value::List(list) => Json::Array(list.iter().map(Reader::json).collect()),
            Value::Table(table) => Json::Object(Reader::object(table)),
        }
    }

    pub fn object(table: &Table) -> Map<String, Json> {
        table
            .0
            .iter()
            .map(|entry| (entry.key.clone(), Reader::json(&entry.node)))
            .collect()
    }
}

/// `there are nodes 0 to 3`.
pub(crate) fn there_are(nodes: usize) -> String {
    match nodes {
        0 | 1 => "there is node 0 alone".to_owned(),
        nodes => format!("there are nodes 0 to {}", nodes - 1),
    }
}
