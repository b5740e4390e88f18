//! The form of this project: TOML.
//!
//! `[[case]]` with `name`, `doc`, `mark`, `hardware`, `[case.server]` and `[[case.step]]`; a step has the keys of a benchmark block, the frequent ones under
//! shorter names. Rejected: a language of its own for steps (whoever knows one of the files knows the other).

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_deploy::tree::{Node, Place, Table, Value};
use tribunal_vocabulary::{Arg, Value as MarkValue};

use crate::case::{Around, WorkCase};
use crate::marks::Mark;
use crate::reader::Reader;
use crate::server::ServerParams;
use tribunal_traffic::Dialect;

const FILE_KEYS: [&str; 3] = ["doc", "dialect", "case"];
const KEYS: [&str; 6] = ["name", "doc", "mark", "hardware", "server", "step"];

impl Reader<'_> {
    /// The cases of a file of this project.
    pub fn native(&mut self, root: &Node, path: &Path) -> Vec<WorkCase> {
        let Some(table) = root.table() else {
            return Vec::new();
        };
        for entry in &table.0 {
            if !FILE_KEYS.contains(&&*entry.key) {
                self.unknown_key(
                    entry,
                    "a workload file",
                    &FILE_KEYS,
                    "it has `doc`, `dialect` and [[case]]",
                );
            }
        }
        let dialect = match table.entry("dialect") {
            Some(entry) => self.text(entry).and_then(|text| match text.parse() {
                Ok(dialect) => Some(dialect),
                Err(_) => {
                    self.mistake(
                        entry.node.at,
                        format!("`{text}` is no dialect of metrics"),
                        Some("there are: strict, vllm, vllm-omni, aiperf".to_owned()),
                    );
                    None
                }
            }),
            None => None,
        };
        let mut cases: Vec<WorkCase> = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        for (table, at) in self.tables(table, "case", root.at) {
            let Some(case) = self.native_case(table, at, path, dialect.unwrap_or(Dialect::Strict))
            else {
                continue;
            };
            self.once(&mut lines, &case, (table, at), "name");
            cases.push(case);
        }
        cases
    }

    fn native_case(
        &mut self,
        table: &Table,
        at: Place,
        path: &Path,
        dialect: Dialect,
    ) -> Option<WorkCase> {
        for entry in &table.0 {
            if !KEYS.contains(&&*entry.key) {
                self.unknown_key(
                    entry,
                    "a case",
                    &KEYS,
                    "it has `name`, `doc`, `mark`, `hardware`, [case.server] and [[case.step]]",
                );
            }
        }
        let Some(entry) = table.entry("name") else {
            self.mistake(
                at,
                "this case has no `name`",
                Some("name it, uniquely in its file".to_owned()),
            );
            return None;
        };
        let test_name = self.text(entry)?;
        let mut marks = table
            .entry("mark")
            .map(|entry| self.marks(entry))
            .unwrap_or_default();
        if let Some(entry) = table.entry("hardware") {
            marks.extend(self.native_hardware(&entry.node, entry.key_at));
        }
        let server = table
            .entry("server")
            .map_or_else(ServerParams::default, |entry| self.server(entry));
        let mut around = Around {
            test_name: test_name.clone(),
            endpoint: None,
            folder: path.parent().map(Path::to_path_buf),
            dialect,
            stability: false,
            native: true,
            suffixes: BTreeMap::new(),
        };
        let mut steps = Vec::new();
        for (table, at) in self.tables(table, "step", at) {
            steps.extend(self.block(table, at, &mut around));
        }
        Some(WorkCase {
            name: tribunal_vocabulary::slug(&test_name),
            doc: table.entry("doc").and_then(|entry| self.text(entry)),
            test_name,
            marks,
            server,
            steps,
            comparisons: Vec::new(),
            line: self.line(at),
        })
    }

    /// `hardware = { cuda = "H100", num_cards = 2 }`.
    fn native_hardware(&mut self, node: &Node, at: Place) -> Option<Mark> {
        let Some(table) = node.table() else {
            self.wrong_node(
                "hardware",
                node,
                "a table: { cuda = \"H100\", num_cards = 2 }",
            );
            return None;
        };
        let mut args = Vec::new();
        for entry in &table.0 {
            let value = match &entry.node.value {
                Value::Int(int) => MarkValue::Int(*int),
                Value::Text(text) => MarkValue::Str(text.clone()),
                Value::List(list) => MarkValue::List(
                    list.iter()
                        .filter_map(|node| node.text())
                        .map(|text| MarkValue::Str(text.to_owned()))
                        .collect(),
                ),
                _ => {
                    self.wrong_node(&entry.key, &entry.node, "a device or a count");
                    return None;
                }
            };
            args.push(Arg {
                key: entry.key.clone(),
                value,
            });
        }
        self.checked("hardware_test", &args, at).then(|| Mark {
            name: "hardware_test".to_owned(),
            args,
            line: self.line(at),
        })
    }

    /// The tables of `[[key]]`; none is a mistake.
    fn tables<'n>(&mut self, table: &'n Table, key: &str, at: Place) -> Vec<(&'n Table, Place)> {
        let list = match table.entry(key) {
            Some(entry) => match &entry.node.value {
                Value::List(list) if !list.is_empty() => list,
                _ => {
                    self.mistake(
                        entry.key_at,
                        format!("`{key}` must be a list of tables"),
                        Some(format!("write [[{key}]]")),
                    );
                    return Vec::new();
                }
            },
            None => {
                self.mistake(
                    at,
                    format!("there is no [[{key}]]"),
                    Some("a file has cases, and a case has steps".to_owned()),
                );
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for node in list {
            match &node.value {
                Value::Table(table) => tables.push((table, node.at)),
                _ => self.wrong_node(key, node, "a list of tables"),
            }
        }
        tables
    }
}
