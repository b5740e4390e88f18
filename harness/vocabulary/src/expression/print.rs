//! An expression as text, in one spelling.
//!
//! Promise: what is printed parses to an equal expression.

use std::fmt;

use super::{Call, Expression, Node};
use crate::value::Value;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Some(root) => node(root, f),
            None => Ok(()),
        }
    }
}

fn node(this: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match this {
        Node::Or(parts) => joined(parts, " or ", |part| matches!(part, Node::Or(_)), f),
        Node::And(parts) => joined(
            parts,
            " and ",
            |part| matches!(part, Node::Or(_) | Node::And(_)),
            f,
        ),
        Node::Not(inner) => {
            f.write_str("not ")?;
            wrapped(inner, matches!(**inner, Node::Or(_) | Node::And(_)), f)
        }
        Node::Marker(marker) => call(marker, f),
    }
}

fn joined(
    parts: &[Node],
    word: &str,
    wrap: fn(&Node) -> bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        wrapped(part, wrap(part), f)?;
    }
    Ok(())
}

fn wrapped(this: &Node, wrap: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !wrap {
        return node(this, f);
    }
    f.write_str("(")?;
    node(this, f)?;
    f.write_str(")")
}

fn call(call: &Call, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&call.name)?;
    for (index, (name, value)) in call.args.iter().enumerate() {
        f.write_str(if index == 0 { "(" } else { ", " })?;
        match value {
            // A text was written in one kind of quotes, so it lacks at least that kind.
            Value::Str(text) if text.contains('"') => write!(f, "{name}='{text}'")?,
            Value::Str(text) => write!(f, "{name}=\"{text}\"")?,
            Value::Bool(true) => write!(f, "{name}=True")?,
            Value::Bool(false) => write!(f, "{name}=False")?,
            other => write!(f, "{name}={other}")?,
        }
    }
    f.write_str(if call.args.is_empty() { "" } else { ")" })
}
