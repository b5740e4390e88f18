//! What a model is worth by one data set: the records, counted, as a table and as files.
//!
//! Promise: what is shown is counted from the records; a figure that is not known is a dash. Rejected: percentages alone. A share without its
//! denominator hides how little it rests on.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::mark::Mark;
use crate::record::{Record, Subject};
use crate::tally::Tally;

/// The scored answers of one run over a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// Of what it tells.
    pub subject: Subject,
    /// The seed of the run.
    pub seed: u64,
    /// How many of the records an earlier run had made.
    pub earlier: usize,
    /// One record for each row that was to be asked, in the order of the file.
    pub records: Vec<Record>,
}

/// How many examples of what was not right the summary has.
const EXAMPLES: usize = 5;
/// How many characters of a text the summary shows.
const SHOWN: usize = 80;

impl Results {
    /// All rows counted.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.records)
    }

    /// The rows of each group counted; empty where no row has one.
    pub fn groups(&self) -> BTreeMap<String, Tally> {
        let mut groups: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
        for record in &self.records {
            if let Some(group) = &record.group {
                groups.entry(group.clone()).or_default().push(record);
            }
        }
        let counted = |(name, records): (String, Vec<&Record>)| (name, Tally::of(records));
        groups.into_iter().map(counted).collect()
    }

    /// The table of marks: one line for all rows, and one for each group.
    pub fn table(&self) -> String {
        let mut lines = vec![header()];
        let groups = self.groups();
        lines.extend(groups.iter().map(|(name, tally)| line(name, tally)));
        lines.push(line("all", &self.tally()));
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|l| l.get(column));
            cells.map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        // Most data sets have no error rate; an accuracy that is not known is shown as such.
        let shown =
            |column: usize| column + 1 < columns || lines[1..].iter().any(|l| l[column] != "–");
        let mut text = String::new();
        for cells in &lines {
            let cells = cells.iter().enumerate().filter(|(at, _)| shown(*at));
            let padded: Vec<String> = cells
                .map(|(at, cell)| match at {
                    0 => format!("{cell:<width$}", width = widths[at]),
                    _ => format!("{cell:>width$}", width = widths[at]),
                })
                .collect();
            text.push_str(padded.join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// The table, what it tells of, and the first rows that were not answered rightly.
    pub fn summary(&self) -> String {
        let s = &self.subject;
        let mut text = format!(
            "{} (SHA-256 {}…), {} rows{}, seed {}, scored by: {}\n",
            s.data_set,
            s.sha256.get(..12).unwrap_or(&s.sha256),
            s.rows,
            s.sample.map_or("", |_| " drawn"),
            self.seed,
            s.scorer
        );
        if s.bad_lines > 0 {
            text.push_str(&format!("{} bad lines of it were left out\n", s.bad_lines));
        }
        if self.earlier > 0 {
            text.push_str(&format!(
                "{} answers are those of an earlier run\n",
                self.earlier
            ));
        }
        text.push_str(&self.table());
        let wanting = |r: &&Record| r.mark != Mark::Right;
        for record in self.records.iter().filter(wanting).take(EXAMPLES) {
            text.push_str(&format!(
                "{} ({}): said {:?}, expected {:?}\n",
                record.id,
                record.mark,
                short(&record.said),
                short(&record.expected.join(" | "))
            ));
        }
        text
    }

    /// Writes `summary.txt` and `records.jsonl` into a folder: that of the evidence.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<(), AccuracyError> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|e| AccuracyError::file(folder, "made", &e))?;
        let mut lines = String::new();
        for record in &self.records {
            let line = serde_json::to_string(record).map_err(|e| {
                AccuracyError::new(AccuracyErrorKind::File, format!("{}: {e}", record.id))
            })?;
            lines.push_str(&line);
            lines.push('\n');
        }
        for (name, text) in [("summary.txt", self.summary()), ("records.jsonl", lines)] {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|e| AccuracyError::file(&path, "written", &e))?;
        }
        Ok(())
    }
}

fn header() -> Vec<String> {
    let mut cells = vec![String::new(), "rows".into()];
    cells.extend(Mark::ALL.iter().map(|m| m.word().to_owned()));
    cells.extend(["accuracy", "95 % interval", "error rate"].map(String::from));
    cells
}

fn line(name: &str, tally: &Tally) -> Vec<String> {
    let mut cells = vec![name.to_owned(), tally.rows().to_string()];
    cells.extend(Mark::ALL.iter().map(|m| tally.count(*m).to_string()));
    let dash = || "–".to_owned();
    cells.push(tally.accuracy().map_or_else(dash, |a| format!("{a:.4}")));
    cells.push(
        tally
            .interval()
            .map_or_else(dash, |i| format!("{:.4} to {:.4}", i.low, i.high)),
    );
    cells.push(tally.error_rate().map_or_else(dash, |r| format!("{r:.4}")));
    cells
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: usize, group: &str, mark: Mark) -> Record {
        Record {
            id: id.to_string(),
            group: Some(group.into()),
            mark,
            said: "I think\nit is 4".into(),
            found: "4".into(),
            expected: vec!["5".into()],
            errors: None,
        }
    }

    fn results(marks: &[(&str, Mark)]) -> Results {
        let records = marks.iter().enumerate();
        Results {
            subject: Subject {
                data_set: "set.jsonl".into(),
                sha256: "ab".repeat(32),
                rows: marks.len(),
                bad_lines: 2,
                sample: None,
                scorer: "equal".into(),
            },
            seed: 1,
            earlier: 0,
            records: records.map(|(n, (g, m))| record(n, g, *m)).collect(),
        }
    }

    #[test]
    fn the_table_counts_each_mark_apart() {
        let results = results(&[
            ("hard", Mark::Right),
            ("hard", Mark::NoAnswer),
            ("easy", Mark::Right),
            ("easy", Mark::Refused),
            ("easy", Mark::WrongFormat),
            ("easy", Mark::Wrong),
        ]);
        let expected = "      rows  right  wrong  no answer  wrong format  refused  failed  accuracy     95 % interval
easy     4      1      1          0             1        1       0    0.2500  0.0456 to 0.6994
hard     2      1      0          1             0        0       0    0.5000  0.0945 to 0.9055
all      6      2      1          1             1        1       0    0.3333  0.0968 to 0.7000
";
        assert_eq!(results.table(), expected);
        let summary = results.summary();
        assert!(summary.contains("2 bad lines of it were left out"));
        assert!(summary.contains("1 (no answer): said \"I think\\nit is 4\", expected \"5\""));
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let results = results(&[("a", Mark::Right), ("a", Mark::Failed)]);
        assert_eq!(results.tally().accuracy(), None);
        let table = results.table();
        let all: Vec<&str> = table
            .lines()
            .last()
            .expect("a line")
            .split_whitespace()
            .collect();
        assert_eq!(all, ["all", "2", "1", "0", "0", "0", "0", "1", "–", "–"]);
    }

    #[test]
    fn the_files_have_all_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let results = results(&[("a", Mark::Right), ("a", Mark::Wrong)]);
        results.write(folder.path().join("deep")).expect("written");
        let read = |name| std::fs::read_to_string(folder.path().join("deep").join(name));
        assert_eq!(read("summary.txt").expect("read"), results.summary());
        assert_eq!(read("records.jsonl").expect("read").lines().count(), 2);
    }
}
