//! The formats of an engine's configuration: read into values that keep their order, and written.

use std::fmt::Write as _;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::node::{Entry, Node, Table, Value, read_toml};
use crate::source::{Found, Place, Sources};
use crate::yaml;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Format {
    Json,
    Toml,
    Yaml,
}

pub(crate) fn parsed(
    sources: &Sources,
    source: usize,
    format: Format,
    found: &mut Vec<Found>,
) -> Option<Node> {
    match format {
        Format::Toml => read_toml(sources, source, found).map(|table| Node {
            value: Value::Table(table),
            at: sources.whole(source),
        }),
        Format::Yaml => yaml::read(sources, source)
            .map_err(|problem| found.push(problem))
            .ok(),
        Format::Json => {
            let text = sources.text(source);
            let place = sources.whole(source);
            match serde_json::from_str::<Json>(text) {
                Ok(Json(value)) => Some(placed(value, place)),
                Err(error) => {
                    let start: usize = text
                        .split_inclusive('\n')
                        .take(error.line().saturating_sub(1))
                        .map(str::len)
                        .sum::<usize>()
                        + error.column().saturating_sub(1);
                    let at = Place {
                        source,
                        start,
                        end: start,
                    };
                    let words = error.to_string();
                    let why = words.split(" at line ").next().unwrap_or_default();
                    found.push(Found::at(at, format!("this is no JSON: {why}"), None));
                    None
                }
            }
        }
    }
}

/// A value of JSON with its keys in the order of the file; it has no places.
struct Json(Value);

fn placed(value: Value, at: Place) -> Node {
    Node { value, at }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        const NOWHERE: Place = Place {
            source: usize::MAX,
            start: 0,
            end: 0,
        };
        impl<'de> Visitor<'de> for Reader {
            type Value = Json;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value of JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json(Value::Bool(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json(Value::Int(value)))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Json, E> {
                i64::try_from(value)
                    .map(|value| Json(Value::Int(value)))
                    .map_err(|_| {
                        E::custom(format!("{value} does not fit into 64 bits with a sign"))
                    })
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json(Value::Float(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json(Value::Text(value.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut out = Vec::new();
                while let Some(Json(value)) = list.next_element()? {
                    out.push(placed(value, NOWHERE));
                }
                Ok(Json(Value::List(out)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut out = Table::default();
                while let Some((key, Json(value))) = map.next_entry::<String, Json>()? {
                    if out.get(&key).is_some() {
                        return Err(serde::de::Error::custom(format!("`{key}` is there twice")));
                    }
                    out.set(Entry {
                        key,
                        key_at: NOWHERE,
                        node: placed(value, NOWHERE),
                    });
                }
                Ok(Json(Value::Table(out)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A value as JSON on one line, in numbers that readers of YAML 1.1 take for numbers too.
pub(crate) fn json(node: &Node) -> String {
    let mut out = String::new();
    write_json(&mut out, node);
    out
}

fn write_json(out: &mut String, node: &Node) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => drop(write!(out, "{value}")),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Text(text) | Value::Date(text) => out.push_str(&quoted(text)),
        Value::List(list) => {
            out.push('[');
            for (index, node) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(out, node);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (index, entry) in table.0.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(&entry.key));
                out.push(':');
                write_json(out, &entry.node);
            }
            out.push('}');
        }
    }
}

/// A number with a point and, where it has an exponent, with the sign of it: YAML 1.1 knows no others.
fn float(value: f64) -> String {
    let plain = format!("{value:?}");
    let Some((digits, exponent)) = plain.split_once('e') else {
        return plain;
    };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{digits}{point}e{sign}{exponent}")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A table as TOML, one key of the top on each line.
pub(crate) fn toml(node: &Node) -> String {
    let mut out = String::new();
    if let Value::Table(table) = &node.value {
        for entry in &table.0 {
            out.push_str(&toml_key(&entry.key));
            out.push_str(" = ");
            write_toml(&mut out, &entry.node);
            out.push('\n');
        }
    }
    out
}

fn toml_key(key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { key.to_owned() } else { toml_text(key) }
}

/// JSON's quoting, and DEL, which TOML wants escaped.
fn toml_text(text: &str) -> String {
    quoted(text).replace('\u{7f}', "\\u007f")
}

fn write_toml(out: &mut String, node: &Node) {
    match &node.value {
        // TOML has no null; a patch cannot bring one, since it is TOML itself.
        Value::Null => out.push_str("\"\""),
        Value::Text(text) => out.push_str(&toml_text(text)),
        Value::Date(date) => out.push_str(date),
        Value::List(list) => {
            out.push('[');
            for (index, node) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_toml(out, node);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (index, entry) in table.0.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                out.push_str(&toml_key(&entry.key));
                out.push_str(" = ");
                write_toml(out, &entry.node);
            }
            out.push_str(if table.0.is_empty() { "}" } else { " }" });
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => write_json(out, node),
    }
}
