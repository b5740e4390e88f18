//! A folder of accepted runs: `<step>-<key>/<run>.json`.
//!
//! Promise: a run is a file of its own that appears whole or not at all, so several processes may accept, read and prune at once; a file that cannot be
//! read is told and stops nothing. Rejected: one file for all (every acceptance would rewrite it, and two would lose one), and a database (a folder can be
//! committed, shared and looked at).

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tribunal_statistics::compare::{FEWEST, KEPT};

use crate::{Base, BaselineError, Difference, Key, RunRecord};

/// More files of one key are not looked at; `prune` makes them fewer.
const MOST_FILES: usize = 10_000;
/// More keys are not looked at.
const MOST_KEYS: usize = 10_000;
/// Of a step's name in a folder's.
const MOST_NAME: usize = 60;
/// What is older was left by a process that died.
const STALE: Duration = Duration::from_secs(3600);

/// Accepted runs in a folder, which need not be there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

/// What became of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It lies in this file.
    New(PathBuf),
    /// It lay there before.
    Already(PathBuf),
}

/// Runs of one key, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Oldest first.
    pub runs: Vec<RunRecord>,
    /// What could not be read, and why.
    pub notes: Vec<String>,
}

/// What pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs that went.
    pub removed: usize,
    /// Runs that stayed.
    pub kept: usize,
}

impl Store {
    /// Where it lies in the target folder.
    pub const FOLDER: &str = "tribunal/baselines";
    /// The variable that names another folder.
    pub const VARIABLE: &str = "TRIBUNAL_BASELINES";

    /// The store in this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The store that everybody uses who names none: what [`VARIABLE`](Self::VARIABLE) says, else a folder of the target folder.
    pub fn usual(target: &Path) -> Self {
        let named = std::env::var_os(Self::VARIABLE).filter(|name| !name.is_empty());
        Self::new(named.map_or_else(|| target.join(Self::FOLDER), PathBuf::from))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Adds a run to its baseline.
    ///
    /// # Errors
    /// Where the run counts for nothing (it is invalid, or answers were wrong or not judged), or the folder cannot be written.
    pub fn accept(&self, run: &RunRecord) -> Result<Accepted, BaselineError> {
        let refused = |why: String| BaselineError::Refused {
            step: run.key.step.clone(),
            why,
        };
        if let Some(why) = run.refused() {
            return Err(refused(why));
        }
        if run.figures.values().all(|figure| figure.value.is_none()) {
            return Err(refused("it has no figure with a value".into()));
        }
        if !is_name(&run.id) {
            return Err(refused(format!(
                "`{}` is no name of a run: digits, small letters and dashes",
                run.id.escape_debug()
            )));
        }
        let folder = self.folder(&run.key);
        let path = folder.join(format!("{}.json", run.id));
        if path.exists() {
            return Ok(Accepted::Already(path));
        }
        fs::create_dir_all(&folder)
            .map_err(|error| BaselineError::file(&folder, "made", &error))?;
        let part = folder.join(format!(".{}.{}.part", run.id, std::process::id()));
        let written = write(&part, &path, run);
        if written.is_err() {
            // Its own error is told; this one would hide it.
            let _ = fs::remove_file(&part);
        }
        written.map_err(|error| BaselineError::file(&path, "written", &error))?;
        Ok(Accepted::New(path))
    }

    /// The last ten accepted runs of a key; where there are fewer than five, notes say what is there instead.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn base(&self, key: &Key) -> Result<Base, BaselineError> {
        let kept = self.last(key, KEPT)?;
        let mut base = Base {
            runs: kept.runs,
            notes: kept.notes,
        };
        if base.runs.len() < FEWEST {
            base.notes.extend(self.instead(key)?);
        }
        Ok(base)
    }

