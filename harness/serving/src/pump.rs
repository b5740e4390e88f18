//! Writing a server's log: from the pipe into a bounded file, and a watch for fatal lines on the way.
//!
//! The keeper pumps, not the harness: the log is complete when the harness was killed, and a server never blocks on
//! a full pipe because its harness is busy. Giving the file itself to the server was rejected: nobody could then bound
//! it, and a disk that is full would reach the server as an error of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::launch::Fatal;
use crate::options::LogLimits;

/// A line that is longer is looked at in pieces of this size.
const LONGEST_LINE: usize = 64 << 10;
/// How much of such a piece is looked at again with the next one for an expression, whose match may be of any length.
const REGEX_OVERLAP: usize = 4 << 10;

/// A log file that never grows beyond its limit.
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    limits: LogLimits,
    /// Bytes dropped so far from the middle.
    dropped: u64,
    /// Bytes that could not be written, and the first reason.
    lost: Option<(u64, String)>,
}

impl LogFile {
    /// Opens a file that exists; what it has stays.
    pub(crate) fn open(path: &Path, limits: LogLimits) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(path)?;
        let size = file.metadata()?.len();
        let limits = LogLimits {
            whole: limits.whole,
            head: limits.head.min(limits.whole / 2),
        };
        Ok(Self {
            path: path.into(),
            file,
            size,
            limits,
            dropped: 0,
            lost: None,
        })
    }

    /// Appends. A failure is counted, not returned: the server must go on, whatever becomes of its log.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if self.size + bytes.len() as u64 > self.limits.whole
            && let Err(error) = self.compact()
        {
            self.lose(bytes.len(), &error);
            return;
        }
        match self.file.write_all(bytes) {
            Ok(()) => self.size += bytes.len() as u64,
            Err(error) => {
                self.lose(bytes.len(), &error);
                // Part of it may have been written.
                self.size = self.file.metadata().map_or(self.size, |m| m.len());
            }
        }
    }

    fn lose(&mut self, bytes: usize, error: &io::Error) {
        let (count, _) = self.lost.get_or_insert_with(|| (0, error.to_string()));
        *count += bytes as u64;
    }

    pub(crate) fn lost(&self) -> Option<(u64, String)> {
        self.lost.clone()
    }

    /// Keeps the head and the newest half of the rest. The new file takes the place of the old one in one step, so
    /// that a reader always sees one that is whole; half is kept, so that copying costs a constant factor.
    fn compact(&mut self) -> io::Result<()> {
        let keep = (self.limits.whole - self.limits.head) / 2;
        let mut old = File::open(&self.path)?;
        let size = old.metadata()?.len();
        let new_path = self.path.with_extension("log.new");
        let mut new = File::create(&new_path)?;
        let copied = (|| {
            let head = io::copy(&mut (&mut old).take(self.limits.head), &mut new)?;
            let from = size.saturating_sub(keep).max(head);
            // What an earlier gap mark says is counted already; its own few bytes are counted as log.
            self.dropped += from - head;
            let mark = format!(
                "\n--- gap: {} bytes of this log were dropped here ---\n",
                self.dropped
            );
            new.write_all(mark.as_bytes())?;
            old.seek(SeekFrom::Start(from))?;
            io::copy(&mut old, &mut new)?;
            std::fs::rename(&new_path, &self.path)
        })();
        if let Err(error) = copied {
            // Best effort: the error above is the one that matters.
            let _ = std::fs::remove_file(&new_path);
            return Err(error);
        }
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }
}

/// Finds the first line that holds one of the patterns.
pub(crate) struct LineWatch {
    patterns: Vec<(Fatal, Option<Regex>)>,
    partial: Vec<u8>,
    found: bool,
}

impl LineWatch {
    /// An expression that does not parse was refused before anything was started; here it would find nothing.
    pub(crate) fn new(patterns: Vec<Fatal>) -> Self {
        let patterns: Vec<_> = patterns
            .into_iter()
            .map(|p| {
                let regex = p.regex.then(|| p.compiled().ok()).flatten();
                (p, regex)
            })
            .collect();
        Self {
            found: patterns.is_empty(),
            patterns,
            partial: Vec::new(),
        }
    }

    /// The pattern and the line, once. A line counts when it is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<(String, String)> {
        if self.found {
            return None;
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.partial.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let hit = self.look();
            self.partial.clear();
            if hit.is_some() {
                return hit;
            }
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > LONGEST_LINE {
            let hit = self.look();
            // A pattern may lie across the cut: as much as the longest one has is looked at again.
            let overlap = self
                .patterns
                .iter()
                .map(|(p, _)| {
                    if p.regex {
                        REGEX_OVERLAP
                    } else {
                        p.pattern.len()
                    }
                })
                .max()
                .unwrap_or(0);
            let cut = self.partial.len().saturating_sub(overlap);
            self.partial.drain(..cut);
            return hit;
        }
        None
    }

