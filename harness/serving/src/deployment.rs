//! A deployment: how to start one server, or where one runs already.
//!
//! Plain data with a builder; nothing is looked up or checked against this host before [`crate::Server::start`],
//! so that planning can hold, compare and print deployments without touching the machine. Two equal deployments
//! describe the same server.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::launch::{Container, Fatal, Launch, Part, Readiness};
use crate::offers::Offers;
use crate::text;
use crate::url::{Base, UrlError};

/// How to start one server, or how to reach one that runs already.
///
/// ```
/// use tribunal_serving::Deployment;
///
/// let deployment = Deployment::command("vllm")
///     .args(["serve", "{model}", "--host", "{host}", "--port", "{port}"])
///     .model("Qwen/Qwen3-0.6B")
///     .fatal_log("CUDA out of memory");
/// assert_eq!(deployment.display_name(), "vllm");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Deployment {
    pub(crate) name: Option<String>,
    pub(crate) how: How,
    pub(crate) model: Option<String>,
    pub(crate) ready: Readiness,
    /// Settings of a command that were given for a server which is only reached: an error at the start.
    pub(crate) misplaced: Vec<&'static str>,
    /// The other processes, in the order of their start.
    pub(crate) parts: Vec<Part>,
    pub(crate) offers: Offers,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum How {
    Command(Launch),
    /// A server that somebody else runs, and the variable that holds its key.
    Url {
        base: Base,
        key_env: Option<String>,
    },
}

impl Deployment {
    /// A server that is started by running `program` (a path, or a name that is looked up on `PATH`).
    ///
    /// The server must listen on `{host}:{port}`; both are filled in wherever they stand in arguments and in the
    /// values of variables, and so are `{model}`, `{ports[i]}` of a block, `{evidence}` (the absolute folder of the logs), and `{NAME.host}`,
    /// `{NAME.port}`, `{NAME.ports[i]}` and `{NAME.url}` of any part (`server` is the name of this process itself). `{{port}}` is the text
    /// `{port}`. No shell is involved.
    pub fn command(program: impl Into<OsString>) -> Self {
        Self::new(How::Command(Launch::of(program.into())))
    }

    /// A server that runs already at `url` (`http://HOST:PORT`, with a path prefix if it has one). It is checked
    /// for readiness and never stopped.
    pub fn url(url: &str) -> Result<Self, UrlError> {
        Ok(Self::new(How::Url {
            base: Base::parse(url)?,
            key_env: None,
        }))
    }

    fn new(how: How) -> Self {
        Self {
            name: None,
            how,
            model: None,
            ready: Readiness::default(),
            misplaced: Vec::new(),
            parts: Vec::new(),
            offers: Offers::default(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(self, arg: impl Into<OsString>) -> Self {
        self.launch("arg", |l| l.args.push(arg.into()))
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        self.launch("args", |l| l.args.extend(args.into_iter().map(Into::into)))
    }

    /// Sets a variable of the server's environment; the others are those of the harness.
    #[must_use]
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.launch("env", |l| l.env.push((name.into(), Some(value.into()))))
    }

    /// Removes a variable from the server's environment.
    #[must_use]
    pub fn env_remove(self, name: impl Into<OsString>) -> Self {
        self.launch("env_remove", |l| l.env.push((name.into(), None)))
    }

    /// The directory in which the server starts; without it, that of the harness.
    #[must_use]
    pub fn cwd(self, folder: impl Into<PathBuf>) -> Self {
        self.launch("cwd", |l| l.cwd = Some(folder.into()))
    }

    /// A fixed port, for a server that cannot be told one. Without it a free port is leased.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.launch("port", |l| l.port = Some(port))
    }

    /// A text that, found in a line of the server's log, ends the start at once. It is matched as it stands, without
    /// wildcards. The empty text would be found in every line and is left out.
    #[must_use]
    pub fn fatal_log(self, pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        if pattern.is_empty() {
            self
        } else {
            self.launch("fatal_log", |l| {
                l.fatal.push(Fatal {
                    pattern,
                    regex: false,
                    cause: None,
                })
            })
        }
    }

    /// A regular expression (of the crate `regex`) that, matched by a line of the server's log, ends the start at once, and the cause that
    /// the error then names. An expression that does not parse is an error of the start.
    #[must_use]
    pub fn fatal_regex(self, pattern: impl Into<String>, cause: Option<String>) -> Self {
        let pattern = pattern.into();
        self.launch("fatal_regex", |l| {
            l.fatal.push(Fatal {
                pattern,
                regex: true,
                cause,
            })
        })
    }

    /// Leases `count` contiguous ports instead of one, for a server that opens hidden ones beside its own: `{port}` is the first,
    /// `{ports[i]}` the others.
    #[must_use]
    pub fn ports(self, count: u16) -> Self {
        self.launch("ports", |l| l.ports = count.max(1))
    }

    /// Runs the command in a container, by `docker run` or `podman run`. An empty program leaves the image its own.
    ///
    /// Where the container's port is published, `{host}` and `{port}` in arguments and variables are those inside the container (`0.0.0.0`
    /// and its own port), and those outside in the container's options. A container that talks to other parts uses the host's network.
    /// Who listens on a published port is told by the container's id, and its processes are those of the runtime's client only.
    #[must_use]
    pub fn container(self, container: Container) -> Self {
        self.launch("container", |l| l.container = Some(container))
    }

    /// Starts the command through another program, which gets these arguments, then the command and its arguments, and is to replace itself by it.
    ///
    /// The command is then looked up by that program. Parts are started as they are. A container has another program of its own, and is refused.
    #[must_use]
    pub fn through<A: Into<OsString>>(
        mut self,
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        // Messages speak of the server, not of what starts it.
        let name = self.display_name();
        if let How::Command(launch) = &mut self.how
            && launch.container.is_none()
        {
            let inner = std::mem::replace(&mut launch.program, program.into());
            let own = std::mem::take(&mut launch.args);
            launch.args.extend(args.into_iter().map(Into::into));
            launch.args.push(inner);
            launch.args.extend(own);
            self.name = Some(name);
        } else {
            self.misplaced.push("through");
        }
        self
    }

    /// How long the server may take to end by itself after SIGTERM (default: that of the start's options).
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        self.launch("grace", |l| l.grace = Some(grace))
    }

