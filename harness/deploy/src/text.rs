//! Texts with holes: `${VAR}` from the environment, `{name}` from the deployment or from the start.
//!
//! Promise: what is filled in stays one text; nothing is split, and a value that happens to look like a hole is none. A hole that the
//! start fills in (`{port}`) is handed on as it is. `{{name}}` is the text `{name}`, `$${VAR}` the text `${VAR}`, and braces around
//! anything but a name (JSON) stay as they are.

use std::ops::Range;

/// A piece of a text as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// `${NAME}` or `${NAME:-default}`.
    Variable {
        name: String,
        default: Option<String>,
        written: String,
    },
    /// `{name}`, `{name[1]}`, `{part.port}`, `{worker-*.url}`; without the braces.
    Hole(String),
    /// `${` that is not followed by a name and a brace.
    Broken(String),
}

/// Splits a text.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '{']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (piece, length) = if rest.starts_with("$${") {
            plain.push_str("${");
            rest = &rest[3..];
            continue;
        } else if rest.starts_with("${") {
            variable(rest)
        } else if let Some(name) = rest.strip_prefix("{{").and_then(|rest| hole(rest, true))
            && rest[2 + name.len()..].starts_with("}}")
        {
            plain.push_str(&rest[1..name.len() + 3]);
            rest = &rest[name.len() + 4..];
            continue;
        } else if let Some(name) = rest.strip_prefix('{').and_then(|rest| hole(rest, true))
            && rest[1 + name.len()..].starts_with('}')
        {
            (Piece::Hole(name.to_owned()), name.len() + 2)
        } else {
            plain.push_str(&rest[..1]);
            rest = &rest[1..];
            continue;
        };
        if !plain.is_empty() {
            out.push(Piece::Text(std::mem::take(&mut plain)));
        }
        out.push(piece);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    if !plain.is_empty() || out.is_empty() {
        out.push(Piece::Text(plain));
    }
    out
}

fn variable(text: &str) -> (Piece, usize) {
    let name = word(&text[2..], |c| c.is_ascii_alphanumeric() || c == '_');
    let after = &text[2 + name.len()..];
    let starts = name.starts_with(|c: char| !c.is_ascii_digit());
    let (default, length) = if let Some(default) = after.strip_prefix(":-") {
        match default.find('}') {
            Some(end) => (
                Some(default[..end].to_owned()),
                Some(2 + name.len() + 2 + end + 1),
            ),
            None => (None, None),
        }
    } else {
        (None, after.starts_with('}').then_some(2 + name.len() + 1))
    };
    match length.filter(|_| starts) {
        Some(length) => (
            Piece::Variable {
                name: name.to_owned(),
                default,
                written: text[..length].to_owned(),
            },
            length,
        ),
        None => {
            let shown: String = text.chars().take(24).collect();
            (Piece::Broken(shown), 2)
        }
    }
}

/// The name of a hole at the beginning of a text: a word, then `.word` and `[index]` where they stand. The name of a part, which stands before
/// a dot, may have hyphens, and with `wild` stars. Without `wild` it is exactly what the start takes for a hole.
fn hole(text: &str, wild: bool) -> Option<&str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins(text) {
        return None;
    }
    let part = word(text, |c| inner(c) || c == '-' || (wild && c == '*'));
    let mut end = match text[part.len()..].strip_prefix('.') {
        Some(field) if begins(field) => part.len() + 1 + word(field, inner).len(),
        Some(_) => return None,
        None => word(text, inner).len(),
    };
    if let Some(index) = text[end..].strip_prefix('[') {
        let index_len = word(index, |c| c.is_ascii_alphanumeric()).len();
        if !index[index_len..].starts_with(']') {
            return None;
        }
        end += index_len + 2;
    }
    Some(&text[..end])
}

fn word(text: &str, inner: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !inner(c)).unwrap_or(text.len());
    &text[..end]
}

/// A text whose own holes are filled in. What is left are holes of the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filled(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// Without the braces.
    Hole(String),
}

