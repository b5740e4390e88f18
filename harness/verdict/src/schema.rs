//! Whether a JSON value fits a JSON schema: the part of the standard that tools and guided output use.
//!
//! Promise: what is not understood is said, and never counts as fitting. Rejected: a crate for the whole standard; the ones there are
//! bring some twenty others, for references over the network and formats that no tool of a test uses.

use regex::Regex;
use serde_json::{Map, Value};

/// Deeper schemas are left alone: references may go in circles.
const DEEPEST: usize = 32;

/// What is wrong with a value, and which words of the schema were not understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub wrong: Vec<String>,
    pub unknown: Vec<String>,
}

/// Words that say nothing about the value.
const SAY_NOTHING: [&str; 14] = [
    "title",
    "description",
    "default",
    "examples",
    "$schema",
    "$id",
    "$defs",
    "definitions",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "strict",
    "nullable",
];

/// Holds a value against a schema.
pub(crate) fn check(schema: &Value, value: &Value) -> Findings {
    let mut findings = Findings::default();
    walk(schema, schema, value, "", 0, &mut findings);
    findings
}

fn walk(root: &Value, schema: &Value, value: &Value, at: &str, depth: usize, out: &mut Findings) {
    let place = if at.is_empty() { "the value" } else { at };
    if depth > DEEPEST {
        out.unknown
            .push(format!("a schema of more than {DEEPEST} levels"));
        return;
    }
    let schema = match schema {
        Value::Bool(true) => return,
        Value::Bool(false) => return out.wrong.push(format!("{place} must not be there")),
        Value::Object(schema) => schema,
        _ => return out.unknown.push("a schema that is no object".into()),
    };
    for (word, rule) in schema {
        match word.as_str() {
            "$ref" => match rule
                .as_str()
                .and_then(|path| path.strip_prefix('#'))
                .and_then(|path| root.pointer(path))
            {
                Some(target) => walk(root, target, value, at, depth + 1, out),
                None => out.unknown.push(format!("$ref {rule}")),
            },
            "type" => {
                let names: Vec<&str> = match rule {
                    Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                    one => one.as_str().into_iter().collect(),
                };
                let nullable =
                    schema.get("nullable") == Some(&Value::Bool(true)) && value.is_null();
                if !nullable && !names.iter().any(|name| is(name, value)) {
                    out.wrong.push(format!(
                        "{place} must be {}, not {}",
                        names.join(" or "),
                        sort(value)
                    ));
                }
            }
            "enum" => {
                if !rule.as_array().is_some_and(|list| list.contains(value)) {
                    out.wrong.push(format!("{place} must be one of {rule}"));
                }
            }
            "const" => {
                if rule != value {
                    out.wrong.push(format!("{place} must be {rule}"));
                }
            }
            "anyOf" | "oneOf" => any(root, word, rule, value, at, depth, out),
            "allOf" => rule
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|one| walk(root, one, value, at, depth + 1, out)),
            "not" => {
                let inner = check_in(root, rule, value, depth);
                if inner.wrong.is_empty() && inner.unknown.is_empty() {
                    out.wrong.push(format!("{place} must not fit {rule}"));
                }
                out.unknown.extend(inner.unknown);
            }
            "required"
            | "properties"
            | "additionalProperties"
            | "minProperties"
            | "maxProperties" => {
                if let Value::Object(fields) = value {
                    object(root, schema, word, rule, fields, at, depth, out);
                }
            }
            "items" => {
                if let Value::Array(items) = value {
                    for (number, item) in items.iter().enumerate() {
                        walk(root, rule, item, &format!("{at}[{number}]"), depth + 1, out);
                    }
                }
            }
            "minItems" | "maxItems" | "uniqueItems" => {
                if let Value::Array(items) = value {
                    let repeated = || {
                        items
                            .iter()
                            .enumerate()
                            .any(|(n, item)| items[..n].contains(item))
                    };
                    let wrong = match word.as_str() {
                        "uniqueItems" => rule == true && repeated(),
                        _ => beyond(word, rule, items.len() as f64),
                    };
                    bad(wrong, place, word, rule, out);
                }
            }
            "minLength" | "maxLength" => {
                if let Value::String(text) = value {
                    bad(
                        beyond(word, rule, text.chars().count() as f64),
                        place,
                        word,
                        rule,
                        out,
                    );
                }
            }
            "pattern" => {
                if let (Value::String(text), Some(pattern)) = (value, rule.as_str()) {
                    match Regex::new(pattern) {
                        Ok(regex) => bad(!regex.is_match(text), place, word, rule, out),
                        Err(_) => out.unknown.push(format!("pattern {rule}")),
                    }
                }
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                if let (Some(number), Some(limit)) = (value.as_f64(), rule.as_f64()) {
                    let wrong = match word.as_str() {
                        "minimum" => number < limit,
                        "maximum" => number > limit,
                        "exclusiveMinimum" => number <= limit,
                        _ => number >= limit,
                    };
                    bad(wrong, place, word, rule, out);
                }
            }
            "multipleOf" => {
                if let (Some(number), Some(step)) =
                    (value.as_f64(), rule.as_f64().filter(|step| *step > 0.0))
                {
                    let steps = number / step;
                    bad((steps - steps.round()).abs() > 1e-9, place, word, rule, out);
                }
            }
            word if SAY_NOTHING.contains(&word) => {}
            other => out.unknown.push(other.to_owned()),
        }
    }
}

fn check_in(root: &Value, schema: &Value, value: &Value, depth: usize) -> Findings {
    let mut inner = Findings::default();
    walk(root, schema, value, "", depth + 1, &mut inner);
    inner
}

