//! From the merged table to the recipe: every key of a deployment file.
//!
//! Promise: this is the one place that knows the keys of the top; docs/deployments.md says what they mean.

use std::collections::BTreeSet;
use std::time::Duration;

use tribunal_serving::{LogLimits, Offers, Readiness};

use crate::config;
use crate::context::Context;
use crate::device_table;
use crate::draw::Matrix;
use crate::judging;
use crate::known_model;
use crate::matrix;
use crate::node::{Node, Table, Value};
use crate::offer;
use crate::param;
use crate::part;
use crate::process;
use crate::reader::Reader;
use crate::ready;
use crate::recipe::{Recipe, Requires, Version, Way};
use crate::scope::Scope;
use crate::source::{Found, Place, Sources};
use crate::way;

/// Keys that stand in a file and in an overlay.
pub(crate) const KEYS: [&str; 31] = [
    "command",
    "args_add",
    "url",
    "key_env",
    "offline",
    "model",
    "served_name",
    "env",
    "cwd",
    "port",
    "ports",
    "ready",
    "fatal",
    "capabilities",
    "features",
    "workers",
    "limits",
    "params",
    "process",
    "companion",
    "container",
    "version",
    "requires",
    "config",
    "known_model",
    "thresholds",
    "voices",
    "similarity",
    "transcriber",
    "matrix",
    "devices",
];

/// Keys that stand in a file only.
pub(crate) const FILE_KEYS: [&str; 5] = ["doc", "extends", "level", "platform", "destructive"];

/// What is read, and for what.
pub(crate) struct Job<'a> {
    pub name: &'a str,
    pub table: &'a Table,
    pub context: &'a Context<'a>,
    /// Values of the environment and of the disk are left open.
    pub lenient: bool,
    /// The texts of this deployment, its own first.
    pub texts: Vec<String>,
}

/// What was read.
pub(crate) struct Read {
    pub recipe: Option<Recipe>,
    /// The features to be tested together.
    pub matrix: Option<Matrix>,
    /// The parameters that something uses.
    pub used: BTreeSet<String>,
    /// All parameters, with the places of their first declarations.
    pub params: Vec<(String, Place)>,
}

/// Reads everything. Mistakes go to `found`, and the recipe is there if it could be made in spite of them.
pub(crate) fn read(job: &Job<'_>, sources: &mut Sources, found: &mut Vec<Found>) -> Read {
    let table = job.table;
    let empty = Table::default();
    let params_table = table.get("params").map_or(&empty, |node| {
        node.table().unwrap_or_else(|| {
            found.push(Found::at(
                node.at,
                format!(
                    "`params` must be a table of parameters, not {}",
                    node.sort()
                ),
                None,
            ));
            &empty
        })
    });
    let params = param::read(params_table, found);
    let texts = sources.clone();
    let mut reader = Reader {
        sources: &texts,
        found: std::mem::take(found),
        params,
        used: Default::default(),
        bound: Default::default(),
        secrets: Default::default(),
        scope: Scope {
            context: job.context,
            lenient: job.lenient,
            required: required(table),
            model: None,
            served_name: None,
            config: None,
            copy: None,
            parts: Vec::new(),
        },
    };
    let recipe = whole(job, &mut reader, sources);
    let matrix = matrix::read(&mut reader, table);
    *found = reader.found;
    for mistake in found.iter_mut() {
        mistake.message = reader.secrets.masked(&mistake.message);
        mistake.help = mistake
            .help
            .as_ref()
            .map(|help| reader.secrets.masked(help));
    }
    Read {
        recipe,
        matrix,
        used: reader.used,
        params: reader
            .params
            .into_iter()
            .filter(|param| !param.broken)
            .map(|param| (param.name, param.name_at))
            .collect(),
    }
}

