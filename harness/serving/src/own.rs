//! One process of ours: from its plan to a process that is ready, and back to nothing.
//!
//! Everything that could be refused was refused before ([`crate::plan`]). From the keeper on, every way out goes through it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::container::Handle;
use crate::launch::{Fatal, Readiness};
use crate::link::{Link, State};
use crate::plan::{Planned, SERVER};
use crate::process::{self, ProcessInfo};
use crate::progress::Tell;
use crate::shared::ToldProcess;
use crate::start_error::StartError;
use crate::start_error_kind::StartErrorKind;
use crate::stop_error::{StopError, StopErrorKind};
use crate::stop_report::ProcessStop;
use crate::url::Base;
use crate::{arrival, exit, log, program, shared, teardown};

/// How long a keeper may take to say whether the program runs. It takes about a millisecond.
const KEEPER_STARTS: Duration = Duration::from_secs(20);
/// What a container's runtime may take beyond that: two of its commands.
const RUNTIME: Duration = Duration::from_secs(25);
/// How many lines of the log an error shows.
const TAIL: usize = 20;

/// A started process, seen through its keeper.
#[derive(Debug)]
pub(crate) struct Own {
    /// The deployment, and the part behind a slash.
    pub name: String,
    /// `None`: the process whose port answers.
    pub part: Option<String>,
    pub(crate) link: Link,
    pub log: PathBuf,
    pub base: Base,
    pub ready: Readiness,
    pub(crate) container: Option<Handle>,
    pub(crate) fatal: Vec<Fatal>,
    /// The deployment insists on its port.
    pub fixed: bool,
    pub started: Instant,
    grace: Duration,
    command: String,
    program: PathBuf,
}

impl Own {
    /// Starts the keeper and tells it what to start.
    pub(crate) fn launch(
        deployment: &str,
        planned: Planned,
        held: &[OwnedFd],
    ) -> Result<Own, Box<StartError>> {
        let started = Instant::now();
        let Planned { part, order, .. } = planned;
        let link = Link::open(
            &order,
            &planned.lease.into_descriptor(),
            held,
            planned.log_file,
        );
        let link = link.map_err(|e| {
            let reason = e.to_string();
            let mut error = StartError::new(deployment.into(), StartErrorKind::Keeper { reason });
            error.0.part = part.clone();
            Box::new(error)
        })?;
        Ok(Own {
            name: match &part {
                Some(part) => format!("{deployment}/{part}"),
                None => deployment.into(),
            },
            part,
            link,
            log: planned.log,
            base: planned.base,
            ready: planned.ready,
            container: order.container,
            fatal: order.fatal,
            fixed: planned.fixed,
            started,
            grace: Duration::from_millis(order.grace_ms),
            command: planned.command,
            program: planned.program,
        })
    }

    /// Until it runs and is ready, or is known not to become so. Returns the name of the model, where one was asked for.
    pub(crate) async fn become_ready(
        &self,
        model: Option<&str>,
        progress: &Tell,
    ) -> Result<Option<String>, StartErrorKind> {
        let told =
            tokio::time::timeout(KEEPER_STARTS, self.link.until(|s| s.started.is_some())).await;
        match told.map(|state| state.started) {
            Ok(Some(Ok(_))) => arrival::wait(self, model, progress).await,
            Ok(Some(Err(reason))) => {
                let reason = program::missing_interpreter(&self.program).unwrap_or(reason);
                Err(StartErrorKind::NotStarted { reason })
            }
            Ok(None) => Err(StartErrorKind::Keeper {
                reason: self.lost(),
            }),
            Err(_) => {
                let reason = format!("it said nothing for {} s", KEEPER_STARTS.as_secs());
                Err(StartErrorKind::Keeper { reason })
            }
        }
    }

    /// What has happened to a process that was ready: its end, or a fatal line.
    pub(crate) fn trouble(&self) -> Option<StartErrorKind> {
        self.trouble_in(self.link.state())
    }

    /// Waits for such a thing.
    pub(crate) async fn ends(&self) -> StartErrorKind {
        let state = self
            .link
            .until(|s| s.fatal.is_some() || s.exit.is_some())
            .await;
        self.trouble_in(state).unwrap_or(StartErrorKind::Keeper {
            reason: self.lost(),
        })
    }

    fn trouble_in(&self, state: State) -> Option<StartErrorKind> {
        if let Some((pattern, line)) = state.fatal {
            return Some(StartErrorKind::FatalLog { pattern, line });
        }
        if let Some(status) = state.exit {
            let status = ExitStatus::from_raw(status);
            return Some(StartErrorKind::Lost { status });
        }
        let reason = || self.lost();
        state
            .gone
            .map(|_| StartErrorKind::Keeper { reason: reason() })
    }

    /// Why nothing more comes from the keeper.
    pub(crate) fn lost(&self) -> String {
        match self.link.state().gone.and_then(|g| g.status) {
            Some(status) => format!(
                "it ended with {} without saying why",
                exit::in_words(status)
            ),
            None => "it closed its connection".into(),
        }
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        log::tail(&self.log, TAIL).unwrap_or_default()
    }

    /// The whole story of a start that failed because of this process.
    pub(crate) fn story(&self, deployment: &str, kind: StartErrorKind) -> StartError {
        let mut error = StartError::new(deployment.into(), kind);
        let context = &mut *error.0;
        context.part = self.part.clone();
        context.url = Some(self.base.url());
        context.pid = self.pid();
        context.command = Some(self.command.clone());
        context.tail = self.tail();
        context.log = Some(self.log.clone());
        if let StartErrorKind::FatalLog { pattern, .. } = &context.kind {
            let found = self.fatal.iter().find(|f| f.pattern == *pattern);
            context.told_cause = found.and_then(|f| f.cause.clone());
        }
        error
    }