fn any(
    root: &Value,
    word: &str,
    rule: &Value,
    value: &Value,
    at: &str,
    depth: usize,
    out: &mut Findings,
) {
    let branches: Vec<Findings> = rule
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| check_in(root, one, value, depth))
        .collect();
    let fits = branches
        .iter()
        .filter(|branch| branch.wrong.is_empty())
        .count();
    let place = if at.is_empty() { "the value" } else { at };
    if fits == 0 {
        out.wrong
            .push(format!("{place} fits none of the schemas of {word}"));
    } else if word == "oneOf" && fits > 1 {
        out.wrong
            .push(format!("{place} fits {fits} of the schemas of oneOf"));
    }
    out.unknown.extend(
        branches
            .into_iter()
            .filter(|branch| branch.wrong.is_empty())
            .flat_map(|branch| branch.unknown),
    );
}

#[allow(clippy::too_many_arguments)]
fn object(
    root: &Value,
    schema: &Map<String, Value>,
    word: &str,
    rule: &Value,
    fields: &Map<String, Value>,
    at: &str,
    depth: usize,
    out: &mut Findings,
) {
    let place = if at.is_empty() { "the value" } else { at };
    match word {
        "required" => {
            let names = rule
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            out.wrong.extend(
                names
                    .filter(|name| !fields.contains_key(*name))
                    .map(|name| format!("{place} lacks `{}`", name.escape_debug())),
            );
        }
        "properties" => {
            for (name, inner) in rule.as_object().into_iter().flatten() {
                if let Some(field) = fields.get(name) {
                    walk(root, inner, field, &format!("{at}.{name}"), depth + 1, out);
                }
            }
        }
        "additionalProperties" => {
            let known = |name: &String| {
                schema
                    .get("properties")
                    .is_some_and(|properties| properties.get(name).is_some())
            };
            for (name, field) in fields.iter().filter(|(name, _)| !known(name)) {
                match rule {
                    Value::Bool(false) => out.wrong.push(format!(
                        "{place} has `{}`, which the schema does not know",
                        name.escape_debug()
                    )),
                    rule => walk(root, rule, field, &format!("{at}.{name}"), depth + 1, out),
                }
            }
        }
        _ => bad(
            beyond(word, rule, fields.len() as f64),
            place,
            word,
            rule,
            out,
        ),
    }
}

fn beyond(word: &str, rule: &Value, found: f64) -> bool {
    rule.as_f64().is_some_and(|limit| {
        if word.starts_with("min") {
            found < limit
        } else {
            found > limit
        }
    })
}

fn bad(wrong: bool, place: &str, word: &str, rule: &Value, out: &mut Findings) {
    if wrong {
        out.wrong.push(format!("{place} breaks {word} {rule}"));
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "integer" => {
            value.as_i64().is_some()
                || value.as_u64().is_some()
                || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        other => sort(value) == other,
    }
}

/// The standard's name for a sort of value.
fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_fits_and_what_does_not_says_where() {
        let schema = json!({
            "type": "object", "required": ["city", "days"], "additionalProperties": false,
            "properties": {
                "city": { "type": "string", "minLength": 2, "pattern": "^[A-Z]" }, "days": { "type": "integer", "minimum": 1, "maximum": 7 },
                "unit": { "enum": ["C", "F"] }, "tags": { "type": "array", "items": { "$ref": "#/$defs/tag" }, "uniqueItems": true, "maxItems": 2 },
                "where": { "anyOf": [{ "type": "null" }, { "type": "number", "multipleOf": 0.5 }] },
            },
            "$defs": { "tag": { "type": ["string", "null"] } },
        });
        let good =
            json!({ "city": "Oslo", "days": 3.0, "unit": "C", "tags": ["a", null], "where": 1.5 });
        assert_eq!(check(&schema, &good), Findings::default());
        let bad = [
            (json!([]), "must be object, not array"),
            (json!({ "city": "Oslo" }), "lacks `days`"),
            (json!({ "city": "oslo", "days": 1 }), ".city breaks pattern"),
            (json!({ "city": "O", "days": 1 }), ".city breaks minLength"),
            (
                json!({ "city": "Oslo", "days": "1" }),
                ".days must be integer, not string",
            ),
            (
                json!({ "city": "Oslo", "days": 1.5 }),
                ".days must be integer",
            ),
            (json!({ "city": "Oslo", "days": 8 }), ".days breaks maximum"),
            (
                json!({ "city": "Oslo", "days": 1, "unit": "K" }),
                ".unit must be one of",
            ),
            (
                json!({ "city": "Oslo", "days": 1, "tags": ["a", 3] }),
                ".tags[1] must be string or null",
            ),
            (
                json!({ "city": "Oslo", "days": 1, "tags": ["a", "a"] }),
                "uniqueItems",
            ),
            (
                json!({ "city": "Oslo", "days": 1, "where": 0.3 }),
                "fits none",
            ),
            (json!({ "city": "Oslo", "days": 1, "more": 0 }), "`more`"),
        ];
        for (value, said) in bad {
            let findings = check(&schema, &value);
            assert!(
                findings.wrong.iter().any(|wrong| wrong.contains(said)),
                "{value}: {findings:?}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let findings = check(
            &json!({ "if": true, "$ref": "http://elsewhere/" }),
            &json!(1),
        );
        assert_eq!(findings.unknown.len(), 2);
        assert_eq!(findings.wrong, Vec::<String>::new());
        let ring = json!({ "$ref": "#" });
        assert!(!check(&ring, &json!(1)).unknown.is_empty());
    }
}