impl Filled {
    pub fn of(text: impl Into<String>) -> Filled {
        Filled(vec![Part::Text(text.into())])
    }

    /// The text, if no hole is left.
    pub fn plain(&self) -> Result<String, &str> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(name) => return Err(name),
            }
        }
        Ok(out)
    }

    /// The text as the start reads it: holes in braces, and what only looks like one in two.
    pub fn template(&self) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => escaped(text),
                Part::Hole(name) => format!("{{{name}}}"),
            })
            .collect()
    }
}

/// A text in which nothing looks like a hole to the start.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = 0;
    for Range { start, end } in holes(text) {
        out.push_str(&text[last..start]);
        out.push('{');
        out.push_str(&text[start..end]);
        out.push('}');
        last = end;
    }
    out.push_str(&text[last..]);
    out
}

/// Where `{name}` stands in a text.
fn holes(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('{').map(|at| at + from) {
        from = at + 1;
        if let Some(name) = hole(&text[from..], false)
            && text[from + name.len()..].starts_with('}')
        {
            from += name.len() + 1;
            out.push(at..from);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn what_is_a_hole_and_what_is_not() {
        let hole = |name: &str| Piece::Hole(name.to_owned());
        for (written, want) in [
            ("", vec![text("")]),
            ("--port={port}", vec![text("--port="), hole("port")]),
            ("{worker-0.url}/v1", vec![hole("worker-0.url"), text("/v1")]),
            (
                "{ports[12]}{nats.ports[0]}",
                vec![hole("ports[12]"), hole("nats.ports[0]")],
            ),
            (
                "{\"a\":{\"b\":1},\"c\":{}}",
                vec![text("{\"a\":{\"b\":1},\"c\":{}}")],
            ),
            ("{{port}} {port", vec![text("{port} {port")]),
            (
                "{1} { a } {a.} {a.1} {a[} {a-b} {a b}",
                vec![text("{1} { a } {a.} {a.1} {a[} {a-b} {a b}")],
            ),
            (
                "{\"p\":{port}}",
                vec![text("{\"p\":"), hole("port"), text("}")],
            ),
            ("$5 $${HOME} $", vec![text("$5 ${HOME} $")]),
            ("ä{ö}", vec![text("ä{ö}")]),
        ] {
            assert_eq!(pieces(written), want, "{written}");
        }
    }

    #[test]
    fn variables_and_their_defaults() {
        let variable = |name: &str, default: Option<&str>, written: &str| Piece::Variable {
            name: name.to_owned(),
            default: default.map(str::to_owned),
            written: written.to_owned(),
        };
        assert_eq!(
            pieces("a${HOME}/${X_1:-b c}"),
            [
                text("a"),
                variable("HOME", None, "${HOME}"),
                text("/"),
                variable("X_1", Some("b c"), "${X_1:-b c}"),
            ]
        );
        assert_eq!(pieces("${X:-}"), [variable("X", Some(""), "${X:-}")]);
        for broken in ["${", "${}", "${1}", "${A", "${A:-b", "${A-b}", "${a b}"] {
            assert!(
                pieces(broken)
                    .iter()
                    .any(|piece| matches!(piece, Piece::Broken(_))),
                "{broken}: {:?}",
                pieces(broken)
            );
        }
    }

    #[test]
    fn what_was_filled_in_is_no_hole_for_the_start() {
        for (text, template) in [
            ("{x}", "{{x}}"),
            ("{{x}}", "{{{x}}}"),
            ("{\"a\":1}", "{\"a\":1}"),
            ("a{b.c}d{e[0]}", "a{{b.c}}d{{e[0]}}"),
            // What the start leaves alone is left alone.
            ("{a-b}{a-*.url}{1}{a.1}", "{a-b}{a-*.url}{1}{a.1}"),
        ] {
            assert_eq!(Filled::of(text).template(), template);
        }
        let filled = Filled(vec![Part::Text("--p=".into()), Part::Hole("port".into())]);
        assert_eq!(filled.template(), "--p={port}");
        assert_eq!(filled.plain(), Err("port"));
    }
}
