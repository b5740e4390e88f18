//! Placeholders of a deployment: `{host}`, `{port}`, `{ports[i]}`, `{model}`, `{evidence}` inside arguments and values of variables, and
//! `{NAME.port}` and so on of the other processes.
//!
//! A placeholder is a pair of braces around one name, with nothing else inside: JSON in an argument (`{"a":{"b":1}}`)
//! stays as it is. `{{name}}` is the text `{name}`. A name that is not known is an error, never an empty
//! text. What is filled in stays part of the one argument; there is no shell that could split or run it.
//! A template language was rejected: whatever it can compute, a test or a script computes better.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;

use crate::text::nearest;

/// Where one process listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub host: String,
    /// The first port of its block.
    pub first: u16,
    /// How many ports the block has.
    pub count: u16,
    /// What other processes are told of its first port, where that is another address.
    pub told: Option<SocketAddr>,
}

impl Address {
    pub(crate) fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.first)
    }

    /// What can be said of it to other processes.
    fn for_others(&self, field: &str) -> Option<String> {
        let told = self.told?;
        match field {
            "host" => Some(told.ip().to_string()),
            "port" | "ports[0]" => Some(told.port().to_string()),
            "url" => Some(format!("http://{told}")),
            _ => None,
        }
    }
}

/// What can be filled in. `None` stands for a name that is known but has no value in this deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    /// The name of the process whose text is filled in.
    pub name: &'a str,
    /// The process whose text is filled in.
    pub own: &'a Address,
    pub model: Option<&'a str>,
    /// The evidence folder, absolute.
    pub evidence: &'a OsStr,
    /// Every process by name; `server` is the one whose port answers.
    pub processes: &'a [(String, Address)],
}

/// The names that are known, in the order in which messages list them.
const KNOWN: [&str; 5] = ["host", "port", "ports[i]", "model", "evidence"];
/// What can be said of another process.
const OF_A_PROCESS: [&str; 4] = ["host", "port", "ports[i]", "url"];

/// Why a text could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlaceholderError {
    pub text: String,
    pub name: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// No placeholder of that name exists.
    Unknown,
    /// No process has the name before the dot; the names that are there.
    UnknownProcess(Vec<String>),
    /// The process is there, but has no such property.
    UnknownField,
    /// The block has only so many ports.
    BeyondBlock(u16),
    /// What stands in the brackets is no number.
    NoIndex,
    /// The name is known, but the deployment does not say its value.
    Unset,
    /// The text around it is not UTF-8, or what is filled in is not.
    NotText,
}

