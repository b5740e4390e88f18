//! Reads the other processes of a deployment: `[[process]]` and `[[companion]]`.
//!
//! A companion is a service that the server needs and that may run already: it starts before everything else, and is left out
//! where the variable `unless_env` is set. What it exports is set for every process of the deployment.

use tribunal_serving::{Readiness, StartOrder};

use crate::command;
use crate::node::{Node, Table};
use crate::process;
use crate::reader::Reader;
use crate::ready;
use crate::recipe::RecipePart;
use crate::scope::Holes;

/// The most copies of one process.
const MOST_COPIES: i64 = 64;

/// A part as it is declared, before its texts are read.
pub(crate) struct Declared {
    name: String,
    table: Table,
    at: Node,
    companion: bool,
    copy: Option<u32>,
    ports: u16,
    /// It runs already: the variable says where.
    elsewhere: Option<String>,
}

/// The parts, and what they bring.
#[derive(Default)]
pub(crate) struct Built {
    pub parts: Vec<RecipePart>,
    pub exports: Vec<(String, Option<String>)>,
    pub notes: Vec<String>,
}

/// The names of the parts that are started, with their ports.
pub(crate) fn names(parts: &[Declared]) -> Vec<(String, u16)> {
    parts
        .iter()
        .filter(|part| part.elsewhere.is_none())
        .map(|part| (part.name.clone(), part.ports))
        .collect()
}

/// The parts with their names, their copies and the sizes of their blocks; companions first.
pub(crate) fn declared(reader: &mut Reader<'_>, table: &Table) -> Vec<Declared> {
    let mut out: Vec<Declared> = Vec::new();
    for key in ["companion", "process"] {
        let Some(node) = reader.set(table, key) else {
            continue;
        };
        let crate::node::Value::List(list) = &node.value else {
            reader.mistake(
                node.at,
                format!("`{key}` must be a list of tables, not {}", node.sort()),
                Some(format!("write [[{key}]] with two brackets")),
            );
            continue;
        };
        for node in list {
            let Some(table) = reader.table(key, node, "a list of tables").cloned() else {
                continue;
            };
            one(reader, key == "companion", node, table, &mut out);
        }
    }
    out
}

fn one(
    reader: &mut Reader<'_>,
    companion: bool,
    node: &Node,
    table: Table,
    out: &mut Vec<Declared>,
) {
    let what = if companion {
        "a companion"
    } else {
        "a process"
    };
    let Some(name_node) = table.get("name") else {
        reader.mistake(
            node.at,
            format!("{what} has no `name`"),
            Some("texts speak of its ports by it: {NAME.port}".to_owned()),
        );
        return;
    };
    let Some(written) = reader.verbatim("name", name_node) else {
        return;
    };
    let count = if companion {
        None
    } else {
        reader.int_of(&table, "count", 0..=MOST_COPIES)
    };
    if count.is_some() && !written.contains("{i}") {
        reader.mistake(
            name_node.at,
            "every copy needs a name of its own",
            Some(format!(
                "put the number into it: name = \"{written}-{{i}}\""
            )),
        );
        return;
    }
    let elsewhere = elsewhere(reader, companion, &table);
    let ports = process::ports(reader, &table);
    let copies: Vec<Option<u32>> = match count {
        Some(count) => (0..u32::try_from(count).unwrap_or(0)).map(Some).collect(),
        None => vec![None],
    };
    for copy in copies {
        let name = match copy {
            Some(copy) => written.replace("{i}", &copy.to_string()),
            None => written.clone(),
        };
        let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && name.len() <= 64;
        if !good {
            reader.mistake(
                name_node.at,
                format!("`{}` is no name of a part", name.escape_debug()),
                Some("letters, digits, `-` and `_`, a letter first, at most 64".to_owned()),
            );
            return;
        }
        if name == "server" {
            reader.mistake(
                name_node.at,
                "no part can be called `server`: that is the process whose port answers",
                None,
            );
            return;
        }
        if out.iter().any(|part| part.name == name) {
            reader.mistake(name_node.at, format!("two parts are called `{name}`"), None);
            return;
        }
        out.push(Declared {
            name,
            table: table.clone(),
            at: node.clone(),
            companion,
            copy,
            ports,
            elsewhere: elsewhere.clone(),
        });
    }
}

