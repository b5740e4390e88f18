//! A server of our own: from the command of a deployment to a process that is ready, and back to nothing.
//!
//! The order is chosen so that whatever can be refused is refused before anything runs: program, port, placeholders,
//! log, then the keeper. From the keeper on, every way out goes through it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::deployment::Deployment;
use crate::launch::{Launch, Readiness};
use crate::link::{Link, State};
use crate::options::StartOptions;
use crate::placeholder::{self, PlaceholderError, Values};
use crate::port::{self, PortError, PortLease};
use crate::process::{self, ProcessInfo};
use crate::program::{self, NotFound};
use crate::protocol::Order;
use crate::readiness::{Question, Waiting};
use crate::server::StopReport;
use crate::share::Share;
use crate::shared::{self, ToldProcess};
use crate::socket::{self, Ownership};
use crate::start_error::{ReadyStep, StartError, StartErrorKind};
use crate::stop_error::{StopError, StopErrorKind};
use crate::url::Base;
use crate::{exit, log, teardown, text};

/// How long a keeper may take to say whether the program runs. It takes about a millisecond.
const KEEPER_STARTS: Duration = Duration::from_secs(20);
/// How many lines of the log an error shows.
const TAIL: usize = 20;
/// How often the listener is looked at.
const LISTENER: Duration = Duration::from_millis(5);

/// A started server, seen through its keeper.
#[derive(Debug)]
pub(crate) struct Own {
    name: String,
    link: Link,
    pub pid: u32,
    pub log: PathBuf,
    port: u16,
    grace: Duration,
}

/// A server that has become ready.
pub(crate) struct Ready {
    pub own: Own,
    pub base: Base,
    pub model: Option<String>,
    pub after: Duration,
}

/// Starts the server and waits until it is ready.
pub(crate) async fn start(
    deployment: &Deployment,
    launch: &Launch,
    options: &StartOptions,
) -> Result<Ready, StartError> {
    let name = deployment.display_name();
    let refuse = |kind| StartError::new(name.clone(), kind);
    let program = find_program(launch).map_err(refuse)?;
    if let Some(cwd) = launch.cwd.as_ref().filter(|c| !c.is_dir()) {
        let reason = format!("its working directory {} does not exist", cwd.display());
        return Err(refuse(StartErrorKind::NotStarted { reason }));
    }
    let lease = lease_port(launch, options).map_err(refuse)?;
    let port = lease.port;
    let base = Base::local(port);
    let values = Values {
        host: &base.host,
        port,
        model: deployment.model.as_deref(),
    };
    let (args, env) = fill(launch, &values).map_err(|e| {
        refuse(StartErrorKind::Placeholder {
            reason: e.to_string(),
        })
    })?;
    let (log, log_file) = create_log(&options.evidence).map_err(|(path, e)| {
        refuse(StartErrorKind::Evidence {
            path,
            reason: e.to_string(),
        })
    })?;
    let command = text::command_line(program.as_os_str(), &args);
    let order = Order {
        program: program.clone().into(),
        args,
        env,
        cwd: launch.cwd.as_ref().map(|c| c.clone().into()),
        port,
        log: log.clone().into(),
        log_whole: options.log.whole,
        log_head: options.log.head,
        fatal: launch.fatal.iter().map(|f| f.pattern.clone()).collect(),
        grace_ms: u64::try_from(options.grace.as_millis()).unwrap_or(u64::MAX),
        share: options.share.as_ref().map(Share::order),
    };
    let started = Instant::now();
    let link = Link::open(&order, lease.into_descriptor(), log_file).map_err(|e| {
        refuse(StartErrorKind::Keeper {
            reason: e.to_string(),
        })
    })?;
    let mut own = Own {
        name,
        link,
        pid: 0,
        log,
        port,
        grace: options.grace,
    };
    let told = tokio::time::timeout(KEEPER_STARTS, own.link.until(|s| s.started.is_some())).await;
    let outcome = match told.map(|state| state.started) {
        Ok(Some(Ok((pid, _)))) => {
            own.pid = pid;
            own.become_ready(
                &deployment.ready,
                &base,
                deployment.model.as_deref(),
                started,
            )
            .await
        }
        Ok(Some(Err(reason))) => {
            let reason = program::missing_interpreter(&program).unwrap_or(reason);
            Err(StartErrorKind::NotStarted { reason })
        }
        Ok(None) => Err(StartErrorKind::Keeper { reason: own.lost() }),
        Err(_) => {
            let reason = format!("it said nothing for {} s", KEEPER_STARTS.as_secs());
            Err(StartErrorKind::Keeper { reason })
        }
    };
    match outcome {
        Ok(model) => Ok(Ready {
            own,
            base,
            model,
            after: started.elapsed(),
        }),
        Err(kind) => Err(own.roll_back(kind, &base, command).await),
    }
}