    /// Stops the process and waits until nothing of its tree is left, or lets go of it if it is shared and runs. Called again, it gives the same answer.
    pub(crate) async fn stop(&self) -> Result<ProcessStop, StopError> {
        if self.link.is_shared() && self.is_alive() {
            return Ok(self.let_go().await);
        }
        self.end().await
    }

    /// Stops the process, whoever else uses it.
    pub(crate) async fn end(&self) -> Result<ProcessStop, StopError> {
        if self.link.state().released {
            return Ok(self.let_go().await);
        }
        let asked = Instant::now();
        let ended_before = self.link.state().exit.is_some();
        self.link.request_stop(self.grace);
        let patience = self.grace + teardown::FORCE + teardown::PORT + Duration::from_secs(10);
        let runtime = self.container.as_ref().map_or(Duration::ZERO, |_| RUNTIME);
        let failed = |kind| StopError {
            kind,
            server: self.name.clone(),
            pid: self.pid(),
            port: self.base.port,
            log: Some(self.log.clone()),
            also: Vec::new(),
        };
        let told = self
            .link
            .until(|s| s.ending.is_some() && self.link.is_shared());
        let Ok(state) = tokio::time::timeout(patience + runtime, told).await else {
            return Err(failed(StopErrorKind::KeeperSilent { waited: patience }));
        };
        let State {
            exit, ending, gone, ..
        } = state;
        let Some(ending) = ending else {
            let how = gone.as_ref().and_then(|g| g.status);
            let how = how.map_or("an unknown status".into(), exit::in_words);
            let killed = gone.map(|g| g.killed).unwrap_or_default();
            return Err(failed(StopErrorKind::KeeperLost { how, killed }));
        };
        if !ending.left.is_empty() || ending.port_held.is_some() || !ending.leftovers.is_empty() {
            return Err(failed(StopErrorKind::Residue {
                left: ending.left,
                port_held: ending.port_held,
                leftovers: ending.leftovers,
            }));
        }
        Ok(ProcessStop {
            exit: exit.map(ExitStatus::from_raw),
            ended_before,
            outlived: ending.outlived,
            killed: ending.killed,
            log_lost: ending.log_lost,
            notes: ending.notes,
            took: asked.elapsed(),
            ..self.untouched()
        })
    }

    /// Gives the lease of a shared server back. Waits for the answer, so that nobody counts this process any more.
    async fn let_go(&self) -> ProcessStop {
        let asked = Instant::now();
        self.link.release();
        let told = self.link.until(|s| s.released || s.ending.is_some());
        // A keeper that does not answer sees the end of this process instead.
        let _ = tokio::time::timeout(KEEPER_STARTS, told).await;
        ProcessStop {
            shared: true,
            took: asked.elapsed(),
            ..self.untouched()
        }
    }

    fn untouched(&self) -> ProcessStop {
        ProcessStop {
            name: self.process_name().into(),
            ..ProcessStop::default()
        }
    }

    /// The part's name, or that of the process whose port answers.
    pub(crate) fn process_name(&self) -> &str {
        self.part.as_deref().unwrap_or(SERVER)
    }

    /// Attaches to a process of a server that is shared; [`Own::greeted`] says whether it is there.
    pub(crate) fn attach(told: &ToldProcess) -> io::Result<Own> {
        Ok(Own {
            name: told.name.clone(),
            part: told.part.clone(),
            link: Link::attach(&told.door, told.keeper.pid)?,
            log: told.log.clone(),
            base: Base::local(told.port),
            ready: told.ready.clone(),
            container: None,
            fatal: Vec::new(),
            fixed: false,
            started: Instant::now(),
            grace: Duration::from_millis(told.grace_ms),
            command: String::new(),
            program: PathBuf::new(),
        })
    }

    /// Waits until the keeper has said what it keeps. `false`: it does not, or its server has ended.
    pub(crate) async fn greeted(&self) -> bool {
        let state = self.link.until(|s| s.started.is_some()).await;
        matches!(state.started, Some(Ok(_))) && self.is_alive()
    }

    /// Asks the keeper to stop, without waiting.
    pub(crate) fn request_end(&self) {
        self.link.request_stop(self.grace);
    }

    /// Lets others attach.
    pub(crate) fn publish(&self) -> io::Result<()> {
        self.link.publish()
    }

    /// What others must know to attach.
    pub(crate) fn told(&self) -> Option<ToldProcess> {
        Some(ToldProcess {
            name: self.name.clone(),
            part: self.part.clone(),
            port: self.base.port,
            ready: self.ready.clone(),
            log: self.log.clone(),
            grace_ms: u64::try_from(self.grace.as_millis()).unwrap_or(u64::MAX),
            keeper: shared::named(self.link.keeper)?,
            door: self.link.door.clone()?,
        })
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.link.is_shared()
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self.link.state().started {
            Some(Ok((pid, _))) => Some(pid),
            _ => None,
        }
    }

    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.link.state().exit.map(ExitStatus::from_raw)
    }

    /// The control group of its tree, where the keeper could make one.
    pub(crate) fn control_group(&self) -> Option<PathBuf> {
        self.link.state().belt.clone()
    }

    pub(crate) fn is_alive(&self) -> bool {
        let state = self.link.state();
        state.exit.is_none() && state.gone.is_none()
    }

    pub(crate) fn processes(&self) -> Vec<ProcessInfo> {
        // Once the keeper is gone, so is its tree, and its pid may belong to somebody else.
        if self.link.state().gone.is_some() {
            return Vec::new();
        }
        process::descendants(self.link.keeper)
    }
}
