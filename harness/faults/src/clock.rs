//! The wall clock of one server, set while it runs.
//!
//! Promise: only processes that were started with it see another time, and only of the wall clock: what measures spans (the monotonic clock) goes on as
//! it is, as on a host whose clock is set. Needs libfaketime, which is looked for beforehand. Rejected: setting the host's clock, and time namespaces,
//! which have no wall clock.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tribunal_serving::Deployment;

use crate::confine::Confine;
use crate::error::{FaultError, FaultErrorKind, Reason, gate, not_undone, refused, unproven};
use crate::fault::environment_of;
use crate::injected::{Done, Remedy};
use crate::scene::Scene;
use crate::sidecar::{self, Sidecar};
use crate::timeline::Step;
use crate::verb::VERB;
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
/// Older ones than 0.9.11 do not know it, and leave shared memory behind with every process that is killed.
const NO_SHM: &str = "FAKETIME_DISABLE_SHM";
/// Shared memory of a server that has its own because of that. Nothing is taken before it is used.
const SHM_BYTES: u64 = 8 << 30;
/// No library is larger.
const LARGEST: u64 = 16 << 20;
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
    /// What the library leaves in shared memory must be the server's own.
    private: bool,
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
        let private = !knows(&library, NO_SHM);
        if private && let Err(error) = Confine::allowed() {
            let why = format!(
                "{} is older than 0.9.11 and leaves shared memory behind, which must be the server's own: {}",
                library.display(),
                error.why()
            );
            return failed(FaultErrorKind::Gate, why);
        }
        let file = match std::path::absolute(folder.join("clock")) {
            Ok(file) => file,
            Err(error) => return failed(FaultErrorKind::Refused, error.to_string()),
        };
        match write(&file, 0) {
            Ok(()) => Ok(FakeClock {
                library,
                file,
                private,
            }),
            Err(why) => failed(FaultErrorKind::Refused, why),
        }
    }

    /// The deployment whose server has this clock: the process whose port answers, and what it starts. This program's `main` must begin with
    /// [`crate::verb`].
    pub fn around(&self, deployment: Deployment) -> Deployment {
        let mut preload = self.library.clone().into_os_string();
        if let Some(others) = std::env::var_os(PRELOAD).filter(|o| !o.is_empty()) {
            preload.push(":");
            preload.push(others);
        }
        confined(&preload, self.file.as_os_str(), self.private).around(deployment)
    }
}

/// What a process with such a clock is started by.
fn confined(preload: &OsStr, file: &OsStr, private: bool) -> Confine {
    let confine = match private {
        true => Confine::new().shm(SHM_BYTES),
        false => Confine::new(),
    };
    confine
        .env(PRELOAD, preload.into())
        .env(FILE, file.into())
        // The file is read at every look at the clock.
        .env("FAKETIME_NO_CACHE", "1".into())
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1".into())
        .env(NO_SHM, "1".into())
}

/// Whether the library knows a variable: its name stands in it.
fn knows(library: &Path, variable: &str) -> bool {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(library).and_then(|file| {
        use std::io::Read as _;
        file.take(LARGEST).read_to_end(&mut bytes)
    });
    read.is_ok()
        && bytes
            .windows(variable.len())
            .any(|w| w == variable.as_bytes())
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
    let own = |pid: &str| std::fs::metadata(format!("/proc/{pid}/ns/mnt")).map(|m| m.ino());
    let private = own(&root.pid.to_string()).ok() != own("self").ok();
    let program = std::env::current_exe().map_err(|error| refused(error.to_string()))?;
    let mut words = confined(&preload, &file, private).words();
    words.extend([program.into(), VERB.into(), WORD.into()]);
    let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
    let before = now();
    let told = Sidecar::start(&words, &[], TELLS)?;
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
    fn undo(&mut self) -> Result<String, Reason> {
        self.restore().map_err(not_undone)?;
        Ok("the clock shows the true time".into())
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = self.restore();
    }
}
