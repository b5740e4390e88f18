//! The processes of one deployment: started in order, watched together, stopped in reverse.
//!
//! A deployment of one command is a group of one. While one process is waited for, the others are watched: the death of any of them ends
//! the start at once, because whoever waits for it would wait until the time is over. A start that fails leaves nothing; one that fails because a
//! leased port was taken by somebody who knows nothing of leases is made once more, as a whole and on other ports, because the
//! other processes were told the old ones.

use std::future::Future;
use std::process::ExitStatus;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::cause;
use crate::deployment::Deployment;
use crate::launch::{Launch, Readiness};
use crate::log;
use crate::options::StartOptions;
use crate::own::Own;
use crate::plan::{self, Planned};
use crate::process::{ProcessInfo, ProcessSignal};
use crate::server::RunningPart;
use crate::start_error::StartError;
use crate::start_error_kind::StartErrorKind;
use crate::stop_error::StopError;
use crate::stop_report::{ProcessStop, StopReport};
use crate::url::Base;

/// How many of the last lines of a log are looked at for a port that is taken: more than are shown, because engines of many processes say much
/// while they end.
const LINES: usize = 100;

/// Processes that run.
#[derive(Debug)]
pub(crate) struct Group {
    /// In the order of their start.
    members: Vec<Own>,
    /// Which of them is the one whose port answers.
    main: usize,
    parts: Vec<RunningPart>,
}

/// A deployment that has become ready.
pub(crate) struct Ready {
    pub group: Group,
    pub base: Base,
    pub model: Option<String>,
    pub after: Duration,
    pub notes: Vec<String>,
}

/// A start that failed, and the ports with which it may be made once more, and why.
struct Failed {
    error: StartError,
    again: Option<(Vec<u16>, String)>,
}

/// Starts everything and waits until all of it is ready.
pub(crate) async fn start(
    deployment: &Deployment,
    launch: &Launch,
    options: &StartOptions,
) -> Result<Ready, StartError> {
    let first = match attempt(deployment, launch, options, &[]).await {
        Ok(ready) => return Ok(ready),
        Err(failed) => failed,
    };
    let Some((ports, note)) = first.again else {
        return Err(first.error);
    };
    match attempt(deployment, launch, options, &ports).await {
        Ok(mut ready) => {
            ready.notes.insert(0, note);
            Ok(ready)
        }
        // Where there is no other port, the first story is the one that says something.
        Err(Failed { error, .. })
            if matches!(error.kind(), StartErrorKind::PortsExhausted { .. }) =>
        {
            Err(first.error)
        }
        Err(Failed { mut error, .. }) => {
            error.0.notes.push(note);
            Err(error)
        }
    }
}

