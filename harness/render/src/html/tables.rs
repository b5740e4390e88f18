//! The tables that cases add rows to: conformance, reliability, performance.
//!
//! Promise: rows stand under the headings and in the order that their cases gave them; each leads to its case. Rejected: the tables of the run's folder (shards have
//! each their own part of them; rows merge by themselves).

use std::collections::HashMap;

use serde::Serialize;
use tribunal_events::{Row, RunLog};

use super::text::{Cut, shown};

/// Rows of all tables together.
const ROWS: usize = 20_000;
/// Of a cell.
const CELL: usize = 600;

/// A table.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    groups: Vec<Group>,
    /// Rows that are not shown.
    more: usize,
}

#[derive(Debug, Default, Serialize)]
struct Group {
    name: String,
    #[serde(skip)]
    place: u8,
    /// The case, and a text for each column of the table.
    rows: Vec<(usize, Vec<String>)>,
}

/// The tables of a run, in the order of their first rows.
pub(crate) fn tables(run: &RunLog) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut rows = 0;
    for (case, log) in run.cases.iter().enumerate() {
        for row in log.end().map_or(&[][..], |end| &end.rows) {
            let at = *known.entry(&row.table).or_insert_with(|| {
                tables.push(Table {
                    title: shown(&row.table, CELL, Cut::Middle),
                    ..Table::default()
                });
                tables.len() - 1
            });
            rows += 1;
            match rows > ROWS {
                true => tables[at].more += 1,
                false => tables[at].add(case, row),
            }
        }
    }
    for table in &mut tables {
        table.groups.sort_by_key(|group| group.place);
        let columns = table.columns.len();
        for group in &mut table.groups {
            for (_, cells) in &mut group.rows {
                cells.resize(columns, String::new());
            }
        }
    }
    tables
}

impl Table {
    fn add(&mut self, case: usize, row: &Row) {
        let mut cells = vec![String::new(); self.columns.len()];
        for (name, text) in &row.cells {
            let name = shown(name, CELL, Cut::Middle);
            let at = self.columns.iter().position(|column| *column == name);
            let at = at.unwrap_or_else(|| {
                self.columns.push(name);
                cells.push(String::new());
                cells.len() - 1
            });
            cells[at] = shown(text, CELL, Cut::Middle);
        }
        let name = shown(&row.group, CELL, Cut::Middle);
        let same = |group: &Group| group.name == name && group.place == row.place;
        let at = self.groups.iter().position(same).unwrap_or_else(|| {
            let place = row.place;
            self.groups.push(Group {
                name,
                place,
                rows: Vec::new(),
            });
            self.groups.len() - 1
        });
        self.groups[at].rows.push((case, cells));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_events::{CaseEnded, CaseLog};

    #[test]
    fn rows_of_several_cases_are_one_table() {
        let row = |group: &str, place, cells: &[(&str, &str)]| Row {
            table: "t".into(),
            group: group.into(),
            place,
            cells: cells
                .iter()
                .map(|(a, b)| ((*a).into(), (*b).into()))
                .collect(),
        };
        let case = |rows| CaseLog {
            unattempted: Some(CaseEnded {
                rows,
                ..CaseEnded::default()
            }),
            ..CaseLog::default()
        };
        let found = tables(&RunLog {
            cases: vec![
                case(vec![row("later", 9, &[("a", "1")])]),
                case(vec![row("first", 1, &[("b", "2"), ("a", "3")])]),
            ],
            ..RunLog::default()
        });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].columns, ["a", "b"]);
        assert_eq!(found[0].groups[0].name, "first");
        assert_eq!(
            found[0].groups[0].rows,
            [(1, vec!["3".to_owned(), "2".to_owned()])]
        );
        assert_eq!(
            found[0].groups[1].rows,
            [(0, vec!["1".to_owned(), String::new()])]
        );
    }
}
