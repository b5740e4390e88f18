//! Reads a command: a program and its arguments, with groups that are left out.
//!
//! A list in the list is a group: it is there when every parameter that it uses is set, and when each of its conditions holds (`{?name}`: the
//! parameter is set, `{!name}`: it is not). A parameter that is a list and stands alone is as many arguments as it has elements.
//! Rejected: expressions (a file of settings is no program).

use std::path::Path;

use crate::node::{Node, Table, Value};
use crate::reader::Reader;
use crate::scope::Holes;
use crate::text::{Filled, Part, Piece, pieces};

/// Reads a command: the program, and its arguments with the holes that `holes` allows.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    table: &Table,
    holes: Holes,
) -> Option<(String, Vec<String>)> {
    let node = table.get("command")?.clone();
    let Value::List(list) = &node.value else {
        let help = match node.text() {
            Some(text) => format!(
                "there is no shell: write {:?}",
                text.split_whitespace().collect::<Vec<_>>()
            ),
            None => "for example: command = [\"vllm\", \"serve\", \"{model}\"]".to_owned(),
        };
        reader.mistake(
            node.at,
            format!("`command` must be a list of texts, not {}", node.sort()),
            Some(help),
        );
        return None;
    };
    let Some((first, rest)) = list.split_first() else {
        reader.mistake(
            node.at,
            "`command` is empty: the program is missing",
            Some("the first element is the program, the others are its arguments".to_owned()),
        );
        return None;
    };
    let program = if let Value::List(_) = first.value {
        reader.mistake(
            first.at,
            "the program stands first, and cannot be left out",
            Some("a group of arguments comes after it".to_owned()),
        );
        None
    } else {
        reader.text("command", first)
    };
    let mut args = arguments(reader, rest, holes);
    if let Some(node) = table.get("args_add").cloned() {
        match &node.value {
            Value::List(list) => args.extend(arguments(reader, list, holes)),
            _ => reader.mistake(
                node.at,
                format!("`args_add` must be a list, not {}", node.sort()),
                None,
            ),
        }
    }
    let folder = reader.sources.folder(first.at.source);
    let program = program.map(|program| located(reader, folder, program));
    Some((program?, args))
}

/// A program that is named by a path does not depend on the folder in which it is started.
fn located(reader: &Reader<'_>, folder: Option<&Path>, program: String) -> String {
    if !program.contains('/') {
        return program;
    }
    let found = reader.scope.context.locate(folder, &program);
    let found = found.and_then(|path| std::path::absolute(path).ok());
    found.map_or(program, |path| path.to_string_lossy().into_owned())
}

pub(crate) fn arguments(reader: &mut Reader<'_>, list: &[Node], holes: Holes) -> Vec<String> {
    let mut out = Vec::new();
    for node in list {
        match &node.value {
            Value::List(group) => {
                if wanted(reader, group) {
                    for node in group {
                        match &node.value {
                            Value::List(_) => reader.mistake(
                                node.at,
                                "a group cannot be in a group",
                                Some("write it beside the other".to_owned()),
                            ),
                            _ => argument(reader, node, holes, true, &mut out),
                        }
                    }
                }
            }
            _ => argument(reader, node, holes, false, &mut out),
        }
    }
    out
}

/// The elements of a list whose groups may be left out, without their conditions.
pub(crate) fn grouped(reader: &mut Reader<'_>, node: &Node, key: &str) -> Vec<Node> {
    let mut out = Vec::new();
    for node in reader.elements(key, node, "a list of names") {
        match &node.value {
            Value::List(group) => {
                if wanted(reader, group) {
                    let is_condition =
                        |node: &&Node| node.text().is_some_and(|text| condition(text).is_some());
                    out.extend(group.iter().filter(|node| !is_condition(node)).cloned());
                }
            }
            _ => out.push(node),
        }
    }
    out
}

