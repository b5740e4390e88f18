//! Starting a server that is shared, or attaching to the one that is there.
//!
//! Whoever holds the lock may start; everybody else looks for the file that tells of the server, and attaches to every
//! keeper it names. A file whose keepers do not answer is stale, whoever wrote it. A start that fails is written
//! down before the lock is given back: those that waited, and those that come later in the same run, get the same error
//! instead of trying again one after another. A leader that is elected once and serves the others was rejected: it would
//! have to be a test process, and those end at any time.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::launch::Readiness;
use crate::options::StartOptions;
use crate::own::Own;
use crate::process::Stat;
use crate::server::{Server, SharedServer};
use crate::share::{LEAKED, Runner, Share, make_private};
use crate::start_error::StartError;
use crate::start_error_kind::StartErrorKind;
use crate::sys;

/// How often those that wait look again.
const LOOK: Duration = Duration::from_millis(10);
/// How long a keeper may take to greet.
const GREETING: Duration = Duration::from_secs(30);
/// How long a server that is being stopped is waited for, beyond its grace period, before another one is started.
const ENDING: Duration = Duration::from_secs(20);
/// What stands in these files is short; more is not read.
const LONGEST: u64 = 1 << 20;

/// What others must know of a server to use it.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    server: SharedServer,
    processes: Vec<ToldProcess>,
}

/// One process of a deployment, and where its keeper is met.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ToldProcess {
    pub name: String,
    /// `None`: the process whose port answers.
    pub part: Option<String>,
    pub port: u16,
    pub ready: Readiness,
    pub log: PathBuf,
    pub grace_ms: u64,
    pub keeper: Runner,
    pub door: PathBuf,
}

/// A start that failed.
#[derive(Debug, Serialize, Deserialize)]
struct Failure {
    runner: Option<Runner>,
    pid: u32,
    /// Nanoseconds since boot.
    at: u64,
    text: String,
}