    /// Looks at what is there of the last line: the server has ended, no more will come.
    pub(crate) fn finish(&mut self) -> Option<(String, String)> {
        if self.found { None } else { self.look() }
    }

    fn look(&mut self) -> Option<(String, String)> {
        let line = String::from_utf8_lossy(&self.partial);
        let (found, _) = self.patterns.iter().find(|(p, regex)| match regex {
            Some(regex) => regex.is_match(&line),
            None => !p.regex && line.contains(p.pattern.as_str()),
        })?;
        let hit = (
            found.pattern.clone(),
            crate::text::excerpt(line.as_bytes(), 500),
        );
        self.found = true;
        Some(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(whole: u64, head: u64) -> (tempfile::TempDir, LogFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        File::create(&path).unwrap();
        let log = LogFile::open(&path, LogLimits { whole, head }).unwrap();
        (folder, log)
    }

    #[test]
    fn a_log_within_the_limit_is_whole() {
        let (_folder, mut log) = log(1_000, 100);
        for _ in 0..10 {
            log.append(&[b'x'; 100]);
        }
        assert_eq!(std::fs::read(&log.path).unwrap(), vec![b'x'; 1_000]);
    }

    #[test]
    fn a_flood_keeps_the_first_and_the_newest_and_marks_the_gap() {
        let (_folder, mut log) = log(10_000, 1_000);
        for i in 0..5_000 {
            log.append(format!("line {i}\n").as_bytes());
            assert!(std::fs::metadata(&log.path).unwrap().len() <= 10_000);
        }
        let text = std::fs::read_to_string(&log.path).unwrap();
        assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 4998\nline 4999\n"));
        let gaps: Vec<&str> = text
            .lines()
            .filter(|l| l.starts_with("--- gap: "))
            .collect();
        assert_eq!(gaps.len(), 1);
        let dropped: u64 = gaps[0].split(' ').nth(2).unwrap().parse().unwrap();
        let written: u64 = (0..5_000).map(|i| format!("line {i}\n").len() as u64).sum();
        assert!(
            dropped > written / 2 && dropped < written,
            "{dropped} of {written}"
        );
        assert_eq!(log.lost(), None);
        assert!(!log.path.with_extension("log.new").exists());
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        // Every write to this device fails with "no space left".
        let path = Path::new("/dev/full");
        let limits = LogLimits::default();
        let mut log = LogFile::open(path, limits).unwrap();
        log.append(b"12345");
        log.append(b"123");
        let (bytes, why) = log.lost().unwrap();
        assert_eq!(bytes, 8);
        assert!(why.contains("No space"), "{why}");
    }

    fn text(pattern: &str) -> Fatal {
        Fatal {
            pattern: pattern.into(),
            regex: false,
            cause: None,
        }
    }

    #[test]
    fn an_expression_is_matched_and_a_text_is_not_one() {
        let mut watch = LineWatch::new(vec![
            text("a.c"),
            Fatal {
                regex: true,
                ..text(r"(?i)rank \d+ died$")
            },
        ]);
        assert_eq!(watch.feed(b"abc\nRank x died\nRank 1 died later\n"), None);
        let (pattern, line) = watch.feed(b"[7] RANK 12 died\n").unwrap();
        assert_eq!(
            (pattern.as_str(), line.as_str()),
            (r"(?i)rank \d+ died$", "[7] RANK 12 died")
        );
    }

    #[test]
    fn fatal_lines_are_found_across_reads_and_once() {
        let mut watch = LineWatch::new(vec![text("out of memory")]);
        assert_eq!(watch.feed(b"fine\nCUDA out of"), None);
        let (pattern, line) = watch.feed(b" memory!\nnext").unwrap();
        assert_eq!(
            (pattern.as_str(), line.as_str()),
            ("out of memory", "CUDA out of memory!")
        );
        assert_eq!(watch.feed(b"out of memory\n"), None);
        assert_eq!(watch.finish(), None);
    }

    #[test]
    fn an_unfinished_or_endless_line_is_looked_at() {
        let mut watch = LineWatch::new(vec![text("fatal")]);
        assert_eq!(watch.feed(b"so fatal"), None);
        assert!(watch.finish().is_some());
        let mut watch = LineWatch::new(vec![text("fatal")]);
        assert_eq!(watch.feed(&[b'x'; LONGEST_LINE - 1]), None);
        assert_eq!(watch.feed(b"xxfat"), None);
        assert_eq!(watch.feed(b"al"), None);
        assert!(watch.partial.len() < 20);
        assert!(watch.finish().is_some());
    }
}