impl fmt::Display for PlaceholderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlaceholderError { text, name, why } = self;
        let listed = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|k| format!("{{{k}}}")).collect();
            names.join(", ")
        };
        match why {
            Why::Unset => write!(
                f,
                "`{text}` asks for {{{name}}}, but the deployment has no {name}"
            ),
            Why::NotText => write!(
                f,
                "`{text}` has the placeholder {{{name}}} in a text that is not UTF-8"
            ),
            Why::NoIndex => {
                write!(
                    f,
                    "`{text}` has the placeholder {{{name}}}, whose index is no number; the first port is {{ports[0]}}"
                )
            }
            Why::BeyondBlock(count) => {
                write!(
                    f,
                    "`{text}` asks for {{{name}}}, but the block has {count} port{}",
                    if *count == 1 { "" } else { "s" }
                )?;
                match count {
                    1 => write!(f, " ({{ports[0]}}); `ports` makes it larger"),
                    n => write!(
                        f,
                        " ({{ports[0]}} to {{ports[{}]}}); `ports` makes it larger",
                        n - 1
                    ),
                }
            }
            Why::UnknownProcess(known) => {
                let process = name.split('.').next().unwrap_or(name);
                write!(
                    f,
                    "`{text}` has the placeholder {{{name}}}, but no process is called `{process}`; there are `{}`",
                    known.join("`, `")
                )?;
                match nearest(process, known.iter().map(String::as_str)) {
                    Some(near) => {
                        write!(f, "; did you mean {{{}}}?", name.replacen(process, near, 1))
                    }
                    None => write!(f, "; the text {{{name}}} itself is written {{{{{name}}}}}"),
                }
            }
            Why::UnknownField => {
                let (process, field) = name.split_once('.').unwrap_or((name, ""));
                let fields = OF_A_PROCESS
                    .map(|k| format!("{{{process}.{k}}}"))
                    .join(", ");
                write!(
                    f,
                    "`{text}` has the unknown placeholder {{{name}}}; known are {fields}"
                )?;
                nearest(field, OF_A_PROCESS).map_or(Ok(()), |near| {
                    write!(f, "; did you mean {{{process}.{near}}}?")
                })
            }
            Why::Unknown => {
                write!(
                    f,
                    "`{text}` has the unknown placeholder {{{name}}}; known are {}, and {{NAME.port}} and so on of a process",
                    listed(&KNOWN)
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
    let mut out = OsString::with_capacity(seen.len());
    let mut rest: &str = &seen;
    while let Some(brace) = rest.find('{') {
        out.push(&rest[..brace]);
        rest = &rest[brace..];
        if let Some(name) = between(rest, "{{", "}}") {
            if text.to_str().is_none() {
                return Err(refuse(name, Why::NotText));
            }
            out.push(&rest[1..name.len() + 3]);
            rest = &rest[name.len() + 4..];
        } else if let Some(name) = between(rest, "{", "}") {
            if text.to_str().is_none() {
                return Err(refuse(name, Why::NotText));
            }
            out.push(value(name, values).map_err(|why| refuse(name, why))?);
            rest = &rest[name.len() + 2..];
        } else {
            out.push("{");
            rest = &rest[1..];
        }
    }
    if text.to_str().is_none() {
        return Ok(text.to_owned());
    }
    out.push(rest);
    Ok(out)
}

fn value(name: &str, values: &Values<'_>) -> Result<OsString, Why> {
    match name {
        "model" => return values.model.map(OsString::from).ok_or(Why::Unset),
        "evidence" => return Ok(values.evidence.to_owned()),
        _ => {}
    }
    let Some((process, field)) = name.split_once('.') else {
        return match name {
            // Only other processes need a whole address.
            "url" => Err(Why::Unknown),
            _ => of_process(name, values.own, Why::Unknown),
        };
    };
    let Some((_, address)) = values.processes.iter().find(|(known, _)| known == process) else {
        let known = values.processes.iter().map(|(n, _)| n.clone()).collect();
        return Err(Why::UnknownProcess(known));
    };
    match address.for_others(field) {
        Some(told) if process != values.name => Ok(told.into()),
        _ => of_process(field, address, Why::UnknownField),
    }
}

fn of_process(field: &str, address: &Address, unknown: Why) -> Result<OsString, Why> {
    Ok(match field {
        "host" => address.host.clone().into(),
        "port" => address.first.to_string().into(),
        "url" => address.url().into(),
        _ => {
            let index = field
                .strip_prefix("ports[")
                .and_then(|rest| rest.strip_suffix(']'));
            let index: u16 = match index.map(str::parse) {
                None => return Err(unknown),
                Some(Err(_))
                    if index.is_some_and(|i| {
                        !i.is_empty() && i.bytes().all(|b| b.is_ascii_digit())
                    }) =>
                {
                    u16::MAX
                }
                Some(Err(_)) => return Err(Why::NoIndex),
                Some(Ok(index)) => index,
            };
            if index >= address.count {
                return Err(Why::BeyondBlock(address.count));
            }
            (address.first + index).to_string().into()
        }
    })
}

/// The name that stands between `open` at the beginning of `text` and `close`: an identifier, with `NAME.` before it (where a process's
/// name may have hyphens) or `[…]` behind it.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(open)?;
    let word = |from: usize, hyphen: bool| {
        let tail = &rest[from..];
        if !tail.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || (hyphen && c == '-');
        Some(from + tail.find(|c| !inside(c)).unwrap_or(tail.len()))
    };
    let mut end = match word(0, true) {
        Some(end) if rest[end..].starts_with('.') => word(end + 1, false)?,
        _ => word(0, false)?,
    };
    if rest[end..].starts_with('[') {
        let index = rest[end + 1..].find(|c: char| !c.is_ascii_alphanumeric())?;
        end += 1 + index;
        if !rest[end..].starts_with(']') {
            return None;
        }
        end += 1;
    }
    rest[end..].starts_with(close).then(|| &rest[..end])
}

#[cfg(test)]
#[path = "placeholder_tests.rs"]
mod tests;