async fn attempt(
    deployment: &Deployment,
    launch: &Launch,
    options: &StartOptions,
    avoid: &[u16],
) -> Result<Ready, Failed> {
    let name = deployment.display_name();
    let refused = |error| Failed { error, again: None };
    let planned = plan::prepare(deployment, launch, options, avoid).map_err(|refusal| {
        let mut error = StartError::new(name.clone(), refusal.kind);
        error.0.part = refusal.part;
        refused(error)
    })?;
    let ports: Vec<u16> = planned.iter().flat_map(leased).collect();
    let notes = planned.iter().filter_map(note).collect();
    let main = planned.iter().position(|p| p.part.is_none()).unwrap_or(0);
    let started = Instant::now();
    let mut members: Vec<Own> = Vec::new();
    let mut model = None;
    let mut failure = None;
    for next in planned {
        match Own::launch(&name, next, &options.held) {
            Ok(own) => members.push(own),
            Err(error) => {
                failure = Some(Err(*error));
                break;
            }
        }
        let Some((current, earlier)) = members.split_last() else {
            break;
        };
        let outcome = tokio::select! {
            biased;
            (index, kind) = first_end(earlier) => Err((index, kind)),
            ready = current.become_ready(deployment.model.as_deref(), &options.progress) => {
                ready.map_err(|kind| (earlier.len(), kind))
            }
        };
        match outcome {
            Ok(found) if earlier.len() == main => model = found,
            Ok(_) => {}
            Err(who_and_why) => {
                failure = Some(Ok(who_and_why));
                break;
            }
        }
    }
    // Those of which only life is asked must still have it.
    let ended = || {
        members
            .iter()
            .enumerate()
            .find_map(|(i, m)| Some((i, m.trouble()?)))
    };
    let failure = failure.or_else(|| ended().map(Ok));
    match failure {
        None => {
            let after = started.elapsed();
            let parts = members.iter().filter_map(running_part).collect();
            let base = members[main].base.clone();
            let model = model.or_else(|| deployment.model.clone());
            let group = Group {
                members,
                main,
                parts,
            };
            Ok(Ready {
                group,
                base,
                model,
                after,
                notes,
            })
        }
        Some(Err(mut error)) => {
            error.0.residue = roll_back(&members).await;
            error.0.beside = logs_beside(&members, members.len());
            Err(refused(error))
        }
        Some(Ok((index, kind))) => {
            let residue = roll_back(&members).await;
            let culprit = &members[index];
            let again = again(&kind, culprit, ports);
            let mut error = culprit.story(&name, kind);
            error.0.residue = residue;
            error.0.beside = logs_beside(&members, index);
            Err(Failed { error, again })
        }
    }
}

/// Which of them ends or logs a fatal line first, and how.
async fn first_end(members: &[Own]) -> (usize, StartErrorKind) {
    let mut ends: Vec<_> = members.iter().map(|m| Box::pin(m.ends())).collect();
    std::future::poll_fn(move |cx| {
        for (i, end) in ends.iter_mut().enumerate() {
            if let Poll::Ready(kind) = end.as_mut().poll(cx) {
                return Poll::Ready((i, kind));
            }
        }
        Poll::Pending
    })
    .await
}

/// Stops everything in reverse order; what is left, in words.
async fn roll_back(members: &[Own]) -> Vec<String> {
    let mut residue = Vec::new();
    for member in members.iter().rev() {
        let left = member
            .end()
            .await
            .map_or_else(|e| e.parts(), |_| Vec::new());
        residue.extend(left.into_iter().map(|l| match &member.part {
            Some(part) => format!("`{part}`: {l}"),
            None => l,
        }));
    }
    residue
}

/// Whether a start that failed like this is made once more: a port that was leased and that somebody else has.
fn again(kind: &StartErrorKind, culprit: &Own, ports: Vec<u16>) -> Option<(Vec<u16>, String)> {
    if culprit.fixed {
        return None;
    }
    let what = match kind {
        StartErrorKind::PortInUse { line, .. } => format!("its log says: {line}"),
        StartErrorKind::ForeignListener { holder, .. } => format!("it is answered by {holder}"),
        StartErrorKind::Exited { .. } => {
            let tail = log::tail(&culprit.log, LINES).unwrap_or_default();
            format!("its log says: {}", cause::port_line(&tail)?)
        }
        _ => return None,
    };
    let note = format!(
        "`{}` was started once more on another port, because port {} was taken: {what}",
        culprit.name, culprit.base.port
    );
    Some((ports, note))
}

fn leased(planned: &Planned) -> std::ops::RangeInclusive<u16> {
    planned.lease.port..=planned.lease.port + (planned.lease.count - 1)
}

/// What is not checked of this process.
fn note(planned: &Planned) -> Option<String> {
    let handle = planned.order.container.as_ref()?;
    let unchecked = planned.ready.listens && !handle.published;
    unchecked.then(|| {
        let name = planned.part.as_deref().unwrap_or(plan::SERVER);
        format!("`{name}` runs in a container on the host's network: whose listener answers was not checked")
    })
}

