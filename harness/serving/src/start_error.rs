//! Why a server did not start, in words that a newcomer can act on.
//!
//! Every error names the server, its pid, its URL and its log, shows the last lines of that log, and says what to do.
//! The kinds are for programs (`match`), the display is for people; neither is made from the other's text.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::cause::{self, Cause};
use crate::mask::without_secrets;
use crate::start_error_kind::StartErrorKind;

/// Why a server did not start. Everything that was started has been stopped again when this error is returned.
#[derive(Clone)]
pub struct StartError(pub(crate) Box<Context>);

#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub kind: StartErrorKind,
    pub server: String,
    /// The process that failed, where it is not the one whose port answers.
    pub part: Option<String>,
    pub url: Option<String>,
    pub pid: Option<u32>,
    pub command: Option<String>,
    pub log: Option<PathBuf>,
    pub tail: String,
    /// What the clean-up afterwards could not remove, in words.
    pub residue: Vec<String>,
    /// The logs of the other processes that had been started, by name.
    pub beside: Vec<(String, PathBuf)>,
    /// What the deployment says of the fatal line that was found.
    pub told_cause: Option<String>,
    /// What was done before, for example a start on another port.
    pub notes: Vec<String>,
}

impl StartError {
    pub(crate) fn new(server: String, kind: StartErrorKind) -> Self {
        Self(Box::new(Context {
            kind,
            server,
            part: None,
            url: None,
            pid: None,
            command: None,
            log: None,
            tail: String::new(),
            residue: Vec::new(),
            beside: Vec::new(),
            told_cause: None,
            notes: Vec::new(),
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

    /// The part of the deployment that failed; `None` where it is the process whose port answers, or the deployment as a whole.
    pub fn part(&self) -> Option<&str> {
        self.0.part.as_deref()
    }

    /// The likely cause, guessed from the log and from how the server ended.
    pub fn cause(&self) -> Option<Cause> {
        let exit = match &self.0.kind {
            StartErrorKind::Exited { status, .. } | StartErrorKind::Lost { status } => {
                Some(*status)
            }
            _ => None,
        };
        let line = match &self.0.kind {
            StartErrorKind::FatalLog { line, .. } | StartErrorKind::PortInUse { line, .. } => {
                cause::of_line(line)
            }
            _ => None,
        };
        line.or_else(|| cause::likely(&self.0.tail, exit))
    }

    /// The likely cause in words: those of the deployment for a fatal line that it knows, else those of [`StartError::cause`].
    pub fn likely_cause(&self) -> Option<&str> {
        match &self.0.told_cause {
            Some(told) => Some(told),
            None => self.cause().map(Cause::words),
        }
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
        write!(f, "server `{}` did not start: ", c.server)?;
        if let Some(part) = &c.part {
            write!(f, "its part `{part}`: ")?;
        }
        // A deployment puts variables into addresses, folders and arguments.
        write!(f, "{}", without_secrets(&c.kind.to_string()))?;
        let mut field = |name: &str, value: &dyn fmt::Display| write!(f, "\n  {name:<8} {value}");
        if let Some(url) = &c.url {
            field("url", &without_secrets(url))?;
        }
        if let Some(pid) = &c.pid {
            field("pid", pid)?;
        }
        if let Some(command) = &c.command {
            field("command", &without_secrets(command))?;
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
        for (name, log) in &c.beside {
            write!(f, "\n  log of `{name}`: {}", log.display())?;
        }
        for note in &c.notes {
            write!(f, "\n  before   {note}")?;
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
