//! What a process of a node says: a file, and its last lines in memory.
//!
//! Promise: the file is bounded, its beginning is kept, and secrets are masked before anything is written. Rejected: the process's own descriptors on the file (nobody could
//! say the last lines when its node is gone).

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The lines that messages show.
pub(crate) const TAIL: usize = 20;
/// Of a longer line the beginning is shown.
const LONGEST_LINE: usize = 2000;
/// What a file may grow to.
const LARGEST: u64 = 256 << 20;

/// The log of one process.
#[derive(Clone)]
pub(crate) struct Log {
    pub path: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    file: File,
    written: u64,
    /// What has no line end yet.
    open: Vec<u8>,
    tail: VecDeque<String>,
    /// Lines that nobody has been told of, of those in the tail.
    fresh: usize,
    /// Bytes that could not be written since the last that could.
    lost: u64,
    /// Why the first of them could not, until somebody is told.
    trouble: Option<String>,
}

impl Log {
    /// A new file in the folder; where the name is taken, `name-2.log` and so on.
    pub(crate) fn create(folder: &Path, name: &str) -> io::Result<Log> {
        std::fs::create_dir_all(folder)?;
        let mut number = 1;
        let (path, file) = loop {
            let path = match number {
                1 => folder.join(format!("{name}.log")),
                n => folder.join(format!("{name}-{n}.log")),
            };
            match File::create_new(&path) {
                Ok(file) => break (path, file),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < 10_000 => {
                    number += 1
                }
                Err(e) => return Err(e),
            }
        };
        let inner = Inner {
            file,
            written: 0,
            open: Vec::new(),
            tail: VecDeque::new(),
            fresh: 0,
            lost: 0,
            trouble: None,
        };
        Ok(Log {
            path,
            inner: Arc::new(Mutex::new(inner)),
        })
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the process has said.
    pub(crate) fn feed(&self, bytes: &[u8]) {
        let mut inner = self.inner();
        inner.open.extend_from_slice(bytes);
        let whole = match inner.open.iter().rposition(|b| *b == b'\n') {
            Some(end) => end + 1,
            // A line without an end is cut, so that it cannot fill the memory.
            None if inner.open.len() > 64 << 10 => inner.open.len(),
            None => return,
        };
        let lines: Vec<u8> = inner.open.drain(..whole).collect();
        inner.write(&lines);
    }

    /// Nothing more will be said.
    pub(crate) fn finish(&self) {
        let mut inner = self.inner();
        let rest = std::mem::take(&mut inner.open);
        if !rest.is_empty() {
            inner.write(&rest);
        }
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> Vec<String> {
        self.inner().tail.iter().cloned().collect()
    }

    /// Those of the last lines that were not taken before.
    pub(crate) fn fresh(&self) -> Vec<String> {
        let mut inner = self.inner();
        let skip = inner.tail.len() - inner.fresh.min(inner.tail.len());
        inner.fresh = 0;
        inner.tail.iter().skip(skip).cloned().collect()
    }

    /// Why what was said since is not in the file, once for each time that this begins.
    pub(crate) fn trouble(&self) -> Option<String> {
        let why = self.inner().trouble.take()?;
        let path = self.path.display();
        Some(format!(
            "{path} cannot be written, and what is said from here on is lost: {why}"
        ))
    }
}

impl Inner {
    fn write(&mut self, bytes: &[u8]) {
        let text = tribunal_serving::without_secrets(&String::from_utf8_lossy(bytes));
        for line in text.lines() {
            let shown: String = line
                .chars()
                .filter(|c| !c.is_control())
                .take(LONGEST_LINE)
                .collect();
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(shown);
            self.fresh += 1;
        }
        if self.written >= LARGEST {
            return;
        }
        // A full disk does not end a server; that something is missing is told, and stands in the file as soon as there is room.
        let gap = match self.lost {
            0 => String::new(),
            lost => format!("\n[{lost} bytes are missing here: they could not be written]\n"),
        };
        let written = self
            .file
            .write_all(gap.as_bytes())
            .and_then(|()| self.file.write_all(text.as_bytes()));
        match written {
            Ok(()) => self.lost = 0,
            Err(e) => {
                if self.lost == 0 {
                    self.trouble = Some(e.to_string());
                }
                self.lost += text.len() as u64;
                return;
            }
        }
        self.written += text.len() as u64;
        if self.written >= LARGEST {
            let _ = self
                .file
                .write_all(b"\n[what follows is not kept: the log has 256 MiB]\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_told_once_and_marked() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(folder.path(), "rank-0").unwrap();
        let file = std::mem::replace(
            &mut log.inner().file,
            File::options().write(true).open("/dev/full").unwrap(),
        );
        log.feed(b"lost\n");
        log.feed(b"lost as well\n");
        let told = log.trouble().unwrap();
        assert!(
            told.contains("rank-0.log cannot be written") && told.contains("No space left"),
            "{told}"
        );
        assert_eq!(log.trouble(), None);
        assert_eq!(log.tail(), ["lost", "lost as well"]);
        log.inner().file = file;
        log.feed(b"kept\n");
        let text = std::fs::read_to_string(&log.path).unwrap();
        assert_eq!(
            text,
            "\n[18 bytes are missing here: they could not be written]\nkept\n"
        );
    }

    #[test]
    fn lines_are_kept_whole_and_the_newest_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(folder.path(), "rank-0").unwrap();
        log.feed(b"one\ntw");
        assert_eq!(log.fresh(), ["one"]);
        log.feed(b"o\n");
        assert_eq!((log.fresh(), log.fresh()), (vec!["two".to_owned()], vec![]));
        for i in 0..50 {
            log.feed(format!("line {i}\n").as_bytes());
        }
        log.feed(b"the end");
        log.finish();
        let tail = log.tail();
        assert_eq!(tail.len(), TAIL);
        assert_eq!(tail.last().unwrap(), "the end");
        assert_eq!(log.fresh(), tail);
        let text = std::fs::read_to_string(&log.path).unwrap();
        assert!(
            text.starts_with("one\ntwo\nline 0\n") && text.ends_with("the end"),
            "{text}"
        );
        let second = Log::create(folder.path(), "rank-0").unwrap();
        assert!(second.path.ends_with("rank-0-2.log"));
    }
}
