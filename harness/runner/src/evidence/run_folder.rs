//! The folder of a run: its name, who else uses it, and which old ones go.
//!
//! Promise: names sort by time and are never used twice; all processes of one nextest run share one; a folder that a live process uses is never
//! removed, since it holds a kernel lock there. `latest` points to the newest.
//!
//! Rejected: a counter file (a crash between reading and writing gives two runs one number).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

/// The folder of a run that this process uses.
pub(super) struct RunFolder {
    pub path: PathBuf,
    lock: Option<File>,
    /// Other processes of the same run come later and may need it.
    shared: bool,
}

const LOCK: &str = ".lock";

impl RunFolder {
    /// Makes or finds the folder of this run below `root`, and removes old ones.
    pub fn open(root: &Path, keep: usize) -> io::Result<RunFolder> {
        let group = std::env::var("NEXTEST_RUN_ID").ok().map(|g| slug(&g));
        RunFolder::open_as(root, keep, group.as_deref(), SystemTime::now())
    }

    fn open_as(
        root: &Path,
        keep: usize,
        group: Option<&str>,
        now: SystemTime,
    ) -> io::Result<RunFolder> {
        fs::create_dir_all(root)?;
        // One at a time makes and removes folders. Where there are no locks, names are still unique, and nothing is removed.
        let gate = File::create(root.join(LOCK))?;
        let _ = flock(&gate, FlockOperation::LockExclusive);
        let known = runs(root)?;
        let of_group = group.and_then(|g| known.iter().find(|r| r.ends_with(&format!("-{g}"))));
        let path = match of_group {
            Some(name) => root.join(name),
            None => make(root, group, now)?,
        };
        let lock = File::create(path.join(LOCK))?;
        let _ = flock(&lock, FlockOperation::LockShared);
        if of_group.is_none() {
            prune(root, known, keep);
            // Who cannot have links does without.
            let _ = point(root, &path);
        }
        Ok(RunFolder {
            path,
            lock: Some(lock),
            shared: group.is_some(),
        })
    }