/// `{?name}` or `{!name}`: whether, and the name.
fn condition(text: &str) -> Option<(bool, &str)> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let (set, name) = match inner.strip_prefix('?') {
        Some(name) => (true, name),
        None => (false, inner.strip_prefix('!')?),
    };
    Some((set, name))
}

/// Whether a group is there: every parameter that it uses is set, and every condition holds.
fn wanted(reader: &mut Reader<'_>, group: &[Node]) -> bool {
    let mut wanted = true;
    for node in group {
        let Some(text) = node.text() else {
            continue;
        };
        if let Some((set, name)) = condition(text) {
            let Some(param) = reader.params.iter().find(|param| param.name == name) else {
                let names: Vec<String> = reader
                    .params
                    .iter()
                    .map(|param| param.name.clone())
                    .collect();
                let near = tribunal_vocabulary::nearest(name, names.iter().map(String::as_str));
                let help = near.map(|near| format!("did you mean `{near}`?"));
                reader.mistake(
                    node.at,
                    format!("`{text}` asks for a parameter `{name}`, and there is none"),
                    help,
                );
                continue;
            };
            wanted &= param.value.is_some() == set;
            reader.used.insert(name.to_owned());
            continue;
        }
        for piece in pieces(text) {
            if let Piece::Hole(name) = piece
                && let Some(param) = reader.params.iter().find(|param| param.name == name)
            {
                wanted &= param.value.is_some();
                reader.used.insert(name);
            }
        }
    }
    wanted
}

fn argument(
    reader: &mut Reader<'_>,
    node: &Node,
    holes: Holes,
    in_group: bool,
    out: &mut Vec<String>,
) {
    if let Some(text) = node.text() {
        if condition(text).is_some() {
            if !in_group {
                reader.mistake(
                    node.at,
                    format!("`{text}` stands outside a group"),
                    Some(format!(
                        "put it into one with what depends on it: [\"{text}\", \"--option\"]"
                    )),
                );
            }
            return;
        }
        if let [Piece::Hole(name)] = &*pieces(text) {
            // A list that stands alone is several arguments.
            let param = reader.params.iter().find(|param| param.name == *name);
            if let Some(Value::List(list)) = param
                .and_then(|param| param.value.as_ref())
                .map(|node| &node.value)
            {
                let list = list.clone();
                reader.used.insert(name.clone());
                for node in &list {
                    let filled = reader.filled("a parameter", node, holes);
                    out.extend(filled.map(|filled| filled.template()));
                }
                return;
            }
            if name.contains('*') {
                several(reader, node, name, out);
                return;
            }
        }
    }
    match &node.value {
        Value::Text(_) | Value::Int(_) | Value::Float(_) => {
            let filled = reader.filled("an argument", node, holes);
            out.extend(filled.map(|filled| filled.template()));
        }
        _ => reader.mistake(
            node.at,
            format!("an argument is text or a number, not {}", node.sort()),
            None,
        ),
    }
}

/// `{worker-*.url}`: one argument for each part that is meant.
fn several(reader: &mut Reader<'_>, node: &Node, name: &str, out: &mut Vec<String>) {
    let (pattern, field) = name.split_once('.').unwrap_or((name, ""));
    let names: Vec<String> = reader
        .scope
        .matching(pattern)
        .into_iter()
        .map(String::from)
        .collect();
    if !matches!(field, "url" | "port" | "host") {
        reader.mistake(
            node.at,
            format!("{{{name}}} asks for no field of a part"),
            Some(format!(
                "{{{pattern}.url}}, {{{pattern}.port}} or {{{pattern}.host}}"
            )),
        );
    } else if names.is_empty() {
        let all: Vec<String> = reader
            .scope
            .parts
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        reader.mistake(
            node.at,
            format!("no part is called `{pattern}`"),
            Some(format!("there is: {}", all.join(", "))),
        );
    }
    for name in names {
        out.push(Filled(vec![Part::Hole(format!("{name}.{field}"))]).template());
    }
}
