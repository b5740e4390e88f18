//! A running server: started or reached, watched, stopped.
//!
//! The state of a server is what its keeper reported last; nothing here polls a process. A server that is dropped
//! without [`Server::stop`] is stopped all the same, by its keeper and without anybody waiting for it: forgetting a
//! server must not leave one, but only a stop can say whether it left something.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, How};
use crate::log;
use crate::options::StartOptions;
use crate::own::Own;
use crate::process::ProcessInfo;
use crate::readiness::{Question, Waiting};
use crate::start_error::{StartError, StartErrorKind};
use crate::stop_error::StopError;

/// A server that is ready. Clones are handles of one server; it is dropped with the last of them.
#[derive(Debug, Clone)]
pub struct Server {
    name: String,
    base_url: String,
    port: u16,
    model: Option<String>,
    ready_after: Duration,
    own: Option<Arc<Own>>,
    notes: Vec<String>,
}

/// What another process must know of a server that is shared, beside its processes.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing is shared there")
)]
pub(crate) struct SharedServer {
    name: String,
    base_url: String,
    port: u16,
    model: Option<String>,
    ready_after_ms: u64,
}

/// What a stop found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopReport {
    /// How the server ended; `None` for one that was only reached, and still runs.
    pub exit: Option<ExitStatus>,
    /// The server had ended before it was asked to.
    pub ended_before: bool,
    /// Processes that still ran 0.2 s after the server itself had ended; they were stopped.
    pub outlived: Vec<ProcessInfo>,
    /// Processes that did not end when asked within the grace period, and were killed.
    pub killed: Vec<ProcessInfo>,
    /// Bytes of the log that could not be written, and the first reason.
    pub log_lost: Option<(u64, String)>,
    /// What could not be checked, or not be told whose it is, in words.
    pub notes: Vec<String>,
    /// The server is shared with other processes: this one has let go of it, and it ends when nobody uses it.
    pub shared: bool,
    /// How long the stop took.
    pub took: Duration,
}

impl Server {
    /// Starts the deployment's server (or finds the one that runs already) and waits until it is ready.
    ///
    /// Needs a tokio runtime with I/O and time. On an error everything that was started has been stopped again; if the
    /// future is dropped, the server is stopped by its keeper.
    pub async fn start(
        deployment: &Deployment,
        options: &StartOptions,
    ) -> Result<Server, StartError> {
        if !deployment.misplaced.is_empty() {
            let settings = deployment.misplaced.clone();
            return Err(StartError::new(
                deployment.display_name(),
                StartErrorKind::Misplaced { settings },
            ));
        }
        #[cfg(target_os = "linux")]
        if let (How::Command(_), Some(share)) = (&deployment.how, &options.share) {
            return crate::shared::start(deployment, options, share).await;
        }
        Self::start_alone(deployment, options).await
    }

    /// The same for a server that is not shared yet.
    pub(crate) async fn start_alone(
        deployment: &Deployment,
        options: &StartOptions,
    ) -> Result<Server, StartError> {
        match &deployment.how {
            How::Url { base, .. } => Self::reach(deployment, base).await,
            How::Command(launch) => {
                let ready = crate::own::start(deployment, launch, options).await?;
                Ok(Server {
                    name: deployment.display_name(),
                    base_url: ready.base.url(),
                    port: ready.base.port,
                    model: ready.model,
                    ready_after: ready.after,
                    own: Some(Arc::new(ready.own)),
                    notes: Vec::new(),
                })
            }
        }
    }

    /// Waits until a server that somebody else runs answers.
    async fn reach(deployment: &Deployment, base: &crate::url::Base) -> Result<Server, StartError> {
        let started = Instant::now();
        let model = deployment.model.as_deref();
        let question = Question {
            base,
            ready: &deployment.ready,
            model,
            started,
        };
        let waiting = Waiting::default();
        match tokio::time::timeout(deployment.ready.within, waiting.answers(&question)).await {
            Ok(model) => Ok(Server {
                name: deployment.display_name(),
                base_url: base.url(),
                port: base.port,
                model,
                ready_after: started.elapsed(),
                own: None,
                notes: Vec::new(),
            }),
            Err(_) => {
                let kind = waiting.timed_out(started.elapsed(), model);
                let mut error = StartError::new(deployment.display_name(), kind);
                error.0.url = Some(base.url());
                Err(error)
            }
        }
    }

