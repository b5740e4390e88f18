//! Parameters: named values that a deployment's texts use as `{name}`, and that a command line may set.
//!
//! Promise: a parameter has the type of its first declaration, wherever it is set again; `false` means "not set". Rejected: untyped texts
//! (a misspelt number would travel as far as the engine).

use tribunal_vocabulary::nearest;

use crate::node::{Entry, Node, Table, Value};
use crate::source::{Found, Place};

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Number,
    Text,
    Flag,
    Texts,
    /// Declared as `false` only: any value without parts.
    Any,
}

impl Kind {
    const NAMED: [(&'static str, Kind); 5] = [
        ("int", Kind::Int),
        ("number", Kind::Number),
        ("text", Kind::Text),
        ("flag", Kind::Flag),
        ("texts", Kind::Texts),
    ];

    fn wanted(self) -> &'static str {
        match self {
            Kind::Int => "an integer",
            Kind::Number => "a number",
            Kind::Text => "text",
            Kind::Flag => "true or false",
            Kind::Texts => "a list of texts",
            Kind::Any => "a value without parts",
        }
    }

    fn of(value: &Value) -> Option<Kind> {
        Some(match value {
            Value::Bool(false) => Kind::Any,
            Value::Bool(true) => Kind::Flag,
            Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Number,
            Value::Text(_) => Kind::Text,
            Value::List(list) if list.iter().all(|node| node.text().is_some()) => Kind::Texts,
            _ => return None,
        })
    }

    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Bool(false)) | (Kind::Number, Value::Int(_)) => true,
            (Kind::Any, value) => Kind::of(value).is_some_and(|kind| kind != Kind::Texts),
            (kind, value) => Kind::of(value) == Some(kind),
        }
    }
}

/// One parameter as it stands after all layers.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub name: String,
    pub name_at: Place,
    pub kind: Kind,
    /// `None`: not set.
    pub value: Option<Node>,
    pub doc: Option<String>,
    /// Its declaration is wrong, which is reported; what uses it is not.
    pub broken: bool,
}

/// The kind of a declaration, if it says one.
fn declared(node: &Node) -> Option<Kind> {
    match &node.value {
        Value::Table(table) => match table.get("type").and_then(Node::text) {
            Some(word) => Kind::NAMED
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, kind)| *kind),
            None => table.get("default").and_then(|node| Kind::of(&node.value)),
        },
        value => Kind::of(value),
    }
}

/// Lays parameters on those of the layer below.
pub(crate) fn layer(base: &mut Table, over: Table, found: &mut Vec<Found>) {
    for entry in over.0 {
        let Some(there) = base.get_mut(&entry.key) else {
            base.0.push(entry);
            continue;
        };
        if let Value::Table(over) = entry.node.value {
            if let Value::Table(base) = &mut there.value {
                over.0.into_iter().for_each(|entry| base.set(entry));
            } else {
                there.value = Value::Table(over);
            }
            continue;
        }
        set(there, &entry.key, entry.node, found);
    }
}

/// Gives a declaration another value of its kind.
fn set(there: &mut Node, name: &str, value: Node, found: &mut Vec<Found>) {
    let kind = declared(there).unwrap_or(Kind::Any);
    if !kind.takes(&value.value) {
        let message = format!("`{name}` is {}, not {}", kind.wanted(), value.sort());
        let help = "a parameter keeps the type of its first declaration; `false` unsets it";
        found.push(Found::at(value.at, message, Some(help.to_owned())));
        return;
    }
    match &mut there.value {
        Value::Table(table) => table.set(Entry {
            key: "default".to_owned(),
            key_at: value.at,
            node: value,
        }),
        // What is unset keeps its type: a declaration says it.
        _ if value.is_false() && kind != Kind::Any => {
            let word = Kind::NAMED
                .iter()
                .find(|(_, k)| *k == kind)
                .map_or("text", |(n, _)| n);
            let at = value.at;
            let text = Node {
                value: Value::Text(word.to_owned()),
                at,
            };
            let of = |key: &str, node| Entry {
                key: key.to_owned(),
                key_at: at,
                node,
            };
            there.value = Value::Table(Table(vec![of("type", text), of("default", value)]));
        }
        _ => *there = value,
    }
}

/// Sets a parameter from a text of the command line. `false` if there is no such parameter.
pub(crate) fn set_text(
    params: &mut Table,
    name: &str,
    text: &str,
    at: Place,
    found: &mut Vec<Found>,
) -> bool {
    let Some(there) = params.get_mut(name) else {
        return false;
    };
    let kind = declared(there).unwrap_or(Kind::Any);
    let value = match (kind, text) {
        (_, "false") => Some(Value::Bool(false)),
        (Kind::Flag, "true") => Some(Value::Bool(true)),
        (Kind::Flag, _) => None,
        (Kind::Int, _) => text.parse().ok().map(Value::Int),
        (Kind::Number, _) => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(Value::Float),
        (Kind::Texts, "") => Some(Value::List(Vec::new())),
        (Kind::Texts, _) => Some(Value::List(
            text.split(',')
                .map(|part| Node {
                    value: Value::Text(part.to_owned()),
                    at,
                })
                .collect(),
        )),
        (Kind::Text, _) => Some(Value::Text(text.to_owned())),
        (Kind::Any, "true") => Some(Value::Bool(true)),
        (Kind::Any, _) => Some(
            text.parse()
                .map_or_else(|_| Value::Text(text.to_owned()), Value::Int),
        ),
    };
    match value {
        Some(value) => set(there, name, Node { value, at }, found),
        None => found.push(Found::at(
            at,
            format!("`{name}` is {}, and `{text}` is not", kind.wanted()),
            Some("`false` unsets it".to_owned()),
        )),
    }
    true
}