impl Own {
    /// Waits for readiness, for the end of the process and for a fatal line, whichever is first.
    async fn become_ready(
        &self,
        ready: &Readiness,
        base: &Base,
        model: Option<&str>,
        started: Instant,
    ) -> Result<Option<String>, StartErrorKind> {
        let waiting = Waiting::default();
        let question = Question {
            base,
            ready,
            model,
            started,
        };
        let steps = async {
            self.listening().await?;
            Ok(waiting.answers(&question).await)
        };
        let limit = ready.within.saturating_sub(started.elapsed());
        tokio::select! {
            biased;
            state = self.link.until(|s| s.fatal.is_some() || s.exit.is_some()) => {
                Err(match (state.fatal, state.exit) {
                    (Some((pattern, line)), _) => StartErrorKind::FatalLog { pattern, line },
                    (None, Some(0)) if !state.running.is_empty() => StartErrorKind::Background {
                        running: state.running,
                    },
                    (None, Some(status)) => StartErrorKind::Exited {
                        status: ExitStatus::from_raw(status),
                        step: waiting.progress().step,
                    },
                    (None, None) => StartErrorKind::Keeper { reason: self.lost() },
                })
            }
            result = tokio::time::timeout(limit, steps) => result.unwrap_or_else(|_| {
                if waiting.progress().step == ReadyStep::Listening {
                    waiting.note(ReadyStep::Listening, None, self.what_listens());
                }
                Err(waiting.timed_out(started.elapsed(), model))
            }),
        }
    }

    /// Until a process of our tree listens on the port. Somebody else's listener is an error when it is seen twice: a
    /// socket of our own that is closed between two readings looks foreign once.
    async fn listening(&self) -> Result<(), StartErrorKind> {
        let mut suspect = None;
        loop {
            let looked = Instant::now();
            match socket::whose(self.port, self.link.keeper) {
                Ok(Ownership::Ours | Ownership::Unreadable(_)) => return Ok(()),
                Ok(Ownership::Nobody) => suspect = None,
                Ok(Ownership::Foreign(listener)) => {
                    if suspect == Some(listener.inode) {
                        let holder = listener.holder();
                        return Err(StartErrorKind::ForeignListener {
                            port: self.port,
                            pid: holder.pid,
                            holder: holder.to_string(),
                        });
                    }
                    suspect = Some(listener.inode);
                }
                Err(e) => {
                    let reason = format!(
                        "neither sock_diag nor /proc/net/tcp can be read, so nobody knows who listens: {e}"
                    );
                    return Err(StartErrorKind::Keeper { reason });
                }
            }
            // On a machine with very many sockets looking itself takes long: at most a fifth of the time is spent on it.
            tokio::time::sleep(LISTENER.max(looked.elapsed() * 4)).await;
        }
    }