    /// The name of the deployment.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the server answers, for example `http://127.0.0.1:20017`; without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The port on which the server answers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of the model: as the deployment says, else the first one that the server lists. `None` if the
    /// deployment names none and the server was not asked.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// How long it took from the start of the process (or from the first question) until the server was ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The server's own process; `None` for one that was only reached.
    pub fn pid(&self) -> Option<u32> {
        self.own().map(|o| o.pid)
    }

    /// The file with everything that the server's processes wrote; `None` for a server that was only reached.
    pub fn log_path(&self) -> Option<&Path> {
        self.own().map(|o| o.log.as_path())
    }

    /// The last lines of the log, safe to print. Empty for a server that was only reached.
    pub fn log_tail(&self, lines: usize) -> io::Result<String> {
        self.log_path()
            .map_or(Ok(String::new()), |path| log::tail(path, lines))
    }

    /// All running processes of the server's tree: the server, its workers, and whatever descends from them, also in
    /// sessions of their own. Parents stand before their children. Empty once the tree is gone; a server that was only
    /// reached has no known tree, which [`Server::pid`] tells.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.own().map(Own::processes).unwrap_or_default()
    }

    /// Whether the server's own process runs, as far as is known: a server that was only reached is not watched, and
    /// counts as alive.
    pub fn is_alive(&self) -> bool {
        self.own().is_none_or(Own::is_alive)
    }

    /// How the server's own process ended; `None` while it runs, and for a server that was only reached.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.own().and_then(Own::exit_status)
    }

    /// Stops the server and waits until nothing of it is left: SIGTERM, the grace period, SIGKILL for the whole tree.
    /// A server that was only reached goes on, and so does one that is shared as long as others use it. Something that
    /// is left is an error that names it.
    pub async fn stop(self) -> Result<StopReport, StopError> {
        self.shut_down().await
    }

    /// [`Server::stop`] for a server that is shared. Called again, it says the same again.
    pub async fn shut_down(&self) -> Result<StopReport, StopError> {
        match self.own() {
            Some(own) => own.stop().await,
            None => Ok(StopReport::default()),
        }
    }

    /// What the start had to report without failing, in words: what an earlier server of the same share left behind.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Stops a server that is shared for everybody, because it is broken: the next one who asks gets a new one. A server
    /// that is not shared is simply stopped, and one that was only reached goes on.
    pub async fn retire(self) -> Result<StopReport, StopError> {
        match self.own() {
            Some(own) => own.end().await,
            None => Ok(StopReport::default()),
        }
    }

    fn own(&self) -> Option<&Own> {
        self.own.as_deref()
    }
}

/// Sharing with other processes.
#[cfg(target_os = "linux")]
impl Server {
    /// A server that another process has started. `None`: it has no process of its own.
    pub(crate) fn attached(told: SharedServer, mut owns: Vec<Own>) -> Option<Server> {
        Some(Server {
            name: told.name,
            base_url: told.base_url,
            port: told.port,
            model: told.model,
            ready_after: Duration::from_millis(told.ready_after_ms),
            own: Some(Arc::new(owns.pop()?)),
            notes: Vec::new(),
        })
    }

    pub(crate) fn told(&self) -> SharedServer {
        SharedServer {
            name: self.name.clone(),
            base_url: self.base_url.clone(),
            port: self.port,
            model: self.model.clone(),
            ready_after_ms: u64::try_from(self.ready_after.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn owns(&self) -> impl Iterator<Item = &Own> {
        self.own.iter().map(|own| &**own)
    }

    pub(crate) fn noting(mut self, notes: Vec<String>) -> Self {
        self.notes.extend(notes);
        self
    }
}
