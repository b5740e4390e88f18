//! What lies in a model's folder: every file with its size and time, links followed.
//!
//! Promise: bounded ([`MOST_FILES`], [`DEEPEST`]), free of loops, and exact about what is wrong: a link that leads nowhere,
//! a socket or a pipe, a name that is no text. `.git`, `.cache` and
//! what this crate writes (`.tribunal-…`) at the top are no part of a model.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// More files than any model has.
const MOST_FILES: usize = 100_000;
/// Deeper than any model nests.
const DEEPEST: usize = 32;

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Facts {
    pub size: u64,
    /// Nanoseconds since 1970.
    pub modified: i64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The model is this one file and no folder.
    pub single: bool,
    /// By path relative to the model's folder (for a single file: its name), with `/` between the parts.
    pub files: BTreeMap<String, Facts>,
}

impl Scan {
    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().map(|f| f.size).sum()
    }
}

/// Why a folder cannot be read as a model.
#[derive(Debug)]
pub(crate) struct ScanError(pub String);

impl ScanError {
    pub(crate) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self(format!("{what} {}: {error}", path.display()))
    }
}

/// Reads the tree at `root`.
pub(crate) fn scan(root: &Path) -> Result<Scan, ScanError> {
    let facts = fs::metadata(root).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => ScanError("not there".to_owned()),
        _ => ScanError::io("cannot look at", root, &e),
    })?;
    let mut files = BTreeMap::new();
    if facts.is_file() {
        let name = root.file_name().and_then(|n| n.to_str());
        let name = name.ok_or_else(|| ScanError("its name is not valid UTF-8".to_owned()))?;
        files.insert(name.to_owned(), of(&facts));
        return Ok(Scan {
            single: true,
            files,
        });
    }
    if !facts.is_dir() {
        return Err(ScanError("neither a folder nor a file".to_owned()));
    }
    let mut above = vec![(facts.dev(), facts.ino())];
    walk(root, "", &mut above, &mut files)?;
    Ok(Scan {
        single: false,
        files,
    })
}

fn walk(
    folder: &Path,
    prefix: &str,
    above: &mut Vec<(u64, u64)>,
    files: &mut BTreeMap<String, Facts>,
) -> Result<(), ScanError> {
    let entries = fs::read_dir(folder).map_err(|e| ScanError::io("cannot read", folder, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| ScanError::io("cannot read", folder, &e))?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            ScanError(format!(
                "{} has a name that is not valid UTF-8",
                path.display()
            ))
        })?;
        if prefix.is_empty()
            && (name == ".git" || name == ".cache" || name.starts_with(".tribunal-"))
        {
            continue;
        }
        let relative = format!("{prefix}{name}");
        let facts = fs::metadata(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => ScanError(format!(
                "`{relative}` is a link that leads nowhere{}",
                target(&path)
            )),
            _ => ScanError::io("cannot look at", &path, &e),
        })?;
        if facts.is_dir() {
            let here = (facts.dev(), facts.ino());
            if above.contains(&here) {
                return Err(ScanError(format!(
                    "`{relative}` leads back to a folder above it"
                )));
            }
            if above.len() >= DEEPEST {
                return Err(ScanError(format!(
                    "`{relative}` is nested deeper than {DEEPEST} folders"
                )));
            }
            above.push(here);
            walk(&path, &format!("{relative}/"), above, files)?;
            above.pop();
        } else if facts.is_file() {
            if files.len() >= MOST_FILES {
                return Err(ScanError(format!("more than {MOST_FILES} files")));
            }
            files.insert(relative, of(&facts));
        } else {
            return Err(ScanError(format!(
                "`{relative}` is neither a file nor a folder"
            )));
        }
    }
    Ok(())
}

fn of(facts: &Metadata) -> Facts {
    Facts {
        size: facts.len(),
        modified: facts
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(facts.mtime_nsec()),
    }
}

fn target(path: &Path) -> String {
    fs::read_link(path).map_or(String::new(), |to: PathBuf| {
        format!(" (to {})", to.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_and_nested_folders_are_followed_and_loops_are_not() {
        let root = tempfile::tempdir().unwrap();
        let (model, blobs) = (root.path().join("model"), root.path().join("blobs"));
        fs::create_dir_all(model.join("a/b")).unwrap();
        fs::create_dir_all(blobs.join("inner")).unwrap();
        fs::create_dir_all(model.join(".git")).unwrap();
        fs::write(model.join(".git/config"), "x").unwrap();
        fs::write(blobs.join("1"), "weights").unwrap();
        fs::write(blobs.join("inner/2"), "more").unwrap();
        fs::write(model.join("a/b/c.txt"), "c").unwrap();
        symlink("../blobs/1", model.join("model.bin")).unwrap();
        symlink("../blobs/inner", model.join("linked")).unwrap();
        let found = scan(&model).unwrap();
        let files: Vec<(&str, u64)> = found
            .files
            .iter()
            .map(|(p, f)| (p.as_str(), f.size))
            .collect();
        assert_eq!(files, [("a/b/c.txt", 1), ("linked/2", 4), ("model.bin", 7)]);
        assert_eq!(found.bytes(), 12);

        symlink("..", model.join("a/up")).unwrap();
        let error = scan(&model).unwrap_err().0;
        assert!(error.contains("`a/up` leads back"), "{error}");
    }

    #[test]
    fn what_is_no_model_is_told() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(scan(&root.path().join("none")).unwrap_err().0, "not there");
        symlink("gone", root.path().join("x.bin")).unwrap();
        let error = scan(root.path()).unwrap_err().0;
        assert_eq!(error, "`x.bin` is a link that leads nowhere (to gone)");
        fs::remove_file(root.path().join("x.bin")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("s")).unwrap();
        let error = scan(root.path()).unwrap_err().0;
        assert_eq!(error, "`s` is neither a file nor a folder");
        fs::write(root.path().join("one.gguf"), "x").unwrap();
        assert!(scan(&root.path().join("one.gguf")).unwrap().single);
    }
}