/// The variables of `requires`, before it is read.
fn required(table: &Table) -> Vec<String> {
    let env = table
        .get("requires")
        .and_then(Node::table)
        .and_then(|requires| requires.get("env"));
    match env.map(|node| &node.value) {
        Some(Value::Text(name)) => vec![name.clone()],
        Some(Value::List(list)) => list
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

fn whole(job: &Job<'_>, reader: &mut Reader<'_>, sources: &mut Sources) -> Option<Recipe> {
    let table = job.table;
    let keys: Vec<&str> = KEYS.into_iter().chain(FILE_KEYS).collect();
    reader.known(table, "a deployment", &keys);
    let doc = reader.verbatim_of(table, "doc");
    let model = reader.text_of(table, "model");
    reader.scope.model = model.map(|model| match job.context.model {
        Some(locate) => locate(&model),
        None => model,
    });
    reader.scope.served_name = reader.text_of(table, "served_name");
    let config = config::read(reader, table, sources);
    reader.scope.config = config.as_ref().map(|config| config.name.clone());
    if reader.scope.config.is_none() && table.get("config").is_some_and(|node| !node.is_false()) {
        // Its mistake is reported already; that `{config}` is unknown would only follow from it.
        reader.scope.config = Some("config".to_owned());
    }
    let parts = part::declared(reader, table);
    reader.scope.parts = part::names(&parts);
    let ports = process::ports(reader, table);
    reader.scope.parts.push(("server".to_owned(), ports));
    let built = part::read(reader, &parts);

    let way = way::read(reader, table, &built.exports);
    let reached = matches!(way, Some(Way::Url { .. }));
    // A one-shot command may take minutes: it is not run to see whether it can.
    let one_token = !matches!(way, Some(Way::Offline(_)));
    let usual = Readiness {
        one_token,
        ..Readiness::default()
    };
    let ready = ready::read(reader, table, usual);
    let mut notes = built.notes;
    let mut offers = Offers {
        capabilities: offer::capabilities(reader, table),
        features: offer::features(reader, table),
        version: None,
        workers: offer::workers(reader, table),
        known_model: None,
    };
    if reached && table.get("capabilities").is_none() {
        offers.capabilities = offer::ASSUMED.map(String::from).into();
        notes.push(format!(
            "what the server offers is not declared; {} are assumed (a file with `url` and `capabilities` says it)",
            offer::ASSUMED.join(", ")
        ));
    }
    let served = reader
        .scope
        .served_name
        .clone()
        .or(reader.scope.model.clone());
    offers.known_model = known_model::read(reader, table, served.as_deref());
    // What follows from the rest of the file needs not be said again.
    if offers.known_model.is_some() {
        offers.capabilities.insert("known_model".to_owned());
    }
    if way
        .as_ref()
        .is_some_and(|way| !matches!(way, Way::Offline(_)))
    {
        offers.capabilities.insert("http".to_owned());
    }
    let version = version(reader, table);
    offers.version = version.as_ref().and_then(|version| version.pinned.clone());
    let destructive = reader.bool_of(table, "destructive");
    if reached
        && destructive == Some(true)
        && let Some(node) = table.get("destructive")
    {
        reader.mistake(
            node.at,
            "a server that somebody else runs is not for destructive tests",
            Some("they need to kill and restart it: write a `command`".to_owned()),
        );
    }
    let log = log_limits(reader, table);
    let devices = device_table::read(reader, table).filter(|_| {
        if reached {
            notes.push("`devices` is not looked at: somebody else runs the server".to_owned());
        }
        !reached
    });
    let params = shown_params(reader);
    let secrets = reader.secrets.clone();
    Some(Recipe {
        name: job.name.to_owned(),
        doc,
        sources: job.texts.clone(),
        level: job.context.level.map(str::to_owned),
        platform: job.context.platform.map(str::to_owned),
        way: way?,
        model: reader.scope.model.clone(),
        served_name: reader.scope.served_name.clone(),
        ready,
        offers,
        parts: built.parts,
        version,
        requires: requires(reader, table),
        config,
        log,
        devices,
        params,
        destructive_ok: !reached && destructive.unwrap_or(true),
        judging: judging::read(reader, table),
        notes,
        secrets,
    })
}

fn limits(reader: &mut Reader<'_>, table: &Table) -> Option<Table> {
    let node = reader.set(table, "limits")?;
    reader
        .table(
            "limits",
            &node,
            "a table with `grace`, `log` and `log_head`",
        )
        .cloned()
}

pub(crate) fn grace(reader: &mut Reader<'_>, table: &Table) -> Option<Duration> {
    let limits = limits(reader, table)?;
    reader.known(&limits, "`limits`", &["grace", "log", "log_head"]);
    reader.duration_of(&limits, "grace")
}

fn log_limits(reader: &mut Reader<'_>, table: &Table) -> Option<LogLimits> {
    let limits = table.get("limits")?.table()?.clone();
    let usual = LogLimits::default();
    let whole = reader.size_of(&limits, "log");
    let head = reader.size_of(&limits, "log_head");
    if whole.is_none() && head.is_none() {
        return None;
    }
    let whole = whole.unwrap_or(usual.whole);
    Some(LogLimits {
        whole,
        head: head.unwrap_or(usual.head).min(whole / 2),
    })
}

fn version(reader: &mut Reader<'_>, table: &Table) -> Option<Version> {
    let node = reader.set(table, "version")?;
    let version = reader
        .table(
            "version",
            &node,
            "a table with `pinned`, `command` and `link`",
        )?
        .clone();
    reader.known(&version, "`version`", &["pinned", "command", "link"]);
    Some(Version {
        pinned: reader.text_of(&version, "pinned"),
        command: reader.texts_of(&version, "command"),
        links: reader.texts_of(&version, "link"),
    })
}

fn requires(reader: &mut Reader<'_>, table: &Table) -> Requires {
    let mut out = Requires::default();
    let Some(node) = reader.set(table, "requires") else {
        return out;
    };
    let Some(requires) = reader
        .table(
            "requires",
            &node,
            "a table with `program`, `file`, `env` and `hint`",
        )
        .cloned()
    else {
        return out;
    };
    reader.known(&requires, "`requires`", &["program", "file", "env", "hint"]);
    let folder = reader
        .sources
        .folder(node.at.source)
        .map(std::path::Path::to_path_buf);
    let located = |reader: &Reader<'_>, path: &str| {
        let found = reader.scope.context.locate(folder.as_deref(), path);
        found.unwrap_or_else(|| path.into())
    };
    out.program = reader.texts_of(&requires, "program");
    out.file = reader
        .texts_of(&requires, "file")
        .iter()
        .map(|path| located(reader, path))
        .collect();
    out.env = reader.texts_of(&requires, "env");
    out.hint = reader.verbatim_of(&requires, "hint");
    out
}

fn shown_params(reader: &Reader<'_>) -> Vec<(String, Option<String>)> {
    let text = |node: &Node| match &node.value {
        Value::List(list) => list
            .iter()
            .filter_map(Node::scalar)
            .collect::<Vec<_>>()
            .join(","),
        _ => node.scalar().unwrap_or_default(),
    };
    reader
        .params
        .iter()
        .map(|param| (param.name.clone(), param.value.as_ref().map(text)))
        .collect()
}
