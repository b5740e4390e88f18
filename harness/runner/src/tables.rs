//! Tables that tests fill row by row, and that the end of the run shows: what a server does wrong, which checks were not made, scores.
//!
//! Promise: a row belongs to the attempt that added it, is in its event, and reaches every report; a table is a pure function of the rows; what came
//! from outside is escaped. Rejected: tests that print tables themselves (cases run side by side, and each knows only its own part).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::attempt::{current, lock};

/// One row of a table at the end of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The title of the table that it belongs to: rows of all cases with the same title stand in one table.
    pub table: String,
    /// The heading below which it stands, and its place among the headings: lower numbers come first. Below headings of place 128 and above the
    /// terminal counts the rows instead of showing them.
    pub group: (u8, String),
    /// Names of columns with their texts, in order.
    pub cells: Vec<(String, String)>,
}

impl Row {
    /// A row below this heading of this table.
    pub fn new(table: impl Into<String>, place: u8, group: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            group: (place, group.into()),
            cells: vec![],
        }
    }

    /// With this text in this column.
    pub fn cell(mut self, column: impl Into<String>, text: impl Into<String>) -> Self {
        self.cells.push((column.into(), text.into()));
        self
    }

    /// Adds it to the attempt that the calling thread works for. Where there is none it is written to standard error, since it belongs to no report.
    pub fn add(self) {
        match current() {
            Some(attempt) => lock(&attempt.rows).push(self),
            None => {
                let cells: Vec<String> = self
                    .cells
                    .iter()
                    .map(|(c, t)| format!("{c}: {}", line(t)))
                    .collect();
                eprintln!(
                    "{}: {}: {}",
                    line(&self.table),
                    line(&self.group.1),
                    cells.join(", ")
                );
            }
        }
    }

    /// The row as JSON.
    pub fn to_json(&self) -> Value {
        let cells: serde_json::Map<String, Value> = self
            .cells
            .iter()
            .map(|(c, t)| (c.clone(), json!(t)))
            .collect();
        json!({"table": self.table, "place": self.group.0, "group": self.group.1, "cells": cells, "columns": self.cells.iter().map(|(c, _)| c).collect::<Vec<_>>()})
    }

    /// The row that was written as JSON, if it is one.
    pub(crate) fn from_json(v: &Value) -> Option<Row> {
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let columns = v["columns"].as_array()?;
        let cells = columns.iter().map(|c| {
            let column = text(c)?;
            let cell = text(&v["cells"][&column])?;
            Some((column, cell))
        });
        Some(Row {
            table: text(&v["table"])?,
            group: (u8::try_from(v["place"].as_u64()?).ok()?, text(&v["group"])?),
            cells: cells.collect::<Option<Vec<_>>>()?,
        })
    }
}

/// A table at the end of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its title.
    pub title: String,
    /// The columns, in the order in which rows named them first.
    pub columns: Vec<String>,
    /// Heading, case, and one text per column; headings in order, cases in the order of the plan.
    pub rows: Vec<TableRow>,
    /// Where it lies as a file, as people are told it.
    pub file: Option<String>,
}

/// A row with the case that added it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// The heading.
    pub group: String,
    /// Its rows are counted in the terminal, and not shown.
    pub quiet: bool,
    /// The name of the case.
    pub case: String,
    /// One text per column of the table; empty where the row did not say.
    pub cells: Vec<String>,
}

/// How many rows below one heading the terminal shows; the file has them all.
const SHOWN: usize = 60;
/// Headings from this place on are counted in the terminal, and their rows stand in the file alone: what is as it should be.
const QUIET: u8 = 128;
/// How wide a column that is not the last may become in the terminal.
const WIDEST: usize = 44;

