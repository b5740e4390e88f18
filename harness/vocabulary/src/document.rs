//! A TOML document that is read with all its mistakes collected.
//!
//! Promise: reading never stops at the first mistake and never panics; what could not be read is `None`, and there is a mistake
//! that says why. Rejected: serde (it stops at the first mistake, and its spans end where an `untagged` enum begins).

use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::duration::parse_duration;
use crate::mistake::{Mistake, Span};
use crate::nearest::nearest;

/// One key of a table, with its value.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub key: &'a str,
    pub key_span: Span,
    pub value: &'a DeValue<'a>,
    pub span: Span,
}

/// Text with its place.
pub(crate) struct Text {
    pub text: String,
    pub span: Span,
}

/// The text of the file, and the mistakes so far.
pub(crate) struct Document<'t> {
    pub text: &'t str,
    pub mistakes: Vec<Mistake>,
}

impl<'t> Document<'t> {
    pub fn new(text: &'t str) -> Document<'t> {
        Document {
            text,
            mistakes: Vec::new(),
        }
    }

    /// Parses the text. `None` if its grammar is so wrong that reading on would only report what follows from it: a key that is
    /// there twice is the one mistake of TOML's after which the rest still means what it says.
    pub fn parse(&mut self) -> Option<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let readable = errors.iter().all(|error| is_duplicate(error.message()));
        for error in &errors {
            let at = error.span().unwrap_or(0..0);
            let (message, help) = match self
                .text
                .get(at.clone())
                .filter(|_| is_duplicate(error.message()))
            {
                Some(key) => (
                    format!("`{key}` is there twice"),
                    Some("put both into one, or drop one".to_owned()),
                ),
                None => (error.message().to_owned(), None),
            };
            self.mistake((at.start, at.end), message, help);
        }
        readable.then(|| table.into_inner())
    }

    pub fn mistake(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        self.mistakes
            .push(Mistake::at(self.text, span, message.into(), help));
    }

    /// A key that does not exist. `of` names the table: "a level".
    pub fn unknown_key(&mut self, item: &Item<'_>, of: &str, known: &[&str]) {
        let help = match nearest(item.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", list(known.iter().copied())),
        };
        self.mistake(
            item.key_span,
            format!("{of} has no key `{}`", item.key),
            Some(help),
        );
    }