    /// The variable that holds the key of a server that runs already; it is read when a request is made and never shown.
    #[must_use]
    pub fn key_env(mut self, variable: impl Into<String>) -> Self {
        match &mut self.how {
            How::Url { key_env, .. } => *key_env = Some(variable.into()),
            How::Command(_) => self.misplaced.push("key_env"),
        }
        self
    }

    /// Adds another process.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Adds arguments to the part of this name. Without such a part nothing changes.
    #[must_use]
    pub fn part_args<A: Into<OsString>>(
        mut self,
        name: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        if let Some(part) = self.parts.iter_mut().find(|part| part.name == name) {
            part.launch.args.extend(args.into_iter().map(Into::into));
        }
        self
    }

    /// Sets variables of every process of the deployment, before what the deployment itself says of them.
    #[must_use]
    pub fn env_of_all(mut self, variables: &[(String, String)]) -> Self {
        let with = |launch: &mut Launch| {
            let pairs = variables.iter();
            let pairs = pairs.map(|(name, value)| (name.into(), Some(value.into())));
            launch.env.extend(pairs);
        };
        if let How::Command(launch) = &mut self.how {
            with(launch);
        }
        self.parts
            .iter_mut()
            .for_each(|part| with(&mut part.launch));
        self
    }

    /// What the server offers.
    #[must_use]
    pub fn offers(mut self, offers: Offers) -> Self {
        self.offers = offers;
        self
    }

    /// What must hold before the server counts as ready, at once.
    #[must_use]
    pub fn ready(mut self, ready: Readiness) -> Self {
        self.ready = ready;
        self
    }

    /// What the server offers, as declared.
    pub fn offered(&self) -> &Offers {
        &self.offers
    }

    /// The name under which messages and evidence speak of the server.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The name of the model as the server lists it. Without it the first model that the server lists is used.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// The route that answers 200 when the server is healthy (default `/health`).
    #[must_use]
    pub fn health(mut self, route: impl Into<String>) -> Self {
        self.ready.health = Some(route.into());
        self
    }

    /// The server has no health route: that step is left out.
    #[must_use]
    pub fn no_health(mut self) -> Self {
        self.ready.health = None;
        self
    }

    /// The route that lists the models (default `/v1/models`).
    #[must_use]
    pub fn models_route(mut self, route: impl Into<String>) -> Self {
        self.ready.models = Some(route.into());
        self
    }

    /// The server lists no models: that step is left out.
    #[must_use]
    pub fn no_models_route(mut self) -> Self {
        self.ready.models = None;
        self
    }

    /// Whether one real request for one token must succeed (default true). A health route alone often answers
    /// before the model serves.
    #[must_use]
    pub fn one_token(mut self, yes: bool) -> Self {
        self.ready.one_token = yes;
        self
    }

    /// How long the server may take from its start until it is ready (default 120 s).
    #[must_use]
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready.within = limit;
        self
    }

    /// The name: as given, else the program's file name, else the address.
    pub fn display_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        match &self.how {
            How::Command(launch) => {
                let program = Path::new(&launch.program);
                let name = program.file_name().unwrap_or(&launch.program);
                text::printable(&name.to_string_lossy())
            }
            How::Url { base, .. } => base.authority(),
        }
    }

    /// A key of this deployment as it stands: equal deployments have equal keys in every process that runs the same build. Values of
    /// variables count, and cannot be read back from it.
    pub fn digest(&self) -> String {
        crate::digest::of(self)
    }

    /// Whether the server is started and stopped by us, and not merely reached.
    pub fn is_command(&self) -> bool {
        matches!(self.how, How::Command(_))
    }

    /// Changes the launch; for a server that runs already there is nothing to change, which the start reports.
    fn launch(mut self, setting: &'static str, change: impl FnOnce(&mut Launch)) -> Self {
        match &mut self.how {
            How::Command(launch) => change(launch),
            How::Url { .. } => self.misplaced.push(setting),
        }
        self
    }
}

/// Values of variables and options that look like secrets are masked.
impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Deployment");
        out.field("name", &self.display_name());
        match &self.how {
            How::Url { base, key_env } => out.field("url", &base.url()).field("key_env", key_env),
            How::Command(launch) => {
                let env: Vec<String> = launch
                    .env
                    .iter()
                    .map(|(name, value)| {
                        let name = name.to_string_lossy();
                        match value {
                            None => format!("-{name}"),
                            Some(_) if text::names_secret(&name) => format!("{name}=***"),
                            Some(value) => format!("{name}={}", value.to_string_lossy()),
                        }
                    })
                    .collect();
                out.field(
                    "command",
                    &text::command_line(&launch.program, &launch.args),
                )
                .field("env", &env)
                .field("cwd", &launch.cwd)
                .field("port", &launch.port)
                .field("fatal_log", &launch.fatal)
                .field("parts", &self.parts.len())
            }
        };
        out.field("model", &self.model)
            .field("ready", &self.ready)
            .finish()
    }
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