    /// What the tree listens on instead of its port, for the error.
    fn what_listens(&self) -> String {
        let listeners = socket::listeners_of_tree(self.link.keeper);
        if listeners.is_empty() {
            return "none of its processes listens on any TCP port".into();
        }
        let shown: Vec<String> = listeners
            .iter()
            .map(|(l, p)| format!("{} (pid {}, {})", l.shown(), p.pid, p.name))
            .collect();
        format!(
            "its processes listen on {}, not on 127.0.0.1:{}",
            shown.join(", "),
            self.port
        )
    }

    /// Why nothing more comes from the keeper.
    fn lost(&self) -> String {
        match self.link.state().gone.and_then(|g| g.status) {
            Some(status) => format!(
                "it ended with {} without saying why",
                exit::in_words(status)
            ),
            None => "it closed its connection".into(),
        }
    }

    /// Stops what was started and tells the whole story.
    async fn roll_back(self, kind: StartErrorKind, base: &Base, command: String) -> StartError {
        let stopped = self.stop().await;
        let mut error = StartError::new(self.name.clone(), kind);
        let context = &mut *error.0;
        context.url = Some(base.url());
        context.pid = (self.pid != 0).then_some(self.pid);
        context.command = Some(command);
        context.tail = log::tail(&self.log, TAIL).unwrap_or_default();
        context.log = Some(self.log.clone());
        if let Err(why) = stopped {
            context.residue = why.parts();
        }
        error
    }

    /// Stops the server and waits until nothing of it is left. Called again, it gives the same answer.
    pub(crate) async fn stop(&self) -> Result<StopReport, StopError> {
        if self.link.is_shared() && self.is_alive() {
            return Ok(self.let_go().await);
        }
        self.end().await
    }

