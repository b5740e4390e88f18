//! The folder of one run: what went in, what came out.
//!
//! ```text
//! 0001/request.json   the request as it came
//! 0001/prompt.txt     the prompt as a file
//! 0001/run.json       the command as it was run
//! 0001/stdout         what it printed
//! 0001/stderr
//! 0001/result.json    how it ended
//! 0001/output/        what it made
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::reply::MadeFile;

/// More files than an answer lists.
const MOST_LISTED: usize = 1000;

/// Where the folders of the runs lie.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    last: AtomicUsize,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub path: PathBuf,
    /// Its name.
    pub name: String,
}

impl Folders {
    pub(crate) fn new(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self {
            root,
            last: AtomicUsize::new(0),
        })
    }

    /// A new folder; those of earlier bridges are left alone.
    pub(crate) fn next(&self) -> io::Result<Folder> {
        loop {
            let name = format!("{:04}", self.last.fetch_add(1, Ordering::Relaxed) + 1);
            let path = self.root.join(&name);
            match fs::create_dir(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
                Ok(()) => {
                    fs::create_dir(path.join("output"))?;
                    return Ok(Folder { path, name });
                }
            }
        }
    }
}

impl Folder {
    pub(crate) fn output(&self) -> PathBuf {
        self.path.join("output")
    }

    /// What lies below `output`, but for the file of the answer. Links are listed as what they are and not followed.
    pub(crate) fn made(&self, answer: Option<&str>) -> Vec<MadeFile> {
        let mut files = Vec::new();
        list(&self.output(), "", &mut files);
        files.retain(|file| Some(file.path.as_str()) != answer);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<MadeFile>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if files.len() >= MOST_LISTED {
            return;
        }
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let Ok(facts) = entry.metadata() else {
            continue;
        };
        if facts.is_dir() {
            list(&entry.path(), &format!("{path}/"), files);
        } else {
            files.push(MadeFile {
                path,
                bytes: facts.len(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_new_and_files_are_listed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("0001")).unwrap();
        let folder = Folders::new(root.path().to_path_buf())
            .unwrap()
            .next()
            .unwrap();
        assert_eq!(folder.name, "0002");
        fs::create_dir(folder.output().join("frames")).unwrap();
        fs::write(folder.output().join("frames/1.png"), "png").unwrap();
        fs::write(folder.output().join("answer.json"), "{}").unwrap();
        std::os::unix::fs::symlink("/etc", folder.output().join("link")).unwrap();
        let paths: Vec<String> = folder
            .made(Some("answer.json"))
            .into_iter()
            .map(|f| f.path)
            .collect();
        assert_eq!(paths, ["frames/1.png", "link"]);
    }
}
