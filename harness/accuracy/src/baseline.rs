//! An earlier run over the same data set, to compare later ones with.
//!
//! Promise: a baseline holds which rows were right, not only how many, since a comparison row by row finds with a few thousand rows what two rates
//! leave open; it says where it comes from; and it is compared with nothing but the same rows, scored alike. Rejected: a bare number. Nobody can tell
//! which data set, which rows and which scorer it was, and it has no uncertainty.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::mark::Mark;
use crate::provenance::Provenance;
use crate::record::Subject;
use crate::results::Results;

/// The form of the file.
const FORM: u32 = 1;
/// The largest file that is read.
const MOST_BYTES: u64 = 16 << 20;

/// What an earlier run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    form: u32,
    /// Who made it, and when.
    pub made: Provenance,
    /// Of what it tells.
    pub subject: Subject,
    /// The seed of that run.
    pub seed: u64,
    /// How many rows were right: for the reader of the file; the outcomes decide.
    right: usize,
    /// `+` for each row that was right, `-` for each that was not, in the order of the rows.
    outcomes: String,
}

/// How the rows of two runs compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Right in both.
    pub both: usize,
    /// Right then, not right now.
    pub lost: usize,
    /// Not right then, right now.
    pub gained: usize,
    /// Right in neither.
    pub neither: usize,
}

impl Pairs {
    /// All rows.
    pub fn rows(&self) -> usize {
        self.both + self.lost + self.gained + self.neither
    }
}

impl Baseline {
    /// What a run found, to compare later ones with.
    ///
    /// # Errors
    /// When the server failed on a row, or no row was asked: such a run is no measure.
    pub fn of(results: &Results, made: Provenance) -> Result<Baseline, AccuracyError> {
        let tally = results.tally();
        if tally.accuracy().is_none() {
            return Err(AccuracyError::new(
                AccuracyErrorKind::Empty,
                format!(
                    "this run is no baseline: the server failed on {} of {} rows",
                    tally.failed(),
                    tally.rows()
                ),
            ));
        }
        Ok(Baseline {
            form: FORM,
            made,
            subject: results.subject.clone(),
            seed: results.seed,
            right: tally.right(),
            outcomes: outcomes(results),
        })
    }

    /// Reads a baseline; `None` where there is no such file.
    ///
    /// # Errors
    /// When the file is no baseline, or cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Result<Option<Baseline>, AccuracyError> {
        let path = path.as_ref();
        let cannot = |e: std::io::Error| AccuracyError::file(path, "read", &e);
        match std::fs::metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(cannot(e)),
            Ok(data) if data.len() > MOST_BYTES => {
                return Err(refused(path, "it is larger than any baseline"));
            }
            Ok(_) => {}
        }
        let text = std::fs::read(path).map_err(cannot)?;
        let baseline: Baseline =
            serde_json::from_slice(&text).map_err(|e| refused(path, &e.to_string()))?;
        if baseline.form != FORM {
            let why = format!("it is of form {}, this is form {FORM}", baseline.form);
            return Err(refused(path, &why));
        }
        let right = baseline.outcomes.bytes().filter(|b| *b == b'+').count();
        let signs = baseline.outcomes.bytes().all(|b| matches!(b, b'+' | b'-'));
        if !signs || baseline.outcomes.len() != baseline.subject.rows || right != baseline.right {
            return Err(refused(
                path,
                "its outcomes are not as many as its rows, or not as many are right as it says",
            ));
        }
        Ok(Some(baseline))
    }

    /// Writes it, in place of an earlier one of the same rows that is no better: a bar is not lowered by the way.
    ///
    /// # Errors
    /// When the file has a better baseline of the same rows, or cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), AccuracyError> {
        let path = path.as_ref();
        if let Ok(Some(earlier)) = Baseline::read(path)
            && earlier.subject.differs(&self.subject).is_none()
            && earlier.right > self.right
        {
            return Err(AccuracyError::new(
                AccuracyErrorKind::Mismatch,
                format!(
                    "{} has a better baseline: {} of {} rows right, these are {}\nhelp: remove the file first if the lower one is meant",
                    path.display(),
                    earlier.right,
                    earlier.subject.rows,
                    self.right
                ),
            ));
        }
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| AccuracyError::file(path, "written", &e.into()))?;
        write_whole(path, (text + "\n").as_bytes())
    }

    /// How many rows were right.
    pub fn right(&self) -> usize {
        self.right
    }

    /// Compares row by row.
    ///
    /// # Errors
    /// When the other run had other rows, another data set, or another scorer.
    pub fn pairs(&self, results: &Results) -> Result<Pairs, AccuracyError> {
        if let Some(what) = self.subject.differs(&results.subject) {
            return Err(AccuracyError::new(
                AccuracyErrorKind::Mismatch,
                format!(
                    "the baseline ({}) cannot be compared with: {what}\nhelp: make a new baseline of this data set, or ask the one it was made of",
                    self.made.describe()
                ),
            ));
        }
        let mut pairs = Pairs::default();
        for (then, now) in self.outcomes.bytes().zip(outcomes(results).bytes()) {
            match (then, now) {
                (b'+', b'+') => pairs.both += 1,
                (b'+', _) => pairs.lost += 1,
                (_, b'+') => pairs.gained += 1,
                _ => pairs.neither += 1,
            }
        }
        Ok(pairs)
    }

    /// The rows that were right then and are not now, by their ids.
    pub fn lost<'a>(&self, results: &'a Results) -> Vec<&'a str> {
        let rows = self.outcomes.bytes().zip(&results.records);
        rows.filter(|(then, now)| *then == b'+' && now.mark != Mark::Right)
            .map(|(_, now)| now.id.as_str())
            .collect()
    }
}

fn outcomes(results: &Results) -> String {
    let sign = |mark| if mark == Mark::Right { '+' } else { '-' };
    results.records.iter().map(|r| sign(r.mark)).collect()
}

fn refused(path: &Path, why: &str) -> AccuracyError {
    AccuracyError::new(
        AccuracyErrorKind::File,
        format!(
            "{} is no baseline: {why}\nhelp: make it again with `Baseline::write`",
            path.display()
        ),
    )
}

/// Writes a file so that nobody ever sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), AccuracyError> {
    let cannot = |e: std::io::Error| AccuracyError::file(path, "written", &e);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    file.write_all(bytes).map_err(cannot)?;
    // Others than the one who ran the test read it as well.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(cannot)?;
    }
    file.persist(path).map_err(|e| cannot(e.error))?;
    Ok(())
}
