//! Writing manifests.
//!
//! Promise: every text is quoted or a block, so that readers of YAML 1.1 and 1.2 read the same (a cluster reads `on` as true); the same objects are the same
//! bytes. Rejected: JSON, which clusters take too (these files are reviewed by people), and the emitter of the crate that reads YAML here (quoting every text, it
//! writes a file of a hundred lines as one).

use std::fmt::Write as _;

use serde_json::Value;

/// The objects as documents of one file.
pub(crate) fn documents(objects: &[Value]) -> String {
    let mut out = String::new();
    for object in objects {
        out.push_str("---\n");
        write(&mut out, object, 0);
    }
    out
}

/// A value on lines of its own, each this deep.
fn write(out: &mut String, value: &Value, deep: usize) {
    let margin = " ".repeat(deep);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let _ = write!(out, "{margin}{}:", name(key));
                after(out, value, deep);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for value in list {
                let _ = write!(out, "{margin}-");
                match value {
                    // The first key stands beside the dash.
                    Value::Object(map) if !map.is_empty() => {
                        let mut inner = String::new();
                        write(&mut inner, value, deep + 2);
                        let _ = write!(out, " {}", inner.trim_start());
                    }
                    value => after(out, value, deep),
                }
            }
        }
        value => {
            let _ = writeln!(out, "{margin}{}", scalar(value));
        }
    }
}

/// A value behind a key or a dash.
fn after(out: &mut String, value: &Value, deep: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            write(out, value, deep + 2);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            write(out, value, deep + 2);
        }
        Value::String(text) if is_block(text) => block(out, text, deep + 2),
        value => {
            let _ = writeln!(out, " {}", scalar(value));
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        // JSON is YAML: numbers, bools, null, and what is empty.
        other => other.to_string(),
    }
}

/// A key. Those of a cluster are plain words; others are quoted.
fn name(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .contains(&&*key.to_ascii_lowercase());
    if plain { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_odd(c) => {
                let _ = match u32::from(c) {
                    code @ 0..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What a reader of YAML may take for a break of a line, or refuse.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether a text can stand as a block, as it is.
fn is_block(text: &str) -> bool {
    let breaks = text.trim_end_matches('\n').contains('\n');
    breaks
        && !text.chars().any(|c| c != '\n' && is_odd(c))
        // The depth of a block is that of its first line.
        && text.lines().next().is_some_and(|line| !line.is_empty() && !line.starts_with(' '))
        && text.lines().all(|line| !line.ends_with(' '))
}

fn block(out: &mut String, text: &str, deep: usize) {
    let rest = text.trim_end_matches('\n');
    let ending = match text.len() - rest.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    };
    let _ = writeln!(out, " {ending}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "{}{line}", " ".repeat(deep));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use tribunal_deploy::tree::{self, Sources};

    fn read(text: &str) -> Value {
        let mut sources = Sources::default();
        let source = sources.add("x", text, None);
        let node = tree::yaml(&sources, source).unwrap_or_else(|found| panic!("{found:?}\n{text}"));
        serde_json::from_str(&tree::json(&node)).unwrap()
    }

    #[test]
    fn what_is_written() {
        let value = json!({ "a": "on", "b": [{ "c": 1, "d": [] }, "x\ny\n", [2]], "e": {}, "f": null, "on": true, "g": "x: {}\n\n  y" });
        let want = "---\na: \"on\"\nb:\n  - c: 1\n    d: []\n  - |\n    x\n    y\n  -\n    - 2\ne: {}\nf: null\ng: |-\n  x: {}\n\n    y\n\"on\": true\n";
        assert_eq!(documents(std::slice::from_ref(&value)), want);
        assert_eq!(read(want), value);
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(
            texts in proptest::collection::vec("\\PC{0,20}|[ a\\n:#-]{0,20}|.{0,12}", 1..6),
            key in "[a-z:# ]{1,6}",
        ) {
            let value = json!({ "k": texts, (key): { "x": texts[0], "y": [[texts[0]]] } });
            prop_assert_eq!(read(&documents(std::slice::from_ref(&value))), value);
        }
    }
}
