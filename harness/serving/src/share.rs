//! What several processes that share one server have to agree upon: a folder, a key, and whose end ends it all.
//!
//! Test runners that start one process per test would otherwise start one server per test. The folder is the
//! meeting place: a lock, a file that tells of the server, a socket per keeper. A daemon that owns the servers of all
//! runs was rejected: it would be one more thing to install, to version and to find running months later.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a shared server waits for its next user.
const LINGER: Duration = Duration::from_secs(1);

/// How a server is shared with other processes.
///
/// The first process that asks starts the server; all others wait for it and attach. It ends when the runner ends,
/// or `linger` after its last user has let go of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub(crate) folder: PathBuf,
    pub(crate) key: String,
    pub(crate) runner: Option<Runner>,
    pub(crate) linger: Duration,
}

impl Share {
    /// Servers with the same key in the same folder are one server. The key stands for everything that makes two
    /// deployments different, as a digest does. The folder is made if it is missing; it belongs to one user.
    pub fn new(folder: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            key: key.into(),
            runner: None,
            linger: LINGER,
        }
    }

    /// The process at whose end the server ends, whoever still uses it. A start that failed is then not tried again
    /// as long as this process lives.
    #[must_use]
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runner = Some(runner);
        self
    }

    /// How long the server waits for another user when the last one has let go (default 1 s).
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// The key as the beginning of file names: short, and without anything that a path could stumble over.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn stem(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if (1..=40).contains(&self.key.len()) && self.key.chars().all(plain) {
            return self.key.clone();
        }
        let start: String = self.key.chars().filter(|c| plain(*c)).take(16).collect();
        // FNV-1a: no secret and no enemy, only names that must not fall together.
        let hash = self.key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{start}-{hash:016x}")
    }
}

