//! The smallest number and the shortest text within the bounds of a schema.

use serde_json::{Map, Value, json};

use super::schema::LONGEST;

/// Whether a value is of a type that the schema names; one that names none allows it.
pub(crate) fn allows(fields: &Map<String, Value>, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match fields.get("type") {
        None => {
            let choices = ["anyOf", "oneOf"]
                .iter()
                .find_map(|k| fields.get(*k)?.as_array());
            choices.is_none_or(|all| {
                all.iter()
                    .filter_map(Value::as_object)
                    .any(|c| allows(c, value))
            })
        }
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        Some(_) => false,
    }
}

/// The bounds of a number: the least, the most, each with whether it is itself allowed.
fn bounds(fields: &Map<String, Value>) -> ((f64, bool), (f64, bool)) {
    let number = |key: &str| fields.get(key).and_then(Value::as_f64);
    // In OpenAPI 3.0 the exclusive bound is a flag beside the bound, in 3.1 a bound of its own.
    let flag = |key: &str| fields.get(key) == Some(&Value::Bool(true));
    let low = match number("exclusiveMinimum") {
        Some(bound) => (bound, false),
        None => (
            number("minimum").unwrap_or(f64::NEG_INFINITY),
            !flag("exclusiveMinimum"),
        ),
    };
    let high = match number("exclusiveMaximum") {
        Some(bound) => (bound, false),
        None => (
            number("maximum").unwrap_or(f64::INFINITY),
            !flag("exclusiveMaximum"),
        ),
    };
    (low, high)
}

pub(crate) fn integer(fields: &Map<String, Value>) -> Result<Value, String> {
    let ((low, low_in), (high, high_in)) = bounds(fields);
    let least = match low {
        low if low == f64::NEG_INFINITY => i64::MIN,
        low if low_in => low.ceil() as i64,
        low => low.floor() as i64 + 1,
    };
    let most = match high {
        high if high == f64::INFINITY => i64::MAX,
        high if high_in => high.floor() as i64,
        high => high.ceil() as i64 - 1,
    };
    let step = fields
        .get("multipleOf")
        .and_then(Value::as_i64)
        .filter(|s| *s > 0)
        .unwrap_or(1);
    let near = 1i64.clamp(least.min(most), most.max(least));
    let value = near
        .saturating_add(step - 1)
        .div_euclid(step)
        .saturating_mul(step);
    match least <= most && (least..=most).contains(&value) {
        true => Ok(json!(value)),
        false => Err("no integer lies within the bounds".into()),
    }
}

pub(crate) fn number(fields: &Map<String, Value>) -> Result<Value, String> {
    let ((low, low_in), (high, high_in)) = bounds(fields);
    let fits = |x: f64| (x > low || low_in && x == low) && (x < high || high_in && x == high);
    let middle = match (low.is_finite(), high.is_finite()) {
        (true, true) => low / 2.0 + high / 2.0,
        (true, false) => low + 1.0,
        (false, true) => high - 1.0,
        (false, false) => 1.0,
    };
    [1.0, 0.0, middle]
        .into_iter()
        .find(|x| fits(*x))
        .map(|x| json!(x))
        .ok_or_else(|| "no number lies within the bounds".into())
}

pub(crate) fn text(fields: &Map<String, Value>) -> Result<Value, String> {
    let bound = |key: &str| fields.get(key).and_then(Value::as_u64);
    let (least, most) = (bound("minLength").unwrap_or(0), bound("maxLength"));
    let known = match fields.get("format").and_then(Value::as_str) {
        Some("uri" | "url") => Some("http://127.0.0.1:9/nothing"),
        Some("date-time") => Some("2024-01-01T00:00:00Z"),
        Some("date") => Some("2024-01-01"),
        Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
        Some("email") => Some("nobody@example.invalid"),
        Some("byte") => Some("aGVsbG8="),
        _ => None,
    };
    if known.is_none() && fields.contains_key("pattern") {
        return Err("texts of a pattern are not made".into());
    }
    if least > LONGEST {
        return Err(format!("the text has at least {least} characters"));
    }
    let mut out = known.unwrap_or("hello").to_owned();
    while (out.chars().count() as u64) < least {
        out.push('o');
    }
    if let Some(most) = most {
        out = out
            .chars()
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect();
    }
    Ok(json!(out))
}
