//! The values that marker arguments have.
//!
//! Promise: a value says what was written, unchanged; [`Value::same`] compares as Python does, because the expression language
//! is pytest's. Rejected: `PartialEq` with Python's rules (`true == 1` would surprise every other reader).

use std::fmt;
use std::time::Duration;

use crate::duration::parse_duration;

/// A value of a marker argument, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Str(String),
    /// `true` or `false`.
    Bool(bool),
    /// `None`.
    None,
    /// Several values, in the order of the source.
    List(Vec<Value>),
    /// Named values, in the order of the source.
    Map(Vec<(String, Value)>),
}

/// One argument of a marker.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The keyword, empty for a positional argument.
    pub key: String,
    /// The value.
    pub value: Value,
}

impl Arg {
    /// A positional argument.
    pub fn positional(value: impl Into<Value>) -> Arg {
        Arg {
            key: String::new(),
            value: value.into(),
        }
    }

    /// A keyword argument.
    pub fn named(key: impl Into<String>, value: impl Into<Value>) -> Arg {
        Arg {
            key: key.into(),
            value: value.into(),
        }
    }
}

impl Value {
    /// Whether two values are equal by the rules of Python: numbers by their value (`True == 1 == 1.0`), everything else by
    /// type and content.
    pub fn same(&self, other: &Value) -> bool {
        use Value::{Bool, Float, Int};
        match (self, other) {
            (Int(_) | Bool(_) | Float(_), Int(_) | Bool(_) | Float(_)) => {
                match (self.whole(), other.whole()) {
                    (Some(a), Some(b)) => a == b,
                    (None, None) => self == other,
                    // A float beside an integer: equal only where the conversion loses nothing.
                    (Some(a), None) => other.is_whole(a),
                    (None, Some(b)) => self.is_whole(b),
                }
            }
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(k, v)| b.iter().any(|(l, w)| k == l && v.same(w)))
            }
            _ => self == other,
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Value::Int(i) => Some(*i),
            Value::Bool(b) => Some(i64::from(*b)),
            _ => None,
        }
    }

    fn is_whole(&self, int: i64) -> bool {
        // 2^53: up to here every integer is a float; beyond, `as` could round two integers to one float.
        matches!(self, Value::Float(f) if int.unsigned_abs() <= 1 << 53 && *f == int as f64)
    }

    /// The value as a duration: text as [`crate::parse_duration`] reads it, or a number of seconds. `None` for anything else, for a
    /// negative number and for one that no duration can hold.
    pub fn as_duration(&self) -> Option<Duration> {
        let duration = match self {
            Value::Str(text) => parse_duration(text).ok(),
            Value::Int(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Value::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
            _ => None,
        };
        // What text can say at most. A point in time that far away can still be represented; beyond, adding it would panic.
        duration.filter(|duration| duration.as_millis() <= u128::from(u64::MAX))
    }

    /// The value as a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The value as text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a list of texts; one text is a list of one. `None` if there is anything but text in it.
    pub fn as_texts(&self) -> Option<Vec<&str>> {
        match self {
            Value::Str(text) => Some(vec![text]),
            Value::List(values) => values.iter().map(Value::as_str).collect(),
            _ => None,
        }
    }

    /// What sort of value it is, with its article, for messages.
    pub(crate) fn sort(&self) -> &'static str {
        match self {
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Str(_) => "text",
            Value::Bool(_) => "a bool",
            Value::None => "None",
            Value::List(_) => "a list",
            Value::Map(_) => "a group of named values",
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Str(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Str(value)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Value {
        Value::List(values.into_iter().map(Into::into).collect())
    }
}

/// As in an attribute: `"text"`, `["a", "b"]`, `(cuda = 2, rocm = 8)`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Str(s) => write!(f, "{s:?}"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::None => f.write_str("None"),
            Value::List(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(entries) => {
                f.write_str("(")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key} = {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

/// As in an attribute: `"5m"`, `strict = false`, `num_cards(cuda = 2)`.
impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.key, &self.value) {
            ("", value) => write!(f, "{value}"),
            (key, Value::Map(_)) => write!(f, "{key}{}", self.value),
            (key, value) => write!(f, "{key} = {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_in_python() {
        assert!(Value::Bool(true).same(&Value::Int(1)));
        assert!(Value::Float(1.0).same(&Value::Bool(true)));
        assert!(Value::Int(21).same(&Value::Float(21.0)));
        assert!(!Value::Int(21).same(&Value::Float(21.5)));
        assert!(!Value::Int(1).same(&Value::Str("1".into())));
        assert!(!Value::None.same(&Value::Bool(false)));
        assert!(Value::None.same(&Value::None));
        assert!(!Value::Int((1 << 53) + 1).same(&Value::Float((1u64 << 53) as f64)));
        assert!(Value::List(vec![Value::Int(1)]).same(&Value::List(vec![Value::Bool(true)])));
    }

    #[test]
    fn values_as_what_they_stand_for() {
        assert_eq!(
            Value::from("5m").as_duration(),
            Some(Duration::from_secs(300))
        );
        assert_eq!(
            Value::from(300).as_duration(),
            Some(Duration::from_secs(300))
        );
        assert_eq!(
            Value::from(0.5).as_duration(),
            Some(Duration::from_millis(500))
        );
        for wrong in [
            Value::from(-1),
            Value::from(f64::NAN),
            Value::from(1e300),
            Value::from("soon"),
            Value::None,
        ] {
            assert_eq!(wrong.as_duration(), None, "{wrong}");
        }
        assert_eq!(Value::from(vec!["a", "b"]).as_texts(), Some(vec!["a", "b"]));
        assert_eq!(Value::from("a").as_texts(), Some(vec!["a"]));
        assert_eq!(Value::List(vec![Value::None]).as_texts(), None);
    }

    #[test]
    fn arguments_print_as_they_are_written() {
        let cards = Value::Map(vec![
            ("cuda".into(), Value::Int(2)),
            ("rocm".into(), Value::Int(8)),
        ]);
        assert_eq!(Arg::named("num_cards", 2).to_string(), "num_cards = 2");
        assert_eq!(
            Arg {
                key: "num_cards".into(),
                value: cards
            }
            .to_string(),
            "num_cards(cuda = 2, rocm = 8)"
        );
        assert_eq!(
            Arg::named("cuda", vec!["H100", "L4"]).to_string(),
            "cuda = [\"H100\", \"L4\"]"
        );
        assert_eq!(Arg::positional(0.5).to_string(), "0.5");
    }
}
