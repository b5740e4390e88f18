//! A running server: started or reached, watched, stopped.
//!
//! The state of a server is what its keeper reported last; nothing here polls a process. A server that is dropped
//! without [`Server::stop`] is stopped all the same, by its keeper and without anybody waiting for it: forgetting a
//! server must not leave one, but only a stop can say whether it left something.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, How};
use crate::group::Group;
use crate::health::{self, Unhealthy};
use crate::launch::Readiness;
use crate::log;
use crate::options::StartOptions;
#[cfg(target_os = "linux")]
use crate::own::Own;
use crate::process::{ProcessInfo, ProcessSignal};
use crate::progress;
use crate::readiness::{Question, Waiting};
use crate::start_error::StartError;
use crate::start_error_kind::StartErrorKind;
use crate::stop_error::StopError;
use crate::stop_report::StopReport;
use crate::url::Base;

/// A server that is ready. Clones are handles of one server; it is dropped with the last of them.
#[derive(Debug, Clone)]
pub struct Server {
    name: String,
    base_url: String,
    base: Base,
    model: Option<String>,
    ready_after: Duration,
    ready: Readiness,
    key_env: Option<String>,
    notes: Vec<String>,
    own: Option<Arc<Group>>,
}

/// What another process must know of a server that is shared, beside its processes.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing is shared there")
)]
pub(crate) struct SharedServer {
    name: String,
    model: Option<String>,
    ready_after_ms: u64,
    notes: Vec<String>,
}

