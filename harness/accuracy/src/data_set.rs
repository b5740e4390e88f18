//! A data set: rows from a file of JSON lines or of comma-separated values, with the hash of all that belongs to it.
//!
//! Promise: a data set that was read has no bad line, or the caller has said that the good ones will do and the bad ones are listed. Sizes are bounded
//! before anything is stored. The hash covers the bytes of the file and of every media file that it names, so that equal hashes mean equal questions.
//! Rejected: reading line by line while asking. A mistake in the last line would be told after an hour of asking.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::binomial::MOST_ROWS;
use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::row::Row;

/// The largest file of rows, in bytes.
const MOST_BYTES: u64 = 256 << 20;
/// The longest line, in bytes.
const MOST_LINE: usize = 4 << 20;
/// The largest media file, in bytes.
const MOST_MEDIA: u64 = 1 << 30;
/// How many bad lines a message lists.
const SHOWN: usize = 20;

/// A line that is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        write!(f, "{file}:{}: {}", self.line, self.problem)
    }
}

/// Questions with their right answers.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    file: PathBuf,
    rows: Vec<Row>,
    bad: Vec<BadLine>,
    sha256: String,
}

impl DataSet {
    /// Reads a file of JSON lines, or a table of comma-separated values where its name ends with `.csv`. A line that is no row refuses the whole set.
    ///
    /// # Errors
    /// When the file cannot be read, is too large, or any line is bad: all of them are named.
    pub fn read(path: impl AsRef<Path>) -> Result<DataSet, AccuracyError> {
        let set = DataSet::read_good(path)?;
        if set.bad.is_empty() {
            return Ok(set);
        }
        let mut text = format!(
            "{} of the data set {} cannot be used, so nothing was asked:",
            lines(set.bad.len()),
            set.file.display()
        );
        for bad in set.bad.iter().take(SHOWN) {
            text.push_str(&format!("\n  {bad}"));
        }
        if set.bad.len() > SHOWN {
            text.push_str(&format!("\n  and {} more", set.bad.len() - SHOWN));
        }
        text.push_str("\nhelp: mend them; `DataSet::read_good` asks the other rows and lists these in the result");
        Err(AccuracyError::new(AccuracyErrorKind::DataSet, text))
    }