/// Names that texts use for something else.
pub(crate) const RESERVED: [&str; 17] = [
    "host",
    "port",
    "ports",
    "model",
    "served_name",
    "self",
    "config",
    "here",
    "package",
    "workspace",
    "evidence",
    "server",
    "i",
    "prompt",
    "prompt_file",
    "request",
    "output",
];

/// The key of a declaration that says: what is set here is done to the server on purpose, and makes it no other one.
const INJECTED: &str = "injected";

/// The names of the parameters that are declared so.
pub(crate) fn injected(table: &Table) -> Vec<String> {
    let is = |entry: &&Entry| match &entry.node.value {
        Value::Table(table) => table
            .get(INJECTED)
            .is_some_and(|node| matches!(node.value, Value::Bool(true))),
        _ => false,
    };
    let entries = table.0.iter().filter(is);
    entries.map(|entry| entry.key.clone()).collect()
}

/// Reads the parameters, each mistake reported.
pub(crate) fn read(table: &Table, found: &mut Vec<Found>) -> Vec<Param> {
    let mut params = Vec::new();
    for entry in &table.0 {
        let named = named(entry, found);
        let mut param = Param {
            name: entry.key.clone(),
            name_at: entry.key_at,
            kind: Kind::Any,
            value: None,
            doc: None,
            broken: false,
        };
        let read = one(entry, &mut param, found);
        param.broken = named.is_none() || read.is_none();
        params.push(param);
    }
    params
}

/// `None` if the name cannot be one, which is reported.
fn named(entry: &Entry, found: &mut Vec<Found>) -> Option<()> {
    let name = &*entry.key;
    let mut chars = name.chars();
    let good = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !good {
        found.push(Found::at(
            entry.key_at,
            format!("`{name}` is no name of a parameter"),
            Some("letters, digits and `_`, a letter first".to_owned()),
        ));
        return None;
    }
    if RESERVED.contains(&name) {
        found.push(Found::at(
            entry.key_at,
            format!("no parameter can be called `{name}`: {{{name}}} means something else"),
            Some("give it another name".to_owned()),
        ));
        return None;
    }
    Some(())
}

/// Reads one declaration; `None` if something is wrong with it, which is reported.
fn one(entry: &Entry, param: &mut Param, found: &mut Vec<Found>) -> Option<()> {
    let Value::Table(table) = &entry.node.value else {
        let Some(kind) = Kind::of(&entry.node.value) else {
            found.push(Found::at(
                entry.node.at,
                format!("a parameter cannot be {}", entry.node.sort()),
                Some(
                    "an integer, a number, text, a list of texts, true, or false for \"not set\""
                        .to_owned(),
                ),
            ));
            return None;
        };
        param.kind = kind;
        param.value = Some(entry.node.clone()).filter(|node| !node.is_false());
        return Some(());
    };
    let mut good = true;
    for field in &table.0 {
        match &*field.key {
            "type" => match field.node.text() {
                Some(word) if Kind::NAMED.iter().any(|(name, _)| *name == word) => {}
                Some(word) => {
                    let help = nearest(word, Kind::NAMED.map(|(name, _)| name)).map_or_else(
                        || "known types: `int`, `number`, `text`, `flag`, `texts`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    found.push(Found::at(
                        field.node.at,
                        format!("`{word}` is no type of a parameter"),
                        Some(help),
                    ));
                    good = false;
                }
                None => {
                    found.push(Found::at(
                        field.node.at,
                        format!("`type` must be text, not {}", field.node.sort()),
                        None,
                    ));
                    good = false;
                }
            },
            "doc" => match field.node.text() {
                Some(text) => param.doc = Some(text.to_owned()),
                None => found.push(Found::at(
                    field.node.at,
                    format!("`doc` must be text, not {}", field.node.sort()),
                    None,
                )),
            },
            "default" => param.value = Some(field.node.clone()).filter(|node| !node.is_false()),
            INJECTED => {
                if !matches!(field.node.value, Value::Bool(_)) {
                    found.push(Found::at(
                        field.node.at,
                        format!(
                            "`{INJECTED}` must be true or false, not {}",
                            field.node.sort()
                        ),
                        None,
                    ));
                }
            }
            key => {
                let near = nearest(key, ["type", "default", "doc", INJECTED]);
                found.push(Found::at(
                    field.key_at,
                    format!("a parameter has no key `{key}`"),
                    Some(near.map_or_else(
                        || "known keys: `type`, `default`, `doc`, `injected`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    )),
                ));
            }
        }
    }
    if !good {
        return None;
    }
    let Some(kind) = declared(&entry.node) else {
        found.push(Found::at(
            entry.key_at,
            format!("parameter `{}` has neither a type nor a value", entry.key),
            Some("for example: { type = \"int\" }".to_owned()),
        ));
        return None;
    };
    param.kind = kind;
    if let Some(value) = &param.value
        && !kind.takes(&value.value)
    {
        found.push(Found::at(
            value.at,
            format!("`{}` is {}, not {}", entry.key, kind.wanted(), value.sort()),
            None,
        ));
        return None;
    }
    Some(())
}
