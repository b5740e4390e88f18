//! The file of a soak: JSON lines.
//!
//! Promise: every line is whole when it is handed to the system, so that a killed run leaves a journal that is valid up to its last line; a torn last
//! line is dropped when it is read, and cut off before more is appended. Rejected: one document at the end (a killed run leaves nothing).

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::SoakError;
use crate::line::Line;

/// A longer line is no line of ours.
const LONGEST: u64 = 1 << 20;

/// A journal that is written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// What a journal holds.
#[derive(Debug, Default)]
pub struct Read {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Whether the last line was torn: its writer was killed.
    pub torn: bool,
}

impl Journal {
    /// Makes a new one, with the folders above it.
    ///
    /// # Errors
    /// It is there already, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, SoakError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(path, "made", error))?;
        }
        let made = OpenOptions::new().append(true).create_new(true).open(path);
        let file = made.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => SoakError::Exists(path.to_owned()),
            _ => failed(path, "made", error),
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Opens one to go on with it; a torn last line is cut off.
    ///
    /// # Errors
    /// It is not there, or cannot be written.
    pub fn append(path: &Path) -> Result<Self, SoakError> {
        let open = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            let end = whole(&mut file)?;
            file.set_len(end)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        Ok(Self {
            path: path.to_owned(),
            file: open().map_err(|error| failed(path, "gone on with", error))?,
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The file cannot be written: the disk may be full.
    pub fn write(&mut self, line: &Line) -> Result<(), SoakError> {
        let mut text = serde_json::to_vec(line)
            .map_err(|error| failed(&self.path, "written", error.into()))?;
        text.push(b'\n');
        let written = self.file.write_all(&text);
        written.map_err(|error| failed(&self.path, "written", error))
    }

    /// Reads one, also while it is written or after its writer was killed.
    ///
    /// # Errors
    /// It cannot be read, or a line that is not the last is none of a soak.
    pub fn read(path: &Path) -> Result<Read, SoakError> {
        let file = File::open(path).map_err(|error| failed(path, "read", error))?;
        let mut reader = BufReader::new(file);
        let mut read = Read::default();
        let mut number = 0;
        loop {
            let mut text = Vec::new();
            let got = (&mut reader).take(LONGEST).read_until(b'\n', &mut text);
            let got = got.map_err(|error| failed(path, "read", error))?;
            if got == 0 {
                return Ok(read);
            }
            number += 1;
            if text.last() != Some(&b'\n') && got as u64 != LONGEST {
                read.torn = true;
                return Ok(read);
            }
            let line = serde_json::from_slice(&text).map_err(|error| SoakError::Line {
                path: path.to_owned(),
                number,
                why: error.to_string(),
            })?;
            read.lines.push(line);
        }
    }
}

/// Where the last whole line ends.
fn whole(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while end > 0 {
        let size = end.min(block.len() as u64);
        file.seek(SeekFrom::Start(end - size))?;
        // At most the block.
        let part = &mut block[..size as usize];
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end - size + at as u64 + 1);
        }
        end -= size;
    }
    Ok(0)
}

fn failed(path: &Path, doing: &'static str, error: std::io::Error) -> SoakError {
    SoakError::File {
        path: path.to_owned(),
        doing,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Incident, Interval};

    fn line(at: f64) -> Line {
        Line::Traffic(Interval {
            at,
            seconds: 5.0,
            ..Interval::default()
        })
    }

    #[test]
    fn a_torn_line_is_dropped_and_then_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/soak.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.write(&line(5.0)).unwrap();
        journal.write(&line(10.0)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        // Killed in the middle of the second line, wherever that is.
        let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in [second, second + 1, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let read = Journal::read(&path).unwrap();
            assert_eq!(read.lines, [line(5.0)]);
            assert_eq!(read.torn, cut != second);
            Journal::append(&path).unwrap().write(&line(15.0)).unwrap();
            let read = Journal::read(&path).unwrap();
            assert_eq!(
                (read.lines, read.torn),
                (vec![line(5.0), line(15.0)], false)
            );
        }
        // Torn in its first line, and longer than is read at once.
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        Journal::append(&path).unwrap().write(&line(1.0)).unwrap();
        assert_eq!(Journal::read(&path).unwrap().lines, [line(1.0)]);
    }

    #[test]
    fn nothing_is_written_over_and_nonsense_says_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("soak.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        let what = Incident::Dead {
            why: "\u{1b}\n\"".into(),
        };
        let dead = Line::Incident { at: 1.5, what };
        journal.write(&dead).unwrap();
        assert_eq!(Journal::read(&path).unwrap().lines, [dead]);
        assert!(matches!(Journal::create(&path), Err(SoakError::Exists(_))));
        std::fs::write(&path, "{\"line\":\"traffic\"}\n{}\n").unwrap();
        let told = Journal::read(&path).unwrap_err().to_string();
        assert!(told.contains("soak.jsonl:1"), "{told}");
        let missing = folder.path().join("missing");
        assert!(Journal::append(&missing).is_err() && Journal::read(&missing).is_err());
    }
}
