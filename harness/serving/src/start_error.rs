//! Why a server did not start, in words that a newcomer can act on.
//!
//! Every error names the server, its pid, its URL and its log, shows the last lines of that log, and says what to do.
//! The kinds are for programs (`match`), the display is for people; neither is made from the other's text.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::process::ProcessInfo;
use crate::{cause, exit, text};

/// A step on the way to "ready", in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadyStep {
    /// A process of the server's tree listens on the port.
    Listening,
    /// The health route answers 200.
    Health,
    /// The list of models has the model.
    Models,
    /// One real request for one token succeeds.
    OneToken,
}

impl fmt::Display for ReadyStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReadyStep::Listening => "a process of the server listens on its port",
            ReadyStep::Health => "the health route answers 200",
            ReadyStep::Models => "the list of models has the model",
            ReadyStep::OneToken => "a request for one token succeeds",
        })
    }
}

/// What kept a server from becoming ready.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartErrorKind {
    /// Servers can only be started on Linux.
    Unsupported,
    /// Settings of a command were given for a server that is only reached by URL.
    Misplaced {
        /// The methods of the builder that do not apply.
        settings: Vec<&'static str>,
    },
    /// An argument or a variable has a placeholder that cannot be filled in.
    Placeholder {
        /// Which text, which placeholder, and which ones are known.
        reason: String,
    },
    /// There is no such program.
    ProgramNotFound {
        /// As the deployment names it.
        program: String,
        /// Where it was looked for.
        searched: String,
        /// The most similar program that is there.
        nearest: Option<String>,
    },
    /// The program is there but could not be run.
    NotStarted {
        /// What the system said.
        reason: String,
    },
    /// The evidence folder or the log cannot be written.
    Evidence {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The keeper of the server could not be started, or ended without being asked.
    Keeper {
        /// What is known of it.
        reason: String,
    },
    /// The port leases of this machine cannot be used.
    PortLeases {
        /// Their folder.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Every port of the range is taken.
    PortsExhausted {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
        /// Some of the holders, in words.
        holders: Vec<String>,
    },
    /// The port that the deployment insists on is taken.
    PortTaken {
        /// The port.
        port: u16,
        /// Its holder, in words.
        holder: String,
    },
    /// The server ended before it was ready.
    Exited {
        /// How.
        status: ExitStatus,
        /// The step that was waited for.
        step: ReadyStep,
    },
    /// The server logged a line that the deployment calls fatal.
    FatalLog {
        /// The pattern of the deployment.
        pattern: String,
        /// The line.
        line: String,
    },
    /// Somebody else's process answers on the server's port.
    ForeignListener {
        /// The port.
        port: u16,
        /// The process, where it can be told.
        pid: Option<u32>,
        /// Pid and command line, in words.
        holder: String,
    },
    /// The server did not become ready in time.
    NotReady {
        /// The step that was not reached.
        step: ReadyStep,
        /// How long it was waited for.
        waited: Duration,
        /// The last status of the route, where there was an answer.
        status: Option<u16>,
        /// The last thing that was seen of this step, in words.
        last: String,
    },
    /// The server lists models, but not the one of the deployment.
    ModelMissing {
        /// The model of the deployment.
        wanted: String,
        /// What the server lists.
        served: Vec<String>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The command ended with success while processes that it had started ran on: it put its server into the background.
    Background {
        /// What still ran; it has been stopped.
        running: Vec<ProcessInfo>,
    },
    /// The folder in which processes meet that share servers cannot be used.
    Sharing {
        /// The folder.
        folder: PathBuf,
        /// What was tried, and what the system said.
        reason: String,
    },
    /// The server is shared, and the process that started it for all has failed.
    FailedElsewhere {
        /// That process.
        pid: u32,
        /// Its error, whole.
        text: String,
    },
}

/// Why a server did not start. Everything that was started has been stopped again when this error is returned.
#[derive(Clone)]
pub struct StartError(pub(crate) Box<Context>);

#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub kind: StartErrorKind,
    pub server: String,
    pub url: Option<String>,
    pub pid: Option<u32>,
    pub command: Option<String>,
    pub log: Option<PathBuf>,
    pub tail: String,
    /// What the clean-up afterwards could not remove, in words.
    pub residue: Vec<String>,
}

impl StartError {
    pub(crate) fn new(server: String, kind: StartErrorKind) -> Self {
        Self(Box::new(Context {
            kind,
            server,
            url: None,
            pid: None,
            command: None,
            log: None,
            tail: String::new(),
            residue: Vec::new(),
        }))
    }

    /// What went wrong, for programs.
    pub fn kind(&self) -> &StartErrorKind {
        &self.0.kind
    }

    /// The name of the server.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The pid that the server had, if it came that far.
    pub fn pid(&self) -> Option<u32> {
        self.0.pid
    }

    /// The server's log, if it came that far.
    pub fn log_path(&self) -> Option<&Path> {
        self.0.log.as_deref()
    }

    /// The likely cause, guessed from the log and from how the server ended.
    pub fn likely_cause(&self) -> Option<&'static str> {
        let exit = match &self.0.kind {
            StartErrorKind::Exited { status, .. } => Some(*status),
            _ => None,
        };
        cause::likely(&self.0.tail, exit)
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A test that unwraps shows the whole story, readable.
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &*self.0;
        write!(f, "server `{}` did not start: {}", c.server, c.kind)?;
        let mut field = |name: &str, value: &dyn fmt::Display| write!(f, "\n  {name:<8} {value}");
        if let Some(url) = &c.url {
            field("url", url)?;
        }
        if let Some(pid) = &c.pid {
            field("pid", pid)?;
        }
        if let Some(command) = &c.command {
            field("command", command)?;
        }
        for residue in &c.residue {
            field("left", residue)?;
        }
        if let Some(log) = &c.log {
            field("log", &log.display())?;
            if c.tail.is_empty() {
                write!(f, " (empty: the server wrote nothing)")?;
            }
            for line in c.tail.lines() {
                write!(f, "\n    | {line}")?;
            }
        }
        if let Some(cause) = self.likely_cause() {
            write!(f, "\n  likely   {cause}")?;
        }
        if let Some(advice) = c.kind.advice() {
            write!(f, "\n  to do    {advice}")?;
        }
        Ok(())
    }
}

