//! Reads how a server is reached: started, by its address, or as a command for each request.

use std::time::Duration;

use tribunal_serving::Deployment;

use crate::command;
use crate::merge::WAYS;
use crate::node::Table;
use crate::process;
use crate::reader::Reader;
use crate::recipe::{OfflineJob, Way};
use crate::schema::grace;
use crate::scope::Holes;
use crate::source::Place;

/// Keys that say how a server is started, and mean nothing where it only has to be reached.
const OF_START: [&str; 11] = [
    "args_add",
    "env",
    "cwd",
    "port",
    "ports",
    "fatal",
    "process",
    "companion",
    "container",
    "config",
    "limits",
];

pub(crate) fn read(
    reader: &mut Reader<'_>,
    table: &Table,
    exports: &[(String, Option<String>)],
) -> Option<Way> {
    let there: Vec<(&str, Place)> = WAYS
        .iter()
        .filter_map(|way| table.entry(way))
        .filter(|entry| !entry.node.is_false())
        .map(|entry| (&*entry.key, entry.key_at))
        .collect();
    let (first, at) = match there[..] {
        [] => {
            let at = table.0.first().map(|entry| entry.key_at).unwrap_or(Place {
                source: 0,
                start: 0,
                end: 0,
            });
            let help = "a server that is started has `command`, one that runs already has `url`, a one-shot command is [offline]";
            reader.mistake(
                at,
                "there is neither `command` nor `url` nor [offline]",
                Some(help.to_owned()),
            );
            return None;
        }
        [one] => one,
        [(first, first_at), (second, second_at), ..] => {
            let message = format!(
                "`{second}` beside `{first}` ({})",
                reader.sources.line(first_at)
            );
            reader.mistake(
                second_at,
                message,
                Some(
                    "a server is started, or reached, or a command for each request: drop one"
                        .to_owned(),
                ),
            );
            return None;
        }
    };
    let allowed: &[&str] = match first {
        "url" => &["key_env"],
        _ => &[],
    };
    if !allowed.contains(&"key_env")
        && let Some(entry) = table
            .entry("key_env")
            .filter(|entry| !entry.node.is_false())
    {
        reader.mistake(
            entry.key_at,
            "`key_env` without `url`",
            Some("it is the variable that holds the key of a server that runs already".to_owned()),
        );
    }
    if first == "url" {
        for entry in table
            .0
            .iter()
            .filter(|entry| OF_START.contains(&&*entry.key) && !entry.node.is_false())
        {
            reader.mistake(
                entry.key_at,
                format!(
                    "`{}` is for a server that is started, and this one is reached by `url`",
                    entry.key
                ),
                Some(format!("drop it, or write {} = false", entry.key)),
            );
        }
    }
    if first == "offline" {
        let foreign = |key: &str| OF_START.contains(&key) && !matches!(key, "env" | "cwd");
        for entry in &table.0 {
            if foreign(&entry.key) && !entry.node.is_false() {
                reader.mistake(
                    entry.key_at,
                    format!(
                        "`{}` is for a server that is started, and this is a command for each request",
                        entry.key
                    ),
                    Some(format!("drop it, or write {} = false", entry.key)),
                );
            }
        }
    }
    match first {
        "url" => url(reader, table),
        "offline" => offline(reader, table, at),
        _ => {
            let ports = process::ports(reader, table);
            let command = command::read(reader, table, Holes::Start { ports });
            let grace = grace(reader, table);
            let mut process = process::rest(reader, table, command?, grace);
            process.env.splice(0..0, exports.iter().cloned());
            Some(Way::Command(process))
        }
    }
}

fn url(reader: &mut Reader<'_>, table: &Table) -> Option<Way> {
    let node = reader.set(table, "url")?;
    let url = reader.text("url", &node)?;
    if !reader.open(&url)
        && let Err(error) = Deployment::url(&url)
    {
        reader.mistake(node.at, error.to_string(), None);
        return None;
    }
    let key_env = reader.verbatim_of(table, "key_env");
    if let Some(name) = &key_env {
        let good = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !good && let Some(node) = table.get("key_env") {
            reader.mistake(
                node.at,
                "`key_env` is no name of a variable",
                Some("it is the name of the variable that holds the key, never the key".to_owned()),
            );
            return None;
        }
    }
    Some(Way::Url { url, key_env })
}

fn offline(reader: &mut Reader<'_>, table: &Table, at: Place) -> Option<Way> {
    let node = reader.set(table, "offline")?;
    let offline = reader
        .table("offline", &node, "a table with `command`")?
        .clone();
    reader.known(
        &offline,
        "`offline`",
        &[
            "command",
            "output",
            "format",
            "timeout",
            "at_once",
            "streaming",
            "ignore",
        ],
    );
    if offline.get("command").is_none() {
        reader.mistake(at, "`offline` has no `command`", None);
    }
    let command = command::read(reader, &offline, Holes::Offline);
    let output = reader.text_of(&offline, "output");
    if let Some(output) = &output
        && (output.starts_with('/') || output.split('/').any(|step| step == ".."))
        && let Some(node) = offline.get("output")
    {
        reader.mistake(
            node.at,
            format!("`{output}` does not lie below the folder of the job"),
            Some("a name below {output}, or \"stdout\"".to_owned()),
        );
    }
    let format = reader.text_of(&offline, "format");
    let json = match format.as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(word) => {
            if let Some(node) = offline.get("format") {
                reader.mistake(
                    node.at,
                    format!("`{word}` is no format"),
                    Some("\"text\" or \"json\"".to_owned()),
                );
            }
            false
        }
    };
    let timeout = reader.duration_of(&offline, "timeout");
    let at_once = reader.int_of(&offline, "at_once", 1..=1024);
    let streaming = reader.bool_of(&offline, "streaming").unwrap_or(false);
    let ignore = reader.texts_of(&offline, "ignore");
    let env = process::environment(reader, table, "env", Holes::Offline);
    let cwd = process::folder(reader, table, "cwd");
    let (program, args) = command?;
    Some(Way::Offline(OfflineJob {
        command: std::iter::once(program).chain(args).collect(),
        env,
        cwd,
        model: reader
            .scope
            .served_name
            .clone()
            .or(reader.scope.model.clone()),
        output: output.filter(|output| output != "stdout"),
        json,
        timeout: timeout.unwrap_or(Duration::from_secs(300)),
        at_once: at_once
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        streaming,
        ignore,
    }))
}
