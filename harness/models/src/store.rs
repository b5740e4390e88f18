//! The fast store: one folder per model, and beside them what is needed to keep them whole.
//!
//! ```text
//! STORE/Qwen%2FQwen3-0.6B/            a whole copy, with its manifest
//! STORE/.tribunal/locks/NAME.copy     held by who writes or removes it
//! STORE/.tribunal/locks/NAME.use      held shared by who uses it
//! STORE/.tribunal/partial/NAME/       a copy that is being made, or whose maker died
//! STORE/.tribunal/used/NAME           when it was used last
//! STORE/.tribunal/trash/              what is being removed
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::Check;
use crate::lock::{self, Lease, Waited};
use crate::manifest::{Manifest, State};
use crate::scan::Scan;

/// How long an eviction or another start may hold a model's lock before it counts as stuck.
const BRIEF: Duration = Duration::from_secs(10);

/// How much room a store has; a value of its own so that tests can say it.
pub(crate) type Free = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

/// A fast store.
pub(crate) struct Store {
    pub root: PathBuf,
    /// Bytes that stay free.
    pub reserve: u64,
    pub check: Check,
    pub free: Box<Free>,
}

/// What a store has of a model.
pub(crate) enum Found {
    Whole(Manifest, Option<Lease>),
    Absent,
    /// It is there, and cannot be used as it is.
    Unusable(String),
}

impl Store {
    pub(crate) fn new(root: PathBuf, reserve: u64, check: Check) -> Self {
        Self {
            root,
            reserve,
            check,
            free: Box::new(free),
        }
    }

    /// The folder of a whole copy.
    pub(crate) fn model(&self, slug: &str) -> PathBuf {
        self.root.join(slug)
    }

    pub(crate) fn inner(&self, what: &str) -> PathBuf {
        self.root.join(".tribunal").join(what)
    }

    pub(crate) fn partial(&self, slug: &str) -> PathBuf {
        self.inner("partial").join(slug)
    }

    pub(crate) fn copy_lock(&self, slug: &str) -> PathBuf {
        self.inner("locks").join(format!("{slug}.copy"))
    }

    pub(crate) fn use_lock(&self, slug: &str) -> PathBuf {
        self.inner("locks").join(format!("{slug}.use"))
    }

    /// Makes the store's folders.
    pub(crate) fn make_folders(&self) -> io::Result<()> {
        for folder in ["locks", "partial", "used", "trash"] {
            fs::create_dir_all(self.inner(folder))?;
        }
        Ok(())
    }

    /// A copy that can be used, leased before it is looked at, so that it cannot go away in between. In a store that is
    /// read-only and has no lock file there is no lease; nobody who cannot write there can remove it either.
    pub(crate) fn find(
        &self,
        slug: &str,
        source: Option<&Scan>,
        cancelled: &dyn Fn() -> bool,
    ) -> Found {
        let folder = self.model(slug);
        if fs::symlink_metadata(&folder).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            return Found::Absent;
        }
        let lease = match self.lease(slug, cancelled) {
            Ok(lease) => lease,
            Err(why) => return Found::Unusable(why),
        };
        match Manifest::state(&folder, source, self.check, cancelled) {
            State::Whole(manifest) => {
                self.stamp(slug);
                Found::Whole(manifest, lease)
            }
            State::Absent => Found::Absent,
            State::Damaged(why) => Found::Unusable(format!("damaged: {why}")),
            State::Stale(why) => Found::Unusable(format!("out of date: {why}")),
        }
    }

    /// The right to use a model.
    pub(crate) fn lease(
        &self,
        slug: &str,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Lease>, String> {
        let path = self.use_lock(slug);
        let file = match lock::open(&path) {
            Ok(file) => file,
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(format!("its lock {} cannot be opened: {e}", path.display())),
        };
        match lock::wait(&file, false, BRIEF, cancelled, &|| {}) {
            Ok(Waited::Locked) => Ok(Some(Lease::of(file, &self.model(slug)))),
            Ok(_) => Err("another process is removing it".to_owned()),
            Err(e) => Err(format!("its lock cannot be taken: {e}")),
        }
    }

    /// Remembers that the model was used now. A stamp that cannot be written makes an eviction less fair, nothing else.
    pub(crate) fn stamp(&self, slug: &str) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let _ = fs::write(self.inner("used").join(slug), now.as_nanos().to_string());
    }

    /// When the model was used last, in nanoseconds since 1970; a copy without a stamp was used when it was made.
    pub(crate) fn used(&self, slug: &str) -> u128 {
        let stamp = fs::read_to_string(self.inner("used").join(slug)).ok();
        let made = || {
            let modified = fs::metadata(self.model(slug).join(crate::manifest::FILE))
                .ok()?
                .modified()
                .ok()?;
            Some(
                modified
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .ok()?
                    .as_nanos(),
            )
        };
        stamp
            .and_then(|s| s.trim().parse().ok())
            .or_else(made)
            .unwrap_or(0)
    }

    /// The slugs of everything that looks like a model of this store.
    pub(crate) fn models(&self) -> Vec<String> {
        names(&self.root)
            .into_iter()
            .filter(|name| !name.starts_with('.'))
            .collect()
    }

    /// The slugs of copies that are being made, or whose makers died.
    pub(crate) fn partials(&self) -> Vec<String> {
        names(&self.inner("partial"))
    }

    /// Removes a folder: out of sight at once, then file by file.
    pub(crate) fn remove(&self, folder: &Path) -> io::Result<()> {
        let trash = self.inner("trash");
        let target = (0u32..)
            .map(|n| trash.join(format!("{}-{n}", std::process::id())))
            .find(|path| fs::symlink_metadata(path).is_err());
        let target = target.ok_or_else(|| io::Error::other("no free name in the trash"))?;
        fs::rename(folder, &target)?;
        remove_all(&target)
    }

    /// Removes what earlier removals left when they were interrupted.
    pub(crate) fn empty_trash(&self) {
        for name in names(&self.inner("trash")) {
            // Whoever put it there may be removing it at this moment: both are content when it is gone.
            let _ = remove_all(&self.inner("trash").join(name));
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

/// Removes a file or a folder with everything in it; links are removed, not followed.
pub(crate) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
        Ok(facts) if facts.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

/// Bytes of the files in a folder; links are not followed.
pub(crate) fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() => size_of(&entry.path()),
            Ok(facts) => facts.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Bytes that this user may still write.
fn free(folder: &Path) -> io::Result<u64> {
    let facts = rustix::fs::statvfs(folder)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// Writes a folder's entries through to the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Names of models in a shared store: `ORG/NAME` and `NAME`, at most a few hundred.
pub(crate) fn listed(store: &Path) -> Vec<String> {
    const MOST: usize = 500;
    let mut all = Vec::new();
    for org in names(store).into_iter().take(MOST) {
        let inner = names(&store.join(&org));
        all.extend(
            inner
                .into_iter()
                .take(MOST)
                .map(|name| format!("{org}/{name}")),
        );
        all.push(org.replace("--", "/"));
        if all.len() > MOST {
            break;
        }
    }
    all
}