impl fmt::Display for StartErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use StartErrorKind as K;
        match self {
            K::Unsupported => {
                f.write_str("starting servers is not supported on this system, only on Linux")
            }
            K::Misplaced { settings } => write!(
                f,
                "it is reached by URL, but `{}` was set, which only a server that is started has",
                settings.join("`, `")
            ),
            K::Placeholder { reason } => f.write_str(reason),
            K::ProgramNotFound {
                program,
                searched,
                nearest,
            } => {
                write!(f, "there is no program `{program}` {searched}")?;
                nearest
                    .as_ref()
                    .map_or(Ok(()), |n| write!(f, "; did you mean `{n}`?"))
            }
            K::NotStarted { reason } => write!(f, "the program could not be run: {reason}"),
            K::Evidence { path, reason } => {
                write!(
                    f,
                    "its log cannot be written to {}: {reason}",
                    path.display()
                )
            }
            K::Keeper { reason } => write!(f, "its keeper failed: {reason}"),
            K::PortLeases { folder, reason } => {
                write!(
                    f,
                    "the port leases in {} cannot be used: {reason}",
                    folder.display()
                )
            }
            K::PortsExhausted {
                first,
                last,
                holders,
            } => {
                write!(f, "every port from {first} to {last} is taken")?;
                for (i, holder) in holders.iter().enumerate() {
                    write!(f, "{}{holder}", if i == 0 { ": " } else { "; " })?;
                }
                Ok(())
            }
            K::PortTaken { port, holder } => write!(f, "its port {port} is not free: {holder}"),
            K::Exited { status, step } => {
                write!(f, "it ended with {} before {step}", exit::in_words(*status))
            }
            K::FatalLog { pattern, line } => {
                write!(f, "it logged a fatal line (pattern `{pattern}`): {line}")
            }
            K::ForeignListener { port, holder, .. } => {
                write!(f, "port {port} is answered by somebody else: {holder}")
            }
            K::NotReady {
                step, waited, last, ..
            } => {
                write!(
                    f,
                    "not ready after {}: still waiting until {step}; {last}",
                    text::seconds(*waited)
                )
            }
            K::ModelMissing {
                wanted,
                served,
                waited,
            } => {
                write!(
                    f,
                    "it does not serve `{wanted}` after {}",
                    text::seconds(*waited)
                )?;
                if served.is_empty() {
                    return write!(f, "; its list of models is empty");
                }
                write!(f, "; it serves `{}`", served.join("`, `"))?;
                text::nearest(wanted, served.iter().map(String::as_str))
                    .map_or(Ok(()), |n| write!(f, "; did you mean `{n}`?"))
            }
            K::Background { running } => {
                let (first, more) = running
                    .split_first()
                    .map_or((None, 0), |(p, m)| (Some(p), m.len()));
                f.write_str("its command forked into the background and ended")?;
                if let Some(p) = first {
                    write!(f, " (pid {} ({}) still ran", p.pid, p.name)?;
                    if more > 0 {
                        write!(f, ", and {more} more")?;
                    }
                    f.write_str(")")?;
                }
                Ok(())
            }
            K::Sharing { folder, reason } => write!(
                f,
                "it cannot be shared by way of {}: {reason}",
                folder.display()
            ),
            K::FailedElsewhere { pid, text } => write!(
                f,
                "pid {pid} tried to start it for everybody who shares it, and failed; it is not tried again. The error was:\n{text}"
            ),
        }
    }
}

