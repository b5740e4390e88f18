//! A data set put to a model: every row asked, every answer scored, every one written down.
//!
//! Promise: each row is asked once (but for what an earlier, broken-off run has answered already), at most so many at once, with a seed of its own that
//! depends on the run's seed and the row alone; the order in which answers come changes nothing. A failure of the server is a record like any other,
//! and is never left out. Nothing is asked before the whole data set is known to be good for the scorer.
//! Rejected: a client of its own. A closure asks, so that anything that answers can be examined: a server, a command, a simulation.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::data_set::DataSet;
use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::mark::{Answer, Mark};
use crate::record::{Record, RecordFile, Subject};
use crate::results::Results;
use crate::row::Row;
use crate::score::Scorer;

/// How many requests are under way at once unless told otherwise.
const AT_ONCE: usize = 16;
/// How many bad rows a message lists.
const SHOWN: usize = 20;

/// A data set that is to be put to a model.
#[derive(Debug, Clone)]
pub struct Exam<'a> {
    set: &'a DataSet,
    scorer: Scorer,
    at_once: usize,
    seed: u64,
    sample: Option<usize>,
    first: Option<usize>,
    tags: Vec<String>,
    records: Option<PathBuf>,
}

impl<'a> Exam<'a> {
    /// All rows of a data set, scored in this way.
    pub fn new(set: &'a DataSet, scorer: Scorer) -> Exam<'a> {
        Exam {
            set,
            scorer,
            at_once: AT_ONCE,
            seed: 0,
            sample: None,
            first: None,
            tags: vec![],
            records: None,
        }
    }

    /// At most so many requests at once; 16 unless told otherwise.
    pub fn at_once(mut self, requests: usize) -> Self {
        self.at_once = requests.max(1);
        self
    }

    /// The seed that the rows' own seeds, and a sample, come from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Only so many rows, drawn by the seed. The same seed draws the same rows.
    pub fn sample(mut self, rows: usize) -> Self {
        self.sample = Some(rows);
        self
    }

    /// Only so many rows, the first of the file: what other tools ask that are told to ask fewer. A sample is taken of them.
    pub fn first(mut self, rows: usize) -> Self {
        self.first = Some(rows);
        self
    }

    /// Only rows with this tag; called again, also those with another.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Writes each record to this file as it comes, and goes on where an earlier run of the same exam broke off.
    pub fn records(mut self, file: impl AsRef<Path>) -> Self {
        self.records = Some(file.as_ref().to_path_buf());
        self
    }

    /// Puts every row to `ask`, which gets the row and its seed (below 2^31, which every server takes). An error of it is a failure of the server.
    ///
    /// # Errors
    /// When no row is left to ask, a row cannot be scored in this way, or records cannot be read or written.
    pub async fn ask<A, F, T, E>(&self, ask: A) -> Result<Results, AccuracyError>
    where
        A: Fn(&'a Row, u64) -> F,
        F: Future<Output = Result<T, E>>,
        T: Into<Answer>,
        E: Display,
    {
        let rows = self.rows()?;
        let subject = self.subject(rows.len());
        let (mut file, mut done) = match &self.records {
            None => (None, Default::default()),
            Some(path) => {
                let (file, done) = RecordFile::open(path, &subject, self.seed)?;
                (Some(file), done)
            }
        };
        let mut records: Vec<Option<Record>> = rows.iter().map(|r| done.remove(&r.id)).collect();
        let open: Vec<usize> = (0..rows.len())
            .filter(|at| records[*at].is_none())
            .collect();
        let again = rows.len() - open.len();
        let requests = open.into_iter().map(|at| {
            let row = rows[at];
            let answer = ask(row, row_seed(self.seed, &row.id));
            async move { (at, answer.await) }
        });
        let mut answers = futures_util::stream::iter(requests).buffer_unordered(self.at_once);
        while let Some((at, answer)) = answers.next().await {
            let record = self.record(rows[at], answer.map(Into::into));
            if let Some(file) = &mut file {
                file.add(&record)?;
            }
            records[at] = Some(record);
        }
        Ok(Results {
            subject,
            seed: self.seed,
            earlier: again,
            records: records.into_iter().flatten().collect(),
        })
    }

    fn record<E: Display>(&self, row: &Row, answer: Result<Answer, E>) -> Record {
        let plain = |mark, said: String| Record {
            id: row.id.clone(),
            group: row.group.clone(),
            mark,
            said,
            found: String::new(),
            expected: row.expected.clone(),
            errors: None,
        };
        match answer {
            Err(e) => plain(Mark::Failed, e.to_string()),
            Ok(answer) => {
                let score = self.scorer.score(&answer, row);
                Record {
                    found: score.found,
                    errors: score.errors,
                    ..plain(score.mark, answer.text)
                }
            }
        }
    }

    fn subject(&self, rows: usize) -> Subject {
        let name = self.set.file().file_name().unwrap_or_default();
        let mut scorer = self.scorer.describe();
        if !self.tags.is_empty() {
            scorer = format!("{scorer}; rows tagged {}", self.tags.join(" or "));
        }
        Subject {
            data_set: name.to_string_lossy().into_owned(),
            sha256: self.set.sha256().to_owned(),
            rows,
            bad_lines: self.set.bad_lines().len(),
            sample: self.sample.map(|_| self.seed),
            scorer,
        }
    }

    /// The rows that are asked, in the order of the file.
    fn rows(&self) -> Result<Vec<&'a Row>, AccuracyError> {
        let file = self.set.file().display();
        let tagged =
            |row: &&Row| self.tags.is_empty() || self.tags.iter().any(|tag| row.tags.contains(tag));
        let mut rows: Vec<&Row> = self.set.rows().iter().filter(tagged).collect();
        rows.truncate(self.first.unwrap_or(usize::MAX));
        if let Some(sample) = self.sample {
            let mut drawn: Vec<(u64, &Row)> = rows
                .iter()
                .map(|row| (draw("sample", self.seed, &row.id), *row))
                .collect();
            drawn.sort_by_key(|(draw, row)| (*draw, row.line));
            drawn.truncate(sample);
            let drawn: HashSet<usize> = drawn.into_iter().map(|(_, row)| row.line).collect();
            rows.retain(|row| drawn.contains(&row.line));
        }
        if rows.is_empty() {
            let why = match &self.tags[..] {
                [] => "the sample is empty".to_owned(),
                tags => format!("no row has the tag {}", tags.join(" or ")),
            };
            let text = format!("no row of {file} is left to ask: {why}");
            return Err(AccuracyError::new(AccuracyErrorKind::Empty, text));
        }
        let bad: Vec<String> = rows
            .iter()
            .filter_map(|row| {
                Some(format!(
                    "\n  {file}:{}: {}",
                    row.line,
                    self.scorer.refuses(row)?
                ))
            })
            .collect();
        if !bad.is_empty() {
            let more = match bad.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!("\n  and {more} more"),
            };
            let shown: String = bad.iter().take(SHOWN).map(String::as_str).collect();
            let text = format!(
                "{} rows cannot be scored ({}), so nothing was asked:{shown}{more}",
                bad.len(),
                self.scorer.describe()
            );
            return Err(AccuracyError::new(AccuracyErrorKind::DataSet, text));
        }
        Ok(rows)
    }
}

