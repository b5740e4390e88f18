//! Writing YAML.
//!
//! Promise: every text is quoted, so that readers of YAML 1.1 and 1.2 read the same. Rejected: plain scalars where they would do (`on`, `0 8 * * *` and
//! `1e5` are where they would not).

use std::fmt::Write as _;

use saphyr::{Mapping, Scalar, Yaml, YamlEmitter};

/// A text.
pub(super) fn text(text: impl Into<String>) -> Yaml<'static> {
    Yaml::Value(Scalar::String(text.into().into()))
}

/// A whole number.
pub(super) fn number(number: i64) -> Yaml<'static> {
    Yaml::Value(Scalar::Integer(number))
}

pub(super) fn boolean(value: bool) -> Yaml<'static> {
    Yaml::Value(Scalar::Boolean(value))
}

/// Texts, one below the other.
pub(super) fn texts<T: Into<String>>(all: impl IntoIterator<Item = T>) -> Yaml<'static> {
    Yaml::Sequence(all.into_iter().map(text).collect())
}

/// Keys with their values, in this order.
pub(super) fn map(
    entries: impl IntoIterator<Item = (&'static str, Yaml<'static>)>,
) -> Yaml<'static> {
    let mut map = Mapping::new();
    for (key, value) in entries {
        map.insert(text(key), value);
    }
    Yaml::Mapping(map)
}

/// The document as text, below lines of comment.
pub(super) fn document(comments: &[String], document: &Yaml<'_>) -> Result<String, String> {
    let mut out = String::new();
    for line in comments.iter().flat_map(|comment| comment.lines()) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let _ = writeln!(out, "# {line}");
    }
    let mut body = String::new();
    let mut emitter = YamlEmitter::new(&mut body);
    emitter.quoted_value(true);
    emitter
        .dump(document)
        .map_err(|error| format!("the pipeline cannot be written: {error}"))?;
    out.push_str(&body);
    out.push('\n');
    Ok(out)
}

/// What a made pipeline says of itself.
pub(super) fn heading(system: &str, plan: &super::Plan) -> Vec<String> {
    let mut out = vec![
        format!("Made by `cargo tribunal pipeline {system}` from markers.toml: change it there, and make this again."),
        "Each command is its local equivalent; with `--list` behind it, it shows what the job selects.".to_owned(),
    ];
    out.extend(plan.notes.iter().cloned());
    out.extend(
        plan.omitted
            .iter()
            .map(|one| format!("left out: {}: {}", one.what, one.why)),
    );
    out
}