/// Attaches to the server of this share, or starts it.
pub(crate) async fn start(
    deployment: &Deployment,
    options: &StartOptions,
    share: &Share,
) -> Result<Server, StartError> {
    let began = since_boot();
    let cannot = |what: &str, e: io::Error| {
        let reason = format!("{what}: {e}");
        let folder = share.folder.clone();
        StartError::new(
            deployment.display_name(),
            StartErrorKind::Sharing { folder, reason },
        )
    };
    let folder = std::path::absolute(&share.folder).map_err(|e| cannot("no such folder", e))?;
    let share = &Share {
        folder,
        ..share.clone()
    };
    let options = &options.clone().share(share.clone());
    make_private(&share.folder).map_err(|e| cannot("it cannot be used", e))?;
    let lock = open_lock(&share.lock_file()).map_err(|e| cannot("its lock cannot be opened", e))?;
    loop {
        if let Some(server) = attach(share).await {
            return Ok(server);
        }
        if sys::try_lock_byte(lock.as_fd(), 0).map_err(|e| cannot("it cannot be locked", e))? {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    // From here to the end of this function, however it comes, nobody else starts: the lock is closed with the file.
    if let Some(server) = attach(share).await {
        return Ok(server);
    }
    if let Some(failure) = failed_before(share, began) {
        let (pid, text) = (failure.pid, failure.text);
        return Err(StartError::new(
            deployment.display_name(),
            StartErrorKind::FailedElsewhere { pid, text },
        ));
    }
    clear(share).await;
    let started = Server::start_alone(deployment, options).await;
    let failure = match started {
        Ok(server) => match publish(share, &server) {
            Ok(()) => return Ok(server.noting(leaks(&share.folder))),
            Err(e) => {
                let error = cannot("the server cannot be told of", e);
                // It is this error that matters; what a stop finds is in the log.
                let _ = server.retire().await;
                error
            }
        },
        Err(error) => error,
    };
    let text = failure.to_string();
    let told = Failure {
        runner: share.runner,
        pid: std::process::id(),
        at: since_boot(),
        text,
    };
    // If it cannot be written, others try for themselves.
    let _ = write(&share.failure_file(), &told);
    Err(failure)
}

fn open_lock(path: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// The server that is there, if all its keepers greet and it runs.
async fn attach(share: &Share) -> Option<Server> {
    let told: Told = read(&share.state_file())?;
    let mut owns = Vec::new();
    for process in &told.processes {
        let own = Own::attach(process).ok()?;
        let greeted = tokio::time::timeout(GREETING, own.greeted()).await;
        if greeted != Ok(true) {
            return None;
        }
        owns.push(own);
    }
    let server = Server::attached(told.server, owns)?;
    Some(server.noting(leaks(&share.folder)))
}

/// Where the keepers of the server are met that this file tells of.
pub(crate) fn doors(state: &Path) -> Vec<PathBuf> {
    let told = read::<Told>(state);
    let processes = told.into_iter().flat_map(|told| told.processes);
    processes.map(|process| process.door).collect()
}

/// Lets others in: first the keepers, which then hold the server for all, and then the file that leads to them.
fn publish(share: &Share, server: &Server) -> io::Result<()> {
    let mut processes = Vec::new();
    for own in server.owns() {
        own.publish()?;
        processes.extend(own.told());
    }
    let told = Told {
        server: server.told(),
        processes,
    };
    // An earlier failure is no longer true.
    let _ = std::fs::remove_file(share.failure_file());
    write(&share.state_file(), &told)
}

/// Ends what is left of a server that cannot be attached to as a whole, waits until its keepers have ended, so that
/// their ports, devices and memory are free, and removes the file.
async fn clear(share: &Share) {
    let Some(told) = read::<Told>(&share.state_file()) else {
        return;
    };
    // Most often nobody is there, or it is ending already. Kept until they have heard.
    let reached = told.processes.iter().map(|p| Own::attach(p).ok());
    let rest: Vec<Own> = reached.flatten().collect();
    rest.iter().for_each(Own::request_end);
    let grace = told.processes.iter().map(|p| p.grace_ms).max();
    let deadline = Instant::now() + ENDING + Duration::from_millis(grace.unwrap_or(0).min(600_000));
    while told.processes.iter().any(|p| p.keeper.is_alive()) && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
    }
    let _ = std::fs::remove_file(share.state_file());
}

/// The failure that holds for a start that began at `began`: one of the same run, or one that came after.
fn failed_before(share: &Share, began: u64) -> Option<Failure> {
    let failure: Failure = read(&share.failure_file())?;
    holds(&failure, share.runner.as_ref(), began).then_some(failure)
}

fn holds(failure: &Failure, runner: Option<&Runner>, began: u64) -> bool {
    let same_run = runner.is_some() && failure.runner.as_ref() == runner;
    same_run || failure.at >= began
}

/// What earlier servers of this folder left behind. Each is taken away by whoever reports it.
fn leaks(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(LEAKED)
            && name.ends_with(".json")
            && let Some(said) = read::<String>(&entry.path())
            && std::fs::remove_file(entry.path()).is_ok()
        {
            found.push(said);
        }
    }
    found
}

/// `None`: it is not there, or is not what was written here.
fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    use std::io::Read;
    let mut text = Vec::new();
    File::open(path)
        .ok()?
        .take(LONGEST)
        .read_to_end(&mut text)
        .ok()?;
    serde_json::from_slice(&text).ok()
}

/// In one step: a reader sees all of it or nothing.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&new, serde_json::to_vec(value)?)?;
    std::fs::rename(&new, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })
}

/// The clock that all processes of a machine share, and that goes on while it sleeps.
fn since_boot() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The keeper of a link as others find it: by pid and start time.
pub(crate) fn named(pid: u32) -> Option<Runner> {
    let start_time = Stat::of(pid)?.info.start_time;
    Some(Runner { pid, start_time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_holds_for_its_run_and_for_those_that_waited() {
        let run = |pid| Some(Runner { pid, start_time: 1 });
        let failure = |runner| Failure {
            runner,
            pid: 1,
            at: 100,
            text: String::new(),
        };
        for (failed, mine, began, expected) in [
            (run(1), run(1), 200, true),
            (run(1), run(2), 200, false),
            (run(1), run(2), 50, true),
            (None, None, 200, false),
            (None, None, 100, true),
        ] {
            let found = holds(&failure(failed), mine.as_ref(), began);
            assert_eq!(found, expected, "{failed:?} {mine:?} {began}");
        }
    }

    #[test]
    fn what_was_left_behind_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("leaked-1-2.json"), &"it left x").unwrap();
        std::fs::write(folder.path().join("leaked-3-4.json"), "{half").unwrap();
        assert_eq!(leaks(folder.path()), ["it left x"]);
        assert_eq!(leaks(folder.path()), [""; 0]);
    }
}
