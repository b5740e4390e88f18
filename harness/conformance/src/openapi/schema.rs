//! The smallest value that a JSON schema allows.
//!
//! Promise: what comes out obeys the schema as far as it was understood, is the same every time, and is bounded in depth and size; what was not understood is
//! an error with the place, never a guess that is sent as if it were right.
//!
//! Rejected: a library that makes random values from schemas (a walk should be the same every time, and as small as it can be).

use std::fmt;

use serde_json::{Map, Value, json};

use super::bounds::{allows, integer, number, text};

/// How deep schemas may stand in each other.
const DEEPEST: usize = 24;
/// How many values one schema may make.
const MOST: usize = 2000;
/// The longest text and the longest list that a bound may ask for.
pub(crate) const LONGEST: u64 = 4096;

/// Why no value could be made, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The place in the value: `messages/0/role`.
    pub at: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.is_empty() {
            true => f.write_str(&self.why),
            false => write!(f, "{}: {}", self.at, self.why),
        }
    }
}

impl std::error::Error for SchemaError {}

/// The smallest value that `schema` allows; references point into `document`. `hint` gives a value for a named field (the model's name for `model`), where
/// the schema allows it.
///
/// # Errors
/// Where the schema asks for something that this does not understand, contradicts itself or never ends.
pub fn synthesise(
    schema: &Value,
    document: &Value,
    hint: &dyn Fn(&str) -> Option<Value>,
) -> Result<Value, SchemaError> {
    let mut maker = Maker {
        document,
        hint,
        made: 0,
    };
    maker.value(schema, "", "", 0)
}

struct Maker<'a> {
    document: &'a Value,
    hint: &'a dyn Fn(&str) -> Option<Value>,
    made: usize,
}

impl Maker<'_> {
    fn value(
        &mut self,
        schema: &Value,
        name: &str,
        at: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let wrong = |why: String| {
            Err(SchemaError {
                at: at.to_owned(),
                why,
            })
        };
        self.made += 1;
        if depth > DEEPEST {
            return wrong(format!("the schema goes deeper than {DEEPEST}"));
        }
        if self.made > MOST {
            return wrong(format!("the schema asks for more than {MOST} values"));
        }
        let fields = match schema {
            Value::Bool(true) => return Ok(json!({})),
            Value::Object(fields) => fields,
            _ => return wrong("this is no schema that has a value".into()),
        };
        if let Some(target) = fields.get("$ref") {
            let found = self.target(target).map_err(|why| SchemaError {
                at: at.to_owned(),
                why,
            })?;
            return self.value(&found, name, at, depth + 1);
        }
        for key in ["const", "default", "example"] {
            // A default of null says that the field may be left out, not that null is a value.
            if let Some(value) = fields.get(key).filter(|v| !v.is_null()) {
                return Ok(value.clone());
            }
        }
        if let Some(first) = fields
            .get("enum")
            .and_then(Value::as_array)
            .and_then(|all| all.first())
        {
            return Ok(first.clone());
        }
        if let Some(value) = (self.hint)(name)
            && allows(fields, &value)
        {
            return Ok(value);
        }
        if let Some(all) = fields.get("allOf").and_then(Value::as_array) {
            return self.value(&self.merged(fields, all, at)?, name, at, depth + 1);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = fields.get(key).and_then(Value::as_array) {
                return self.one_of(choices, name, at, depth);
            }
        }
        let kind = match fields.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .unwrap_or("null"),
            Some(other) => return wrong(format!("the type {other} is none")),
            None if fields.contains_key("properties") => "object",
            None if fields.contains_key("items") => "array",
            None => return Ok(json!({})),
        };
        match kind {
            "null" => Ok(Value::Null),
            "boolean" => Ok(json!(false)),
            "integer" => integer(fields).or_else(wrong),
            "number" => number(fields).or_else(wrong),
            "string" => text(fields).or_else(wrong),
            "array" => self.array(fields, name, at, depth),
            "object" => self.object(fields, at, depth),
            other => wrong(format!("the type `{other}` is none that JSON has")),
        }
    }

    /// The schema that a reference points to, which lies in this document.
    fn target(&self, target: &Value) -> Result<Value, String> {
        let path = target.as_str().and_then(|text| text.strip_prefix('#'));
        let found = path.and_then(|path| self.document.pointer(path));
        found
            .cloned()
            .ok_or_else(|| format!("there is nothing at the reference {target}"))
    }

    /// The first choice of which a value can be made, the simplest first: what is not null, and by the order of the schema.
    fn one_of(
        &mut self,
        choices: &[Value],
        name: &str,
        at: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let (mut why, before) = (None, self.made);
        let null = |choice: &Value| choice["type"] == "null";
        for choice in choices
            .iter()
            .filter(|c| !null(c))
            .chain(choices.iter().filter(|c| null(c)))
        {
            match self.value(choice, name, at, depth + 1) {
                Ok(value) => return Ok(value),
                Err(error) => {
                    self.made = before;
                    why.get_or_insert(error);
                }
            }
        }
        Err(why.unwrap_or(SchemaError {
            at: at.to_owned(),
            why: "there is no choice".into(),
        }))
    }

    /// Several schemas that all hold, as one: their fields together.
    fn merged(
        &self,
        fields: &Map<String, Value>,
        all: &[Value],
        at: &str,
    ) -> Result<Value, SchemaError> {
        let mut out = fields.clone();
        out.remove("allOf");
        let (mut properties, mut required) = (Map::new(), vec![]);
        for part in all.iter().chain([&Value::Object(out.clone())]) {
            let part = match part.get("$ref") {
                Some(target) => self.target(target).map_err(|why| SchemaError {
                    at: at.to_owned(),
                    why,
                })?,
                None => part.clone(),
            };
            let Value::Object(part) = part else { continue };
            for (key, value) in part {
                match (&*key, value) {
                    ("properties", Value::Object(more)) => properties.extend(more),
                    ("required", Value::Array(more)) => required.extend(more),
                    (_, value) => {
                        out.insert(key, value);
                    }
                }
            }
        }
        if !properties.is_empty() {
            out.insert("properties".into(), Value::Object(properties));
        }
        if !required.is_empty() {
            out.insert("required".into(), Value::Array(required));
        }
        Ok(Value::Object(out))
    }

    fn array(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        at: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let least = fields.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if least > LONGEST {
            return Err(SchemaError {
                at: at.to_owned(),
                why: format!("the list has at least {least} items"),
            });
        }
        let item = fields.get("items").cloned().unwrap_or(json!({}));
        // One item says more than none, where it can be had.
        let wanted = match (least, fields.get("maxItems").and_then(Value::as_u64)) {
            (0, Some(0)) => 0,
            (0, _) => 1,
            (least, _) => least,
        };
        let mut items = vec![];
        for n in 0..wanted {
            match self.value(
                &item,
                name.trim_end_matches('s'),
                &join(at, &n.to_string()),
                depth + 1,
            ) {
                Ok(value) => items.push(value),
                Err(_) if least == 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Value::Array(items))
    }

    /// The fields that are required, and no others.
    fn object(
        &mut self,
        fields: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let mut out = Map::new();
        let required = fields.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let schema = fields.get("properties").and_then(|all| all.get(name));
            let schema =
                schema.or_else(|| fields.get("additionalProperties").filter(|s| s.is_object()));
            let schema = schema.cloned().unwrap_or(Value::Bool(true));
            out.insert(
                name.to_owned(),
                self.value(&schema, name, &join(at, name), depth + 1)?,
            );
        }
        Ok(Value::Object(out))
    }
}

