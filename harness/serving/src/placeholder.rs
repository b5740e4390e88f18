//! Placeholders of a deployment: `{host}`, `{port}`, `{model}` inside arguments and values of variables.
//!
//! A placeholder is a pair of braces around one identifier, nothing else: JSON in an argument (`{"a":{"b":1}}`)
//! stays as it is. `{{name}}` is the text `{name}`. An identifier that is not known is an error, never an empty
//! text. What is filled in stays part of the one argument; there is no shell that could split or run it.

use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::text::nearest;

/// What can be filled in. `None` stands for a name that is known but has no value in this deployment.
#[derive(Debug, Clone)]
pub(crate) struct Values<'a> {
    pub host: &'a str,
    pub port: u16,
    pub model: Option<&'a str>,
}

/// The names that are known, in the order in which messages list them.
pub(crate) const KNOWN: [&str; 3] = ["host", "port", "model"];

/// Why a text could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlaceholderError {
    pub text: String,
    pub name: String,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// No placeholder of that name exists.
    Unknown,
    /// The name is known, but the deployment does not say its value.
    Unset,
    /// The text around it is not UTF-8.
    NotText,
}

impl fmt::Display for PlaceholderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlaceholderError { text, name, why } = self;
        match why {
            Why::Unset => write!(
                f,
                "`{text}` asks for {{{name}}}, but the deployment has no {name}"
            ),
            Why::NotText => write!(
                f,
                "`{text}` has the placeholder {{{name}}} in a text that is not UTF-8"
            ),
            Why::Unknown => {
                let known = KNOWN.map(|k| format!("{{{k}}}")).join(", ");
                write!(
                    f,
                    "`{text}` has the unknown placeholder {{{name}}}; known are {known}"
                )?;
                match nearest(name, KNOWN) {
                    Some(near) => write!(f, "; did you mean {{{near}}}?"),
                    None => write!(f, "; the text {{{name}}} itself is written {{{{{name}}}}}"),
                }
            }
        }
    }
}

/// `text` with its placeholders filled in. Text that is not UTF-8 stays byte for byte, and must have none.
pub(crate) fn fill(text: &OsStr, values: &Values<'_>) -> Result<OsString, PlaceholderError> {
    let seen = text.to_string_lossy();
    let refuse = |name: &str, why| PlaceholderError {
        text: crate::text::printable(&seen),
        name: name.into(),
        why,
    };
    let mut out = String::with_capacity(seen.len());
    let mut rest: &str = &seen;
    while let Some(brace) = rest.find('{') {
        out.push_str(&rest[..brace]);
        rest = &rest[brace..];
        if let Some(name) = between(rest, "{{", "}}") {
            if text.to_str().is_none() {
                return Err(refuse(name, Why::NotText));
            }
            out.push_str(&rest[1..name.len() + 3]);
            rest = &rest[name.len() + 4..];
        } else if let Some(name) = between(rest, "{", "}") {
            if text.to_str().is_none() {
                return Err(refuse(name, Why::NotText));
            }
            match name {
                "host" => out.push_str(values.host),
                "port" => out.push_str(&values.port.to_string()),
                "model" => {
                    out.push_str(values.model.ok_or_else(|| refuse(name, Why::Unset))?);
                }
                _ => return Err(refuse(name, Why::Unknown)),
            }
            rest = &rest[name.len() + 2..];
        } else {
            out.push('{');
            rest = &rest[1..];
        }
    }
    if text.to_str().is_none() {
        return Ok(text.to_owned());
    }
    out.push_str(rest);
    Ok(out.into())
}

/// The identifier (`[A-Za-z_][A-Za-z0-9_]*`) that stands between `open` at the beginning of `text` and `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(open)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let name = &rest[..end];
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && rest[end..].starts_with(close)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, PlaceholderError> {
        let values = Values {
            host: "127.0.0.1",
            port: 20001,
            model: Some("tiny"),
        };
        fill(OsStr::new(text), &values).map(|s| s.to_string_lossy().into_owned())
    }

    #[test]
    fn known_names_are_filled_in() {
        for (text, expected) in [
            ("--port={port}", "--port=20001"),
            (
                "http://{host}:{port}/{model}",
                "http://127.0.0.1:20001/tiny",
            ),
            ("{{port}} {port}", "{port} 20001"),
            ("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"),
            ("{} { } {1} {port", "{} { } {1} {port"),
            ("{\"p\":{port}}", "{\"p\":20001}"),
            ("", ""),
        ] {
            assert_eq!(filled(text), Ok(expected.into()), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = filled("--p={prot}").unwrap_err().to_string();
        assert_eq!(
            error,
            "`--p={prot}` has the unknown placeholder {prot}; known are {host}, {port}, {model}; did you mean {port}?"
        );
        let error = filled("{zz}").unwrap_err().to_string();
        assert!(error.ends_with("is written {{zz}}"), "{error}");
    }

    #[test]
    fn a_model_that_is_not_set_is_refused() {
        let values = Values {
            host: "h",
            port: 1,
            model: None,
        };
        let error = fill(OsStr::new("{model}"), &values).unwrap_err();
        assert_eq!(error.why, Why::Unset);
        assert!(error.to_string().contains("has no model"));
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_stay() {
        use std::os::unix::ffi::OsStrExt;
        let values = Values {
            host: "h",
            port: 1,
            model: None,
        };
        let raw = OsStr::from_bytes(b"\xff{x");
        assert_eq!(fill(raw, &values).unwrap(), raw);
        let error = fill(OsStr::from_bytes(b"\xff{port}"), &values).unwrap_err();
        assert_eq!(error.why, Why::NotText);
    }
}