    /// Stops the server, whoever else uses it.
    pub(crate) async fn end(&self) -> Result<StopReport, StopError> {
        if self.link.state().released {
            return Ok(self.let_go().await);
        }
        let asked = Instant::now();
        let ended_before = self.link.state().exit.is_some();
        self.link.request_stop(self.grace);
        let patience = self.grace + teardown::FORCE + teardown::PORT + Duration::from_secs(10);
        let failed = |kind| StopError {
            kind,
            server: self.name.clone(),
            pid: (self.pid != 0).then_some(self.pid),
            port: self.port,
            log: Some(self.log.clone()),
        };
        let told = self
            .link
            .until(|s| s.ending.is_some() && self.link.is_shared());
        let Ok(state) = tokio::time::timeout(patience, told).await else {
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
        Ok(StopReport {
            exit: exit.map(ExitStatus::from_raw),
            ended_before,
            outlived: ending.outlived,
            killed: ending.killed,
            log_lost: ending.log_lost,
            notes: ending.notes,
            shared: false,
            took: asked.elapsed(),
        })
    }

    /// Attaches to a process of a server that is shared; [`Own::greeted`] says whether it is there.
    pub(crate) fn attach(told: &ToldProcess) -> io::Result<Own> {
        Ok(Own {
            name: told.name.clone(),
            link: Link::attach(&told.door, told.keeper.pid)?,
            pid: told.pid,
            log: told.log.clone(),
            port: told.port,
            grace: Duration::from_millis(told.grace_ms),
        })
    }

    /// Waits until the keeper has said what it keeps. `false`: it does not, or its server has ended.
    pub(crate) async fn greeted(&self) -> bool {
        let state = self.link.until(|s| s.started.is_some()).await;
        matches!(state.started, Some(Ok(_))) && self.is_alive()
    }

    /// Lets others attach.
    pub(crate) fn publish(&self) -> io::Result<()> {
        self.link.publish()
    }

    /// What others must know to attach.
    pub(crate) fn told(&self) -> Option<ToldProcess> {
        Some(ToldProcess {
            name: self.name.clone(),
            pid: self.pid,
            port: self.port,
            log: self.log.clone(),
            grace_ms: u64::try_from(self.grace.as_millis()).unwrap_or(u64::MAX),
            keeper: shared::named(self.link.keeper)?,
            door: self.link.door.clone()?,
        })
    }

    /// Gives the lease of a shared server back. Waits for the answer, so that nobody counts this process any more.
    async fn let_go(&self) -> StopReport {
        let asked = Instant::now();
        self.link.release();
        let told = self.link.until(|s| s.released || s.ending.is_some());
        // A keeper that does not answer sees the end of this process instead.
        let _ = tokio::time::timeout(KEEPER_STARTS, told).await;
        StopReport {
            shared: true,
            took: asked.elapsed(),
            ..StopReport::default()
        }
    }

    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.link.state().exit.map(ExitStatus::from_raw)
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

fn find_program(launch: &Launch) -> Result<PathBuf, StartErrorKind> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let set = launch.env.iter().rev().find(|(name, _)| name == "PATH");
    let path = match set {
        Some((_, value)) => value.clone(),
        None => std::env::var_os("PATH"),
    };
    let shown = |p: &OsStr| text::printable(&p.to_string_lossy());
    program::find(&launch.program, path.as_deref(), &here).map_err(|why| match why {
        NotFound::OnPath { folders, nearest } => StartErrorKind::ProgramNotFound {
            program: shown(&launch.program),
            searched: format!("in the {folders} folders of PATH"),
            nearest,
        },
        NotFound::AtPath { path, nearest } => StartErrorKind::ProgramNotFound {
            program: shown(&launch.program),
            searched: format!("(looked for at {})", path.display()),
            nearest: nearest.map(|n| n.display().to_string()),
        },
        NotFound::NotExecutable { path } => StartErrorKind::NotStarted {
            reason: format!(
                "{} is not executable (`chmod +x` makes it so)",
                path.display()
            ),
        },
    })
}

fn lease_port(launch: &Launch, options: &StartOptions) -> Result<PortLease, StartErrorKind> {
    let folder = options
        .lease_folder
        .clone()
        .unwrap_or_else(port::default_folder);
    let lease = match launch.port {
        Some(port) => PortLease::take_exactly(&folder, port),
        None => PortLease::take(
            &folder,
            options.ports.clone().unwrap_or_else(port::default_range),
        ),
    };
    lease.map_err(|error| match error {
        PortError::Folder { path, error } => StartErrorKind::PortLeases {
            folder: path,
            reason: error.to_string(),
        },
        PortError::Exhausted { range, holders } => StartErrorKind::PortsExhausted {
            first: *range.start(),
            last: *range.end(),
            holders,
        },
        PortError::Taken { port, holder } => StartErrorKind::PortTaken { port, holder },
    })
}

type Filled = (Vec<OsString>, Vec<(OsString, Option<OsString>)>);

fn fill(launch: &Launch, values: &Values<'_>) -> Result<Filled, PlaceholderError> {
    let args = launch
        .args
        .iter()
        .map(|a| placeholder::fill(a, values))
        .collect::<Result<_, _>>()?;
    let env = launch
        .env
        .iter()
        .map(|(name, value)| {
            let value = value
                .as_ref()
                .map(|v| placeholder::fill(v, values))
                .transpose()?;
            Ok((name.clone(), value))
        })
        .collect::<Result<_, _>>()?;
    Ok((args, env))
}

/// `server.log` in the evidence folder, or `server-2.log` and so on where earlier servers have theirs.
fn create_log(evidence: &Path) -> Result<(PathBuf, File), (PathBuf, io::Error)> {
    let folder = std::path::absolute(evidence).map_err(|e| (evidence.to_path_buf(), e))?;
    std::fs::create_dir_all(&folder).map_err(|e| (folder.clone(), e))?;
    let mut number = 1_u32;
    loop {
        let path = match number {
            1 => folder.join("server.log"),
            n => folder.join(format!("server-{n}.log")),
        };
        match OpenOptions::new().append(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err((path, e)),
        }
    }
}