fn join(at: &str, name: &str) -> String {
    match at {
        "" => name.to_owned(),
        at => format!("{at}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: Value) -> Result<Value, String> {
        let document = json!({"components": {"schemas": {
            "Role": {"enum": ["user", "system"]},
            "Message": {"type": "object", "required": ["role", "content"], "properties": {"role": {"$ref": "#/components/schemas/Role"}, "content": {"type": "string"}}},
            "Loop": {"type": "object", "required": ["again"], "properties": {"again": {"$ref": "#/components/schemas/Loop"}}},
            "Tree": {"type": "object", "required": ["children"], "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
        }}});
        let hint = |name: &str| (name == "model").then(|| json!("served"));
        synthesise(&schema, &document, &hint).map_err(|e| e.to_string())
    }

    #[test]
    fn the_smallest_value_obeys_the_schema() {
        let chat = json!({"type": "object", "required": ["model", "messages", "n"], "properties": {
            "model": {"type": "string"},
            "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Message"}},
            "n": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 3, "maximum": 9}]},
            "left_out": {"type": "string"},
        }});
        let wanted =
            json!({"model": "served", "messages": [{"role": "user", "content": "hello"}], "n": 3});
        assert_eq!(made(chat), Ok(wanted));
        for (schema, value) in [
            (json!({"type": "integer", "exclusiveMinimum": 7}), json!(8)),
            (
                json!({"type": "integer", "minimum": 5, "exclusiveMinimum": true}),
                json!(6),
            ),
            (json!({"type": "integer", "maximum": -2}), json!(-2)),
            (
                json!({"type": "integer", "minimum": 3, "multipleOf": 4}),
                json!(4),
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}),
                json!(0.25),
            ),
            (json!({"type": ["null", "boolean"]}), json!(false)),
            (json!({"type": "string", "minLength": 7}), json!("hellooo")),
            (json!({"type": "string", "maxLength": 2}), json!("he")),
            (
                json!({"type": "array", "minItems": 2, "items": {"const": 4}}),
                json!([4, 4]),
            ),
            (
                json!({"allOf": [{"$ref": "#/components/schemas/Message"}, {"required": ["n"], "properties": {"n": {"type": "integer"}}}]}),
                json!({"role": "user", "content": "hello", "n": 1}),
            ),
            (
                json!({"oneOf": [{"type": "string", "pattern": "^a$"}, {"type": "integer"}]}),
                json!(1),
            ),
            (json!({"default": null, "type": "integer"}), json!(1)),
            (json!(true), json!({})),
        ] {
            assert_eq!(made(schema.clone()), Ok(value), "{schema}");
        }
    }

    #[test]
    fn what_cannot_be_made_is_said_with_its_place() {
        let error = |schema: Value| made(schema).expect_err("no value");
        assert_eq!(
            error(json!({"$ref": "#/nowhere"})),
            "there is nothing at the reference \"#/nowhere\""
        );
        assert_eq!(
            error(json!({"type": "integer", "minimum": 3, "maximum": 2})),
            "no integer lies within the bounds"
        );
        assert_eq!(
            error(
                json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "x"}}})
            ),
            "a: texts of a pattern are not made"
        );
        assert!(error(json!({"$ref": "#/components/schemas/Loop"})).contains("deeper than 24"));
        assert!(
            error(json!({"type": "array", "minItems": 1000000, "items": {}}))
                .contains("1000000 items")
        );
        // A list of itself may end, and so it does.
        let tree = made(json!({"$ref": "#/components/schemas/Tree"})).expect("a tree");
        assert!(tree["children"].is_array());
    }
}
