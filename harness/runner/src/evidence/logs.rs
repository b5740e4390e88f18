//! The part of a server's log that belongs to an attempt.
//!
//! Promise: what was written between the beginning of the attempt's set-up and its end, at most the newest mebibyte of it. A log that became shorter
//! meanwhile was rotated, and is said to be so. Rejected: matching times in the log (every engine writes them in another form, some not at all).

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::Traces;

/// How much of one log is copied.
const MOST: u64 = 1 << 20;
/// How much of the end of one log is asked for the class of a failure.
const TAIL: u64 = 64 << 10;

/// A log and its length at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub path: PathBuf,
    pub length: u64,
}

/// The logs that a fixture has, with their lengths now.
pub(super) fn marks(traces: &Traces) -> Vec<Mark> {
    let mut paths = traces.logs.clone();
    for folder in &traces.folders {
        // A folder that is not there has no logs.
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "log"))
            .collect();
        found.sort();
        paths.extend(found);
    }
    paths
        .into_iter()
        .map(|path| Mark {
            length: fs::metadata(&path).map_or(0, |m| m.len()),
            path,
        })
        .collect()
}

/// The end of the part of a log that belongs to an attempt, as text; empty where it cannot be read.
pub(crate) fn tail(mark: &Mark) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&mark.path)?;
        let end = file.metadata()?.len();
        // A log that became shorter was rotated.
        let from = if end < mark.length { 0 } else { mark.length };
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(TAIL))))?;
        let mut bytes = vec![];
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// `servers.txt`, and one file per log with its part.
pub(super) fn files(folder: &Path, began: &[Mark]) -> Vec<(String, Vec<u8>)> {
    let mut out = vec![];
    let mut index = String::new();
    for (n, mark) in began.iter().enumerate() {
        let server = mark.path.parent().and_then(Path::file_name);
        let log = mark.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = match server {
            Some(server) => format!("{}-{log}.log", server.to_string_lossy()),
            None => format!("{n:02}-{log}.log"),
        };
        let path = beside(folder, &mark.path);
        match part(mark) {
            Ok((from, to, bytes, note)) => {
                index.push_str(&format!("{}: bytes {from} to {to}{note}", path.display()));
                if from < to {
                    index.push_str(&format!(", copied to {name}"));
                    out.push((name, bytes));
                }
                index.push('\n');
            }
            Err(e) => index.push_str(&format!("{}: cannot be read: {e}\n", path.display())),
        }
    }
    if !index.is_empty() {
        let head = "The logs of the servers that this attempt used, and the part of each that was written during it.\n\n";
        out.push(("servers.txt".into(), format!("{head}{index}").into_bytes()));
    }
    out
}

fn part(mark: &Mark) -> std::io::Result<(u64, u64, Vec<u8>, &'static str)> {
    let mut file = File::open(&mark.path)?;
    let end = file.metadata()?.len();
    let (mut from, mut note) = (mark.length, "");
    if from > end {
        (from, note) = (0, " (the log was cut meanwhile: what is left of it)");
    }
    if end - from > MOST {
        (from, note) = (
            end - MOST,
            " (the newest part of what belongs to the attempt)",
        );
    }
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = vec![];
    file.take(end - from).read_to_end(&mut bytes)?;
    Ok((from, end, bytes, note))
}

/// The log's path as seen from the attempt's folder, where both belong to one run.
fn beside(folder: &Path, log: &Path) -> PathBuf {
    match folder.ancestors().nth(2).map(|run| log.strip_prefix(run)) {
        Some(Ok(rest)) => Path::new("../..").join(rest),
        _ => log.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_gets_its_own_part_of_the_log() {
        let run = tempfile::tempdir().expect("a temporary folder");
        let server = run.path().join("servers/00-engine");
        fs::create_dir_all(&server).expect("a folder");
        let log = server.join("server.log");
        fs::write(&log, "before\n").expect("a file");
        fs::write(server.join("notes.txt"), "no log").expect("a file");
        let traces = Traces {
            folders: vec![server.clone()],
            logs: vec![run.path().join("gone.log")],
        };
        let began = marks(&traces);
        assert_eq!(began.iter().map(|m| m.length).collect::<Vec<_>>(), [0, 7]);
        fs::write(&log, "before\nduring\n").expect("a file");
        let files = files(&run.path().join("a.case/1"), &began);
        assert_eq!(
            files[0],
            ("00-engine-server.log".into(), b"during\n".to_vec())
        );
        let index = String::from_utf8_lossy(&files[1].1);
        assert!(
            index.contains("../../servers/00-engine/server.log: bytes 7 to 14, copied to"),
            "{index}"
        );
        assert!(index.contains("gone.log: cannot be read"), "{index}");
    }

    #[test]
    fn a_long_log_is_cut_at_its_beginning_and_a_rotated_one_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.log");
        fs::write(&path, vec![b'x'; 3 << 20]).expect("a file");
        let (from, to, bytes, note) = part(&Mark {
            path: path.clone(),
            length: 5,
        })
        .expect("readable");
        assert_eq!((to - from, bytes.len()), (MOST, 1 << 20));
        assert!(note.contains("newest"));
        let (from, _, _, note) = part(&Mark {
            path,
            length: 4 << 20,
        })
        .expect("readable");
        assert!(from == 2 << 20 && note.contains("newest"));
    }
}
