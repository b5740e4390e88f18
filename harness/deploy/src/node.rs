//! Values with their places: what every reader of this crate works on, whichever format they were written in.
//!
//! Promise: keys keep the order of the file. Rejected: `toml::Value` (no places, sorted keys, and no null, which JSON and YAML have).

use toml::de::{DeTable, DeValue};

use crate::source::{Found, Place, Sources};

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub at: Place,
}

/// A value of TOML, YAML or JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, said.
    Null,
    /// True or false.
    Bool(bool),
    /// A number without a fraction.
    Int(i64),
    /// A number with one.
    Float(f64),
    /// Text.
    Text(String),
    /// A date of TOML, as it was written.
    Date(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key.
    Table(Table),
}

/// Values by key, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(pub Vec<Entry>);

/// A key and what stands there.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: Place,
    /// Its value.
    pub node: Node,
}

impl Table {
    /// What stands at a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// A key with what stands there.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// What stands at a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0
            .iter_mut()
            .find(|entry| entry.key == key)
            .map(|entry| &mut entry.node)
    }

    /// Takes a key out.
    pub fn take(&mut self, key: &str) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(at))
    }

    /// Sets a key, in its place where it is there, else as the last one.
    pub fn set(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|there| there.key == entry.key) {
            Some(there) => *there = entry,
            None => self.0.push(entry),
        }
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| &*entry.key)
    }
}

impl Node {
    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table, where it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Whether it is `false`.
    pub fn is_false(&self) -> bool {
        self.value == Value::Bool(false)
    }

    /// What the value is, with its article.
    pub fn sort(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Text(_) => "text",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// A value without parts as it would stand in an argument.
    pub fn scalar(&self) -> Option<String> {
        Some(match &self.value {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(value) | Value::Date(value) => value.clone(),
            Value::Null | Value::List(_) | Value::Table(_) => return None,
        })
    }
}

/// Reads a text of TOML. `None` if its grammar is so wrong that reading on would only report what follows from it.
pub(crate) fn read_toml(sources: &Sources, source: usize, found: &mut Vec<Found>) -> Option<Table> {
    read_toml_with(sources, source, false, found)
}

/// The same; `infinite`: whether `inf` is a number here.
pub(crate) fn read_toml_with(
    sources: &Sources,
    source: usize,
    infinite: bool,
    found: &mut Vec<Found>,
) -> Option<Table> {
    let text = sources.text(source);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut readable = true;
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let at = Place {
            source,
            start: span.start,
            end: span.end,
        };
        // A key that is there twice is the one mistake after which the rest still means what it says.
        let twice = text
            .get(span)
            .filter(|_| error.message().starts_with("duplicate key"));
        let (message, help) = match twice {
            Some(key) => (
                format!("`{key}` is there twice"),
                Some("put both into one, or drop one".to_owned()),
            ),
            None => {
                readable = false;
                (error.message().to_owned(), None)
            }
        };
        found.push(Found::at(at, message, help));
    }
    let before = found.len();
    let mut reader = Toml {
        source,
        infinite,
        found,
    };
    let table = reader.table(table.get_ref());
    // A number that cannot be one has no value to go on with.
    (readable && found.len() == before).then_some(table)
}

struct Toml<'a> {
    source: usize,
    infinite: bool,
    found: &'a mut Vec<Found>,
}

impl Toml<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place {
            source: self.source,
            start: span.start,
            end: span.end,
        }
    }

    fn table(&mut self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| {
                let key_at = self.place(key.span());
                let mut at = self.place(value.span());
                // The value of a header `[a.b]` spans nothing that is worth marking.
                if matches!(value.get_ref(), DeValue::Table(_)) && at.end <= at.start {
                    at = key_at;
                }
                Entry {
                    key: key.get_ref().to_string(),
                    key_at,
                    node: self.node(value.get_ref(), at),
                }
            })
            .collect();
        // The parser keeps them sorted by name.
        entries.sort_by_key(|entry| entry.key_at.start);
        Table(entries)
    }

    fn node(&mut self, value: &DeValue<'_>, at: Place) -> Node {
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Integer(int) => match i64::from_str_radix(int.as_str(), int.radix()) {
                Ok(int) => Value::Int(int),
                Err(_) => {
                    self.found.push(Found::at(
                        at,
                        "this integer does not fit into 64 bits",
                        None,
                    ));
                    Value::Int(0)
                }
            },
            DeValue::Float(float) => match float.as_str().parse::<f64>() {
                Ok(float) if float.is_finite() || (self.infinite && float.is_infinite()) => {
                    Value::Float(float)
                }
                _ => {
                    self.found
                        .push(Found::at(at, "this is no finite number", None));
                    Value::Float(0.0)
                }
            },
            DeValue::Array(array) => Value::List(
                array
                    .iter()
                    .map(|value| {
                        let at = self.place(value.span());
                        self.node(value.get_ref(), at)
                    })
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node { value, at }
    }
}
