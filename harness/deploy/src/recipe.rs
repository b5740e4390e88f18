//! A deployment as it is after all layers: plain data, to be compared, shown, or turned into a [`Deployment`].
//!
//! Promise: everything that a file says is in here, also what [`Deployment`] does not show; only holes of the start (`{port}`) are still open.
//! Rejected: showing the [`Deployment`] itself (it is what the start acts on, and keeps its fields to itself).

use std::path::PathBuf;
use std::time::Duration;

use tribunal_serving::{Container, Deployment, LogLimits, Offers, Part, Readiness, StartOrder};

use crate::config::ConfigFile;
use crate::context::Context;
use crate::devices::{DeviceUse, MemoryLimit};
use crate::judging::JudgingFacts;
use crate::secret::Secrets;

/// A deployment after all layers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recipe {
    /// The name by which it was asked for.
    pub name: String,
    /// What it is, in the words of the file.
    pub doc: Option<String>,
    /// The texts that it was made of, its own file first.
    pub sources: Vec<String>,
    /// The level for which it was rendered.
    pub level: Option<String>,
    /// The platform for which it was rendered.
    pub platform: Option<String>,
    /// How the server is reached.
    pub way: Way,
    /// What the engine is told to load.
    pub model: Option<String>,
    /// What the server lists, where that differs.
    pub served_name: Option<String>,
    /// What must hold before the server counts as ready.
    pub ready: Readiness,
    /// What the server offers.
    pub offers: Offers,
    /// The other processes, in the order of their start.
    pub parts: Vec<RecipePart>,
    /// The version that the file was written for.
    pub version: Option<Version>,
    /// What must be here before it can be started.
    pub requires: Requires,
    /// The engine's own configuration, to be written into the evidence folder before the start.
    pub config: Option<ConfigFile>,
    /// How much of the log is kept.
    pub log: Option<LogLimits>,
    /// What one server uses of devices; `None`: the file does not say.
    pub devices: Option<DeviceUse>,
    /// The parameters, with what they are set to.
    pub params: Vec<(String, Option<String>)>,
    /// Whether tests may break the server on purpose.
    pub destructive_ok: bool,
    /// How its answers are judged.
    pub judging: JudgingFacts,
    /// What was decided on the way and somebody may want to know.
    pub notes: Vec<String>,
    pub(crate) secrets: Secrets,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Way {
    /// It is started.
    Command(Process),
    /// It runs already.
    Url {
        /// Where.
        url: String,
        /// The variable that holds its key.
        key_env: Option<String>,
    },
    /// It is no server: a command is run for each request.
    Offline(OfflineJob),
}

/// One process to start. Arguments and values of variables may still have the holes of the start.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Process {
    /// A path, or a name that is looked up on `PATH`.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that are set, or with `None` removed.
    pub env: Vec<(String, Option<String>)>,
    /// The folder in which it starts.
    pub cwd: Option<PathBuf>,
    /// A fixed port.
    pub port: Option<u16>,
    /// How many contiguous ports it gets.
    pub ports: u16,
    /// Lines of its log that end the start.
    pub fatal: Vec<FatalLine>,
    /// The container in which it runs.
    pub container: Option<Container>,
    /// How long it may take to end by itself.
    pub grace: Option<Duration>,
}

/// A line of a log that ends the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FatalLine {
    /// A text that is found as it stands.
    Text(String),
    /// A regular expression, and the cause in the words of the file.
    Regex {
        /// The expression.
        pattern: String,
        /// The cause.
        cause: Option<String>,
    },
}

/// One more process of a deployment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecipePart {
    /// Its name, by which texts speak of its ports.
    pub name: String,
    /// What is started.
    pub process: Process,
    /// What must hold before the next one starts.
    pub ready: Readiness,
    /// When it starts.
    pub order: StartOrder,
}

/// The version of the engine that a file was written for. The harness notes where another one is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// The version.
    pub pinned: Option<String>,
    /// The command that prints the installed one.
    pub command: Vec<String>,
    /// The published reference in which the options were looked up.
    pub links: Vec<String>,
}

/// What must be here before a deployment can be started; what is not is a reason to skip, no mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requires {
    /// Programs: paths, or names that are looked up on `PATH`.
    pub program: Vec<String>,
    /// Files or folders.
    pub file: Vec<PathBuf>,
    /// Variables that must be set.
    pub env: Vec<String>,
    /// How to get what is missing.
    pub hint: Option<String>,
}

/// A command that is run once for each request, instead of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfflineJob {
    /// The program and its arguments, with holes: `{prompt}`, `{prompt_file}`, `{request}`, `{output}`, `{max_tokens}`, `{temperature}`, `{seed}`.
    pub command: Vec<String>,
    /// Variables that are set, or with `None` removed.
    pub env: Vec<(String, Option<String>)>,
    /// The folder in which it runs.
    pub cwd: Option<PathBuf>,
    /// The name of the model that requests give.
    pub model: Option<String>,
    /// The file below `{output}` that has the answer; `None`: standard output has it.
    pub output: Option<String>,
    /// Whether the answer is JSON and not plain text.
    pub json: bool,
    /// How long one run may take.
    pub timeout: Duration,
    /// How many may run at once.
    pub at_once: u32,
    /// Whether streamed requests are answered, as one chunk.
    pub streaming: bool,
    /// Parameters of requests that are dropped where the command has no hole for them; others are refused.
    pub ignore: Vec<String>,
}

