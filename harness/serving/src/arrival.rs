//! The time between the start of a process of ours and its readiness, with everything that can end it early.
//!
//! Readiness itself is [`crate::readiness`]; here is what only a process of our own has: whose socket listens, a log that says what is wrong,
//! an end. All of it is watched at once, and whichever comes first decides.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::cause;
use crate::container::{self, Handle};
use crate::launch::Readiness;
use crate::log;
use crate::own::Own;
use crate::progress::{self, Tell};
use crate::readiness::{Question, Waiting};
use crate::socket::{self, Ownership};
use crate::start_error_kind::{ReadyStep, StartErrorKind};

/// How often the listener is looked at.
const LISTENER: Duration = Duration::from_millis(5);
/// How long a process of which only life is asked must have lived: one with a wrong argument ends at once.
const SETTLES: Duration = Duration::from_millis(200);
/// How often the log is looked at for a port that is taken.
const LOG: Duration = Duration::from_millis(500);
/// How long a server may take, after it has said that an address is in use, to listen on its port all the same.
const RECOVERS: Duration = Duration::from_secs(2);
/// How many of the last lines of the log are looked at.
const LINES: usize = 50;
/// How often and how long the runtime is asked for the ports of a container.
const ASK: Duration = Duration::from_millis(100);
const ANSWER: Duration = Duration::from_secs(5);

/// Waits for readiness, for the end of the process and for a fatal line, whichever is first.
pub(crate) async fn wait(
    own: &Own,
    model: Option<&str>,
    tell: &Tell,
) -> Result<Option<String>, StartErrorKind> {
    let waiting = Waiting::default();
    let ready = &own.ready;
    let question = Question {
        base: &own.base,
        ready,
        model,
        started: own.started,
        key: None,
        reached: false,
    };
    let steps = async {
        if ready.listens {
            listening(own).await?;
        }
        if asks_nothing(ready) {
            tokio::time::sleep(SETTLES).await;
        }
        let model = waiting.answers(&question).await?;
        // Who listens may have changed while it answered: with SO_REUSEPORT somebody else can come beside it.
        if ready.listens && own.container.is_none() {
            listening(own).await?;
        }
        Ok(model)
    };
    let limit = ready.within.saturating_sub(own.started.elapsed());
    tokio::select! {
        biased;
        state = own.link.until(|s| s.fatal.is_some() || s.exit.is_some()) => {
            Err(match (state.fatal, state.exit) {
                (Some((pattern, line)), _) => StartErrorKind::FatalLog { pattern, line },
                (None, Some(0)) if !state.running.is_empty() => StartErrorKind::Background {
                    running: state.running,
                },
                (None, Some(status)) => StartErrorKind::Exited {
                    status: ExitStatus::from_raw(status),
                    step: waiting.progress().step,
                },
                (None, None) => StartErrorKind::Keeper { reason: own.lost() },
            })
        }
        result = tokio::time::timeout(limit, steps) => result.unwrap_or_else(|_| {
            if waiting.progress().step == ReadyStep::Listening {
                waiting.note(ReadyStep::Listening, None, what_listens(own));
            }
            Err(waiting.timed_out(own.started.elapsed(), model))
        }),
        line = port_trouble(own) => Err(StartErrorKind::PortInUse { port: own.base.port, line }),
        never = progress::tell(&own.name, &waiting, own.started, ready.within, tell) => match never {},
    }
}

fn asks_nothing(ready: &Readiness) -> bool {
    !ready.listens && ready.health.is_none() && ready.models.is_none() && !ready.one_token
}

/// Until the log says that an address is in use and the port of the process stays without a listener of its own. A server that says so of
/// another port, or tries again, is left to its time.
async fn port_trouble(own: &Own) -> String {
    let mut since: Option<(Instant, String)> = None;
    loop {
        tokio::time::sleep(LOG).await;
        let tail = log::tail(&own.log, LINES).unwrap_or_default();
        let ours = matches!(
            socket::whose(own.base.port, own.link.keeper),
            Ok(Ownership::Ours | Ownership::Unreadable(_))
        );
        match (cause::port_line(&tail), since.take()) {
            (Some(line), seen) if !ours && own.ready.listens && own.container.is_none() => {
                let (at, line) = seen.unwrap_or_else(|| (Instant::now(), line.into()));
                if at.elapsed() >= RECOVERS {
                    return line;
                }
                since = Some((at, line));
            }
            _ => {}
        }
    }
}

/// Until a process of our tree listens on the port. Somebody else's listener is an error when it is seen twice: a
/// socket of our own that is closed between two readings looks foreign once.
async fn listening(own: &Own) -> Result<(), StartErrorKind> {
    let port = own.base.port;
    let mut suspect = None;
    loop {
        let looked = Instant::now();
        let seen = match &own.container {
            None => socket::whose(port, own.link.keeper),
            Some(handle) => whose_container(handle, port).await,
        };
        match seen {
            Ok(Ownership::Ours | Ownership::Unreadable(_)) => return Ok(()),
            Ok(Ownership::Nobody) => suspect = None,
            Ok(Ownership::Foreign(listener)) => {
                if suspect == Some(listener.inode) {
                    let holder = listener.holder();
                    return Err(StartErrorKind::ForeignListener {
                        port,
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
        let pause = if own.container.is_some() {
            ASK
        } else {
            LISTENER
        };
        tokio::time::sleep(pause.max(looked.elapsed() * 4)).await;
    }
}

/// The listener of a published port is a process of the runtime's daemon and not of our tree: it is ours when the runtime says that our
/// container's id publishes the port. On the host's network whoever listens counts, since nothing tells whose it is.
async fn whose_container(handle: &Handle, port: u16) -> std::io::Result<Ownership> {
    if socket::listeners_on(port)?.is_empty() {
        return Ok(Ownership::Nobody);
    }
    if !handle.published {
        return Ok(Ownership::Ours);
    }
    let Some(id) = handle.id() else {
        return Ok(Ownership::Nobody);
    };
    let mut command = tokio::process::Command::from(handle.port_command(&id));
    command.kill_on_drop(true);
    match tokio::time::timeout(ANSWER, command.output()).await {
        Ok(Ok(out)) if container::publishes(&String::from_utf8_lossy(&out.stdout), port) => {
            Ok(Ownership::Ours)
        }
        // Not yet, or the runtime is busy: the time limit of the start decides.
        _ => Ok(Ownership::Nobody),
    }
}

/// What the tree listens on instead of its port, for the error.
fn what_listens(own: &Own) -> String {
    if own.container.is_some() {
        return "the container does not publish its port, or nothing listens on it".into();
    }
    let listeners = socket::listeners_of_tree(own.link.keeper);
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
        own.base.port
    )
}
