//! What can keep a server from becoming ready: one kind per thing that a person would do something else about.
//!
//! Data for programs, with its words beside it, so that a new kind cannot be added without them.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::process::ProcessInfo;
use crate::{exit, text};

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
    /// A part of the deployment has a name that cannot be used.
    PartName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A regular expression of the deployment does not parse.
    FatalPattern {
        /// The expression.
        pattern: String,
        /// Where and why not.
        reason: String,
    },
    /// The variable that holds the key of a server that runs already is missing, empty, or no text that a header can carry.
    Key {
        /// The variable.
        variable: String,
        /// What is wrong with it; never its value.
        reason: &'static str,
        /// The most similar variable that is set.
        nearest: Option<String>,
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
    /// A container is asked for, and no program that could run one is on `PATH`.
    NoRuntime {
        /// The programs that were looked for.
        searched: Vec<String>,
        /// The image.
        image: String,
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
        /// How many contiguous ports were asked for.
        count: u16,
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
    /// A process that was ready already ended while the others were still starting.
    Lost {
        /// How.
        status: ExitStatus,
    },
    /// The server says in its log that an address is in use, and does not listen on its port.
    PortInUse {
        /// Its port.
        port: u16,
        /// The line.
        line: String,
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
    /// What it needs of this machine (its devices) was not to be had.
    NotPrepared {
        /// Why.
        reason: String,
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

impl fmt::Display for StartErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use StartErrorKind as K;
        match self {
            K::Unsupported => {
                f.write_str("starting servers is not supported on this system, only on Linux")
            }
            K::Misplaced { settings } if *settings == ["through"] => write!(
                f,
                "it is reached by URL or runs in a container, and can therefore not be started through another program of ours"
            ),
            K::Misplaced { settings } => write!(
                f,
                "it is reached by URL, but `{}` was set, which only a server that is started has",
                settings.join("`, `")
            ),
            K::PartName { name, reason } => {
                write!(f, "`{name}` cannot be the name of a part: {reason}")
            }
            K::FatalPattern { pattern, reason } => write!(
                f,
                "the expression `{pattern}` that is to find a fatal line does not parse: {reason}"
            ),
            K::Key {
                variable,
                reason,
                nearest,
            } => {
                write!(
                    f,
                    "its key should be in the variable `{variable}`, which {reason}"
                )?;
                nearest
                    .as_ref()
                    .map_or(Ok(()), |n| write!(f, "; did you mean `{n}`?"))
            }
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
            K::NoRuntime { searched, image } => write!(
                f,
                "the image `{image}` needs a container runtime, and `{}` is not on PATH",
                searched.join("` or `")
            ),
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
                count,
                holders,
            } => {
                match count {
                    1 => write!(f, "every port from {first} to {last} is taken")?,
                    n => write!(
                        f,
                        "no {n} neighbouring ports are free from {first} to {last}"
                    )?,
                }
                for (i, holder) in holders.iter().enumerate() {
                    write!(f, "{}{holder}", if i == 0 { ": " } else { "; " })?;
                }
                Ok(())
            }
            K::PortTaken { port, holder } => write!(f, "its port {port} is not free: {holder}"),
            K::Exited { status, step } => {
                write!(f, "it ended with {} before {step}", exit::in_words(*status))
            }
            K::Lost { status } => write!(
                f,
                "it was ready, and ended with {} while the others were starting",
                exit::in_words(*status)
            ),
            K::PortInUse { port, line } => write!(
                f,
                "it does not listen on its port {port} and says that an address is in use: {line}"
            ),
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
            K::NotPrepared { reason } => f.write_str(reason),
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
