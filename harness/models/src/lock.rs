//! Locks between processes: who copies a model, and who uses it.
//!
//! Each model has two lock files that are never removed: `NAME.copy`, held exclusively by the one that writes or removes
//! it, and `NAME.use`, held shared by everyone who uses it. The kernel drops both when their holder dies.
//!
//! Rejected: one lock that is turned from exclusive to shared when the copy is done. `flock` does that in two steps, and
//! an eviction can come between them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// How often a waiting process asks again.
const POLL: Duration = Duration::from_millis(20);

/// The right to use a model in the fast store; it ends when this is dropped, or when the process dies.
#[derive(Debug)]
pub struct Lease {
    _file: File,
    path: PathBuf,
}

impl Lease {
    /// The folder that it protects.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn of(file: File, path: &Path) -> Self {
        Self {
            _file: file,
            path: path.to_path_buf(),
        }
    }
}

/// What the holder of a copy lock writes into its file, for others to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub pid: u32,
    pub program: String,
    /// Bytes that the model will have when its copy is complete.
    pub total: u64,
}

impl Holder {
    pub(crate) fn this(total: u64) -> Self {
        let program = std::env::current_exe()
            .ok()
            .and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned()));
        Self {
            pid: std::process::id(),
            program: program.unwrap_or_default(),
            total,
        }
    }

    /// Writes it into the lock file. Others only read it for messages and sums; a failure harms nothing.
    pub(crate) fn write(&self, file: &mut File) {
        let Ok(text) = serde_json::to_vec(self) else {
            return;
        };
        let _ = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(&text));
    }

    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut text = Vec::new();
        File::open(path)
            .ok()?
            .take(4096)
            .read_to_end(&mut text)
            .ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// Opens a lock file, making it if it is missing. In a folder that is read-only an existing one is opened for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    made.or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => File::open(path),
        _ => Err(error),
    })
}

/// Takes the lock if that is possible at once.
pub(crate) fn try_lock(file: &File, exclusive: bool) -> io::Result<bool> {
    let how = if exclusive {
        FlockOperation::NonBlockingLockExclusive
    } else {
        FlockOperation::NonBlockingLockShared
    };
    loop {
        match flock(file, how) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// How a wait for a lock ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Locked,
    Cancelled,
    TimedOut,
}

/// Waits for the lock; `waiting` is called once before the first pause.
pub(crate) fn wait(
    file: &File,
    exclusive: bool,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
    waiting: &dyn Fn(),
) -> io::Result<Waited> {
    let until = Instant::now().checked_add(limit);
    let mut told = false;
    loop {
        if try_lock(file, exclusive)? {
            return Ok(Waited::Locked);
        }
        if cancelled() {
            return Ok(Waited::Cancelled);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Ok(Waited::TimedOut);
        }
        if !std::mem::replace(&mut told, true) {
            waiting();
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_share_and_an_evictor_excludes() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.use");
        let (a, b, c) = (
            open(&path).unwrap(),
            open(&path).unwrap(),
            open(&path).unwrap(),
        );
        assert!(try_lock(&a, false).unwrap() && try_lock(&b, false).unwrap());
        assert!(!try_lock(&c, true).unwrap());
        drop((a, b));
        assert!(try_lock(&c, true).unwrap());
        let d = open(&path).unwrap();
        let limit = Duration::from_millis(1);
        assert_eq!(
            wait(&d, false, limit, &|| false, &|| {}).unwrap(),
            Waited::TimedOut
        );
        assert_eq!(
            wait(&d, false, Duration::MAX, &|| true, &|| {}).unwrap(),
            Waited::Cancelled
        );
    }

    #[test]
    fn a_holder_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.copy");
        assert_eq!(Holder::read(&path), None);
        let mut file = open(&path).unwrap();
        Holder::this(1 << 40).write(&mut file);
        Holder::this(7).write(&mut file);
        assert_eq!(Holder::read(&path), Some(Holder::this(7)));
    }
}
