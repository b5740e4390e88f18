//! Reads what one process is told: command, environment, ports, fatal lines, container.

use std::path::PathBuf;
use std::time::Duration;

use tribunal_serving::Container;

use crate::command::arguments;
use crate::node::{Table, Value};
use crate::offer;
use crate::reader::Reader;
use crate::recipe::{FatalLine, Process};
use crate::scope::Holes;

/// The most ports that a process may have in a block.
pub(crate) const MOST_PORTS: i64 = 256;

/// Keys that every process may have.
pub(crate) const KEYS: [&str; 9] = [
    "command",
    "args_add",
    "env",
    "cwd",
    "port",
    "ports",
    "ready",
    "fatal",
    "container",
];

/// Variables: text sets, `false` removes.
pub(crate) fn environment(
    reader: &mut Reader<'_>,
    table: &Table,
    key: &str,
    holes: Holes,
) -> Vec<(String, Option<String>)> {
    let Some(node) = reader.set(table, key) else {
        return Vec::new();
    };
    let Some(variables) = reader.table(key, &node, "a table of variables").cloned() else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for entry in &variables.0 {
        let name = &*entry.key;
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.mistake(
                entry.key_at,
                format!("`{}` is no name of a variable", name.escape_default()),
                None,
            );
            continue;
        }
        if entry.node.is_false() {
            out.push((name.to_owned(), None));
            continue;
        }
        if entry.node.value == Value::Bool(true) {
            reader.mistake(
                entry.node.at,
                format!("variable {name} must be text, not true"),
                Some("write \"1\" or \"true\", as the program wants it; `false` removes the variable".to_owned()),
            );
            continue;
        }
        // A parameter that is not set leaves the variable alone.
        let Some(value) = reader.value(&entry.node) else {
            continue;
        };
        if let Value::Bool(flag) = value.value {
            out.push((name.to_owned(), flag.then(|| "1".to_owned())));
            continue;
        }
        if let Some(filled) = reader.filled(name, &value, holes) {
            out.push((name.to_owned(), Some(filled.template())));
        }
    }
    out
}

/// Reads everything of a process but its command and its readiness.
pub(crate) fn rest(
    reader: &mut Reader<'_>,
    table: &Table,
    (program, args): (String, Vec<String>),
    grace: Option<Duration>,
) -> Process {
    let ports = ports(reader, table);
    let holes = Holes::Start { ports };
    let port = reader.int_of(table, "port", 1..=65_535);
    if port.is_some()
        && ports > 1
        && let Some(node) = table.get("port")
    {
        reader.mistake(
            node.at,
            "a fixed port has no block: `port` and `ports` exclude each other",
            Some("drop `port`, and use {port} and {ports[1]}".to_owned()),
        );
    }
    Process {
        program,
        args,
        env: environment(reader, table, "env", holes),
        cwd: folder(reader, table, "cwd"),
        port: port.and_then(|port| u16::try_from(port).ok()),
        ports,
        fatal: fatal(reader, table),
        container: container(reader, table, holes),
        grace,
    }
}

/// The size of the block of ports.
pub(crate) fn ports(reader: &mut Reader<'_>, table: &Table) -> u16 {
    let ports = reader.int_of(table, "ports", 1..=MOST_PORTS);
    ports
        .and_then(|ports| u16::try_from(ports).ok())
        .unwrap_or(1)
}

/// A path that is there is found from the folder of its file; one that is not stays as it is written.
pub(crate) fn folder(reader: &mut Reader<'_>, table: &Table, key: &str) -> Option<PathBuf> {
    let node = reader.set(table, key)?;
    let text = reader.text(key, &node)?;
    let folder = reader.sources.folder(node.at.source);
    Some(
        reader
            .scope
            .context
            .locate(folder, &text)
            .unwrap_or_else(|| PathBuf::from(text)),
    )
}

fn fatal(reader: &mut Reader<'_>, table: &Table) -> Vec<FatalLine> {
    let Some(node) = reader.set(table, "fatal") else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for node in reader.elements("fatal", &node, "a list of texts or of tables with `regex`") {
        match &node.value {
            Value::Text(text) if text.trim().is_empty() => {
                reader.mistake(node.at, "an empty text is in every line", None);
            }
            Value::Text(text) => out.push(FatalLine::Text(text.clone())),
            Value::Table(line) => {
                reader.known(line, "a fatal line", &["regex", "cause"]);
                let cause = reader.verbatim_of(line, "cause");
                let Some(pattern_node) = line.get("regex") else {
                    reader.mistake(
                        node.at,
                        "a fatal line has no `regex`",
                        Some(
                            "write { regex = \"…\", cause = \"…\" }, or the text alone".to_owned(),
                        ),
                    );
                    continue;
                };
                if let Some(pattern) = reader.verbatim("regex", pattern_node)
                    && offer::expression(reader, pattern_node, &pattern).is_some()
                {
                    out.push(FatalLine::Regex { pattern, cause });
                }
            }
            _ => reader.mistake(
                node.at,
                format!("a fatal line is text or a table, not {}", node.sort()),
                None,
            ),
        }
    }
    out
}

fn container(reader: &mut Reader<'_>, table: &Table, holes: Holes) -> Option<Container> {
    let node = reader.set(table, "container")?;
    let table = reader
        .table("container", &node, "a table with `image`")?
        .clone();
    reader.known(
        &table,
        "`container`",
        &["image", "runtime", "options", "port"],
    );
    let runtime = reader.text_of(&table, "runtime");
    let port = reader.int_of(&table, "port", 1..=65_535);
    let options = match reader.set(&table, "options") {
        Some(options) => match &options.value {
            Value::List(list) => arguments(reader, list, holes),
            _ => {
                reader.mistake(
                    options.at,
                    format!("`options` must be a list, not {}", options.sort()),
                    None,
                );
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    if table.get("image").is_none() {
        reader.mistake(node.at, "`container` has no `image`", None);
    }
    Some(Container {
        image: reader.text_of(&table, "image")?,
        runtime,
        options,
        port: port.and_then(|port| u16::try_from(port).ok()),
    })
}
