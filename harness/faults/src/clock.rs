//! The wall clock of one server, set while it runs.
//!
//! Promise: only processes that were started with it see another time, and only of the wall clock: what measures spans (the monotonic clock) goes on as
//! it is, as on a host whose clock is set. Needs libfaketime, which is looked for beforehand. Rejected: setting the host's clock, and time namespaces,
//! which have no wall clock.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tribunal_serving::Deployment;

use crate::error::{FaultError, FaultErrorKind, Reason, gate, refused, unproven};
use crate::fault::environment_of;
use crate::injected::{Done, Remedy};
use crate::scene::Scene;
use crate::sidecar::{self, Sidecar};
use crate::timeline::Step;
use crate::victim::Victim;

/// The word for a process that tells the time.
pub(crate) const WORD: &str = "clock";
/// The variable that names the library where it is not in a usual place.
const LIBRARY: &str = "TRIBUNAL_LIBFAKETIME";
const PRELOAD: &str = "LD_PRELOAD";
const FILE: &str = "FAKETIME_TIMESTAMP_FILE";
/// The name that is safe for programs with threads.
const NAME: &str = "libfaketimeMT.so.1";
/// Below which distributions put it.
const ROOTS: [&str; 4] = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];
/// How long the process that tells the time may take.
const TELLS: Duration = Duration::from_secs(30);
/// How far off what it tells may be beyond the time that it took.
const TOLERANCE: i64 = 2;
/// A thousand years.
const MOST: u64 = 1000 * 366 * 86_400;

/// A clock for one server that can be set while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

impl FakeClock {
    /// A clock that shows the true time until it is set. Its file is made in this folder.
    ///
    /// # Errors
    /// A gate: libfaketime is not here; or the file cannot be written.
    pub fn new(folder: &Path) -> Result<FakeClock, FaultError> {
        let failed = |kind, why| Err(FaultError::new(kind, "a clock that can be set", why));
        let library = match find() {
            Ok(library) => library,
            Err(why) => return failed(FaultErrorKind::Gate, why),
        };
        let file = match std::path::absolute(folder.join("clock")) {
            Ok(file) => file,
            Err(error) => return failed(FaultErrorKind::Refused, error.to_string()),
        };
        match write(&file, 0) {
            Ok(()) => Ok(FakeClock { library, file }),
            Err(why) => failed(FaultErrorKind::Refused, why),
        }
    }

    /// The deployment, all of whose processes have this clock.
    pub fn around(&self, deployment: Deployment) -> Deployment {
        let mut preload = self.library.clone().into_os_string();
        if let Some(others) = std::env::var_os(PRELOAD).filter(|o| !o.is_empty()) {
            preload.push(":");
            preload.push(others);
        }
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let variables = [
            (PRELOAD, text(&preload)),
            (FILE, text(self.file.as_os_str())),
            // It is read at every look at the clock.
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            // One semaphore and one piece of shared memory per process tree would be left behind by a tree that is killed.
            ("FAKETIME_DISABLE_SHM", "1".into()),
        ];
        let variables: Vec<(String, String)> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        deployment.env_of_all(&variables)
    }
}

fn find() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(LIBRARY).filter(|n| !n.is_empty()) {
        let path = PathBuf::from(named);
        return match path.is_file() {
            true => Ok(path),
            false => Err(format!(
                "{LIBRARY} names {}, which is no file",
                path.display()
            )),
        };
    }
    let below = |root: &str| {
        let root = PathBuf::from(root);
        let nested = std::fs::read_dir(&root).into_iter().flatten().flatten();
        let folders: Vec<PathBuf> = std::iter::once(root)
            .chain(nested.map(|e| e.path()))
            .collect();
        folders
            .into_iter()
            .flat_map(|folder| [folder.join("faketime").join(NAME), folder.join(NAME)])
            .find(|path| path.is_file())
    };
    ROOTS.into_iter().find_map(below).ok_or_else(|| {
        format!(
            "libfaketime is not installed (`apt install libfaketime`, or {LIBRARY}=PATH of {NAME})"
        )
    })
}

fn write(file: &Path, by_s: i64) -> Result<(), String> {
    // A reader never sees half of it.
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{by_s:+}\n"))
        .and_then(|()| std::fs::rename(&new, file))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Sets the server's clock.
pub(crate) async fn set(scene: &Scene, by_s: i64) -> Result<Done, Reason> {
    if by_s.unsigned_abs() > MOST {
        return Err(refused("a clock can be set by a thousand years at most"));
    }
    let scene = scene.clone();
    let done = tokio::task::spawn_blocking(move || set_now(&scene, by_s)).await;
    done.unwrap_or_else(|error| Err(refused(error.to_string())))
}

fn set_now(scene: &Scene, by_s: i64) -> Result<Done, Reason> {
    let env = environment_of(scene)?;
    let no_clock = || {
        gate(
            "the server was started without a clock that can be set; start it with `FakeClock::around`",
        )
    };
    let get = |name: &str| env.get(OsStr::new(name)).cloned();
    let (preload, file) = get(PRELOAD).zip(get(FILE)).ok_or_else(no_clock)?;
    let root = Victim::Root.found(scene)?.swap_remove(0);
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", root.pid)).unwrap_or_default();
    if !maps.contains("libfaketime") {
        return Err(refused(
            "the server has not loaded libfaketime: is it linked statically, or does it clear its environment?",
        ));
    }
    let at = scene.timeline.since_start();
    let clock = Clock {
        file: PathBuf::from(&file),
        set: true,
    };
    write(&clock.file, by_s).map_err(refused)?;
    scene
        .timeline
        .note(Step::Injected, format!("the clock is set by {by_s:+} s"));
    // Another process with the same clock: the server's own look at the time cannot be asked for.
    let names = [
        "FAKETIME_NO_CACHE",
        "FAKETIME_DONT_FAKE_MONOTONIC",
        "FAKETIME_DISABLE_SHM",
    ];
    let mut theirs: Vec<(OsString, Option<OsString>)> =
        vec![(PRELOAD.into(), Some(preload)), (FILE.into(), Some(file))];
    theirs.extend(names.map(|name| (name.into(), get(name))));
    let before = now();
    let told = Sidecar::start(&[OsStr::new(WORD)], &theirs, TELLS)?;
    let after = now();
    let told = told
        .ready
        .get("seconds")
        .and_then(serde_json::Value::as_i64);
    let told = told.ok_or_else(|| unproven("nobody told the time"))?;
    let right = before + by_s - TOLERANCE..=after + by_s + TOLERANCE;
    if !right.contains(&told) {
        return Err(unproven(format!(
            "a process with the server's clock is off by {:+} s instead of {by_s:+} s",
            told - after
        )));
    }
    Ok(Done {
        at,
        what: format!(
            "a process with the clock of pid {} is off by {:+} s",
            root.pid,
            told - after
        ),
        victims: vec![(root.pid, root.start_time)],
        remedy: Some(Box::new(clock)),
    })
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |n| i64::try_from(n.as_secs()).unwrap_or(i64::MAX))
}

/// The process that tells the time.
pub(crate) fn tell() -> Result<(), String> {
    sidecar::stay(json!({ "seconds": now() }))
}

/// A clock that is wrong.
struct Clock {
    file: PathBuf,
    set: bool,
}

impl Clock {
    fn restore(&mut self) -> Result<(), String> {
        match std::mem::take(&mut self.set) {
            true => write(&self.file, 0),
            false => Ok(()),
        }
    }
}

impl Remedy for Clock {
    fn undo(&mut self) -> Result<String, String> {
        self.restore()?;
        Ok("the clock shows the true time".into())
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = self.restore();
    }
}