    /// Reads a file as [`DataSet::read`] does, and leaves out the lines that are no rows: [`DataSet::bad_lines`] has them, and every summary counts them.
    ///
    /// # Errors
    /// When the file cannot be read or is too large, or has no row at all.
    pub fn read_good(path: impl AsRef<Path>) -> Result<DataSet, AccuracyError> {
        let path = path.as_ref();
        let mut bytes = vec![];
        let file = File::open(path).map_err(|e| AccuracyError::file(path, "read", &e))?;
        let mut limited = file.take(MOST_BYTES + 1);
        limited
            .read_to_end(&mut bytes)
            .map_err(|e| AccuracyError::file(path, "read", &e))?;
        if bytes.len() as u64 > MOST_BYTES {
            let text = format!(
                "the data set {} is larger than {} MiB\nhelp: split it",
                path.display(),
                MOST_BYTES >> 20
            );
            return Err(AccuracyError::new(AccuracyErrorKind::DataSet, text));
        }
        DataSet::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<DataSet, AccuracyError> {
        let mut hash = Sha256::new();
        hash.update(bytes);
        let mut set = DataSet {
            file: path.to_path_buf(),
            rows: vec![],
            bad: vec![],
            sha256: String::new(),
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut media: HashMap<String, Result<[u8; 32], String>> = HashMap::new();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for (line, text) in lines_of(path, bytes) {
            let row = text.and_then(|text| row(&text, line, folder, &seen, &mut media));
            match row {
                Ok(row) => {
                    seen.insert(row.id.clone(), line);
                    if let Some(Ok(digest)) = row.media.as_ref().and_then(|m| media.get(m)) {
                        hash.update(digest);
                    }
                    set.rows.push(row);
                }
                Err(problem) => set.bad.push(BadLine {
                    file: path.to_path_buf(),
                    line,
                    problem,
                }),
            }
            if set.rows.len() > MOST_ROWS {
                let text = format!(
                    "{}:{line}: more than {MOST_ROWS} rows\nhelp: split the data set",
                    path.display()
                );
                return Err(AccuracyError::new(AccuracyErrorKind::DataSet, text));
            }
        }
        if set.rows.is_empty() {
            let mut text = format!("the data set {} has no rows", path.display());
            if let Some(bad) = set.bad.first() {
                text = format!("{text} that can be used; the first of its lines: {bad}");
            }
            return Err(AccuracyError::new(AccuracyErrorKind::Empty, text));
        }
        set.sha256 = hex(&hash.finalize());
        Ok(set)
    }

    /// The file that it was read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The rows, in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The lines that were left out.
    pub fn bad_lines(&self) -> &[BadLine] {
        &self.bad
    }

    /// The SHA-256 of the file and of the media that its rows name, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where a row's media file lies.
    pub fn media(&self, row: &Row) -> Option<PathBuf> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        row.media.as_ref().map(|m| folder.join(m))
    }
}

/// The lines that are not empty, each with its number and as the JSON that it is or stands for.
fn lines_of<'a>(path: &Path, bytes: &'a [u8]) -> Box<dyn Iterator<Item = Line<'a>> + 'a> {
    if path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
    {
        let rows = crate::table::rows(bytes);
        return Box::new(rows.map(|(line, text)| (line, text.map(Cow::Owned))));
    }
    let lines = bytes.split(|b| *b == b'\n').enumerate();
    let lines = lines.filter(|(_, bytes)| !bytes.trim_ascii().is_empty());
    Box::new(lines.map(|(line, bytes)| {
        let text = std::str::from_utf8(bytes).map_err(|e| {
            format!(
                "no UTF-8 (at byte {}); expected a line of JSON",
                e.valid_up_to() + 1
            )
        });
        (line + 1, text.map(Cow::Borrowed))
    }))
}

type Line<'a> = (usize, Result<Cow<'a, str>, String>);

fn row(
    text: &str,
    line: usize,
    folder: &Path,
    seen: &HashMap<String, usize>,
    media: &mut HashMap<String, Result<[u8; 32], String>>,
) -> Result<Row, String> {
    if text.len() > MOST_LINE {
        return Err(format!(
            "{} bytes in one line; expected at most {MOST_LINE}",
            text.len()
        ));
    }
    let row = Row::read(text, line)?;
    if let Some(first) = seen.get(&row.id) {
        return Err(format!(
            "the id `{}` is that of line {first} already; expected one of its own",
            row.id
        ));
    }
    if let Some(name) = &row.media {
        let digest = media
            .entry(name.clone())
            .or_insert_with(|| media_digest(folder, name));
        if let Err(problem) = digest {
            return Err(problem.clone());
        }
    }
    Ok(row)
}