    /// All runs of a key.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn all(&self, key: &Key) -> Result<Kept, BaselineError> {
        self.last(key, MOST_FILES)
    }

    /// The last runs of a key that count.
    fn last(&self, key: &Key, most: usize) -> Result<Kept, BaselineError> {
        let mut kept = Kept::default();
        for path in files(&self.folder(key))?.iter().rev().take(MOST_FILES) {
            if kept.runs.len() == most {
                break;
            }
            match RunRecord::read(path) {
                Ok(run) if run.key != *key => kept.notes.push(format!(
                    "{}: lies with another key's runs and is left out",
                    path.display()
                )),
                Ok(run) => match run.refused() {
                    Some(why) => kept
                        .notes
                        .push(format!("{}: is left out: {why}", path.display())),
                    None => kept.runs.push(run),
                },
                // Somebody pruned meanwhile.
                Err(_) if !path.exists() => {}
                Err(error) => kept.notes.push(error.to_string()),
            }
        }
        kept.runs.reverse();
        Ok(kept)
    }

    /// Every key that has runs, and how many, by step.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn keys(&self) -> Result<Vec<(Key, usize)>, BaselineError> {
        let mut keys = Vec::new();
        for folder in folders(&self.root)? {
            let files = files(&folder)?;
            // The newest that can be read; its folder is named by the same key.
            let key = files
                .iter()
                .rev()
                .take(KEPT)
                .find_map(|path| RunRecord::read(path).ok())
                .map(|run| run.key);
            if let Some(key) = key.filter(|key| self.folder(key) == folder) {
                keys.push((key, files.len()));
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// What runs of the same step there are where this key has too few, in words: those that differ least.
    fn instead(&self, key: &Key) -> Result<Vec<String>, BaselineError> {
        let mut near: Vec<(usize, String)> = self
            .keys()?
            .into_iter()
            .filter(|(other, _)| other.step == key.step && other != key)
            .map(|(other, runs)| {
                let differences = key.differences(&other);
                let words: Vec<String> = differences.iter().map(Difference::to_string).collect();
                let plural = if runs == 1 {
                    "run exists"
                } else {
                    "runs exist"
                };
                let words = format!("{runs} accepted {plural} for {}", words.join(", "));
                (differences.len(), words)
            })
            .collect();
        near.sort();
        near.truncate(3);
        Ok(near.into_iter().map(|(_, words)| words).collect())
    }

    /// Removes all but the newest runs of each key; never more than leaves a baseline whole.
    ///
    /// # Errors
    /// Where the folder cannot be read or a file not removed.
    pub fn prune(&self, keep: usize) -> Result<Pruned, BaselineError> {
        let mut pruned = Pruned::default();
        for folder in folders(&self.root)? {
            let files = files(&folder)?;
            let old = files.len().saturating_sub(keep.max(KEPT));
            for path in &files[..old] {
                remove(path)?;
            }
            pruned.removed += old;
            pruned.kept += files.len() - old;
            for path in list(&folder)?.iter().filter(|path| is_stale(path)) {
                remove(path)?;
            }
        }
        Ok(pruned)
    }

    fn folder(&self, key: &Key) -> PathBuf {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let name: String = key.step.chars().map(plain).collect();
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        let mut name = words.join("-");
        name.truncate(MOST_NAME);
        let name = if name.is_empty() {
            "step".to_owned()
        } else {
            name
        };
        self.root.join(format!("{name}-{}", key.id()))
    }
}

fn is_name(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'-';
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

/// Whole or not at all: others see the file only under its last name.
fn write(part: &Path, path: &Path, run: &RunRecord) -> std::io::Result<()> {
    let mut file = fs::File::create(part)?;
    writeln!(file, "{:#}", run.to_json())?;
    file.sync_all()?;
    fs::rename(part, path)
}

/// Paths in a folder, in order; none where it is not there.
fn list(folder: &Path) -> Result<Vec<PathBuf>, BaselineError> {
    let failed = |error: &std::io::Error| BaselineError::file(folder, "read", error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| failed(&error))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The files of runs in a folder, oldest first.
fn files(folder: &Path) -> Result<Vec<PathBuf>, BaselineError> {
    let is_run = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        path.extension()
            .is_some_and(|extension| extension == "json")
            && stem.is_some_and(is_name)
    };
    Ok(list(folder)?.into_iter().filter(is_run).collect())
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, BaselineError> {
    Ok(list(root)?
        .into_iter()
        .filter(|path| path.is_dir())
        .take(MOST_KEYS)
        .collect())
}

/// A part of a run whose writer died long ago.
fn is_stale(path: &Path) -> bool {
    let part = path
        .extension()
        .is_some_and(|extension| extension == "part");
    let age = || {
        SystemTime::now()
            .duration_since(fs::metadata(path).ok()?.modified().ok()?)
            .ok()
    };
    part && age().is_some_and(|age| age > STALE)
}

/// Another process may have been faster.
fn remove(path: &Path) -> Result<(), BaselineError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(BaselineError::file(path, "removed", &error))
        }
        _ => Ok(()),
    }
}