/// The seed of one row.
fn row_seed(seed: u64, id: &str) -> u64 {
    draw("row", seed, id) >> 33
}

fn draw(what: &str, seed: u64, id: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(what.as_bytes());
    hash.update(seed.to_le_bytes());
    hash.update(id.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(8)
        .fold(0, |all, byte| (all << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    fn set(rows: usize) -> (tempfile::TempDir, DataSet) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("set.jsonl");
        let line = |n| {
            format!(
                "{{\"id\": {n}, \"prompt\": \"{n}?\", \"expected\": {n}, \"tags\": [\"{}\"]}}\n",
                n % 2
            )
        };
        std::fs::write(&path, (0..rows).map(line).collect::<String>()).expect("written");
        let set = DataSet::read(&path).expect("a set");
        (folder, set)
    }

    fn scorer() -> Scorer {
        Scorer::number(0.0, 0.0).expect("a scorer")
    }

    async fn right(row: &Row, _: u64) -> Result<String, String> {
        Ok(row.prompt.clone())
    }

    #[tokio::test]
    async fn every_row_is_asked_within_the_limit() {
        let (_folder, set) = set(50);
        let (now, most) = (Cell::new(0), Cell::new(0));
        let ask = async |row: &Row, _| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            now.set(now.get() - 1);
            Ok::<_, String>(row.prompt.clone())
        };
        let results = Exam::new(&set, scorer())
            .at_once(4)
            .ask(ask)
            .await
            .expect("asked");
        assert_eq!(results.tally().right(), 50);
        assert_eq!(most.get(), 4);
        let ids: Vec<&str> = results.records.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids[..3], ["0", "1", "2"]);
    }

    #[tokio::test]
    async fn a_failure_stays_in_the_denominator() {
        let (_folder, set) = set(10);
        let ask = async |row: &Row, _| match row.id.as_str() {
            "3" => Err("connection refused"),
            _ => Ok(row.prompt.clone()),
        };
        let results = Exam::new(&set, scorer()).ask(ask).await.expect("asked");
        let tally = results.tally();
        assert_eq!((tally.rows(), tally.right(), tally.failed()), (10, 9, 1));
        assert_eq!(results.records[3].said, "connection refused");
    }

    #[tokio::test]
    async fn seeds_and_samples_depend_on_seed_and_row_alone() {
        let (_folder, set) = set(40);
        let asked = async |seed, at_once| {
            let seen = RefCell::new(vec![]);
            let ask = async |row: &Row, seed: u64| {
                seen.borrow_mut().push((row.id.clone(), seed));
                right(row, seed).await
            };
            let exam = Exam::new(&set, scorer()).seed(seed).sample(10);
            exam.at_once(at_once).ask(ask).await.expect("asked");
            let mut seen = seen.into_inner();
            seen.sort();
            seen
        };
        let first = asked(1, 1).await;
        assert_eq!(first.len(), 10);
        assert_eq!(first, asked(1, 7).await);
        assert_ne!(first, asked(2, 1).await);
        assert!(first.iter().all(|(_, seed)| *seed < 1 << 31));
    }

    #[tokio::test]
    async fn the_first_rows_are_those_of_the_file() {
        let (_folder, set) = set(40);
        for (first, asked) in [(3, 3), (100, 40)] {
            let exam = Exam::new(&set, scorer()).seed(7).first(first);
            let results = exam.ask(right).await.expect("asked");
            let ids: Vec<&str> = results.records.iter().map(|r| r.id.as_str()).collect();
            let expected: Vec<String> = (0..asked).map(|n| n.to_string()).collect();
            assert_eq!(ids, expected);
        }
        let none = Exam::new(&set, scorer()).first(0).ask(right).await;
        assert_eq!(none.expect_err("no row").kind(), AccuracyErrorKind::Empty);
    }

    #[tokio::test]
    async fn a_broken_run_is_gone_on_with() {
        let (folder, set) = set(10);
        let path = folder.path().join("records.jsonl");
        let count = Cell::new(0);
        let ask = async |row: &Row, _| {
            count.set(count.get() + 1);
            match row.line {
                1..=4 => Ok(row.prompt.clone()),
                _ => Err("down"),
            }
        };
        let exam = Exam::new(&set, scorer()).records(&path);
        let results = exam.ask(ask).await.expect("asked");
        assert_eq!((count.get(), results.tally().failed()), (10, 6));
        let ask = async |row: &Row, seed| {
            count.set(count.get() + 1);
            right(row, seed).await
        };
        let results = exam.ask(ask).await.expect("asked");
        assert_eq!((count.get(), results.earlier), (16, 4));
        assert_eq!(results.tally().right(), 10);
    }

    #[tokio::test]
    async fn nothing_is_asked_where_a_row_cannot_be_scored_or_none_is_left() {
        let (_folder, set) = set(10);
        let never = async |_: &Row, _| -> Result<String, String> { panic!("asked") };
        let exam = Exam::new(&set, Scorer::choice());
        let error = exam.ask(never).await.expect_err("no choices").to_string();
        assert!(error.contains("set.jsonl:1: without `choices`"), "{error}");
        let none = Exam::new(&set, scorer()).tag("2");
        let error = none.ask(never).await.expect_err("no rows");
        assert_eq!(error.kind(), AccuracyErrorKind::Empty);
        let odd = Exam::new(&set, scorer()).tag("1").ask(right).await;
        assert_eq!(odd.expect("asked").tally().rows(), 5);
    }
}
