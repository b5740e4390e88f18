//! What became of each row, on disk: one line of JSON each, after a line that says of what.
//!
//! Promise: a file that was cut off anywhere can be gone on with; one of another data set, scorer or seed cannot, and says so. Every answer is in it,
//! so that nobody has to ask again to see what was said. Rejected: writing the file at the end. A run of an hour that is killed would leave nothing.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::mark::Mark;

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The row.
    pub id: String,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What its answer is worth.
    pub mark: Mark,
    /// What was said, or how the server failed.
    pub said: String,
    /// The answer that was found in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// What would have been right.
    pub expected: Vec<String>,
    /// Errors and length of the reference, where texts were aligned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<(usize, usize)>,
}

/// Of what a file of records, or a baseline, tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The name of the data set's file.
    pub data_set: String,
    /// Its hash.
    pub sha256: String,
    /// How many rows were to be asked.
    pub rows: usize,
    /// How many lines of the file were left out.
    pub bad_lines: usize,
    /// The seed that picked the rows; `None` where all were asked.
    pub sample: Option<u64>,
    /// How answers were scored.
    pub scorer: String,
}

impl Subject {
    /// In which point the other tells of something else.
    pub(crate) fn differs(&self, other: &Subject) -> Option<String> {
        let told = |what: &str, a: String, b: String| Some(format!("{what}: {a} there, {b} here"));
        let sample = |s: &Subject| match s.sample {
            Some(seed) => format!("{} drawn by seed {seed}", s.rows),
            None => format!("all {}", s.rows),
        };
        if self.sha256 != other.sha256 {
            let shown = |s: &Subject| {
                let hash = s.sha256.get(..12).unwrap_or(&s.sha256);
                format!("{} (SHA-256 {hash}…)", s.data_set)
            };
            return told("another data set", shown(self), shown(other));
        }
        if (self.sample, self.rows) != (other.sample, other.rows) {
            return told("other rows", sample(self), sample(other));
        }
        if self.scorer != other.scorer {
            return told("another scorer", self.scorer.clone(), other.scorer.clone());
        }
        None
    }
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    subject: Subject,
    seed: u64,
}

/// The longest line that is read back.
const MOST_LINE: u64 = 64 << 20;

/// A file of records that is being written.
pub(crate) struct RecordFile {
    path: PathBuf,
    file: File,
}

impl RecordFile {
    /// Opens a file, and returns what it has already, by row. What the server failed to answer is left out: it is asked again.
    pub(crate) fn open(
        path: &Path,
        subject: &Subject,
        seed: u64,
    ) -> Result<(RecordFile, HashMap<String, Record>), AccuracyError> {
        let cannot = |e: std::io::Error| AccuracyError::file(path, "opened", &e);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(cannot)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(cannot)?;
        let mut done = HashMap::new();
        let mut reader = BufReader::new(&mut file);
        let (mut whole, mut line_number) = (0_u64, 0_usize);
        loop {
            let mut line = vec![];
            let read = (&mut reader)
                .take(MOST_LINE)
                .read_until(b'\n', &mut line)
                .map_err(cannot)?;
            if line.last() != Some(&b'\n') {
                // The end, or a line that was cut off when the run ended.
                break;
            }
            line_number += 1;
            if line_number == 1 {
                let head: Head = serde_json::from_slice(&line).map_err(|e| {
                    mismatch(
                        path,
                        &format!("its first line does not say of what it tells ({e})"),
                    )
                })?;
                if let Some(what) = head.subject.differs(subject) {
                    return Err(mismatch(path, &what));
                }
                if head.seed != seed {
                    let what = format!("another seed: {} there, {seed} here", head.seed);
                    return Err(mismatch(path, &what));
                }
            } else {
                let record: Record = serde_json::from_slice(&line).map_err(|e| {
                    mismatch(path, &format!("line {line_number} is no record ({e})"))
                })?;
                if record.mark != Mark::Failed {
                    done.insert(record.id.clone(), record);
                }
            }
            whole += read as u64;
        }
        file.set_len(whole).map_err(cannot)?;
        file.seek(SeekFrom::Start(whole)).map_err(cannot)?;
        let mut out = RecordFile {
            path: path.to_path_buf(),
            file,
        };
        if line_number == 0 {
            let subject = subject.clone();
            out.line(&Head { subject, seed })?;
        }
        Ok((out, done))
    }

    pub(crate) fn add(&mut self, record: &Record) -> Result<(), AccuracyError> {
        self.line(record)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), AccuracyError> {
        let cannot = |e| AccuracyError::file(&self.path, "written", &e);
        let mut text = serde_json::to_vec(value).map_err(|e| cannot(e.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(cannot)
    }
}

fn mismatch(path: &Path, what: &str) -> AccuracyError {
    AccuracyError::new(
        AccuracyErrorKind::Mismatch,
        format!(
            "{} cannot be gone on with: {what}\nhelp: name another file, or remove this one",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            data_set: "set.jsonl".into(),
            sha256: "ab".repeat(32),
            rows: 3,
            bad_lines: 0,
            sample: None,
            scorer: "equal".into(),
        }
    }

    fn record(id: &str, mark: Mark) -> Record {
        Record {
            id: id.into(),
            group: None,
            mark,
            said: "x".into(),
            found: "x".into(),
            expected: vec!["x".into()],
            errors: None,
        }
    }

    #[test]
    fn a_file_that_was_cut_off_is_gone_on_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/records.jsonl");
        let (mut file, done) = RecordFile::open(&path, &subject(), 1).expect("opened");
        assert!(done.is_empty());
        for (id, mark) in [("a", Mark::Right), ("b", Mark::Failed), ("c", Mark::Wrong)] {
            file.add(&record(id, mark)).expect("written");
        }
        drop(file);
        let whole = std::fs::read(&path).expect("read");
        // Cut at any byte: the file opens, and has the records that were whole. Its own head is written again where that was cut.
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).expect("written");
            let (mut file, done) = RecordFile::open(&path, &subject(), 1).expect("opened");
            let lines = whole[..length].iter().filter(|b| **b == b'\n').count();
            // Of the three records the second is a failure, which is asked again.
            let expected = [0, 0, 1, 1, 2][lines];
            assert_eq!(done.len(), expected, "cut at {length}");
            file.add(&record("d", Mark::Right)).expect("written");
            drop(file);
            let (_, done) = RecordFile::open(&path, &subject(), 1).expect("opened");
            assert!(done.contains_key("d"), "cut at {length}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("records.jsonl");
        drop(RecordFile::open(&path, &subject(), 1).expect("opened"));
        let refused = |subject: &Subject, seed: u64| {
            let error = RecordFile::open(&path, subject, seed)
                .err()
                .expect("refused");
            assert_eq!(error.kind(), AccuracyErrorKind::Mismatch);
            error.to_string()
        };
        let other = Subject {
            sha256: "cd".repeat(32),
            ..subject()
        };
        assert!(refused(&other, 1).contains("another data set"));
        let other = Subject {
            scorer: "contains".into(),
            ..subject()
        };
        assert!(refused(&other, 1).contains("another scorer"));
        let other = Subject {
            sample: Some(4),
            ..subject()
        };
        assert!(refused(&other, 1).contains("other rows: all 3 there, 3 drawn by seed 4"));
        assert!(refused(&subject(), 2).contains("another seed"));
        std::fs::write(&path, "nonsense\n").expect("written");
        assert!(refused(&subject(), 1).contains("first line"));
    }
}
