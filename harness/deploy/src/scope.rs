//! What a hole in a text may mean, besides a parameter.
//!
//! Some holes are filled in here (`{model}`, `{self}`, `{workspace}`), the others by the start, which knows the ports. Promise: a hole that
//! the start will not know is found here, with the size of a block and the names of the parts.

use std::path::Path;

use crate::context::Context;
use crate::text::Part;

/// Which holes may be left for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holes {
    /// None: the text is needed now.
    None,
    /// Those that the start fills in, for a process that has this many ports of its own.
    Start { ports: u16 },
    /// Those of an offline job.
    Offline,
    /// Those of a program that listens.
    Listening,
    /// Those of a limit of memory.
    Limit(&'static [&'static str]),
}

/// Holes of a program that listens.
const LISTENING: [&str; 2] = ["wav", "language"];

/// Holes of an offline job.
const OFFLINE: [&str; 7] = [
    "prompt",
    "prompt_file",
    "request",
    "output",
    "max_tokens",
    "temperature",
    "seed",
];

/// The fields of a part.
const FIELDS: [&str; 3] = ["host", "port", "url"];

pub(crate) struct Scope<'a> {
    pub context: &'a Context<'a>,
    /// Values that are not known: variables stay as they are written. For a check that must not depend on the machine.
    pub lenient: bool,
    /// Variables that the deployment requires: where one is not set, that is a reason to skip and no mistake.
    pub required: Vec<String>,
    pub model: Option<String>,
    pub served_name: Option<String>,
    /// `{config}`: the name of the file in the evidence folder.
    pub config: Option<String>,
    /// The number of the copy that is being read.
    pub copy: Option<u32>,
    /// The parts, with their ports; `server` is the process whose port answers.
    pub parts: Vec<(String, u16)>,
}

type Refusal = (String, Option<String>);

