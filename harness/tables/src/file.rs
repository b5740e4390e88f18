//! The reader, and what it found wrong.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tribunal_vocabulary::{Mistake, nearest};

/// Everything that is wrong with a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// The file, as it was named.
    pub file: String,
    /// The mistakes. There is at least one.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.list {
            writeln!(f, "{}", mistake.shown_in(&self.file))?;
        }
        let s = if self.list.len() == 1 { "" } else { "s" };
        write!(f, "{} mistake{s} in {}", self.list.len(), self.file)
    }
}

impl std::error::Error for Mistakes {}

/// A value with its place.
pub type Node<'i> = Spanned<DeValue<'i>>;

/// Reads one text and gathers its mistakes.
pub struct File<'t> {
    text: &'t str,
    list: Vec<Mistake>,
}

impl<'t> File<'t> {
    /// A reader of this text.
    pub fn new(text: &'t str) -> Self {
        Self { text, list: vec![] }
    }

    /// The table of the whole text; nothing where it cannot be read.
    pub fn parse(&mut self) -> Option<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.mistake(error.span().unwrap_or(0..0), error.message(), None);
        }
        errors.is_empty().then(|| table.into_inner())
    }

    /// The mistakes as an error, if there are any.
    pub fn done(mut self, file: &str) -> Result<(), Mistakes> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list
            .sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        Err(Mistakes {
            file: file.to_owned(),
            list: self.list,
        })
    }

    /// Adds a mistake at a place of the text, with what to do about it.
    pub fn mistake(&mut self, at: Range<usize>, message: impl Into<String>, help: Option<String>) {
        self.list
            .push(Mistake::in_text(self.text, at, message, help));
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|b| **b == b'\n').count() + 1
    }

    /// Reports keys that are none of these.
    pub fn known(&mut self, table: &DeTable<'_>, what: &str, keys: &[&str]) {
        for (key, _) in table {
            let name = key.get_ref();
            if !keys.contains(&name.as_ref()) {
                let help = match nearest(name, keys.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known: {}", keys.join(", ")),
                };
                self.mistake(
                    key.span(),
                    format!("{what} has no key `{name}`"),
                    Some(help),
                );
            }
        }
    }

    /// The text of a key.
    pub fn text(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        let node = table.get(key)?;
        match node.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            other => {
                self.wrong(node, key, "text", other);
                None
            }
        }
    }

    /// The text of a key that has to be there and say something.
    pub fn needed(
        &mut self,
        table: &DeTable<'_>,
        at: Range<usize>,
        what: &str,
        key: &str,
    ) -> String {
        match self.text(table, key) {
            Some(text) if !text.trim().is_empty() => text,
            Some(_) => {
                self.mistake(at, format!("the `{key}` of {what} is empty"), None);
                String::new()
            }
            None => {
                if !table.contains_key(key) {
                    self.mistake(at, format!("{what} has no `{key}`"), None);
                }
                String::new()
            }
        }
    }

    /// A text or a list of texts.
    pub fn texts(&mut self, table: &DeTable<'_>, key: &str) -> Option<Vec<String>> {
        let node = table.get(key)?;
        match node.get_ref() {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(items) => Some(
                items
                    .iter()
                    .filter_map(|item| match item.get_ref() {
                        DeValue::String(text) => Some(text.to_string()),
                        other => {
                            self.wrong(item, key, "a list of texts", other);
                            None
                        }
                    })
                    .collect(),
            ),
            other => {
                self.wrong(node, key, "a text or a list of texts", other);
                None
            }
        }
    }

    /// A list of statuses of HTTP.
    pub fn statuses(&mut self, table: &DeTable<'_>, key: &str) -> Option<Vec<u16>> {
        let node = table.get(key)?;
        let items = match node.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut out = vec![];
        for item in items {
            match integer(item.get_ref()).and_then(|n| u16::try_from(n).ok()) {
                Some(status @ 200..=599) => out.push(status),
                _ => self.mistake(
                    item.span(),
                    format!("`{key}` is a status of HTTP, or a list of them"),
                    Some("for example [400, 422]".into()),
                ),
            }
        }
        Some(out)
    }

    /// A table below a key.
    pub fn table<'a, 'i>(&mut self, table: &'a DeTable<'i>, key: &str) -> Option<&'a DeTable<'i>> {
        let node = table.get(key)?;
        match node.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                self.wrong(node, key, "a table", other);
                None
            }
        }
    }

    /// The tables of `[[key]]`, with the places of their beginnings.
    pub fn tables<'a, 'i>(
        &mut self,
        table: &'a DeTable<'i>,
        key: &str,
    ) -> Vec<(Range<usize>, &'a DeTable<'i>)> {
        let Some(node) = table.get(key) else {
            return vec![];
        };
        let DeValue::Array(items) = node.get_ref() else {
            self.wrong(
                node,
                key,
                &format!("a list of tables, [[{key}]]"),
                node.get_ref(),
            );
            return vec![];
        };
        let mut out = vec![];
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => out.push((item.span(), table)),
                other => self.wrong(item, key, &format!("a list of tables, [[{key}]]"), other),
            }
        }
        out
    }

    /// The value as JSON. Dates have no place there.
    pub fn json(&mut self, node: &Node<'_>) -> Value {
        match node.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Integer(_) => match integer(node.get_ref()) {
                Some(n) => Value::from(n),
                None => {
                    let help = "write the whole body as `text`".to_owned();
                    self.mistake(
                        node.span(),
                        "this integer does not fit into 64 bits",
                        Some(help),
                    );
                    Value::Null
                }
            },
            DeValue::Float(float) => {
                let number = float.as_str().replace('_', "").parse().ok();
                match number.and_then(Number::from_f64) {
                    Some(number) => Value::Number(number),
                    None => {
                        let help = "write the whole body as `text`".to_owned();
                        self.mistake(node.span(), "JSON has no such number", Some(help));
                        Value::Null
                    }
                }
            }
            DeValue::Datetime(_) => {
                let help = Some("write it as text".to_owned());
                self.mistake(node.span(), "JSON has no dates", help);
                Value::Null
            }
            DeValue::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            DeValue::Table(table) => Value::Object(self.object(table)),
        }
    }

    /// A table as a JSON object, its keys in the order of the file.
    pub fn object(&mut self, table: &DeTable<'_>) -> Map<String, Value> {
        let mut entries: Vec<_> = table.iter().collect();
        // The parser keeps them sorted by name.
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
            .into_iter()
            .map(|(key, node)| (key.get_ref().to_string(), self.json(node)))
            .collect()
    }

    fn wrong(&mut self, node: &Node<'_>, key: &str, wanted: &str, found: &DeValue<'_>) {
        let found = match found {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.mistake(
            node.span(),
            format!("`{key}` must be {wanted}, not {found}"),
            None,
        );
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    match value {
        DeValue::Integer(int) => {
            i64::from_str_radix(&int.as_str().replace('_', ""), int.radix()).ok()
        }
        _ => None,
    }
}