impl StartErrorKind {
    /// What to do next, where it is not clear from what happened.
    fn advice(&self) -> Option<&'static str> {
        use StartErrorKind as K;
        Some(match self {
            K::ProgramNotFound { .. } => {
                "install it, put its folder on PATH, or give its path in the deployment"
            }
            K::Keeper { .. } => {
                "the program's `main` must call `tribunal_serving::verb` before anything else (`tribunal::main!()` does)"
            }
            K::PortsExhausted { .. } => {
                "end the servers that hold the ports, or allow a wider range"
            }
            K::PortTaken { .. } => {
                "end that process, or let a free port be leased by not fixing one"
            }
            K::ForeignListener { .. } => {
                "end that process; without a fixed port, another one is leased next time"
            }
            K::NotReady {
                step: ReadyStep::Listening,
                ..
            } => {
                "does the command use {host} and {port}? if it only needs longer, raise `ready_within`"
            }
            K::NotReady {
                step: ReadyStep::Health,
                status: Some(404),
                ..
            } => {
                "if the server has another health route, name it with `health`, or use `no_health`"
            }
            K::NotReady {
                step: ReadyStep::Models,
                status: Some(404),
                ..
            } => {
                "if the server has another route for its models, name it with `models_route`, or use `no_models_route`"
            }
            K::NotReady {
                step: ReadyStep::OneToken,
                ..
            } => {
                "if the server cannot answer chat or completion requests, switch this check off with `one_token(false)`"
            }
            K::NotReady { .. } => "if the server only needs longer, raise `ready_within`",
            K::ModelMissing { .. } => {
                "give the deployment the name that the server lists, or the server that name"
            }
            K::Background { .. } => {
                "start it in the foreground: leave out the option that makes it a daemon (`--daemon`, `&`, `nohup`)"
            }
            K::Sharing { .. } => {
                "give the share a folder on this machine that belongs to this user"
            }
            _ => return None,
        })
    }
}