/// The process that starts one process per test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot, because a pid alone may be used again.
    pub start_time: u64,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashSet;
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::fs::{FlockOperation, flock};

    use super::{Runner, Share};
    use crate::port;
    use crate::process::Stat;
    use crate::protocol::SharedOrder;

    impl Share {
        /// The folder in which the processes of one run meet, below the folder of the port leases; it is made if it
        /// is missing. Folders of runs that are over are removed on the way; what their servers left behind is
        /// moved here, so that somebody hears of it.
        pub fn folder_for_run(runner: &Runner) -> io::Result<PathBuf> {
            run_folder(&port::default_folder(), runner)
        }

        /// What one keeper of a server that is started now has to know. Every call names another socket.
        pub(crate) fn order(&self) -> SharedOrder {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let (me, stem) = (std::process::id(), self.stem());
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            SharedOrder {
                socket: self.folder.join(format!("{stem}-{me}-{count}.sock")),
                state: self.state_file(),
                failure: self.failure_file(),
                lock: self.lock_file(),
                runner: self.runner,
                linger_ms: u64::try_from(self.linger.as_millis()).unwrap_or(u64::MAX),
            }
        }

        /// Tells of the server that runs.
        pub(crate) fn state_file(&self) -> PathBuf {
            self.folder.join(format!("{}.json", self.stem()))
        }

        /// Tells of a start that failed.
        pub(crate) fn failure_file(&self) -> PathBuf {
            self.folder.join(format!("{}.failed.json", self.stem()))
        }

        /// Locked by whoever starts the server or writes one of the other files.
        pub(crate) fn lock_file(&self) -> PathBuf {
            self.folder.join(format!("{}.lock", self.stem()))
        }
    }

    impl Runner {
        /// The runner of this process, where there is one that starts a process per test: nextest.
        ///
        /// That is the nearest ancestor which does not itself have this run's number in its environment. The parent
        /// would not do: nextest may start tests through a wrapper, which ends with its test.
        pub fn detect() -> Option<Runner> {
            let run = std::env::var_os("NEXTEST_RUN_ID")?;
            if std::env::var_os("NEXTEST_EXECUTION_MODE")
                .is_some_and(|mode| mode != "process-per-test")
            {
                return None;
            }
            let mut mark = b"NEXTEST_RUN_ID=".to_vec();
            mark.extend_from_slice(run.as_encoded_bytes());
            let mut seen = HashSet::new();
            let mut pid = Stat::of(std::process::id())?.info.parent;
            loop {
                let stat = Stat::of(pid)?;
                let inside = std::fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|environment| environment.split(|b| *b == 0).any(|v| v == mark));
                if !inside || stat.info.parent <= 1 || !seen.insert(pid) {
                    return Some(Runner {
                        pid,
                        start_time: stat.info.start_time,
                    });
                }
                pid = stat.info.parent;
            }
        }

        /// Whether it runs.
        pub fn is_alive(&self) -> bool {
            Stat::of(self.pid).is_some_and(|s| s.info.start_time == self.start_time && s.runs())
        }
    }

    pub(crate) fn run_folder(base: &Path, runner: &Runner) -> io::Result<PathBuf> {
        make_shared(base)?;
        let user = rustix::process::geteuid().as_raw();
        let folder = base.join(format!("run-{user}-{}-{}", runner.pid, runner.start_time));
        make_private(&folder)?;
        for entry in std::fs::read_dir(base)?.flatten() {
            let name = entry.file_name();
            if let Some(other) = name.to_str().and_then(|n| runner_in(n, user))
                && other != *runner
                && !other.is_alive()
            {
                clear(&entry.path(), &folder);
            }
        }
        Ok(folder)
    }

    /// The folder that several users share.
    fn make_shared(folder: &Path) -> io::Result<()> {
        match std::fs::DirBuilder::new().mode(0o1777).create(folder) {
            // The mode given is cut by the umask.
            Ok(()) => std::fs::set_permissions(folder, PermissionsExt::from_mode(0o1777)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn runner_in(name: &str, user: u32) -> Option<Runner> {
        let mut numbers = name.strip_prefix("run-")?.split('-');
        (numbers.next()?.parse() == Ok(user)).then_some(())?;
        let runner = Runner {
            pid: numbers.next()?.parse().ok()?,
            start_time: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(runner)
    }

    /// Removes the folder of a run that is over, unless a keeper still works there. What cannot be removed now is
    /// removed by the next run.
    fn clear(old: &Path, new: &Path) {
        let Ok(folder) = File::open(old) else { return };
        if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
            return;
        }
        for entry in std::fs::read_dir(old).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(LEAKED) {
                let _ = std::fs::rename(entry.path(), new.join(entry.file_name()));
            }
        }
        let _ = std::fs::remove_dir_all(old);
    }

    /// How the names of files begin that tell what a server left behind.
    pub(crate) const LEAKED: &str = "leaked-";

    /// Makes a folder into which nobody else can look. One that is there already must be of that kind.
    pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
        match std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(folder)
        {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
        let found = std::fs::symlink_metadata(folder)?;
        let wrong = |what| Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        if !found.is_dir() {
            return wrong("it is no directory (a link is refused)");
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return wrong("it belongs to another user");
        }
        if found.mode() & 0o022 != 0 {
            return wrong("others may write to it (`chmod go-w` mends that)");
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn folders_of_runs_that_are_over_are_removed_and_their_leaks_handed_on() {
            let base = tempfile::tempdir().unwrap();
            let me = Stat::of(std::process::id()).unwrap().info;
            let alive = Runner {
                pid: me.pid,
                start_time: me.start_time,
            };
            let over = Runner {
                start_time: me.start_time + 1,
                ..alive
            };
            let busy = Runner {
                start_time: me.start_time + 2,
                ..alive
            };
            assert!(alive.is_alive() && !over.is_alive());
            let old = run_folder(base.path(), &over).unwrap();
            std::fs::write(old.join("leaked-1-2.json"), "{}").unwrap();
            std::fs::write(old.join("k.lock"), "").unwrap();
            let in_use = base.path().join(format!(
                "run-{}-{}-{}",
                rustix::process::geteuid().as_raw(),
                busy.pid,
                busy.start_time
            ));
            std::fs::create_dir(&in_use).unwrap();
            let user = File::open(&in_use).unwrap();
            flock(&user, FlockOperation::LockShared).unwrap();
            std::fs::create_dir(base.path().join("run-x")).unwrap();
            let folder = run_folder(base.path(), &alive).unwrap();
            assert!(folder.join("leaked-1-2.json").exists());
            assert!(!old.exists() && in_use.exists() && base.path().join("run-x").exists());
            drop(user);
            run_folder(base.path(), &alive).unwrap();
            assert!(!in_use.exists() && folder.exists());
        }

        #[test]
        fn a_folder_of_others_is_refused() {
            let base = tempfile::tempdir().unwrap();
            let open = base.path().join("open");
            std::fs::create_dir(&open).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            std::fs::set_permissions(&open, mode).unwrap();
            assert!(make_private(&open).is_err());
            let link = base.path().join("link");
            std::os::unix::fs::symlink(base.path(), &link).unwrap();
            assert!(make_private(&link).is_err());
            make_private(&base.path().join("a/b")).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{LEAKED, make_private};

#[cfg(not(target_os = "linux"))]
impl Runner {
    /// Always `None`: servers are started, and therefore shared, on Linux only.
    pub fn detect() -> Option<Runner> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names_of_files_and_stay_apart() {
        let stem = |key: &str| Share::new("/x", key).stem();
        assert_eq!(stem("0a1b"), "0a1b");
        let odd = ["../../etc/passwd", "../../etc/passwd ", "", "a/b", "ä"];
        for (i, key) in odd.iter().enumerate() {
            assert!(stem(key).len() <= 40 && !stem(key).contains(['/', '.', ' ']));
            assert!(odd[i + 1..].iter().all(|other| stem(other) != stem(key)));
        }
        assert_ne!(stem(&"a".repeat(100)), stem(&"a".repeat(101)));
    }
}
