//! The markers of a case: `mark`.
//!
//! The reference writes a list of names with one `{"hardware_marks": {"res": …, "num_cards": …}}` among them, and in some files a table with
//! `hardware_marks` and `marks`. Both are read; the devices become the marker `hardware_test`.

use tribunal_deploy::tree::{Entry, Node, Place, Value};
use tribunal_vocabulary::{Arg, Value as MarkValue};

use crate::reader::Reader;

/// A marker of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// Where it stands.
    pub line: usize,
}

impl Mark {
    /// The devices that it names: of `hardware_test`.
    pub fn devices(&self) -> Vec<&str> {
        let values = self.args.iter().filter(|arg| arg.key != "num_cards");
        values
            .flat_map(|arg| match &arg.value {
                MarkValue::Str(device) => vec![&**device],
                MarkValue::List(list) => list.iter().filter_map(MarkValue::as_str).collect(),
                _ => Vec::new(),
            })
            .collect()
    }
}

impl Reader<'_> {
    /// The markers below `mark`.
    pub fn marks(&mut self, entry: &Entry) -> Vec<Mark> {
        let mut marks = Vec::new();
        match &entry.node.value {
            Value::List(list) => {
                for node in list {
                    self.mark(node, &mut marks);
                }
            }
            Value::Table(table) => {
                for entry in &table.0 {
                    match (&*entry.key, &entry.node.value) {
                        ("hardware_marks", _) => {
                            self.hardware(&entry.node, entry.key_at, &mut marks)
                        }
                        ("marks", Value::List(list)) => {
                            for node in list {
                                self.mark(node, &mut marks);
                            }
                        }
                        _ => self.unknown_key(
                            entry,
                            "`mark`",
                            &["hardware_marks", "marks"],
                            "it has `hardware_marks` and `marks`",
                        ),
                    }
                }
            }
            Value::Text(_) => self.mark(&entry.node, &mut marks),
            _ => self.wrong_node(&entry.key, &entry.node, "a list of markers"),
        }
        let mut hardware = marks.iter().filter(|mark| mark.name == "hardware_test");
        if let (Some(first), Some(_)) = (hardware.next(), hardware.next()) {
            let line = first.line;
            self.mistake(
                entry.node.at,
                format!(
                    "`{}` has more than one `hardware_marks`, the first on line {line}",
                    entry.key
                ),
                Some("a case has one: put the devices of all platforms into its `res`".to_owned()),
            );
        }
        marks
    }

    fn mark(&mut self, node: &Node, marks: &mut Vec<Mark>) {
        match &node.value {
            Value::Text(name) => {
                if self.checked(name, &[], node.at) {
                    let line = self.line(node.at);
                    marks.push(Mark {
                        name: name.clone(),
                        args: Vec::new(),
                        line,
                    });
                }
            }
            Value::Table(table) => {
                for entry in &table.0 {
                    if entry.key == "hardware_marks" {
                        self.hardware(&entry.node, entry.key_at, marks);
                    } else {
                        self.unknown_key(
                            entry,
                            "a marker",
                            &["hardware_marks"],
                            "write its name, or { \"hardware_marks\": … }",
                        );
                    }
                }
            }
            _ => self.wrong_node("mark", node, "a list of names and `hardware_marks`"),
        }
    }

    /// `{"res": {"cuda": "H100"}, "num_cards": 2}`.
    fn hardware(&mut self, node: &Node, at: Place, marks: &mut Vec<Mark>) {
        let Some(table) = node.table() else {
            self.wrong_node("hardware_marks", node, "a table with `res` and `num_cards`");
            return;
        };
        let mut args = Vec::new();
        for entry in &table.0 {
            match &*entry.key {
                "res" => match entry.node.table() {
                    Some(platforms) => {
                        for platform in &platforms.0 {
                            if let Some(value) = self.mark_value(&platform.node) {
                                args.push(Arg {
                                    key: platform.key.clone(),
                                    value,
                                });
                            }
                        }
                    }
                    None => self.wrong_node("res", &entry.node, "a table: { \"cuda\": \"H100\" }"),
                },
                "num_cards" => {
                    if let Some(value) = self.mark_value(&entry.node) {
                        args.push(Arg {
                            key: "num_cards".to_owned(),
                            value,
                        });
                    }
                }
                _ => self.unknown_key(
                    entry,
                    "`hardware_marks`",
                    &["res", "num_cards"],
                    "it has `res` and `num_cards`",
                ),
            }
        }
        if table.get("res").is_none() {
            self.mistake(
                at,
                "`hardware_marks` has no `res`",
                Some("write { \"res\": { \"cuda\": \"H100\" }, \"num_cards\": 1 }".to_owned()),
            );
        } else if self.checked("hardware_test", &args, node.at) {
            let line = self.line(at);
            marks.push(Mark {
                name: "hardware_test".to_owned(),
                args,
                line,
            });
        }
    }

    /// Whether the vocabulary has such a marker; what is wrong is reported.
    pub fn checked(&mut self, name: &str, args: &[Arg], at: Place) -> bool {
        let problems = self.lookups.vocabulary.check(name, args);
        for problem in &problems {
            match problem.message.split_once("\nhelp: ") {
                Some((message, help)) => self.mistake(at, message, Some(help.to_owned())),
                None => self.mistake(at, &*problem.message, None),
            }
        }
        problems.is_empty()
    }

    fn mark_value(&mut self, node: &Node) -> Option<MarkValue> {
        Some(match &node.value {
            Value::Int(int) => MarkValue::Int(*int),
            Value::Float(float) => MarkValue::Float(*float),
            Value::Bool(value) => MarkValue::Bool(*value),
            Value::Text(text) => MarkValue::Str(text.clone()),
            Value::List(list) => MarkValue::List(
                list.iter()
                    .map(|node| self.mark_value(node))
                    .collect::<Option<_>>()?,
            ),
            Value::Table(table) => MarkValue::Map(
                table
                    .0
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.mark_value(&entry.node)?)))
                    .collect::<Option<_>>()?,
            ),
            Value::Null | Value::Date(_) => {
                self.wrong_node("hardware_marks", node, "a device or a count");
                return None;
            }
        })
    }
}