    /// The line of a place, for messages that point at a second one.
    pub fn line(&self, span: Span) -> usize {
        self.text.as_bytes()[..span.0.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }

    fn wrong_type(&mut self, item: &Item<'_>, wanted: &str) {
        self.mistake(
            item.span,
            format!("`{}` must be {wanted}, not {}", item.key, sort(item.value)),
            None,
        );
    }

    /// A table, its items in the order of the file.
    pub fn table<'a>(&mut self, item: &Item<'a>, wanted: &str) -> Option<Vec<Item<'a>>> {
        match item.value {
            DeValue::Table(table) => Some(items(table)),
            _ => {
                // The value of a header `[a.b]` spans nothing that is worth marking; here it is no table, so it spans the value.
                self.wrong_type(item, wanted);
                None
            }
        }
    }

    pub fn text(&mut self, item: &Item<'_>) -> Option<String> {
        match item.value {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.wrong_type(item, "text");
                None
            }
        }
    }

    /// Text that says something.
    pub fn doc(&mut self, item: &Item<'_>) -> Option<String> {
        let text = self.text(item)?;
        if text.trim().is_empty() {
            self.mistake(
                item.span,
                format!("`{}` is empty", item.key),
                Some("say in a few words what it means".to_owned()),
            );
            return None;
        }
        Some(text)
    }

    pub fn located(&mut self, item: &Item<'_>) -> Option<Text> {
        self.text(item).map(|text| Text {
            text,
            span: item.span,
        })
    }

    pub fn boolean(&mut self, item: &Item<'_>) -> Option<bool> {
        match item.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.wrong_type(item, "true or false");
                None
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, item: &Item<'_>) -> Option<Vec<Text>> {
        let DeValue::Array(array) = item.value else {
            self.wrong_type(item, "a list of texts");
            return None;
        };
        let mut texts = Vec::new();
        for value in array.iter() {
            let span = (value.span().start, value.span().end);
            match value.get_ref() {
                DeValue::String(text) => texts.push(Text {
                    text: text.to_string(),
                    span,
                }),
                other => self.mistake(
                    span,
                    format!("`{}` is a list of texts; this is {}", item.key, sort(other)),
                    None,
                ),
            }
        }
        Some(texts)
    }

    /// A list of groups, each a list of texts.
    pub fn groups(&mut self, item: &Item<'_>) -> Option<Vec<Vec<Text>>> {
        let DeValue::Array(array) = item.value else {
            self.wrong_type(item, "a list of groups of names");
            return None;
        };
        let mut groups = Vec::new();
        for value in array.iter() {
            let span = (value.span().start, value.span().end);
            if !matches!(value.get_ref(), DeValue::Array(_)) {
                let message = format!(
                    "`{}` is a list of groups; this is {}",
                    item.key,
                    sort(value.get_ref())
                );
                self.mistake(
                    span,
                    message,
                    Some("a group is a list as well: [[\"a\", \"b\"]]".to_owned()),
                );
                return None;
            }
            let inner = Item {
                value: value.get_ref(),
                span,
                ..*item
            };
            groups.extend(self.texts(&inner));
        }
        Some(groups)
    }

    /// Any number.
    pub fn number(&mut self, item: &Item<'_>) -> Option<f64> {
        let number = match item.value {
            DeValue::Integer(_) => return self.integer(item).map(|int| int as f64),
            DeValue::Float(float) => float.as_str().parse::<f64>().ok().filter(|x| x.is_finite()),
            _ => {
                self.wrong_type(item, "a number");
                return None;
            }
        };
        if number.is_none() {
            self.mistake(
                item.span,
                format!("`{}` is no finite number", item.key),
                None,
            );
        }
        number
    }

    pub fn integer(&mut self, item: &Item<'_>) -> Option<i64> {
        let DeValue::Integer(integer) = item.value else {
            self.wrong_type(item, "an integer");
            return None;
        };
        let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        if value.is_none() {
            self.mistake(
                item.span,
                format!("`{}` does not fit into 64 bits", item.key),
                None,
            );
        }
        value
    }

    /// A list of integers, each with its place.
    pub fn integers(&mut self, item: &Item<'_>) -> Option<Vec<(i64, Span)>> {
        let DeValue::Array(array) = item.value else {
            self.wrong_type(item, "a list of integers");
            return None;
        };
        let mut integers = Vec::new();
        for value in array.iter() {
            let one = Item {
                value: value.get_ref(),
                span: (value.span().start, value.span().end),
                ..*item
            };
            if matches!(one.value, DeValue::Integer(_)) {
                integers.extend(self.integer(&one).map(|int| (int, one.span)));
            } else {
                let message = format!(
                    "`{}` is a list of integers; this is {}",
                    item.key,
                    sort(one.value)
                );
                self.mistake(one.span, message, None);
            }
        }
        Some(integers)
    }

    /// A duration above zero.
    pub fn duration(&mut self, item: &Item<'_>) -> Option<Duration> {
        let text = match item.value {
            DeValue::String(text) => text,
            other => {
                let help = "write it as text with a unit: \"30s\", \"5m\", \"1h30m\"";
                let message = format!("`{}` must be a duration, not {}", item.key, sort(other));
                self.mistake(item.span, message, Some(help.to_owned()));
                return None;
            }
        };
        match parse_duration(text) {
            Ok(duration) if duration.is_zero() => {
                self.mistake(
                    item.span,
                    format!("`{}` must be more than zero", item.key),
                    None,
                );
                None
            }
            Ok(duration) => Some(duration),
            Err(message) => {
                self.mistake(item.span, message, None);
                None
            }
        }
    }
}

fn is_duplicate(message: &str) -> bool {
    message.starts_with("duplicate key")
}

/// The items of a table in the order of the file (the parser keeps them sorted by name).
pub(crate) fn items<'a>(table: &'a DeTable<'a>) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = table
        .iter()
        .map(|(key, value)| Item {
            key: key.get_ref(),
            key_span: (key.span().start, key.span().end),
            value: value.get_ref(),
            span: (value.span().start, value.span().end),
        })
        .collect();
    items.sort_by_key(|item| item.key_span.0);
    items
}

/// Names as a list for messages, each in backticks.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn sort(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a bool",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