    /// A folder of last resort.
    pub fn temporary() -> io::Result<RunFolder> {
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o700);
        for n in 0..100 {
            let name = format!("tribunal-evidence-{}-{n}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match builder.create(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
                Ok(()) => {
                    return Ok(RunFolder {
                        path,
                        lock: None,
                        shared: false,
                    });
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Whether other processes of the run may come later.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Removes what is neither an event log nor drawn beside one, unless another process of the run may need it; then a later run removes it.
    pub fn remove_all_but_logs(&self) {
        if self.shared {
            return;
        }
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if is_small(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
            // What cannot be removed is removed with the run.
            if is_folder {
                let _ = fs::remove_dir_all(entry.path());
            } else {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes the folder, unless another process of the run needs it; then a later run removes it.
    pub fn remove(self) {
        let alone = match &self.lock {
            Some(lock) => flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
            None => true,
        };
        if self.shared || !alone {
            return;
        }
        // What cannot be removed is removed by a later run.
        let _ = fs::remove_dir_all(&self.path);
        if let (Some(root), Some(name)) = (self.path.parent(), self.path.file_name()) {
            let latest = root.join("latest");
            if fs::read_link(&latest).is_ok_and(|to| to.as_os_str() == name) {
                let _ = fs::remove_file(latest);
            }
        }
    }
}

fn make(root: &Path, group: Option<&str>, now: SystemTime) -> io::Result<PathBuf> {
    let own = std::process::id().to_string();
    let mut at = now;
    loop {
        let path = root.join(format!("{}-{}", stamp(at), group.unwrap_or(&own)));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => at += Duration::from_millis(1),
            Err(e) => return Err(e),
        }
    }
}

/// The names of runs below `root`, oldest first.
fn runs(root: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(root)?
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|n| is_run(n))
        .collect();
    names.sort();
    Ok(names)
}

/// `20260102-030405.678-…`: nothing else below the root is ours to remove.
fn is_run(name: &str) -> bool {
    let pattern = b"dddddddd-dddddd.ddd-";
    name.len() > pattern.len()
        && name.bytes().zip(pattern).all(|(b, p)| match p {
            b'd' => b.is_ascii_digit(),
            p => b == *p,
        })
}

/// Takes the oldest of the `known` runs away, so that with the new one `keep` are left. They are only renamed here: nobody waits for gigabytes of
/// logs to be removed. What a run does not get done is left to the next.
fn prune(root: &Path, known: Vec<String>, keep: usize) {
    // A hundred runs that pass must not take away the evidence of the one that failed before.
    let (small, large): (Vec<String>, Vec<String>) = known
        .into_iter()
        .partition(|name| has_only_logs(&root.join(name)));
    let surplus = |kind: Vec<String>| {
        let surplus = (kind.len() + 1).saturating_sub(keep);
        kind.into_iter().take(surplus)
    };
    for name in surplus(small).chain(surplus(large)) {
        let path = root.join(&name);
        let used = File::open(path.join(LOCK))
            .is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err());
        if !used {
            // Somebody else may own it; the next run tries again.
            let _ = fs::rename(&path, root.join(format!("{OLD}{name}")));
        }
    }
    let sweep = sweeper(root.to_path_buf());
    // Without another thread it waits for a run that has one.
    let _ = std::thread::Builder::new()
        .name("tribunal-evidence".into())
        .spawn(sweep);
}

/// Whether something in a run's folder is its lock, an event log, or what reports draw beside it: the samples of the devices, the curves of soaks.
fn is_small(name: &str) -> bool {
    let log = name.starts_with("events") && name.ends_with(".jsonl");
    log || name == LOCK || name == "devices" || name == "soaks"
}

/// Whether a run has left nothing but its event log.
fn has_only_logs(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.all(|e| is_small(&e.file_name().to_string_lossy()))
}

/// What stands before the name of a run that is to be removed.
const OLD: &str = ".old-";

/// Removes what was taken away.
fn sweeper(root: PathBuf) -> impl FnOnce() {
    move || {
        let old = |e: &fs::DirEntry| e.file_name().to_str().is_some_and(|n| n.starts_with(OLD));
        for entry in fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .filter(old)
        {
            // Another process may be removing it as well.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn point(root: &Path, to: &Path) -> io::Result<()> {
    let Some(name) = to.file_name() else {
        return Ok(());
    };
    let new = root.join(format!(".latest-{}", std::process::id()));
    let _ = fs::remove_file(&new);
    std::os::unix::fs::symlink(name, &new)?;
    fs::rename(&new, root.join("latest"))
}

/// The first free number of an attempt; nextest says which it is.
pub(super) fn attempt(case: &Path) -> io::Result<PathBuf> {
    let first = std::env::var("NEXTEST_ATTEMPT")
        .ok()
        .and_then(|n| n.parse::<u32>().ok())
        .unwrap_or(1);
    fs::create_dir_all(case)?;
    for n in first..first.saturating_add(10_000) {
        let folder = case.join(n.to_string());
        match fs::create_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The folder below cargo's target folder in which runs leave what they leave, unless they are told another one.
pub fn default_root() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    // Cargo marks every target folder with this file.
    exe.ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").exists())
        .map_or_else(|| base().join("target"), Path::to_path_buf)
        .join("tribunal")
}

/// Where the user stands. Cargo changes the folder but not `PWD`; a `PWD` that has nothing to do with the folder is stale.
pub fn base() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match std::env::var_os("PWD").map(PathBuf::from) {
        Some(pwd)
            if pwd.is_dir()
                && pwd.is_absolute()
                && (pwd.starts_with(&here) || here.starts_with(&pwd)) =>
        {
            pwd
        }
        _ => here,
    }
}

/// A path from `base`, where that is shorter for people: at most three folders up.
pub(super) fn relative(base: &Path, path: &Path) -> PathBuf {
    for (up, ancestor) in base.ancestors().take(4).enumerate() {
        if ancestor
            .components()
            .any(|c| matches!(c, Component::Normal(_)))
            && let Ok(rest) = path.strip_prefix(ancestor)
        {
            return std::iter::repeat_n("..", up)
                .collect::<PathBuf>()
                .join(rest);
        }
    }
    path.to_path_buf()
}

/// The name of a case or a server as the name of one folder.
pub(super) fn slug(name: &str) -> String {
    const LONGEST: usize = 150;
    let plain: String = name
        .replace("::", ".")
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => c,
            _ => '-',
        })
        .collect();
    let plain = plain.trim_start_matches('.');
    if plain.is_empty() {
        return "unnamed".into();
    }
    if plain.len() <= LONGEST {
        return plain.to_owned();
    }
    // FNV-1a: two long names with one beginning stay two folders.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{}-{hash:016x}", &plain[..LONGEST])
}

/// `20260102-030405.678`, in UTC.
fn stamp(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let (y, m, d) = date(since.as_secs() / 86_400);
    let s = since.as_secs() % 86_400;
    format!(
        "{y:04}{m:02}{d:02}-{:02}{:02}{:02}.{:03}",
        s / 3600,
        s / 60 % 60,
        s % 60,
        since.subsec_millis()
    )
}

/// `2026-01-02T03:04:05Z`.
pub(super) fn iso(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let (y, m, d) = date(since.as_secs() / 86_400);
    let s = since.as_secs() % 86_400;
    format!(
        "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z",
        s / 3600,
        s / 60 % 60,
        s % 60
    )
}

/// Year, month and day of a day since 1970, in the Gregorian calendar.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
#[path = "run_folder_tests.rs"]
mod tests;
