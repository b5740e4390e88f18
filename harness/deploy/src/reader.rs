//! Reads values: type, range, holes, variables; every mistake is collected.
//!
//! Promise: reading never stops at the first mistake and never panics; what could not be read is `None`, and there is a mistake that
//! says why. `false` unsets whatever is no bool, and a text that is nothing but `{parameter}` is the parameter's value with its type.

use std::collections::BTreeSet;
use std::time::Duration;

use tribunal_vocabulary::{nearest, parse_duration};

use crate::node::{Entry, Node, Table, Value};
use crate::param::{Kind, Param};
use crate::scope::{Holes, Scope};
use crate::secret::Secrets;
use crate::source::{Found, Place, Sources};
use crate::text::{Filled, Part, Piece, pieces};

pub(crate) struct Reader<'a> {
    pub sources: &'a Sources,
    pub found: Vec<Found>,
    pub params: Vec<Param>,
    /// The parameters that something uses.
    pub used: BTreeSet<String>,
    pub scope: Scope<'a>,
    /// Where a parameter's value stands for a text: there a number is as good.
    pub bound: BTreeSet<Place>,
    /// Values of variables that must not be shown.
    pub secrets: Secrets,
}

impl Reader<'_> {
    pub fn mistake(&mut self, at: Place, message: impl Into<String>, help: Option<String>) {
        self.found.push(Found::at(at, message, help));
    }

    fn wrong(&mut self, key: &str, node: &Node, wanted: &str) {
        let help = (node.value == Value::Bool(true))
            .then(|| "only `false` has a meaning here: not set".to_owned());
        self.mistake(
            node.at,
            format!("`{key}` must be {wanted}, not {}", node.sort()),
            help,
        );
    }

    /// Whether a text is not known yet, because a variable in it was left as it is.
    pub fn open(&self, text: &str) -> bool {
        self.scope.lenient && text.contains("${")
    }

    /// Reports keys that do not exist. `of` names the table: "a part".
    pub fn known(&mut self, table: &Table, of: &str, known: &[&str]) {
        for entry in &table.0 {
            if !known.contains(&&*entry.key) {
                self.unknown_key(entry, of, known);
            }
        }
    }

    pub fn unknown_key(&mut self, entry: &Entry, of: &str, known: &[&str]) {
        let help = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", list(known.iter().copied())),
        };
        self.mistake(
            entry.key_at,
            format!("{of} has no key `{}`", entry.key),
            Some(help),
        );
    }

    /// A value that is set: a parameter's value in the place of `{parameter}`, nothing in the place of `false`.
    pub fn set(&mut self, table: &Table, key: &str) -> Option<Node> {
        let node = self.value(table.get(key)?)?;
        (!node.is_false()).then_some(node)
    }

    /// The value itself, or that of the parameter that it names; `None` if that is not set.
    pub fn value(&mut self, node: &Node) -> Option<Node> {
        if let Some(text) = node.text()
            && let [Piece::Hole(name)] = &*pieces(text)
            && let Some(param) = self.params.iter().find(|param| param.name == *name)
        {
            self.used.insert(name.clone());
            let value = param.value.clone()?;
            self.bound.insert(node.at);
            // A text of the command line is shown where it was written, everything else where it is used.
            return Some(Node {
                value: value.value,
                at: node.at,
            });
        }
        Some(node.clone())
    }

    pub fn table<'n>(&mut self, key: &str, node: &'n Node, wanted: &str) -> Option<&'n Table> {
        if node.table().is_none() {
            self.wrong(key, node, wanted);
        }
        node.table()
    }

    /// Text as it was written.
    pub fn verbatim(&mut self, key: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => {
                self.wrong(key, node, "text");
                None
            }
        }
    }

    /// Text that may have variables and holes of its own, none of the start. It is not empty.
    pub fn text(&mut self, key: &str, node: &Node) -> Option<String> {
        let number_fits = self.bound.contains(&node.at) || self.sources.is_setting(node.at.source);
        if node.text().is_none() && !number_fits {
            self.wrong(key, node, "text");
            return None;
        }
        let filled = self.filled(key, node, Holes::None)?;
        match filled.plain() {
            Ok(text) if text.trim().is_empty() => {
                self.mistake(node.at, format!("`{key}` is empty"), None);
                None
            }
            Ok(text) => Some(text),
            // Reported already.
            Err(_) => None,
        }
    }

    /// The text of `key`, if it is set.
    pub fn text_of(&mut self, table: &Table, key: &str) -> Option<String> {
        let node = self.set(table, key)?;
        self.text(key, &node)
    }

    pub fn verbatim_of(&mut self, table: &Table, key: &str) -> Option<String> {
        let node = table.get(key).filter(|node| !node.is_false())?;
        let text = self.verbatim(key, node)?;
        if text.trim().is_empty() {
            self.mistake(node.at, format!("`{key}` is empty"), None);
            return None;
        }
        Some(text)
    }

    pub fn bool_of(&mut self, table: &Table, key: &str) -> Option<bool> {
        let node = self.value(table.get(key)?)?;
        match node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.wrong(key, &node, "true or false");
                None
            }
        }
    }

    pub fn int_of(
        &mut self,
        table: &Table,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let node = self.set(table, key)?;
        match node.value {
            Value::Int(value) if range.contains(&value) => Some(value),
            Value::Int(value) => {
                self.mistake(
                    node.at,
                    format!(
                        "`{key}` must be from {} to {}, not {value}",
                        range.start(),
                        range.end()
                    ),
                    None,
                );
                None
            }
            _ => {
                self.wrong(key, &node, "an integer");
                None
            }
        }
    }

    /// A duration above zero.
    pub fn duration_of(&mut self, table: &Table, key: &str) -> Option<Duration> {
        let node = self.set(table, key)?;
        let Value::Text(_) = &node.value else {
            self.mistake(
                node.at,
                format!("`{key}` must be a duration, not {}", node.sort()),
                Some("write it as text with a unit: \"30s\", \"5m\", \"1h30m\"".to_owned()),
            );
            return None;
        };
        let text = self.text(key, &node)?;
        if self.open(&text) {
            return None;
        }
        match parse_duration(&text) {
            Ok(duration) if duration.is_zero() => {
                self.mistake(node.at, format!("`{key}` must be more than zero"), None);
                None
            }
            Ok(duration) => Some(duration),
            Err(message) => {
                self.mistake(node.at, message, None);
                None
            }
        }
    }

    /// A size in bytes: `64MiB`.
    pub fn size_of(&mut self, table: &Table, key: &str) -> Option<u64> {
        const UNITS: [(&str, u32); 3] = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
        let node = self.set(table, key)?;
        let size = node.text().and_then(|text| {
            let (unit, shift) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
            let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(1 << shift).filter(|size| *size > 0)
        });
        if size.is_none() {
            self.mistake(
                node.at,
                format!("`{key}` is no size"),
                Some(
                    "write a whole number above zero and its unit: \"64MiB\", \"1GiB\"".to_owned(),
                ),
            );
        }
        size
    }

    /// The elements of a list, or the one text that stands for a list of one.
    pub fn elements(&mut self, key: &str, node: &Node, of: &str) -> Vec<Node> {
        match &node.value {
            Value::List(list) => list.clone(),
            Value::Text(_) => vec![node.clone()],
            _ => {
                self.wrong(key, node, of);
                Vec::new()
            }
        }
    }

    /// A text, or a list of texts, in which variables and holes are filled in.
    pub fn texts_of(&mut self, table: &Table, key: &str) -> Vec<String> {
        let Some(node) = self.set(table, key) else {
            return Vec::new();
        };
        let elements = self.elements(key, &node, "a list of texts");
        elements
            .iter()
            .filter_map(|node| self.text(key, node))
            .collect()
    }

    /// Text with variables and its own holes filled in; `allowed` says which holes may be left.
    pub fn filled(&mut self, key: &str, node: &Node, allowed: Holes) -> Option<Filled> {
        let text = match &node.value {
            Value::Text(text) => text,
            Value::Int(_) | Value::Float(_) => return node.scalar().map(Filled::of),
            _ => {
                self.wrong(key, node, "text");
                return None;
            }
        };
        let mut out = Vec::new();
        let mut good = true;
        for piece in pieces(text) {
            let filled = match piece {
                Piece::Text(text) => Ok(vec![Part::Text(text)]),
                Piece::Broken(written) => Err((
                    "${".to_owned(),
                    format!("`{written}` is no variable"),
                    Some("write ${NAME} or ${NAME:-default}; the text itself is $${".to_owned()),
                )),
                Piece::Variable {
                    name,
                    default,
                    written,
                } => match self.scope.variable(&name, default.as_deref(), &written) {
                    Ok(text) => {
                        self.secrets.note(&name, &text);
                        Ok(vec![Part::Text(text)])
                    }
                    Err(message) => Err((
                        written,
                        message,
                        Some(format!("set it, or give a default: ${{{name}:-…}}")),
                    )),
                },
                Piece::Hole(name) => self
                    .hole(&name, node.at, allowed)
                    .map_err(|(message, help)| (format!("{{{name}}}"), message, help)),
            };
            match filled {
                Ok(parts) => out.extend(parts),
                Err((needle, message, help)) => {
                    good = false;
                    self.mistake(self.sources.within(node.at, &needle), message, help);
                }
            }
        }
        good.then_some(Filled(out))
    }

    fn hole(
        &mut self,
        name: &str,
        at: Place,
        allowed: Holes,
    ) -> Result<Vec<Part>, (String, Option<String>)> {
        if let Some(param) = self.params.iter().find(|param| param.name == name) {
            self.used.insert(name.to_owned());
            if param.broken {
                return Ok(Vec::new());
            }
            let Some(value) = param.value.clone() else {
                if self.scope.lenient && param.kind != Kind::Any {
                    // Declared with a type and no value: `--set` must set it, and who renders it without is told.
                    return Ok(Vec::new());
                }
                return Err((
                    format!("parameter `{name}` is not set"),
                    Some(format!(
                        "put what needs it into a group of its own, [\"--option\", \"{{{name}}}\"], which is then left out"
                    )),
                ));
            };
            return Ok(self.param_text(&value, allowed));
        }
        let folder = self.sources.folder(at.source);
        match self.scope.fill(name, folder, allowed) {
            Ok(parts) => Ok(parts),
            Err((message, Some(help))) => Err((message, Some(help))),
            Err((message, None)) => {
                let params: Vec<String> =
                    self.params.iter().map(|param| param.name.clone()).collect();
                let known = self.scope.known(allowed);
                let near = nearest(name, params.iter().chain(&known).map(String::as_str));
                let help = near.map_or_else(
                    || {
                        let all = params
                            .iter()
                            .chain(&known)
                            .map(|name| format!("{{{name}}}"));
                        format!(
                            "known are {}; the text itself is written {{{{{name}}}}}",
                            all.collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| format!("did you mean {{{near}}}?"),
                );
                Err((message, Some(help)))
            }
        }
    }

    /// The text of a parameter's value, whose own variables and holes of the start are filled in; a list is joined by commas.
    fn param_text(&mut self, value: &Node, allowed: Holes) -> Vec<Part> {
        let texts: Vec<Node> = match &value.value {
            Value::List(list) => list.clone(),
            _ => vec![value.clone()],
        };
        let mut out = Vec::new();
        for (index, node) in texts.iter().enumerate() {
            if index > 0 {
                out.push(Part::Text(",".to_owned()));
            }
            // A parameter knows no other: there is no ring.
            let params = std::mem::take(&mut self.params);
            let filled = match &node.value {
                Value::Text(_) => self.filled("a parameter", node, allowed),
                _ => node.scalar().map(Filled::of),
            };
            self.params = params;
            out.extend(filled.map(|filled| filled.0).unwrap_or_default());
        }
        out
    }
}

/// Names as a list for messages, each in backticks.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