fn logs_beside(members: &[Own], culprit: usize) -> Vec<(String, std::path::PathBuf)> {
    let others = members.iter().enumerate().filter(|(i, _)| *i != culprit);
    others
        .map(|(_, m)| (m.process_name().to_string(), m.log.clone()))
        .collect()
}

fn running_part(own: &Own) -> Option<RunningPart> {
    Some(RunningPart {
        name: own.part.clone()?,
        pid: own.pid()?,
        url: own.ready.listens.then(|| own.base.url()),
        log: own.log.clone(),
    })
}

impl Group {
    fn main(&self) -> &Own {
        &self.members[self.main]
    }

    /// A server that another process has started; `None` where no process of it is known to answer.
    pub(crate) fn attached(members: Vec<Own>) -> Option<Group> {
        let main = members.iter().position(|m| m.part.is_none())?;
        let parts = members.iter().filter_map(running_part).collect();
        Some(Group {
            members,
            main,
            parts,
        })
    }

    pub(crate) fn members(&self) -> &[Own] {
        &self.members
    }

    /// What must hold for the process whose port answers.
    pub(crate) fn ready(&self) -> &Readiness {
        &self.main().ready
    }

    /// Where it answers.
    pub(crate) fn base(&self) -> &Base {
        &self.main().base
    }

    /// Stops everything in reverse order of its start and waits until nothing is left, or lets go of it if it is shared. Called again, it gives
    /// the same answer.
    pub(crate) async fn stop(&self) -> Result<StopReport, StopError> {
        self.each(async |member| member.stop().await).await
    }

    /// Stops everything, whoever else uses it.
    pub(crate) async fn end(&self) -> Result<StopReport, StopError> {
        self.each(async |member| member.end().await).await
    }

    async fn each(
        &self,
        stop: impl AsyncFn(&Own) -> Result<ProcessStop, StopError>,
    ) -> Result<StopReport, StopError> {
        let asked = Instant::now();
        let mut report = StopReport::default();
        let mut failed: Option<StopError> = None;
        for (i, member) in self.members.iter().enumerate().rev() {
            match stop(member).await {
                Ok(stop) => report.add(stop, i == self.main),
                // One that does not end cleanly keeps nobody else from being stopped.
                Err(error) => match &mut failed {
                    Some(first) => first.also.push(error),
                    None => failed = Some(error),
                },
            }
        }
        report.took = asked.elapsed();
        failed.map_or(Ok(report), Err)
    }

    /// Whether other processes use it as well.
    pub(crate) fn is_shared(&self) -> bool {
        self.members.iter().any(Own::is_shared)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.main().pid()
    }

    pub(crate) fn log(&self) -> &std::path::Path {
        &self.main().log
    }

    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.main().exit_status()
    }

    /// The first process that has ended: its name, and how.
    pub(crate) fn ended(&self) -> Option<(String, Option<ExitStatus>)> {
        let ended = self.members.iter().find(|m| !m.is_alive())?;
        Some((ended.process_name().into(), ended.exit_status()))
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.members.iter().all(Own::is_alive)
    }

    pub(crate) fn processes(&self) -> Vec<ProcessInfo> {
        self.members.iter().flat_map(Own::processes).collect()
    }

    /// Only to one that is found in the tree at this moment.
    pub(crate) fn signal(
        &self,
        process: &ProcessInfo,
        signal: ProcessSignal,
    ) -> std::io::Result<bool> {
        let same = |p: &ProcessInfo| (p.pid, p.start_time) == (process.pid, process.start_time);
        if !self.processes().iter().any(same) {
            return Ok(false);
        }
        crate::process::signal(process, signal.into())
    }

    /// All of them, or none: half a deployment in groups is not told from a whole one.
    pub(crate) fn control_groups(&self) -> Vec<std::path::PathBuf> {
        let groups: Option<Vec<_>> = self.members.iter().map(Own::control_group).collect();
        groups.unwrap_or_default()
    }

    pub(crate) fn parts(&self) -> &[RunningPart] {
        &self.parts
    }
}