impl Recipe {
    /// What is not on this machine and must be, each with what to do about it.
    pub fn missing(&self, context: &Context<'_>) -> Vec<String> {
        let requires = &self.requires;
        let mut out = Vec::new();
        for program in &requires.program {
            if !context.has_program(program) {
                let place = if program.contains('/') {
                    "is not there"
                } else {
                    "is not on PATH"
                };
                out.push(format!("program `{program}` {place}"));
            }
        }
        for file in &requires.file {
            if !context.exists(file) {
                out.push(format!("`{}` is not there", file.display()));
            }
        }
        for name in &requires.env {
            if context.variable(name).is_none_or(|value| value.is_empty()) {
                out.push(format!("variable {name} is not set"));
            }
        }
        if let Some(hint) = &requires.hint {
            for reason in &mut out {
                reason.push_str(": ");
                reason.push_str(hint);
            }
        }
        out
    }

    /// A deployment of this recipe whose engine is told to keep to a limit of memory, by the arguments that the file gives; `None`: the file
    /// knows no way. Where several parts share the devices, each gets its part of the limit.
    pub fn limited(&self, deployment: Deployment, limit: &MemoryLimit) -> Option<Deployment> {
        let devices = self.devices.as_ref()?;
        let Some(pattern) = devices.cap_of.as_deref().filter(|name| *name != "server") else {
            return Some(deployment.args(devices.arguments(limit, 1)?));
        };
        let meant = |name: &str| match pattern.split_once('*') {
            None => name == pattern,
            Some((before, after)) => name
                .strip_prefix(before)
                .is_some_and(|rest| rest.ends_with(after)),
        };
        let names = self.parts.iter().map(|part| &*part.name);
        let names: Vec<&str> = names.filter(|name| meant(name)).collect();
        let sharers = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let args = devices.arguments(limit, sharers)?;
        Some(names.iter().fold(deployment, |deployment, name| {
            deployment.part_args(name, args.iter().cloned())
        }))
    }

    /// What the start acts on. An offline job needs `offline`, which makes a server out of it.
    pub(crate) fn deployment(
        &self,
        offline: Option<crate::OfflineHook<'_>>,
    ) -> Result<Deployment, String> {
        let mut deployment = match &self.way {
            Way::Command(process) => {
                let mut deployment = Deployment::command(process.program.as_str())
                    .args(process.args.iter().map(String::as_str));
                for (name, value) in &process.env {
                    deployment = match value {
                        Some(value) => deployment.env(name.as_str(), value.as_str()),
                        None => deployment.env_remove(name.as_str()),
                    };
                }
                if let Some(cwd) = &process.cwd {
                    deployment = deployment.cwd(cwd);
                }
                if let Some(port) = process.port {
                    deployment = deployment.port(port);
                }
                if process.ports > 1 {
                    deployment = deployment.ports(process.ports);
                }
                for line in &process.fatal {
                    deployment = match line {
                        FatalLine::Text(text) => deployment.fatal_log(text),
                        FatalLine::Regex { pattern, cause } => {
                            deployment.fatal_regex(pattern, cause.clone())
                        }
                    };
                }
                if let Some(container) = &process.container {
                    deployment = deployment.container(container.clone());
                }
                if let Some(grace) = process.grace {
                    deployment = deployment.grace(grace);
                }
                deployment
            }
            Way::Url { url, key_env } => {
                let deployment = Deployment::url(url).map_err(|error| error.to_string())?;
                match key_env {
                    Some(key_env) => deployment.key_env(key_env),
                    None => deployment,
                }
            }
            Way::Offline(job) => match offline {
                Some(offline) => offline(job)?,
                None => return Err("this program cannot run offline deployments".to_owned()),
            },
        };
        deployment = deployment
            .name(&self.name)
            .ready(self.ready.clone())
            .offers(self.offers.clone());
        if let Some(name) = self.served_name.as_ref().or(self.model.as_ref()) {
            deployment = deployment.model(name);
        }
        for part in &self.parts {
            deployment = deployment.part(part.built());
        }
        Ok(deployment)
    }
}

impl RecipePart {
    fn built(&self) -> Part {
        let process = &self.process;
        let mut part = Part::command(&self.name, process.program.as_str())
            .args(process.args.iter().map(String::as_str))
            .ready(self.ready.clone())
            .order(self.order);
        for (name, value) in &process.env {
            part = match value {
                Some(value) => part.env(name.as_str(), value.as_str()),
                None => part.env_remove(name.as_str()),
            };
        }
        if let Some(cwd) = &process.cwd {
            part = part.cwd(cwd);
        }
        if let Some(port) = process.port {
            part = part.port(port);
        }
        if process.ports > 1 {
            part = part.ports(process.ports);
        }
        for line in &process.fatal {
            part = match line {
                FatalLine::Text(text) => part.fatal_log(text),
                FatalLine::Regex { pattern, cause } => part.fatal_regex(pattern, cause.clone()),
            };
        }
        if let Some(container) = &process.container {
            part = part.container(container.clone());
        }
        part
    }
}