/// The variable that says that a companion runs already.
fn elsewhere(reader: &mut Reader<'_>, companion: bool, table: &Table) -> Option<String> {
    if !companion {
        return None;
    }
    let name = reader.verbatim_of(table, "unless_env")?;
    let set = !reader.scope.lenient
        && reader
            .scope
            .context
            .variable(&name)
            .is_some_and(|value| !value.is_empty());
    set.then_some(name)
}

/// Reads the texts of the parts.
pub(crate) fn read(reader: &mut Reader<'_>, parts: &[Declared]) -> Built {
    let mut built = Built::default();
    let mut after = Vec::new();
    for part in parts {
        reader.scope.copy = part.copy;
        check_keys(reader, part);
        if let Some(variable) = &part.elsewhere {
            built.notes.push(format!(
                "`{}` is not started: {variable} says where one runs",
                part.name
            ));
            continue;
        }
        // What is exported may speak of the part itself by its name only.
        let exports = process::environment(
            reader,
            &part.table,
            "export",
            Holes::Start { ports: part.ports },
        );
        if let Some(part) = one_part(reader, part) {
            match part.order {
                StartOrder::Before => built.parts.push(part),
                StartOrder::After => after.push(part),
            }
        }
        built.exports.extend(exports);
    }
    reader.scope.copy = None;
    built.parts.extend(after);
    for part in &mut built.parts {
        let own: Vec<_> = std::mem::take(&mut part.process.env);
        part.process.env = built.exports.iter().cloned().chain(own).collect();
    }
    built
}

fn check_keys(reader: &mut Reader<'_>, part: &Declared) {
    let (what, more): (&str, &[&str]) = if part.companion {
        ("a companion", &["name", "unless_env", "export"])
    } else {
        ("a process", &["name", "count", "order"])
    };
    let keys: Vec<&str> = process::KEYS.iter().chain(more).copied().collect();
    // One report for all copies.
    if part.copy.is_none_or(|copy| copy == 0) {
        reader.known(&part.table, what, &keys);
    }
}

fn one_part(reader: &mut Reader<'_>, part: &Declared) -> Option<RecipePart> {
    let table = &part.table;
    let order = match reader.verbatim_of(table, "order").as_deref() {
        None | Some("before") => StartOrder::Before,
        Some("after") => StartOrder::After,
        Some(word) => {
            if let Some(node) = table.get("order") {
                reader.mistake(
                    node.at,
                    format!("`{word}` is no order"),
                    Some("\"before\" the server, or \"after\" it".to_owned()),
                );
            }
            StartOrder::Before
        }
    };
    let ready = ready::read(reader, table, Readiness::listening());
    if table.get("command").is_none() {
        reader.mistake(
            part.at.at,
            format!("`{}` has no `command`", part.name),
            Some("the program and its arguments, as a list".to_owned()),
        );
    }
    let command = command::read(reader, table, Holes::Start { ports: part.ports });
    let process = process::rest(reader, table, command?, None);
    let regex = process
        .fatal
        .iter()
        .any(|line| matches!(line, crate::recipe::FatalLine::Regex { .. }));
    if regex && let Some(node) = table.get("fatal") {
        reader.mistake(
            node.at,
            "the fatal lines of a part are plain texts",
            Some(
                "an expression can stand in `fatal` of the deployment, for the server itself"
                    .to_owned(),
            ),
        );
    }
    Some(RecipePart {
        name: part.name.clone(),
        process,
        ready,
        order,
    })
}