impl Table {
    /// The tables of these rows, in the order in which their titles occur.
    pub(crate) fn of<'a>(rows: impl IntoIterator<Item = (&'a str, &'a Row)>) -> Vec<Table> {
        let mut titles: Vec<&str> = vec![];
        let mut of_title: BTreeMap<&str, Vec<(&str, &Row)>> = BTreeMap::new();
        for (case, row) in rows {
            if !titles.contains(&&*row.table) {
                titles.push(&row.table);
            }
            of_title.entry(&row.table).or_default().push((case, row));
        }
        let tables = titles.into_iter().map(|title| {
            let mut rows = of_title.remove(title).unwrap_or_default();
            let mut columns: Vec<String> = vec![];
            for (name, _) in rows.iter().flat_map(|(_, row)| &row.cells) {
                if !columns.contains(name) {
                    columns.push(name.clone());
                }
            }
            // Stable: within a heading the order of the cases stays.
            rows.sort_by(|a, b| a.1.group.cmp(&b.1.group));
            let rows = rows.into_iter().map(|(case, row)| TableRow {
                group: row.group.1.clone(),
                quiet: row.group.0 >= QUIET,
                case: case.to_owned(),
                cells: columns
                    .iter()
                    .map(|c| {
                        row.cells
                            .iter()
                            .find(|(name, _)| name == c)
                            .map_or(String::new(), |(_, text)| text.clone())
                    })
                    .collect(),
            });
            Table {
                title: title.to_owned(),
                rows: rows.collect(),
                columns,
                file: None,
            }
        });
        tables.collect()
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = format!("{}:\n", line(&self.title));
        let cell = |row: &TableRow, i: usize| cut(&line(&row.cells[i]), i + 1 < self.columns.len());
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|i| {
                let texts = self.rows.iter().map(|row| cell(row, i).chars().count());
                texts
                    .chain([self.columns[i].chars().count()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let padded = |texts: Vec<String>| {
            let mut line = String::from("    ");
            for (text, width) in texts.iter().zip(&widths) {
                let _ = write!(line, "{text:width$}  ");
            }
            line.trim_end().to_owned() + "\n"
        };
        let mut at = 0;
        while at < self.rows.len() {
            let group = &self.rows[at].group;
            let end = self.rows[at..]
                .iter()
                .position(|r| r.group != *group)
                .map_or(self.rows.len(), |n| at + n);
            let _ = writeln!(out, "  {} ({})", line(group), end - at);
            if self.rows[at].quiet {
                at = end;
                continue;
            }
            out.push_str(&padded(self.columns.iter().map(|c| line(c)).collect()));
            for row in self.rows[at..end].iter().take(SHOWN) {
                out.push_str(&padded(
                    (0..self.columns.len()).map(|i| cell(row, i)).collect(),
                ));
            }
            if end - at > SHOWN {
                let _ = writeln!(out, "    and {} more, in the file", end - at - SHOWN);
            }
            at = end;
        }
        if let Some(file) = &self.file {
            let _ = writeln!(out, "  as a file: {file}");
        }
        out
    }

    /// As Markdown, whole.
    pub(crate) fn markdown(&self) -> String {
        let text = |t: &str| {
            line(t)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('|', "\\|")
        };
        let mut out = format!("# {}\n", text(&self.title));
        let mut group: Option<&str> = None;
        for row in &self.rows {
            if group != Some(&row.group) {
                group = Some(&row.group);
                let heads: Vec<String> = self.columns.iter().map(|c| text(c)).collect();
                let _ = write!(
                    out,
                    "\n## {}\n\n| {} | case |\n|{}\n",
                    text(&row.group),
                    heads.join(" | "),
                    "---|".repeat(heads.len() + 1)
                );
            }
            let cells: Vec<String> = row.cells.iter().map(|c| text(c)).collect();
            let _ = writeln!(out, "| {} | {} |", cells.join(" | "), text(&row.case));
        }
        out
    }

    /// As JSON, whole.
    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let cells: serde_json::Map<String, Value> = self
                .columns
                .iter()
                .zip(&row.cells)
                .map(|(c, t)| (c.clone(), json!(t)))
                .collect();
            json!({"group": row.group, "case": row.case, "cells": cells})
        });
        json!({"title": self.title, "columns": self.columns, "rows": rows.collect::<Vec<_>>(), "file": self.file})
    }

    /// The name of its files, without extension.
    fn stem(&self) -> String {
        let mut out = String::new();
        for c in self.title.chars() {
            match c.to_ascii_lowercase() {
                c @ ('a'..='z' | '0'..='9') => out.push(c),
                _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
                _ => {}
            }
        }
        let stem: String = out.trim_end_matches('-').chars().take(60).collect();
        if stem.is_empty() {
            "table".into()
        } else {
            stem
        }
    }

    /// Writes it into a folder, as Markdown for people and as JSON for programs; returns the name of the former.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<String> {
        let stem = self.stem();
        let name = format!("{stem}.md");
        fs::write(folder.join(&name), self.markdown())?;
        fs::write(
            folder.join(format!("{stem}.json")),
            format!("{:#}\n", self.to_json()),
        )?;
        Ok(name)
    }
}