/// A part of a server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningPart {
    /// The name that the deployment gives it.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Where it answers; `None` for one that does not listen.
    pub url: Option<String>,
    /// What its processes wrote.
    pub log: PathBuf,
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
        if let (How::Command(_), Some(share), None) =
            (&deployment.how, &options.share, &options.detour.0)
        {
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
            How::Url { base, key_env } => {
                Self::reach(deployment, base, key_env.as_deref(), options).await
            }
            How::Command(_) if options.prepare.0.is_some() => {
                let mut options = options.clone();
                let hook = options.prepare.0.take();
                let prepared = match hook {
                    Some(prepare) => prepare(deployment.clone()).await,
                    None => Err(String::new()),
                };
                let prepared = prepared.map_err(|reason| {
                    StartError::new(
                        deployment.display_name(),
                        StartErrorKind::NotPrepared { reason },
                    )
                })?;
                options.held = Arc::new(prepared.held);
                Box::pin(Self::start_alone(&prepared.deployment, &options)).await
            }
            How::Command(launch) => {
                let ready = crate::group::start(deployment, launch, options).await?;
                Ok(Server {
                    name: deployment.display_name(),
                    base_url: ready.base.url(),
                    base: ready.base,
                    model: ready.model,
                    ready_after: ready.after,
                    ready: deployment.ready.clone(),
                    key_env: None,
                    notes: ready.notes,
                    own: Some(Arc::new(ready.group)),
                })
            }
        }
    }

    /// Waits until a server that somebody else runs answers.
    async fn reach(
        deployment: &Deployment,
        base: &Base,
        key_env: Option<&str>,
        options: &StartOptions,
    ) -> Result<Server, StartError> {
        let name = deployment.display_name();
        let failed = |kind| {
            let mut error = StartError::new(name.clone(), kind);
            error.0.url = Some(base.url());
            error
        };
        if !deployment.parts.is_empty() {
            let settings = vec!["part"];
            return Err(failed(StartErrorKind::Misplaced { settings }));
        }
        let key = health::key(key_env).map_err(failed)?;
        let started = Instant::now();
        let model = deployment.model.as_deref();
        let question = Question {
            base,
            ready: &deployment.ready,
            model,
            started,
            key: key.as_deref(),
            reached: true,
        };
        let waiting = Waiting::default();
        let limit = deployment.ready.within;
        let outcome = tokio::select! {
            biased;
            outcome = tokio::time::timeout(limit, waiting.answers(&question)) => outcome,
            never = progress::tell(&name, &waiting, started, limit, &options.progress) => match never {},
        };
        let model = outcome
            .unwrap_or_else(|_| Err(waiting.timed_out(started.elapsed(), model)))
            .map_err(failed)?;
        Ok(Server {
            base_url: base.url(),
            base: base.clone(),
            model,
            ready_after: started.elapsed(),
            ready: deployment.ready.clone(),
            key_env: key_env.map(Into::into),
            notes: Vec::new(),
            own: None,
            name,
        })
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
        self.base.port
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

    /// The other processes of the deployment, in the order of their start.
    pub fn parts(&self) -> &[RunningPart] {
        self.own().map(Group::parts).unwrap_or_default()
    }

    /// The part of that name.
    pub fn part(&self, name: &str) -> Option<&RunningPart> {
        self.parts().iter().find(|p| p.name == name)
    }

    /// What went other than planned and did no harm, for the report: a start on another port, a check that could not be made, what an earlier server
    /// of the same share left behind.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The variable that holds the key of a server that was only reached, where its deployment names one.
    pub fn key_env(&self) -> Option<&str> {
        self.key_env.as_deref()
    }

    /// Whether the server is well now: every process of it lives, the health route answers 200 within 5 s, and the list of models has the model, as far as
    /// its deployment has these routes. Cheap enough to be asked between two users of one server; it generates nothing.
    pub async fn check(&self) -> Result<(), Unhealthy> {
        let ended = self.own().and_then(Group::ended);
        let tail = || self.log_tail(health::TAIL).unwrap_or_default();
        if let Some((process, status)) = ended {
            return Err(Unhealthy::ended(&self.name, &process, status, tail()));
        }
        let key = health::key(self.key_env());
        let asked = match key {
            Ok(key) => health::ask(&self.base, &self.ready, self.model(), key.as_deref()).await,
            Err(kind) => Err(kind.to_string()),
        };
        asked.map_err(|why| Unhealthy::silent(&self.name, &self.base_url, why, tail()))
    }

    /// The server's own process; `None` for one that was only reached.
    pub fn pid(&self) -> Option<u32> {
        self.own().and_then(Group::pid)
    }

    /// Whether it is shared with other processes ([`Share`](crate::Share)): it outlives this one, and whatever is done to it is done to them.
    pub fn is_shared(&self) -> bool {
        self.own().is_some_and(Group::is_shared)
    }

    /// The file with everything that the server's processes wrote; `None` for a server that was only reached.
    pub fn log_path(&self) -> Option<&Path> {
        self.own().map(Group::log)
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
        self.own().map(Group::processes).unwrap_or_default()
    }

    /// Whether the processes of the deployment run, as far as is known: a server that was only reached is not watched, and
    /// counts as alive.
    pub fn is_alive(&self) -> bool {
        self.own().is_none_or(Group::is_alive)
    }

    /// How the server's own process ended; `None` while it runs, and for a server that was only reached.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.own().and_then(Group::exit_status)
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

    /// Stops a server that is shared for everybody, because it is broken: the next one who asks gets a new one. A server
    /// that is not shared is simply stopped, and one that was only reached goes on.
    pub async fn retire(self) -> Result<StopReport, StopError> {
        match self.own() {
            Some(own) => own.end().await,
            None => Ok(StopReport::default()),
        }
    }

    /// Sends a signal to a process of this server's tree. `false`: it has ended, or it is none of this server's; nothing was sent.
    ///
    /// A process is told by its pid and its start time, and only what descends from the server is reached, whatever the caller names.
    pub fn signal(&self, process: &ProcessInfo, signal: ProcessSignal) -> io::Result<bool> {
        match self.own() {
            Some(own) => own.signal(process, signal),
            None => Ok(false),
        }
    }

    /// The control groups in which the processes of the deployment run, where each has one of its own; empty where control groups may not be made, for
    /// a server that was only reached, and for one that another process started.
    pub fn control_groups(&self) -> Vec<PathBuf> {
        self.own().map(Group::control_groups).unwrap_or_default()
    }

    fn own(&self) -> Option<&Group> {
        self.own.as_deref()
    }
}

/// Sharing with other processes.
#[cfg(target_os = "linux")]
impl Server {
    /// A server that another process has started. `None`: it has no process whose port answers.
    pub(crate) fn attached(told: SharedServer, owns: Vec<Own>) -> Option<Server> {
        let group = Group::attached(owns)?;
        Some(Server {
            name: told.name,
            base_url: group.base().url(),
            base: group.base().clone(),
            model: told.model,
            ready_after: Duration::from_millis(told.ready_after_ms),
            ready: group.ready().clone(),
            key_env: None,
            notes: told.notes,
            own: Some(Arc::new(group)),
        })
    }

    pub(crate) fn told(&self) -> SharedServer {
        SharedServer {
            name: self.name.clone(),
            model: self.model.clone(),
            ready_after_ms: u64::try_from(self.ready_after.as_millis()).unwrap_or(u64::MAX),
            notes: self.notes.clone(),
        }
    }

    pub(crate) fn owns(&self) -> impl Iterator<Item = &Own> {
        self.own().map(Group::members).unwrap_or_default().iter()
    }

    pub(crate) fn noting(mut self, notes: Vec<String>) -> Self {
        self.notes.extend(notes);
        self
    }
}