/// The hash of a media file, which must lie below the data set's folder: a set from elsewhere must not send other files of this machine to a server.
fn media_digest(folder: &Path, name: &str) -> Result<[u8; 32], String> {
    let path = Path::new(name);
    if name.is_empty() || !path.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(format!(
            "the media file {name:?} is not below the data set's folder; expected a relative path without `..`"
        ));
    }
    let whole = folder.join(path);
    let cannot =
        |e: std::io::Error| format!("the media file {} cannot be read: {e}", whole.display());
    let base = folder
        .canonicalize()
        .or_else(|_| Path::new(".").canonicalize());
    let real = whole.canonicalize().map_err(cannot)?;
    if !base.is_ok_and(|base| real.starts_with(base)) {
        return Err(format!(
            "the media file {name:?} is a link that leads out of the data set's folder"
        ));
    }
    let file = File::open(&real).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.len() > MOST_MEDIA {
        return Err(format!(
            "the media file {name:?} is larger than {} MiB",
            MOST_MEDIA >> 20
        ));
    }
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    let mut limited = file.take(MOST_MEDIA);
    loop {
        match limited.read(&mut buffer).map_err(cannot)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn lines(n: usize) -> String {
    match n {
        1 => "1 line".into(),
        n => format!("{n} lines"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("set.jsonl");
        std::fs::write(&path, text).expect("written");
        (folder, path)
    }

    const GOOD: &str = "\u{feff}{\"prompt\": \"a\", \"expected\": \"b\"}\r\n\n{\"prompt\": \"c\", \"expected\": \"d\"}\n";

    #[test]
    fn lines_keep_their_numbers() {
        let (_folder, path) = written(GOOD);
        let set = DataSet::read(&path).expect("a set");
        let lines: Vec<usize> = set.rows().iter().map(|r| r.line).collect();
        assert_eq!(lines, [1, 3]);
        assert_eq!(set.sha256().len(), 64);
    }

    #[test]
    fn a_bad_line_is_named_and_refuses_the_set() {
        let (_folder, path) = written(&format!("{GOOD}{{\"prompt\": \"e\"}}\nnonsense\n"));
        let error = DataSet::read(&path).expect_err("bad lines").to_string();
        assert!(error.contains("2 lines"), "{error}");
        assert!(error.contains("set.jsonl:4: without `expected`"), "{error}");
        assert!(error.contains("set.jsonl:5: no JSON"), "{error}");
        let set = DataSet::read_good(&path).expect("the good ones");
        assert_eq!((set.rows().len(), set.bad_lines().len()), (2, 2));
    }

    #[test]
    fn equal_ids_and_empty_sets_are_refused() {
        let (_folder, path) = written(
            "{\"id\": 1, \"prompt\": \"a\", \"expected\": \"b\"}\n{\"id\": \"1\", \"prompt\": \"a\", \"expected\": \"b\"}",
        );
        let error = DataSet::read(&path).expect_err("equal ids").to_string();
        assert!(
            error.contains(":2: the id `1` is that of line 1"),
            "{error}"
        );
        for text in ["", "\n\n", "nonsense"] {
            let (_folder, path) = written(text);
            let error = DataSet::read_good(&path).expect_err("no rows");
            assert_eq!(error.kind(), AccuracyErrorKind::Empty, "{error}");
        }
    }

    #[test]
    fn the_hash_covers_the_media_which_lie_in_the_folder() {
        let (folder, path) = written("{\"media\": \"a.bin\", \"expected\": \"b\"}\n");
        let missing = DataSet::read(&path).expect_err("no file").to_string();
        assert!(missing.contains(":1: the media file"), "{missing}");
        let file = folder.path().join("a.bin");
        std::fs::write(&file, "one").expect("written");
        let one = DataSet::read(&path).expect("a set");
        assert_eq!(one.media(&one.rows()[0]), Some(file.clone()));
        std::fs::write(&file, "two").expect("written");
        let two = DataSet::read(&path).expect("a set");
        assert_ne!(one.sha256(), two.sha256());
        for outside in ["../set.jsonl", "/etc/hostname", "a/../../b"] {
            let line = format!("{{\"media\": \"{outside}\", \"expected\": \"b\"}}\n");
            std::fs::write(&path, line).expect("written");
            let error = DataSet::read(&path).expect_err("outside").to_string();
            assert!(error.contains("is not below"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_lead_out() {
        let (folder, path) = written("{\"media\": \"link\", \"expected\": \"b\"}\n");
        let elsewhere = tempfile::NamedTempFile::new().expect("a file");
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).expect("a link");
        let error = DataSet::read(&path).expect_err("outside").to_string();
        assert!(error.contains("leads out"), "{error}");
    }
}
