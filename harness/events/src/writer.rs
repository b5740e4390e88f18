//! The writer of a log.
//!
//! Promise: lines reach the file whole and in order; what was flushed is there whatever becomes of the process. Where the file cannot take more (a full
//! disk), nothing more is written, so that no later line hangs on half an earlier one. Rejected: a system call per line (ten thousand short tests would
//! wait for it), and `fsync` (a log outlives its process, not its machine).

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::line::Line;

/// So much may wait in memory.
const ROOM: usize = 256 << 10;

/// Writes a log.
#[derive(Debug)]
pub struct Writer {
    file: Option<File>,
    buffer: Vec<u8>,
}

impl Writer {
    /// Begins a log in a new file.
    ///
    /// # Errors
    /// The file is there already, or cannot be made.
    pub fn create(path: &Path) -> io::Result<Writer> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Writer {
            file: Some(file),
            buffer: Vec::with_capacity(ROOM + (16 << 10)),
        })
    }

    /// Adds a line. It is in the file after [`Writer::flush`] at the latest.
    ///
    /// # Errors
    /// The file cannot take it; nothing more will be written.
    pub fn add(&mut self, line: &Line) -> io::Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let before = self.buffer.len();
        if let Err(e) = serde_json::to_writer(&mut self.buffer, line) {
            // Keys are text and numbers that JSON does not have become null, so that this is somebody's own JSON that has no text.
            self.buffer.truncate(before);
            return Err(e.into());
        }
        self.buffer.push(b'\n');
        match self.buffer.len() >= ROOM {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Brings everything into the file, by one system call where the file takes it.
    ///
    /// # Errors
    /// The file cannot take it; nothing more will be written.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| !self.buffer.is_empty()) else {
            return Ok(());
        };
        let written = file.write_all(&self.buffer);
        self.buffer.clear();
        if written.is_err() {
            self.file = None;
        }
        written
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Who wants to know flushes.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{CaseLine, RunEnded, RunStarted, SCHEMA};
    use crate::run::RunLog;

    fn started() -> Line {
        Line::RunStarted(Box::new(RunStarted {
            schema: SCHEMA,
            run: "r".into(),
            ..RunStarted::default()
        }))
    }

    #[test]
    fn what_was_flushed_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut writer = Writer::create(&path).unwrap();
        writer.add(&started()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"", "it waits for its flush");
        writer.flush().unwrap();
        writer
            .add(&Line::Case(Box::new(CaseLine {
                name: "a\n\"b\"\u{0}".into(),
                ..CaseLine::default()
            })))
            .unwrap();
        writer.flush().unwrap();
        let read = |text: &str| RunLog::parse(text, folder.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        let run = read(&text);
        assert_eq!(run.cases[0].line.name, "a\n\"b\"\u{0}");
        assert!(run.wrong.is_empty() && run.ended.is_none());
        writer
            .add(&Line::RunEnded(Box::<RunEnded>::default()))
            .unwrap();
        drop(writer);
        let run = read(&std::fs::read_to_string(&path).unwrap());
        assert!(run.ended.is_some());
        // Cut anywhere in its last line, it tells of everything before.
        let cut = &text[..text.len() - 5];
        let run = read(cut);
        assert!(run.cases.is_empty() && run.wrong[0].contains("was killed"));
    }

    #[test]
    fn a_log_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let _first = Writer::create(&path).unwrap();
        let error = Writer::create(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_file_that_takes_no_more_gets_no_more() {
        // A pipe whose reader is gone refuses as a full disk does.
        let (reader, pipe) = io::pipe().unwrap();
        drop(reader);
        let mut writer = Writer {
            file: Some(File::from(std::os::fd::OwnedFd::from(pipe))),
            buffer: vec![],
        };
        writer.add(&started()).unwrap();
        assert!(writer.flush().is_err());
        writer.add(&started()).unwrap();
        writer.flush().unwrap();
        assert!(writer.buffer.is_empty());
    }
}
