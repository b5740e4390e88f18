//! What is started: one command with its environment, its ports, its limits, and what must hold before it counts as ready.
//!
//! Plain data. A deployment has one launch whose port answers requests, and any number of [`Part`]s beside it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a server may take to become ready unless the deployment says otherwise.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What is started. Arguments and values of variables still have their placeholders.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Launch {
    pub program: OsString,
    pub args: Vec<OsString>,
    /// In the order given; `None` removes a variable that the harness has.
    pub env: Vec<(OsString, Option<OsString>)>,
    pub cwd: Option<PathBuf>,
    pub port: Option<u16>,
    /// How many contiguous ports are leased, the first of them `{port}`; at least 1.
    pub ports: u16,
    pub fatal: Vec<Fatal>,
    /// The launch runs inside this container; the program and its arguments are the command in it.
    pub container: Option<Container>,
    pub grace: Option<Duration>,
}

impl Launch {
    pub(crate) fn of(program: OsString) -> Self {
        Self {
            program,
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            port: None,
            ports: 1,
            fatal: Vec::new(),
            container: None,
            grace: None,
        }
    }
}

/// A line of the log that ends the start at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Fatal {
    /// A text that is found as it stands, or a regular expression.
    pub pattern: String,
    pub regex: bool,
    /// The cause in the words of the deployment; without it, it is guessed from the line.
    pub cause: Option<String>,
}

#[cfg(any(target_os = "linux", test))]
impl Fatal {
    /// The expression, within bounds: a pattern from a file must not take the keeper's memory.
    pub(crate) fn compiled(&self) -> Result<regex::Regex, regex::Error> {
        regex::RegexBuilder::new(&self.pattern)
            .size_limit(1 << 20)
            .build()
    }
}

/// A container instead of a process: `docker` or `podman`, whichever is asked for or found first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Container {
    /// The image.
    pub image: String,
    /// `docker`, `podman` or a path; `None` takes whichever is on `PATH`, podman first.
    pub runtime: Option<String>,
    /// Options of `run` before the image (`--gpus all`, `--ipc host`, `-v …`); placeholders are filled in.
    pub options: Vec<String>,
    /// The port inside the container that is published on the leased one; `None`: the container uses the host's network.
    pub port: Option<u16>,
}

/// What must hold before something that was started counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Readiness {
    /// A process of the tree must listen on the port.
    pub listens: bool,
    /// The route that must answer 200.
    pub health: Option<String>,
    /// The route whose list must have the model.
    pub models: Option<String>,
    /// One real request for one token must succeed.
    pub one_token: bool,
    /// How long all of it may take.
    pub within: Duration,
}

impl Default for Readiness {
    /// That of a model server: listener, `/health`, `/v1/models`, one token, 120 s.
    fn default() -> Self {
        Self {
            listens: true,
            health: Some("/health".into()),
            models: Some("/v1/models".into()),
            one_token: true,
            within: READY_WITHIN,
        }
    }
}

impl Readiness {
    /// That of a process that only has to listen.
    pub fn listening() -> Self {
        Self {
            listens: true,
            ..Self::alive()
        }
    }

    /// That of a process that only has to live, for 0.2 s and as long as the others start: a headless stage.
    pub fn alive() -> Self {
        Self {
            listens: false,
            health: None,
            models: None,
            one_token: false,
            within: READY_WITHIN,
        }
    }
}

/// When a part starts, relative to the process whose port answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartOrder {
    /// Before it: companion services, workers behind a router.
    Before,
    /// After it: headless stages that join the first one.
    After,
}

/// One more process of a deployment: a worker behind a router, a headless stage, a companion service. Parts start one after another in
/// the order in which they were added, each when the one before it is ready, and stop in reverse order.
///
/// Placeholders of a part are its own `{host}`, `{port}`, `{ports[i]}`; everything else may say `{NAME.host}`, `{NAME.port}`,
/// `{NAME.ports[i]}` and `{NAME.url}` of any part, since every port is leased before the first process starts, and `{server.port}` and so on
/// of the process whose port answers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Part {
    pub(crate) name: String,
    pub(crate) launch: Launch,
    pub(crate) ready: Readiness,
    pub(crate) order: StartOrder,
}

impl Part {
    /// A part that runs `program`, starts before the server and only has to listen.
    pub fn command(name: impl Into<String>, program: impl Into<OsString>) -> Self {
        Self {
            name: name.into(),
            launch: Launch::of(program.into()),
            ready: Readiness::listening(),
            order: StartOrder::Before,
        }
    }
    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.launch.args.extend(args.into_iter().map(Into::into));
        self
    }
    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.launch.env.push((name.into(), Some(value.into())));
        self
    }
    /// Removes a variable of its environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.launch.env.push((name.into(), None));
        self
    }
    /// The directory in which it starts.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.launch.cwd = Some(folder.into());
        self
    }
    /// A fixed port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.launch.port = Some(port);
        self
    }
    /// A block of contiguous ports.
    #[must_use]
    pub fn ports(mut self, count: u16) -> Self {
        self.launch.ports = count.max(1);
        self
    }
    /// A text in its log that ends the start.
    #[must_use]
    pub fn fatal_log(mut self, pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        if !pattern.is_empty() {
            self.launch.fatal.push(Fatal {
                pattern,
                regex: false,
                cause: None,
            });
        }
        self
    }
    /// It runs in a container.
    #[must_use]
    pub fn container(mut self, container: Container) -> Self {
        self.launch.container = Some(container);
        self
    }
    /// What must hold before the next one starts.
    #[must_use]
    pub fn ready(mut self, ready: Readiness) -> Self {
        self.ready = ready;
        self
    }
    /// When it starts.
    #[must_use]
    pub fn order(mut self, order: StartOrder) -> Self {
        self.order = order;
        self
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
