//! Reads values with their places; every mistake is collected.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};
use tribunal_deploy::tree::{Entry, Found, Node, Place, Sources, Table, Value};
use tribunal_vocabulary::nearest;

#[derive(Default)]
pub(crate) struct Reader {
    pub sources: Sources,
    pub found: Vec<Found>,
}

impl Reader {
    pub fn mistake(&mut self, at: Place, message: impl Into<String>, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.found.push(Found::at(at, message, help));
    }

    pub fn wrong(&mut self, key: &str, node: &Node, wanted: &str) {
        let sort = node.sort();
        self.mistake(node.at, format!("`{key}` must be {wanted}, not {sort}"), "");
    }

    /// Keys that are none of these are mistakes.
    pub fn known(&mut self, table: &Table, of: &str, known: &[&str]) {
        for entry in &table.0 {
            if known.contains(&&*entry.key) {
                continue;
            }
            let help = match nearest(&entry.key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", known.join(", ")),
            };
            self.mistake(
                entry.key_at,
                format!("{of} has no field `{}`", entry.key),
                &help,
            );
        }
    }

    pub fn text(&mut self, key: &str, node: &Node) -> Option<String> {
        match node.text() {
            Some(text) if !text.is_empty() && !text.contains('\0') => Some(text.to_owned()),
            Some(_) => {
                self.mistake(node.at, format!("`{key}` is empty, or has a zero byte"), "");
                None
            }
            None => {
                self.wrong(key, node, "text");
                None
            }
        }
    }

    /// A text that a cluster takes, or what it has to be.
    pub fn checked(
        &mut self,
        key: &str,
        node: &Node,
        good: impl Fn(&str) -> bool,
        wanted: &str,
    ) -> Option<String> {
        let text = self.text(key, node)?;
        if good(&text) {
            return Some(text);
        }
        self.mistake(node.at, format!("`{key}` is `{text}`"), wanted);
        None
    }

    pub fn bool(&mut self, key: &str, node: &Node) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.wrong(key, node, "true or false");
                None
            }
        }
    }

    pub fn whole(&mut self, key: &str, node: &Node, least: u32, most: u32) -> Option<u32> {
        let Value::Int(int) = node.value else {
            self.wrong(key, node, "an integer");
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

    pub fn list<'n>(&mut self, key: &str, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(list) => list,
            _ => {
                self.wrong(key, node, "a list");
                &[]
            }
        }
    }

    pub fn table<'n>(&mut self, key: &str, node: &'n Node) -> Option<&'n Table> {
        let table = node.table();
        if table.is_none() {
            self.wrong(key, node, "a table");
        }
        table
    }

    pub fn texts(&mut self, key: &str, node: &Node) -> Vec<String> {
        let list = self.list(key, node);
        list.iter()
            .filter_map(|node| self.text(key, node))
            .collect()
    }

    /// A table of texts; numbers and bools as they are written.
    pub fn words(&mut self, key: &str, node: &Node) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for Entry { key, node, .. } in self.table(key, node).map(|table| &*table.0).unwrap_or(&[]) {
            match node.scalar() {
                Some(value) if !value.contains('\0') => {
                    out.insert(key.clone(), value);
                }
                _ => self.wrong(key, node, "text, a number or a bool"),
            }
        }
        out
    }
}

/// A value as JSON.
pub(crate) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
        Value::Text(text) | Value::Date(text) => Json::String(text.clone()),
        Value::List(list) => Json::Array(list.iter().map(json).collect()),
        Value::Table(table) => {
            let mut out = Map::new();
            for entry in &table.0 {
                out.insert(entry.key.clone(), json(&entry.node));
            }
            Json::Object(out)
        }
    }
}
