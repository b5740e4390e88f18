//! The records of a run in a file, from which every metric can be computed again.
//!
//! Promise: lines of JSON, compressed (gzip): first what was sent and when, then one record in each line. A file that was cut off is read up to its
//! last whole line, and says what it lost. Sizes are bounded. Rejected: one JSON document (a run that was killed would leave nothing).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Load, Record, Run};

/// The form of these files. Readers of one know all older ones.
const FORM: u32 = 1;
/// Bytes of a line and of a file, uncompressed; records of a file.
const LONGEST_LINE: u64 = 1 << 28;
const MOST_BYTES: u64 = 1 << 34;
const MOST_RECORDS: usize = 1 << 24;
/// After so many records what was written can be read, whatever becomes of the writer.
const FLUSH_EVERY: u32 = 256;

/// What stands before the records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventsHead {
    /// The form of the file.
    form: u32,
    /// What was sent.
    pub load: Load,
    /// When the run began.
    pub started: SystemTime,
    /// Anything else that belongs to it: of what server, with what data.
    #[serde(default)]
    pub about: Map<String, Value>,
}

impl EventsHead {
    /// Of a run of `load` that began then.
    pub fn new(load: Load, started: SystemTime) -> Self {
        Self {
            form: FORM,
            load,
            started,
            about: Map::new(),
        }
    }

    /// Of this run; what it cost the client is among what belongs to it.
    pub fn of(run: &Run) -> Self {
        let mut head = Self::new(run.load.clone(), run.started);
        // It is made of numbers alone: that it cannot be written does not happen, and would lose only itself.
        head.about.extend(
            serde_json::to_value(&run.cost)
                .ok()
                .map(|cost| ("client_cost".to_owned(), cost)),
        );
        head
    }
}

/// A file of records that is being written.
pub struct EventsWriter {
    out: GzEncoder<io::BufWriter<File>>,
    since_flush: u32,
}

impl EventsWriter {
    /// Begins a file; one that is there is replaced.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, head: &EventsHead) -> io::Result<Self> {
        let file = io::BufWriter::new(File::create(path)?);
        let mut made = Self {
            out: GzEncoder::new(file, Compression::fast()),
            since_flush: 0,
        };
        made.line(head)?;
        Ok(made)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        self.line(record)?;
        self.since_flush += 1;
        if self.since_flush >= FLUSH_EVERY {
            self.flush()?;
        }
        Ok(())
    }

    /// What was added so far can be read, whatever becomes of this process. Costs compression when it is done often.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.since_flush = 0;
        self.out.flush()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()?.flush()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.out.write_all(&line)
    }
}

/// Writes all records of a run; a file that is there is replaced once the new one is whole.
///
/// # Errors
/// It cannot be written.
pub fn write_events<'a>(
    path: &Path,
    head: &EventsHead,
    records: impl IntoIterator<Item = &'a Record>,
) -> io::Result<()> {
    let aside = path.with_extension(format!("part-{}", std::process::id()));
    let written = (|| {
        let mut writer = EventsWriter::create(&aside, head)?;
        for record in records {
            // Nobody reads it before it is whole.
            writer.line(record)?;
        }
        writer.finish()?;
        std::fs::rename(&aside, path)
    })();
    if written.is_err() {
        // Best effort: the error is told either way.
        let _ = std::fs::remove_file(&aside);
    }
    written
}

/// The records of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// What stands before them.
    pub head: EventsHead,
    /// The records, as they were written.
    pub records: Vec<Record>,
    /// What is missing at its end, where it was cut off.
    pub lost: Option<String>,
}

/// Why a file of records cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where it is one line's fault.
    pub line: Option<u64>,
    /// What is wrong, and what was expected.
    pub why: String,
}

impl std::fmt::Display for EventsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path.display(), self.why),
            None => write!(f, "{}: {}", self.path.display(), self.why),
        }
    }
}

impl std::error::Error for EventsError {}

/// Reads the records of a file.
///
/// # Errors
/// The file cannot be opened, is none of records, or holds a whole line that is no record.
pub fn read_events(path: &Path) -> Result<Events, EventsError> {
    let mut records = Vec::new();
    let (head, lost) = each_event(path, |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(Events {
        head,
        records,
        lost,
    })
}

/// Reads a file one record at a time: what a soak wrote may be larger than memory. Gives the head, and what is missing at the end.
///
/// # Errors
/// As [`read_events`]; or `take` does not want to go on, and says why.
pub fn each_event(
    path: &Path,
    mut take: impl FnMut(Record) -> Result<(), String>,
) -> Result<(EventsHead, Option<String>), EventsError> {
    let fail = |line: Option<u64>, why: String| EventsError {
        path: path.to_owned(),
        line,
        why,
    };
    let file =
        File::open(path).map_err(|error| fail(None, format!("it cannot be opened: {error}")))?;
    let mut lines = BufReader::new(MultiGzDecoder::new(BufReader::new(file)).take(MOST_BYTES));
    let mut head: Option<EventsHead> = None;
    let (mut line, mut number, mut seen) = (Vec::new(), 0_u64, 0_usize);
    let lost = loop {
        line.clear();
        number += 1;
        let read = lines
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if let Err(error) = read {
            break Some(format!("it was cut off in line {number}: {error}"));
        }
        if line.is_empty() {
            break None;
        }
        if line.last() != Some(&b'\n') {
            if line.len() as u64 >= LONGEST_LINE {
                return Err(fail(
                    Some(number),
                    format!("a line may have {LONGEST_LINE} bytes"),
                ));
            }
            break Some(format!(
                "it was cut off in line {number}, after {} of its bytes",
                line.len()
            ));
        }
        match &head {
            None => {
                let first: EventsHead = serde_json::from_slice(&line).map_err(|error| {
                    fail(Some(1), format!("no head of a file of records: {error}"))
                })?;
                if first.form > FORM {
                    return Err(fail(
                        Some(1),
                        format!(
                            "its form is {}, and this reads up to {FORM}: a newer version wrote it",
                            first.form
                        ),
                    ));
                }
                head = Some(first);
            }
            Some(_) => {
                seen += 1;
                if seen > MOST_RECORDS {
                    return Err(fail(
                        Some(number),
                        format!("a file may have {MOST_RECORDS} records"),
                    ));
                }
                let record = serde_json::from_slice(&line)
                    .map_err(|error| fail(Some(number), format!("no record: {error}")))?;
                take(record).map_err(|why| fail(Some(number), why))?;
            }
        }
    };
    match (head, lost) {
        (Some(head), lost) => Ok((head, lost)),
        (None, Some(lost)) => Err(fail(None, format!("it has no head: {lost}"))),
        (None, None) => Err(fail(
            None,
            "it is empty; a compressed file of records is expected".to_owned(),
        )),
    }
}