impl Scope<'_> {
    /// The value of a variable.
    pub fn variable(
        &self,
        name: &str,
        default: Option<&str>,
        written: &str,
    ) -> Result<String, String> {
        if self.lenient {
            return Ok(written.to_owned());
        }
        match (self.context.variable(name), default) {
            // As in a shell, an empty variable has no value where there is a default.
            (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
            (Some(value), _) => value
                .into_string()
                .map_err(|_| format!("variable {name} is not UTF-8")),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) if self.required.iter().any(|required| required == name) => {
                Ok(written.to_owned())
            }
            (None, None) => Err(format!("variable {name} is not set")),
        }
    }

    /// Fills a hole in, or hands it on. A refusal without help means that the name is not known at all.
    pub fn fill(
        &self,
        name: &str,
        folder: Option<&Path>,
        allowed: Holes,
    ) -> Result<Vec<Part>, Refusal> {
        let text = |text: &str| Ok(vec![Part::Text(text.to_owned())]);
        let path = |path: Option<&Path>, what: &str| match path {
            Some(path) => text(&path.to_string_lossy()),
            // It looks like a variable that is not known yet.
            None if self.lenient => text(&format!("${{{name}}}")),
            None => Err((
                format!("{{{name}}} is not known here"),
                Some(what.to_owned()),
            )),
        };
        match name {
            "model" => match &self.model {
                Some(model) => text(model),
                None => Err((
                    "{model} is used, and the deployment has no `model`".to_owned(),
                    Some("add model = \"…\"".to_owned()),
                )),
            },
            "served_name" => match self.served_name.as_ref().or(self.model.as_ref()) {
                Some(name) => text(name),
                None => Err((
                    "{served_name} is used, and the deployment has neither `served_name` nor `model`".to_owned(),
                    Some("add model = \"…\"".to_owned()),
                )),
            },
            "self" => text(&self.context.program().to_string_lossy()),
            "here" => path(folder, "the deployment does not come from a file on this disk"),
            "package" => path(self.context.package.as_deref(), "there is no package around it"),
            "workspace" => path(
                self.context.workspace.as_deref(),
                "there is no workspace around it",
            ),
            "i" => match self.copy {
                Some(copy) => text(&copy.to_string()),
                None => Err((
                    "{i} is the number of a copy, and there is only one here".to_owned(),
                    Some("it can stand in a [[process]] with `count`".to_owned()),
                )),
            },
            "config" => match (&self.config, allowed) {
                (Some(file), Holes::Start { .. }) => Ok(vec![
                    Part::Hole("evidence".to_owned()),
                    Part::Text(format!("/{file}")),
                ]),
                (Some(_), _) => Err((
                    "{config} cannot stand here".to_owned(),
                    Some("it can stand in arguments and in variables of processes".to_owned()),
                )),
                (None, _) => Err((
                    "{config} is used, and the deployment has no [config]".to_owned(),
                    Some("add [config] with `file`".to_owned()),
                )),
            },
            _ => match allowed {
                Holes::None => self.later(name),
                Holes::Start { ports } => self.of_start(name, ports),
                Holes::Offline if OFFLINE.contains(&name) => Ok(vec![Part::Hole(name.to_owned())]),
                Holes::Listening if LISTENING.contains(&name) => {
                    Ok(vec![Part::Hole(name.to_owned())])
                }
                Holes::Limit(names) if names.contains(&name) => {
                    Ok(vec![Part::Hole(name.to_owned())])
                }
                Holes::Offline | Holes::Listening | Holes::Limit(_) => self.later(name),
            },
        }
    }

    /// The refusal of a hole that might be one of the start, in a text that is needed now.
    fn later(&self, name: &str) -> Result<Vec<Part>, Refusal> {
        let help = self.of_start(name, u16::MAX).is_ok().then(|| {
            "it is known when the server starts: it can stand in arguments and in variables of processes"
                .to_owned()
        });
        let message = match help {
            Some(_) => format!("{{{name}}} cannot stand here"),
            None => unknown(name),
        };
        Err((message, help))
    }

    fn of_start(&self, name: &str, ports: u16) -> Result<Vec<Part>, Refusal> {
        let hole = || Ok(vec![Part::Hole(name.to_owned())]);
        if matches!(name, "host" | "port" | "evidence") {
            return hole();
        }
        if let Some(index) = name.strip_prefix("ports") {
            return in_block(index, ports).and_then(|()| hole());
        }
        let Some((part, field)) = name.split_once('.') else {
            return Err((unknown(name), None));
        };
        let Some((_, ports)) = self.parts.iter().find(|(there, _)| there == part) else {
            let names: Vec<String> = self
                .parts
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            return Err((
                format!("{{{name}}} asks for a part `{part}`, and there is none"),
                Some(format!("there is: {}", names.join(", "))),
            ));
        };
        if FIELDS.contains(&field) {
            return hole();
        }
        match field.strip_prefix("ports") {
            Some(index) => in_block(index, *ports).and_then(|()| hole()),
            None => Err((
                format!("{{{name}}} asks for `{field}`, which no part has"),
                Some("a part has `host`, `port`, `url` and `ports[i]`".to_owned()),
            )),
        }
    }

    /// The names that can stand in a text, besides parameters.
    pub fn known(&self, allowed: Holes) -> Vec<String> {
        let mut names: Vec<String> = match allowed {
            Holes::None => Vec::new(),
            Holes::Start { .. } => ["host", "port", "ports[0]", "evidence"]
                .map(String::from)
                .into(),
            Holes::Offline => OFFLINE.map(String::from).into(),
            Holes::Listening => LISTENING.map(String::from).into(),
            Holes::Limit(names) => names.iter().map(|name| (*name).to_owned()).collect(),
        };
        names.extend(
            [
                "model",
                "served_name",
                "self",
                "here",
                "package",
                "workspace",
            ]
            .map(String::from),
        );
        if let Holes::Start { .. } = allowed {
            for (part, _) in &self.parts {
                names.extend(FIELDS.map(|field| format!("{part}.{field}")));
            }
        }
        names
    }

    /// The parts that `worker-*` means.
    pub fn matching(&self, pattern: &str) -> Vec<&str> {
        let Some((before, after)) = pattern.split_once('*') else {
            return Vec::new();
        };
        self.parts
            .iter()
            .map(|(name, _)| &**name)
            .filter(|name| {
                name.len() >= before.len() + after.len()
                    && name.starts_with(before)
                    && name.ends_with(after)
                    && *name != "server"
            })
            .collect()
    }
}

fn unknown(name: &str) -> String {
    format!("{{{name}}} is no placeholder")
}

fn in_block(index: &str, ports: u16) -> Result<(), Refusal> {
    let number = index
        .strip_prefix('[')
        .and_then(|index| index.strip_suffix(']'))
        .and_then(|index| index.parse::<u32>().ok());
    match number {
        Some(index) if index < u32::from(ports) => Ok(()),
        Some(index) => Err((
            format!("port {index} is asked for, and the block has {ports}"),
            Some("`ports` is the size of the block, and the first one is 0".to_owned()),
        )),
        None => Err((
            "{ports} is a block, and one of it must be named".to_owned(),
            Some("for example {ports[0]}".to_owned()),
        )),
    }
}