/// A text in one line, its control characters as escapes: what a server said must not steer a terminal.
fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// At most so wide, unless it is the last column.
fn cut(text: &str, narrow: bool) -> String {
    if !narrow || text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: u8, group: &str, cells: &[(&str, &str)]) -> Row {
        cells
            .iter()
            .fold(Row::new("conformance", place, group), |row, (c, t)| {
                row.cell(*c, *t)
            })
    }

    #[test]
    fn rows_of_all_cases_stand_together_under_their_headings() {
        let rows = [
            row(1, "should", &[("row", "b"), ("found", "200")]),
            row(
                0,
                "must",
                &[("row", "a|x"), ("found", "500\u{1b}[31m\n<b>")],
            ),
            row(1, "should", &[("row", "c"), ("link", "https://x")]),
        ];
        let [table] = &Table::of([("two", &rows[0]), ("one", &rows[1]), ("one", &rows[2])])[..]
        else {
            panic!("one table")
        };
        assert_eq!(
            table.text(),
            "conformance:\n  must (1)\n    row  found              link\n    a|x  500\\u{1b}[31m <b>\n  should (2)\n    row  found              link\n    b    200\n    c                       https://x\n"
        );
        assert_eq!(
            table.markdown(),
            "# conformance\n\n## must\n\n| row | found | link | case |\n|---|---|---|---|\n| a\\|x | 500\\u{1b}[31m &lt;b> |  | one |\n\n## should\n\n| row | found | link | case |\n|---|---|---|---|\n| b | 200 |  | two |\n| c |  | https://x | one |\n"
        );
    }

    #[test]
    fn quiet_headings_are_counted() {
        let rows = [
            row(128, "held", &[("row", "a")]),
            row(0, "must", &[("row", "b")]),
        ];
        let tables = Table::of(rows.iter().map(|r| ("case", r)));
        assert_eq!(
            tables[0].text(),
            "conformance:\n  must (1)\n    row\n    b\n  held (1)\n"
        );
        assert!(
            tables[0]
                .markdown()
                .contains("## held\n\n| row | case |\n|---|---|\n| a | case |\n")
        );
    }

    #[test]
    fn long_tables_are_cut_in_the_terminal_and_whole_in_the_file() {
        let rows: Vec<Row> = (0..100)
            .map(|n| row(0, "all", &[("n", &n.to_string()), ("x", "")]))
            .collect();
        let mut tables = Table::of(rows.iter().map(|r| ("case", r)));
        let mut table = tables.remove(0);
        table.title = "../Checks: not made!".into();
        assert!(table.text().contains("and 40 more, in the file"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(table.write(folder.path()).unwrap(), "checks-not-made.md");
        let json: Value =
            serde_json::from_slice(&fs::read(folder.path().join("checks-not-made.json")).unwrap())
                .unwrap();
        assert_eq!(json["rows"].as_array().unwrap().len(), 100);
    }

    #[test]
    fn a_row_survives_its_way_between_processes() {
        let one = row(7, "must", &[("b", "2"), ("a", "1")]);
        assert_eq!(Row::from_json(&one.to_json()), Some(one));
        for broken in [
            json!(null),
            json!({"table": "x"}),
            json!({"table": "x", "place": 300, "group": "g", "columns": []}),
        ] {
            assert_eq!(Row::from_json(&broken), None);
        }
    }
}
